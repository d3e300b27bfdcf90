"""Two engines and one log: only who holds the lease writes, and who wakes up after having lost it is refused and ends."""

import asyncio
import signal
from pathlib import Path

import pytest

from exchange.domain import snapshot
from exchange.domain.events import WriterStarted
from exchange.log import lease
from exchange.log.lease import LeaseHeld, WriterIdentity
from exchange.log.reader import LogReader
from exchange.log.record import StoredEvent
from exchange.log.writer import LogWriter
from exchange.operations.child import Waiting
from tests.exchange.engine.running import LogLocked, Running, execute, running
from tests.faults.history import Request, read_log, replay, violations
from tests.faults.processes import ENDED_BY_ITSELF, engine_process
from tests.faults.struck_order import StruckOrder, fills, set_up_market
from tests.faults.trading import log_on, place
from tests.market import GAMMA
from tests.waiting import eventually

pytestmark = pytest.mark.faults


@pytest.fixture
async def log_dsn(dsn: str) -> str:
    """Gives a log with a market."""
    await set_up_market(dsn)
    return dsn


async def last_seq(dsn: str) -> int:
    async with await LogReader.open(dsn) as reader:
        return (await reader.head()).last_seq


async def cut_off(dsn: str) -> None:
    """What an operator or a failover does: end the session that holds the lease. Returns when the lease is free."""
    await execute(dsn, "SELECT pg_terminate_backend(backend_pid) FROM writer")

    async def is_free() -> bool:
        return await lease.current(dsn) is None

    await eventually(is_free, "the lease is free")


async def trade_alone(scene: StruckOrder, engine: Running) -> Request:
    """Somebody trades on the engine that took over."""
    trader = await log_on(scene.history, engine.engine, "gamma-key", GAMMA)
    assert trader is not None
    request = await place(scene.history, engine.engine, trader.place_command(trader.buy(1, 900)), trader)
    assert request.answer is not None
    return request


def epochs(rows: list[StoredEvent]) -> list[int]:
    """The epochs in the order in which they follow each other."""
    return [row.epoch for row in rows if row.kind == WriterStarted.kind]


async def test_a_second_engine_waits_and_says_for_whom(log_dsn: str, socket: Path) -> None:
    """While the first holds the lease the second writes nothing; when the first is killed it takes over."""
    scene = StruckOrder()
    async with engine_process(log_dsn, socket) as first:
        assert await first.ready()
        async with scene.connected(socket) as client:
            with pytest.raises(LeaseHeld, match=rf"written by process {first.id} on .+, epoch 2,") as refused:
                await LogWriter.open(log_dsn, WriterIdentity.of_this_process())
            async with engine_process(log_dsn, socket.with_name("second.sock")) as second:
                waits = asyncio.create_task(second.ready())
                await eventually(lambda: second.reports, "the second says that it waits")
                bought = await scene.buy(client)
                assert bought.answer is not None
                before = epochs(await read_log(log_dsn))
                first.kill()
                assert await waits
                ended = await second.stop()
    rows = await read_log(log_dsn)

    assert refused.value.lease is not None
    assert (first.id, str(socket), 2) == (
        refused.value.lease.writer.pid,
        refused.value.lease.writer.socket,
        refused.value.lease.epoch,
    )
    waiting = second.reports[0]
    assert isinstance(waiting, Waiting)
    assert f"the log is written by process {first.id} on " in waiting.why
    assert [1, 2] == before
    assert [1, 2, 3] == epochs(rows)
    assert [] == violations(scene.history, rows)
    assert ended.digest == snapshot.digest(replay(rows))


async def test_a_paused_engine_keeps_the_lease(log_dsn: str, socket: Path) -> None:
    """Nobody takes over from an engine that is only slow: it wakes up and answers what was sent meanwhile."""
    scene = StruckOrder()
    async with engine_process(log_dsn, socket) as paused:
        assert await paused.ready()
        async with scene.connected(socket) as client:
            paused.signal(signal.SIGSTOP)
            asked = asyncio.create_task(scene.buy(client))
            with pytest.raises(LeaseHeld, match=f"written by process {paused.id} on "):
                await LogWriter.open(log_dsn, WriterIdentity.of_this_process(), wait_s=0.2)
            paused.signal(signal.SIGCONT)
            bought = await asked
        ended = await paused.stop()
    rows = await read_log(log_dsn)

    assert bought.answer is not None
    assert 1 == fills(rows)
    assert [1, 2] == epochs(rows)
    assert [] == violations(scene.history, rows)
    assert ended.digest == snapshot.digest(replay(rows))


@pytest.mark.parametrize("successor_traded", [True, False])
async def test_an_engine_that_wakes_up_late(successor_traded: bool, log_dsn: str, socket: Path) -> None:
    """Paused in quiet times and cut off, it finds commands and the loss of its lease when it wakes, and ends without a word."""
    scene = StruckOrder()
    async with engine_process(log_dsn, socket) as paused:
        assert await paused.ready()
        async with scene.connected(socket) as client:
            paused.signal(signal.SIGSTOP)
            asked = asyncio.create_task(scene.buy(client))
            await cut_off(log_dsn)
            async with running(log_dsn) as successor:
                if successor_traded:
                    await trade_alone(scene, successor)
                written = await last_seq(log_dsn)
                paused.signal(signal.SIGCONT)
                assert await paused.ended() in ENDED_BY_ITSELF
                struck = await asked
                assert written == await last_seq(log_dsn)
                await trade_alone(scene, successor)
    rows = await read_log(log_dsn)

    assert struck.answer is None
    assert 0 == fills(rows)
    assert [1, 2, 3] == epochs(rows)
    assert [] == violations(scene.history, rows)
    assert snapshot.digest(successor.venue.state) == snapshot.digest(replay(rows))


@pytest.mark.parametrize("committed", [False, True], ids=["undone", "committed"])
async def test_an_engine_that_is_paused_during_an_append(committed: bool, log_dsn: str, socket: Path) -> None:
    """Cut off before Postgres had written, nothing of it exists; cut off afterwards, the successor has it and nothing twice.

    In both cases the engine was told by Postgres what happened while it slept, and lost its lease: it writes no more.
    """
    scene = StruckOrder()
    async with engine_process(log_dsn, socket) as paused:
        assert await paused.ready()
        async with scene.connected(socket) as client:
            async with LogLocked(log_dsn) as lock:
                asked = asyncio.create_task(scene.buy(client))
                await eventually(lock.append_waits, "the append waits in Postgres")
                paused.signal(signal.SIGSTOP)
                before = await last_seq(log_dsn)
                if not committed:
                    await cut_off(log_dsn)
            if committed:

                async def appended() -> bool:
                    return await last_seq(log_dsn) > before

                await eventually(appended, "Postgres has committed")
                await cut_off(log_dsn)
            async with running(log_dsn) as successor:
                await trade_alone(scene, successor)
                written = await last_seq(log_dsn)
                paused.signal(signal.SIGCONT)
                assert await paused.ended() in ENDED_BY_ITSELF
                struck = await asked
                assert written == await last_seq(log_dsn)
    recovered = await read_log(log_dsn)

    assert committed is bool(fills(recovered))
    # It may acknowledge what it is told to be committed, and nothing else.
    assert committed or struck.answer is None
    assert [1, 2, 3] == epochs(recovered)
    assert [] == violations(scene.history, recovered)
    assert snapshot.digest(successor.venue.state) == snapshot.digest(replay(recovered))
