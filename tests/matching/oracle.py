"""The order book written to be obviously right: one list of orders, looked through anew for every question.

It has the interface of `matching.book.OrderBook` and shares none of its methods. What comes next is found by scanning
all orders for the best price and the lowest turn; whether a fill-or-kill order fills is found by trying it on a copy.
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from matching.events import Amended, Cancelled, CancelReason, Decremented, Filled, Refusal, Refused
from matching.order import SelfTradePrevention, Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matching.events import BookEvent
    from matching.order import Order

BUY, SELL = Side.BUY, Side.SELL


@dataclass(eq=False)
class OracleOrder:
    """An order and its turn: of two at one price, the one with the lower turn trades first."""

    order_id: int
    owner: int
    side: Side
    price: int
    visible: int
    hidden: int
    filled: int
    display: int
    expiry: int
    time_in_force: TimeInForce
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    turn: int = 0

    @property
    def remaining(self) -> int:
        return self.visible + self.hidden

    @property
    def rank(self) -> tuple[int, int]:
        """Sorts one side by price, best first, then by turn."""
        return (-self.price if self.side is BUY else self.price, self.turn)


class OracleBook:
    """One instrument's book, slowly."""

    def __init__(self) -> None:
        self.entries: list[OracleOrder] = []
        self.turns = 0

    # What the book shows.

    def resting(self) -> Iterator[OracleOrder]:
        for side in (BUY, SELL):
            yield from sorted([e for e in self.entries if e.side is side], key=attrgetter("rank"))

    @property
    def best_bid(self) -> int | None:
        return max([e.price for e in self.entries if e.side is BUY], default=None)

    @property
    def best_ask(self) -> int | None:
        return min([e.price for e in self.entries if e.side is SELL], default=None)

    def depth(self, side: Side, levels: int | None = None) -> list[tuple[int, int, int]]:
        shown: dict[int, list[int]] = {}
        for entry in self.entries:
            if entry.side is side:
                shown.setdefault(entry.price, []).append(entry.visible)
        prices = sorted(shown, reverse=side is BUY)[:levels]
        return [(price, sum(shown[price]), len(shown[price])) for price in prices]

    def digest(self) -> str:
        text = "".join(
            repr(
                (
                    e.order_id,
                    e.owner,
                    e.side.value,
                    e.price,
                    e.visible,
                    e.hidden,
                    e.filled,
                    e.display,
                    e.expiry,
                    e.time_in_force.value,
                    e.post_only,
                    e.self_trade_prevention.value,
                )
            )
            for e in self.resting()
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def crosses(self, side: Side, price: int) -> bool:
        if side is BUY:
            return self.best_ask is not None and self.best_ask <= price
        return self.best_bid is not None and self.best_bid >= price

    # What may be asked of the book.

    def refusal(self, order: Order) -> Refusal | None:
        if self._find(order.order_id):
            return Refusal.DUPLICATE_ORDER_ID
        if order.post_only and self.crosses(order.side, order.price):
            return Refusal.POST_ONLY_WOULD_TRADE
        return None

    def submit(self, order: Order) -> list[BookEvent]:
        refusal = self.refusal(order)
        if refusal:
            return [Refused(order.order_id, refusal)]
        if order.time_in_force is TimeInForce.FOK:
            trial = copy.deepcopy(self)
            fills = [e.quantity for e in trial._trade(_taker(order)) if isinstance(e, Filled)]
            if sum(fills) < order.visible:
                return [Cancelled(order.order_id, order.visible, CancelReason.FILL_OR_KILL)]
        taker = _taker(order)
        events = self._trade(taker)
        if taker.visible and order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            return [*events, Cancelled(order.order_id, taker.visible, CancelReason.IMMEDIATE_OR_CANCEL)]
        self._rest(taker)
        return events

    def amend(self, order_id: int, price: int, quantity: int) -> list[BookEvent]:
        entry = self._find(order_id)
        if entry is None:
            return [Refused(order_id, Refusal.UNKNOWN_ORDER)]
        if quantity <= entry.filled:
            self.entries.remove(entry)
            return [Cancelled(order_id, entry.remaining, CancelReason.AMENDED_BELOW_FILLED)]
        if price == entry.price and quantity <= entry.filled + entry.remaining:
            now_open = quantity - entry.filled
            entry.visible = min(entry.visible, now_open)
            entry.hidden = now_open - entry.visible
            return [Amended(order_id, price, quantity, keeps_priority=True)]
        if entry.post_only and self.crosses(entry.side, price):
            return [Refused(order_id, Refusal.POST_ONLY_WOULD_TRADE)]
        self.entries.remove(entry)
        entry.price = price
        entry.visible = quantity - entry.filled
        entry.hidden = 0
        events = self._trade(entry)
        self._rest(entry)
        return [Amended(order_id, price, quantity, keeps_priority=False), *events]

    def cancel(self, order_id: int) -> list[BookEvent]:
        if not self._find(order_id):
            return [Refused(order_id, Refusal.UNKNOWN_ORDER)]
        return self._end_all(CancelReason.REQUESTED, lambda e: e.order_id == order_id)

    def mass_cancel(self, owner: int | None = None, side: Side | None = None) -> list[BookEvent]:
        return self._end_all(
            CancelReason.REQUESTED, lambda e: owner in (None, e.owner) and side in (None, e.side)
        )

    def expire(self, date: int) -> list[BookEvent]:
        return self._end_all(CancelReason.EXPIRED, lambda e: e.expiry != 0 and e.expiry <= date)

    # How it works.

    def _find(self, order_id: int) -> OracleOrder | None:
        found = [e for e in self.entries if e.order_id == order_id]
        return found[0] if found else None

    def _end_all(self, reason: CancelReason, ends: Callable[[OracleOrder], bool]) -> list[BookEvent]:
        ended = sorted((e for e in self.entries if ends(e)), key=lambda e: e.order_id)
        self.entries = [e for e in self.entries if not ends(e)]
        return [Cancelled(e.order_id, e.remaining, reason) for e in ended]

    def _to_the_back(self, entry: OracleOrder) -> None:
        self.turns += 1
        entry.turn = self.turns

    def _rest(self, entry: OracleOrder) -> None:
        """Rest what is open, if anything is."""
        if entry.visible == 0:
            return
        if entry.display:
            entry.hidden = max(0, entry.visible - entry.display)
            entry.visible -= entry.hidden
        self.entries.append(entry)
        self._to_the_back(entry)

    def _next_maker(self, taker: OracleOrder) -> OracleOrder | None:
        if not self.crosses(taker.side, taker.price):
            return None
        best = self.best_ask if taker.side is BUY else self.best_bid
        at_best = [e for e in self.entries if e.side is not taker.side and e.price == best]
        return min(at_best, key=attrgetter("turn"))

    def _trade(self, taker: OracleOrder) -> list[BookEvent]:
        """All that happens between the taker and the other side; what is open stays in `taker.visible`."""
        events: list[BookEvent] = []
        while taker.visible:
            maker = self._next_maker(taker)
            if maker is None:
                break
            if maker.owner == taker.owner:
                events += self._avoid_self_trade(maker, taker)
                continue
            quantity = min(maker.visible, taker.visible)
            maker.filled += quantity
            taker.filled += quantity
            events.append(Filled(maker.order_id, taker.order_id, maker.price, quantity))
            taker.visible -= quantity
            self._take(maker, quantity)
        return events

    def _take(self, maker: OracleOrder, quantity: int) -> None:
        maker.visible -= quantity
        if maker.remaining == 0:
            self.entries.remove(maker)
        elif maker.visible == 0:
            maker.visible = min(maker.display, maker.hidden)
            maker.hidden -= maker.visible
            self._to_the_back(maker)

    def _avoid_self_trade(self, maker: OracleOrder, taker: OracleOrder) -> list[BookEvent]:
        cancel_maker = Cancelled(maker.order_id, maker.remaining, CancelReason.SELF_TRADE)
        cancel_taker = Cancelled(taker.order_id, taker.visible, CancelReason.SELF_TRADE)
        match taker.self_trade_prevention:
            case SelfTradePrevention.CANCEL_MAKER:
                self.entries.remove(maker)
                return [cancel_maker]
            case SelfTradePrevention.CANCEL_TAKER:
                taker.visible = 0
                return [cancel_taker]
            case SelfTradePrevention.CANCEL_BOTH:
                self.entries.remove(maker)
                taker.visible = 0
                return [cancel_maker, cancel_taker]
            case SelfTradePrevention.DECREMENT:
                quantity = min(maker.visible, taker.visible)
                taker.visible -= quantity
                self._take(maker, quantity)
                return [Decremented(maker.order_id, taker.order_id, quantity)]


def _taker(order: Order) -> OracleOrder:
    return OracleOrder(
        order_id=order.order_id,
        owner=order.owner,
        side=order.side,
        price=order.price,
        visible=order.visible,
        hidden=0,
        filled=0,
        display=order.display,
        expiry=order.expiry,
        time_in_force=order.time_in_force,
        post_only=order.post_only,
        self_trade_prevention=order.self_trade_prevention,
    )
