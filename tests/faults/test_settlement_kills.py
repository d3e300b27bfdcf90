"""Settlement, the engine and Postgres die at random moments while participants trade: no tonne is lost, none is anywhere twice."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

import asyncpg
import pytest

from exchange.domain import snapshot
from exchange.domain.events import Fill, Retired
from tests.exchange.registry.settled import check, check_checkpoint, rebuilt, rows
from tests.faults.history import History, read_log, replay, violations
from tests.faults.processes import ENDED_BY_ITSELF, EngineProcess, SettlementProcess
from tests.faults.struck_order import set_up_market
from tests.faults.trading import Participant
from tests.market import ALPHA, BETA, GAMMA
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.faults.conftest import BreakableServer
    from tests.faults.processes import ChildProcess

pytestmark = pytest.mark.faults

ROUNDS = int(os.environ.get("KILL_ROUNDS", "50"))
"""Of the long test; `KILL_ROUNDS=200 pytest -m slow tests/faults/test_settlement_kills.py` takes longer."""
MOST_ANSWERS = 60
"""A life ends when so many commands were answered, or fewer."""
LONGEST_PAUSE_S = 0.25
"""And so much later at most: settlement looks at the log every 0.2 s."""
KILLED = -9

_AT_WORK = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'exchange-settlement' AND datname = current_database() AND xact_start IS NOT NULL
"""


class Victim(StrEnum):
    """What is killed."""

    SETTLEMENT = "settlement"
    SETTLEMENT_AT_WORK = "settlement in a transaction"
    ENGINE = "the engine"
    BOTH = "settlement and the engine"
    POSTGRES = "Postgres"


class Scene:
    """A market with an engine, a settler and participants, on a server of its own."""

    def __init__(self, server: BreakableServer, database: str, socket: Path, seed: int) -> None:
        self._server = server
        self._database = database
        self._socket = socket
        self._chance = random.Random(seed)
        self.history = History()
        self.crowd = [
            Participant(key_id, account, self.history, random.Random(f"{seed} {account}"))
            for key_id, account in (("alpha-key", ALPHA), ("beta-key", BETA), ("gamma-key", GAMMA))
        ]
        self._engine: EngineProcess
        self._settler: SettlementProcess
        self._trading: asyncio.Future[list[None]]

    @property
    def dsn(self) -> str:
        """The database; another address after Postgres was started again."""
        return self._server.dsn_of(self._database)

    async def start_engine(self) -> None:
        """Start the engine, and trading."""
        self._engine = await EngineProcess.start(self.dsn, self._socket)
        assert await self._engine.ready()
        self._trading = asyncio.gather(*(each.trade(self._socket) for each in self.crowd))

    async def start_settler(self) -> None:
        """Start a settler; it may wait until the server has seen that the one before is gone."""
        self._settler = await SettlementProcess.start(self.dsn)
        assert await self._settler.ready()

    async def live(self) -> None:
        """Trade for a while that is drawn."""
        enough = self._answered() + self._chance.randint(1, MOST_ANSWERS)
        await eventually(lambda: self._answered() >= enough, "enough is answered")
        # No condition to wait for: the moment itself is what is drawn.
        await asyncio.sleep(self._chance.uniform(0, LONGEST_PAUSE_S))

    async def kill(self, victim: Victim) -> None:
        """`kill -9`, and a new start of what died or ended with it."""
        if victim is Victim.SETTLEMENT_AT_WORK:
            await self._settler_works()
        if victim is Victim.POSTGRES:
            self._server.kill()
            assert {await self._engine.ended(), await self._settler.ended()} <= ENDED_BY_ITSELF
            await self._server.start_again()
        if victim in {Victim.ENGINE, Victim.BOTH}:
            self._engine.kill()
        if victim not in {Victim.ENGINE, Victim.POSTGRES}:
            self._settler.kill()
            assert KILLED == await self._settler.ended()
        if victim in {Victim.ENGINE, Victim.BOTH, Victim.POSTGRES}:
            assert await self._engine.ended() in {KILLED, *ENDED_BY_ITSELF}
            await self._trading
            await self.start_engine()
        await check_checkpoint(self.dsn)
        if victim is not Victim.ENGINE:
            await self.start_settler()

    async def settled_so_far(self) -> None:
        """Return when all that is acknowledged by now is settled."""
        seq = max(
            one.answer.events[-1].seq for one in self.history.requests if one.answer and one.answer.events
        )

        async def reached() -> bool:
            ((_, checkpoint, *_),) = await rows(self.dsn, "checkpoint")
            return bool(checkpoint >= seq)

        await eventually(reached, f"event {seq} is settled")

    async def finish(self) -> None:
        """End everything in order; then the log must be what everybody was told, and the registry what the log says."""
        self._engine.kill()
        await self._engine.ended()
        await self._trading
        self._engine = await EngineProcess.start(self.dsn, self._socket)
        assert await self._engine.ready()
        # Each sends again what was not answered.
        await asyncio.gather(*(each.trade(self._socket, 5) for each in self.crowd))
        ended = await self._engine.stop()
        await self._settler.stop()
        log = await read_log(self.dsn)
        state = replay(log)
        assert [] == violations(self.history, log)
        assert (ended.seq, ended.digest) == (state.last_seq, snapshot.digest(state))
        ((_, seq, head_hash, *_),) = await rows(self.dsn, "checkpoint")
        assert (log[-1].seq, log[-1].hash) == (seq, head_hash)
        await check_checkpoint(self.dsn)
        await check(self.dsn, state)
        result = await rebuilt(self.dsn)
        assert (True, []) == (result.identical, result.differences)
        kinds = Counter(row.kind for row in log)
        print(f"{len(log)} events, {kinds[Fill.kind]} trades, {kinds[Retired.kind]} retirements")  # noqa: T201
        assert kinds[Fill.kind] > 10
        assert kinds[Retired.kind]

    async def close(self) -> None:
        """Kill what still runs."""
        processes: tuple[ChildProcess, ...] = (self._engine, self._settler)
        for process in processes:
            process.kill()
            await process.ended()
        await self._trading

    def _answered(self) -> int:
        return sum(not request.is_open for request in self.history.requests)

    async def _settler_works(self) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await eventually(lambda: connection.fetchval(_AT_WORK), "settlement is in a transaction")
        finally:
            await connection.close()


@asynccontextmanager
async def running_scene(server: BreakableServer, socket: Path, seed: int) -> AsyncIterator[Scene]:
    """A scene whose engine and settler run."""
    database = await server.new_database()
    await set_up_market(server.dsn_of(database))
    scene = Scene(server, database, socket, seed)
    await scene.start_engine()
    await scene.start_settler()
    try:
        yield scene
    finally:
        await scene.close()


async def run_rounds(victims: list[Victim], seed: int, server: BreakableServer, socket: Path) -> None:
    """Kill one after the other; a look at the tables after each death, and at everything in the end."""
    print(f"KILL_SEED={seed}: {[victim.value for victim in victims]}")  # noqa: T201 - shown when the test fails
    async with running_scene(server, socket, seed) as scene:
        for number, victim in enumerate(victims):
            await scene.live()
            await scene.kill(victim)
            if number % 3 == 2:
                await scene.settled_so_far()
        await scene.finish()


def drawn_seed() -> int:
    """Of the environment, to repeat what was drawn before; else a fresh one, which is printed."""
    return int(os.environ.get("KILL_SEED") or random.randrange(10**6))


async def test_a_few_deaths(server: BreakableServer, socket: Path) -> None:
    """Settlement in a transaction, settlement with the engine, and Postgres, at moments drawn by the seed that pytest prints."""
    seed = drawn_seed()
    victims = [Victim.SETTLEMENT_AT_WORK, Victim.BOTH, Victim.POSTGRES]
    await run_rounds(random.Random(seed).sample(victims, k=len(victims)), seed, server, socket)


@pytest.mark.slow
@pytest.mark.timeout(60 + 30 * ROUNDS)
async def test_many_deaths(server: BreakableServer, socket: Path) -> None:
    """Fifty deaths, or as many as KILL_ROUNDS says, drawn by the seed that pytest prints; KILL_SEED repeats them."""
    seed = drawn_seed()
    victims = random.Random(seed).choices(list(Victim), weights=(3, 3, 2, 1, 2), k=ROUNDS)
    await run_rounds(victims, seed, server, socket)
