"""One hour of a real order book (LOBSTER sample), as operations that any book or venue can be driven with.

The sample is a list of messages about single orders, and the book of fifty levels after the first of them. The reader
turns them into four operations on orders that all are known: the opening volume of each price is one order, and a
message about an order from before the hour concerns it. Prices are whole cents, quantities are shares.

An execution is a marketable order of the other side, so its maker must be the first in the queue at the best price.
Where the sample's order is not the first (it does not show why), the orders that it passes over, nine in the whole
hour, are cancelled and entered anew behind it beforehand; what the levels show does not change by that.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from matching.order import Order, Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matching.book import OrderBook
    from matching.events import BookEvent

MAKER, TAKER = 1, 2
"""The two owners that trade: one has all orders of the book, the other comes for the executions."""

_ADD, _REDUCE, _DELETE, _EXECUTE = "1", "2", "3", "4"
_HIDDEN, _HALT = "5", "7"


class Add(NamedTuple):
    """A new limit order, which does not cross."""

    row: int
    """Number of the message that asks for this, from 1; 1 too for the opening volume."""
    order_id: int
    side: Side
    price_cents: int
    quantity: int


class Reduce(NamedTuple):
    """A resting order gets smaller in its place."""

    row: int
    order_id: int
    side: Side
    price_cents: int
    total: int
    """The order's new total quantity, filled included: what an amend takes."""


class Delete(NamedTuple):
    """A resting order is cancelled."""

    row: int
    order_id: int


class Execute(NamedTuple):
    """A marketable order trades with one resting order, the first in the queue at the best price."""

    row: int
    maker_id: int
    taker_id: int
    """An id that no other order of the hour has."""
    side: Side
    """Of the taker."""
    price_cents: int
    quantity: int


Operation = Add | Reduce | Delete | Execute

Levels = list[tuple[int, int]]
"""`(price in cents, quantity)`, best first."""


class TopTen(NamedTuple):
    """Ten levels a side, as the sample gives them after one of its messages."""

    row: int
    bids: Levels
    asks: Levels


@dataclass
class LobsterHour:
    """The hour: the opening volume, then the operations in order."""

    opening: list[Add] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    executions: int = 0
    """Executions of visible orders among the messages, each one an `Execute`."""
    passed_over: int = 0
    """Orders entered anew because an execution passed them over."""
    outside: int = 0
    """Messages left out because they concern volume outside the opening book."""


def read_hour(folder: Path) -> LobsterHour:
    """Read `message_50.csv.gz` and `orderbook_50_row1.csv`."""
    return _HourReader(folder).read()


def read_top_ten(folder: Path) -> list[TopTen]:
    """The known states of the ten best levels, each with the row of the hour's message that it follows."""
    hour = enumerate(_messages(folder / "message_50.csv.gz"), start=1)
    states: list[TopTen] = []
    with gzip.open(folder / "orderbook_10.csv.gz", "rt", encoding="ascii", newline="") as file:
        for message, levels in zip(_messages(folder / "message_10.csv.gz"), csv.reader(file), strict=True):
            # The ten-level files leave out messages beyond ten levels: find this one in the hour.
            row = next(row for row, of_hour in hour if of_hour == message)
            asks, bids = _levels(levels)
            states.append(TopTen(row, bids, asks))
    return states


def apply(book: OrderBook, operation: Operation) -> list[BookEvent]:
    """Do to a book what the operation says; answers the book's events."""
    match operation:
        case Add(_, order_id, side, price, quantity):
            return book.submit(Order(order_id, MAKER, side, price, quantity))
        case Reduce(_, order_id, _, price, total):
            return book.amend(order_id, price, total)
        case Delete(_, order_id):
            return book.cancel(order_id)
        case Execute(_, _, taker_id, side, price, quantity):
            return book.submit(Order(taker_id, TAKER, side, price, quantity, TimeInForce.IOC))


def _messages(path: Path) -> Iterator[list[str]]:
    """Rows `time, type, order id, size, price * 10000, direction`."""
    with gzip.open(path, "rt", encoding="ascii", newline="") as file:
        yield from csv.reader(file)


def _levels(row: list[str]) -> tuple[Levels, Levels]:
    """Asks and bids of a row `ask price, ask size, bid price, bid size, ...`; levels without volume left out."""
    numbers = [int(number) for number in row]
    asks = [(_cents(price), size) for price, size in zip(numbers[0::4], numbers[1::4], strict=True) if size]
    bids = [(_cents(price), size) for price, size in zip(numbers[2::4], numbers[3::4], strict=True) if size]
    return asks, bids


def _cents(price: int) -> int:
    """Cents of a price in hundredths of a cent."""
    cents, rest = divmod(price, 100)
    if rest:
        raise ValueError(f"{price} is not a whole number of cents")
    return cents


@dataclass
class _Resting:
    """What the reader knows of an order on the book."""

    order_id: int
    side: Side
    price_cents: int
    total: int
    open: int


class _HourReader:
    """Follows every order through the hour, so that each operation names an order and its quantities."""

    def __init__(self, folder: Path) -> None:
        self.messages = list(_messages(folder / "message_50.csv.gz"))
        with (folder / "orderbook_50_row1.csv").open(encoding="ascii", newline="") as file:
            self.opening_levels = _levels(next(csv.reader(file)))
        self.next_id = max(int(message[2]) for message in self.messages) + 1
        self.hour = LobsterHour()
        self.known: dict[int, _Resting] = {}
        """Resting orders by the id that the messages give them."""
        self.opening: dict[tuple[Side, int], _Resting] = {}
        """The order that stands for the opening volume of a price."""
        self.queues: dict[tuple[Side, int], list[_Resting]] = {}

    def read(self) -> LobsterHour:
        for side, levels in zip((Side.SELL, Side.BUY), self.opening_levels, strict=True):
            for price_cents, quantity in levels:
                order = self._enter(self._fresh_id(), side, price_cents, quantity)
                self.opening[side, price_cents] = order
                self.hour.opening.append(Add(1, order.order_id, side, price_cents, quantity))
        # Message 1 is in the opening book.
        for row, (_, kind, order_id, size, price, direction) in enumerate(self.messages[1:], start=2):
            if kind in (_HIDDEN, _HALT):
                continue
            side = Side.BUY if direction == "1" else Side.SELL
            self._message(row, kind, int(order_id), int(size), side, _cents(int(price)))
        return self.hour

    def _message(self, row: int, kind: str, order_id: int, size: int, side: Side, price_cents: int) -> None:
        operations = self.hour.operations
        if kind == _ADD:
            self.known[order_id] = self._enter(order_id, side, price_cents, size)
            operations.append(Add(row, order_id, side, price_cents, size))
            return
        order = self.known.get(order_id) or self.opening.get((side, price_cents))
        if order is None or not order.open:
            self.hour.outside += 1
        elif kind == _EXECUTE:
            self._execute(row, order, size)
        elif kind not in (_REDUCE, _DELETE):
            raise ValueError(f"message {row} is of the unknown type {kind}")
        elif size < order.open:
            # Deletes too: one from before the hour ends only a part of its price's opening volume.
            order.total -= size
            order.open -= size
            operations.append(Reduce(row, order.order_id, order.side, order.price_cents, order.total))
        else:
            self._leave(order)
            operations.append(Delete(row, order.order_id))

    def _execute(self, row: int, order: _Resting, size: int) -> None:
        queue = self.queues[order.side, order.price_cents]
        for ahead in queue[: queue.index(order)]:
            self._pass_over(row, ahead)
        taker_side = Side.SELL if order.side is Side.BUY else Side.BUY
        self.hour.executions += 1
        self.hour.operations.append(
            Execute(row, order.order_id, self._fresh_id(), taker_side, order.price_cents, size)
        )
        order.open -= size
        if not order.open:
            self._leave(order)

    def _pass_over(self, row: int, order: _Resting) -> None:
        """Cancel an order and enter what is open of it behind the others, under a new id."""
        queue = self.queues[order.side, order.price_cents]
        self.hour.passed_over += 1
        self.hour.operations.append(Delete(row, order.order_id))
        queue.remove(order)
        queue.append(order)
        order.order_id = self._fresh_id()
        order.total = order.open
        self.hour.operations.append(Add(row, order.order_id, order.side, order.price_cents, order.open))

    def _enter(self, order_id: int, side: Side, price_cents: int, quantity: int) -> _Resting:
        order = _Resting(order_id, side, price_cents, quantity, quantity)
        self.queues.setdefault((side, price_cents), []).append(order)
        return order

    def _leave(self, order: _Resting) -> None:
        order.open = 0
        self.queues[order.side, order.price_cents].remove(order)

    def _fresh_id(self) -> int:
        fresh_id = self.next_id
        self.next_id += 1
        return fresh_id
