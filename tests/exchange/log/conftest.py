"""A log to write to and read from."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from exchange.domain.events import Recorded
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.record import StoredEvent, seal
from exchange.log.writer import LogWriter

IDENTITY = WriterIdentity("host-a", 4711, "/run/exchange/engine.sock")


@pytest.fixture
async def log_dsn(dsn: str) -> str:
    """Gives the address of a database with an empty log."""
    await migrate(dsn)
    return dsn


@pytest.fixture
async def writer(log_dsn: str) -> AsyncIterator[LogWriter]:
    """Gives the writer of the log."""
    async with await LogWriter.open(log_dsn, IDENTITY) as log_writer:
        yield log_writer


@pytest.fixture
async def reader(log_dsn: str) -> AsyncIterator[LogReader]:
    """Gives a reader of the log."""
    async with await LogReader.open(log_dsn) as log_reader:
        yield log_reader


async def append(log_writer: LogWriter, recorded: list[Recorded]) -> list[StoredEvent]:
    """Seals and appends as the engine does."""
    rows = seal(recorded, log_writer.epoch, log_writer.last_hash)
    await log_writer.append(rows)
    return rows


async def tamper(dsn: str, statements: str) -> None:
    """Does what only an owner of the database can: changes events."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            f"ALTER TABLE event DISABLE TRIGGER USER; {statements}; ALTER TABLE event ENABLE TRIGGER USER"
        )
    finally:
        await connection.close()
