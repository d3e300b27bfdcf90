"""Servers to break, and places for engines."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange.log.embedded import EmbeddedPostgres
from tests.exchange.engine.running import execute
from tests.faults.killing import kill_postgres


class BreakableServer:
    """A Postgres of its own, to be killed with `kill -9`, all its processes at once, and started again."""

    def __init__(self, data_dir: Path) -> None:
        self._server = EmbeddedPostgres(data_dir)
        self._databases = 0

    @property
    def postmaster_id(self) -> int:
        return self._server.postmaster_id

    def dsn_of(self, database: str) -> str:
        """The address of a database; another one after each start."""
        return self._server.dsn_of(database)

    async def new_database(self) -> str:
        """The name of a fresh database."""
        self._databases += 1
        name = f"broken_{self._databases}"
        await execute(self._server.dsn, f"CREATE DATABASE {name}")
        return name

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    def kill(self) -> None:
        kill_postgres(self.postmaster_id)

    async def start_again(self) -> None:
        """After it was killed, recover it."""
        await self._server.wait()
        await self._server.stop()
        await self._server.start()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BreakableServer]:
    """Gives a server that the tests of a module break in turns."""
    breakable = BreakableServer(tmp_path_factory.mktemp("breakable"))
    # The tests have loops of their own.
    asyncio.run(breakable.start())
    yield breakable
    asyncio.run(breakable.stop())


@pytest.fixture
def socket() -> Iterator[Path]:
    """Gives a place for an engine's socket; its path must be short."""
    with tempfile.TemporaryDirectory(prefix="faults") as folder:
        yield Path(folder) / "run" / "engine.sock"
