"""How a gateway comes to its copy of the venue, and keeps it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

import gateway.replica
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.snapshot import digest, dump, load
from exchange.domain.state import State
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from gateway import core, queries
from gateway.core import Gateway, GatewayError
from gateway.replica import Replica
from gateway.websocket.client import RejectedError
from tests.market import Market

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.websocket.client import ExchangeClient
    from tests.gateway.exchange import RunningExchange

RIMBA = "RIMBA-19"


async def trade(client: ExchangeClient, name: str, count: int) -> None:
    """Place buys and sells that trade with each other's."""
    await asyncio.gather(
        *(
            client.place_order(
                client_order_id=f"{name}{number}",
                instrument=RIMBA,
                side="buy" if number % 2 else "sell",
                quantity=1 + number % 3,
                price=f"10.0{number % 5}",
                self_trade_prevention="decrement",
            )
            for number in range(count)
        )
    )


async def started(
    stack: AsyncExitStack, exchange: RunningExchange, recovered: Callable[[LogReader], Awaitable[State]]
) -> Gateway:
    """A gateway that was started with a state from somewhere."""
    reader = await stack.enter_async_context(await LogReader.open(exchange.dsn))
    late = Gateway(exchange.engine, reader, exchange.gateway._registry, name="late")
    await late.start(lambda: recovered(reader))
    stack.callback(late.stop)
    return late


async def test_starts_while_trading_goes_on(exchange: RunningExchange) -> None:
    """Whatever is committed before, during and after the recovery is folded once, and candles and tape agree."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    await asyncio.gather(trade(beta, "b", 40), trade(gamma, "g", 40))

    async def slowly(reader: LogReader) -> State:
        state = (await recover(reader, SnapshotStore(exchange.dsn))).state
        await asyncio.gather(trade(beta, "bb", 40), trade(gamma, "gg", 40))
        return state

    async def from_an_empty_state(_reader: LogReader) -> State:
        await asyncio.gather(trade(beta, "bbb", 40), trade(gamma, "ggg", 40))
        return State()

    async def ahead_of_the_feed(reader: LogReader) -> State:
        trading = asyncio.gather(trade(beta, "bbbb", 40), trade(gamma, "gggg", 40))
        await asyncio.sleep(0)
        state = (await recover(reader, SnapshotStore(exchange.dsn))).state
        await trading
        assert state.last_seq <= exchange.gateway.replica.last_seq
        return (await recover(reader, SnapshotStore(exchange.dsn))).state

    async with AsyncExitStack() as stack:
        for recovered in (slowly, from_an_empty_state, ahead_of_the_feed):
            late = await started(stack, exchange, recovered)
            await asyncio.gather(trade(beta, recovered.__name__, 10), trade(gamma, recovered.__name__, 10))
            assert digest(exchange.venue.state) == digest(late.replica.state)
            first = exchange.gateway
            assert list(first.activity[RIMBA].tape) == list(late.activity[RIMBA].tape)
            for interval_ns, candles in first.activity[RIMBA].candles.items():
                ours = late.activity[RIMBA].candles[interval_ns][-1]
                theirs = candles[-1]
                assert [getattr(theirs, name) for name in theirs.__struct_fields__] == [
                    getattr(ours, name) for name in ours.__struct_fields__
                ]


async def test_state_that_does_not_reach_the_feed_is_noticed(exchange: RunningExchange) -> None:
    """A gateway whose log ends before what the engine has told does not start."""

    class ShortReader:
        async def pages(self, *_: object) -> Any:
            pages: list[Any] = []
            for page in pages:
                yield page

    late = Gateway(exchange.engine, ShortReader(), exchange.gateway._registry)  # type: ignore[arg-type]

    async def nothing() -> State:
        return State()

    with pytest.raises(GatewayError):
        await late.start(nothing)
    late.stop()


async def test_history_that_takes_too_long_is_refused(
    exchange: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read of past market data that does not end in time has its own number; the next one works."""
    client = await exchange.client()
    with monkeypatch.context() as patched:
        patched.setattr(core, "HISTORY_LIMIT_S", 0.01)

        async def endless(*_: object, **__: object) -> list[Any]:
            await asyncio.Event().wait()
            return []

        patched.setattr(exchange.gateway.reader, "candles", endless)
        with pytest.raises(RejectedError) as caught:
            await client.market_candles(RIMBA, "1m")
        assert RejectCode.HISTORY_TOO_LONG == caught.value.code
    assert [] == (await client.market_candles(RIMBA, "1m")).candles


async def test_market_trades_are_asked_for_in_one_direction(exchange: RunningExchange) -> None:
    """Both directions at once make no sense."""
    with pytest.raises(Reject) as caught:
        await queries.trades(exchange.gateway, RIMBA, after_trade_id=1, before_trade_id=2)
    assert RejectCode.INVALID_PARAMS == caught.value.code


def test_replica_from_a_snapshot_knows_orders_by_their_numbers() -> None:
    """Live and lately ended orders are found by order id in a recovered state as in one that saw them come."""
    market = Market()
    live = market.beta.rest(market.beta.buy(5, 900))
    ended = market.beta.rest(market.beta.buy(5, 900))
    market.beta.cancel(ended)
    folded = Replica(State())
    for recorded in market.recorded:
        folded.apply(recorded)
    loaded = Replica(load(dump(market.state)))
    for order_id in (live, ended, ended + 100):
        for replica in (folded, loaded):
            found = replica.remembered_order(order_id)
            assert (None if order_id > ended else "beta") == (found and found[0])


def test_replica_keeps_a_bounded_number_of_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """How orders stood before they changed is kept for the last changes only."""
    monkeypatch.setattr(gateway.replica, "CHANGES_KEPT", 2)
    market = Market()
    order_id = market.beta.rest(market.beta.buy(50, 900))
    amends = []
    for quantity in (40, 30, 20):
        market.beta.amend(order_id, quantity=quantity)
        amends.append(market.state.last_seq)
    replica = Replica(State())
    for recorded in market.recorded:
        replica.apply(recorded)
    with pytest.raises(KeyError):
        replica.order_changed_by(amends[0])
    assert [0, 0] == [replica.order_changed_by(seq)[1] for seq in amends[1:]]
