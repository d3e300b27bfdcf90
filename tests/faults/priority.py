"""Price-time priority over a whole log, checked from its events alone by a book that is too simple to be wrong.

It knows nothing of the product's book: a list of live orders per instrument, searched from end to end at each trade. Histories
with icebergs or auctions are not for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.orders import Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class LiveOrder(msgspec.Struct):
    """An order and what was done of it."""

    order_id: int
    side: Side
    price_ticks: int
    quantity: int
    since_seq: int
    """The event that gave it its place."""
    done: int = 0

    @property
    def open_quantity(self) -> int:
        """What may still trade."""
        return self.quantity - self.done

    @property
    def rank(self) -> tuple[int, int]:
        """The lower, the earlier it trades."""
        return (-self.price_ticks if self.side is Side.BUY else self.price_ticks), self.since_seq


class PriorityCheck:
    """Feed it the log; `violations` has one sentence for each breach."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.trades = 0
        self._books: dict[str, dict[int, LiveOrder]] = {}

    def feed(self, log: Iterable[ev.Recorded]) -> None:
        """Follow events in the order of the log."""
        last_command = 0
        for recorded in log:
            if recorded.command != last_command:
                last_command = recorded.command
                self._check_crossed(recorded.seq)
            self._follow(recorded.seq, recorded.event)

    def _follow(self, seq: int, event: ev.Event) -> None:
        if isinstance(event, ev.OrderAccepted):
            order = LiveOrder(seq, event.order.side, event.price, event.order.quantity, seq)
            self._books.setdefault(event.order.instrument, {})[seq] = order
        elif isinstance(event, ev.OrderCancelled):
            self._books[event.instrument].pop(event.order_id, None)
        elif isinstance(event, ev.OrdersDecremented):
            self._take(event.instrument, event.maker_order_id, event.quantity)
            self._take(event.instrument, event.taker_order_id, event.quantity)
        elif isinstance(event, ev.OrderAmended):
            order = self._books[event.instrument][event.order_id]
            order.price_ticks, order.quantity = event.price, event.quantity
            if not event.keeps_priority:
                order.since_seq = seq
        elif isinstance(event, ev.Fill):
            self._trade(seq, event)

    def _trade(self, seq: int, fill: ev.Fill) -> None:
        self.trades += 1
        book = self._books.get(fill.instrument, {})
        taker, maker = book.get(fill.taker_order_id), book.get(fill.maker_order_id)
        if taker is None or maker is None:
            self.violations.append(f"trade {seq} is of orders that are not live")
            return
        resting = [order for order in book.values() if order.side is not taker.side]
        first = min(resting, key=lambda order: order.rank, default=None)
        if first is not maker:
            self.violations.append(
                f"trade {seq} is of order {maker.order_id}, but {first and first.order_id} came first"
            )
        if fill.price != maker.price_ticks:
            self.violations.append(f"trade {seq} is at {fill.price}, its maker asked for {maker.price_ticks}")
        if not _accepts(taker, fill.price):
            self.violations.append(f"trade {seq} is at {fill.price}, beyond its taker's {taker.price_ticks}")
        if fill.quantity > min(maker.open_quantity, taker.open_quantity):
            self.violations.append(f"trade {seq} is of {fill.quantity}, more than was open")
        self._take(fill.instrument, maker.order_id, fill.quantity)
        self._take(fill.instrument, taker.order_id, fill.quantity)

    def _take(self, instrument: str, order_id: int, quantity: int) -> None:
        order = self._books[instrument][order_id]
        order.done += quantity
        if order.open_quantity <= 0:
            del self._books[instrument][order_id]

    def _check_crossed(self, seq: int) -> None:
        for symbol, book in self._books.items():
            bids = (order.price_ticks for order in book.values() if order.side is Side.BUY)
            asks = (order.price_ticks for order in book.values() if order.side is Side.SELL)
            bid, ask = max(bids, default=None), min(asks, default=None)
            if bid is not None and ask is not None and bid >= ask:
                self.violations.append(f"before event {seq} {symbol} stood crossed: {bid} bid, {ask} asked")


def priority_violations(log: Iterable[ev.Recorded]) -> Iterator[str]:
    """Every breach of price-time priority in a log, from its first event on."""
    check = PriorityCheck()
    check.feed(log)
    yield from check.violations


def _accepts(taker: LiveOrder, price_ticks: int) -> bool:
    if taker.side is Side.BUY:
        return price_ticks <= taker.price_ticks
    return price_ticks >= taker.price_ticks
