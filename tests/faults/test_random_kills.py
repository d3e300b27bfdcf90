"""Many participants, many lives of the engine and of Postgres, each ended at a random point; nobody is ever told a lie."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from exchange.domain import snapshot
from exchange.domain.events import Fill, OrderAccepted
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import Snapshot, SnapshotStore
from tests.faults.conftest import BreakableServer
from tests.faults.doomed_engine import Step, Strike
from tests.faults.history import History, read_log, replay, violations
from tests.faults.processes import ENDED_BY_ITSELF, engine_process
from tests.faults.struck_order import set_up_market
from tests.faults.trading import Participant
from tests.market import ALPHA, BETA, GAMMA
from tests.waiting import eventually

pytestmark = pytest.mark.faults

LAST_CALL = 150
"""A strike comes at this call of a step, or at an earlier one."""


class Round:
    """One life of the engine: how it ends, drawn at random."""

    def __init__(self, chance: random.Random, postgres_dies: bool) -> None:
        self.postgres_dies = postgres_dies
        self.step = chance.choice([*Step, None])
        """None: at no step, but when so many commands were answered."""
        self.nth = chance.randint(1, LAST_CALL)
        self.takes_snapshot = chance.random() < 0.5

    def __repr__(self) -> str:
        victim = "Postgres" if self.postgres_dies else "engine"
        return f"{victim} at {self.step or 'answer'} {self.nth}"

    def strike(self, server: BreakableServer) -> Strike | None:
        if self.step is None:
            return None
        return Strike(self.step, self.nth, server.postmaster_id if self.postgres_dies else 0)


async def save_snapshot(dsn: str) -> None:
    async with await LogReader.open(dsn) as reader:
        state = (await recover(reader, SnapshotStore(dsn))).state
        last_hash = await reader.hash_at(state.last_seq)
    await SnapshotStore(dsn).save(Snapshot(state.last_seq, last_hash, "test", snapshot.dump(state)))


async def live(
    life: Round,
    server: BreakableServer,
    database: str,
    socket: Path,
    crowd: list[Participant],
    history: History,
) -> None:
    """Trade until the strike, and clear up after it."""
    answered = sum(not request.is_open for request in history.requests)
    async with engine_process(server.dsn_of(database), socket, life.strike(server)) as doomed:
        if await doomed.ready():
            trading = asyncio.gather(*(each.trade(socket) for each in crowd))
            if life.step is None:
                enough = answered + life.nth
                await eventually(
                    lambda: sum(not request.is_open for request in history.requests) >= enough,
                    "enough is answered",
                )
                if life.postgres_dies:
                    server.kill()
                else:
                    doomed.kill()
            await trading
        expected = ENDED_BY_ITSELF if life.postgres_dies else {-signal.SIGKILL}
        assert await doomed.ended() in expected, f"the engine ended after {life}"
    if life.postgres_dies:
        await server.start_again()
    if life.takes_snapshot:
        await save_snapshot(server.dsn_of(database))


async def run_rounds(rounds: list[Round], seed: int, server: BreakableServer, socket: Path) -> None:
    """All lives one after the other, then one that ends in order; then the whole history against the log."""
    history = History()
    database = await server.new_database()
    await set_up_market(server.dsn_of(database))
    crowd = [
        Participant(key_id, account, history, random.Random(f"{seed} {account}"))
        for key_id, account in (("alpha-key", ALPHA), ("beta-key", BETA), ("gamma-key", GAMMA))
    ]
    for life in rounds:
        await live(life, server, database, socket, crowd, history)
    async with engine_process(server.dsn_of(database), socket) as last:
        assert await last.ready()
        await asyncio.gather(*(each.trade(socket, 50) for each in crowd))
        ended = await last.stop()

    rows = await read_log(server.dsn_of(database))
    assert [] == violations(history, rows)
    assert [] == [command for each in crowd for command in each.unanswered]
    state = replay(rows)
    assert (ended.seq, ended.digest) == (state.last_seq, snapshot.digest(state))
    # One epoch for the market, one for each life.
    assert rows[-1].epoch == len(rounds) + 2
    kinds = [row.kind for row in rows]
    repeated = sum(
        request.answer is not None and request.answer.duplicate_of > 0 for request in history.requests
    )
    print(  # noqa: T201 - shown when the test fails
        f"{len(rows)} events, {kinds.count(OrderAccepted.kind)} orders, {kinds.count(Fill.kind)} trades,"
        f" {repeated} repetitions of orders that had been committed unacknowledged"
    )
    assert kinds.count(Fill.kind) > len(rounds)


async def test_a_few_random_kills(server: BreakableServer, socket: Path) -> None:
    """The engine dies four times, Postgres once, at points drawn by the seed that pytest prints."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    rounds = [Round(chance, postgres_dies) for postgres_dies in (False, False, True, False, False)]
    print(f"seed {seed}: {rounds}")  # noqa: T201 - shown when the test fails
    await run_rounds(rounds, seed, server, socket)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_many_random_kills(server: BreakableServer, socket: Path) -> None:
    """Thirty deaths in a row, one in three that of Postgres, at points drawn by the seed that pytest prints."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    rounds = [Round(chance, chance.random() < 1 / 3) for _ in range(30)]
    print(f"seed {seed}: {rounds}")  # noqa: T201 - shown when the test fails
    await run_rounds(rounds, seed, server, socket)
