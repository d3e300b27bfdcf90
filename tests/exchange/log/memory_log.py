"""The log in memory, for simulations: what Postgres keeps, its sessions, and a writer and reader that are the real ones above.

The rules are those of `schema/0001_event_log.sql`; `test_append_contract.py` runs the same tests against this and against
Postgres. Statements and answers travel for as long as `latency` says, so they can be lost on either way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

import asyncpg

from exchange.domain.events import Fill
from exchange.log.chain import GENESIS, ChainBroken
from exchange.log.lease import Lease, LeaseHeld
from exchange.log.reader import Candle, Head, LogReader
from exchange.log.snapshots import ANY_SEQ, KEPT, Found, SnapshotRefused, SnapshotStore
from exchange.log.writer import Fenced, LogWriter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from exchange.domain.events import Recorded
    from exchange.log.lease import WriterIdentity
    from exchange.log.record import StoredEvent
    from exchange.log.snapshots import Snapshot


class _Fencing(asyncpg.PostgresError):
    sqlstate = "LF001"


class MemoryLog:
    """What the database keeps. `latency` gives the seconds of each way, `commit_s` those of writing to disk."""

    def __init__(
        self, latency: Callable[[], float] = lambda: 0.0, commit_s: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.rows: list[StoredEvent] = []
        self.epoch = 0
        self.latency = latency
        self.commit_s = commit_s
        self.on_commit: Callable[[list[StoredEvent]], None] = lambda _rows: None
        """Called in the moment in which rows become durable."""
        self.lock = asyncio.Lock()
        """Of the row `writer`: of who appends or raises the epoch."""
        self.answers_pass = asyncio.Event()
        """Cleared: the server hears everything, and its clients nothing."""
        self.answers_pass.set()
        self.lost_statements = self.lost_answers = 0
        """What connections lost: before the server did it, and afterwards."""
        self.lease = MemoryLease()
        self.snapshots: list[Snapshot] = []

    @property
    def head(self) -> Head:
        """Where the log ends."""
        return Head(self.epoch, len(self.rows), self.rows[-1].hash if self.rows else GENESIS)

    def demand(self, epoch: int, expected_last_seq: int) -> None:
        """The compare of the compare-and-set: `lock_log`."""
        if epoch != self.epoch:
            raise _Fencing(f"epoch {epoch} is over: epoch {self.epoch} writes the log")
        if len(self.rows) != expected_last_seq:
            raise _Fencing(f"the log ends at event {len(self.rows)}, not at {expected_last_seq}")

    def demand_next(self, expected_last_seq: int, rows: Sequence[StoredEvent]) -> None:
        """The primary key, and `check_appended`."""
        seqs = [row.seq for row in rows]
        if min(seqs) <= len(self.rows) or len(set(seqs)) < len(seqs):
            raise asyncpg.UniqueViolationError("duplicate key value violates a unique constraint")
        if max(seqs) != expected_last_seq + len(rows):
            raise asyncpg.RaiseError(
                f"{len(rows)} events after event {expected_last_seq} cannot end at event {max(seqs)}"
            )

    def commit(self, rows: Sequence[StoredEvent]) -> None:
        """Nobody sees anything of them before, and everybody all of them afterwards."""
        self.rows += rows
        self.on_commit(list(rows))


class MemoryLease:
    """The advisory lock: of one session at a time, in the order in which they came."""

    def __init__(self) -> None:
        self.holder: MemorySession | None = None
        self.row: Lease | None = None
        """What the holder wrote about itself; None while it is just starting."""
        self._waiting: deque[tuple[MemorySession, asyncio.Future[None]]] = deque()

    async def acquire(self, session: MemorySession, wait_s: float) -> bool:
        """Whether it was free within the time."""
        if self.holder is None:
            self.holder = session
            return True
        if wait_s <= 0:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((session, turn))
        try:
            async with asyncio.timeout(wait_s):
                await turn
        except TimeoutError:
            return False
        finally:
            with contextlib.suppress(ValueError):
                self._waiting.remove((session, turn))
        return True

    def release(self, session: MemorySession) -> None:
        """Give it to who waits longest, if the session has it."""
        if self.holder is not session:
            return
        self.holder, self.row = None, None
        while self._waiting and self.holder is None:
            successor, turn = self._waiting.popleft()
            if not turn.done():
                self.holder = successor
                turn.set_result(None)


class MemorySession:
    """A connection to the database: to `LogWriter` it is the driver's, and it has the server's side of it as well."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.transaction: list[StoredEvent] | None = None
        """Rows that came in and are not committed; None outside of a transaction."""
        self._statements: asyncio.Queue[tuple[Callable[[], Awaitable[Any]], asyncio.Future[Any]] | None] = (
            asyncio.Queue()
        )
        self._answer: asyncio.Future[Any] | None = None
        self._listeners: list[Callable[[MemorySession], None]] = []
        self._closed = False
        self._link_is_up = True
        self._locked = False
        self._server = asyncio.create_task(self._serve())

    # The driver.

    def is_closed(self) -> bool:
        """Whether this side of the connection is gone."""
        return self._closed

    def add_termination_listener(self, listener: Callable[[MemorySession], None]) -> None:
        """Call it when this side of the connection is gone."""
        self._listeners.append(listener)

    async def call(self, statement: Callable[[], Awaitable[Any]]) -> Any:
        """Send a statement and wait for its answer; raises the driver's errors."""
        if self._closed:
            raise asyncpg.InterfaceError("connection is closed")
        if self._answer is not None and not self._answer.done():
            raise asyncpg.InterfaceError("cannot perform operation: another operation is in progress")
        self._answer = answer = asyncio.get_running_loop().create_future()
        self._statements.put_nowait((statement, answer))
        return await answer

    def terminate(self) -> None:
        """Hang up at once; what was sent may still be done."""
        if self._link_is_up:
            self._statements.put_nowait(None)
        self._lost()

    async def close(self) -> None:
        """Hang up in order."""
        self.terminate()

    # What happens to it.

    def cut(self, client_notices_s: float = 0.0, server_notices_s: float = 0.0) -> None:
        """From now on nothing gets through, either way; each side notices in its own time."""
        loop = asyncio.get_running_loop()
        self._link_is_up = False
        loop.call_later(client_notices_s, self._lost)
        loop.call_later(server_notices_s, self._server.cancel)

    def end_by_server(self) -> None:
        """An operator ends the session: what is under way is undone, and the client hears of it a little later."""
        self._server.cancel()
        asyncio.get_running_loop().call_later(self.log.latency(), self._lost)

    def _lost(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(
                asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
            )
        for listener in self._listeners:
            listener(self)

    # The server.

    async def _serve(self) -> None:
        try:
            while (received := await self._statements.get()) is not None:
                statement, answer = received
                await asyncio.sleep(self.log.latency())
                if not self._link_is_up:
                    # Lost on the way, and whatever comes after it.
                    self.log.lost_statements += 1
                    await asyncio.get_running_loop().create_future()
                await self._execute(statement, answer)
        finally:
            self.unlock()
            self.transaction = None
            self.log.lease.release(self)

    async def _execute(self, statement: Callable[[], Awaitable[Any]], answer: asyncio.Future[Any]) -> None:
        result: Any = None
        error: Exception | None = None
        try:
            result = await statement()
        except Exception as failure:
            error = failure
            self.unlock()
            self.transaction = None
        await self.log.answers_pass.wait()
        await asyncio.sleep(self.log.latency())
        if answer.done() or not self._link_is_up:
            self.log.lost_answers += error is None
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    async def lock(self) -> None:
        """Lock the row `writer` until the transaction ends."""
        await self.log.lock.acquire()
        self._locked = True

    def unlock(self) -> None:
        """The transaction has ended."""
        if self._locked:
            self._locked = False
            self.log.lock.release()


class MemoryWriter(LogWriter):
    """The real writer, whose statements go to a `MemoryLog`."""

    session: MemorySession

    @classmethod
    async def open_log(cls, log: MemoryLog, identity: WriterIdentity, wait_s: float = 0) -> Self:
        """As `LogWriter.open`, step by step."""
        session = MemorySession(log)
        try:
            if not await session.call(lambda: log.lease.acquire(session, wait_s)):
                raise LeaseHeld(log.lease.row)
            seen: int = await session.call(lambda: _value(log.epoch))
            raised = await session.call(lambda: _raise_epoch(session, seen, seen + 1, identity))
            if not raised:
                raise Fenced(f"another writer ended epoch {seen} at the same time")
            head: Head = await session.call(lambda: _value(log.head))
        except BaseException:
            session.terminate()
            raise
        writer = cls(session, seen + 1, head.last_seq, head.hash)  # type: ignore[arg-type]  # it does what is asked of it
        writer.session = session
        return writer

    async def raise_epoch(self, epoch: int) -> None:
        """As `LogWriter.raise_epoch`."""
        if epoch <= self.epoch or not await self.session.call(
            lambda: _raise_epoch(self.session, self.epoch, epoch, None)
        ):
            raise Fenced(f"epoch {self.epoch} is over")
        self.epoch = epoch

    async def close(self) -> None:
        """As `LogWriter.close`."""
        if not self._failed and not self.session.is_closed():
            await self.session.call(lambda: _release_lease(self.session))
        self.session.terminate()

    async def _append_by_function(self, rows: Sequence[StoredEvent]) -> None:
        session, log = self.session, self.session.log

        async def append_events() -> None:
            await session.lock()
            log.demand(self.epoch, self.last_seq)
            log.demand_next(self.last_seq, rows)
            await _commit(session, rows)

        await session.call(append_events)

    async def _append_by_copy(self, rows: Sequence[StoredEvent]) -> None:
        session, log = self.session, self.session.log

        async def lock_log() -> None:
            await session.lock()
            log.demand(self.epoch, self.last_seq)
            session.transaction = []

        async def copy() -> None:
            session.transaction = list(rows)

        async def check_and_commit() -> None:
            log.demand_next(self.last_seq, rows)
            await _commit(session, session.transaction or ())

        await session.call(lock_log)
        await session.call(copy)
        await session.call(check_and_commit)


async def _value(value: object) -> object:
    return value


async def _release_lease(session: MemorySession) -> None:
    session.log.lease.release(session)


async def _raise_epoch(
    session: MemorySession, seen: int, epoch: int, identity: WriterIdentity | None
) -> bool:
    await session.lock()
    log = session.log
    raised = log.epoch == seen
    if raised:
        log.epoch = epoch
        if identity is not None:
            log.lease.row = Lease(identity, epoch, datetime.now(UTC))
    session.unlock()
    return raised


async def _commit(session: MemorySession, rows: Sequence[StoredEvent]) -> None:
    await asyncio.sleep(session.log.commit_s())
    session.log.commit(rows)
    session.transaction = None
    session.unlock()


class MemoryReader(LogReader):
    """The real reader's pages and followers over a `MemoryLog`, and what gateways ask besides."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def close(self) -> None:
        """Nothing is held."""

    async def head(self) -> Head:
        """As `LogReader.head`."""
        await self._go_there()
        head = self._log.head
        await self._come_back()
        return head

    async def hash_at(self, seq: int) -> bytes:
        """As `LogReader.hash_at`."""
        rows = await self._page(seq - 1, seq, 1) if seq else []
        if seq and not rows:
            raise ChainBroken(seq, "it is missing")
        return rows[0].hash if rows else GENESIS

    async def command(self, seq: int) -> list[Recorded]:
        """As `LogReader.command`."""
        return await self._select(lambda row: row.command == seq)

    async def account_events(
        self,
        account: str,
        after_seq: int = 0,
        up_to: int | None = None,
        limit: int = 1000,
        kinds: Sequence[str] | None = None,
    ) -> list[Recorded]:
        """As `LogReader.account_events`."""
        found = await self._select(
            lambda row: (
                row.seq > after_seq
                and (up_to is None or row.seq <= up_to)
                and account in (row.account, row.counterparty)
                and (kinds is None or row.kind in kinds)
            )
        )
        return found[:limit]

    async def fills_before(
        self, instrument: str, before_seq: int | None = None, limit: int = 1000
    ) -> list[Recorded]:
        """As `LogReader.fills_before`."""
        found = await self._select(
            lambda row: (
                row.kind == Fill.kind
                and row.instrument == instrument
                and (before_seq is None or row.seq < before_seq)
            )
        )
        return found[-limit:]

    async def candles(
        self,
        instrument: str,
        interval_ns: int,
        since_ns: int,
        until_ns: int,
        limit: int = 1000,
        up_to: int | None = None,
    ) -> list[Candle]:
        """As `LogReader.candles`."""
        by_start: dict[int, list[Fill]] = {}
        for recorded in await self.fills_before(
            instrument, None if up_to is None else up_to + 1, len(self._log.rows) + 1
        ):
            if since_ns <= recorded.recorded_at < until_ns and isinstance(recorded.event, Fill):
                start = recorded.recorded_at // interval_ns * interval_ns
                by_start.setdefault(start, []).append(recorded.event)
        candles = [
            Candle(
                start,
                fills[0].price,
                max(fill.price for fill in fills),
                min(fill.price for fill in fills),
                fills[-1].price,
                sum(fill.quantity for fill in fills),
                len(fills),
            )
            for start, fills in by_start.items()
        ]
        return candles[-limit:]

    async def _page(self, after_seq: int, last: int, limit: int) -> list[StoredEvent]:
        await self._go_there()
        page = self._log.rows[max(after_seq, 0) : min(last, after_seq + limit)]
        await self._come_back()
        return page

    async def _archived(self, after_seq: int) -> None:
        """Nothing of it is in files."""

    async def _select(self, wanted: Callable[[StoredEvent], bool]) -> list[Recorded]:
        await self._go_there()
        found = [row.to_recorded() for row in self._log.rows if wanted(row)]
        await self._come_back()
        return found

    async def _go_there(self) -> None:
        await asyncio.sleep(self._log.latency())

    _come_back = _go_there


class MemorySnapshots(SnapshotStore):
    """Snapshots beside a `MemoryLog`."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def save(self, snapshot: Snapshot) -> str:
        """As `SnapshotStore.save`."""
        await asyncio.sleep(self._log.latency())
        rows = self._log.rows
        if not 0 < snapshot.seq <= len(rows) or rows[snapshot.seq - 1].hash != snapshot.chain_hash:
            raise SnapshotRefused(f"the log has no event {snapshot.seq} with the hash of this state")
        kept = [other for other in self._log.snapshots if other.seq != snapshot.seq]
        self._log.snapshots = sorted([*kept, snapshot], key=lambda each: each.seq)[-KEPT:]
        return sha256(snapshot.state).hexdigest()

    async def newest_seq(self) -> int:
        """As `SnapshotStore.newest_seq`."""
        await asyncio.sleep(self._log.latency())
        return max((kept.seq for kept in self._log.snapshots), default=0)

    async def newest_good(self, before_seq: int = ANY_SEQ) -> Found:
        """As `SnapshotStore.newest_good`."""
        await asyncio.sleep(self._log.latency())
        good = [kept for kept in self._log.snapshots if kept.seq < before_seq]
        return Found(good[-1] if good else None, [])
