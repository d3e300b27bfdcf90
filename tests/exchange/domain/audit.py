"""An auditor of a market: recomputes from the events alone what the venue must show after every command."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from exchange.domain import snapshot
from exchange.domain.events import (
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrdersDecremented,
    Recorded,
)
from exchange.domain.instruments import PPM
from matching.order import Side

if TYPE_CHECKING:
    from tests.market import Market


class Tally(msgspec.Struct):
    """What became of one order, summed up from its events."""

    maker_fee_ppm: int
    taker_fee_ppm: int
    entered: int
    executed: int = 0
    cancelled: int = 0
    decremented: int = 0
    fee_numerator: int = 0
    fee: int = 0

    @property
    def open(self) -> int:
        return self.entered - self.executed - self.cancelled - self.decremented


class Auditor:
    """Follows a market's events and compares them with its state."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.tallies: dict[int, Tally] = {}
        self._read = 0

    def check(self) -> None:
        """Raise unless everything adds up after the commands so far."""
        for recorded in self.market.recorded[self._read :]:
            self._follow(recorded)
        self._read = len(self.market.recorded)
        self.market.state.check()
        self._check_orders()
        self._check_holds()
        self._check_books()
        assert snapshot.dump(self.market.replica) == snapshot.dump(self.market.state)

    def _follow(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, OrderAccepted):
            self.tallies[recorded.seq] = Tally(event.maker_fee_ppm, event.taker_fee_ppm, event.order.quantity)
        elif isinstance(event, OrderAmended):
            tally = self.tallies[event.order_id]
            tally.entered = event.quantity + tally.decremented
        elif isinstance(event, OrderCancelled):
            self.tallies[event.order_id].cancelled += event.quantity
        elif isinstance(event, OrdersDecremented):
            for order_id in (event.maker_order_id, event.taker_order_id):
                self.tallies[order_id].decremented += event.quantity
        elif isinstance(event, Fill):
            self._follow_fill(event)

    def _follow_fill(self, fill: Fill) -> None:
        maker, taker = self.tallies[fill.maker_order_id], self.tallies[fill.taker_order_id]
        maker_fee, taker_fee = (
            (fill.seller_fee, fill.buyer_fee)
            if fill.taker_side is Side.BUY
            else (fill.buyer_fee, fill.seller_fee)
        )
        for tally, rate_ppm, fee in (
            (maker, maker.maker_fee_ppm, maker_fee),
            (taker, taker.taker_fee_ppm, taker_fee),
        ):
            tally.executed += fill.quantity
            tally.fee_numerator += fill.amount * rate_ppm
            tally.fee += fee
            assert -(-tally.fee_numerator // PPM) == tally.fee
        assert fill.quantity == sum(units for _, units in fill.delivered)
        assert min(fill.amount, fill.quantity, fill.price) > 0
        assert min(fill.buyer_fee, fill.seller_fee, fill.buyer_release) >= 0
        accounts = self.market.state.accounts
        assert accounts[fill.buyer] != accounts[fill.seller]

    def _check_orders(self) -> None:
        """Executed, open, cancelled and decremented quantities make up what was entered."""
        live = {order_id: order.remaining for order_id, order in self.market.state.orders.items()}
        still_open = {order_id: tally.open for order_id, tally in self.tallies.items() if tally.open}
        assert still_open == live

    def _check_holds(self) -> None:
        """What accounts hold is what their open orders need, to the cent and to the unit."""
        state = self.market.state
        needed: Counter[tuple[str, str]] = Counter()
        for order in state.orders.values():
            listing = state.listings[order.instrument]
            if order.side is Side.BUY:
                assert not order.deliver
                assert order.needed_cash(listing.notional(order.price, order.remaining)) == order.hold_cash
                needed[order.account, listing.instrument.currency] += order.hold_cash
            else:
                assert not order.hold_cash
                assert order.remaining == sum(units for _, units in order.deliver)
                for class_id, units in order.deliver:
                    needed[order.account, class_id] += units
        for obligation in state.obligations.values():
            settled = obligation.settled
            needed[settled.buyer, settled.currency] += settled.amount + settled.buyer_fee
            for class_id, units in settled.delivered:
                needed[settled.seller, class_id] += units
        for account, class_id in state.frozen.accounts():
            needed[account, class_id] += state.frozen.units(account, class_id)
        held = {
            (account, asset): balance.held
            for account, balances in state.ledger.accounts.items()
            for asset, balance in balances.items()
            if balance.held
        }
        assert dict(needed) == held

    def _check_books(self) -> None:
        """Books hold exactly the live orders, as open as the venue says, and are never crossed."""
        state = self.market.state
        resting = {}
        for symbol, book in state.books.items():
            best_bid, best_ask = book.best_bid, book.best_ask
            assert best_bid is None or best_ask is None or best_bid < best_ask
            for order in book.resting():
                resting[order.order_id] = (symbol, order.price, order.remaining, order.quantity)
        live = {
            order_id: (order.instrument, order.price, order.remaining, order.quantity)
            for order_id, order in state.orders.items()
        }
        assert live == resting
