"""Messages as commands of the venue, and values on their way out."""

from __future__ import annotations

import pytest

from exchange.domain import commands
from exchange.domain.making.forms import CancelQuotes, ReplaceQuote, ResetProtection, SetProtection
from exchange.domain.orders import (
    OrderRequest,
    OrderType,
    RetirementTerms,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from exchange.domain.rejects import Reject, RejectCode
from gateway.fix import requests
from gateway.fix.message import Fields, Message, Value
from gateway.fix.values import average_price, put_text
from tests.market import ALPHA, PROJECT, V19, Market

MAKER = requests.Maker("ALPHAFIX", 7, ALPHA)
WHO = ("ALPHAFIX", 7, ALPHA)
SYMBOL = PROJECT.symbol
ORDER: Fields = {11: "a", 55: SYMBOL, 54: "1", 60: "20261123-00:00:00", 38: "10", 40: "2", 44: "10.00"}


def placed(**more: Value) -> OrderRequest:
    fields = ORDER | {int(tag[1:]): value for tag, value in more.items()}
    return requests.place_order(MAKER, Market().state, Message("D", fields)).order


def test_a_plain_order() -> None:
    """A day order, unless it says otherwise."""
    command = requests.place_order(MAKER, Market().state, Message("D", ORDER))
    assert commands.PlaceOrder(*WHO, OrderRequest("a", SYMBOL, Side.BUY, 10, 1000)) == command


def test_terms_of_orders() -> None:
    """Each term has its field."""
    assert OrderType.MARKET is placed(t40="1").order_type
    assert [TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK] == [
        placed(t59=value).time_in_force for value in "134"
    ]
    gtd = placed(t59="6", t432="20261130")
    assert (TimeInForce.GTD, "2026-11-30") == (gtd.time_in_force, gtd.expire_date)
    assert placed(t18="6").post_only
    assert 4 == placed(t111="4").display_quantity
    assert SelfTradePrevention.DECREMENT is placed(t20015="4").self_trade_prevention
    assert ((V19, 10),) == placed(t20003=[{20004: V19, 20005: "10"}]).deliver
    assert RetirementTerms("Acme", "flights") == placed(t20010="Acme", t20011="flights").retire_on_fill
    assert RetirementTerms("Größe") == placed(t20010="Gr??e", t20009="Größe".encode()).retire_on_fill


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({1: "beta"}, RejectCode.UNKNOWN_ACCOUNT),
        ({55: "NOTHING"}, RejectCode.UNKNOWN_INSTRUMENT),
        ({38: "1.5"}, RejectCode.INVALID_QUANTITY),
        ({38: "9999999999999999"}, RejectCode.INVALID_QUANTITY),
        ({44: "10.001"}, RejectCode.PRICE_OFF_TICK),
        ({44: "0"}, RejectCode.INVALID_PRICE),
        ({44: "-1"}, RejectCode.INVALID_PRICE),
        ({20009: b"\xff"}, RejectCode.INVALID_PARAMS),
        ({20009: b"a\tb"}, RejectCode.INVALID_PARAMS),
    ],
)
def test_orders_that_cannot_be_read(fields: Fields, code: RejectCode) -> None:
    """They are refused with the venue's numbers before the venue sees them."""
    with pytest.raises(Reject) as caught:
        requests.place_order(MAKER, Market().state, Message("D", ORDER | fields))
    assert code is caught.value.code


def test_replacements_change_price_and_quantity_only() -> None:
    """What is said again must be what stands; what is left out stays."""
    market = Market()
    market.alpha.rest(market.alpha.buy(10, 1000, client_order_id="a"))
    message = Message("G", ORDER | {41: "a", 11: "b", 44: "10.05", 38: "12"})
    assert commands.AmendOrder(*WHO, client_order_id="a", price=1005, quantity=12, request_id="b") == (
        requests.amend_order(MAKER, market.state, message)
    )
    others: list[Fields] = [
        {54: "2"},
        {40: "1"},
        {59: "1"},
        {111: "5"},
        {18: "6"},
        {20015: "2"},
        {55: "NATURE"},
    ]
    for other in others:
        changed = Message("G", message.fields | other)
        with pytest.raises(Reject) as caught:
            requests.amend_order(MAKER, market.state, changed)
        assert RejectCode.ORDER_TERMS_CONFLICT is caught.value.code


def test_cancels() -> None:
    """One order, those of an instrument or a side, or all."""
    state = Market().state
    one = Message("F", {41: "a", 11: "b"})
    assert commands.CancelOrder(*WHO, client_order_id="a", request_id="b") == requests.cancel_order(
        MAKER, state, one
    )
    everything = Message("q", {11: "b", 530: "7", 55: SYMBOL, 54: "2"})
    assert commands.CancelAll(*WHO, "", Side.SELL, "b") == requests.cancel_all(MAKER, state, everything)
    of_one = Message("q", {11: "b", 530: "1", 55: SYMBOL})
    assert commands.CancelAll(*WHO, SYMBOL, None, "b") == requests.cancel_all(MAKER, state, of_one)
    with pytest.raises(Reject, match="needs its symbol"):
        requests.cancel_all(MAKER, state, Message("q", {11: "b", 530: "1"}))


def test_quotes() -> None:
    """A side without price and size is withdrawn; one with a size has a price."""
    state = Market().state
    both: Fields = {299: "e", 55: SYMBOL, 132: "9.90", 133: "10.10", 134: "5", 135: "6"}
    assert ReplaceQuote(*WHO, "q/e", SYMBOL, 990, 5, 1010, 6) == requests.replace_quote(
        MAKER, state, "q", both
    )
    bid: Fields = {299: "e", 55: SYMBOL, 132: "9.90", 134: "5"}
    assert ReplaceQuote(*WHO, "q/e", SYMBOL, 990, 5, 0, 0) == requests.replace_quote(MAKER, state, "q", bid)
    with pytest.raises(Reject, match="has a price"):
        requests.replace_quote(MAKER, state, "q", {299: "e", 55: SYMBOL, 135: "5"})
    some = Message("Z", {117: "q", 298: "1", 295: [{55: SYMBOL}, {55: "NATURE"}]})
    assert [CancelQuotes(*WHO, SYMBOL), CancelQuotes(*WHO, "NATURE")] == requests.cancel_quotes(MAKER, some)
    assert [CancelQuotes(*WHO)] == requests.cancel_quotes(MAKER, Message("Z", {117: "q", 298: "4"}))
    with pytest.raises(Reject, match="needs their symbols"):
        requests.cancel_quotes(MAKER, Message("Z", {117: "q", 298: "1"}))


def test_protections() -> None:
    """Windows come in milliseconds."""
    fields: Fields = {20020: "p", 55: SYMBOL, 20021: "1", 20022: "100", 20023: "3", 20024: "250"}
    assert SetProtection(*WHO, SYMBOL, 250_000_000, 100, 3) == requests.protect(MAKER, Message("U1", fields))
    assert ResetProtection(*WHO, SYMBOL) == requests.protect(MAKER, Message("U1", fields | {20021: "2"}))


@pytest.mark.parametrize(
    ("traded", "filled", "shown"),
    [
        (0, 0, "0"),
        (10_000, 10, "10.00"),
        (10_005, 10, "10.005"),
        (20_000, 3, "66.666667"),
        (1, 30_000, "0.00"),
    ],
)
def test_average_prices(traded: int, filled: int, shown: str) -> None:
    """An average has the decimals of prices, and more where it needs them; it is rounded half up."""
    assert shown == average_price(PROJECT, traded, filled)


def test_texts() -> None:
    """What is not ASCII is there twice: readable by everybody, and whole."""
    fields: Fields = {}
    put_text(fields, "plain")
    assert {58: "plain"} == fields
    put_text(fields, "größe")
    assert {58: "gr??e", 355: "größe".encode()} == fields
