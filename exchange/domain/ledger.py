"""The double-entry ledger: who owns how much of each asset, and how much of it orders hold.

An asset is a currency (`EUR`) or a credit class (`VCS-1340-2020`); the two never look alike because a class id has a
hyphen. `entries` says what each event does to the ledger, and it is the only way in: live and replay share it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.events import Event
    from exchange.domain.orders import Delivery

OUTSIDE = ""
"""The other side of deposits, withdrawals and retirements."""


class LedgerError(Exception):
    """An entry would break the books: a bug or a damaged log, never a client's mistake."""


class Transfer(msgspec.Struct, frozen=True, gc=False):
    """`amount` of an asset changes owner; `from_hold`: it was held at the source."""

    source: str
    target: str
    asset: str
    amount: int
    from_hold: bool


class Hold(msgspec.Struct, frozen=True, gc=False):
    """`change` (signed) of what orders hold of an account's asset."""

    account: str
    asset: str
    change: int


Entry = Transfer | Hold


class Balance(msgspec.Struct, eq=False):
    """What an account owns of an asset, and how much of that is held."""

    total: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        """What is free to be held, withdrawn or retired."""
        return self.total - self.held


class Ledger:
    """Balances by account and asset, and the supply of each asset: what came in less what went out."""

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, Balance]] = {}
        self.supply: dict[str, int] = {}

    def balance(self, account: str, asset: str) -> Balance:
        """A balance to read; a new zero when there is none yet."""
        return self.accounts.get(account, {}).get(asset) or Balance()

    def post(self, entries: list[Entry]) -> None:
        """Book the entries of one event."""
        for entry in entries:
            if type(entry) is Hold:
                balance = self._balance(entry.account, entry.asset)
                balance.held += entry.change
                if not 0 <= balance.held <= balance.total:
                    raise LedgerError(f"{entry} leaves {balance}")
            else:
                self._transfer(entry)  # type: ignore[arg-type]  # the only other member of the union

    def check(self) -> None:
        """Raise unless, per asset, all accounts together own exactly the supply and hold no more than they own."""
        sums: dict[str, int] = {}
        for account, balances in self.accounts.items():
            for asset, balance in balances.items():
                if not 0 <= balance.held <= balance.total:
                    raise LedgerError(f"account {account}, {asset}: held {balance.held} of {balance.total}")
                sums[asset] = sums.get(asset, 0) + balance.total
        for asset, supply in self.supply.items():
            if sums.get(asset, 0) != supply:
                raise LedgerError(f"{asset}: accounts own {sums.get(asset, 0)}, the supply is {supply}")
        for asset, total in sums.items():
            if total and asset not in self.supply:
                raise LedgerError(f"{asset}: accounts own {total} that never came in")

    def _balance(self, account: str, asset: str) -> Balance:
        balances = self.accounts.get(account)
        if balances is None:
            balances = self.accounts[account] = {}
        balance = balances.get(asset)
        if balance is None:
            balance = balances[asset] = Balance()
        return balance

    def _transfer(self, entry: Transfer) -> None:
        amount = entry.amount
        if amount < 0:
            raise LedgerError(f"{entry} is negative")
        if entry.source == OUTSIDE:
            self.supply[entry.asset] = self.supply.get(entry.asset, 0) + amount
        else:
            source = self._balance(entry.source, entry.asset)
            source.total -= amount
            if entry.from_hold:
                source.held -= amount
            if not 0 <= source.held <= source.total:
                raise LedgerError(f"{entry} leaves {source}")
        if entry.target == OUTSIDE:
            self.supply[entry.asset] -= amount
        else:
            self._balance(entry.target, entry.asset).total += amount


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
}
