"""kill -9 of settlement, or of Postgres under it, before, during and after each of its database operations.

Nothing is lost, and nothing is done twice.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import psutil
import pytest

from tests.exchange.operations.running import has_ended
from tests.exchange.registry.settled import (
    SettledMarket,
    check_checkpoint,
    dealt_market,
    dump,
    execute,
    rebuilt,
    settle_when_free,
)
from tests.faults.doomed_settler import Moment, SettlerStrike
from tests.faults.processes import LIMIT_S, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.conftest import BreakableServer

pytestmark = pytest.mark.faults

KILLED = -signal.SIGKILL
Rows = dict[str, list[tuple[Any, ...]]]


async def settle_until(dsn: str, strike: SettlerStrike) -> int:
    """Settle until the settler ends or is killed; answers its exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.doomed_settler", msgspec.json.encode(strike).decode(),
        cwd=REPOSITORY, stdin=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(LIMIT_S):
        await process.communicate(f"{dsn}\n".encode())
    return process.returncode or 0


def moments(first: int, every: int) -> Iterator[SettlerStrike]:
    """All moments of each operation from one on, or of each so many-th one."""
    for nth in itertools.count(first, every):
        for moment in Moment:
            yield SettlerStrike(nth, moment)


async def log_of_deals(dsn: str) -> Rows:
    """Write a log and settle it; answers what the tables hold then."""
    settled = SettledMarket(dsn, dealt_market())
    await settled.settle()
    await settled.check()
    return await dump(dsn)


async def check_recovery(dsn: str, expected: Rows) -> None:
    """What is there now is whole, and settling goes on from it to the same end."""
    await check_checkpoint(dsn)
    await settle_when_free(dsn)
    assert expected == await dump(dsn)


async def kill_settlers(dsn: str, first: int, every: int) -> int:
    """Kill a settler at each moment, each time from the beginning; answers how often it died."""
    expected = await log_of_deals(dsn)
    deaths = 0
    for strike in moments(first, every):
        await execute(dsn, "DROP SCHEMA registry CASCADE")
        code = await settle_until(dsn, strike)
        await check_recovery(dsn, expected)
        if code == 0:
            break
        assert KILLED == code
        deaths += 1
    assert (await rebuilt(dsn)).identical
    return deaths


async def test_a_settler_dies_at_some_moments(dsn: str) -> None:
    """A few moments of all, every step of the way among them."""
    assert await kill_settlers(dsn, 1, 17) >= 9


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_settler_dies_at_every_moment(dsn: str) -> None:
    """Before, during and after each single operation."""
    assert await kill_settlers(dsn, 1, 1) >= 90


async def test_a_settler_dies_over_and_over_on_its_way(dsn: str) -> None:
    """Each incarnation goes on from where the last one died, some moments later each time."""
    settled = SettledMarket(dsn, dealt_market())
    await settled.log()
    deaths = 0
    for nth in range(14, 200, 5):
        if await settle_until(dsn, SettlerStrike(nth, Moment.BEFORE)) == 0:
            break
        deaths += 1
        await check_checkpoint(dsn)

    assert deaths >= 3
    await settle_when_free(dsn)
    await settled.check()
    assert (await rebuilt(dsn)).identical


async def kill_servers(server: BreakableServer, first: int, every: int) -> int:
    """Kill Postgres at each moment of a settler's way, each time from the beginning; answers how often it died."""
    database = await server.new_database()
    expected = await log_of_deals(server.dsn_of(database))
    deaths = 0
    for strike in moments(first, every):
        dsn, postmaster = server.dsn_of(database), psutil.Process(server.postmaster_id)
        await execute(dsn, "DROP SCHEMA registry CASCADE")
        code = await settle_until(dsn, msgspec.structs.replace(strike, postmaster=postmaster.pid))
        if not has_ended(postmaster):
            assert 0 == code
            break
        deaths += 1
        await server.start_again()
        await check_recovery(server.dsn_of(database), expected)
    assert (await rebuilt(server.dsn_of(database))).identical
    return deaths


async def test_postgres_dies_in_the_middle_of_a_settlement(server: BreakableServer) -> None:
    """What it had not written to disk yet is settled again."""
    assert await kill_servers(server, 33, 1000) >= 3


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_postgres_dies_under_settlement_at_many_moments(server: BreakableServer) -> None:
    """Before, during and after every fourth operation of all."""
    assert await kill_servers(server, 1, 4) >= 30
