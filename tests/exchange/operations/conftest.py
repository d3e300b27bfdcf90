"""An exchange to operate: its command line, with databases of its own."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.writer import LogWriter
from exchange.operations.cli import main
from exchange.operations.engine_runtime import run_engine

BUSINESS_DATE = "2026-11-20"

Cli = Callable[..., Result]


async def open_venue(dsn: str) -> None:
    """Makes the schema and opens a venue, as the first `exchange up` does."""
    await migrate(dsn)
    writer = await LogWriter.open(dsn, WriterIdentity.of_this_process())
    async with run_engine(dsn, writer) as running:
        await running.engine.submit(commands.OpenVenue(LOCAL_OPERATOR, "Test Venue", BUSINESS_DATE))


@pytest.fixture(autouse=True)
def no_settings_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests decides nothing."""
    for name in [name for name in os.environ if name.startswith("EXCHANGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def venue_dsn(dsn: str) -> str:
    """Gives the address of a database with an open venue: events 1 (writer started) and 2 (venue opened)."""
    asyncio.run(open_venue(dsn))
    return dsn


@pytest.fixture
def cli(venue_dsn: str, tmp_path: Path) -> Cli:
    """Gives the command line of the venue; its data folder is `tmp_path`."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--dsn", venue_dsn, "--data-dir", str(tmp_path)])

    return invoke


@pytest.fixture
def cli_json(cli: Cli) -> Callable[..., Any]:
    """Gives the command line of the venue with --json: answers the decoded object, demands success."""

    def invoke(*arguments: str) -> Any:
        result = cli(*arguments, "--json")
        assert (0, "") == (result.exit_code, result.stderr)
        return json.loads(result.stdout)

    return invoke
