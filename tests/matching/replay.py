"""Applies recorded facts to a book through its mutators alone, as a replay from a log does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.events import Amended, Cancelled, Decremented, Filled, Refused
from tests.matching.messages import Submit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matching.book import OrderBook
    from matching.events import BookEvent
    from tests.matching.messages import Message


def replay(book: OrderBook, message: Message, events: Sequence[BookEvent]) -> None:
    """Bring a book from before a message to after it, given what happened.

    A new order rests first, unless it was refused; its own fills, decrements and cancels follow as facts.
    """
    orders = book.orders
    refused = any(isinstance(event, Refused) for event in events)
    if isinstance(message, Submit) and not refused:
        book.rest(message.order())
    for event in events:
        match event:
            case Filled(maker_id, taker_id, _, quantity):
                maker, taker = orders[maker_id], orders[taker_id]
                maker.filled += quantity
                taker.filled += quantity
                book.take_from_maker(maker, quantity)
                book.take_from_taker(taker, quantity)
            case Decremented(maker_id, taker_id, quantity):
                book.take_from_maker(orders[maker_id], quantity)
                book.take_from_taker(orders[taker_id], quantity)
            case Cancelled(order_id):
                book.remove(orders[order_id])
            case Amended(order_id, _, quantity, keeps_priority=True):
                book.shrink(orders[order_id], quantity)
            case Amended(order_id, price, quantity):
                book.move(orders[order_id], price, quantity)
            case Refused():
                pass
