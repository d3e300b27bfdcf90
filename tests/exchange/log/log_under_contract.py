"""A log that tests append to, read and break, whichever keeps it: Postgres behind a proxy, or the double in memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import asyncpg

from exchange.log import lease
from exchange.log.snapshots import SnapshotStore
from exchange.log.writer import LogWriter
from tests.exchange.engine.running import execute
from tests.exchange.log.memory_log import (
    MemoryLog,
    MemoryReader,
    MemorySession,
    MemorySnapshots,
    MemoryWriter,
)
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from exchange.log.lease import WriterIdentity
    from exchange.log.reader import LogReader
    from tests.faults.tcp_proxy import FaultProxy


class LogUnderContract(Protocol):
    """What the contract is about, and ways to break it."""

    reader: LogReader
    snapshots: SnapshotStore

    async def open_writer(self, identity: WriterIdentity, wait_s: float = 0) -> LogWriter:
        """See `LogWriter.open`."""

    async def raise_epoch(self) -> None:
        """As another writer does when it takes over, without the lease."""

    async def lose_lease(self, writer: LogWriter) -> None:
        """What a failover does to a writer whose proxy keeps its connection: the lock is gone and nobody told it."""

    async def end_session(self, writer: LogWriter) -> None:
        """The server ends the writer's session."""

    def locked(self) -> AbstractAsyncContextManager[None]:
        """Appends and raisings of the epoch wait in the server meanwhile."""

    async def somebody_waits(self, number: int = 1) -> None:
        """Return when so many appends, raisings of the epoch or takings of the lease wait in the server."""

    def hold_answers(self) -> None:
        """The server hears everything, the writer nothing any more."""

    def cut(self, writer: LogWriter) -> None:
        """Cut the writer's connection; both sides are told."""


class PostgresLog:
    """The real thing; writers go through the proxy."""

    def __init__(self, dsn: str, proxy: FaultProxy, reader: LogReader) -> None:
        self._dsn = dsn
        self._proxy = proxy
        self.reader = reader
        self.snapshots = SnapshotStore(dsn)

    async def open_writer(self, identity: WriterIdentity, wait_s: float = 0) -> LogWriter:
        return await LogWriter.open(self._proxy.dsn, identity, wait_s)

    async def raise_epoch(self) -> None:
        await execute(self._dsn, "UPDATE writer SET epoch = epoch + 1")

    async def lose_lease(self, writer: LogWriter) -> None:
        await lease.release(writer._connection)

    async def end_session(self, writer: LogWriter) -> None:
        pid = writer._connection.get_server_pid()
        await execute(self._dsn, f"SELECT pg_terminate_backend({pid})")

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        connection = await asyncpg.connect(self._dsn)
        try:
            async with connection.transaction():
                await connection.execute("SELECT FROM writer FOR UPDATE")
                yield
        finally:
            await connection.close()

    async def somebody_waits(self, number: int = 1) -> None:
        connection = await asyncpg.connect(self._dsn)

        async def waits() -> bool:
            found: bool = await connection.fetchval(
                "SELECT count(*) >= $1 FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'",
                number,
            )
            return found

        try:
            await eventually(waits, f"{number} wait in the server")
        finally:
            await connection.close()

    def hold_answers(self) -> None:
        self._proxy.hold_answers()

    def cut(self, writer: LogWriter) -> None:
        del writer  # it has the only connection through the proxy
        self._proxy.cut()


class LogInMemory:
    """The double."""

    def __init__(self) -> None:
        self._log = MemoryLog()
        self.reader: LogReader = MemoryReader(self._log)
        self.snapshots: SnapshotStore = MemorySnapshots(self._log)

    async def open_writer(self, identity: WriterIdentity, wait_s: float = 0) -> LogWriter:
        return await MemoryWriter.open_log(self._log, identity, wait_s)

    async def raise_epoch(self) -> None:
        async with self._log.lock:
            self._log.epoch += 1

    async def lose_lease(self, writer: LogWriter) -> None:
        self._log.lease.release(_session(writer))

    async def end_session(self, writer: LogWriter) -> None:
        _session(writer).end_by_server()

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        async with self._log.lock:
            yield

    async def somebody_waits(self, number: int = 1) -> None:
        del number  # see below: all that were begun
        # Without latency a few turns of the loop bring a statement to where it waits.
        for _ in range(10):
            await asyncio.sleep(0)

    def hold_answers(self) -> None:
        self._log.answers_pass.clear()

    def cut(self, writer: LogWriter) -> None:
        _session(writer).cut()


def _session(writer: LogWriter) -> MemorySession:
    assert isinstance(writer, MemoryWriter)
    return writer.session
