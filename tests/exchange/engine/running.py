"""An engine at work on a real log, put together for one test."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

import asyncpg

from exchange.domain import commands
from exchange.domain.venue import Venue
from exchange.engine.engine import Engine
from exchange.log.lease import WriterIdentity
from exchange.log.reader import LogReader
from exchange.log.recovery import Recovery, recover
from exchange.log.snapshots import SnapshotStore
from exchange.log.writer import LogWriter
from tests.market import KEYS, OWNERS, Market, Trader, opening_commands

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from exchange.domain.commands import Command
    from exchange.domain.events import Event, Recorded
    from exchange.engine.interface import Answer, EnginePort
    from exchange.log.record import StoredEvent

PROGRAM = "carbon-exchange test"


class ManualClock:
    """A clock that stands still until the test moves it."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


class HeldWriter(LogWriter):
    """Appends for real, but when the test lets it; keeps what it was given."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], *place: int | bytes) -> None:
        super().__init__(connection, *place)  # type: ignore[arg-type]  # epoch, last seq and hash
        self.batches: list[list[int]] = []
        """The seqs of each append that was begun."""
        self._held = False
        self._tickets: asyncio.Queue[None] = asyncio.Queue()

    async def append(self, rows: Sequence[StoredEvent]) -> None:
        self.batches.append([row.seq for row in rows])
        if self._held:
            await self._tickets.get()
        await super().append(rows)

    def hold(self) -> None:
        """From now on appends wait, and the list of batches begins anew."""
        self._held = True
        self.batches = []

    def let_one_pass(self) -> None:
        """Let one append go on, the next one if none waits."""
        self._tickets.put_nowait(None)

    def release(self) -> None:
        """Let appends go on."""
        self._held = False
        self._tickets.put_nowait(None)


class Running:
    """An engine that was started, and what it was made of."""

    def __init__(self, engine: Engine, venue: Venue, writer: LogWriter, recovery: Recovery, dsn: str) -> None:
        self.engine = engine
        self.venue = venue
        self.writer = writer
        self.recovery = recovery
        self.dsn = dsn

    async def do(self, command: Command) -> list[Event]:
        """The events of a command that is no repetition."""
        return await do(self.engine, command)

    async def log_on(
        self, key_id: str = "alpha-key", account: str = "alpha", *, cancel_on_disconnect: bool = False
    ) -> Trader:
        """Open a session; see `log_on`."""
        return await log_on(self.engine, key_id, account, cancel_on_disconnect=cancel_on_disconnect)

    async def read_log(self) -> list[Recorded]:
        """All events of the log, as anybody reads them, the chain checked."""
        async with await LogReader.open(self.dsn) as reader:
            return [row.to_recorded() async for page in reader.pages(verify=True) for row in page]


async def do(port: EnginePort, command: Command) -> list[Event]:
    """The events of a command that is no repetition."""
    answer = await port.submit(command)
    assert not answer.duplicate_of, f"{command} was done before"
    return events_of(answer)


def events_of(answer: Answer) -> list[Event]:
    """The events of an answer without their places."""
    return [recorded.event for recorded in answer.events]


async def log_on(
    port: EnginePort, key_id: str, account: str, *, cancel_on_disconnect: bool = False
) -> Trader:
    """Open a session: somebody to make orders and commands with (for the port; it has no market in memory)."""
    assert OWNERS[account] == KEYS[key_id][0]
    answer = await port.submit(commands.OpenSession(key_id, "test-gateway", cancel_on_disconnect))
    return Trader(market_for_ids, key_id, answer.events[0].seq, account)


market_for_ids = Market(opened=False)
"""Gives traders whose market is elsewhere their client order ids."""


async def open_market(port: EnginePort) -> None:
    """Set up the venue of `tests.market`."""
    await asyncio.gather(*(port.submit(command) for command in opening_commands()))


@asynccontextmanager
async def running(
    dsn: str,
    *,
    writer_type: type[LogWriter] = LogWriter,
    venue_type: type[Venue] = Venue,
    clock: Callable[[], int] = time.time_ns,
) -> AsyncIterator[Running]:
    """Recover and run an engine, and stop it at the end unless it failed; on an empty log, with the market set up."""
    identity = WriterIdentity.of_this_process("/run/test/engine.sock")
    async with await writer_type.open(dsn, identity, wait_s=30) as writer:
        async with await LogReader.open(dsn) as reader:
            recovery = await recover(reader, SnapshotStore(dsn))
        venue = venue_type(recovery.state)
        engine = Engine(venue, writer, PROGRAM, clock)
        await engine.start()
        try:
            if not recovery.state.business_date:
                await open_market(engine)
            yield Running(engine, venue, writer, recovery, dsn)
        finally:
            await engine.stop()


class LogLocked:
    """A session that holds the row which every append must lock: appends wait in Postgres, on the way."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def __aenter__(self) -> Self:
        self._connection = await asyncpg.connect(self._dsn)
        await self._connection.execute("BEGIN; SELECT FROM writer FOR UPDATE")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def append_waits(self) -> bool:
        """Whether an append has come to the lock."""
        found: bool = await self._connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'exchange-writer' AND wait_event_type = 'Lock')"
        )
        return found


async def execute(dsn: str, statement: str) -> None:
    """Run a statement in a session of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
