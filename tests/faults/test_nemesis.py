"""Two exchanges, three participants, and a nemesis: whatever it does, nobody was told a lie and nothing is lost.

The long mode, in rounds of one fault each:

    EXCHANGE_NEMESIS_ROUNDS=100 python -m pytest -m slow tests/faults/test_nemesis.py -k long -s --timeout 7200

EXCHANGE_NEMESIS_SEED=N repeats the faults of a run (the clients' timing is that of real processes, and not repeated).
"""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.arena import Arena
from tests.faults.nemesis import Nemesis

if TYPE_CHECKING:
    from pathlib import Path

    from exchange.log.record import StoredEvent

pytestmark = pytest.mark.faults

ROUNDS = int(os.environ.get("EXCHANGE_NEMESIS_ROUNDS", "12"))


def new_seed() -> int:
    """That of the environment, or another one each time."""
    return int(os.environ.get("EXCHANGE_NEMESIS_SEED", random.randrange(10**6)))


def tell(*facts: object) -> None:
    """For whoever watches a long run, and shown when the test fails."""
    print(*facts, flush=True)  # noqa: T201 - see above


def tell_history(arena: Arena, nemesis: Nemesis, rows: list[StoredEvent]) -> None:
    """What happened, in figures."""
    history = arena.history
    refused = sum(order.rejected_at > 0 for order in history.orders)
    kinds = [row.kind for row in rows]
    tell(
        f"{len(rows)} events, {kinds.count('fill')} trades, {len(arena.maker.trades)} of them over FIX, epoch {rows[-1].epoch}; {len(history.orders)} orders:"
        f" {sum(bool(order.reports) for order in history.orders)} ok, {refused} failed, {history.unknowns} times unknown;"
        f" faults: {dict(nemesis.struck)}"
    )


async def run_faults(folder: Path, seed: int, *names: str) -> tuple[Arena, list[StoredEvent]]:
    """The whole story of these faults, checked; answers the arena and its log."""
    tell(f"seed {seed}")
    arena = Arena(folder, seed)
    nemesis = Nemesis(arena, random.Random(seed))
    try:
        await arena.start()
        await arena.trade_on()
        for name in names:
            await nemesis.do(getattr(nemesis, name))
            await arena.trade_on()
        rows = await arena.finish()
    finally:
        await arena.close()
    tell_history(arena, nemesis, rows)
    return arena, rows


async def test_the_standby_takes_over(tmp_path: Path) -> None:
    """The engine that writes dies under load: the standby goes on, and participants resume without a gap or a double."""
    _, rows = await run_faults(tmp_path, new_seed(), "kill_engine")
    assert 2 <= rows[-1].epoch


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_worst(tmp_path: Path) -> None:
    """A lease taken from a paused writer, lost answers of the database, and the death of a whole exchange."""
    arena, rows = await run_faults(
        tmp_path, new_seed(), "take_lease_from_paused_writer", "lose_answers", "kill_exchange"
    )
    assert 4 <= rows[-1].epoch
    assert {True, False} == {bool(order.reports) for order in arena.history.orders}, "some were refused"
    assert 0 < arena.history.unknowns
    assert arena.maker.trades, "over FIX"
    outcomes = {bool(order.reports) for order in arena.history.orders}
    assert {True, False} == outcomes, "some orders were refused"
    assert 0 < arena.history.unknowns
    assert arena.maker.trades, "over FIX"


@pytest.mark.slow
@pytest.mark.timeout(7200)
async def test_a_long_series(tmp_path: Path) -> None:
    """As many faults as EXCHANGE_NEMESIS_ROUNDS says, by a seed that is printed."""
    seed = new_seed()
    tell(f"seed {seed}, {ROUNDS} rounds")
    arena = Arena(tmp_path, seed)
    nemesis = Nemesis(arena, random.Random(seed))
    try:
        await arena.start()
        await arena.trade_on()
        for number in range(1, ROUNDS + 1):
            began_at = time.monotonic()
            fault = await nemesis.strike()
            await arena.trade_on()
            tell(
                f"round {number}: {fault}, {time.monotonic() - began_at:.1f} s, {arena.history.answers} answers"
            )
        rows = await arena.finish()
    finally:
        await arena.close()
    tell_history(arena, nemesis, rows)
    assert ROUNDS == sum(nemesis.struck.values())
