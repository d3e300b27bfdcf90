"""Orders as the venue knows them: the request, the open order with its holds, and what is remembered afterwards."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from exchange.domain.instruments import PPM
from matching.order import SelfTradePrevention, Side, TimeInForce

__all__ = [
    "Delivery",
    "OpenOrder",
    "OrderRequest",
    "OrderStatus",
    "OrderType",
    "RememberedOrder",
    "RetirementTerms",
    "SelfTradePrevention",
    "Side",
    "TimeInForce",
    "merge_delivery",
    "take_back",
    "take_front",
]

Delivery = tuple[tuple[str, int], ...]
"""Credit classes and units of each, in the order in which they are delivered."""


class OrderType(StrEnum):
    """FIX 40 OrdType."""

    LIMIT = "limit"
    MARKET = "market"


class OrderStatus(StrEnum):
    """FIX 39 OrdStatus."""

    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class RetirementTerms(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """For whom and why units are retired."""

    beneficiary: str
    purpose: str = ""


class OrderRequest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """The whole body of a new order, as the participant sent it: the same id with another body is refused."""

    client_order_id: str
    instrument: str
    side: Side
    quantity: int
    price: int | None = None
    """Limit in ticks; for a market order the protection price, by default the edge of the price band."""
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.DAY
    expire_date: str = ""
    """Last business date of a GTD order, ISO 8601."""
    post_only: bool = False
    display_quantity: int = 0
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_TAKER
    deliver: Delivery = ()
    """Sell orders in a basket: the classes to deliver; by default the oldest vintages held."""
    retire_on_fill: RetirementTerms | None = None
    """Buy orders: retire what each trade delivers, in the same batch of events."""


class OpenOrder(msgspec.Struct, eq=False, gc=False):
    """A live order, its holds and its fees so far. Cash in minor units of the instrument's currency."""

    order_id: int
    """The seq of its `order_accepted` event."""
    account: str
    session: int
    request: OrderRequest
    price: int
    quantity: int
    """Total quantity, filled included; lower after an amend or a decrement."""
    maker_fee_ppm: int
    taker_fee_ppm: int
    hold_cash: int = 0
    deliver: Delivery = ()
    """Sell orders: the units held for what is open."""
    filled: int = 0
    fee_numerator: int = 0
    """Sum of notional times rate over the fills, in millionths of a minor unit."""
    fee_charged: int = 0
    traded: int = 0
    """Sum of price times quantity over the fills, prices in ticks."""

    @property
    def remaining(self) -> int:
        """Open quantity."""
        return self.quantity - self.filled

    @property
    def side(self) -> Side:
        """Side of the order."""
        return self.request.side

    @property
    def instrument(self) -> str:
        """Symbol of the order's instrument."""
        return self.request.instrument

    @property
    def status(self) -> OrderStatus:
        """Status of a live order."""
        return OrderStatus.PARTIALLY_FILLED if self.filled else OrderStatus.OPEN

    def fee_for(self, notional: int, rate_ppm: int) -> int:
        """The fee that a fill adds.

        Fees are rounded up once per order, over all its fills, so that slicing an order changes nothing and the
        hold always covers them.
        """
        return -(-(self.fee_numerator + notional * rate_ppm) // PPM) - self.fee_charged

    def needed_cash(self, open_notional: int) -> int:
        """Cash that a buy order must hold: its open notional at its limit, and the highest fee on it."""
        return open_notional + self.fee_for(open_notional, max(self.maker_fee_ppm, self.taker_fee_ppm))


class RememberedOrder(msgspec.Struct, eq=False, gc=False):
    """The idempotency record of one `(account, client_order_id)`."""

    command: int
    """Seq of the first event of the original answer."""
    request: OrderRequest
    order_id: int
    """0 when the order was rejected."""
    status: OrderStatus
    filled: int = 0
    traded: int = 0
    name: str = ""
    """The id of the last request that amended the order, if that had one: it names the order, too."""


def take_front(deliver: Delivery, quantity: int) -> tuple[Delivery, Delivery]:
    """Split a delivery list after `quantity` units: what goes now, what stays."""
    if len(deliver) == 1 and 0 < quantity < deliver[0][1]:
        # All but the orders of baskets deliver one class.
        class_id, units = deliver[0]
        return ((class_id, quantity),), ((class_id, units - quantity),)
    taken: list[tuple[str, int]] = []
    for index, (class_id, units) in enumerate(deliver):
        if quantity < units:
            if quantity:
                taken.append((class_id, quantity))
            return tuple(taken), ((class_id, units - quantity), *deliver[index + 1 :])
        taken.append((class_id, units))
        quantity -= units
    return tuple(taken), ()


def take_back(deliver: Delivery, quantity: int) -> tuple[Delivery, Delivery]:
    """Split a delivery list so that its last `quantity` units go: what goes, what stays."""
    total = sum(units for _, units in deliver)
    stays, goes = take_front(deliver, total - quantity)
    return goes, stays


def merge_delivery(first: Delivery, second: Delivery) -> Delivery:
    """Both lists as one, each class once, in the order of first appearance."""
    units_by_class: dict[str, int] = {}
    for class_id, units in (*first, *second):
        units_by_class[class_id] = units_by_class.get(class_id, 0) + units
    return tuple(units_by_class.items())
