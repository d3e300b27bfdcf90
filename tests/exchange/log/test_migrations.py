"""The schema: made once, upgraded step by step, never downgraded."""

import asyncio

import asyncpg
import pytest

from exchange.log.migrations import SCHEMA_VERSION, STEPS, SchemaMismatch, check_schema, migrate
from exchange.log.reader import LogReader
from exchange.log.writer import LogWriter
from tests.exchange.log.conftest import IDENTITY


async def versions(dsn: str) -> list[int]:
    connection = await asyncpg.connect(dsn)
    try:
        return [
            row[0] for row in await connection.fetch("SELECT version FROM schema_version ORDER BY version")
        ]
    finally:
        await connection.close()


async def test_an_empty_database_gets_the_schema(dsn: str) -> None:
    """The first call applies every step, the second finds nothing to do."""
    first = await migrate(dsn)
    second = await migrate(dsn)

    assert [0, SCHEMA_VERSION] == [first, second]
    assert sorted(STEPS) == await versions(dsn)


async def test_many_processes_may_start_at_once(dsn: str) -> None:
    """Of several calls at the same time one applies the steps, the others wait for it."""
    before = await asyncio.gather(*(migrate(dsn) for _ in range(5)))

    assert [0] + [SCHEMA_VERSION] * 4 == sorted(before)
    assert sorted(STEPS) == await versions(dsn)


async def test_only_missing_steps_are_applied(dsn: str) -> None:
    """An older database gets what it lacks."""
    await migrate(dsn)
    newer = {**STEPS, SCHEMA_VERSION + 1: "CREATE TABLE added (id integer); INSERT INTO added VALUES (1)"}

    before = await migrate(dsn, newer)
    again = await migrate(dsn, newer)

    assert [SCHEMA_VERSION, SCHEMA_VERSION + 1] == [before, again]
    assert sorted(newer) == await versions(dsn)


async def test_a_failing_step_leaves_nothing(dsn: str) -> None:
    """All steps come or none does."""
    broken = {**STEPS, SCHEMA_VERSION + 1: "CREATE TABLE added (id integer); SELECT 1 / 0"}

    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(dsn, broken)

    connection = await asyncpg.connect(dsn)
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert 0 == tables


async def test_a_newer_schema_is_refused(dsn: str) -> None:
    """A program meets no schema that it does not know: neither to migrate, nor to read, nor to write."""
    await migrate(dsn, {**STEPS, SCHEMA_VERSION + 1: "SELECT 1"})

    with pytest.raises(SchemaMismatch, match="use a newer program"):
        await migrate(dsn)
    with pytest.raises(SchemaMismatch, match="use a newer program"):
        await LogReader.open(dsn)
    with pytest.raises(SchemaMismatch, match="use a newer program"):
        await LogWriter.open(dsn, IDENTITY)


async def test_a_database_without_the_schema_is_refused(dsn: str) -> None:
    """Readers and writers do not make a schema; they say what to do."""
    with pytest.raises(SchemaMismatch, match="start the exchange on it first"):
        await LogReader.open(dsn)

    connection = await asyncpg.connect(dsn)
    with pytest.raises(SchemaMismatch, match="no exchange's database yet"):
        await check_schema(connection)
    await connection.close()
