"""Self-trade prevention: the accounts of one participant never trade with each other, whatever the mode."""

from __future__ import annotations

import pytest

from exchange.domain.events import CancelReason, Event, OrdersDecremented
from exchange.domain.orders import OrderStatus
from matching.order import SelfTradePrevention, Side, TimeInForce
from tests.exchange.domain.expected import accepted, cancelled, fill
from tests.market import CASH, PROJECT, UNITS, V19, Market, Trader

BUY, SELL = Side.BUY, Side.SELL
SELF_TRADE = CancelReason.SELF_TRADE


@pytest.fixture(params=["alpha", "alpha_2"])
def own(request: pytest.FixtureRequest, market: Market) -> Trader:
    """Gives the taker: the maker's own account, then another account of the same participant."""
    trader: Trader = getattr(market, request.param)
    return trader


def test_cancel_taker(market: Market, own: Trader) -> None:
    """The default: the incoming order trades with others first and ends where it meets its own."""
    other = market.beta.rest(market.beta.sell(2, 990))
    maker = market.alpha.rest(market.alpha.sell(5, 1000))
    order = own.buy(4, 1000)
    taker = market.next_seq
    assert [
        accepted(own, order, hold_cash=4_008),
        fill(
            other,
            taker,
            BUY,
            990,
            2,
            buyer=own,
            seller=market.beta,
            buyer_fee=4,
            seller_fee=2,
            # 4,008 - 1,984; left: 2,000 and ceil(3.96 + 4) - 4.
            buyer_release=20,
        ),
        cancelled(own, taker, 2, SELF_TRADE, release_cash=2_004),
    ] == own.place(order)
    assert [maker] == list(market.state.orders)


def test_cancel_maker(market: Market, own: Trader) -> None:
    """The resting order ends; the incoming one goes on to others behind it."""
    maker = market.alpha.rest(market.alpha.sell(5, 1000))
    other = market.beta.rest(market.beta.sell(2, 1000))
    order = own.buy(4, 1000, self_trade_prevention=SelfTradePrevention.CANCEL_MAKER)
    taker = market.next_seq
    assert [
        accepted(own, order, hold_cash=4_008),
        cancelled(market.alpha, maker, 5, SELF_TRADE, release_units=((V19, 5),)),
        fill(
            other,
            taker,
            BUY,
            1000,
            2,
            buyer=own,
            seller=market.beta,
            buyer_fee=4,
            seller_fee=2,
        ),
    ] == own.place(order)
    assert [taker] == list(market.state.orders)


def test_cancel_both(market: Market, own: Trader) -> None:
    """Both end, the resting one first."""
    maker = market.alpha.rest(market.alpha.sell(5, 1000))
    order = own.buy(4, 1000, self_trade_prevention=SelfTradePrevention.CANCEL_BOTH)
    taker = market.next_seq
    assert [
        accepted(own, order, hold_cash=4_008),
        cancelled(market.alpha, maker, 5, SELF_TRADE, release_units=((V19, 5),)),
        cancelled(own, taker, 4, SELF_TRADE, release_cash=4_008),
    ] == own.place(order)
    assert {} == market.state.orders


def _decremented(buyer: Trader, seller: Trader, maker: int, taker: int, quantity: int) -> Event:
    return OrdersDecremented(
        instrument=PROJECT.symbol,
        maker_order_id=maker,
        taker_order_id=taker,
        quantity=quantity,
        buyer=buyer.account,
        seller=seller.account,
        currency="EUR",
        buyer_release=1_002 * quantity,
        release_units=((V19, quantity),),
    )


def test_decrement_with_a_larger_maker(market: Market, own: Trader) -> None:
    """Both lose the smaller quantity without a trade: the taker is gone, the maker keeps its place."""
    maker = market.alpha.rest(market.alpha.sell(5, 1000))
    order = own.buy(4, 1000, self_trade_prevention=SelfTradePrevention.DECREMENT)
    taker = market.next_seq
    assert [
        accepted(own, order, hold_cash=4_008),
        _decremented(own, market.alpha, maker, taker, 4),
    ] == own.place(order)
    assert [(1000, 1, 1)] == market.state.books[PROJECT.symbol].depth(SELL)
    assert OrderStatus.CANCELLED is market.state.remembered[own.account][order.client_order_id].status
    assert (UNITS, 1) == market.balance("alpha", V19)
    assert (CASH, 0) == market.balance(own.account, "EUR")


def test_decrement_with_a_larger_taker(market: Market, own: Trader) -> None:
    """The maker is gone, the taker goes on with less: here it sells, trades and rests."""
    maker = market.alpha.rest(market.alpha.buy(4, 1000))
    other = market.beta.rest(market.beta.buy(3, 1000))
    order = own.sell(9, 1000, self_trade_prevention=SelfTradePrevention.DECREMENT)
    taker = market.next_seq
    assert [
        accepted(own, order),
        _decremented(market.alpha, own, maker, taker, 4),
        fill(
            other,
            taker,
            SELL,
            1000,
            3,
            buyer=market.beta,
            seller=own,
            buyer_fee=3,
            seller_fee=6,
            buyer_release=3,
        ),
    ] == own.place(order)
    assert (5, 3) == (market.state.orders[taker].quantity, market.state.orders[taker].filled)
    assert (UNITS - 3, 2) == market.balance(own.account, V19)


def test_decrement_to_nothing_on_both_sides(market: Market, own: Trader) -> None:
    """Equal quantities: both orders end."""
    maker = market.alpha.rest(market.alpha.sell(4, 1000))
    order = own.buy(4, 1000, self_trade_prevention=SelfTradePrevention.DECREMENT)
    taker = market.next_seq
    assert [
        accepted(own, order, hold_cash=4_008),
        _decremented(own, market.alpha, maker, taker, 4),
    ] == own.place(order)
    assert {} == market.state.orders
    assert [] == market.state.books[PROJECT.symbol].depth(SELL)


def test_decrement_of_an_iceberg(market: Market, own: Trader) -> None:
    """Each display is taken off on its own; the hidden part comes forward."""
    maker = market.alpha.rest(market.alpha.sell(5, 1000, display_quantity=3))
    order = own.buy(4, 1000, self_trade_prevention=SelfTradePrevention.DECREMENT)
    taker = market.next_seq
    assert [
        accepted(own, order, hold_cash=4_008),
        _decremented(own, market.alpha, maker, taker, 3),
        _decremented(own, market.alpha, maker, taker, 1),
    ] == own.place(order)
    assert [(1000, 1, 1)] == market.state.books[PROJECT.symbol].depth(SELL)


@pytest.mark.parametrize(
    "mode",
    [
        SelfTradePrevention.CANCEL_TAKER,
        SelfTradePrevention.CANCEL_BOTH,
        SelfTradePrevention.DECREMENT,
    ],
)
def test_fill_or_kill_with_an_own_order_in_the_way(
    market: Market, own: Trader, mode: SelfTradePrevention
) -> None:
    """It could not fill in full, so it is killed, and the own resting order stays."""
    market.alpha.rest(market.alpha.sell(2, 1000))
    market.beta.rest(market.beta.sell(4, 1000))
    order = own.buy(4, 1000, time_in_force=TimeInForce.FOK, self_trade_prevention=mode)
    taker = market.next_seq
    assert [
        accepted(own, order, hold_cash=4_008),
        cancelled(own, taker, 4, CancelReason.FILL_OR_KILL, release_cash=4_008),
    ] == own.place(order)
    assert [(1000, 6, 2)] == market.state.books[PROJECT.symbol].depth(SELL)


def test_fill_or_kill_that_cancels_its_own_makers(market: Market, own: Trader) -> None:
    """With cancel maker it looks past own orders, and does not count them."""
    maker = market.alpha.rest(market.alpha.sell(2, 1000))
    other = market.beta.rest(market.beta.sell(4, 1000))
    terms = {
        "time_in_force": TimeInForce.FOK,
        "self_trade_prevention": SelfTradePrevention.CANCEL_MAKER,
    }
    too_many = own.buy(5, 1000, **terms)
    taker = market.next_seq
    assert [
        accepted(own, too_many, hold_cash=5_010),
        cancelled(own, taker, 5, CancelReason.FILL_OR_KILL, release_cash=5_010),
    ] == own.place(too_many)
    order = own.buy(4, 1000, **terms)
    taker = market.next_seq
    assert [
        accepted(own, order, hold_cash=4_008),
        cancelled(market.alpha, maker, 2, SELF_TRADE, release_units=((V19, 2),)),
        fill(
            other,
            taker,
            BUY,
            1000,
            4,
            buyer=own,
            seller=market.beta,
            buyer_fee=8,
            seller_fee=4,
        ),
    ] == own.place(order)
