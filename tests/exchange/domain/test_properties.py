"""Random commands keep every promise of the venue, after every single one of them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain import snapshot
from exchange.domain.carbon.forms import CARBON_EVENT_TYPES
from exchange.domain.events import EVENT_TYPES, KeyRevoked, WriterStarted
from exchange.domain.venue import Venue
from tests.exchange.domain.audit import Auditor
from tests.exchange.domain.random_trading import RandomTrading, scarce_market

if TYPE_CHECKING:
    from tests.market import Market


def _restored(market: Market) -> Venue:
    """A venue from a snapshot of the market's state, which has the same digest."""
    state = snapshot.load(snapshot.dump(market.state))
    assert snapshot.digest(market.state) == snapshot.digest(state)
    return Venue(state)


@given(
    random=st.randoms(use_true_random=False),
    before=st.integers(0, 40),
    after=st.integers(1, 40),
)
def test_random_commands(random: Random, before: int, after: int) -> None:
    """Sums, holds, fees and books add up, a replay agrees, and a restored snapshot goes on to the same events."""
    market = scarce_market()
    trading = RandomTrading(market, random)
    auditor = Auditor(market)
    for _ in range(before):
        market.execute(trading.command())
        auditor.check()
    twin = _restored(market)
    for _ in range(after):
        command = trading.command()
        assert market.execute(command) == twin.execute(command, market.at)
        auditor.check()
    assert snapshot.digest(market.state) == snapshot.digest(twin.state)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_long_random_run() -> None:
    """Twenty thousand commands, restored from a snapshot every thousand; every kind of event happens."""
    market = scarce_market()
    trading = RandomTrading(market, Random(1))
    auditor = Auditor(market)
    twin = _restored(market)
    for number in range(1, 20_001):
        command = trading.command()
        assert market.execute(command) == twin.execute(command, market.at)
        auditor.check()
        if number % 1000 == 0:
            assert snapshot.digest(market.state) == snapshot.digest(twin.state)
            twin = _restored(market)
    happened = {type(recorded.event) for recorded in market.recorded}
    # The rules of carbon have random tests of their own.
    assert {WriterStarted, KeyRevoked} == set(EVENT_TYPES) - set(CARBON_EVENT_TYPES) - happened
