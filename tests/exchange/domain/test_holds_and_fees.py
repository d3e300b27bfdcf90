"""Holds and fees: exact, rounded up once per order, whatever the lot, the tick, the currency and the slicing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from exchange.domain.events import Fill, OrderCancelled
from matching.order import Side, TimeInForce
from tests.exchange.domain.expected import accepted, cancelled, fill
from tests.market import CASH, PROJECT, V19, V20, Market, Trader

BUY, SELL = Side.BUY, Side.SELL


def fees_of(market: Market, order_id: int) -> list[int]:
    """The fees that the fills of an order charged it."""
    fees = []
    for recorded in market.recorded:
        event = recorded.event
        if isinstance(event, Fill) and order_id in {event.maker_order_id, event.taker_order_id}:
            buys = (order_id == event.taker_order_id) is (event.taker_side is BUY)
            fees.append(event.buyer_fee if buys else event.seller_fee)
    return fees


def test_fees_are_rounded_up_once_per_order(market: Market) -> None:
    """Seven fills of 5.00 at 0.1 % cost the maker 4 cents in all, not 7; the taker of each pays its own cent."""
    maker = market.alpha.rest(market.alpha.buy(7, 500))
    takers = []
    for _ in range(7):
        takers.append(market.next_seq)
        market.beta.place(market.beta.sell(1, 500))
    assert [1, 0, 1, 0, 1, 0, 1] == fees_of(market, maker)
    assert [[1]] * 7 == [fees_of(market, taker) for taker in takers]
    assert (CASH - 3_504, 0) == market.balance("alpha", "EUR")
    assert (11, 0) == market.balance("VENUE", "EUR")


def test_slicing_changes_nothing(market: Market) -> None:
    """One fill or many: the same total fee."""
    whole = market.gamma.rest(market.gamma.buy(7, 501))
    market.beta.place(market.beta.sell(7, 501))
    assert [4] == fees_of(market, whole)
    sliced = market.gamma.rest(market.gamma.buy(7, 501))
    for _ in range(7):
        market.beta.place(market.beta.sell(1, 501))
    assert 4 == sum(fees_of(market, sliced))


def test_order_that_makes_and_takes(market: Market) -> None:
    """What an order takes on its way in costs the taker's rate, what it makes later the maker's; rounded up once."""
    first = market.beta.rest(market.beta.sell(1, 700))
    order = market.alpha.buy(3, 701)
    order_id = market.next_seq
    assert [
        # 2,103 and ceil(4.206).
        accepted(market.alpha, order, hold_cash=2_108),
        # 700 and ceil(1.4); left: 1,402 and ceil(1.4 + 2.804) - 2.
        fill(
            first,
            order_id,
            BUY,
            700,
            1,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=2,
            seller_fee=1,
            buyer_release=1,
        ),
    ] == market.alpha.place(order)
    sell = market.gamma.sell(2, 701)
    taker = market.next_seq
    assert [
        accepted(market.gamma, sell),
        # ceil(1.4 + 1.402) - 2 of the 3 that were still held for fees.
        fill(
            order_id,
            taker,
            SELL,
            701,
            2,
            buyer=market.alpha,
            seller=market.gamma,
            buyer_fee=1,
            seller_fee=3,
            buyer_release=2,
        ),
    ] == market.gamma.place(sell)
    assert (CASH - 2_105, 0) == market.balance("alpha", "EUR")


def test_no_fees(market: Market) -> None:
    """At zero rates a buy order holds its notional and a trade moves nothing to the venue."""
    market.change_fees(PROJECT.symbol, 0, 0)
    maker = market.beta.rest(market.beta.sell(10, 990))
    order = market.alpha.buy(10, 1000)
    taker = market.next_seq
    assert [
        accepted(market.alpha, order, hold_cash=10_000, fees_ppm=(0, 0)),
        fill(
            maker,
            taker,
            BUY,
            990,
            10,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=0,
            seller_fee=0,
            buyer_release=100,
        ),
    ] == market.alpha.place(order)
    assert (0, 0) == market.balance("VENUE", "EUR")
    assert "EUR" not in market.state.ledger.accounts.get("VENUE", {})


def test_fee_of_the_whole_amount(market: Market) -> None:
    """At 100 % the seller gets nothing and the buyer pays twice; never more."""
    market.change_fees(PROJECT.symbol, 1_000_000, 1_000_000)
    market.beta.rest(market.beta.sell(2, 1000))
    market.alpha.place(market.alpha.buy(2, 1000))
    assert (CASH - 4_000, 0) == market.balance("alpha", "EUR")
    assert (CASH, 0) == market.balance("beta", "EUR")
    assert (4_000, 0) == market.balance("VENUE", "EUR")


def test_makers_fee_above_the_takers(market: Market) -> None:
    """The hold covers the higher rate, whichever side of the trade the order ends up on."""
    market.change_fees(PROJECT.symbol, 5000, 1000)
    maker = market.alpha.buy(10, 1000)
    maker_id = market.next_seq
    assert [accepted(market.alpha, maker, hold_cash=10_050, fees_ppm=(5000, 1000))] == market.alpha.place(
        maker
    )
    sell = market.beta.sell(10, 1000)
    taker = market.next_seq
    assert [
        accepted(market.beta, sell, fees_ppm=(5000, 1000)),
        fill(
            maker_id,
            taker,
            SELL,
            1000,
            10,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=50,
            seller_fee=10,
        ),
    ] == market.beta.place(sell)


def test_live_orders_keep_their_rates(market: Market) -> None:
    """New fees are for orders accepted from then on; a live order keeps its rates, through an amend too."""
    old = market.alpha.rest(market.alpha.buy(10, 1000))
    market.change_fees(PROJECT.symbol, 500_000, 600_000)
    market.alpha.amend(old, quantity=20)
    assert (CASH, 20_040) == market.balance("alpha", "EUR")
    sell = market.beta.sell(20, 1000)
    taker = market.next_seq
    assert [
        accepted(market.beta, sell, fees_ppm=(500_000, 600_000)),
        fill(
            old,
            taker,
            SELL,
            1000,
            20,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=20,
            seller_fee=12_000,
            buyer_release=20,
        ),
    ] == market.beta.place(sell)


def test_currency_without_minor_units(market: Market) -> None:
    """Yen have no decimals: a tick of one yen, fees in whole yen."""
    yen = msgspec.structs.replace(PROJECT, symbol="YEN", currency="JPY", price_decimals=0)
    market.list_instrument(yen)
    market.deposit_cash("alpha", 20_000, "JPY")
    market.deposit_cash("beta", 5, "JPY")
    maker = market.beta.rest(market.beta.sell(3, 999, "YEN"))
    order = market.alpha.buy(10, 1000, "YEN")
    taker = market.next_seq
    assert [
        accepted(market.alpha, order, hold_cash=10_020, currency="JPY"),
        fill(
            maker,
            taker,
            BUY,
            999,
            3,
            buyer=market.alpha,
            seller=market.beta,
            # ceil(5.994), ceil(2.997); left: 7,000 and ceil(5.994 + 14) - 6 = 14.
            buyer_fee=6,
            seller_fee=3,
            buyer_release=3,
            instrument="YEN",
            currency="JPY",
        ),
    ] == market.alpha.place(order)
    assert [
        cancelled(market.alpha, taker, 7, release_cash=7_014, instrument="YEN", currency="JPY")
    ] == market.alpha.cancel(taker)
    assert (20_000 - 3_003, 0) == market.balance("alpha", "JPY")
    assert (5 + 2_994, 0) == market.balance("beta", "JPY")
    assert (CASH, 0) == market.balance("alpha", "EUR")


def test_lots_and_ticks_below_a_cent(market: Market) -> None:
    """A price of 10.0007 on lots of 100 is a whole number of cents on every quantity that may trade."""
    fine = msgspec.structs.replace(
        PROJECT,
        symbol="FINE",
        classes=(V20,),
        tick=1,
        price_decimals=4,
        lot=100,
        minimum_quantity=100,
        reference_price_ticks=100_000,
    )
    market.list_instrument(fine)
    maker = market.beta.rest(market.beta.sell(300, 100_007, "FINE", display_quantity=100))
    order = market.alpha.buy(200, 100_010, "FINE")
    taker = market.next_seq
    parties: dict[str, Any] = {"buyer": market.alpha, "seller": market.beta}
    terms: dict[str, Any] = {"instrument": "FINE", "amount": 100_007, "delivered": ((V20, 100),)}
    assert [
        # 100,010 cents a lot: 200,020 and ceil(400.04).
        accepted(market.alpha, order, hold_cash=200_421),
        # ceil(200.014) and ceil(100.007); left: 100,010 and ceil(200.014 + 200.02) - 201.
        fill(
            maker,
            taker,
            BUY,
            100_007,
            100,
            **parties,
            buyer_fee=201,
            seller_fee=101,
            buyer_release=3,
            **terms,
        ),
        # ceil(400.028) - 201, ceil(200.014) - 101.
        fill(
            maker,
            taker,
            BUY,
            100_007,
            100,
            **parties,
            buyer_fee=200,
            seller_fee=100,
            buyer_release=3,
            **terms,
        ),
    ] == market.alpha.place(order)
    assert (CASH - 200_415, 0) == market.balance("alpha", "EUR")


@pytest.mark.parametrize("price", [1000, 777, 501])
def test_everything_comes_back(market: Market, price: int) -> None:
    """Holds return to the cent however an order ends: partly filled, amended up and down, cancelled."""
    order_id = market.alpha.rest(market.alpha.buy(33, price, time_in_force=TimeInForce.GTC))
    spent = 0
    for quantity in (1, 3, 7):
        market.beta.place(market.beta.sell(quantity, price))
        spent += quantity * price
    market.alpha.amend(order_id, quantity=50)
    market.alpha.amend(order_id, price=price - 1)
    market.alpha.amend(order_id, quantity=20)
    assert type(market.alpha.cancel(order_id)[0]) is OrderCancelled
    total, held = market.balance("alpha", "EUR")
    assert 0 == held
    assert CASH - spent - sum(fees_of(market, order_id)) == total


def test_units_are_held_once(market: Market) -> None:
    """Units on one order are not available to another, to a withdrawal or to a retirement."""
    trader: Trader = market.beta
    trader.rest(trader.sell(99_999, 1000))
    assert 1 == market.state.ledger.balance("beta", V19).available
    refused = trader.place(trader.sell(2, 1000))
    assert "order_rejected" == refused[0].kind
    trader.rest(trader.sell(1, 1000))
    assert (100_000, 100_000) == market.balance("beta", V19)
