"""The end of a business date: what expires, where references go, what is forgotten."""

from __future__ import annotations

import pytest

from exchange.domain import commands
from exchange.domain.events import CancelReason, DayClosed, RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import InstrumentState
from exchange.domain.rejects import RejectCode
from matching.order import TimeInForce
from tests.exchange.domain.expected import accepted, cancelled, fill
from tests.market import BASKET, PROJECT, V18, V19, Market, Trader

EXPIRED = CancelReason.EXPIRED
UNCHANGED = ((BASKET.symbol, 1000), (PROJECT.symbol, 1000))
GTD = TimeInForce.GTD


def closed(date: str, next_date: str, references: tuple[tuple[str, int], ...] = UNCHANGED) -> DayClosed:
    """The event of a day's end by the local operator."""
    return DayClosed(LOCAL_OPERATOR, date, next_date, references)


def test_day_and_due_orders_expire(market: Market) -> None:
    """Day orders and good-till-date orders of the date go, by instrument and id; the rest stays."""
    day = market.alpha.rest(market.alpha.buy(1, 1000))
    kept = market.alpha.rest(market.alpha.buy(1, 1000, time_in_force=TimeInForce.GTC))
    due = market.alpha.rest(market.alpha.buy(1, 1000, time_in_force=GTD, expire_date="2026-11-23"))
    later = market.alpha.rest(market.alpha.buy(1, 1000, time_in_force=GTD, expire_date="2026-11-24"))
    first = market.beta.rest(market.beta.sell(1, 1100, BASKET.symbol))
    assert [
        cancelled(market.beta, first, 1, EXPIRED, instrument=BASKET.symbol, release_units=((V18, 1),)),
        cancelled(market.alpha, day, 1, EXPIRED, release_cash=1_002),
        cancelled(market.alpha, due, 1, EXPIRED, release_cash=1_002),
        closed("2026-11-23", "2026-11-24"),
    ] == market.close_day("2026-11-24")
    assert [kept, later] == list(market.state.orders)
    assert "2026-11-24" == market.state.business_date
    assert [
        cancelled(market.alpha, later, 1, EXPIRED, release_cash=1_002),
        closed("2026-11-24", "2026-11-25"),
    ] == market.close_day("2026-11-25")


def test_orders_due_over_a_weekend_expire_before_it(market: Market) -> None:
    """An order good till Saturday does not live on Monday."""
    market.close_day("2026-11-27")
    saturday = market.alpha.rest(market.alpha.buy(1, 1000, time_in_force=GTD, expire_date="2026-11-28"))
    monday = market.alpha.rest(market.alpha.buy(1, 1000, time_in_force=GTD, expire_date="2026-11-30"))
    assert [
        cancelled(market.alpha, saturday, 1, EXPIRED, release_cash=1_002),
        closed("2026-11-27", "2026-11-30"),
    ] == market.close_day("2026-11-30")
    assert [monday] == list(market.state.orders)


def test_halted_instruments_expire_orders_too(market: Market) -> None:
    """A halt does not keep a day order alive."""
    order_id = market.alpha.rest(market.alpha.buy(1, 1000))
    market.change_state(PROJECT.symbol, InstrumentState.HALTED)
    assert [
        cancelled(market.alpha, order_id, 1, EXPIRED, release_cash=1_002),
        closed("2026-11-23", "2026-11-24"),
    ] == market.close_day("2026-11-24")


def test_references_move_to_the_last_price(market: Market) -> None:
    """The next day's band lies around the last trade; without a trade the reference stays."""
    market.beta.rest(market.beta.sell(2, 1100))
    market.alpha.place(market.alpha.buy(1, 1100))
    assert 1000 == market.state.listings[PROJECT.symbol].reference_price
    events = market.close_day("2026-11-24")
    assert closed("2026-11-23", "2026-11-24", ((BASKET.symbol, 1000), (PROJECT.symbol, 1100))) == events[-1]
    assert 1100 == market.state.listings[PROJECT.symbol].reference_price
    assert (
        closed("2026-11-24", "2026-11-25", ((BASKET.symbol, 1000), (PROJECT.symbol, 1100)))
        == market.close_day("2026-11-25")[-1]
    )


def test_trades_settle_on_the_business_date(market: Market) -> None:
    """A fill carries the business date on which it happened."""
    market.close_day("2026-11-24")
    maker = market.beta.rest(market.beta.sell(1, 1000))
    order = market.alpha.buy(1, 1000)
    taker = market.next_seq
    assert [
        accepted(market.alpha, order, hold_cash=1_002, expiry="2026-11-24"),
        fill(
            maker,
            taker,
            order.side,
            1000,
            1,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=2,
            seller_fee=1,
            settlement_date="2026-11-24",
        ),
    ] == market.alpha.place(order)


@pytest.mark.parametrize(
    ("next_date", "message"),
    [
        ("2026-11-23", "2026-11-23 is not after 2026-11-23"),
        ("2025-12-31", "2025-12-31 is not after 2026-11-23"),
        ("2026-02-30", "'2026-02-30' is not a date such as 2026-11-23"),
        ("20261124", "'20261124' is not a date such as 2026-11-23"),
        ("", "'' is not a date such as 2026-11-23"),
        ("tomorrow, perhaps on time", "'tomorrow, perhaps on' is not a date such as 2026-11-23"),
    ],
)
def test_refused_dates(market: Market, next_date: str, message: str) -> None:
    """The date moves on, by a real date; nothing expires otherwise."""
    order_id = market.alpha.rest(market.alpha.buy(1, 1000))
    assert [
        RequestRefused("CloseDay", LOCAL_OPERATOR, "", RejectCode.INVALID_DATE, message)
    ] == market.close_day(next_date)
    assert [order_id] == list(market.state.orders)


def test_only_operators_end_the_day(market: Market) -> None:
    """A trader cannot."""
    assert [
        RequestRefused("CloseDay", "alpha-key", "", RejectCode.NOT_PERMITTED, "only an operator may do this")
    ] == market.do(commands.CloseDay("alpha-key", "2026-11-24"))


def answers_as_duplicate(trader: Trader, client_order_id: str) -> bool:
    """Whether the id of a buy order of one at 10.00 is still known."""
    order = trader.buy(1, 1000, client_order_id=client_order_id, time_in_force=TimeInForce.GTC)
    return bool(trader.market.execute(trader.place_command(order)).duplicate_of)


def test_ended_orders_are_forgotten_two_day_ends_later(market: Market) -> None:
    """An id is known while its order lives, and until the second day's end after it ended."""
    gtc = TimeInForce.GTC
    live = market.alpha.buy(1, 1000, client_order_id="live", time_in_force=gtc)
    ended = market.alpha.buy(1, 1000, client_order_id="ended", time_in_force=gtc)
    market.alpha.rest(live)
    market.alpha.cancel(market.alpha.rest(ended))
    market.change_state(PROJECT.symbol, InstrumentState.HALTED)
    market.alpha.place(market.alpha.buy(1, 1000, client_order_id="rejected", time_in_force=gtc))
    market.change_state(PROJECT.symbol, InstrumentState.OPEN)
    market.close_day("2026-11-24")
    assert answers_as_duplicate(market.alpha, "ended")
    assert answers_as_duplicate(market.alpha, "rejected")
    market.close_day("2026-11-25")
    assert answers_as_duplicate(market.alpha, "live")
    assert not answers_as_duplicate(market.alpha, "ended")
    assert not answers_as_duplicate(market.alpha, "rejected")
    market.close_day("2026-11-26")
    market.close_day("2026-11-27")
    assert answers_as_duplicate(market.alpha, "live")
    assert answers_as_duplicate(market.alpha, "ended")


def test_filled_and_expired_orders_are_forgotten_too(market: Market) -> None:
    """Whatever ended an order, the table does not grow for ever."""
    market.beta.rest(market.beta.sell(1, 1000))
    market.alpha.place(market.alpha.buy(2, 1000))
    market.close_day("2026-11-24")
    assert {"alpha": 1, "beta": 1} == {
        account: len(remembered) for account, remembered in market.state.remembered.items()
    }
    market.close_day("2026-11-25")
    assert {"alpha": {}, "beta": {}} == market.state.remembered
    assert (100_001, 0) == market.balance("alpha", V19)
