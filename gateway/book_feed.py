"""Views of an order book to a depth, what changed between two of them, and the checksum of the best ten levels.

The checksum is Kraken's rule (websocket v2): CRC-32 (that of zlib, unsigned) of a text that is made of the ten best asks
from the lowest price up, then the ten best bids from the highest price down. Each level adds its price and then its
quantity, both as decimal digits. A price is its decimal text as sent, with all its decimals, without the point and
without leading zeros (`"12.50"` becomes `1250`, `"0.05"` becomes `5`); a quantity is its digits. With fewer than ten
levels on a side there are just those. An empty book has the checksum of no bytes, 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from zlib import crc32

import msgspec

from exchange.domain.orders import Side

if TYPE_CHECKING:
    from exchange.domain.instruments import Instrument

Levels = list[tuple[int, int]]
"""`(price in ticks, visible quantity)`, best first."""

CHECKSUM_LEVELS = 10


class Depth(Protocol):
    """An order book, as far as it is shown."""

    def depth(self, side: Side, levels: int | None = None) -> list[tuple[int, int, int]]:
        """`(price, visible quantity, number of orders)` per level, best first, at most `levels` of them."""


class BookView(msgspec.Struct, frozen=True, eq=False):
    """The best levels of both sides as of an event; a view is never changed."""

    seq: int
    bids: Levels
    asks: Levels


def view_book(book: Depth, depth: int, seq: int) -> BookView:
    """The book's best `depth` levels of each side."""
    return BookView(
        seq,
        [(price, quantity) for price, quantity, _ in book.depth(Side.BUY, depth)],
        [(price, quantity) for price, quantity, _ in book.depth(Side.SELL, depth)],
    )


def changed_levels(before: Levels, after: Levels) -> Levels:
    """Levels to set to get from one view of a side to the next; quantity 0 removes a level from the view."""
    if before == after:
        return []
    gone = dict(before)
    changed = [level for level in after if gone.pop(level[0], 0) != level[1]]
    changed += [(price, 0) for price in gone]
    return changed


def checksum(instrument: Instrument, view: BookView) -> int:
    """The checksum that a client computes from the levels it holds."""
    tick = instrument.tick
    parts: list[str] = []
    for side in (view.asks, view.bids):
        parts += [f"{price * tick}{quantity}" for price, quantity in side[:CHECKSUM_LEVELS]]
    return crc32("".join(parts).encode())


def checksum_of_text(asks: list[tuple[str, int]], bids: list[tuple[str, int]]) -> int:
    """The same from decimal prices as they were received; both sides best first."""
    text = "".join(
        f"{price.replace('.', '').lstrip('0')}{quantity}"
        for side in (asks, bids)
        for price, quantity in side[:CHECKSUM_LEVELS]
    )
    return crc32(text.encode())


class BookFeed:
    """The latest view of one book at one depth; whoever got an older view is brought up to it by a difference."""

    def __init__(self, book: Depth, depth: int, seq: int) -> None:
        self.depth = depth
        self._book = book
        self.view = view_book(book, depth, seq)

    def refresh(self, seq: int) -> bool:
        """Look at the book again after the event `seq`; answers whether the view is a new one."""
        view = view_book(self._book, self.depth, seq)
        if view.bids == self.view.bids and view.asks == self.view.asks:
            return False
        self.view = view
        return True
