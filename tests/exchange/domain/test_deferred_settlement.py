"""Trades that settle some business days later: locked until then, certain all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.events import DayClosed, Fill, RequestRefused, Retired, TradeSettled
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.identity import LOCAL_OPERATOR, VENUE
from exchange.domain.orders import RetirementTerms
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from matching.order import Side, TimeInForce
from tests.exchange.domain.expected import fill, refused
from tests.market import ALPHA, BETA, CASH, PROJECT, UNITS, V19, Market

if TYPE_CHECKING:
    from exchange.domain.events import Event

LATER = msgspec.structs.replace(PROJECT, symbol="RIMBA-T2", settlement_days=2, calendar="DAYS")
BLOCK = SerialBlock("VCS", "opening-2019", 200_001, 200_010)
"""Beta's lowest serials of vintage 2019."""
AMOUNT, BUYER_FEE, SELLER_FEE = 10_000, 20, 10


def deferring(market: Market) -> Market:
    """A market whose instrument settles in two business days; Wednesday 25 November is a holiday."""
    market.do(commands.SetCalendar(LOCAL_OPERATOR, "DAYS", ("2026-11-25",)))
    market.list_instrument(LATER)
    return market


def trade(market: Market, **terms: object) -> tuple[int, list[Event]]:
    """Beta sells alpha ten units at 10.00; the trade's seq and the taker's events."""
    market.beta.rest(market.beta.sell(10, 1000, LATER.symbol, time_in_force=TimeInForce.GTC))
    events = market.alpha.place(
        market.alpha.buy(10, 1000, LATER.symbol, time_in_force=TimeInForce.GTC, **terms)
    )
    return market.state.last_seq, events


def settled(trade_seq: int) -> TradeSettled:
    """The settlement of that trade."""
    return TradeSettled(trade_seq, ALPHA, BETA, "EUR", AMOUNT, BUYER_FEE, SELLER_FEE, ((V19, 10),))


def test_a_deferred_trade_locks_both_sides(market: Market) -> None:
    """Until its date nobody has more than before, and neither side can spend what it owes."""
    deferring(market)

    trade_seq, events = trade(market)

    (found,) = [event for event in events if isinstance(event, Fill)]
    expected = fill(
        found.maker_order_id,
        found.taker_order_id,
        Side.BUY,
        1000,
        10,
        buyer=market.alpha,
        seller=market.beta,
        buyer_fee=BUYER_FEE,
        seller_fee=SELLER_FEE,
        instrument=LATER.symbol,
        settlement_date="2026-11-26",
    )
    assert msgspec.structs.replace(expected, deferred=True) == found
    assert (CASH, AMOUNT + BUYER_FEE) == market.balance(ALPHA, "EUR")
    assert (UNITS, 10) == market.balance(BETA, V19)
    assert (UNITS, 0) == market.balance(ALPHA, V19)
    assert {trade_seq: ((V19, BLOCK),)} == market.state.holdings.locked


def test_it_settles_when_its_date_begins(market: Market) -> None:
    """The day's end before changes nothing; the one that reaches the date moves cash, fees and units."""
    deferring(market)
    trade_seq, _ = trade(market)

    early = market.close_day("2026-11-24")
    due = market.close_day("2026-11-26")

    assert [DayClosed] == [type(event) for event in early]
    assert isinstance(due[0], DayClosed)
    assert [settled(trade_seq)] == due[1:]
    assert (CASH - AMOUNT - BUYER_FEE, 0) == market.balance(ALPHA, "EUR")
    assert (CASH + AMOUNT - SELLER_FEE, 0) == market.balance(BETA, "EUR")
    assert (BUYER_FEE + SELLER_FEE, 0) == market.balance(VENUE, "EUR")
    assert ((UNITS + 10, 0), (UNITS - 10, 0)) == (market.balance(ALPHA, V19), market.balance(BETA, V19))
    assert market.state.holdings.holds(ALPHA, V19, BLOCK)
    assert {} == market.state.obligations


def test_trades_settle_in_their_order(market: Market) -> None:
    """All that is due settles by seq, each in an event of its own."""
    deferring(market)
    trades = [trade(market)[0] for _ in range(3)]

    due = market.close_day("2026-11-30")

    assert trades == [event.trade for event in due if isinstance(event, TradeSettled)]


def test_locked_serials_cannot_leave(market: Market) -> None:
    """The seller can neither retire nor withdraw what is locked, by name or by balance."""
    deferring(market)
    trade(market)
    retire = commands.Retire(
        market.beta.key_id, market.beta.session, BETA, "Acme", "", "named", (), ((V19, BLOCK),)
    )
    withdraw = commands.WithdrawUnits(LOCAL_OPERATOR, BETA, V19, 10, (BLOCK,), "out")

    events = [*market.do(retire), *market.do(withdraw)]

    message = "batch opening-2019 200001 to 200010 is locked for a trade that has not settled"
    assert [
        refused(market.beta, "Retire", RejectCode.UNITS_LOCKED, message),
        RequestRefused("WithdrawUnits", LOCAL_OPERATOR, BETA, RejectCode.UNITS_LOCKED, message),
    ] == events


def test_the_buyer_cannot_sell_before_it_owns(market: Market) -> None:
    """What has not settled is not available to its buyer."""
    deferring(market)
    trade(market)

    (event,) = market.alpha.place(market.alpha.sell(UNITS + 1, 1200))

    assert RejectCode.INSUFFICIENT_UNITS is event.code  # type: ignore[attr-defined]


def test_retirement_waits_for_settlement(market: Market) -> None:
    """A deferred purchase is retired when it settles, with the serials that were locked for it."""
    deferring(market)
    trade_seq, events = trade(market, retire_on_fill=RetirementTerms("Acme", "2026"))
    order_id = market.recorded[trade_seq - 1].event.taker_order_id  # type: ignore[attr-defined]

    due = market.close_day("2026-11-26")

    assert [] == [event for event in events if isinstance(event, Retired)]
    reference = f"retired-on-fill/{order_id}/{trade_seq}"
    retired = Retired(ALPHA, ((V19, BLOCK),), "Acme", "2026", reference, LOWEST_SERIAL, order_id)
    assert [settled(trade_seq), retired] == due[1:]
    assert (UNITS, 0) == market.balance(ALPHA, V19)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settlement_days": 31}, "trades settle within 30 business days"),
        ({"settlement_days": -1}, "trades settle within 30 business days"),
        ({"calendar": "MOON"}, "no holidays of calendar 'MOON' are known"),
    ],
)
def test_refused_settlement_terms(market: Market, change: dict[str, object], message: str) -> None:
    """A listing names a sensible cycle and a calendar that is known."""
    listing = msgspec.structs.replace(PROJECT, symbol="OTHER", **change)

    events = market.list_instrument(listing)

    assert [
        RequestRefused("ListInstrument", LOCAL_OPERATOR, "", RejectCode.INVALID_INSTRUMENT, message)
    ] == events
