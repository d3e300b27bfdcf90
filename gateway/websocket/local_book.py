"""A client's copy of a book, kept from pushes of the channel `book` and checked with every one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from sortedcontainers import SortedDict

from gateway.book_feed import CHECKSUM_LEVELS
from gateway.websocket.pushes import BookUpdate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.results import BookLevel
    from gateway.websocket.pushes import BookPush


class BookMismatch(Exception):  # noqa: N818 - it says what was found
    """A push does not follow the one before, or the checksum differs: the copy must be taken anew."""


class LocalBook:
    """Bids and asks to the subscribed depth. Prices are decimal text, quantities units."""

    def __init__(self, instrument: str) -> None:
        self.instrument = instrument
        self.seq = 0
        """Place in the log as of which the copy is true; 0 before the first snapshot."""
        # By price as an integer: its text without the point, which sorts like the price and is what the checksum takes.
        self._bids: SortedDict[int, BookLevel] = SortedDict()
        self._asks: SortedDict[int, BookLevel] = SortedDict()

    @property
    def bids(self) -> list[BookLevel]:
        """`(price, quantity)`, highest price first."""
        return list(reversed(self._bids.values()))

    @property
    def asks(self) -> list[BookLevel]:
        """`(price, quantity)`, lowest price first."""
        return list(self._asks.values())

    @property
    def best_bid(self) -> BookLevel | None:
        """Highest bid."""
        return self._bids.peekitem(-1)[1] if self._bids else None

    @property
    def best_ask(self) -> BookLevel | None:
        """Lowest ask."""
        return self._asks.peekitem(0)[1] if self._asks else None

    def apply(self, push: BookPush) -> None:
        """Take a snapshot or a delta in; raises BookMismatch."""
        data = push.data
        if data.type is BookUpdate.SNAPSHOT:
            self._bids.clear()
            self._asks.clear()
        elif push.prev_seq != self.seq:
            raise BookMismatch(
                f"{self.instrument}: a push follows {push.prev_seq}, the copy is at {self.seq}"
            )
        _set_levels(self._bids, data.bids)
        _set_levels(self._asks, data.asks)
        if self.checksum() != data.checksum:
            raise BookMismatch(f"{self.instrument}: the checksum at {push.seq} differs")
        self.seq = push.seq

    def checksum(self) -> int:
        """The checksum of the copy; see `gateway.book_feed`."""
        best_asks = self._asks.items()[:CHECKSUM_LEVELS]
        best_bids = self._bids.items()[: -CHECKSUM_LEVELS - 1 : -1]
        text = "".join(f"{key}{level[1]}" for key, level in (*best_asks, *best_bids))
        return crc32(text.encode())


def _set_levels(side: SortedDict[int, Any], levels: Iterable[BookLevel]) -> None:
    for price, quantity in levels:
        key = int(price.replace(".", ""))
        if quantity:
            side[key] = (price, quantity)
        else:
            side.pop(key, None)
