"""One price level: a FIFO of orders as a linked list, so that any order leaves in constant time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matching.order import Order


class Level(msgspec.Struct, eq=False):
    """Orders at one price, first come first. `visible` and `hidden` are the sums over its orders."""

    price: int
    visible: int = 0
    hidden: int = 0
    count: int = 0
    first: Order | None = None
    last: Order | None = None

    def __iter__(self) -> Iterator[Order]:
        order = self.first
        while order is not None:
            yield order
            order = order.behind

    def append(self, order: Order) -> None:
        """Put the order at the back of the queue."""
        order.level = self
        last = self.last
        if last is None:
            self.first = order
        else:
            last.behind = order
            order.ahead = last
        self.last = order
        self.visible += order.visible
        self.hidden += order.hidden
        self.count += 1

    def unlink(self, order: Order) -> None:
        """Take the order out of the queue; its neighbours close the gap."""
        ahead = order.ahead
        behind = order.behind
        if ahead is None:
            self.first = behind
        else:
            ahead.behind = behind
        if behind is None:
            self.last = ahead
        else:
            behind.ahead = ahead
        order.level = order.ahead = order.behind = None
        self.visible -= order.visible
        self.hidden -= order.hidden
        self.count -= 1
