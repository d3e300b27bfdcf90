"""The schema of the log: numbered steps in `schema/`, applied once each and in order."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Mapping

    # asyncpg's stubs know the connection by a type argument that the class itself does not take.
    Connection = asyncpg.Connection[asyncpg.Record]

OLDEST_POSTGRES = 15

_LOCK_KEY = 0x65786368_6D696772
"""Of the advisory lock that lets one process migrate at a time ("exch", "migr")."""


class SchemaMismatch(Exception):  # noqa: N818 - it says what was found in the database
    """The database has another schema than this program works with; the text says which and what to do."""


def _steps() -> dict[int, str]:
    found: dict[int, str] = {}
    for file in sorted(
        resources.files("exchange.log").joinpath("schema").iterdir(), key=lambda entry: entry.name
    ):
        if file.name.endswith(".sql"):
            found[int(file.name.split("_")[0])] = file.read_text(encoding="utf-8")
    if list(found) != list(range(1, len(found) + 1)):
        raise RuntimeError(f"the steps of the schema are not numbered from 1 without gaps: {list(found)}")
    return found


STEPS: Mapping[int, str] = _steps()
SCHEMA_VERSION = len(STEPS)


async def migrate(dsn: str, steps: Mapping[int, str] = STEPS) -> int:
    """Bring a database to the schema of this program; answers the version that it had before, 0 for an empty one.

    All or nothing, and safe to call at any time from any number of processes. Raises SchemaMismatch when the database was
    made by a newer program, or its server is too old.
    """
    connection = await asyncpg.connect(dsn)
    try:
        server = connection.get_server_version()
        if server.major < OLDEST_POSTGRES:
            raise SchemaMismatch(
                f"Postgres {OLDEST_POSTGRES} or newer is needed, this server is {server.major}"
            )
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_KEY)
            before = await _version(connection)
            if before > len(steps):
                raise _too_new(before, len(steps))
            if before == 0:
                await connection.execute(
                    "CREATE TABLE schema_version"
                    " (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
                )
            for version in range(before + 1, len(steps) + 1):
                await connection.execute(steps[version])
                await connection.execute("INSERT INTO schema_version (version) VALUES ($1)", version)
        return before
    finally:
        await connection.close()


async def check_schema(connection: Connection) -> None:
    """Raise SchemaMismatch unless the database has exactly the schema of this program."""
    version = await _version(connection)
    if version > SCHEMA_VERSION:
        raise _too_new(version, SCHEMA_VERSION)
    if version < SCHEMA_VERSION:
        found = f"has version {version} of the schema" if version else "is no exchange's database yet"
        raise SchemaMismatch(
            f"this database {found}, the program works with version {SCHEMA_VERSION}: start the exchange on it first"
        )


async def _version(connection: Connection) -> int:
    if await connection.fetchval("SELECT to_regclass('schema_version')") is None:
        return 0
    version: int = await connection.fetchval("SELECT coalesce(max(version), 0) FROM schema_version")
    return version


def _too_new(version: int, known: int) -> SchemaMismatch:
    return SchemaMismatch(
        f"this database has version {version} of the schema, the program knows up to {known}: use a newer program"
    )
