"""What each event does to the ledger: the only way in, which live and replay share.

A rule hands its entries over one by one: to the ledger as they are, for those who look at them as structs (`entries`).
"""

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
    from exchange.domain.ledger import Postings
    from exchange.domain.orders import Delivery


class _Entries(list[Entry]):
    """Collects entries as structs."""

    def transfer(self, source: str, target: str, asset: str, amount: int, *, from_hold: bool) -> None:
        self.append(Transfer(source, target, asset, amount, from_hold))

    def hold(self, account: str, asset: str, change: int) -> None:
        self.append(Hold(account, asset, change))


def entries(event: Event) -> list[Entry]:
    """What an event does to the ledger; nothing for events that move neither cash nor units."""
    collected = _Entries()
    rule = RULES.get(type(event))
    if rule:
        rule(collected, event)
    return collected


def _exchanged(ledger: Postings, event: Fill | BlockTrade | TradeSettled, *, from_hold: bool) -> None:
    """Delivery versus payment: cash, fees and units change hands together."""
    buyer, seller, currency = event.buyer, event.seller, event.currency
    ledger.transfer(buyer, seller, currency, event.amount - event.seller_fee, from_hold=from_hold)
    fees = event.buyer_fee + event.seller_fee
    if fees:
        ledger.transfer(buyer, VENUE, currency, fees, from_hold=from_hold)
    for class_id, units in event.delivered:
        ledger.transfer(seller, buyer, class_id, units, from_hold=from_hold)


def _fill(ledger: Postings, event: Fill) -> None:
    # What a deferred fill needs stays held, for the trade instead of the orders.
    if not event.deferred:
        _exchanged(ledger, event, from_hold=True)
    if event.buyer_release:
        ledger.hold(event.buyer, event.currency, -event.buyer_release)


def _block_trade(ledger: Postings, event: BlockTrade) -> None:
    if not event.deferred:
        _exchanged(ledger, event, from_hold=False)
        return
    ledger.hold(event.buyer, event.currency, event.amount + event.buyer_fee)
    _hold_units(ledger, event.seller, event.delivered, 1)


def _trade_settled(ledger: Postings, event: TradeSettled) -> None:
    _exchanged(ledger, event, from_hold=True)


def _hold_units(ledger: Postings, account: str, deliver: Delivery, sign: int) -> None:
    for class_id, units in deliver:
        ledger.hold(account, class_id, sign * units)


def _order_accepted(ledger: Postings, event: OrderAccepted) -> None:
    if event.hold_cash:
        ledger.hold(event.account, event.currency, event.hold_cash)
    else:
        for class_id, units in event.deliver:
            ledger.hold(event.account, class_id, units)


def _order_amended(ledger: Postings, event: OrderAmended) -> None:
    _hold_units(ledger, event.account, event.hold_units, 1)
    _hold_units(ledger, event.account, event.release_units, -1)
    if event.hold_cash_change:
        ledger.hold(event.account, event.currency, event.hold_cash_change)


def _order_cancelled(ledger: Postings, event: OrderCancelled) -> None:
    if event.release_cash:
        ledger.hold(event.account, event.currency, -event.release_cash)
    else:
        for class_id, units in event.release_units:
            ledger.hold(event.account, class_id, -units)


def _orders_decremented(ledger: Postings, event: OrdersDecremented) -> None:
    _hold_units(ledger, event.seller, event.release_units, -1)
    ledger.hold(event.buyer, event.currency, -event.buyer_release)


def _cash_deposited(ledger: Postings, event: CashDeposited) -> None:
    ledger.transfer(OUTSIDE, event.account, event.currency, event.amount, from_hold=False)


def _cash_withdrawn(ledger: Postings, event: CashWithdrawn) -> None:
    ledger.transfer(event.account, OUTSIDE, event.currency, event.amount, from_hold=False)


def _units_deposited(ledger: Postings, event: UnitsDeposited) -> None:
    ledger.transfer(OUTSIDE, event.account, event.class_id, event.quantity, from_hold=False)


def _units_withdrawn(ledger: Postings, event: UnitsWithdrawn) -> None:
    ledger.transfer(event.account, OUTSIDE, event.class_id, event.quantity, from_hold=False)


def _retired(ledger: Postings, event: Retired) -> None:
    for class_id, block in event.credits:
        ledger.transfer(event.account, OUTSIDE, class_id, block.quantity, from_hold=False)


def _units_issued(ledger: Postings, event: UnitsIssued) -> None:
    ledger.transfer(OUTSIDE, event.account, event.class_id, event.block.quantity, from_hold=False)


def _units_cancelled(ledger: Postings, event: UnitsCancelled | UnitsMoved) -> None:
    units = sum(block.quantity for block in event.blocks)
    ledger.transfer(event.account, OUTSIDE, event.class_id, units, from_hold=False)


def _units_moved(ledger: Postings, event: UnitsMoved) -> None:
    _units_cancelled(ledger, event)
    units = sum(block.quantity for block in event.to_blocks)
    ledger.transfer(OUTSIDE, event.account, event.to_class_id, units, from_hold=False)


RULES: dict[type[Event], Callable[..., None]] = {
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
"""What an event does to a ledger, given the ledger and the event; no rule for events that move neither cash nor units."""
