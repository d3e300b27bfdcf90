"""What all tests share: the profiles of hypothesis, the folder of public data, a real Postgres."""

import asyncio
import os
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from exchange.log.embedded import EmbeddedPostgres

settings.register_profile(
    "dev", max_examples=50, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=200)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

DATA_DIR = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Gives the folder of public test data beside the checkout, or skips."""
    if not DATA_DIR.is_dir():
        pytest.skip("the folder ../shared/data with the public test data is not there")
    return DATA_DIR


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Gives the server of the whole test run: real, with the settings of the product. Tests that kill it start their own."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    _run(server.start())
    yield server
    _run(server.stop())


@pytest.fixture
def make_dsn(postgres: EmbeddedPostgres) -> Iterator[Callable[[], str]]:
    """Gives a function that answers the address of one more empty database that only this test has."""
    names: list[str] = []

    def make() -> str:
        names.append(f"test_{uuid.uuid4().hex}")
        _run(_execute(postgres.dsn, f"CREATE DATABASE {names[-1]}"))
        return postgres.dsn_of(names[-1])

    yield make
    for name in names:
        _run(_execute(postgres.dsn, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def dsn(make_dsn: Callable[[], str]) -> str:
    """Gives the address of a fresh, empty database that only this test has."""
    return make_dsn()


def _run(work: Coroutine[Any, Any, object]) -> None:
    """Runs a coroutine on a loop of its own, in a thread of its own: the loops of the tests do not notice."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
