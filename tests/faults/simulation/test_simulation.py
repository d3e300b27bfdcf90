"""Whole stories of an exchange in which everything breaks, in made-up time; and what they find when a bug is planted."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from exchange.domain.events import Fill
from exchange.engine.engine import Engine, _Batch
from exchange.engine.standby import Standby
from tests.exchange.log.memory_log import MemoryLog
from tests.faults.processes import REPOSITORY
from tests.faults.simulation.virtual_time import NothingLeft, VirtualLoop
from tests.faults.simulation.world import Story, tell

if TYPE_CHECKING:
    from exchange.log.record import StoredEvent

pytestmark = pytest.mark.faults

QUICK_SEEDS = 100
SLOW_SEEDS = 2000
PLANTED_SEEDS = 60
"""A planted bug must show within so many stories."""


def told(count: int) -> list[Story]:
    """The stories of so many seeds from a random one on; says so when something is wrong, and how to see it again."""
    first = random.randrange(10**9)
    stories = [tell(seed) for seed in range(first, first + count)]
    for story in stories:
        if story.wrong:
            print(f"seed {story.seed} after {story.faults}: tell({story.seed}) gives it again")  # noqa: T201
    return stories


def test_nobody_is_ever_told_a_lie() -> None:
    """Every acknowledged order is in the log once, fills come once and in order, nothing is lost or made, all states agree."""
    stories = told(QUICK_SEEDS)

    assert [] == [(story.seed, story.wrong) for story in stories if story.wrong]
    # The stories are worth telling: processes died, others took over, and the market went on.
    assert min(story.lives for story in stories) >= 4
    assert sum(story.epochs > 2 for story in stories) > QUICK_SEEDS // 4
    assert sum(story.lost_statements for story in stories) > 0
    assert sum(story.lost_answers for story in stories) > 0
    assert sum(story.fills for story in stories) > 5 * QUICK_SEEDS


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_thousands_of_stories() -> None:
    """The same of many more seeds."""
    assert [] == [(story.seed, story.wrong) for story in told(SLOW_SEEDS) if story.wrong]


def test_a_seed_tells_the_same_story() -> None:
    """The same seed gives the same run to the last message, delay and hash, in other processes too; another gives another."""
    seed = random.randrange(10**9)
    program = f"from tests.faults.simulation.world import tell; print(tell({seed}).digest)"

    first, again, other = tell(seed), tell(seed), tell(seed + 1)
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": str(random.randrange(1, 10**9))},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )

    assert first == again
    assert first.digest == elsewhere.stdout.strip()
    assert first.digest != other.digest


async def _release_first(engine: Engine) -> None:
    """`Engine._commit_batches`, with answers that leave before the commit."""
    try:
        while True:
            await engine._batch_ready.wait()
            engine._batch_ready.clear()
            batch = engine._in_flight = engine._batch
            engine._batch = _Batch()
            engine._schedule_slice()
            engine._release(batch)
            if batch.stored:
                await engine._writer.append(batch.stored)
    except Exception as error:
        engine._fail(error)


def _fence_nobody(log: MemoryLog, _epoch: int, expected_last_seq: int) -> None:
    """`MemoryLog.demand`, without the epoch and with whatever place."""
    del log, expected_last_seq


def _take_in_without_fills(standby: Standby, page: list[StoredEvent]) -> None:
    """`Standby._take_in`, whose warm state misses trades."""
    _take_in(standby, page)
    for row in page:
        if row.kind == Fill.kind:
            standby._state.ledger.accounts["alpha"]["EUR"].total += 1


_take_in = Standby._take_in


@pytest.mark.parametrize(
    ("owner", "name", "bug", "finding"),
    [
        (Engine, "_commit_batches", _release_first, "which is not durable"),
        (MemoryLog, "demand", _fence_nobody, "was written in epoch"),
        (Standby, "_take_in", _take_in_without_fills, "states differ"),
    ],
    ids=["answers before the commit", "no fencing", "a wrong warm state"],
)
def test_a_planted_bug_is_found(
    owner: type, name: str, bug: object, finding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What must never be in the product shows in some story soon."""
    monkeypatch.setattr(owner, name, bug)

    found = next((story for story in map(tell, range(PLANTED_SEEDS)) if story.wrong), None)

    assert found is not None
    assert any(finding in each for each in found.wrong), found.wrong
    assert found == tell(found.seed)


def test_made_up_time() -> None:
    """Hours pass at once and in order, and who waits for nothing is noticed."""
    loop = VirtualLoop()

    async def sleep_long() -> list[str]:
        order: list[str] = []

        async def wake(after_s: float) -> None:
            await asyncio.sleep(after_s)
            order.append(f"{loop.time():g}")

        await asyncio.gather(wake(7200), wake(3600), wake(0))
        return order

    assert ["0", "3600", "7200"] == loop.run_until_complete(sleep_long())
    with pytest.raises(NothingLeft):
        loop.run_until_complete(asyncio.Event().wait())
    loop.run_until_complete(_end_others())
    loop.close()


async def _end_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
