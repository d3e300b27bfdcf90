"""Reversals: who answers for tonnes that went back into the air.

California's Cap-and-Trade Regulation, 17 CCR 95983: after an unintentional reversal the regulator retires as many units
of the Forest Buffer Account (b); after an intentional one the owner turns in as many valid units (c). Until then the
project gets no new ones. Core Carbon Principle 7 (permanence) asks the same of every programme. What was sold or
retired stays valid: somebody else's unit ends in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import assets, commands
from exchange.domain.carbon.issuance_forms import Draw
from exchange.domain.carbon.issuances import OLDEST_VINTAGE, Contribution, choose_draws, take_draws
from exchange.domain.carbon.project_forms import project_key
from exchange.domain.carbon.reversal_forms import (
    MakeGoodReversal,
    ReportReversal,
    ReversalCause,
    ReversalMadeGood,
    ReversalRecorded,
)
from exchange.domain.deciding import DuplicateRequest, parse_date, require_operator
from exchange.domain.money import MAX_AMOUNT
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import overlaps
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.state import State


class Reversal(msgspec.Struct, eq=False):
    """A reversal and what is still owed for it."""

    seq: int
    registry: str
    project: str
    cause: ReversalCause
    occurred_on: str
    quantity: int
    reason: str
    drawn: tuple[Draw, ...]
    uncovered: int
    owed: int


class Reversals(msgspec.Struct, eq=False):
    """All reversals by reference, and what owners owe by project."""

    by_reference: dict[str, Reversal] = {}
    owed: dict[str, int] = {}
    """Units by project key; nothing where nothing is owed."""


def report_reversal(venue: Deciding, command: ReportReversal) -> None:
    """Note a reversal, and let the pool retire for it or the owner owe for it."""
    state = venue.state
    require_operator(state, command.by)
    check_id(command.reference, "reference")
    earlier = state.carbon.reversals.by_reference.get(command.reference)
    if earlier is not None:
        same = all(
            getattr(earlier, field) == getattr(command, field)
            for field in ("registry", "project", "cause", "occurred_on", "quantity", "reason")
        )
        if same:
            raise DuplicateRequest(earlier.seq)
        raise Reject(RejectCode.REFERENCE_REUSED, f"reference {command.reference!r} names another reversal")
    if state.carbon.projects.current(project_key(command.registry, command.project)) is None:
        raise Reject(
            RejectCode.UNKNOWN_PROJECT, f"project {command.project!r} of {command.registry!r} is not known"
        )
    if parse_date(command.occurred_on) > parse_date(state.business_date):
        raise Reject(RejectCode.INVALID_DATE, f"{command.occurred_on} has not come yet")
    if not 0 < command.quantity <= MAX_AMOUNT:
        raise Reject(RejectCode.INVALID_AMOUNT, f"an amount lies between 1 and {MAX_AMOUNT}")
    fields = {field: getattr(command, field) for field in command.__struct_fields__}
    if command.cause is ReversalCause.INTENTIONAL:
        venue.emit(ReversalRecorded(**fields, owed=command.quantity))
        return
    drawn = choose_draws(_unfrozen_pool(state, command.registry), command.quantity)
    covered = sum(draw.quantity for draw in drawn)
    venue.emit(
        ReversalRecorded(**fields, rule=OLDEST_VINTAGE, drawn=drawn, uncovered=command.quantity - covered)
    )


def _unfrozen_pool(state: State, registry: str) -> list[Contribution]:
    """A pool without the contributions that a freeze keeps from ending."""
    frozen = [block for _, freeze in state.carbon.freezes.live() for block in freeze.blocks]
    return [
        contribution
        for contribution in state.carbon.issuances.pools.get(registry, ())
        if not any(overlaps(block, frozen) for block in contribution.blocks)
    ]


def make_good_reversal(venue: Deciding, command: MakeGoodReversal) -> None:
    """Cancel units for a reversal that an owner has to make good."""
    require_operator(venue.state, command.by)
    reversal = venue.state.carbon.reversals.by_reference.get(command.reversal)
    if reversal is None:
        raise Reject(RejectCode.UNKNOWN_REVERSAL, f"no reversal {command.reversal!r} is known")
    cancel = commands.CancelUnits(
        command.by,
        command.account,
        command.class_id,
        command.blocks,
        f"reversal {command.reversal} made good",
        command.reference,
    )
    cancelled = assets.checked_cancellation(venue, cancel)
    _check_unit(venue.state, reversal, command.class_id)
    quantity = sum(block.quantity for block in command.blocks)
    if quantity > reversal.owed:
        raise Reject(
            RejectCode.INVALID_AMOUNT,
            f"{reversal.owed} units are owed for {command.reversal}, not {quantity}",
        )
    venue.emit(cancelled)
    venue.emit(ReversalMadeGood(command.by, command.reversal, command.account, quantity))


def _check_unit(state: State, reversal: Reversal, class_id: str) -> None:
    """Refuse kilograms in place of tonnes."""
    unit = state.classes[class_id].unit
    for known in state.classes.values():
        if (known.registry, known.project) == (
            reversal.registry,
            reversal.project,
        ) and known.unit is not unit:
            raise Reject(
                RejectCode.INVALID_PARAMS,
                f"{class_id} counts {unit.value}, the project's credits {known.unit.value}",
            )


def _reversal_recorded(state: State, seq: int, event: ReversalRecorded) -> None:
    reversals = state.carbon.reversals
    reversals.by_reference[event.reference] = Reversal(
        seq,
        event.registry,
        event.project,
        event.cause,
        event.occurred_on,
        event.quantity,
        event.reason,
        event.drawn,
        event.uncovered,
        event.owed,
    )
    take_draws(state.carbon.issuances, event.registry, event.drawn)
    if event.owed:
        key = project_key(event.registry, event.project)
        reversals.owed[key] = reversals.owed.get(key, 0) + event.owed


def _reversal_made_good(state: State, _seq: int, event: ReversalMadeGood) -> None:
    reversals = state.carbon.reversals
    reversal = reversals.by_reference[event.reversal]
    reversal.owed -= event.quantity
    key = project_key(reversal.registry, reversal.project)
    reversals.owed[key] -= event.quantity
    if not reversals.owed[key]:
        del reversals.owed[key]


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    ReportReversal: report_reversal,
    MakeGoodReversal: make_good_reversal,
}
RECORDERS: dict[type[Event], Callable[..., None]] = {
    ReversalRecorded: _reversal_recorded,
    ReversalMadeGood: _reversal_made_good,
}
