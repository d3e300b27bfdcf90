"""Reclassification: serials that were labelled apart from the rest of their class become a class of their own.

Some registries label issuances and not vintages: of the project CAR1568 the Climate Action Reserve gave Core Carbon
Principles' label to one of two issuances of the vintage 2025. Units with and without a label have different prices, so
they cannot stay one class (ISDA, Legal Implications of Voluntary Carbon Credits, on what makes credits fungible).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.carbon.article6 import check_move
from exchange.domain.carbon.freezes import by_holder, free_units
from exchange.domain.carbon.label_forms import ReclassifyUnits, UnitsReclassified
from exchange.domain.carbon.obstacles import check_not_frozen
from exchange.domain.deciding import DuplicateRequest, require_operator
from exchange.domain.references import RECLASSIFICATION_REFERENCE
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import OWN_REGISTRY, check_blocks, overlaps
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.state import State


class Reclassified(msgspec.Struct, frozen=True):
    """The idempotency record of a reclassification."""

    seq: int
    event: UnitsReclassified


def reclassify_units(venue: Deciding, command: ReclassifyUnits) -> None:
    """Let serials of all who hold them be another class's; sell orders that they covered end, the newest first."""
    state = venue.state
    require_operator(state, command.by)
    check_id(command.reference, "reference")
    event = UnitsReclassified(
        command.by,
        command.class_id,
        command.to_class_id,
        command.blocks,
        command.reason,
        command.reference,
    )
    _check_once(state, event)
    _check(state, command)
    held = by_holder(
        found for found in state.holdings.overlaps(command.blocks) if found[1] == command.class_id
    )
    if not held:
        raise Reject(RejectCode.SERIAL_BLOCK_NOT_HELD, f"nobody holds any of them as {command.class_id}")
    for (account, class_id), blocks in held.items():
        units = sum(block.quantity for block in blocks)
        free_units(venue, account, class_id, units, ev.CancelReason.CLASS_CHANGED)
    venue.emit(event)
    reference = f"{RECLASSIFICATION_REFERENCE}{command.reference}"
    for (account, class_id), blocks in held.items():
        units = sum(block.quantity for block in blocks)
        venue.emit(ev.UnitsWithdrawn(command.by, account, class_id, units, blocks, f"{reference}/{class_id}"))
        venue.emit(
            ev.UnitsDeposited(
                command.by, account, command.to_class_id, units, blocks, f"{reference}/{command.to_class_id}"
            )
        )


def _check_once(state: State, event: UnitsReclassified) -> None:
    earlier = state.carbon.reclassified.get(event.reference)
    if earlier is None:
        return
    if earlier.event == event:
        raise DuplicateRequest(earlier.seq)
    raise Reject(RejectCode.REFERENCE_REUSED, f"reference {event.reference!r} names other serials")


def _check(state: State, command: ReclassifyUnits) -> None:
    for class_id in (command.class_id, command.to_class_id):
        if class_id not in state.classes:
            raise Reject(RejectCode.UNKNOWN_CLASS, f"{class_id!r} is not a registered credit class")
    credit_class, target = state.classes[command.class_id], state.classes[command.to_class_id]
    alike = ("registry", "project", "vintage", "unit", "crediting")
    if credit_class is target or any(
        getattr(credit_class, field) != getattr(target, field) for field in alike
    ):
        raise Reject(
            RejectCode.NOT_PERMITTED,
            f"{command.to_class_id} is no other class of the same project, vintage and unit",
        )
    check_move(state, command.class_id, command.to_class_id)
    if credit_class.registry == OWN_REGISTRY:
        raise Reject(RejectCode.NOT_PERMITTED, f"serial numbers of {OWN_REGISTRY} name their class")
    check_blocks(credit_class.registry, command.blocks, sum(block.quantity for block in command.blocks))
    check_not_frozen(state, command.blocks)
    for trade in sorted(state.holdings.locked):
        for class_id, block in state.holdings.locked[trade]:
            if class_id == command.class_id and overlaps(block, command.blocks):
                settles_on = state.obligations[trade].settlement_date
                raise Reject(
                    RejectCode.UNITS_LOCKED,
                    f"some are locked for trade {trade}, which settles on {settles_on}",
                )


def _reclassified(state: State, seq: int, event: UnitsReclassified) -> None:
    state.carbon.reclassified[event.reference] = Reclassified(seq, event)


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {ReclassifyUnits: reclassify_units}
RECORDERS: dict[type[Event], Callable[..., None]] = {UnitsReclassified: _reclassified}
