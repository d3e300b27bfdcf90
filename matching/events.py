"""What the book answers: facts in the order in which they happened."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class CancelReason(StrEnum):
    """Why an open quantity ended without a trade."""

    REQUESTED = "requested"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"
    SELF_TRADE = "self_trade"
    AMENDED_BELOW_FILLED = "amended_below_filled"
    EXPIRED = "expired"


class Refusal(StrEnum):
    """Why the book did not do what was asked; the book is unchanged."""

    DUPLICATE_ORDER_ID = "duplicate_order_id"
    UNKNOWN_ORDER = "unknown_order"
    POST_ONLY_WOULD_TRADE = "post_only_would_trade"


class Filled(msgspec.Struct, frozen=True, gc=False):
    """A trade at the maker's price."""

    maker_id: int
    taker_id: int
    price: int
    quantity: int


class Decremented(msgspec.Struct, frozen=True, gc=False):
    """Self-trade prevention took the same quantity off two orders of one owner; nothing traded."""

    maker_id: int
    taker_id: int
    quantity: int


class Cancelled(msgspec.Struct, frozen=True, gc=False):
    """The open `quantity` of an order ended."""

    order_id: int
    quantity: int
    reason: CancelReason


class Amended(msgspec.Struct, frozen=True, gc=False):
    """The order has a new price and total quantity; fills that follow are its own."""

    order_id: int
    price: int
    quantity: int
    keeps_priority: bool


class Refused(msgspec.Struct, frozen=True, gc=False):
    """Nothing happened."""

    order_id: int
    reason: Refusal


BookEvent = Filled | Decremented | Cancelled | Amended | Refused
