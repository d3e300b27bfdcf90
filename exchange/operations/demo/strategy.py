"""What the demo's market makers and traders want to do. Decisions only: nothing here talks to the exchange."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.domain.orders import Side

if TYPE_CHECKING:
    from random import Random

    from exchange.domain.instruments import Instrument

LEVELS: Final = 3
"""Prices that a market maker quotes on each side."""

_STEP: Final = 0.0025
"""Usual size of one step of a price, as a share of it."""
_PULL: Final = 0.02
"""How strongly a price is drawn back to its reference."""
_BAND_USED: Final = 0.8
"""Share of the price band that a price wanders in."""
_HALF_SPREAD: Final = 0.004
_LEVEL_DISTANCE: Final = 0.004
_SKEW: Final = 0.006
"""How far quotes move, at most, against what a market maker holds too much of."""
_LEVEL_AMOUNT: Final = 2_500
"""Usual cash amount of one quote, in whole currency units."""


class Limits(msgspec.Struct, frozen=True):
    """Where prices of an instrument may lie now, in ticks."""

    reference: int
    lowest: int
    highest: int


class Walk:
    """The price that an instrument is thought to be worth: a slow random walk inside the price band, in ticks."""

    def __init__(self, price: int, limits: Limits, random: Random) -> None:
        self.limits = limits
        """May change when a day is closed."""
        self._price = float(price)
        self._random = random

    @property
    def price(self) -> float:
        """In ticks, not rounded."""
        return self._price

    def step(self, push: float = 0.0) -> None:
        """Moves on; `push` (-1 to 1) is the side that somebody just took."""
        limits = self.limits
        noise = self._random.gauss(push * _STEP, _STEP)
        price = self._price * math.exp(noise)
        price += _PULL * (limits.reference - price)
        lowest = limits.reference - _BAND_USED * (limits.reference - limits.lowest)
        highest = limits.reference + _BAND_USED * (limits.highest - limits.reference)
        self._price = min(max(price, lowest, 1.0), highest)


class Quote(msgspec.Struct, frozen=True):
    """An order that a market maker wants in the book; price in ticks."""

    side: Side
    price: int
    quantity: int


class Stock(msgspec.Struct, frozen=True):
    """What somebody has of an instrument's classes."""

    surplus: float
    """-1 to 1: how much less or more it is than wanted."""
    available: int
    """Units that no order holds."""
    total: int


def quotes(instrument: Instrument, walk: Walk, stock: Stock, random: Random) -> list[Quote]:
    """The quotes of one market maker: asks, then bids, each best first."""
    middle = walk.price * (1 - _SKEW * stock.surplus + random.gauss(0, _HALF_SPREAD / 4))
    half = max(0.5, walk.price * _HALF_SPREAD)
    distance = max(1.0, walk.price * _LEVEL_DISTANCE)
    # A class may be quoted in a basket as well, and all levels together must be covered.
    most_to_sell = stock.total // (4 * LEVELS)
    bids, asks = [], []
    for level in range(LEVELS):
        bid = math.floor(middle - half - level * distance)
        ask = max(math.ceil(middle + half + level * distance), math.floor(middle - half) + 1)
        quantity = round_to_lot(instrument, _quantity(instrument, walk.price, random) * (1 + level / 2))
        if bid >= walk.limits.lowest:
            bids.append(Quote(Side.BUY, bid, quantity))
        if ask <= walk.limits.highest:
            asks.append(Quote(Side.SELL, ask, round_to_lot(instrument, min(quantity, most_to_sell))))
    return [*asks, *bids]


class Take(msgspec.Struct, frozen=True):
    """An order that a trader wants filled at once, at `price` (ticks) or better."""

    side: Side
    price: int
    quantity: int


def take(instrument: Instrument, walk: Walk, stock: Stock, random: Random) -> Take:
    """What a trader takes; who holds too much rather sells, and who has nothing left buys."""
    sells = (
        random.random() < 0.5 + 0.45 * stock.surplus and stock.available >= 2 * instrument.minimum_quantity
    )
    side = Side.SELL if sells else Side.BUY
    worst = walk.price * (1.02 if side is Side.BUY else 0.98)
    price = math.ceil(worst) if side is Side.BUY else math.floor(worst)
    quantity = round_to_lot(instrument, _quantity(instrument, walk.price, random) * random.uniform(0.2, 1.5))
    if sells:
        quantity = min(quantity, round_to_lot(instrument, stock.available // 2))
    return Take(side, min(max(price, walk.limits.lowest), walk.limits.highest), quantity)


def round_to_lot(instrument: Instrument, quantity: float) -> int:
    """A quantity that the instrument takes, at least its minimum."""
    lots = max(1, round(quantity / instrument.lot))
    return min(max(lots * instrument.lot, instrument.minimum_quantity), instrument.maximum_quantity)


def _quantity(instrument: Instrument, price: float, random: Random) -> float:
    """Units for the usual amount."""
    units: float = _LEVEL_AMOUNT * 10**instrument.price_decimals / (price * instrument.tick)
    return units * random.uniform(0.6, 1.4)
