"""What a participant of a load test sends: orders, cancels and amends in fixed shares, always the same ones.

All prices lie around a market that does not move, because one participant, the quoter, bids and asks without end. So
every order either rests or trades once, no cancel comes too late, and any refusal means that something is wrong.
"""

from __future__ import annotations

import random
from typing import Final

import msgspec

from exchange.domain.instruments import CreditClass, Instrument
from exchange.domain.orders import Side, TimeInForce
from gateway.websocket import request_forms, requests

DESCRIPTION: Final = (
    "50 % limit orders that rest, 10 % IOC orders that trade once, 35 % cancels,"
    " 5 % amends (half of them less quantity, half another price); 1 to 100 units each"
)

CREDIT_CLASS: Final = CreditClass("LOAD-1-2020", "LOAD", "1", "Load test", 2020)
INSTRUMENT: Final = Instrument(
    symbol="LOAD",
    name="Load test 2020",
    classes=(CREDIT_CLASS.class_id,),
    currency="EUR",
    tick=1,
    price_decimals=2,
    lot=1,
    minimum_quantity=1,
    maximum_quantity=10**10,
    reference_price_ticks=1000,
    band_ppm=500_000,
    maker_fee_ppm=1000,
    taker_fee_ppm=2000,
)
BID_TICKS: Final = 999
ASK_TICKS: Final = 1001
QUOTED: Final = 10**9
"""Units that the quoter bids and asks for: more than any load test trades."""
_LEVELS: Final = 100
"""Orders that rest are priced from one to so many ticks behind the quotes."""
_MAX_QUANTITY: Final = 100


Request = tuple[type[request_forms.Request], msgspec.Struct]
"""A request's type and its parameters; all of these are answered by `results.OrderReport`."""


class OrderMix:
    """One participant's requests, one after the other."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._orders = 0
        self._resting: list[tuple[str, Side, int]] = []
        """Client order id, side and total quantity."""

    def next_request(self) -> Request:
        """The next request, to be sent after all those before it."""
        choice = self._random.randrange(100)
        if choice < 50 or not self._resting:
            return requests.OrderPlace, self.next_resting_order()
        if choice < 60:
            side = self._side()
            price_ticks = ASK_TICKS if side is Side.BUY else BID_TICKS
            return requests.OrderPlace, self._order(side, self._quantity(), price_ticks, TimeInForce.IOC)
        index = self._random.randrange(len(self._resting))
        if choice >= 95:
            return requests.OrderAmend, self._amend(index)
        client_order_id = self._resting[index][0]
        self._resting[index] = self._resting[-1]
        self._resting.pop()
        return requests.OrderCancel, requests.OrderCancelParams(client_order_id=client_order_id)

    def next_resting_order(self) -> requests.OrderPlaceParams:
        """A limit order that rests behind the quotes."""
        side, quantity = self._side(), self._quantity()
        order = self._order(side, quantity, self._resting_price_ticks(side), TimeInForce.DAY)
        self._resting.append((order.client_order_id, side, quantity))
        return order

    def _amend(self, index: int) -> requests.OrderAmendParams:
        client_order_id, side, quantity = self._resting[index]
        if quantity > 1 and self._random.randrange(2):
            quantity = self._random.randrange(1, quantity)
            self._resting[index] = (client_order_id, side, quantity)
            return requests.OrderAmendParams(client_order_id=client_order_id, quantity=quantity)
        price = INSTRUMENT.ticks_to_price(self._resting_price_ticks(side))
        return requests.OrderAmendParams(client_order_id=client_order_id, price=price)

    def _order(
        self, side: Side, quantity: int, price_ticks: int, time_in_force: TimeInForce
    ) -> requests.OrderPlaceParams:
        self._orders += 1
        return requests.OrderPlaceParams(
            client_order_id=f"order-{self._orders}",
            instrument=INSTRUMENT.symbol,
            side=side,
            quantity=quantity,
            price=INSTRUMENT.ticks_to_price(price_ticks),
            time_in_force=time_in_force,
        )

    def _side(self) -> Side:
        return Side.BUY if self._random.randrange(2) else Side.SELL

    def _quantity(self) -> int:
        return self._random.randrange(1, _MAX_QUANTITY + 1)

    def _resting_price_ticks(self, side: Side) -> int:
        behind = self._random.randrange(1, _LEVELS + 1)
        return BID_TICKS - behind if side is Side.BUY else ASK_TICKS + behind
