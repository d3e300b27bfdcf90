"""Market orders: the protection price, given or derived, and that they never rest."""

from __future__ import annotations

from typing import Any

import pytest

from exchange.domain.events import CancelReason
from exchange.domain.orders import OrderType
from matching.order import Side, TimeInForce
from tests.exchange.domain.expected import accepted, cancelled, fill
from tests.market import CASH, PROJECT, UNITS, V19, Market

BUY, SELL = Side.BUY, Side.SELL
MARKET = OrderType.MARKET
IOC_REASON = CancelReason.IMMEDIATE_OR_CANCEL


@pytest.mark.parametrize(
    ("given", "effective", "hold"),
    [(None, 1500, 15_030), (1200, 1200, 12_024), (2**63 - 1, 1500, 15_030), (100, 100, 1_002)],
)
def test_protection_price_of_a_buyer(market: Market, given: int | None, effective: int, hold: int) -> None:
    """By default the upper edge of the band, and never beyond it; the hold is at that price."""
    order = market.alpha.buy(10, given, order_type=MARKET)
    order_id = market.next_seq
    assert [
        accepted(market.alpha, order, price=effective, hold_cash=hold),
        cancelled(market.alpha, order_id, 10, IOC_REASON, release_cash=hold),
    ] == market.alpha.place(order)
    assert (CASH, 0) == market.balance("alpha", "EUR")


@pytest.mark.parametrize(("given", "effective"), [(None, 500), (800, 800), (1, 500), (2**63 - 1, 2**63 - 1)])
def test_protection_price_of_a_seller(market: Market, given: int | None, effective: int) -> None:
    """By default the lower edge of the band, and never below it."""
    order = market.beta.sell(10, given, order_type=MARKET)
    order_id = market.next_seq
    assert [
        accepted(market.beta, order, price=effective),
        cancelled(market.beta, order_id, 10, IOC_REASON, release_units=((V19, 10),)),
    ] == market.beta.place(order)
    assert (UNITS, 0) == market.balance("beta", V19)


def test_market_buy_sweeps_up_to_its_protection(market: Market) -> None:
    """It trades at the makers' prices, stops at the protection price, and its rest is cancelled."""
    first = market.beta.rest(market.beta.sell(2, 1000))
    second = market.beta.rest(market.beta.sell(2, 1100))
    market.beta.rest(market.beta.sell(2, 1101))
    order = market.alpha.buy(6, 1100, order_type=MARKET)
    taker = market.next_seq
    parties: dict[str, Any] = {"buyer": market.alpha, "seller": market.beta}
    assert [
        # 6,600 and ceil(13.2).
        accepted(market.alpha, order, hold_cash=6_614),
        # Left: 4,400 and ceil(4 + 8.8) - 4.
        fill(first, taker, BUY, 1000, 2, **parties, buyer_fee=4, seller_fee=2, buyer_release=201),
        # ceil(4 + 4.4) - 4; left: 2,200 and ceil(8.4 + 4.4) - 9.
        fill(second, taker, BUY, 1100, 2, **parties, buyer_fee=5, seller_fee=3),
        cancelled(market.alpha, taker, 2, IOC_REASON, release_cash=2_204),
    ] == market.alpha.place(order)
    assert [(1101, 2, 1)] == market.state.books[PROJECT.symbol].depth(SELL)
    assert (CASH - 4_209, 0) == market.balance("alpha", "EUR")


def test_market_sell_takes_the_best_bid(market: Market) -> None:
    """Without a price of its own it sells at what is bid."""
    maker = market.alpha.rest(market.alpha.buy(5, 900))
    order = market.beta.sell(5, None, order_type=MARKET)
    taker = market.next_seq
    assert [
        accepted(market.beta, order, price=500),
        fill(
            maker,
            taker,
            SELL,
            900,
            5,
            buyer=market.alpha,
            seller=market.beta,
            # The hold of 4,509 was for the taker's fee of 9; ceil(4.5) is charged.
            buyer_fee=5,
            seller_fee=9,
            buyer_release=4,
        ),
    ] == market.beta.place(order)


def test_market_fill_or_kill(market: Market) -> None:
    """A market order may insist on its whole quantity."""
    market.beta.rest(market.beta.sell(5, 1000))
    order = market.alpha.buy(6, None, order_type=MARKET, time_in_force=TimeInForce.FOK)
    order_id = market.next_seq
    assert [
        accepted(market.alpha, order, price=1500, hold_cash=9_018),
        cancelled(market.alpha, order_id, 6, CancelReason.FILL_OR_KILL, release_cash=9_018),
    ] == market.alpha.place(order)


def test_protection_follows_the_reference_price(market: Market) -> None:
    """After the day's end the band lies around the last price."""
    market.beta.rest(market.beta.sell(1, 1200))
    market.alpha.place(market.alpha.buy(1, 1200))
    market.close_day("2026-11-24")
    order = market.alpha.buy(1, None, order_type=MARKET)
    order_id = market.next_seq
    assert [
        accepted(market.alpha, order, price=1800, hold_cash=1_804, expiry="2026-11-24"),
        cancelled(market.alpha, order_id, 1, IOC_REASON, release_cash=1_804),
    ] == market.alpha.place(order)
