"""What the tests send to a book, as values: the same message can go to several books."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from matching.order import Order, SelfTradePrevention, Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matching.events import BookEvent, Refusal

Depth = list[tuple[int, int, int]]
"""`(price, visible quantity, number of orders)` per level, best first."""


class RestingOrder(Protocol):
    """What may be read of an order in either book."""

    @property
    def order_id(self) -> int: ...
    @property
    def owner(self) -> int: ...
    @property
    def side(self) -> Side: ...
    @property
    def price(self) -> int: ...
    @property
    def visible(self) -> int: ...
    @property
    def hidden(self) -> int: ...
    @property
    def filled(self) -> int: ...
    @property
    def remaining(self) -> int: ...


class Book(Protocol):
    """The interface that the fast book and the oracle share."""

    @property
    def best_bid(self) -> int | None: ...
    @property
    def best_ask(self) -> int | None: ...
    def depth(self, side: Side, levels: int | None = None) -> Depth: ...
    def resting(self) -> Iterator[RestingOrder]: ...
    def digest(self) -> str: ...
    def crosses(self, side: Side, price: int) -> bool: ...
    def refusal(self, order: Order) -> Refusal | None: ...
    def submit(self, order: Order) -> Sequence[BookEvent]: ...
    def amend(self, order_id: int, price: int, quantity: int) -> Sequence[BookEvent]: ...
    def cancel(self, order_id: int) -> Sequence[BookEvent]: ...
    def mass_cancel(self, owner: int | None = None, side: Side | None = None) -> Sequence[BookEvent]: ...
    def expire(self, date: int) -> Sequence[BookEvent]: ...


@dataclass(frozen=True)
class Submit:
    """A new order; the defaults are those of a plain limit order of an owner who has no other."""

    side: Side
    order_id: int
    quantity: int
    price: int
    owner: int
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    stp: SelfTradePrevention = SelfTradePrevention.CANCEL_TAKER
    display: int = 0
    expiry: int = 0

    def order(self) -> Order:
        return Order(
            order_id=self.order_id,
            owner=self.owner,
            side=self.side,
            price=self.price,
            visible=self.quantity,
            time_in_force=self.time_in_force,
            post_only=self.post_only,
            self_trade_prevention=self.stp,
            display=self.display,
            expiry=self.expiry,
        )

    def send(self, book: Book) -> Sequence[BookEvent]:
        return book.submit(self.order())

    # Variations, so that a test reads as a sentence: `buy(2, 10, 101).ioc()`.

    def by(self, owner: int) -> Submit:
        return replace(self, owner=owner)

    def ioc(self) -> Submit:
        return replace(self, time_in_force=TimeInForce.IOC)

    def fok(self) -> Submit:
        return replace(self, time_in_force=TimeInForce.FOK)

    def only_post(self) -> Submit:
        return replace(self, post_only=True)

    def iceberg(self, display: int) -> Submit:
        return replace(self, display=display)

    def until(self, date: int) -> Submit:
        return replace(self, time_in_force=TimeInForce.GTD, expiry=date)

    def prevents(self, stp: SelfTradePrevention) -> Submit:
        return replace(self, stp=stp)


@dataclass(frozen=True)
class Amend:
    order_id: int
    price: int
    quantity: int

    def send(self, book: Book) -> Sequence[BookEvent]:
        return book.amend(self.order_id, self.price, self.quantity)


@dataclass(frozen=True)
class Cancel:
    order_id: int

    def send(self, book: Book) -> Sequence[BookEvent]:
        return book.cancel(self.order_id)


@dataclass(frozen=True)
class MassCancel:
    owner: int | None = None
    side: Side | None = None

    def send(self, book: Book) -> Sequence[BookEvent]:
        return book.mass_cancel(self.owner, self.side)


@dataclass(frozen=True)
class Expire:
    date: int

    def send(self, book: Book) -> Sequence[BookEvent]:
        return book.expire(self.date)


Message = Submit | Amend | Cancel | MassCancel | Expire


def buy(order_id: int, quantity: int, price: int) -> Submit:
    """A limit order to buy, of an owner of its own."""
    return Submit(Side.BUY, order_id, quantity, price, owner=1000 + order_id)


def sell(order_id: int, quantity: int, price: int) -> Submit:
    """A limit order to sell, of an owner of its own."""
    return Submit(Side.SELL, order_id, quantity, price, owner=1000 + order_id)
