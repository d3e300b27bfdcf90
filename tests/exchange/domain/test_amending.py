"""Amends: holds follow the order, priority follows the rules of the book, and a wrong one changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from exchange.domain.events import CancelReason, OrderAmended
from exchange.domain.instruments import InstrumentState
from exchange.domain.rejects import RejectCode
from matching.order import SelfTradePrevention, Side, TimeInForce
from tests.exchange.domain.expected import accepted, cancelled, fill, refused
from tests.market import CASH, PROJECT, UNITS, V19, Market

BUY, SELL = Side.BUY, Side.SELL
RIMBA = PROJECT.symbol


def amended(
    account: str, order_id: int, price: int, quantity: int, *, keeps_priority: bool = False, **changes: Any
) -> OrderAmended:
    """The event of an amend in the project instrument."""
    return OrderAmended(
        order_id=order_id,
        account=account,
        instrument=RIMBA,
        price=price,
        quantity=quantity,
        keeps_priority=keeps_priority,
        currency="EUR",
        **changes,
    )


def test_less_quantity_keeps_the_place(market: Market) -> None:
    """A smaller order keeps its place and gives back what it no longer needs."""
    first = market.alpha.rest(market.alpha.buy(10, 1000))
    second = market.gamma.rest(market.gamma.buy(10, 1000))
    assert [
        amended("alpha", first, 1000, 4, keeps_priority=True, hold_cash_change=-6_012)
    ] == market.alpha.amend(first, quantity=4)
    assert [first, second] == [order.order_id for order in market.state.books[RIMBA].resting()]
    assert (CASH, 4_008) == market.balance("alpha", "EUR")


def test_more_quantity_goes_to_the_back(market: Market) -> None:
    """A larger order loses its place and holds more."""
    first = market.alpha.rest(market.alpha.buy(10, 1000))
    second = market.gamma.rest(market.gamma.buy(10, 1000))
    assert [amended("alpha", first, 1000, 11, hold_cash_change=1_002)] == market.alpha.amend(
        first, quantity=11
    )
    assert [second, first] == [order.order_id for order in market.state.books[RIMBA].resting()]


def test_same_terms_change_nothing(market: Market) -> None:
    """An amend to what the order is already is answered, and costs nothing."""
    order_id = market.alpha.rest(market.alpha.buy(10, 1000))
    assert [amended("alpha", order_id, 1000, 10, keeps_priority=True)] == market.alpha.amend(
        order_id, price=1000, quantity=10
    )


def test_by_client_order_id(market: Market) -> None:
    """An order can be named by the id that its owner gave it."""
    order = market.alpha.buy(10, 1000)
    order_id = market.alpha.rest(order)
    assert [amended("alpha", order_id, 999, 10, hold_cash_change=-10)] == market.alpha.amend(
        client_order_id=order.client_order_id, price=999
    )


def test_sell_amended_up_and_down(market: Market) -> None:
    """Units are held and released with the quantity; a new price needs none."""
    order_id = market.beta.rest(market.beta.sell(10, 1000))
    assert [amended("beta", order_id, 1000, 15, hold_units=((V19, 5),))] == market.beta.amend(
        order_id, quantity=15
    )
    assert [amended("beta", order_id, 1010, 15)] == market.beta.amend(order_id, price=1010)
    assert [amended("beta", order_id, 1005, 2, release_units=((V19, 13),))] == market.beta.amend(
        order_id, price=1005, quantity=2
    )
    assert (UNITS, 2) == market.balance("beta", V19)


def test_amend_into_a_cross_trades(market: Market) -> None:
    """The amended order takes at the maker's price, pays the taker's fee and rests with what is left."""
    ask = market.beta.rest(market.beta.sell(4, 1000))
    bid = market.alpha.rest(market.alpha.buy(10, 990))
    assert (CASH, 9_920) == market.balance("alpha", "EUR")
    assert [
        amended("alpha", bid, 1010, 10, hold_cash_change=201),
        fill(
            ask,
            bid,
            BUY,
            1000,
            4,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=8,
            seller_fee=4,
            # 10,121 - 4,008; left: 6,060 and ceil(8 + 12.12) - 8.
            buyer_release=40,
        ),
    ] == market.alpha.amend(bid, price=1010)
    assert [(1010, 6, 1)] == market.state.books[RIMBA].depth(BUY)


def test_total_quantity_counts_what_is_filled(market: Market) -> None:
    """After 4 of 10 a total of 5 leaves 1 open, and needs the hold of 1 and of the fee so far."""
    order_id = market.alpha.rest(market.alpha.buy(10, 1000))
    market.beta.place(market.beta.sell(4, 1000))
    assert [
        # From 6,000 and ceil(4 + 12) - 4 to 1,000 and ceil(4 + 2) - 4.
        amended("alpha", order_id, 1000, 5, keeps_priority=True, hold_cash_change=-5_010)
    ] == market.alpha.amend(order_id, quantity=5)
    assert (CASH - 4_004, 1_002) == market.balance("alpha", "EUR")


@pytest.mark.parametrize("total", [1, 3, 4])
def test_total_at_or_below_filled_ends_the_order(market: Market, total: int) -> None:
    """What was open is cancelled; a price given with it does not matter."""
    order_id = market.alpha.rest(market.alpha.buy(10, 1000))
    market.beta.place(market.beta.sell(4, 1000))
    assert [
        cancelled(market.alpha, order_id, 6, CancelReason.AMENDED_BELOW_FILLED, release_cash=6_012)
    ] == market.alpha.amend(order_id, price=9_999, quantity=total)
    assert (CASH - 4_004, 0) == market.balance("alpha", "EUR")


def test_iceberg_amended(market: Market) -> None:
    """Down: the hidden part goes first. Up: a full display again, at the back. Below the display: all is shown."""
    order_id = market.beta.rest(market.beta.sell(10, 1000, display_quantity=4))
    market.alpha.place(market.alpha.buy(2, 1000))
    book = market.state.books[RIMBA]
    market.beta.amend(order_id, quantity=5)
    assert [(1000, 2, 1)] == book.depth(SELL)
    market.beta.amend(order_id, quantity=12)
    assert [(1000, 4, 1)] == book.depth(SELL)
    market.beta.amend(order_id, quantity=5)
    assert [(1000, 3, 1)] == book.depth(SELL)
    market.beta.amend(order_id, price=999)
    assert [(999, 3, 1)] == book.depth(SELL)
    assert (UNITS - 2, 3) == market.balance("beta", V19)


def test_iceberg_amended_into_a_cross(market: Market) -> None:
    """It trades its whole open quantity, hidden part included, and shows its display of the rest."""
    bid = market.alpha.rest(market.alpha.buy(7, 1000))
    ask = market.beta.rest(market.beta.sell(10, 1010, display_quantity=2))
    assert [
        amended("beta", ask, 1000, 10),
        fill(
            bid,
            ask,
            SELL,
            1000,
            7,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=7,
            seller_fee=14,
            buyer_release=7,
        ),
    ] == market.beta.amend(ask, price=1000)
    assert [(1000, 2, 1)] == market.state.books[RIMBA].depth(SELL)


def test_amend_into_an_own_order(market: Market) -> None:
    """Self-trade prevention rules an amend like a new order: here the amended one ends."""
    ask = market.alpha_2.rest(market.alpha_2.sell(5, 1000))
    bid = market.alpha.rest(market.alpha.buy(5, 990))
    assert [
        amended("alpha", bid, 1000, 5, hold_cash_change=50),
        cancelled(market.alpha, bid, 5, CancelReason.SELF_TRADE, release_cash=5_010),
    ] == market.alpha.amend(bid, price=1000)
    assert [ask] == list(market.state.orders)


def test_amend_that_cancels_an_own_maker(market: Market) -> None:
    """With cancel maker the resting order of the same participant ends and the amended one rests."""
    ask = market.alpha_2.rest(market.alpha_2.sell(5, 1000))
    bid = market.alpha.rest(market.alpha.buy(5, 990, self_trade_prevention=SelfTradePrevention.CANCEL_MAKER))
    assert [
        amended("alpha", bid, 1000, 5, hold_cash_change=50),
        cancelled(market.alpha_2, ask, 5, CancelReason.SELF_TRADE, release_units=((V19, 5),)),
    ] == market.alpha.amend(bid, price=1000)
    assert [bid] == list(market.state.orders)


def test_post_only_amend(market: Market) -> None:
    """A post-only order may move as long as it does not trade; a new quantity at its price never does."""
    market.beta.rest(market.beta.sell(5, 1001))
    bid = market.alpha.rest(market.alpha.buy(5, 990, post_only=True))
    assert [
        refused(
            market.alpha,
            "AmendOrder",
            RejectCode.POST_ONLY_WOULD_TRADE,
            "the amended order would trade at once",
            order_id=bid,
        )
    ] == market.alpha.amend(bid, price=1001)
    assert [amended("alpha", bid, 1000, 5, hold_cash_change=50)] == market.alpha.amend(bid, price=1000)
    assert [amended("alpha", bid, 1000, 6, hold_cash_change=1_002)] == market.alpha.amend(bid, quantity=6)


REFUSED: list[tuple[dict[str, Any], RejectCode, str]] = [
    ({}, RejectCode.NOTHING_TO_AMEND, "neither a price nor a quantity was given"),
    (
        {"quantity": 0},
        RejectCode.INVALID_QUANTITY,
        "a quantity is at least 1; use a cancel to end the order",
    ),
    (
        {"quantity": -(2**63) + 1},
        RejectCode.INVALID_QUANTITY,
        "a quantity is at least 1; use a cancel to end the order",
    ),
    ({"quantity": 1_000_001}, RejectCode.QUANTITY_ABOVE_MAXIMUM, "the maximum is 1000000"),
    (
        {"price": 1501},
        RejectCode.PRICE_OUTSIDE_BAND,
        "15.01 lies outside the band 5.00 to 15.00",
    ),
    ({"price": 0}, RejectCode.PRICE_OUTSIDE_BAND, "0.00 lies outside the band 5.00 to 15.00"),
    (
        {"quantity": 9_981},
        RejectCode.INSUFFICIENT_FUNDS,
        "9990942 minor units of EUR needed, 9989980 available",
    ),
]


@pytest.mark.parametrize(("changes", "code", "message"), REFUSED)
def test_refused_amends(market: Market, changes: dict[str, Any], code: RejectCode, message: str) -> None:
    """Each is refused with its number and leaves the order as it was, where it was."""
    order_id = market.alpha.rest(market.alpha.buy(10, 1000))
    other = market.gamma.rest(market.gamma.buy(10, 1000))
    assert [refused(market.alpha, "AmendOrder", code, message, order_id=order_id)] == market.alpha.amend(
        order_id, **changes
    )
    assert [order_id, other] == [order.order_id for order in market.state.books[RIMBA].resting()]
    assert (CASH, 10_020) == market.balance("alpha", "EUR")


def test_sell_amended_beyond_its_units(market: Market) -> None:
    """More units than are available are refused."""
    order_id = market.beta.rest(market.beta.sell(10, 1000))
    assert [
        refused(
            market.beta,
            "AmendOrder",
            RejectCode.INSUFFICIENT_UNITS,
            "99991 deliverable units needed, 99990 available",
            order_id=order_id,
        )
    ] == market.beta.amend(order_id, quantity=100_001)


def test_unknown_orders(market: Market) -> None:
    """Unknown, somebody else's, another account's of the same participant, ended: all the same answer."""
    foreign = market.beta.rest(market.beta.sell(1, 1100))
    sibling = market.alpha_2.rest(market.alpha_2.sell(1, 1100))
    ended = market.alpha.rest(market.alpha.sell(1, 1100))
    market.alpha.cancel(ended)
    for order_id in (foreign, sibling, ended, 1, 0, -7, 10**18):
        assert [
            refused(
                market.alpha,
                "AmendOrder",
                RejectCode.UNKNOWN_ORDER,
                f"the account has no live order {order_id or repr('')}",
                order_id=order_id,
            )
        ] == market.alpha.amend(order_id, quantity=1)
    assert [
        refused(
            market.alpha,
            "AmendOrder",
            RejectCode.UNKNOWN_ORDER,
            "the account has no live order 'never-sent'",
            client_order_id="never-sent",
        )
    ] == market.alpha.amend(client_order_id="never-sent", quantity=1)


def test_no_amends_while_halted(market: Market) -> None:
    """A halted instrument takes cancels only; not even an amend downwards."""
    order_id = market.alpha.rest(market.alpha.buy(10, 1000))
    market.change_state(RIMBA, InstrumentState.HALTED)
    assert [
        refused(
            market.alpha,
            "AmendOrder",
            RejectCode.INSTRUMENT_HALTED,
            "RIMBA-19 is halted and takes cancels only",
            order_id=order_id,
        )
    ] == market.alpha.amend(order_id, quantity=1)


def test_order_that_the_band_left_behind(market: Market) -> None:
    """Outside the new day's band an order may shrink, but it cannot enter the book anew, not even at its price."""
    order_id = market.alpha.rest(market.alpha.buy(10, 600, time_in_force=TimeInForce.GTC))
    market.beta.rest(market.beta.sell(1, 1400))
    market.gamma.place(market.gamma.buy(1, 1400))
    market.close_day("2026-11-24")
    assert [
        amended("alpha", order_id, 600, 8, keeps_priority=True, hold_cash_change=-1_202)
    ] == market.alpha.amend(order_id, price=600, quantity=8)
    assert [amended("alpha", order_id, 600, 8, keeps_priority=True)] == market.alpha.amend(
        order_id, price=600, quantity=8
    )
    assert [
        refused(
            market.alpha,
            "AmendOrder",
            RejectCode.PRICE_OUTSIDE_BAND,
            "6.00 lies outside the band 7.00 to 21.00",
            order_id=order_id,
        )
    ] == market.alpha.amend(order_id, quantity=9)
    assert [amended("alpha", order_id, 700, 8, hold_cash_change=802)] == market.alpha.amend(
        order_id, price=700
    )


def test_amend_of_an_order_that_filled_meanwhile(market: Market) -> None:
    """A stale amend is refused; it never brings an order back."""
    order = market.alpha.buy(5, 1000)
    order_id = market.alpha.rest(order)
    sell = market.beta.sell(5, 1000)
    assert accepted(market.beta, sell) == market.beta.place(sell)[0]
    assert [
        refused(
            market.alpha,
            "AmendOrder",
            RejectCode.UNKNOWN_ORDER,
            f"the account has no live order {order.client_order_id!r}",
            client_order_id=order.client_order_id,
        )
    ] == market.alpha.amend(client_order_id=order.client_order_id, quantity=50)
    assert order_id not in market.state.orders
