"""Cooperative approaches and authorisations: what Article 6.2 lets units be used for, and by whom.

Sources: decision 2/CMA.3 annex (guidance on cooperative approaches), decision 6/CMA.4 annex I (identifiers), and for the
Joint Crediting Mechanism the bilateral documents of Japan with each partner country.
First transfers are not kept here: `exchange.registry.reports.outcomes` derives them from what happened to the serials.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.article6_forms import (
    ApproachRegistered,
    Authorisation,
    AuthoriseOutcomes,
    CooperativeApproach,
    JcmTargetSet,
    Mechanism,
    OutcomesAuthorised,
    Purpose,
    RegisterApproach,
    ReportSafeguards,
    SafeguardsReported,
    SetJcmTarget,
)
from exchange.domain.carbon.parties import FIRST_YEAR_OF_ITMOS, JAPAN, known_party
from exchange.domain.deciding import parse_date, require_operator
from exchange.domain.instruments import Unit
from exchange.domain.money import MAX_AMOUNT
from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.state import State

_APPROACH_ID = re.compile(r"CA[0-9]{4}")
_AUTHORISATION_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class Article6(msgspec.Struct, eq=False):
    """Approaches and authorisations by id, and the authorisation of each class that has one."""

    approaches: dict[str, CooperativeApproach] = {}
    authorisations: dict[str, Authorisation] = {}
    authorisation_ids: dict[str, str] = {}
    """By class."""
    safeguards: list[SafeguardsReported] = []
    targets: list[JcmTargetSet] = []

    def authorisation(self, class_id: str) -> Authorisation | None:
        """What a class is authorised for, if it is."""
        found = self.authorisation_ids.get(class_id)
        return None if found is None else self.authorisations[found]


def register_approach(venue: Deciding, command: RegisterApproach) -> None:
    """Make a cooperative approach known; one under the JCM is of Japan and one of its partners."""
    state, approach = venue.state, command.approach
    require_operator(state, command.by)
    if not _APPROACH_ID.fullmatch(approach.approach_id) or not approach.name.strip():
        raise Reject(RejectCode.INVALID_PARAMS, "a cooperative approach has a name, and an id such as CA0001")
    if approach.approach_id in state.carbon.article6.approaches:
        raise Reject(RejectCode.ALREADY_EXISTS, f"approach {approach.approach_id} exists already")
    parties = [known_party(state, party) for party in approach.parties]
    if len({party.party for party in parties}) != len(parties) or len(parties) < 2:
        raise Reject(RejectCode.INVALID_PARAMS, "two or more Parties cooperate, each named once")
    partners = [party.party for party in parties if party.jcm_order]
    if approach.mechanism is Mechanism.JCM and (
        len(parties) != 2 or JAPAN not in approach.parties or len(partners) != 1
    ):
        raise Reject(
            RejectCode.INVALID_PARAMS, "the JCM is of Japan and one of its partner countries, each approach"
        )
    venue.emit(ApproachRegistered(command.by, approach))


def authorise_outcomes(venue: Deciding, command: AuthoriseOutcomes) -> None:
    """Book an authorisation. What it must say: decision 2/CMA.3 annex paras 1, 2 and 18(g), decision 4/CMA.6."""
    state, given = venue.state, command.authorisation
    require_operator(state, command.by)
    article6 = state.carbon.article6
    if given.authorisation_id in article6.authorisations:
        raise Reject(RejectCode.ALREADY_EXISTS, f"authorisation {given.authorisation_id} exists already")
    approach = article6.approaches.get(given.approach_id)
    if approach is None:
        raise Reject(
            RejectCode.UNKNOWN_COOPERATIVE_APPROACH, f"{given.approach_id!r} is no cooperative approach"
        )
    problem = _flaw_of_terms(given)
    if given.party not in approach.parties:
        problem = f"{given.party} takes no part in {given.approach_id}"
    elif parse_date(given.authorised_on) > parse_date(state.business_date):
        problem = f"an authorisation of {given.authorised_on} cannot be booked on {state.business_date}"
    for participant in given.entities:
        if participant not in state.participants:
            problem = f"entity {participant!r} is not a participant"
    problem = problem or next(
        (flaw for class_id in given.classes if (flaw := _flaw_of_class(state, given.party, class_id))), ""
    )
    if problem:
        raise Reject(RejectCode.INVALID_AUTHORISATION, problem)
    venue.emit(OutcomesAuthorised(command.by, given))


def _flaw_of_terms(given: Authorisation) -> str:
    """What is wrong with the terms by themselves; empty: nothing."""
    if not _AUTHORISATION_ID.fullmatch(given.authorisation_id):
        return "the id of an authorisation has 1 to 64 letters, digits and hyphens"
    if not given.purposes or len(set(given.purposes)) != len(given.purposes):
        return "an authorisation is for NDC, OIMP or both, each named once"
    if not given.classes or len(set(given.classes)) != len(given.classes):
        return "an authorisation names its credit classes, each once"
    for_oimp = Purpose.OIMP in given.purposes
    if for_oimp and given.first_transfer is None:
        return "an authorisation for OIMP says what its first transfer is"
    if not for_oimp and (given.first_transfer is not None or given.oimp):
        return "only OIMP have a purpose of their own and a first transfer that the Party chooses"
    return ""


def _flaw_of_class(state: State, party: str, class_id: str) -> str:
    """Why a Party cannot authorise a class; empty: it can.

    ITMOs are measured in tonnes, verified, and of 2021 or later (decision 2/CMA.3 annex para 1(a), (c) and (e)).
    """
    credit_class = state.classes.get(class_id)
    if credit_class is None:
        return f"{class_id!r} is not a registered credit class"
    if class_id in state.carbon.article6.authorisation_ids:
        return (
            f"{class_id} is under authorisation {state.carbon.article6.authorisation_ids[class_id]} already"
        )
    if credit_class.unit is not Unit.TONNE:
        return f"{class_id} is not counted in tonnes"
    if credit_class.vintage < FIRST_YEAR_OF_ITMOS:
        return f"{class_id} is of {credit_class.vintage}, and outcomes are of {FIRST_YEAR_OF_ITMOS} or later"
    if state.carbon.projects.is_ex_ante(credit_class):
        return f"{class_id} is expected, not verified"
    project = state.carbon.projects.of_class(credit_class)
    country = project.country or credit_class.country
    if country != known_party(state, party).country:
        return f"{class_id} is of country {country!r}, not of {party}"
    return ""


def report_safeguards(venue: Deciding, command: ReportSafeguards) -> None:
    """Book a Party's report on an approach: decision 2/CMA.3 annex paras 18(h) and (i) and 22(b) and (f) to (h)."""
    state = venue.state
    require_operator(state, command.by)
    approach = state.carbon.article6.approaches.get(command.approach_id)
    if approach is None or command.party not in approach.parties:
        raise Reject(
            RejectCode.UNKNOWN_COOPERATIVE_APPROACH,
            f"{command.approach_id!r} is no cooperative approach of {command.party!r}",
        )
    check_past(state, command.reported_on)
    check_document(command.document)
    venue.emit(
        SafeguardsReported(
            command.by, command.party, command.approach_id, command.reported_on, command.document
        )
    )


def set_jcm_target(venue: Deciding, command: SetJcmTarget) -> None:
    """Set a cumulative target, such as Japan's Plan for Global Warming Countermeasures sets for fiscal 2030 and 2040."""
    state = venue.state
    require_operator(state, command.by)
    known_party(state, command.party)
    check_document(command.document)
    if not (FIRST_YEAR_OF_ITMOS <= command.fiscal_year <= 2100 and 0 < command.quantity <= MAX_AMOUNT):
        raise Reject(RejectCode.INVALID_PARAMS, "a target has a fiscal year and a quantity of 1 or more")
    venue.emit(
        JcmTargetSet(command.by, command.party, command.fiscal_year, command.quantity, command.document)
    )


def check_past(state: State, text: str) -> None:
    """Refuse a date that has not come."""
    if parse_date(text) > parse_date(state.business_date):
        raise Reject(RejectCode.INVALID_DATE, f"{text} has not come: it is {state.business_date}")


def check_document(document: str) -> None:
    """Refuse facts without a source."""
    if not document.strip():
        raise Reject(RejectCode.INVALID_PARAMS, "name the document that says so")


def check_move(state: State, class_id: str, to_class_id: str) -> None:
    """Refuse that units become another class and leave their authorisation, or come under another one: outcomes keep
    what they are wherever and however they are registered (decision 2/CMA.3 annex para 6(b), double counting).
    """
    ids = state.carbon.article6.authorisation_ids
    if ids.get(class_id) != ids.get(to_class_id):
        raise Reject(
            RejectCode.AUTHORISATION_DIFFERS,
            f"{class_id} and {to_class_id} are not under the same authorisation",
        )


def _approach_registered(state: State, _seq: int, event: ApproachRegistered) -> None:
    state.carbon.article6.approaches[event.approach.approach_id] = event.approach


def _outcomes_authorised(state: State, _seq: int, event: OutcomesAuthorised) -> None:
    given = event.authorisation
    article6 = state.carbon.article6
    article6.authorisations[given.authorisation_id] = given
    for class_id in given.classes:
        article6.authorisation_ids[class_id] = given.authorisation_id


def _safeguards_reported(state: State, _seq: int, event: SafeguardsReported) -> None:
    state.carbon.article6.safeguards.append(event)


def _jcm_target_set(state: State, _seq: int, event: JcmTargetSet) -> None:
    state.carbon.article6.targets.append(event)


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    RegisterApproach: register_approach,
    AuthoriseOutcomes: authorise_outcomes,
    ReportSafeguards: report_safeguards,
    SetJcmTarget: set_jcm_target,
}
RECORDERS: dict[type[Event], Callable[..., None]] = {
    ApproachRegistered: _approach_registered,
    OutcomesAuthorised: _outcomes_authorised,
    SafeguardsReported: _safeguards_reported,
    JcmTargetSet: _jcm_target_set,
}
