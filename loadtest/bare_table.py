"""Postgres without any log: the same rows into a table of the same columns, with no index, trigger or check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import asyncpg
import msgspec

from exchange.log.record import COLUMNS, StoredEvent

if TYPE_CHECKING:
    from exchange.log.migrations import Connection

_TABLE = "CREATE TABLE bare AS SELECT * FROM event WITH NO DATA"
_PLACES = ", ".join(f"${place}" for place in range(1, len(COLUMNS) + 1))
_INSERT = f"INSERT INTO bare ({', '.join(COLUMNS)}) VALUES ({_PLACES})"


class BareTable:
    """The table and a connection to it, in a database that has the schema of the log."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    async def make(cls, dsn: str) -> Self:
        """Connect and make the table."""
        connection = await asyncpg.connect(dsn)
        await connection.execute(_TABLE)
        return cls(connection)

    async def copy(self, rows: list[StoredEvent]) -> None:
        """Commit rows by one COPY."""
        records = [msgspec.structs.astuple(row) for row in rows]
        await self._connection.copy_records_to_table("bare", records=records, columns=COLUMNS)

    async def insert(self, row: StoredEvent) -> None:
        """Commit one row by a plain INSERT."""
        await self._connection.execute(_INSERT, *msgspec.structs.astuple(row))

    async def server_version(self) -> str:
        """Version of the Postgres server."""
        version: str = await self._connection.fetchval("SHOW server_version")
        return version

    async def close(self) -> None:
        """Disconnect."""
        await self._connection.close()
