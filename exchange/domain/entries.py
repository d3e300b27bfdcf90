"""What each event does to the ledger: the only way in, which live and replay share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon import rules as carbon_rules
from exchange.domain.events import (
    BlockTrade,
    CashDeposited,
    CashWithdrawn,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrdersDecremented,
    Retired,
    TradeSettled,
    UnitsCancelled,
    UnitsDeposited,
    UnitsIssued,
    UnitsMoved,
    UnitsWithdrawn,
)
from exchange.domain.identity import VENUE
from exchange.domain.ledger import OUTSIDE, Entry, Hold, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.events import Event
    from exchange.domain.orders import Delivery


def entries(event: Event) -> list[Entry]:
    """What an event does to the ledger; nothing for events that move neither cash nor units."""
    rule = _RULES.get(type(event))
    return rule(event) if rule else []


def _exchanged(event: Fill | BlockTrade | TradeSettled, *, from_hold: bool) -> list[Entry]:
    """Delivery versus payment: cash, fees and units change hands together."""
    buyer, seller, currency = event.buyer, event.seller, event.currency
    fees = event.buyer_fee + event.seller_fee
    booked: list[Entry] = [Transfer(buyer, seller, currency, event.amount - event.seller_fee, from_hold)]
    if fees:
        booked.append(Transfer(buyer, VENUE, currency, fees, from_hold))
    for class_id, units in event.delivered:
        booked.append(Transfer(seller, buyer, class_id, units, from_hold))
    return booked


def _fill(event: Fill) -> list[Entry]:
    # What a deferred fill needs stays held, for the trade instead of the orders.
    booked = [] if event.deferred else _exchanged(event, from_hold=True)
    if event.buyer_release:
        booked.append(Hold(event.buyer, event.currency, -event.buyer_release))
    return booked


def _block_trade(event: BlockTrade) -> list[Entry]:
    if not event.deferred:
        return _exchanged(event, from_hold=False)
    held: list[Entry] = [Hold(event.buyer, event.currency, event.amount + event.buyer_fee)]
    return held + _hold_units(event.seller, event.delivered, 1)


def _trade_settled(event: TradeSettled) -> list[Entry]:
    return _exchanged(event, from_hold=True)


def _hold_units(account: str, deliver: Delivery, sign: int) -> list[Entry]:
    return [Hold(account, class_id, sign * units) for class_id, units in deliver]


def _order_accepted(event: OrderAccepted) -> list[Entry]:
    if event.hold_cash:
        return [Hold(event.account, event.currency, event.hold_cash)]
    return _hold_units(event.account, event.deliver, 1)


def _order_amended(event: OrderAmended) -> list[Entry]:
    booked = _hold_units(event.account, event.hold_units, 1)
    booked += _hold_units(event.account, event.release_units, -1)
    if event.hold_cash_change:
        booked.append(Hold(event.account, event.currency, event.hold_cash_change))
    return booked


def _order_cancelled(event: OrderCancelled) -> list[Entry]:
    if event.release_cash:
        return [Hold(event.account, event.currency, -event.release_cash)]
    return _hold_units(event.account, event.release_units, -1)


def _orders_decremented(event: OrdersDecremented) -> list[Entry]:
    return [
        *_hold_units(event.seller, event.release_units, -1),
        Hold(event.buyer, event.currency, -event.buyer_release),
    ]


def _cash_deposited(event: CashDeposited) -> list[Entry]:
    return [Transfer(OUTSIDE, event.account, event.currency, event.amount, from_hold=False)]


def _cash_withdrawn(event: CashWithdrawn) -> list[Entry]:
    return [Transfer(event.account, OUTSIDE, event.currency, event.amount, from_hold=False)]


def _units_deposited(event: UnitsDeposited) -> list[Entry]:
    return [Transfer(OUTSIDE, event.account, event.class_id, event.quantity, from_hold=False)]


def _units_withdrawn(event: UnitsWithdrawn) -> list[Entry]:
    return [Transfer(event.account, OUTSIDE, event.class_id, event.quantity, from_hold=False)]


def _retired(event: Retired) -> list[Entry]:
    return [
        Transfer(event.account, OUTSIDE, class_id, block.quantity, from_hold=False)
        for class_id, block in event.credits
    ]


def _units_issued(event: UnitsIssued) -> list[Entry]:
    return [Transfer(OUTSIDE, event.account, event.class_id, event.block.quantity, from_hold=False)]


def _units_cancelled(event: UnitsCancelled | UnitsMoved) -> list[Entry]:
    units = sum(block.quantity for block in event.blocks)
    return [Transfer(event.account, OUTSIDE, event.class_id, units, from_hold=False)]


def _units_moved(event: UnitsMoved) -> list[Entry]:
    units = sum(block.quantity for block in event.to_blocks)
    return [
        *_units_cancelled(event),
        Transfer(OUTSIDE, event.account, event.to_class_id, units, from_hold=False),
    ]


_RULES: dict[type[Event], Callable[..., list[Entry]]] = {
    Fill: _fill,
    OrderAccepted: _order_accepted,
    OrderAmended: _order_amended,
    OrderCancelled: _order_cancelled,
    OrdersDecremented: _orders_decremented,
    CashDeposited: _cash_deposited,
    CashWithdrawn: _cash_withdrawn,
    UnitsDeposited: _units_deposited,
    UnitsWithdrawn: _units_withdrawn,
    Retired: _retired,
    BlockTrade: _block_trade,
    TradeSettled: _trade_settled,
    UnitsIssued: _units_issued,
    UnitsCancelled: _units_cancelled,
    UnitsMoved: _units_moved,
    **carbon_rules.ENTRIES,
}
