"""What single events do to an order book that did not decide them: a replay moves the book as it moved when it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.state import State


def _accepted(state: State, seq: int, event: ev.OrderAccepted) -> None:
    state.books[event.order.instrument].rest(state.book_order(seq, event))


def _amended(state: State, _seq: int, event: ev.OrderAmended) -> None:
    book = state.books[event.instrument]
    order = book.orders[event.order_id]
    if event.keeps_priority:
        book.shrink(order, event.quantity)
    else:
        book.move(order, event.price, event.quantity)


def _cancelled(state: State, _seq: int, event: ev.OrderCancelled) -> None:
    book = state.books[event.instrument]
    book.remove(book.orders[event.order_id])


def _decremented(state: State, _seq: int, event: ev.OrdersDecremented) -> None:
    book = state.books[event.instrument]
    book.take_from_maker(book.orders[event.maker_order_id], event.quantity)
    book.take_from_taker(book.orders[event.taker_order_id], event.quantity)


def _filled(state: State, _seq: int, event: ev.Fill) -> None:
    book = state.books[event.instrument]
    maker = book.orders[event.maker_order_id]
    taker = book.orders[event.taker_order_id]
    maker.filled += event.quantity
    taker.filled += event.quantity
    book.take_from_maker(maker, event.quantity)
    book.take_from_taker(taker, event.quantity)


REPLAYS: dict[type[ev.Event], Callable[..., None]] = {
    ev.OrderAccepted: _accepted,
    ev.OrderAmended: _amended,
    ev.OrderCancelled: _cancelled,
    ev.OrdersDecremented: _decremented,
    ev.Fill: _filled,
}
