"""The registry's tables as of one checkpoint, for those who only read them: statements, the public register, provenance."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Self

import asyncpg

from exchange.domain.money import render_decimal
from exchange.domain.rejects import Reject, RejectCode
from exchange.log.codec import decode
from exchange.registry.store import FORM, SCHEMA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from types import TracebackType

    from exchange.domain.events import Event

    # asyncpg's stubs know these by a type argument that the classes themselves do not take.
    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]

READ_LIMIT_S: Final = 10
"""Longest time for one query, unless said otherwise."""

_CHECKPOINT = f"SELECT form, seq FROM {SCHEMA}.settler, {SCHEMA}.checkpoint"
_INSTRUMENTS = f"SELECT instrument, tick, price_decimals FROM {SCHEMA}.instrument WHERE instrument = ANY($1)"
_EVENTS = "SELECT seq, recorded_at, kind, version, payload, hash FROM event WHERE seq = ANY($1)"


class RegistryReader:
    """Connections that only read; any number of tasks may use it at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str, connections: int = 2, limit_s: int = READ_LIMIT_S) -> Self:
        """Connect. `limit_s`: longest time for one query; 0: no limit."""
        settings = {
            "application_name": "exchange-registry-reader",
            "default_transaction_read_only": "on",
            # Compiling costs more than these queries.
            "jit": "off",
            "statement_timeout": f"{limit_s}s",
        }
        return cls(
            await asyncpg.create_pool(
                dsn,
                min_size=0,
                max_size=connections,
                server_settings=settings,
                # A rebuild puts other tables in the place of those that a plan was made for.
                statement_cache_size=0,
            )
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

    @asynccontextmanager
    async def view(self) -> AsyncIterator[RegistryView]:
        """All tables as of one checkpoint.

        Raises Reject: UNAVAILABLE while there is nothing to read, HISTORY_TOO_LONG when a query takes too long.
        """
        try:
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                yield RegistryView(connection, await _settled_up_to(connection))
        except asyncpg.QueryCanceledError:
            raise Reject(
                RejectCode.HISTORY_TOO_LONG, "too much history for one answer; ask for less of it"
            ) from None


class RegistryView:
    """The tables in one transaction."""

    def __init__(self, connection: Connection, as_of_seq: int) -> None:
        self._connection = connection
        self.as_of_seq = as_of_seq
        """The last event that is settled: whatever is read is as of it."""

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """What a query gives."""
        return await self._connection.fetch(query, *arguments)

    async def value(self, query: str, *arguments: Any) -> Any:
        """The first column of the first row that a query gives, or None."""
        return await self._connection.fetchval(query, *arguments)

    async def events(self, seqs: Collection[int]) -> dict[int, StoredFact]:
        """Events of the log by seq."""
        return {
            row["seq"]: StoredFact(
                row["recorded_at"],
                decode(row["kind"], row["version"], row["payload"]),
                row["hash"].hex(),
            )
            for row in await self.rows(_EVENTS, sorted(seqs))
        }

    async def prices(self, instruments: Collection[str]) -> Prices:
        """How prices of some instruments are written."""
        found = await self.rows(_INSTRUMENTS, sorted(instruments))
        return Prices({symbol: (tick, decimals) for symbol, tick, decimals in found})


class StoredFact:
    """An event and when it was recorded."""

    __slots__ = ("event", "hash", "recorded_at")

    def __init__(self, recorded_at: int, event: Event, event_hash: str) -> None:
        self.recorded_at = recorded_at
        """Nanoseconds UTC."""
        self.event = event
        self.hash = event_hash
        """In the chain of the log, hexadecimal text."""


class Prices:
    """Writes prices, which events have in ticks."""

    def __init__(self, ticks: dict[str, tuple[int, int]]) -> None:
        self._ticks = ticks

    def text(self, instrument: str, price_ticks: int) -> str:
        """A decimal text such as `12.50`."""
        tick, decimals = self._ticks[instrument]
        return render_decimal(price_ticks * tick, decimals)


async def _settled_up_to(connection: Connection) -> int:
    try:
        row = await connection.fetchrow(_CHECKPOINT)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        row = None
    if row is None or row["form"] != FORM or not row["seq"]:
        raise Reject(
            RejectCode.UNAVAILABLE, "the registry is not settled yet; ask again when settlement has worked"
        )
    seq: int = row["seq"]
    return seq
