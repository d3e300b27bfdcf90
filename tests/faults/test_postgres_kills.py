"""kill -9 of all of Postgres at each step of an order: what was acknowledged is found after its recovery, nothing happens twice."""

import asyncio
from pathlib import Path

import pytest

from exchange.log.writer import COPY_FROM_EVENTS
from tests.exchange.engine.running import LogLocked
from tests.faults.conftest import BreakableServer
from tests.faults.doomed_engine import Step
from tests.faults.processes import ENDED_BY_ITSELF, engine_process
from tests.faults.struck_order import StruckOrder, fills, set_up_market, strike_at
from tests.waiting import eventually

pytestmark = pytest.mark.faults


@pytest.mark.parametrize(
    ("step", "acknowledged", "in_log"),
    [
        (Step.BEFORE_SEQUENCING, False, {0}),
        (Step.AFTER_MATCHING, False, {0}),
        (Step.DURING_APPEND, None, {0, 1}),
        (Step.AFTER_COMMIT, True, {1}),
        (Step.BEFORE_ACK, True, {1}),
        (Step.AFTER_ACK, True, {1}),
    ],
)
async def test_postgres_is_killed(
    step: Step, acknowledged: bool | None, in_log: set[int], server: BreakableServer, socket: Path
) -> None:
    """The engine ends by itself; it has acknowledged what was committed before, and only that."""
    database = await server.new_database()
    await set_up_market(server.dsn_of(database))
    scene = StruckOrder()
    strike = strike_at(step, server.postmaster_id)
    async with engine_process(server.dsn_of(database), socket, strike) as orphan:
        assert await orphan.ready()
        async with scene.connected(socket) as client:
            struck = await scene.buy(client)
            assert await orphan.ended() in ENDED_BY_ITSELF
    await server.start_again()
    recovered = await scene.send_again(server.dsn_of(database), struck)

    assert acknowledged in (None, struck.answer is not None)
    assert fills(recovered) in in_log
    assert struck.answer is None or fills(recovered)


@pytest.mark.parametrize("sells", [1, COPY_FROM_EVENTS], ids=["function", "COPY"])
async def test_postgres_is_killed_while_it_works(sells: int, server: BreakableServer, socket: Path) -> None:
    """An append that Postgres had begun is gone with it, whole."""
    database = await server.new_database()
    dsn = server.dsn_of(database)
    await set_up_market(dsn)
    scene = StruckOrder(sells)
    async with engine_process(dsn, socket) as orphan:
        assert await orphan.ready()
        async with scene.connected(socket) as client:
            async with LogLocked(dsn) as lock:
                asked = asyncio.create_task(scene.buy(client))
                await eventually(lock.append_waits, "the append waits in Postgres")
                server.kill()
                assert await orphan.ended() in ENDED_BY_ITSELF
            struck = await asked
    await server.start_again()
    recovered = await scene.send_again(server.dsn_of(database), struck)

    assert struck.answer is None
    assert 0 == fills(recovered)
