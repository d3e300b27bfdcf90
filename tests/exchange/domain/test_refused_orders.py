"""New orders that are refused: each with its number, and remembered so."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from exchange.domain import order_entry
from exchange.domain.instruments import InstrumentState
from exchange.domain.orders import OrderRequest, OrderType
from exchange.domain.rejects import RejectCode
from matching.order import Side, TimeInForce
from tests.exchange.domain.expected import rejected
from tests.market import BASKET, PROJECT, V18, V19, V20, Market

BUY, SELL = Side.BUY, Side.SELL


MARKET_TERMS = {"price": None, "order_type": OrderType.MARKET}
NEVER_RESTS = "an order that never rests "
TERMS: list[tuple[Side, dict[str, Any], RejectCode, str]] = [
    (BUY, {"instrument": "GOLD"}, RejectCode.UNKNOWN_INSTRUMENT, "'GOLD' is not listed"),
    (BUY, {"quantity": 0}, RejectCode.INVALID_QUANTITY, "a quantity is at least 1"),
    (SELL, {"quantity": -5}, RejectCode.INVALID_QUANTITY, "a quantity is at least 1"),
    (BUY, {"quantity": 1_000_001}, RejectCode.QUANTITY_ABOVE_MAXIMUM, "the maximum is 1000000"),
    (BUY, {"quantity": 2**63 - 1}, RejectCode.QUANTITY_ABOVE_MAXIMUM, "the maximum is 1000000"),
    (BUY, {"price": None}, RejectCode.INVALID_PRICE, "a limit order needs a price"),
    (
        BUY,
        {"price": 1501},
        RejectCode.PRICE_OUTSIDE_BAND,
        "15.01 lies outside the band 5.00 to 15.00",
    ),
    (SELL, {"price": 499}, RejectCode.PRICE_OUTSIDE_BAND, "4.99 lies outside the band 5.00 to 15.00"),
    (BUY, {"price": 0}, RejectCode.PRICE_OUTSIDE_BAND, "0.00 lies outside the band 5.00 to 15.00"),
    (BUY, {"price": -1}, RejectCode.PRICE_OUTSIDE_BAND, "-0.01 lies outside the band 5.00 to 15.00"),
    (
        SELL,
        {"price": 2**63 - 1},
        RejectCode.PRICE_OUTSIDE_BAND,
        "92233720368547758.07 lies outside the band 5.00 to 15.00",
    ),
    (
        BUY,
        {**MARKET_TERMS, "time_in_force": TimeInForce.GTC},
        RejectCode.ORDER_TERMS_CONFLICT,
        "a market order never rests, so it cannot be good till cancelled or till a date",
    ),
    (
        BUY,
        {**MARKET_TERMS, "time_in_force": TimeInForce.GTD, "expire_date": "2026-11-23"},
        RejectCode.ORDER_TERMS_CONFLICT,
        "a market order never rests, so it cannot be good till cancelled or till a date",
    ),
    (BUY, {**MARKET_TERMS, "price": 0}, RejectCode.INVALID_PRICE, "a protection price is positive"),
    (
        BUY,
        {**MARKET_TERMS, "post_only": True},
        RejectCode.ORDER_TERMS_CONFLICT,
        NEVER_RESTS + "cannot be post-only",
    ),
    (
        SELL,
        {"time_in_force": TimeInForce.IOC, "post_only": True},
        RejectCode.ORDER_TERMS_CONFLICT,
        NEVER_RESTS + "cannot be post-only",
    ),
    (
        SELL,
        {"time_in_force": TimeInForce.FOK, "display_quantity": 1},
        RejectCode.ORDER_TERMS_CONFLICT,
        NEVER_RESTS + "has no display quantity",
    ),
    (
        SELL,
        {"display_quantity": 11},
        RejectCode.ORDER_TERMS_CONFLICT,
        "the display quantity is a multiple of the lot and not above the quantity",
    ),
    (
        SELL,
        {"display_quantity": -1},
        RejectCode.ORDER_TERMS_CONFLICT,
        "the display quantity is a multiple of the lot and not above the quantity",
    ),
    (
        BUY,
        {"expire_date": "2026-11-24"},
        RejectCode.ORDER_TERMS_CONFLICT,
        "an expire date and time in force GTD go together",
    ),
    (
        BUY,
        {"time_in_force": TimeInForce.GTD},
        RejectCode.ORDER_TERMS_CONFLICT,
        "an expire date and time in force GTD go together",
    ),
    (
        BUY,
        {"deliver": ((V19, 10),)},
        RejectCode.ORDER_TERMS_CONFLICT,
        "only a sell order names the classes that it delivers",
    ),
    (
        BUY,
        {"time_in_force": TimeInForce.GTD, "expire_date": "2026-02-30"},
        RejectCode.INVALID_DATE,
        "'2026-02-30' is not a date such as 2026-11-23",
    ),
    (
        BUY,
        {"time_in_force": TimeInForce.GTD, "expire_date": "20261123"},
        RejectCode.INVALID_DATE,
        "'20261123' is not a date such as 2026-11-23",
    ),
    (
        BUY,
        {"time_in_force": TimeInForce.GTD, "expire_date": "2026-W48-1"},
        RejectCode.INVALID_DATE,
        "'2026-W48-1' is not a date such as 2026-11-23",
    ),
    (
        BUY,
        {"time_in_force": TimeInForce.GTD, "expire_date": "2026-11-22"},
        RejectCode.EXPIRY_IN_THE_PAST,
        "2026-11-22 is before the business date 2026-11-23",
    ),
    (
        BUY,
        {"quantity": 10_000, "price": 1000},
        RejectCode.INSUFFICIENT_FUNDS,
        "10020000 minor units of EUR needed, 10000000 available",
    ),
    (
        SELL,
        {"quantity": 100_001},
        RejectCode.INSUFFICIENT_UNITS,
        "100001 deliverable units needed, 100000 available",
    ),
    (
        SELL,
        {"deliver": ((V18, 10),)},
        RejectCode.CLASS_NOT_DELIVERABLE,
        f"'{V18}' does not deliver into RIMBA-19",
    ),
    (
        SELL,
        {"deliver": ((V19, 9),)},
        RejectCode.DELIVERY_MISMATCH,
        "the classes to deliver add up to 9 units (each class once, at least 1), not 10",
    ),
    (
        SELL,
        {"instrument": BASKET.symbol, "deliver": ((V18, 5), (V18, 5))},
        RejectCode.DELIVERY_MISMATCH,
        "the classes to deliver add up to 10 units (each class once, at least 1), not 10",
    ),
    (
        SELL,
        {"instrument": BASKET.symbol, "deliver": ((V18, 11), (V19, -1))},
        RejectCode.DELIVERY_MISMATCH,
        "the classes to deliver add up to 10 units (each class once, at least 1), not 10",
    ),
    (
        SELL,
        {"instrument": BASKET.symbol, "quantity": 100_005, "deliver": ((V18, 5), (V20, 100_000))},
        RejectCode.INSUFFICIENT_UNITS,
        f"100000 units of {V20} needed, 99999 available",
    ),
]


@pytest.mark.parametrize(("side", "terms", "code", "message"), TERMS)
def test_refused_orders(
    market: Market, side: Side, terms: dict[str, Any], code: RejectCode, message: str
) -> None:
    """Each is refused with its number, changes nothing but the memory of its id, and is answered the same again."""
    market.beta.rest(market.beta.sell(1, 1100, BASKET.symbol, deliver=((V20, 1),)))
    fields = {"instrument": PROJECT.symbol, "quantity": 10, "price": 1000, **terms}
    order = OrderRequest(client_order_id="refused", side=side, **fields)
    before = msgspec.to_builtins(market.state.ledger.accounts)
    first_seq = market.next_seq
    assert [rejected(market.beta, order, code, message)] == market.beta.place(order)
    assert before == msgspec.to_builtins(market.state.ledger.accounts)
    assert first_seq == market.execute(market.beta.place_command(order)).duplicate_of


def test_quantity_limits_of_the_instrument(market: Market) -> None:
    """Below the minimum and off the lot."""
    lots = msgspec.structs.replace(PROJECT, symbol="LOTS", lot=10, minimum_quantity=20)
    market.list_instrument(lots)
    small, odd = market.alpha.buy(10, 1000, "LOTS"), market.alpha.buy(25, 1000, "LOTS")
    assert [
        rejected(market.alpha, small, RejectCode.QUANTITY_BELOW_MINIMUM, "the minimum is 20")
    ] == market.alpha.place(small)
    assert [
        rejected(market.alpha, odd, RejectCode.QUANTITY_OFF_LOT, "25 is not a multiple of the lot 10")
    ] == market.alpha.place(odd)
    shown = market.alpha.buy(40, 1000, "LOTS", display_quantity=15)
    assert [
        rejected(
            market.alpha,
            shown,
            RejectCode.ORDER_TERMS_CONFLICT,
            "the display quantity is a multiple of the lot and not above the quantity",
        )
    ] == market.alpha.place(shown)


@pytest.mark.parametrize(
    ("state", "code", "message"),
    [
        (
            InstrumentState.HALTED,
            RejectCode.INSTRUMENT_HALTED,
            "RIMBA-19 is halted and takes cancels only",
        ),
        (InstrumentState.CLOSED, RejectCode.INSTRUMENT_CLOSED, "RIMBA-19 is closed"),
    ],
)
def test_no_new_orders_while_not_open(
    market: Market, state: InstrumentState, code: RejectCode, message: str
) -> None:
    """A halted or closed instrument refuses orders, until it opens again."""
    market.change_state(PROJECT.symbol, state)
    order = market.alpha.buy(1, 1000)
    assert [rejected(market.alpha, order, code, message)] == market.alpha.place(order)
    market.change_state(PROJECT.symbol, InstrumentState.OPEN)
    market.alpha.rest(market.alpha.buy(1, 1000))


def test_live_orders_of_an_account_are_bounded(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit counts live orders of the account alone; one that ended makes room."""
    monkeypatch.setattr(order_entry, "MAX_OPEN_ORDERS", 2)
    first = market.alpha.rest(market.alpha.buy(1, 1000))
    market.alpha.rest(market.alpha.buy(1, 1000))
    market.alpha_2.rest(market.alpha_2.buy(1, 1000))
    order = market.alpha.buy(1, 1000)
    assert [
        rejected(
            market.alpha,
            order,
            RejectCode.TOO_MANY_OPEN_ORDERS,
            "the account has 2 live orders, the most it may have",
        )
    ] == market.alpha.place(order)
    market.alpha.cancel(first)
    market.alpha.rest(market.alpha.buy(1, 1000))
