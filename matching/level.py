"""One price level: a FIFO of orders as a linked list, so that any order leaves in constant time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from matching.errors import BookError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matching.order import Order


class Level(msgspec.Struct, eq=False):
    """Orders at one price, first come first; it comes with its first order and leaves with its last."""

    price: int
    visible: int
    """Sum of what its orders show."""
    hidden: int
    """Sum of what its icebergs hide."""
    count: int
    first: Order
    last: Order

    def __iter__(self) -> Iterator[Order]:
        order: Order | None = self.first
        while order is not None:
            yield order
            order = order.behind

    def append(self, order: Order) -> None:
        """Put the order at the back of the queue."""
        last = self.last
        last.behind = order
        order.ahead = last
        order.level = self
        self.last = order
        self.visible += order.visible
        self.hidden += order.hidden
        self.count += 1

    def unlink(self, order: Order) -> None:
        """Take an order that is not alone out of the queue; its neighbours close the gap."""
        ahead = order.ahead
        behind = order.behind
        if ahead is not None:
            ahead.behind = behind
            if behind is None:
                self.last = ahead
            else:
                behind.ahead = ahead
        elif behind is not None:
            behind.ahead = None
            self.first = behind
        else:
            raise BookError(f"order {order.order_id} is alone at {self.price}")
        order.level = order.ahead = order.behind = None
        self.visible -= order.visible
        self.hidden -= order.hidden
        self.count -= 1
