"""Price-time priority over a whole log, checked from its events alone by a book that is too simple to be wrong.

It knows nothing of the product's book. Histories with icebergs or auctions are not for it.
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
    done: int = 0

    @property
    def open_quantity(self) -> int:
        """What may still trade."""
        return self.quantity - self.done


class NaiveBook:
    """The live orders of an instrument: by side and price, those of a price in the order in which they came there."""

    def __init__(self) -> None:
        self.orders: dict[int, LiveOrder] = {}
        self._levels: dict[Side, dict[int, dict[int, LiveOrder]]] = {Side.BUY: {}, Side.SELL: {}}

    def add(self, order: LiveOrder) -> None:
        """Put an order behind all others of its price."""
        self.orders[order.order_id] = order
        self._levels[order.side].setdefault(order.price_ticks, {})[order.order_id] = order

    def remove(self, order: LiveOrder) -> None:
        """Take an order out."""
        del self.orders[order.order_id]
        level = self._levels[order.side][order.price_ticks]
        del level[order.order_id]
        if not level:
            del self._levels[order.side][order.price_ticks]

    def take(self, order_id: int, quantity: int) -> None:
        """Some of an order is done."""
        order = self.orders[order_id]
        order.done += quantity
        if order.open_quantity <= 0:
            self.remove(order)

    def best_price(self, side: Side) -> int | None:
        """The best of all prices that are asked or bid."""
        prices = self._levels[side]
        return (max if side is Side.BUY else min)(prices, default=None)

    def first(self, side: Side) -> LiveOrder | None:
        """Whose turn it is on a side."""
        price = self.best_price(side)
        return None if price is None else next(iter(self._levels[side][price].values()))


class PriorityCheck:
    """Feed it the log; `violations` has one sentence for each breach."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.trades = 0
        self._books: dict[str, NaiveBook] = {}

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
            order = LiveOrder(seq, event.order.side, event.price, event.order.quantity)
            self._books.setdefault(event.order.instrument, NaiveBook()).add(order)
        elif isinstance(event, ev.OrderCancelled):
            book = self._books[event.instrument]
            book.remove(book.orders[event.order_id])
        elif isinstance(event, ev.OrdersDecremented):
            self._books[event.instrument].take(event.maker_order_id, event.quantity)
            self._books[event.instrument].take(event.taker_order_id, event.quantity)
        elif isinstance(event, ev.OrderAmended):
            book = self._books[event.instrument]
            order = book.orders[event.order_id]
            if event.keeps_priority:
                order.quantity = event.quantity
            else:
                book.remove(order)
                order.price_ticks, order.quantity = event.price, event.quantity
                book.add(order)
        elif isinstance(event, ev.Fill):
            self._trade(seq, event)

    def _trade(self, seq: int, fill: ev.Fill) -> None:
        self.trades += 1
        book = self._books.setdefault(fill.instrument, NaiveBook())
        taker, maker = book.orders.get(fill.taker_order_id), book.orders.get(fill.maker_order_id)
        if taker is None or maker is None:
            self.violations.append(f"trade {seq} is of orders that are not live")
            return
        first = book.first(Side.SELL if taker.side is Side.BUY else Side.BUY)
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
        book.take(maker.order_id, fill.quantity)
        book.take(taker.order_id, fill.quantity)

    def _check_crossed(self, seq: int) -> None:
        for symbol, book in self._books.items():
            bid, ask = book.best_price(Side.BUY), book.best_price(Side.SELL)
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
