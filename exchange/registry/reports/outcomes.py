"""Which authorised mitigation outcomes were first transferred, where they are, and what was done with them.

A pure fold over the log. A first transfer is never a flag that somebody set: it is derived for each serial number from what
happened to it. Whichever comes first of what its authorisation says (decision 2/CMA.3 annex para 2):

- authorised for an NDC: its first international transfer, from an account in one Party's registry to one in another's;
- authorised for OIMP: the authorisation (of units that exist then, later ones as they come in), the issuance, or the use or
  cancellation.

A serial number stands in the registry of its host Party when it comes in, and changes its Party when it comes into
an account of another one. Accounts of no Party leave it where it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from exchange.domain import events as ev
from exchange.domain.carbon import article6_forms, corsia_forms, party_forms, project_forms
from exchange.domain.carbon.article6_forms import FirstTransfer, Purpose
from exchange.domain.carbon.claim_forms import ClaimKind
from exchange.domain.carbon.corsia import CORSIA
from exchange.domain.carbon.parties import party_of_account
from exchange.domain.serials import SerialBlock
from exchange.domain.state import State
from exchange.registry.projection import SHOWN_KINDS, Projection
from exchange.registry.reports.actions import (
    FIRST_INTERNATIONAL_TRANSFER,
    FIRST_TRANSFER_SUBTYPES,
    Action,
    ActionType,
)
from exchange.registry.reports.business_dates import begins_after
from exchange.registry.reports.spans import Span, Spans, gaps, joined
from exchange.registry.rows import Movement, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.carbon.article6_forms import Authorisation
    from exchange.domain.carbon.claim_forms import Claim
    from exchange.domain.holdings import BatchKey

_FACTS: tuple[type[ev.Event], ...] = (
    ev.VenueOpened,
    ev.ParticipantAdmitted,
    ev.AccountOpened,
    ev.ClassRegistered,
    ev.InstrumentListed,
    ev.DayClosed,
    *project_forms.EVENT_TYPES,
    *party_forms.EVENT_TYPES,
    *article6_forms.EVENT_TYPES,
    *corsia_forms.EVENT_TYPES,
)
"""Events that say what things are and move nothing, and day ends (which need to know the instruments)."""


class Outcome(msgspec.Struct, frozen=True):
    """What is known of an authorised serial number. Its authorisation stays the same, whatever class it comes back as."""

    authorisation_id: str
    class_id: str
    party: str
    """In whose registry it stands."""
    itmo_shift: int | None = None
    """First transferred: its ITMO serial number less its own; None: not first transferred."""
    itmo_registry: str = ""
    """First transferred: the ITMO registry that its identifier names."""
    held: bool = True
    """An account here holds it, or a trade that has not settled locks it."""


class Outcomes:
    """The outcomes after an event. It changes only by `apply`."""

    def __init__(self) -> None:
        self.facts = State()
        """The venue's own state, of facts only: who and what is there, never who owns what."""
        self.actions: list[Action] = []
        self.issued: dict[tuple[str, str, str], int] = {}
        """Units that came in for the first time, of any class: class, Party of the account, business date."""
        self._projection = Projection()
        self._spans: dict[BatchKey, Spans[Outcome]] = {}
        self._itmos: dict[tuple[str, str, str], int] = {}
        """Last ITMO serial number by approach, registry and first transferring Party."""
        self._moving: list[Span[Outcome | None]] = []
        """Units on their way to another registry, in their order, and what is known of them."""
        self._seq = 0

    def apply(self, recorded: ev.Recorded) -> None:
        """Take in an event. Raises ProjectionError."""
        event = recorded.event
        self._seq = recorded.seq
        if isinstance(event, _FACTS):
            self.facts.record(recorded.seq, recorded.recorded_at, event)
            if isinstance(event, article6_forms.OutcomesAuthorised):
                self._authorised(event.authorisation)
        if event.kind in SHOWN_KINDS:
            self._projection.apply(recorded.seq, recorded.recorded_at, event)
            for row in self._projection.places.movements:
                self._moved(Movement(*row), event)
            self._projection.take_appended()

    def standing(self) -> list[tuple[BatchKey, Span[Outcome]]]:
        """Outcomes that are held here, by registry, batch and number; neighbours of which the same is known as one."""
        return [
            (key, span)
            for key in sorted(self._spans)
            for span in joined([span for span in self._spans[key] if span.value.held])
        ]

    # What events do to outcomes.

    def _authorised(self, authorisation: Authorisation) -> None:
        """Units of the classes that are here already; whoever has them, they come from the host Party."""
        for class_id in authorisation.classes:
            for account, block in self._projection.places.holders(class_id):
                key = (block.registry, block.batch)
                for first, last in gaps(
                    self._spans_of(key).within(block.first, block.last), block.first, block.last
                ):
                    self._enter(
                        key, self._new(key, first, last, class_id, FirstTransfer.AUTHORISATION), account
                    )

    def _moved(self, row: Movement, event: ev.Event) -> None:
        """Serials came from one place to another."""
        key = self._projection.places.batch_name(row.batch_id)
        arrived = row.from_place == Place.OUTSIDE
        spans = self._arriving(key, row, event) if arrived else self._known(key, row)
        if row.to_place == Place.MOVED:
            unknown = gaps(spans, row.first, row.last)
            pieces: list[Span[Outcome | None]] = [Span(*span) for span in spans]
            pieces += [Span(first, last, None) for first, last in unknown]
            self._moving += sorted(pieces, key=lambda span: span.first)
            return
        for span in joined(spans):
            if arrived or row.to_place == Place.HELD:
                self._enter(key, span, row.to_account)
            elif row.to_place in {Place.RETIRED, Place.CANCELLED}:
                self._ended(key, span, event)
            else:
                held = row.to_place != Place.WITHDRAWN
                self._put(key, span, msgspec.structs.replace(span.value, held=held))

    def _arriving(self, key: BatchKey, row: Movement, event: ev.Event) -> list[Span[Outcome]]:
        """Serials that were never here: new ones, or those that were moved from another registry and stay what they are."""
        if isinstance(event, ev.UnitsMoved):
            return self._moved_in(row)
        self._count_issued(row)
        if not self._is_authorised(row.class_id):
            return []
        definitions = (FirstTransfer.AUTHORISATION, FirstTransfer.ISSUANCE)
        return [self._new(key, row.first, row.last, row.class_id, *definitions)]

    def _known(self, key: BatchKey, row: Movement) -> list[Span[Outcome]]:
        """What is known of serials that were here; they may have been away when they were authorised."""
        if key not in self._spans and not self._is_authorised(row.class_id):
            return []
        spans = self._spans_of(key).take(row.first, row.last)
        if row.from_place != Place.WITHDRAWN:
            return spans
        returned = [
            Span(span.first, span.last, msgspec.structs.replace(span.value, class_id=row.class_id))
            for span in spans
        ]
        if self._is_authorised(row.class_id):
            returned += [
                self._new(key, first, last, row.class_id, FirstTransfer.AUTHORISATION)
                for first, last in gaps(spans, row.first, row.last)
            ]
        return sorted(returned, key=lambda span: span.first)

    def _new(
        self, key: BatchKey, first: int, last: int, class_id: str, *definitions: FirstTransfer
    ) -> Span[Outcome]:
        """Serials of an authorised class of which nothing was known. `definitions`: what of it happens to them now."""
        authorisation_id = self.facts.carbon.article6.authorisation_ids[class_id]
        authorisation = self.facts.carbon.article6.authorisations[authorisation_id]
        outcome = Outcome(authorisation_id, class_id, authorisation.party)
        definition = authorisation.first_transfer
        if definition in definitions:
            outcome = self._first_transfer(key, first, last, outcome, definition)
        return Span(first, last, outcome)

    def _moved_in(self, row: Movement) -> list[Span[Outcome]]:
        """Unit for unit what was moved, under its new numbers."""
        arrived: list[Span[Outcome]] = []
        first = row.first
        while first <= row.last:
            source = self._moving.pop(0)
            size = min(source.last - source.first, row.last - first) + 1
            if source.first + size <= source.last:
                self._moving.insert(0, Span(source.first + size, source.last, source.value))
            if source.value is not None:
                outcome = msgspec.structs.replace(source.value, class_id=row.class_id)
                if outcome.itmo_shift is not None:
                    shift = outcome.itmo_shift + source.first - first
                    outcome = msgspec.structs.replace(outcome, itmo_shift=shift)
                arrived.append(Span(first, first + size - 1, outcome))
            first += size
        return arrived

    def _enter(self, key: BatchKey, span: Span[Outcome], account: str) -> None:
        """Serials come into an account: a transfer, if it stands in another Party's registry."""
        outcome = msgspec.structs.replace(span.value, held=True)
        source, target = outcome.party, party_of_account(self.facts, account)
        if target and target != source:
            authorisation = self._authorisation(outcome)
            outcome = msgspec.structs.replace(outcome, party=target)
            if outcome.itmo_shift is not None:
                self._act(key, span, ActionType.TRANSFER, outcome, transferring=source, acquiring=target)
                self._act(key, span, ActionType.ACQUISITION, outcome, transferring=source, acquiring=target)
            elif Purpose.NDC in authorisation.purposes:
                outcome = self._first_transfer(key, span.first, span.last, outcome, None, acquiring=target)
                self._act(key, span, ActionType.ACQUISITION, outcome, transferring=source, acquiring=target)
        self._put(key, span, outcome)

    def _ended(self, key: BatchKey, span: Span[Outcome], event: ev.Event) -> None:
        """Serials are used or cancelled. Only what is first transferred, then at the latest, is an ITMO that ends so."""
        outcome = span.value
        claim = event.claim if isinstance(event, ev.Retired) else None
        entity = self.facts.accounts[event.account] if isinstance(event, ev.Retired) else ""
        for_oimp = isinstance(event, ev.Retired) and _ends_for_oimp(claim)
        purpose = _oimp_purpose(claim) if for_oimp else ""
        by_use = self._authorisation(outcome).first_transfer is FirstTransfer.USE_OR_CANCELLATION
        if outcome.itmo_shift is None and by_use and for_oimp:
            outcome = self._first_transfer(
                key,
                span.first,
                span.last,
                outcome,
                FirstTransfer.USE_OR_CANCELLATION,
                using=outcome.party,
                entity=entity,
                purpose=purpose,
            )
        if outcome.itmo_shift is not None:
            used = claim is not None and claim.kind in {ClaimKind.NDC, ClaimKind.CORSIA}
            self._act(
                key,
                span,
                ActionType.USE if used else ActionType.CANCELLATION,
                outcome,
                using=outcome.party,
                entity=entity,
                purpose=purpose,
                year=claim.year if claim else 0,
            )

    def _first_transfer(
        self,
        key: BatchKey,
        first: int,
        last: int,
        outcome: Outcome,
        definition: FirstTransfer | None,
        **about: str,
    ) -> Outcome:
        """Number the ITMOs (decision 6/CMA.4 annex I para 5) and file the action. `definition`: None for a transfer."""
        authorisation = self._authorisation(outcome)
        registry_id = self.facts.carbon.parties.known[authorisation.party].registry_id
        counter = (authorisation.approach_id, registry_id, authorisation.party)
        next_itmo = self._itmos.get(counter, 0) + 1
        self._itmos[counter] = next_itmo + last - first
        outcome = msgspec.structs.replace(outcome, itmo_shift=next_itmo - first, itmo_registry=registry_id)
        subtype = FIRST_INTERNATIONAL_TRANSFER if definition is None else FIRST_TRANSFER_SUBTYPES[definition]
        self._act(
            key,
            Span(first, last, outcome),
            ActionType.FIRST_TRANSFER,
            outcome,
            subtype=subtype,
            transferring=authorisation.party,
            **about,
        )
        return outcome

    def _act(
        self, key: BatchKey, span: Span[Outcome], action_type: ActionType, outcome: Outcome, **about: Any
    ) -> None:
        if outcome.itmo_shift is None:
            raise ValueError(f"event {self._seq}: {action_type.value} of what was not first transferred")
        self.actions.append(
            Action(
                seq=self._seq,
                date=self.facts.business_date,
                action_type=action_type,
                authorisation_id=outcome.authorisation_id,
                class_id=outcome.class_id,
                block=SerialBlock(*key, span.first, span.last),
                itmo_first=span.first + outcome.itmo_shift,
                itmo_registry=outcome.itmo_registry,
                **about,
            )
        )

    # Where things are.

    def _is_authorised(self, class_id: str) -> bool:
        return class_id in self.facts.carbon.article6.authorisation_ids

    def _authorisation(self, outcome: Outcome) -> Authorisation:
        return self.facts.carbon.article6.authorisations[outcome.authorisation_id]

    def _spans_of(self, key: BatchKey) -> Spans[Outcome]:
        spans = self._spans.get(key)
        if spans is None:
            spans = self._spans[key] = Spans()
        return spans

    def _put(self, key: BatchKey, span: Span[Outcome], outcome: Outcome) -> None:
        self._spans_of(key).put(span.first, span.last, outcome)

    def _count_issued(self, row: Movement) -> None:
        party = party_of_account(self.facts, row.to_account)
        key = (row.class_id, party, self.facts.business_date)
        self.issued[key] = self.issued.get(key, 0) + row.last - row.first + 1


def _ends_for_oimp(claim: Claim | None) -> bool:
    """Whether a retirement is a use or cancellation for other international mitigation purposes.

    A contribution leaves the outcome to the host Party, so it is none; without a claim it is a voluntary cancellation.
    """
    return claim is None or claim.kind in {ClaimKind.CORSIA, ClaimKind.COMPENSATION}


def _oimp_purpose(claim: Claim | None) -> str:
    if claim is not None and claim.kind is ClaimKind.CORSIA:
        return CORSIA
    return "Voluntary compensation" if claim is not None else "Voluntary cancellation"


def fold(events: Iterable[ev.Recorded], through: str) -> Outcomes:
    """The outcomes at the end of a business date (ISO 8601)."""
    outcomes = Outcomes()
    for recorded in events:
        if begins_after(recorded.event, through):
            break
        outcomes.apply(recorded)
    return outcomes
