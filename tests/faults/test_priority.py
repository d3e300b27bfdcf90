"""The checker of price-time priority finds each breach, and nothing where the venue traded by its rules."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from exchange.domain.events import Fill, OrderAccepted, Recorded
from tests.faults.priority import priority_violations
from tests.market import Market

pytestmark = pytest.mark.faults


def traded() -> list[Recorded]:
    """Two offers at one price, a dearer one, and a bid that takes the first and half of the second."""
    market = Market()
    market.alpha.place(market.alpha.sell(5, 1000))
    market.gamma.place(market.gamma.sell(5, 1000))
    market.alpha.place(market.alpha.sell(5, 1001))
    market.beta.place(market.beta.buy(7, 1001))
    return list(market.recorded)


def changed(log: list[Recorded], fill: int, **fields: int) -> list[Recorded]:
    """The log with other fields in one of its trades."""
    place = [n for n, recorded in enumerate(log) if isinstance(recorded.event, Fill)][fill]
    event = msgspec.structs.replace(log[place].event, **fields)
    return [*log[:place], msgspec.structs.replace(log[place], event=event), *log[place + 1 :]]


def test_random_trading_keeps_priority() -> None:
    """A thousand random orders, amendments and cancels of three participants: no breach."""
    market, chance = Market(), Random(7)
    traders = (market.alpha, market.beta, market.gamma)
    for _ in range(1000):
        trader = chance.choice(traders)
        make = chance.choice((trader.buy, trader.sell))
        trader.place(make(chance.randint(1, 20), chance.randint(995, 1005)))
        if chance.random() < 0.3:
            own = [order for order in market.state.orders.values() if order.account == trader.account]
            if own:
                trader.amend(
                    chance.choice(own).order_id,
                    quantity=chance.randint(1, 25),
                    price=chance.randint(995, 1005),
                )
    assert [] == list(priority_violations(market.recorded))
    assert 100 < sum(isinstance(recorded.event, Fill) for recorded in market.recorded)


def test_breaches_are_named() -> None:
    """The wrong maker, another price, too much, an order that is gone, and a book that stands crossed."""
    log = traded()
    first, second, dearer, _ = [r.seq for r in log if isinstance(r.event, OrderAccepted)]
    fills = [recorded.seq for recorded in log if isinstance(recorded.event, Fill)]
    assert [] == list(priority_violations(log))

    def told(fill: int, **fields: int) -> str:
        return next(priority_violations(changed(log, fill, **fields)))

    assert f"trade {fills[0]} is of order {second}, but {first} came first" == told(0, maker_order_id=second)
    assert f"trade {fills[0]} is of order {dearer}, but {first} came first" == told(0, maker_order_id=dearer)
    assert f"trade {fills[0]} is at 1001, its maker asked for 1000" == told(0, price=1001)
    assert f"trade {fills[0]} is at 1002, its maker asked for 1000" == told(0, price=1002)
    assert f"trade {fills[0]} is of 6, more than was open" == told(0, quantity=6)
    assert f"trade {fills[1]} is of orders that are not live" == told(1, maker_order_id=first)
    unfilled = [recorded for recorded in log if not isinstance(recorded.event, Fill)]
    market = Market()
    after = msgspec.structs.replace(market.recorded[0], command=10**6, seq=10**6)
    assert "stood crossed: 1001 bid, 1000 asked" in next(priority_violations([*unfilled, after]))
