"""Baskets: a sell order holds the classes that it will deliver, and every fill says which went to the buyer."""

from __future__ import annotations

from typing import Any

from exchange.domain.events import CancelReason, OrderAmended, OrdersDecremented
from exchange.domain.rejects import RejectCode
from matching.order import SelfTradePrevention, Side
from tests.exchange.domain.expected import accepted, cancelled, fill, refused
from tests.market import BASKET, UNITS, V18, V19, V20, Market

BUY, SELL = Side.BUY, Side.SELL
NATURE = BASKET.symbol


def leave(market: Market, account: str, class_id: str, units: int) -> None:
    """Retires what an account has of a class but so many units."""
    trader = {"alpha": market.alpha, "beta": market.beta, "gamma": market.gamma}[account]
    total, _ = market.balance(account, class_id)
    market.do(trader.retire_command(class_id, total - units, f"all-but-{units}-{class_id}"))


def test_oldest_vintage_first(market: Market) -> None:
    """Unless it says otherwise a sell order delivers its oldest vintages, as far as they are available."""
    leave(market, "beta", V18, 3)
    leave(market, "beta", V19, 4)
    order = market.beta.sell(9, 1000, NATURE)
    assert [accepted(market.beta, order, deliver=((V18, 3), (V19, 4), (V20, 2)))] == market.beta.place(order)
    assert [(3, 3), (4, 4), (UNITS, 2)] == [market.balance("beta", one) for one in (V18, V19, V20)]
    another = market.beta.sell(1, 1000, NATURE)
    assert [accepted(market.beta, another, deliver=((V20, 1),))] == market.beta.place(another)


def test_named_classes(market: Market) -> None:
    """A sell order that names its classes holds exactly those, in its own order."""
    named = ((V20, 2), (V18, 5))
    order = market.beta.sell(7, 1000, NATURE, deliver=named)
    assert [accepted(market.beta, order, deliver=named)] == market.beta.place(order)
    assert [(UNITS, 5), (UNITS, 0), (UNITS, 2)] == [market.balance("beta", one) for one in (V18, V19, V20)]


def test_a_project_order_may_name_its_class(market: Market) -> None:
    """With one class there is one way to name it."""
    order = market.beta.sell(7, 1000, deliver=((V19, 7),))
    assert [accepted(market.beta, order)] == market.beta.place(order)


def test_fills_deliver_in_order(market: Market) -> None:
    """Several fills empty one class after the other; a fill may span classes."""
    named = ((V20, 2), (V18, 3), (V19, 2))
    maker = market.beta.rest(market.beta.sell(7, 1000, NATURE, deliver=named))
    deliveries = {
        1: ((V20, 1),),
        4: ((V20, 1), (V18, 3)),
        2: ((V19, 2),),
    }
    fees: dict[int, dict[str, Any]] = {
        1: {"buyer_fee": 2, "seller_fee": 1},
        4: {"buyer_fee": 8, "seller_fee": 4},
        2: {"buyer_fee": 4, "seller_fee": 2},
    }
    for quantity, delivered in deliveries.items():
        order = market.alpha.buy(quantity, 1000, NATURE)
        taker = market.next_seq
        assert [
            accepted(market.alpha, order, hold_cash=1002 * quantity),
            fill(
                maker,
                taker,
                BUY,
                1000,
                quantity,
                buyer=market.alpha,
                seller=market.beta,
                instrument=NATURE,
                delivered=delivered,
                **fees[quantity],
            ),
        ] == market.alpha.place(order)
    assert [(UNITS + 3, 0), (UNITS + 2, 0), (UNITS + 2, 0)] == [
        market.balance("alpha", one) for one in (V18, V19, V20)
    ]
    assert [(UNITS - 3, 0), (UNITS - 2, 0), (UNITS - 2, 0)] == [
        market.balance("beta", one) for one in (V18, V19, V20)
    ]


def test_a_taker_delivers_in_order_too(market: Market) -> None:
    """A sell order that sweeps two bids gives each buyer what comes next on its list."""
    first = market.alpha.rest(market.alpha.buy(2, 1000, NATURE))
    second = market.gamma.rest(market.gamma.buy(2, 1000, NATURE))
    order = market.beta.sell(4, 1000, NATURE, deliver=((V19, 3), (V20, 1)))
    taker = market.next_seq
    terms: dict[str, Any] = {"seller": market.beta, "buyer_fee": 2, "seller_fee": 4, "instrument": NATURE}
    assert [
        accepted(market.beta, order, deliver=((V19, 3), (V20, 1))),
        fill(
            first, taker, SELL, 1000, 2, buyer=market.alpha, delivered=((V19, 2),), buyer_release=2, **terms
        ),
        fill(
            second,
            taker,
            SELL,
            1000,
            2,
            buyer=market.gamma,
            delivered=((V19, 1), (V20, 1)),
            buyer_release=2,
            **terms,
        ),
    ] == market.beta.place(order)


def test_cancel_releases_what_is_left(market: Market) -> None:
    """After a partial fill only the undelivered units are released."""
    maker = market.beta.rest(market.beta.sell(6, 1000, NATURE, deliver=((V20, 2), (V18, 4))))
    market.alpha.place(market.alpha.buy(3, 1000, NATURE))
    assert [
        cancelled(market.beta, maker, 3, instrument=NATURE, release_units=((V18, 3),))
    ] == market.beta.cancel(maker)
    assert (UNITS - 1, 0) == market.balance("beta", V18)


def amended(order_id: int, quantity: int, **changes: Any) -> OrderAmended:
    """The event of a new quantity at 10.00."""
    return OrderAmended(
        order_id=order_id,
        account="beta",
        instrument=NATURE,
        price=1000,
        quantity=quantity,
        keeps_priority="release_units" in changes,
        currency="EUR",
        **changes,
    )


def test_amend_down_gives_up_the_last_classes(market: Market) -> None:
    """What is released comes off the end of the delivery list."""
    maker = market.beta.rest(market.beta.sell(9, 1000, NATURE, deliver=((V20, 4), (V18, 5))))
    assert [amended(maker, 3, release_units=((V20, 1), (V18, 5)))] == market.beta.amend(maker, quantity=3)
    assert ((V20, 3),) == market.state.orders[maker].deliver


def test_amend_up_takes_the_oldest(market: Market) -> None:
    """An order that named no classes grows by the oldest vintages available; a class appears once in its list."""
    leave(market, "beta", V18, 5)
    maker = market.beta.rest(market.beta.sell(4, 1000, NATURE))
    assert [amended(maker, 7, hold_units=((V18, 1), (V19, 2)))] == market.beta.amend(maker, quantity=7)
    assert ((V18, 5), (V19, 2)) == market.state.orders[maker].deliver
    market.alpha.place(market.alpha.buy(6, 1000, NATURE))
    market.deposit_units("beta", V18, 2)
    assert [amended(maker, 9, hold_units=((V18, 2),))] == market.beta.amend(maker, quantity=9)
    assert ((V19, 1), (V18, 2)) == market.state.orders[maker].deliver


def test_amend_up_keeps_to_the_named_classes(market: Market) -> None:
    """An order that named its classes never delivers another, however much older it is."""
    leave(market, "beta", V20, 5)
    maker = market.beta.rest(market.beta.sell(4, 1000, NATURE, deliver=((V20, 3), (V19, 1))))
    assert [amended(maker, 8, hold_units=((V20, 2), (V19, 2)))] == market.beta.amend(maker, quantity=8)
    assert ((V20, 5), (V19, 3)) == market.state.orders[maker].deliver
    leave(market, "beta", V19, 3)
    assert [
        refused(
            market.beta,
            "AmendOrder",
            RejectCode.INSUFFICIENT_UNITS,
            "1 deliverable units needed, 0 available",
            order_id=maker,
        )
    ] == market.beta.amend(maker, quantity=9)


def test_decrement_gives_up_the_last_classes(market: Market) -> None:
    """Self-trade prevention shortens a delivery list from its end, like an amend."""
    sell = market.alpha.rest(market.alpha.sell(5, 1000, NATURE, deliver=((V20, 2), (V18, 3))))
    order = market.alpha_2.buy(4, 1000, NATURE, self_trade_prevention=SelfTradePrevention.DECREMENT)
    buy = market.next_seq
    assert [
        accepted(market.alpha_2, order, hold_cash=4_008),
        OrdersDecremented(
            instrument=NATURE,
            maker_order_id=sell,
            taker_order_id=buy,
            quantity=4,
            buyer="alpha-2",
            seller="alpha",
            currency="EUR",
            buyer_release=4_008,
            release_units=((V20, 1), (V18, 3)),
        ),
    ] == market.alpha_2.place(order)
    assert ((V20, 1),) == market.state.orders[sell].deliver


def test_day_end_releases_every_class(market: Market) -> None:
    """An expired basket order holds nothing any more."""
    maker = market.beta.rest(market.beta.sell(6, 1000, NATURE, deliver=((V20, 2), (V18, 4))))
    assert (
        cancelled(
            market.beta,
            maker,
            6,
            CancelReason.EXPIRED,
            instrument=NATURE,
            release_units=((V20, 2), (V18, 4)),
        )
        == market.close_day("2026-11-24")[0]
    )
    assert [(UNITS, 0)] * 3 == [market.balance("beta", one) for one in (V18, V19, V20)]
