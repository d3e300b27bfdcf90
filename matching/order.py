"""What an order is to the book: side, price in ticks, quantities in units, and its place in a queue."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from matching.level import Level


class Side(StrEnum):
    """FIX 54 Side."""

    BUY = "buy"
    SELL = "sell"


class TimeInForce(StrEnum):
    """FIX 59 TimeInForce. Only DAY, GTC and GTD orders may rest."""

    DAY = "day"
    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"


class SelfTradePrevention(StrEnum):
    """What happens when an order would meet an order of the same owner; the incoming order's mode rules."""

    CANCEL_TAKER = "cancel_taker"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_BOTH = "cancel_both"
    DECREMENT = "decrement"


class Order(msgspec.Struct, eq=False):
    """One order. The book owns the fields after `expiry`; callers read them and never write them.

    A market order is an IOC order whose `price` is its protection price: the book never trades beyond it.
    """

    order_id: int
    owner: int
    """Who self-trade prevention protects: equal owners never trade with each other."""
    side: Side
    price: int
    """Limit in ticks."""
    visible: int
    """Displayed open quantity. Before the order rests: all of its open quantity."""
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_TAKER
    display: int = 0
    """Iceberg: the largest quantity shown at a time (FIX 1138 DisplayQty); 0 shows all."""
    expiry: int = 0
    """Business date (proleptic ordinal) after which the order expires; 0: good till cancelled."""
    hidden: int = 0
    """Open quantity behind the display of a resting iceberg."""
    filled: int = 0
    level: Level | None = None
    ahead: Order | None = None
    behind: Order | None = None

    @property
    def remaining(self) -> int:
        """Open quantity, shown and hidden."""
        return self.visible + self.hidden

    @property
    def quantity(self) -> int:
        """Order quantity (FIX 38): filled and open."""
        return self.filled + self.visible + self.hidden
