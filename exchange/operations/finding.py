"""How a command reaches its exchange: the database, started for the time if need be, and the engine, likewise."""

from __future__ import annotations

import asyncio
import socket as sockets
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from exchange.engine.client import EngineClient, EngineUnreachable
from exchange.log import lease
from exchange.log.embedded import EmbeddedPostgres
from exchange.log.lease import LeaseHeld, WriterIdentity
from exchange.log.migrations import check_schema, migrate
from exchange.log.writer import LogWriter
from exchange.operations.data_folder import DataFolder
from exchange.operations.engine_runtime import run_engine
from exchange.operations.errors import ExitCode, OperationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchange.engine.interface import EnginePort
    from exchange.operations.configuration import Configuration, Settings

ENGINE_WAIT_S: Final = 20.0
"""How long a command waits for an engine that starts, or restarts, or belongs to another command."""

_POLL_S: Final = 0.1


class Exchange:
    """The exchange that a command is about. Nothing is touched until it is needed."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.settings: Settings = configuration.settings
        self.folder = DataFolder(Path(self.settings.data_dir))

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """The address of the database, which has an exchange's schema; an embedded server runs meanwhile.

        Raises OperationError when there is none, and SchemaMismatch.
        """
        if self.settings.dsn:
            await _check(self.settings.dsn)
            yield self.settings.dsn
            return
        if not self.folder.has_server:
            raise OperationError(
                f"there is no exchange in {self.folder.path}; `exchange up` starts one,"
                " --data-dir or --dsn name another",
                ExitCode.NOT_AVAILABLE,
            )
        async with EmbeddedPostgres(self.folder.path) as postgres:
            await _check(postgres.dsn)
            yield postgres.dsn

    @asynccontextmanager
    async def new_database(self) -> AsyncIterator[str]:
        """The address of the database; it and its schema are made where they are missing."""
        if self.settings.dsn:
            await migrate(self.settings.dsn)
            yield self.settings.dsn
            return
        self.folder.make()
        async with EmbeddedPostgres(self.folder.path) as postgres:
            await migrate(postgres.dsn)
            yield postgres.dsn

    @asynccontextmanager
    async def engine(self, dsn: str) -> AsyncIterator[EnginePort]:
        """The engine that writes this log, over its socket; where none does, one of our own for the time.

        Raises OperationError when another host writes, or the engine's socket stays silent.
        """
        deadline = time.monotonic() + ENGINE_WAIT_S
        while True:
            holder = await lease.current(dsn)
            complaint = "the exchange is starting, but its engine does not answer"
            if holder is not None:
                client, complaint = await _connect(holder)
                if client is not None:
                    try:
                        yield client
                    finally:
                        await client.close()
                    return
            elif self.folder.running() is None:
                try:
                    writer = await LogWriter.open(dsn, WriterIdentity.of_this_process())
                except LeaseHeld as held:
                    complaint = str(held)
                else:
                    async with run_engine(dsn, writer, self.folder.heads_path) as running:
                        yield running.engine
                    return
            if time.monotonic() > deadline:
                raise OperationError(complaint, ExitCode.NOT_AVAILABLE)
            await asyncio.sleep(_POLL_S)


async def _check(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        if await connection.fetchval("SELECT to_regclass('event')") is None:
            raise OperationError(
                f"there is no exchange in the database {without_password(dsn)}; `exchange up` starts one",
                ExitCode.NOT_AVAILABLE,
            )
        await check_schema(connection)
    finally:
        await connection.close()


async def _connect(holder: lease.Lease) -> tuple[EngineClient | None, str]:
    """A connection to the engine that holds the lease, or why there is none yet."""
    writer = holder.writer
    if writer.host != sockets.gethostname():
        raise OperationError(
            f"the engine runs on {writer.host} (process {writer.pid}, epoch {holder.epoch}),"
            " and its socket can be reached only there: give the command on that host",
            ExitCode.NOT_AVAILABLE,
        )
    if not writer.socket:
        return None, f"another command (process {writer.pid}) is changing the exchange just now"
    try:
        return await EngineClient.connect(Path(writer.socket)), ""
    except EngineUnreachable as error:
        return None, f"the engine (process {writer.pid}, epoch {holder.epoch}) cannot be reached: {error}"


def without_password(dsn: str) -> str:
    """The address with its password hidden."""
    parts = urlsplit(dsn)
    user, at, hosts = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    query = [(key, "***" if key == "password" else value) for key, value in parse_qsl(parts.query)]
    return urlunsplit(
        parts._replace(
            netloc=f"{name}{':***' if colon else ''}{at}{hosts}",
            query=urlencode(query, safe="/*"),
        )
    )
