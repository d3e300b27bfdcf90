"""kill -9 of the engine at each step of an order: what was acknowledged stays, what was not is sent again, nothing happens twice."""

import asyncio
from pathlib import Path

import pytest

from exchange.domain import snapshot
from exchange.domain.events import WriterStarted
from exchange.log.writer import COPY_FROM_EVENTS
from tests.exchange.engine.running import LogLocked, running
from tests.faults.doomed_engine import Step, Strike
from tests.faults.history import read_log, replay
from tests.faults.processes import engine_process
from tests.faults.struck_order import StruckOrder, fills, set_up_market, strike_at
from tests.waiting import eventually

pytestmark = pytest.mark.faults

KILLED = -9


@pytest.fixture
async def log_dsn(dsn: str) -> str:
    """Gives a log with a market."""
    await set_up_market(dsn)
    return dsn


@pytest.mark.parametrize(
    ("step", "acknowledged", "in_log"),
    [
        (Step.BEFORE_SEQUENCING, False, {0}),
        (Step.AFTER_MATCHING, False, {0}),
        (Step.DURING_APPEND, False, {0, 1}),
        (Step.AFTER_COMMIT, False, {1}),
        (Step.BEFORE_ACK, False, {1}),
        (Step.AFTER_ACK, True, {1}),
    ],
)
async def test_the_engine_is_killed(
    step: Step, acknowledged: bool, in_log: set[int], log_dsn: str, socket: Path
) -> None:
    """The trade is in the log exactly if the engine had committed it, and the client was told nothing else."""
    scene = StruckOrder()
    async with engine_process(log_dsn, socket, strike_at(step)) as doomed:
        assert await doomed.ready()
        async with scene.connected(socket) as client:
            struck = await scene.buy(client)
            assert KILLED == await doomed.ended()
    recovered = await scene.send_again(log_dsn, struck)

    assert acknowledged is (struck.answer is not None)
    assert fills(recovered) in in_log


@pytest.mark.parametrize(
    ("sells", "trades_in_log"), [(1, 1), (COPY_FROM_EVENTS, 0)], ids=["function", "COPY"]
)
async def test_the_engine_is_killed_while_postgres_works(
    sells: int, trades_in_log: int, log_dsn: str, socket: Path
) -> None:
    """A small append is one statement, which Postgres finishes though nobody waits for it any more; a large one is undone."""
    scene = StruckOrder(sells)
    async with engine_process(log_dsn, socket) as doomed:
        assert await doomed.ready()
        async with scene.connected(socket) as client:
            async with LogLocked(log_dsn) as lock:
                asked = asyncio.create_task(scene.buy(client))
                await eventually(lock.append_waits, "the append waits in Postgres")
                doomed.kill()
                assert KILLED == await doomed.ended()
            struck = await asked
    recovered = await scene.send_again(log_dsn, struck)

    assert struck.answer is None
    assert trades_in_log == fills(recovered)


async def test_the_engine_is_killed_as_it_starts(log_dsn: str, socket: Path) -> None:
    """Engines that die one after the other with their first commit leave a trace in the log, or none, and no harm."""
    for step in (Step.AFTER_MATCHING, Step.DURING_APPEND, Step.AFTER_COMMIT):
        async with engine_process(log_dsn, socket, Strike(step, 1)) as doomed:
            assert not await doomed.ready()
            assert KILLED == await doomed.ended()
    async with running(log_dsn) as successor:
        trader = await successor.log_on()
        await successor.do(trader.place_command(trader.buy(1, 900)))
    rows = await read_log(log_dsn)

    started = [row.epoch for row in rows if row.kind == WriterStarted.kind]
    assert started in ([1, 4, 5], [1, 3, 4, 5])
    assert snapshot.digest(replay(rows)) == snapshot.digest(successor.venue.state)
