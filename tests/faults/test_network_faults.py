"""The network between the engine and Postgres breaks, slows down, or carries nothing without saying so."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from exchange.domain import snapshot
from exchange.domain.state import State
from exchange.engine.engine import LeaseLost
from exchange.engine.standby import Standby
from exchange.log.chain import GENESIS
from exchange.log.lease import WriterIdentity
from exchange.log.reader import LogReader
from exchange.log.writer import CommitUnknown, LogWriter
from tests.exchange.engine.running import PROGRAM, running
from tests.faults.history import History, Request, read_log, replay, violations
from tests.faults.struck_order import fills, set_up_market
from tests.faults.tcp_proxy import FaultProxy
from tests.faults.trading import log_on, place
from tests.market import ALPHA, BETA
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchange.engine.interface import EnginePort
    from tests.market import Trader

pytestmark = pytest.mark.faults


@pytest.fixture
async def log_dsn(dsn: str) -> str:
    """Gives a log with a market."""
    await set_up_market(dsn)
    return dsn


@pytest.fixture
async def proxy(log_dsn: str) -> AsyncIterator[FaultProxy]:
    """Gives the network between an engine and the log."""
    async with FaultProxy(log_dsn) as faulty:
        yield faulty


class Scene:
    """Two traders, and all that they were told."""

    def __init__(self) -> None:
        self.history = History()

    async def log_on(self, port: EnginePort) -> tuple[Trader, Trader]:
        port.listen(self.history.new_feed())
        alpha = await log_on(self.history, port, "alpha-key", ALPHA)
        beta = await log_on(self.history, port, "beta-key", BETA)
        assert alpha is not None
        assert beta is not None
        return alpha, beta

    async def sell(self, port: EnginePort, trader: Trader) -> Request:
        """An order that rests."""
        return await place(self.history, port, trader.place_command(trader.sell(5, 1000)), trader)

    async def buy(self, port: EnginePort, trader: Trader) -> Request:
        """An order that trades with it."""
        return await place(self.history, port, trader.place_command(trader.buy(5, 1000)), trader)


async def last_seq(dsn: str) -> int:
    async with await LogReader.open(dsn) as reader:
        return (await reader.head()).last_seq


@pytest.mark.parametrize("committed", [False, True], ids=["undone", "committed"])
async def test_a_cut_during_an_append(committed: bool, proxy: FaultProxy, log_dsn: str) -> None:
    """The outcome is unknown: the engine ends without a word, the next one reads the log, nothing is lost or doubled."""
    scene = Scene()
    async with running(proxy.dsn) as doomed:
        alpha, beta = await scene.log_on(doomed.engine)
        await scene.sell(doomed.engine, alpha)
        before = doomed.engine.durable_seq
        if committed:
            proxy.hold_answers()
        else:
            proxy.go_silent()
        asked = asyncio.create_task(scene.buy(doomed.engine, beta))
        if committed:

            async def is_committed() -> bool:
                return await last_seq(log_dsn) > before

            await eventually(is_committed, "the append is committed")
        else:
            await eventually(lambda: doomed.writer._failed, "the append is on its way")
        assert not asked.done()
        proxy.cut()
        struck = await asked
        with pytest.raises((CommitUnknown, LeaseLost)):
            await doomed.engine.wait()
    proxy.heal()
    recovered = await read_log(log_dsn)
    async with running(proxy.dsn) as successor:
        _, beta = await scene.log_on(successor.engine)
        again = await place(scene.history, successor.engine, struck.command, beta)  # type: ignore[arg-type]  # an order
    rows = await read_log(log_dsn)

    assert struck.is_open
    assert committed is bool(fills(recovered))
    assert again.answer is not None
    assert committed is bool(again.answer.duplicate_of)
    assert 1 == fills(rows)
    assert [] == violations(scene.history, rows)
    assert snapshot.digest(successor.venue.state) == snapshot.digest(replay(rows))


async def test_a_slow_link(proxy: FaultProxy, log_dsn: str) -> None:
    """Answers come late and are right; what arrives meanwhile goes into one batch."""
    scene = Scene()
    loop = asyncio.get_running_loop()
    async with running(proxy.dsn) as slow:
        alpha, _ = await scene.log_on(slow.engine)
        proxy.delay_s = 0.1
        began_s = loop.time()
        answered = await asyncio.gather(*(scene.sell(slow.engine, alpha) for _ in range(200)))
        took_s = loop.time() - began_s
        proxy.delay_s = 0.0
    rows = await read_log(log_dsn)

    assert all(request.answer is not None for request in answered)
    # There and back, for few batches: not for each order.
    assert 0.2 <= took_s < 200 * 0.2
    assert [] == violations(scene.history, rows)


@asynccontextmanager
async def standing_by(dsn: str) -> AsyncIterator[tuple[Standby, asyncio.Task[None]]]:
    """A standby, and its task: it takes over when the lease comes to it."""
    async with await LogReader.open(dsn) as reader:
        standby = Standby(State(), GENESIS, 0, reader)

        async def take_over() -> None:
            following = asyncio.create_task(standby.follow())
            writer = await LogWriter.open(dsn, WriterIdentity.of_this_process(), wait_s=30)
            following.cancel()
            await asyncio.wait([following])
            await standby.promote(writer, PROGRAM)

        yield standby, asyncio.create_task(take_over())
        await standby.close()


async def test_a_cut_connection_is_a_lost_lease(proxy: FaultProxy, log_dsn: str) -> None:
    """The engine ends the moment its connection is cut; a standby takes over and both made one list of events."""
    scene = Scene()
    async with running(proxy.dsn) as first, standing_by(log_dsn) as (standby, taking_over):
        standby.listen(scene.history.new_feed())
        alpha, _ = await scene.log_on(first.engine)
        resting = await scene.sell(first.engine, alpha)
        proxy.cut()
        with pytest.raises(LeaseLost):
            await first.engine.wait()
        refused = await scene.sell(first.engine, alpha)
        async with asyncio.timeout(30):
            await taking_over
        _, beta = await scene.log_on(standby)
        bought = await scene.buy(standby, beta)
    rows = await read_log(log_dsn)

    assert resting.answer is not None
    assert refused.is_open
    assert bought.answer is not None
    assert 1 == fills(rows)
    assert [1, 2, 3] == sorted({row.epoch for row in rows})
    assert [] == violations(scene.history, rows)
    assert snapshot.digest(standby._state) == snapshot.digest(replay(rows))


async def test_a_connection_that_is_half_open(proxy: FaultProxy, log_dsn: str) -> None:
    """The server gave the engine up and the engine does not know: it waits, acknowledges nothing, and writes nothing."""
    scene = Scene()
    async with running(proxy.dsn) as cut_off, standing_by(log_dsn) as (standby, taking_over):
        alpha, _ = await scene.log_on(cut_off.engine)
        await scene.sell(cut_off.engine, alpha)
        proxy.go_silent()
        asked = asyncio.create_task(scene.sell(cut_off.engine, alpha))
        await eventually(lambda: cut_off.writer._failed, "the append is on its way")
        proxy.cut_server_side()
        async with asyncio.timeout(30):
            await taking_over
        _, beta = await scene.log_on(standby)
        bought = await scene.buy(standby, beta)
        assert not asked.done()
        assert not cut_off.writer.lost.is_set()
        proxy.cut()
        lost = await asked
        with pytest.raises((CommitUnknown, LeaseLost)):
            await cut_off.engine.wait()
    rows = await read_log(log_dsn)

    assert lost.is_open
    assert bought.answer is not None
    assert 1 == fills(rows)
    assert [] == violations(scene.history, rows)
    assert snapshot.digest(standby._state) == snapshot.digest(replay(rows))
