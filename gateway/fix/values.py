"""The venue's values as FIX values, and back: sides, order types, quantities, prices, texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.money import MAX_AMOUNT, parse_decimal, render_decimal
from exchange.domain.orders import OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce
from exchange.domain.rejects import Reject, RejectCode
from gateway.fix import tags
from gateway.fix.message import text

if TYPE_CHECKING:
    from exchange.domain.instruments import Instrument
    from gateway.fix.message import Fields

SIDES = {Side.BUY: "1", Side.SELL: "2"}
SIDE_OF = {value: side for side, value in SIDES.items()}
ORDER_TYPES = {OrderType.MARKET: "1", OrderType.LIMIT: "2"}
ORDER_TYPE_OF = {value: order_type for order_type, value in ORDER_TYPES.items()}
TIMES_IN_FORCE = {
    TimeInForce.DAY: "0",
    TimeInForce.GTC: "1",
    TimeInForce.IOC: "3",
    TimeInForce.FOK: "4",
    TimeInForce.GTD: "6",
}
TIME_IN_FORCE_OF = {value: time_in_force for time_in_force, value in TIMES_IN_FORCE.items()}
SELF_TRADE_PREVENTIONS = {
    SelfTradePrevention.CANCEL_TAKER: "1",
    SelfTradePrevention.CANCEL_MAKER: "2",
    SelfTradePrevention.CANCEL_BOTH: "3",
    SelfTradePrevention.DECREMENT: "4",
}
SELF_TRADE_PREVENTION_OF = {value: mode for mode, value in SELF_TRADE_PREVENTIONS.items()}
STATUSES = {
    OrderStatus.OPEN: "0",
    OrderStatus.PARTIALLY_FILLED: "1",
    OrderStatus.FILLED: "2",
    OrderStatus.CANCELLED: "4",
    OrderStatus.REJECTED: "8",
}

POST_ONLY = "6"
"""ExecInst: participate, do not initiate."""
AVERAGE_DECIMALS = 4
"""Decimals of an average price beyond those of the instrument's prices."""


def quantity(fields: Fields, tag: int) -> int:
    """Units of a Qty field, 0 when it is absent; raises Reject."""
    found = text(fields, tag)
    if not found:
        return 0
    units = parse_decimal(found, 0, RejectCode.INVALID_QUANTITY)
    if units > MAX_AMOUNT:
        raise Reject(RejectCode.INVALID_QUANTITY, f"a quantity is at most {MAX_AMOUNT}")
    return units


def price(fields: Fields, tag: int, instrument: Instrument) -> int | None:
    """Ticks of a Price field, None when it is absent; raises Reject."""
    found = text(fields, tag)
    if not found:
        return None
    ticks = instrument.price_to_ticks(found)
    if not 0 < ticks <= MAX_AMOUNT:
        raise Reject(RejectCode.INVALID_PRICE, f"a price lies between 1 and {MAX_AMOUNT} ticks")
    return ticks


def average_price(instrument: Instrument, traded: int, filled: int) -> str:
    """Average of fills whose prices times quantities add up to `traded`; rounded half up."""
    if not filled:
        return "0"
    scaled = (2 * traded * instrument.tick * 10**AVERAGE_DECIMALS + filled) // (2 * filled)
    shown = render_decimal(scaled, instrument.price_decimals + AVERAGE_DECIMALS)
    return (shown[:-AVERAGE_DECIMALS] + shown[-AVERAGE_DECIMALS:].rstrip("0")).rstrip(".")


def put_text(fields: Fields, what: str, tag: int = tags.TEXT, encoded_tag: int = tags.ENCODED_TEXT) -> None:
    """Write a text: what is not ASCII goes into the encoded field as well, as UTF-8."""
    if what.isascii() and what.isprintable():
        fields[tag] = what
        return
    fields[tag] = "".join(one if one.isascii() and one.isprintable() else "?" for one in what)
    fields[encoded_tag] = what.encode()


def put_reject(fields: Fields, reject: Reject) -> None:
    """Write the venue's own code and sentence."""
    put_text(fields, f"{reject.code.name}: {reject.message}")
    fields[tags.VENUE_REJECT_CODE] = reject.code.value
