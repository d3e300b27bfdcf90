"""A database for one measurement only, on a server of our own or on one that the user names."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import asyncpg

from exchange.log.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Database(NamedTuple):
    """An empty database."""

    dsn: str
    postmaster_id: int | None
    """Process id of the server's first process where we started it."""


@contextlib.asynccontextmanager
async def empty_database(dsn: str | None) -> AsyncIterator[Database]:
    """Makes a database and takes it away afterwards: on the server given, or with a server of its own."""
    if dsn is None:
        with tempfile.TemporaryDirectory() as folder:
            async with EmbeddedPostgres(Path(folder)) as postgres:
                yield Database(postgres.dsn, postgres.postmaster_id)
        return
    name = f"loadtest_{os.getpid()}"
    await execute(dsn, f"CREATE DATABASE {name}")
    try:
        yield Database(urlsplit(dsn)._replace(path=f"/{name}").geturl(), None)
    finally:
        await execute(dsn, f"DROP DATABASE {name} WITH (FORCE)")


async def execute(dsn: str, statement: str) -> None:
    """Run a statement in a session of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def fetch_number(dsn: str, query: str) -> int:
    """The number that a query gives."""
    connection = await asyncpg.connect(dsn)
    try:
        number: int = await connection.fetchval(query)
        return number
    finally:
        await connection.close()
