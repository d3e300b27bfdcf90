"""Read sides of the log: in pages from a place, following its end, and by what participants ask for."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import asyncpg
import msgspec

from exchange.domain.events import Recorded
from exchange.log.archive import Archive
from exchange.log.chain import GENESIS, ChainBroken, check_chain
from exchange.log.codec import decode
from exchange.log.migrations import check_schema
from exchange.log.record import COLUMNS, StoredEvent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from types import TracebackType

    # asyncpg's stubs know the pool by a type argument that the class itself does not take.
    Pool = asyncpg.Pool[asyncpg.Record]

PAGE_EVENTS = 10_000

_SETTINGS = {
    "application_name": "exchange-reader",
    "default_transaction_read_only": "on",
    # Compiling costs more than these queries.
    "jit": "off",
    # Each query has an index that gives its rows in order: none need read a whole range to sort it.
    "enable_bitmapscan": "off",
    "enable_seqscan": "off",
    "statement_timeout": "60s",
}

_END = 2**63 - 1
_COMMAND_EVENTS = 32
"""Fetched at first for one command; few have more events."""

_PAGE = f"SELECT {', '.join(COLUMNS)} FROM event WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3"

_RECORDED = "seq, command, recorded_at, kind, version, payload"

_COMMAND = f"SELECT {_RECORDED} FROM event WHERE seq >= $1 ORDER BY seq LIMIT $2"

_FIRST_OF_KINDS = (
    f"SELECT {_RECORDED} FROM event WHERE seq > $1 AND seq <= $2 AND kind = ANY($3) ORDER BY seq LIMIT 1"
)

_EVENTS_AT = f"SELECT {_RECORDED} FROM event WHERE seq = ANY ($1) ORDER BY seq"

# Comparing and sorting by pairs leaves the planner no choice but the index that was made for the query. Given the choice,
# it may walk the whole log backwards for an account or instrument that was busy once and is not any more, or
# (`kind = ANY` with only fills asked for) through everybody's fills.
_ACCOUNT = """
SELECT * FROM (
    (SELECT {columns} FROM event
    WHERE account IS NOT NULL AND (account, seq) > ($1, $2) AND (account, seq) <= ($1, $3) {kinds}
    ORDER BY account, seq LIMIT $4)
    UNION ALL
    (SELECT {columns} FROM event
    WHERE counterparty IS NOT NULL AND (counterparty, seq) > ($1, $2) AND (counterparty, seq) <= ($1, $3) {kinds}
    ORDER BY counterparty, seq LIMIT $4)
) AS either ORDER BY seq LIMIT $4
"""
_ACCOUNT_ALL_KINDS = _ACCOUNT.format(columns=_RECORDED, kinds="")
_ACCOUNT_SOME_KINDS = _ACCOUNT.format(columns=_RECORDED, kinds="AND kind || '' = ANY($5)")

_FILLS = f"""
SELECT {_RECORDED} FROM event WHERE kind = 'fill' AND (instrument, seq) > ($1, $2) AND (instrument, seq) < ($1, $3)
"""
_OLDEST_FILLS = f"{_FILLS} ORDER BY instrument, seq LIMIT $4"
_NEWEST_FILLS = f"{_FILLS} ORDER BY instrument DESC, seq DESC LIMIT $4"

_CANDLES = """
WITH fill AS (
    SELECT seq, recorded_at / $2 * $2 AS start, convert_from(payload, 'UTF8')::json AS payload
    FROM event
    WHERE kind = 'fill' AND (instrument, seq) >= ($1, first_seq_at($3)) AND (instrument, seq) < ($1, first_seq_at($4))
        AND (instrument, seq) <= ($1, $6)
), trade AS (
    SELECT seq, start, (payload->>'price')::bigint AS price, (payload->>'quantity')::bigint AS quantity FROM fill
)
SELECT start, (array_agg(price ORDER BY seq))[1], max(price), min(price), (array_agg(price ORDER BY seq DESC))[1],
    sum(quantity)::bigint, count(*)
FROM trade GROUP BY start ORDER BY start DESC LIMIT $5
"""


class Head(NamedTuple):
    """Where the log ends."""

    epoch: int
    """Of the present or last writer; 0 before the first."""
    last_seq: int
    hash: bytes


class Candle(msgspec.Struct, frozen=True):
    """Trades of an instrument in `[start, start + interval)`, of which there was at least one. Prices in ticks."""

    start: int
    """Nanoseconds UTC, a multiple of the interval."""
    open: int
    high: int
    low: int
    close: int
    volume: int
    """Units."""
    trades: int


class _Archived(NamedTuple):
    up_to_seq: int
    archive: Archive


class LogReader:
    """Reads the log; any number of tasks may use it at once. It never writes."""

    def __init__(self, pool: Pool, dsn: str) -> None:
        self._pool = pool
        self.dsn = dsn

    @classmethod
    async def open(cls, dsn: str, connections: int = 4) -> Self:
        """Connect. Raises SchemaMismatch when the database has another schema than this program works with."""
        return cls(
            await asyncpg.create_pool(
                dsn, min_size=1, max_size=connections, init=check_schema, server_settings=_SETTINGS
            ),
            dsn,
        )

    async def close(self) -> None:
        """Close the connections, after the queries that run."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def head(self) -> Head:
        """Where the log ends now; the hash of an empty log is `GENESIS`."""
        row = await self._pool.fetchrow("SELECT epoch, last_seq, hash FROM log_head")
        epoch, last_seq, last_hash = row or (0, 0, None)
        return Head(epoch, last_seq, last_hash or GENESIS)

    async def pages(
        self,
        after_seq: int = 0,
        up_to: int | None = None,
        page_events: int = PAGE_EVENTS,
        *,
        verify: bool = False,
    ) -> AsyncGenerator[list[StoredEvent], None]:
        """Yield the events after a seq, to `up_to` (included) or the present end, each page while the next is on its way.

        Raises ChainBroken where an event is missing, and with `verify` where one is not what was written after the event
        `after_seq`.
        """
        previous_hash = await self.hash_at(after_seq) if verify else b""
        last = _END if up_to is None else up_to
        fetching = asyncio.create_task(self._page(after_seq, last, page_events))
        try:
            page = await fetching
            if (not page or page[0].seq > after_seq + 1) and (archived := await self._archived(after_seq)):
                async for old in archived.archive.pages(after_seq, min(last, archived.up_to_seq)):
                    if verify:
                        previous_hash = check_chain(previous_hash, old)
                    yield old
                    after_seq = old[-1].seq
                page = await self._page(after_seq, last, page_events) if after_seq < last else []
            while page:
                first_seq, after_seq = after_seq + 1, page[-1].seq
                more = len(page) == page_events and after_seq < last
                if more:
                    fetching = asyncio.create_task(self._page(after_seq, last, page_events))
                    # One turn of the loop sends the query before our reader takes its time with this page.
                    await asyncio.sleep(0)
                _demand_contiguous(page, first_seq)
                if verify:
                    previous_hash = check_chain(previous_hash, page)
                yield page
                if not more:
                    return
                page = await fetching
        finally:
            fetching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await fetching

    async def follow(
        self,
        after_seq: int,
        *,
        wake: asyncio.Event | None = None,
        poll_s: float = 1.0,
        page_events: int = PAGE_EVENTS,
    ) -> AsyncGenerator[list[StoredEvent], None]:
        """Yield the events after a seq for ever, as they come; looks every `poll_s` and whenever `wake` is set.

        An event of its own for each follower: it is cleared here. Raises what `pages` raises, and the driver's errors when
        the database goes away.
        """
        wake = wake or asyncio.Event()
        while True:
            # Before looking: what is set while we look counts for the next time.
            wake.clear()
            async with contextlib.aclosing(self.pages(after_seq, page_events=page_events)) as pages:
                async for page in pages:
                    after_seq = page[-1].seq
                    yield page
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(poll_s):
                    await wake.wait()

    async def hash_at(self, seq: int) -> bytes:
        """Hash of an event; `GENESIS` for 0. Raises ChainBroken if there is no such event."""
        if seq == 0:
            return GENESIS
        found: bytes | None = await self._pool.fetchval("SELECT hash FROM event WHERE seq = $1", seq)
        if found is None:
            stored = await self._from_archive(seq)
            found = None if stored is None else stored.hash
        if found is None:
            raise ChainBroken(seq, "it is missing")
        return found

    async def event(self, seq: int) -> StoredEvent | None:
        """One event; None where the log has none."""
        page = await self._page(seq - 1, seq, 1)
        return page[0] if page else await self._from_archive(seq)

    async def archived_up_to(self) -> int:
        """The last event that is in files instead of the table; 0 while none is."""
        return await self._pool.fetchval("SELECT up_to_seq FROM archived") or 0

    async def command(self, seq: int) -> list[Recorded]:
        """The events of the command whose first event has this seq; empty when none has."""
        if await self._archived(seq - 1):
            return await self._archived_command(seq)
        limit = _COMMAND_EVENTS
        while True:
            rows = await self._pool.fetch(_COMMAND, seq, limit)
            ours = [row for row in rows if row["command"] == seq]
            if len(ours) < limit:
                return _recorded(ours)
            limit *= 16

    async def first_of_kinds(self, kinds: Sequence[str], after_seq: int, up_to: int) -> Recorded | None:
        """The first event of these kinds with a seq in `(after_seq, up_to]`. The work grows with the events in between."""
        rows = await self._pool.fetch(_FIRST_OF_KINDS, after_seq, up_to, kinds)
        return _recorded(rows)[0] if rows else None

    async def events_at(self, seqs: Sequence[int]) -> list[Recorded]:
        """The events with these seqs, in the order of the log."""
        return _recorded(await self._pool.fetch(_EVENTS_AT, seqs)) if seqs else []

    async def account_events(
        self,
        account: str,
        after_seq: int = 0,
        up_to: int | None = None,
        limit: int = 1000,
        kinds: Sequence[str] | None = None,
    ) -> list[Recorded]:
        """The first events after a seq that touch an account, on either side of a trade; all kinds or only some."""
        last = _END if up_to is None else up_to
        archived = await self._archived(after_seq)
        if archived is not None:
            old = await archived.archive.account_events(
                account, after_seq, min(last, archived.up_to_seq), limit, kinds
            )
            found = [stored.to_recorded() for stored in old]
            if len(found) == limit or last <= archived.up_to_seq:
                return found
            return found + await self.account_events(
                account, archived.up_to_seq, last, limit - len(found), kinds
            )
        if kinds is None:
            return _recorded(await self._pool.fetch(_ACCOUNT_ALL_KINDS, account, after_seq, last, limit))
        return _recorded(await self._pool.fetch(_ACCOUNT_SOME_KINDS, account, after_seq, last, limit, kinds))

    async def fills_after(self, instrument: str, after_seq: int = 0, limit: int = 1000) -> list[Recorded]:
        """The first fills of an instrument after a seq, oldest first."""
        return _recorded(await self._pool.fetch(_OLDEST_FILLS, instrument, after_seq, _END, limit))

    async def fills_before(
        self, instrument: str, before_seq: int | None = None, limit: int = 1000
    ) -> list[Recorded]:
        """The last fills of an instrument before a seq, or before the end; oldest first."""
        before = _END if before_seq is None else before_seq
        return _recorded(await self._pool.fetch(_NEWEST_FILLS, instrument, 0, before, limit))[::-1]

    async def candles(
        self,
        instrument: str,
        interval_ns: int,
        since_ns: int,
        until_ns: int,
        limit: int = 1000,
        up_to: int | None = None,
    ) -> list[Candle]:
        """The newest candles of an instrument made of trades in `[since_ns, until_ns)`, oldest first.

        With `up_to` only trades up to that seq count.
        Give bounds that are multiples of the interval to get whole candles. The work grows with the trades in between.
        """
        last = _END if up_to is None else up_to
        rows = await self._pool.fetch(_CANDLES, instrument, interval_ns, since_ns, until_ns, limit, last)
        return [Candle(*row) for row in reversed(rows)]

    async def first_seq_at(self, at_ns: int) -> int:
        """Seq of the first event that was recorded at or after a time, or the seq that comes next."""
        seq: int = await self._pool.fetchval("SELECT first_seq_at($1)", at_ns)
        return seq

    async def _archived(self, after_seq: int) -> _Archived | None:
        """Where the event after a seq is, if that is in files."""
        row = await self._pool.fetchrow(
            "SELECT up_to_seq, folder FROM archived WHERE up_to_seq > $1", after_seq
        )
        return None if row is None else _Archived(row["up_to_seq"], Archive(Path(row["folder"])))

    async def _from_archive(self, seq: int) -> StoredEvent | None:
        archived = await self._archived(seq - 1) if seq > 0 else None
        if archived is not None:
            async for page in archived.archive.pages(seq - 1, seq):
                return page[0]
        return None

    async def _archived_command(self, seq: int) -> list[Recorded]:
        found: list[Recorded] = []
        async with contextlib.aclosing(self.pages(seq - 1)) as pages:
            async for page in pages:
                ours = [stored.to_recorded() for stored in page if stored.command == seq]
                found += ours
                if len(ours) < len(page):
                    break
        return found

    async def _page(self, after_seq: int, last: int, limit: int) -> list[StoredEvent]:
        return [StoredEvent(*row) for row in await self._pool.fetch(_PAGE, after_seq, last, limit)]


def _demand_contiguous(page: list[StoredEvent], first_seq: int) -> None:
    if page[0].seq == first_seq and page[-1].seq == first_seq + len(page) - 1:
        return
    for expected, event in enumerate(page, first_seq):
        if event.seq != expected:
            raise ChainBroken(expected, f"it is missing, event {event.seq} comes next")


def _recorded(rows: list[asyncpg.Record]) -> list[Recorded]:
    return [
        Recorded(seq, command, recorded_at, decode(kind, version, payload))
        for seq, command, recorded_at, kind, version, payload in rows
    ]
