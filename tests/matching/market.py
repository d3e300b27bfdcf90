"""The driver of the edge cases: one message, its events, and what the book shows afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.order import Side

if TYPE_CHECKING:
    from matching.events import BookEvent
    from tests.matching.messages import Book, Depth, Message


class Market:
    """A book under test that remembers what it should show."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.bids: Depth = []
        self.asks: Depth = []

    def answers(
        self,
        message: Message,
        events: list[BookEvent],
        *,
        bids: Depth | None = None,
        asks: Depth | None = None,
    ) -> None:
        """Send a message; compare its events, then both sides of the book and both best prices.

        A side that is not given must be as it was.
        """
        self.bids = self.bids if bids is None else bids
        self.asks = self.asks if asks is None else asks
        book = self.book
        assert events == message.send(book)
        assert self.bids == book.depth(Side.BUY)
        assert self.asks == book.depth(Side.SELL)
        assert (self.bids[0][0] if self.bids else None) == book.best_bid
        assert (self.asks[0][0] if self.asks else None) == book.best_ask

    def queue(self) -> list[int]:
        """Ids of all resting orders in priority order, bids first."""
        return [order.order_id for order in self.book.resting()]
