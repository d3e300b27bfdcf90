"""Whether units support what a retirement claims. A claim that they do not support is refused, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon import corsia
from exchange.domain.carbon.article6_forms import Purpose
from exchange.domain.carbon.claim_forms import Claim, ClaimKind
from exchange.domain.carbon.parties import FIRST_YEAR_OF_ITMOS, known_party, party_of_account
from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exchange.domain.carbon.article6_forms import Authorisation
    from exchange.domain.state import State


def supported(state: State, account: str, claim: Claim, class_ids: Iterable[str]) -> Claim:
    """The claim as it goes on the log. Refused unless every class supports it, on the business date."""
    _check_fields(claim)
    if claim.kind is ClaimKind.NDC:
        claim = msgspec.structs.replace(claim, party=_using_party(state, account, claim))
    rule = _RULES[claim.kind]
    for class_id in class_ids:
        rule(state, account, claim, class_id)
    return claim


def body(claim: Claim | None) -> tuple[str, ...]:
    """What of a claim must be equal for a repeated reference to mean the same request."""
    if claim is None:
        return ()
    return ("claim", claim.kind.value, str(claim.year), "" if claim.period is None else claim.period.value)


def _check_fields(claim: Claim) -> None:
    if (claim.kind is ClaimKind.NDC) is not bool(claim.year):
        raise Reject(RejectCode.CLAIM_INCOMPLETE, "a claim of use towards an NDC, and no other, names a year")
    if claim.kind is not ClaimKind.CORSIA and claim.period is not None:
        raise Reject(RejectCode.CLAIM_INCOMPLETE, "only a CORSIA claim names a compliance period")


def _using_party(state: State, account: str, claim: Claim) -> str:
    """The Party that uses: the account's. Its NDC period has the year (decision 2/CMA.3 annex para 8(b))."""
    party = party_of_account(state, account)
    if not party or claim.party not in {"", party}:
        raise Reject(
            RejectCode.CLAIM_NOT_OF_PARTY,
            f"account {account!r} stands in the registry of {party or 'no Party'}:"
            f" it cannot use units for the NDC of {claim.party or 'one'}",
        )
    known = known_party(state, party)
    if not known.ndc_first_year <= claim.year <= known.ndc_last_year:
        raise Reject(
            RejectCode.CLAIM_OUTSIDE_PERIOD,
            f"{claim.year} lies outside the NDC period of {party},"
            f" {known.ndc_first_year} to {known.ndc_last_year}",
        )
    return party


def _check_ndc(state: State, account: str, claim: Claim, class_id: str) -> None:
    """Decision 2/CMA.3 annex paras 1(d) and 8(b): authorised for an NDC, by another Party of the same approach, used in
    the NDC period in which the outcome occurred, and not before it occurred.
    """
    article6 = state.carbon.article6
    authorisation = article6.authorisation(class_id)
    if authorisation is None or Purpose.NDC not in authorisation.purposes:
        raise Reject(
            RejectCode.CLAIM_NOT_AUTHORISED,
            f"the host Party has not authorised {class_id} for use towards an NDC",
        )
    approach = article6.approaches[authorisation.approach_id]
    if claim.party == authorisation.party or claim.party not in approach.parties:
        raise Reject(
            RejectCode.CLAIM_NOT_OF_PARTY,
            f"{class_id} is authorised for the other Parties of {approach.approach_id}, not for {claim.party}",
        )
    _check_entity(state, account, authorisation)
    vintage = state.classes[class_id].vintage
    if not known_party(state, claim.party).ndc_first_year <= vintage <= claim.year:
        raise Reject(
            RejectCode.CLAIM_OUTSIDE_PERIOD,
            f"{class_id} is of {vintage}: it cannot be used for {claim.year} in that NDC period",
        )


def _check_entity(state: State, account: str, authorisation: Authorisation) -> None:
    """Where an authorisation names entities, only these use the outcomes (decision 4/CMA.6)."""
    participant = state.accounts[account]
    if authorisation.entities and participant not in authorisation.entities:
        raise Reject(
            RejectCode.CLAIM_NOT_AUTHORISED,
            f"authorisation {authorisation.authorisation_id} does not name {participant}",
        )


def _check_corsia(state: State, account: str, claim: Claim, class_id: str) -> None:
    """All rules of `exchange.domain.carbon.corsia`, and the entities of the authorisation."""
    if claim.period is None:
        raise Reject(RejectCode.CLAIM_INCOMPLETE, "a CORSIA claim names a compliance period")
    obstacles = corsia.obstacles(state, class_id, claim.period, state.business_date)
    if obstacles:
        raise Reject(RejectCode.CLAIM_NOT_ELIGIBLE, "; ".join(obstacles))
    authorisation = state.carbon.article6.authorisation(class_id)
    if authorisation is not None:
        _check_entity(state, account, authorisation)


def _check_compensation(state: State, account: str, _claim: Claim, class_id: str) -> None:
    """Emissions are offset by units that nobody else counts: of before the NDCs, adjusted or insured, or of the
    beneficiary's own country, whose inventory has both the emissions and the reduction (decision 2/CMA.3 annex para 8;
    Gold Standard "Claims Guidelines" and ICVCM Assessment Framework on double claiming).
    """
    credit_class = state.classes[class_id]
    if credit_class.vintage < FIRST_YEAR_OF_ITMOS:
        return
    party = party_of_account(state, account)
    country = state.carbon.projects.of_class(credit_class).country or credit_class.country
    if party and known_party(state, party).country == country:
        return
    authorisation = state.carbon.article6.authorisation(class_id)
    authorised = authorisation is not None and Purpose.OIMP in authorisation.purposes
    if authorised and corsia.is_adjusted(state, class_id, state.business_date):
        return
    raise Reject(
        RejectCode.CLAIM_NOT_ADJUSTED,
        f"{country or 'the host country'} counts {class_id} itself: without its authorisation and adjustment it supports"
        " a contribution, not a compensation",
    )


def _check_contribution(_state: State, _account: str, _claim: Claim, _class_id: str) -> None:
    """Any unit that may be retired supports a contribution (VCMI Claims Code; ICVCM)."""


_RULES: dict[ClaimKind, Callable[[State, str, Claim, str], None]] = {
    ClaimKind.NDC: _check_ndc,
    ClaimKind.CORSIA: _check_corsia,
    ClaimKind.COMPENSATION: _check_compensation,
    ClaimKind.CONTRIBUTION: _check_contribution,
}
