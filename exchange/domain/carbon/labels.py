"""Labels of credit classes, with the days on which they hold and the day on which that became known.

ICVCM gives its Core Carbon Principles label to categories of credits long after their issuance (ICVCM, Assessment
Framework), ICAO admits programmes to CORSIA by vintages and phases, for as long as its Council decides (ICAO document CORSIA
Eligible Emissions Units), and host countries may change authorisations within their terms (UNFCCC decision 4/CMA.6). Nothing
of that may change what was right when a trade was made.

A label belongs to a class and never to some serials of it, as a class is what is fungible: everybody who is owed a unit of
it may be given any. Serials that are labelled apart from the rest become another class first (`ReclassifyUnits`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon import baskets
from exchange.domain.carbon.knowledge import NOW, Known, Stamp
from exchange.domain.carbon.label_forms import GiveLabel, LabelGiven, LabelWithdrawn, WithdrawLabel
from exchange.domain.deciding import parse_date, require_operator
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.events import ClassRegistered
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.state import State


class Statement(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody said that a class has a label on some days, or has not."""

    stamp: Stamp
    holds: bool
    valid_from: str = ""
    """Empty: it always did."""
    valid_until: str = ""
    """Last day, included; empty: for good."""

    def covers(self, day: str) -> bool:
        """Whether it says something about a day."""
        return self.valid_from <= day and (not self.valid_until or day <= self.valid_until)


class Labels(msgspec.Struct, eq=False):
    """All that was ever said of labels, by class and label, oldest first."""

    statements: dict[str, dict[str, list[Statement]]] = {}

    def holds(self, class_id: str, label: str, valid_on: str, known: Known = NOW) -> bool:
        """Whether a class had a label on a day, as it was known then: the last statement about that day counts."""
        for statement in reversed(self.statements.get(class_id, {}).get(label, [])):
            if known.has(statement.stamp) and statement.covers(valid_on):
                return statement.holds
        return False

    def of_class(self, class_id: str, valid_on: str, known: Known = NOW) -> list[str]:
        """The labels of a class on a day, as it was known then, in order."""
        return [
            label
            for label in sorted(self.statements.get(class_id, {}))
            if self.holds(class_id, label, valid_on, known)
        ]


def give_label(venue: Deciding, command: GiveLabel) -> None:
    """Note that a class has a label; baskets that ask for it take the class in."""
    _check(venue, command, holds=True)
    venue.emit(
        LabelGiven(
            command.by,
            command.class_id,
            command.label,
            command.valid_from,
            command.valid_until,
            command.evidence,
        )
    )


def withdraw_label(venue: Deciding, command: WithdrawLabel) -> None:
    """Note that a class has not got a label; baskets that ask for it let the class go."""
    _check(venue, command, holds=False)
    venue.emit(
        LabelWithdrawn(
            command.by,
            command.class_id,
            command.label,
            command.valid_from,
            command.valid_until,
            command.reason,
        )
    )
    baskets.expel(venue)


def _check(venue: Deciding, command: GiveLabel | WithdrawLabel, *, holds: bool) -> None:
    state = venue.state
    require_operator(state, command.by)
    if command.class_id not in state.classes:
        raise Reject(RejectCode.UNKNOWN_CLASS, f"{command.class_id!r} is not a registered credit class")
    check_id(command.label, "label")
    valid_from = parse_date(command.valid_from)
    if command.valid_until and parse_date(command.valid_until) < valid_from:
        raise Reject(RejectCode.INVALID_DATE, f"{command.valid_until} is before {command.valid_from}")
    said = state.carbon.labels.statements.get(command.class_id, {}).get(command.label)
    terms = (holds, command.valid_from, command.valid_until)
    if said and terms == (said[-1].holds, said[-1].valid_from, said[-1].valid_until):
        raise Reject(RejectCode.ALREADY_EXISTS, f"that was the last word on {command.label} already")
    if not said and not holds:
        raise Reject(RejectCode.UNKNOWN_LABEL, f"{command.class_id} was never given {command.label}")


# What the events mean.


def _given(state: State, seq: int, event: LabelGiven) -> None:
    _note(state, seq, event, holds=True)


def _withdrawn(state: State, seq: int, event: LabelWithdrawn) -> None:
    _note(state, seq, event, holds=False)


def _note(state: State, seq: int, event: LabelGiven | LabelWithdrawn, *, holds: bool) -> None:
    statement = Statement(Stamp(seq, state.business_date), holds, event.valid_from, event.valid_until)
    _said(state, event.class_id, event.label).append(statement)
    baskets.reconsider(state, (event.class_id,))


def class_registered(state: State, seq: int, event: ClassRegistered) -> None:
    """The labels that a class was registered with hold always, until somebody says otherwise."""
    for label in event.credit_class.labels:
        _said(state, event.credit_class.class_id, label).append(
            Statement(Stamp(seq, state.business_date), holds=True)
        )


def _said(state: State, class_id: str, label: str) -> list[Statement]:
    return state.carbon.labels.statements.setdefault(class_id, {}).setdefault(label, [])


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    GiveLabel: give_label,
    WithdrawLabel: withdraw_label,
}
RECORDERS: dict[type[Event], Callable[..., None]] = {LabelGiven: _given, LabelWithdrawn: _withdrawn}
