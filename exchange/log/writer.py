"""The one who appends to the log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import asyncpg
import msgspec

from exchange.log import lease
from exchange.log.chain import GENESIS
from exchange.log.migrations import check_schema
from exchange.log.record import COLUMNS, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from asyncpg.prepared_stmt import PreparedStatement

    from exchange.log.migrations import Connection

COPY_FROM_EVENTS = 500
"""From this number of events on COPY in a transaction is quicker than the function (`loadtest/results/append.md`)."""

COMMIT_LIMIT_S = 60
"""No answer for so long means that the outcome will not be known on this connection."""

_FENCED = "LF001"
"""The SQLSTATE that `lock_log` raises."""

_SETTINGS = {
    "application_name": "exchange-writer",
    "default_transaction_isolation": "read committed",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    # A writer stopped between two statements must not keep the log locked.
    "idle_in_transaction_session_timeout": "10s",
    # The lease of a machine that vanished is free after about half a minute.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "30000",
}


class Fenced(Exception):  # noqa: N818 - it says that our time is over
    """Another writer took over, or the log is not where we left it. Nothing was written; this process must end."""


class CommitUnknown(Exception):  # noqa: N818 - the question is open
    """The append failed in a way that does not tell whether it was committed. Only the log knows: read it again."""


class NotDurable(Exception):  # noqa: N818 - it says what is wrong with the server
    """The server would acknowledge commits that a crash can lose."""


class LogWriter:
    """Holds the lease and appends. The lease and the appends use one connection: who loses it loses the right to write.

    After any failure it appends nothing more.
    """

    def __init__(self, connection: Connection, epoch: int, last_seq: int, last_hash: bytes) -> None:
        self._connection = connection
        self._append_function: PreparedStatement[asyncpg.Record] | None = None
        self._failed = False
        self.copy_from_events = COPY_FROM_EVENTS
        self.epoch = epoch
        self.last_seq = last_seq
        """Of the log, 0 while it is empty."""
        self.last_hash = last_hash
        """Of the event `last_seq`; of an empty log: `GENESIS`."""
        self.lost = asyncio.Event()
        """Set when the connection is gone, and the lease with it."""
        connection.add_termination_listener(lambda _connection: self.lost.set())

    @classmethod
    async def open(cls, dsn: str, identity: lease.WriterIdentity, wait_s: float = 0) -> Self:
        """Take the lease, waiting for it for up to `wait_s`, and raise the epoch.

        Raises LeaseHeld, SchemaMismatch, NotDurable, or Fenced when another writer raised the epoch at the same time.
        """
        connection = await asyncpg.connect(dsn, server_settings=_SETTINGS)
        try:
            await check_schema(connection)
            await _demand_durability(connection)
            await lease.acquire(connection, wait_s)
            seen: int = await connection.fetchval("SELECT epoch FROM writer")
            raised = await connection.execute(
                "UPDATE writer SET epoch = epoch + 1, backend_pid = pg_backend_pid(), host = $2, pid = $3, socket = $4,"
                " since = now() WHERE epoch = $1",
                seen,
                identity.host,
                identity.pid,
                identity.socket,
            )
            if raised != "UPDATE 1":
                raise Fenced(f"another writer ended epoch {seen} at the same time")
            # Not before: an append of the writer before us may have been on its way until the epoch changed.
            head = await connection.fetchrow("SELECT last_seq, hash FROM log_head")
        except BaseException:
            connection.terminate()
            raise
        last_seq, last_hash = head or (0, None)
        return cls(connection, seen + 1, last_seq, last_hash or GENESIS)

    async def append(self, rows: Sequence[StoredEvent]) -> None:
        """Append sealed rows that follow on `last_seq`, in one transaction. When it returns they are durable.

        Raises Fenced (nothing was written) or CommitUnknown. Not to be called again before it returns.
        """
        if self._failed:
            raise CommitUnknown("this writer has failed before")
        # Until the commit is known, and for good if it never is (a cancelled append included).
        self._failed = True
        try:
            async with asyncio.timeout(COMMIT_LIMIT_S):
                if len(rows) < self.copy_from_events:
                    await self._append_by_function(rows)
                else:
                    await self._append_by_copy(rows)
        except asyncpg.PostgresError as error:
            self._connection.terminate()
            if error.sqlstate == _FENCED:
                raise Fenced(str(error)) from error
            raise CommitUnknown(f"{type(error).__name__}: {error}") from error
        except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            self._connection.terminate()
            raise CommitUnknown(f"{type(error).__name__}: {error}") from error
        self._failed = False
        self.last_seq = rows[-1].seq
        self.last_hash = rows[-1].hash

    async def raise_epoch(self, epoch: int) -> None:
        """Write under a higher epoch, after events of other epochs were taken in. Raises Fenced."""
        raised = await self._connection.execute(
            "UPDATE writer SET epoch = $1 WHERE epoch = $2 AND epoch < $1", epoch, self.epoch
        )
        if raised != "UPDATE 1":
            raise Fenced(f"epoch {self.epoch} is over")
        self.epoch = epoch

    async def _append_by_function(self, rows: Sequence[StoredEvent]) -> None:
        """One round trip."""
        if self._append_function is None:
            self._append_function = await self._connection.prepare("SELECT append_events($1, $2, $3)")
        await self._append_function.fetchval(
            self.epoch, self.last_seq, [msgspec.structs.astuple(row) for row in rows]
        )

    async def _append_by_copy(self, rows: Sequence[StoredEvent]) -> None:
        """Three round trips, but less work per row."""
        connection, last_seq = self._connection, self.last_seq
        await connection.execute(f"BEGIN; SELECT lock_log({self.epoch}, {last_seq})")
        await connection.copy_records_to_table(
            "event", records=[msgspec.structs.astuple(row) for row in rows], columns=COLUMNS
        )
        await connection.execute(f"SELECT check_appended({last_seq}, {len(rows)}); COMMIT")

    async def close(self) -> None:
        """Give the lease back and close the connection; after a failure, drop it without waiting for a server that may hang."""
        if self._failed or self._connection.is_closed():
            self._connection.terminate()
            return
        await lease.release(self._connection)
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _demand_durability(connection: Connection) -> None:
    """A commit must be on disk here before it is acknowledged. What waits for standbys as well is left as it is."""
    if await connection.fetchval("SHOW fsync") != "on":
        raise NotDurable(
            "the server runs with fsync = off: a crash of its machine would lose what was acknowledged"
        )
    if await connection.fetchval("SHOW synchronous_commit") not in ("on", "remote_apply"):
        await connection.execute("SET synchronous_commit = on")
