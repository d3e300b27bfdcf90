"""The blast radius of a freeze: everything that counted on the serials that are kept from moving. As of a date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.freeze_forms import LockReplaced, TradeCancelled, UnitsFrozen
from exchange.domain.events import OrderCancelled
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import overlaps, without
from exchange.registry.reports.table import Table
from exchange.registry.serials import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.domain.carbon.freezes import Freeze
    from exchange.domain.events import Event
    from exchange.domain.state import State
    from exchange.registry.reports.table import Cell
    from exchange.registry.reports.venue_history import VenueHistory


def tables(history: VenueHistory, freeze_id: str) -> list[Table]:
    """What a freeze hit. Raises Reject for a freeze that is not known by then."""
    freeze = history.state.carbon.freezes.by_id.get(freeze_id)
    if freeze is None:
        raise Reject(RejectCode.UNKNOWN_FREEZE, f"no freeze {freeze_id!r} is known")
    events = history.freezes[freeze_id]
    classes = _classes(history, freeze, events)
    return [
        Table(
            "Freeze",
            ("Freeze", "Cause", "Reason", "Declared by event", "Ended by event", "Outcome"),
            (
                (
                    freeze_id,
                    freeze.cause.value,
                    freeze.reason,
                    freeze.seq,
                    freeze.ended_by or None,
                    freeze.outcome.value if freeze.outcome else None,
                ),
            ),
        ),
        Table("Holdings", ("Account", "Class", "Serial numbers", "Units"), tuple(_holdings(events))),
        Table(
            "Orders",
            ("Order", "Account", "Instrument", "Units", "What became of it"),
            (*_cancelled(events), *_open_orders(history.state, events)),
        ),
        Table(
            "Unsettled trades",
            ("Trade", "Seller", "Units", "What became of it"),
            tuple(_trades(events)),
        ),
        Table("Baskets", ("Instrument", "Class"), tuple(_baskets(history.state, classes))),
        Table(
            "Certificates",
            ("Certificate", "Retired on", "Beneficiary", "Class", "Serial numbers", "Units"),
            tuple(_certificates(history, freeze)),
        ),
        Table(
            "Elsewhere", ("Registry", "Serial numbers", "Units"), tuple(_elsewhere(history, freeze, events))
        ),
    ]


def _classes(history: VenueHistory, freeze: Freeze, events: list[Event]) -> list[str]:
    """Classes of the serials, held or retired."""
    found = {event.class_id for event in events if isinstance(event, UnitsFrozen)}
    for retirement in history.retirements:
        found |= {class_id for class_id, block in retirement.event.credits if overlaps(block, freeze.blocks)}
    return sorted(found)


def _holdings(events: list[Event]) -> Iterator[tuple[Cell, ...]]:
    for event in events:
        if isinstance(event, UnitsFrozen):
            for block in event.blocks:
                yield event.account, event.class_id, text_of(block), block.quantity


def _cancelled(events: list[Event]) -> Iterator[tuple[Cell, ...]]:
    for event in events:
        if isinstance(event, OrderCancelled):
            yield event.order_id, event.account, event.instrument, event.quantity, "cancelled"


def _open_orders(state: State, events: list[Event]) -> Iterator[tuple[Cell, ...]]:
    """Live sell orders of the holders that deliver an affected class, from what may move."""
    hit = {(event.account, event.class_id) for event in events if isinstance(event, UnitsFrozen)}
    for order_id, order in sorted(state.orders.items()):
        units = sum(quantity for class_id, quantity in order.deliver if (order.account, class_id) in hit)
        if units:
            yield order_id, order.account, order.instrument, units, "open, covered by other serials"


def _trades(events: list[Event]) -> Iterator[tuple[Cell, ...]]:
    for event in events:
        if isinstance(event, TradeCancelled):
            yield event.trade, event.seller, sum(units for _, units in event.delivered), "cancelled"
        elif isinstance(event, LockReplaced):
            units = sum(block.quantity for _, block in event.taken_out)
            yield event.trade, event.account, units, "other serials take their place"


def _baskets(state: State, classes: list[str]) -> Iterator[tuple[Cell, ...]]:
    for symbol, listing in sorted(state.listings.items()):
        for class_id in classes:
            if class_id in listing.deliverable:
                yield symbol, class_id


def _certificates(history: VenueHistory, freeze: Freeze) -> Iterator[tuple[Cell, ...]]:
    for retirement in history.retirements:
        for class_id, block in retirement.event.credits:
            for part in overlaps(block, freeze.blocks):
                yield (
                    retirement.seq,
                    retirement.retired_on,
                    retirement.event.beneficiary,
                    class_id,
                    text_of(part),
                    part.quantity,
                )


def _elsewhere(history: VenueHistory, freeze: Freeze, events: list[Event]) -> Iterator[tuple[Cell, ...]]:
    """Serials that no account held and nobody had retired: never here, withdrawn, cancelled, or a pool's."""
    here = [block for event in events if isinstance(event, UnitsFrozen) for block in event.blocks]
    here += [block for retirement in history.retirements for _, block in retirement.event.credits]
    for block in freeze.blocks:
        for part in without(block, here):
            yield part.registry, text_of(part), part.quantity
