"""The order book: price-time priority over two sides of price levels.

`submit`, `amend`, `cancel`, `mass_cancel` and `expire` decide and return events. `rest`, `take_from_maker`,
`take_from_taker`, `shrink`, `move` and `remove` are the mutators: deciding uses them, and so does a replay that applies
recorded facts without deciding again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sortedcontainers import SortedList

from matching.errors import BookError
from matching.events import Amended, Cancelled, CancelReason, Decremented, Filled, Refusal, Refused
from matching.level import Level
from matching.order import Order, SelfTradePrevention, Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matching.events import BookEvent

BUY = Side.BUY
IOC = TimeInForce.IOC
FOK = TimeInForce.FOK
CANCEL_TAKER = SelfTradePrevention.CANCEL_TAKER
CANCEL_MAKER = SelfTradePrevention.CANCEL_MAKER
CANCEL_BOTH = SelfTradePrevention.CANCEL_BOTH
REQUESTED = CancelReason.REQUESTED
UNFILLED_IOC = CancelReason.IMMEDIATE_OR_CANCEL
UNKNOWN_ORDER = Refusal.UNKNOWN_ORDER


class BookSide:
    """The levels of one side by price; the best one is kept apart, because most messages concern it alone."""

    __slots__ = ("behind", "best", "best_index", "levels")

    def __init__(self, best_index: int) -> None:
        self.levels: dict[int, Level] = {}
        self.best: Level | None = None
        self.behind: SortedList[int] = SortedList()
        """Prices of all levels but the best, ascending."""
        self.best_index = best_index
        """Which of the prices behind comes next: -1 for bids, 0 for asks."""

    def best_first(self) -> Iterator[Level]:
        """Levels from the best price outwards."""
        best = self.best
        if best is None:
            return
        yield best
        for price in self.behind if self.best_index == 0 else reversed(self.behind):
            yield self.levels[price]

    def open(self, order: Order) -> None:
        """Start a level at a price that has none with its first order."""
        price = order.price
        level = Level(price, order.visible, order.hidden, 1, order, order)
        order.level = self.levels[price] = level
        best = self.best
        if best is None:
            self.best = level
        elif price < best.price if self.best_index == 0 else price > best.price:
            self.behind.add(best.price)
            self.best = level
        else:
            self.behind.add(price)

    def close(self, level: Level) -> None:
        """Forget a level whose last order leaves."""
        levels = self.levels
        del levels[level.price]
        level.first.level = None
        if level is not self.best:
            self.behind.remove(level.price)
        elif levels:
            self.best = levels[self.behind.pop(self.best_index)]
        else:
            self.best = None


class OrderBook:
    """One instrument's book. Prices in ticks, quantities in units, all integers; order ids are unique while live."""

    __slots__ = ("asks", "bids", "orders")

    def __init__(self) -> None:
        self.bids = BookSide(-1)
        self.asks = BookSide(0)
        self.orders: dict[int, Order] = {}
        """Resting orders by id."""

    # What the book shows.

    @property
    def best_bid(self) -> int | None:
        """Highest price bid, in ticks."""
        best = self.bids.best
        return None if best is None else best.price

    @property
    def best_ask(self) -> int | None:
        """Lowest price asked, in ticks."""
        best = self.asks.best
        return None if best is None else best.price

    def depth(self, side: Side, levels: int | None = None) -> list[tuple[int, int, int]]:
        """`(price, visible quantity, number of orders)` per level, best first, at most `levels` of them."""
        rows: list[tuple[int, int, int]] = []
        for level in (self.bids if side is BUY else self.asks).best_first():
            if len(rows) == levels:
                break
            rows.append((level.price, level.visible, level.count))
        return rows

    def resting(self) -> Iterator[Order]:
        """All orders in priority order: bids best first and first come first, then asks."""
        for book_side in (self.bids, self.asks):
            for level in book_side.best_first():
                yield from level

    def digest(self) -> str:
        """SHA-256 over every field of every resting order in priority order, so over FIFO order too."""
        digest = hashlib.sha256()
        for order in self.resting():
            fields = (
                order.order_id,
                order.owner,
                order.side.value,
                order.price,
                order.visible,
                order.hidden,
                order.filled,
                order.display,
                order.expiry,
                order.time_in_force.value,
                order.post_only,
                order.self_trade_prevention.value,
            )
            digest.update(repr(fields).encode())
        return digest.hexdigest()

    # What may be asked of the book.

    def refusal(self, order: Order) -> Refusal | None:
        """Why `submit` would refuse this order, or None."""
        if order.order_id in self.orders:
            return Refusal.DUPLICATE_ORDER_ID
        if order.post_only and self.crosses(order.side, order.price):
            return Refusal.POST_ONLY_WOULD_TRADE
        return None

    def submit(self, order: Order) -> list[BookEvent]:
        """Match a new order and rest, cancel or refuse what is left of it."""
        events: list[BookEvent] = []
        if order.order_id in self.orders or order.post_only:
            refusal = self.refusal(order)
            if refusal is not None:
                events.append(Refused(order.order_id, refusal))
                return events
        time_in_force = order.time_in_force
        if time_in_force is FOK and not self._fillable(order):
            events.append(Cancelled(order.order_id, order.visible, CancelReason.FILL_OR_KILL))
            order.visible = 0
            return events
        if self.crosses(order.side, order.price):
            self._match(order, events)
        if order.visible:
            if time_in_force is IOC or time_in_force is FOK:
                events.append(Cancelled(order.order_id, order.visible, UNFILLED_IOC))
                order.visible = 0
            else:
                self.rest(order)
        return events

    def amend(self, order_id: int, price: int, quantity: int) -> list[BookEvent]:
        """Give a resting order a new limit and a new total quantity (filled included).

        Less quantity at the same price keeps the place in the queue; anything else enters the book anew and may
        trade. A total at or below what is filled cancels the rest.
        """
        order = self.orders.get(order_id)
        if order is None:
            return [Refused(order_id, UNKNOWN_ORDER)]
        if quantity <= order.filled:
            remaining = order.remaining
            self.remove(order)
            return [Cancelled(order_id, remaining, CancelReason.AMENDED_BELOW_FILLED)]
        if price == order.price and quantity <= order.quantity:
            self.shrink(order, quantity)
            return [Amended(order_id, price, quantity, keeps_priority=True)]
        if order.post_only and self.crosses(order.side, price):
            return [Refused(order_id, Refusal.POST_ONLY_WOULD_TRADE)]
        self.remove(order)
        order.price = price
        order.visible = quantity - order.filled
        events: list[BookEvent] = [Amended(order_id, price, quantity, keeps_priority=False)]
        if self.crosses(order.side, price):
            self._match(order, events)
        if order.visible:
            self.rest(order)
        return events

    def cancel(self, order_id: int) -> list[BookEvent]:
        """End a resting order."""
        order = self.orders.get(order_id)
        if order is None:
            return [Refused(order_id, UNKNOWN_ORDER)]
        remaining = order.visible + order.hidden
        self.remove(order)
        return [Cancelled(order_id, remaining, REQUESTED)]

    def mass_cancel(self, owner: int | None = None, side: Side | None = None) -> list[Cancelled]:
        """End all orders, or those of an owner, of a side, or of both, in the order of their ids."""
        return self._end_all(
            CancelReason.REQUESTED,
            [
                order
                for order in self.orders.values()
                if (owner is None or order.owner == owner) and (side is None or order.side is side)
            ],
        )

    def expire(self, date: int) -> list[Cancelled]:
        """End the orders whose last business date (proleptic ordinal) is `date` or earlier, in the order of their ids."""
        return self._end_all(
            CancelReason.EXPIRED, [order for order in self.orders.values() if 0 < order.expiry <= date]
        )

    def crosses(self, side: Side, price: int) -> bool:
        """Whether an order at this limit meets the other side."""
        if side is BUY:
            best = self.asks.best
            return best is not None and price >= best.price
        best = self.bids.best
        return best is not None and price <= best.price

    # Mutators: shared by deciding and by replaying recorded facts.

    def rest(self, order: Order) -> None:
        """Put an order at the back of the queue at its price; an iceberg hides what exceeds its display."""
        display = order.display
        if display and order.visible > display:
            order.hidden = order.visible - display
            order.visible = display
        self.orders[order.order_id] = order
        book_side = self.bids if order.side is BUY else self.asks
        level = book_side.levels.get(order.price)
        if level is None:
            book_side.open(order)
        else:
            level.append(order)

    def remove(self, order: Order) -> None:
        """Take a resting order off the book. Its open quantity becomes 0."""
        level = order.level
        if level is None:
            raise BookError(f"order {order.order_id} does not rest")
        if level.count == 1:
            (self.bids if order.side is BUY else self.asks).close(level)
        else:
            level.unlink(order)
        order.visible = order.hidden = 0
        del self.orders[order.order_id]

    def move(self, order: Order, price: int, quantity: int) -> None:
        """Rest an order anew at the back of another queue, or of its own: it lost its priority."""
        if quantity <= order.filled:
            raise BookError(
                f"order {order.order_id} cannot move with {quantity}, {order.filled} of it filled"
            )
        self.remove(order)
        order.price = price
        order.visible = quantity - order.filled
        self.rest(order)

    def shrink(self, order: Order, quantity: int) -> None:
        """Lower a resting order's total quantity in its place; an iceberg gives up its hidden part first."""
        level = order.level
        if level is None:
            raise BookError(f"order {order.order_id} does not rest")
        if not order.filled < quantity <= order.quantity:
            raise BookError(f"order {order.order_id} cannot shrink from {order.quantity} to {quantity}")
        less = order.quantity - quantity
        less_hidden = min(less, order.hidden)
        order.hidden -= less_hidden
        level.hidden -= less_hidden
        order.visible -= less - less_hidden
        level.visible -= less - less_hidden

    def take_from_maker(self, maker: Order, quantity: int) -> None:
        """Take shown quantity off a resting order: it leaves when nothing is left, an iceberg refills at the back."""
        level = maker.level
        if level is None or quantity > maker.visible:
            raise BookError(f"order {maker.order_id} does not show {quantity}")
        maker.visible -= quantity
        level.visible -= quantity
        if maker.visible:
            return
        if not maker.hidden:
            self.remove(maker)
            return
        refill = min(maker.display, maker.hidden)
        maker.visible = refill
        maker.hidden -= refill
        level.visible += refill
        level.hidden -= refill
        if maker is not level.last:
            level.unlink(maker)
            level.append(maker)

    def take_from_taker(self, taker: Order, quantity: int) -> None:
        """Replay only: take quantity off an order that was rested before its own fills were applied.

        While it decides, the book rests an order after its fills; a replay rests it first, because the fills are
        events of their own. An iceberg shows its full display again, as it would on coming to rest.
        """
        level = taker.level
        remaining = taker.remaining - quantity
        if level is None or remaining < 0:
            raise BookError(f"order {taker.order_id} does not have {quantity}")
        if remaining == 0:
            self.remove(taker)
            return
        visible = min(taker.display, remaining) if taker.display else remaining
        level.visible += visible - taker.visible
        level.hidden += remaining - visible - taker.hidden
        taker.visible = visible
        taker.hidden = remaining - visible

    # Deciding.

    def _match(self, taker: Order, events: list[BookEvent]) -> None:
        """Trade a crossing order against the other side; leaves what is open in `taker.visible`."""
        buys = taker.side is BUY
        other = self.asks if buys else self.bids
        limit = taker.price
        owner = taker.owner
        open_quantity = taker.visible
        while open_quantity:
            level = other.best
            if level is None or (level.price > limit if buys else level.price < limit):
                break
            maker = level.first
            if maker.owner == owner:
                open_quantity = self._prevent_self_trade(maker, taker, open_quantity, events)
                continue
            quantity = min(maker.visible, open_quantity)
            maker.filled += quantity
            taker.filled += quantity
            open_quantity -= quantity
            events.append(Filled(maker.order_id, taker.order_id, level.price, quantity))
            self.take_from_maker(maker, quantity)
        taker.visible = open_quantity

    def _prevent_self_trade(
        self, maker: Order, taker: Order, open_quantity: int, events: list[BookEvent]
    ) -> int:
        """Apply the taker's mode to a meeting of two orders of one owner; answers what of the taker stays open."""
        mode = taker.self_trade_prevention
        if mode is SelfTradePrevention.DECREMENT:
            quantity = min(maker.visible, open_quantity)
            events.append(Decremented(maker.order_id, taker.order_id, quantity))
            self.take_from_maker(maker, quantity)
            return open_quantity - quantity
        if mode is not CANCEL_TAKER:
            events.append(Cancelled(maker.order_id, maker.remaining, CancelReason.SELF_TRADE))
            self.remove(maker)
        if mode is not CANCEL_MAKER:
            events.append(Cancelled(taker.order_id, open_quantity, CancelReason.SELF_TRADE))
            return 0
        return open_quantity

    def _fillable(self, taker: Order) -> bool:
        """Whether a fill-or-kill order can trade in full with others, given its self-trade mode.

        Only cancel-maker looks past an own order: the other modes end or shorten the taker there, so it could not
        fill in full.
        """
        buys = taker.side is BUY
        needed = taker.visible
        skips_own = taker.self_trade_prevention is CANCEL_MAKER
        for level in (self.asks if buys else self.bids).best_first():
            if level.price > taker.price if buys else level.price < taker.price:
                return False
            before_own = 0
            own = 0
            for maker in level:
                if maker.owner != taker.owner:
                    before_own += maker.visible
                    continue
                if not skips_own:
                    # Refills of icebergs go behind the own order: only what is shown ahead of it can trade.
                    return before_own >= needed
                own += maker.remaining
            needed -= level.visible + level.hidden - own
            if needed <= 0:
                return True
        return False

    def _end_all(self, reason: CancelReason, orders: list[Order]) -> list[Cancelled]:
        events: list[Cancelled] = []
        for order in sorted(orders, key=lambda order: order.order_id):
            events.append(Cancelled(order.order_id, order.remaining, reason))
            self.remove(order)
        return events
