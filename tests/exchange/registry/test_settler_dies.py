"""kill -9 of settlement between any two of its database operations: nothing is lost and nothing is done twice."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.exchange.registry.settled import (
    SettledMarket,
    check_checkpoint,
    dump,
    execute,
    rebuilt,
    settle_when_free,
)
from tests.market import PROJECT, V19, Market

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTLER = Path(__file__).with_name("dying_settler.py")
ROOT = Path(__file__).resolve().parents[3]
STEP = 60
"""Events in a transaction."""


def traded() -> Market:
    """A market with trades at once and later, retirements, and an end of a day."""
    market, random = Market(), Random(9)
    market.list_instrument(msgspec.structs.replace(PROJECT, symbol="LATER", settlement_days=1))
    for number in range(40):
        symbol = random.choice((PROJECT.symbol, "LATER"))
        quantity = random.randint(1, 500)
        market.beta.place(market.beta.sell(quantity, 1000, symbol))
        market.alpha.place(market.alpha.buy(quantity, 1000, symbol))
        if number % 10 == 5:
            market.do(market.alpha.retire_command(V19, 50, f"r-{number}"))
    market.close_day("2026-11-24")
    market.deposit_units("gamma", V19, 5)
    return market


async def run(dsn: str, when: int) -> int:
    """Settle until the settler ends or dies; answers its exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SETTLER), dsn, str(when), str(STEP), cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    )
    return await process.wait()


def moments(every: int) -> Iterator[int]:
    """Before and after each operation, or each so many-th."""
    when = 1
    while True:
        yield when
        yield -when
        when += every


async def die_again_and_again(dsn: str, every: int) -> int:
    """Kill a settler at each moment, each time from the beginning; answers how often it died."""
    settled = SettledMarket(dsn, traded())
    await settled.settle()
    await settled.check()
    expected = await dump(dsn)
    deaths = 0
    for when in moments(every):
        await execute(dsn, "DROP SCHEMA registry CASCADE")
        code = await run(dsn, when)
        if code == 0:
            break
        assert -signal.SIGKILL == code
        deaths += 1
        await check_checkpoint(dsn)
        await settle_when_free(dsn)
        assert expected == await dump(dsn)
    await settle_when_free(dsn)
    assert expected == await dump(dsn)
    assert (await rebuilt(dsn)).identical
    return deaths


@pytest.mark.faults
async def test_a_settler_dies_at_some_moments(dsn: str) -> None:
    """A few moments of all, every step of the way among them."""
    assert await die_again_and_again(dsn, 7) >= 8


@pytest.mark.faults
@pytest.mark.slow
async def test_a_settler_dies_at_every_moment(dsn: str) -> None:
    """Before and after each single operation."""
    assert await die_again_and_again(dsn, 1) >= 60


@pytest.mark.faults
async def test_a_settler_dies_over_and_over_on_its_way(dsn: str) -> None:
    """Each incarnation goes on from where the last one died, one moment later each time."""
    settled = SettledMarket(dsn, traded())
    await settled.log()
    deaths = 0
    for when in range(14, 200, 5):
        code = await run(dsn, when)
        if code == 0:
            break
        deaths += 1
        await check_checkpoint(dsn)

    assert deaths >= 3
    await settle_when_free(dsn)
    await settled.check()
    assert (await rebuilt(dsn)).identical
