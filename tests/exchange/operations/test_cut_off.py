"""A log whose last events are gone: nobody writes on it before an operator has said that they are lost."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from exchange.operations.cut_off import RUNBOOK
from exchange.operations.errors import ExitCode
from tests.exchange.log.conftest import tamper
from tests.exchange.operations.running import command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Cli = Callable[..., Result]
    CliJson = Callable[..., Any]


def cut_off(dsn: str) -> None:
    """Loses the last event, the admission of a participant."""
    asyncio.run(tamper(dsn, "DELETE FROM event WHERE seq = 4"))


@pytest.fixture
def admitted(cli: Cli) -> Callable[..., Result]:
    """Gives a way to admit somebody, on a log that ends with such an event, number 4."""

    def admit(participant: str) -> Result:
        return cli("admin", "participants", "admit", participant, "--name", participant, "--json")

    assert ExitCode.DONE == admit("ACME").exit_code
    return admit


def refused(result: Result, witness: str) -> None:
    """The engine did not start, and says why."""
    assert ExitCode.LOG_UNUSABLE == result.exit_code
    assert f"the log ends at event 3, but {witness}: its end was cut off" in result.stderr
    assert f"see the runbook {RUNBOOK}" in result.stderr


def doctor(cli: Cli) -> str:
    """The doctor's verdict on the end of the log."""
    checks = json.loads(cli("doctor", "--json").stdout)
    verdict: str = next(check["verdict"] for check in checks if check["name"] == "end of the log")
    return verdict


def test_a_snapshot_beyond_the_end(admitted: Cli, cli: Cli, cli_json: CliJson, venue_dsn: str) -> None:
    """It stops the engine, a new snapshot does not push it out, and pruning says that the events are lost."""
    cli_json("snapshot", "take")
    cut_off(venue_dsn)

    refused(admitted("BETA"), "a snapshot holds the state after event 4")
    assert "danger" == doctor(cli)
    cli_json("snapshot", "take")
    refused(admitted("BETA"), "a snapshot holds the state after event 4")
    assert {"removed": 1} == cli_json("snapshot", "prune")
    assert "ok" == doctor(cli)
    # After the engine's own first event.
    assert 5 == json.loads(admitted("BETA").stdout)["seq"]


def test_a_registry_beyond_the_end(admitted: Cli, cli: Cli, cli_json: CliJson, venue_dsn: str) -> None:
    """What was settled and is not in the log stops the engine; a rebuild of the registry ends it."""
    settled = cli_json("settle")["seq"]
    cut_off(venue_dsn)

    refused(admitted("BETA"), f"the registry is settled up to event {settled}")
    rebuilt = cli("settle", "--rebuild", "--json")
    assert ExitCode.REGISTRY_DAMAGED == rebuilt.exit_code, "it tells the differences"
    assert ExitCode.DONE == admitted("BETA").exit_code


def test_a_published_head_beyond_the_end(admitted: Cli, cli: Cli, venue_dsn: str, tmp_path: Path) -> None:
    """Others may hold the head: the engine starts only where its file was put away."""
    assert ExitCode.DONE == cli("log", "head", "--publish").exit_code
    cut_off(venue_dsn)

    refused(admitted("BETA"), "the head of event 4 was published")
    (tmp_path / "heads.jsonl").rename(tmp_path / "heads-of-lost-events.jsonl")
    assert ExitCode.DONE == admitted("BETA").exit_code


def test_another_log_than_the_published(admitted: Cli, cli: Cli, venue_dsn: str) -> None:
    """A log that was written anew behind the newest head is not gone on with."""
    assert ExitCode.DONE == cli("log", "head", "--publish").exit_code
    asyncio.run(tamper(venue_dsn, "UPDATE event SET hash = sha256(hash) WHERE seq = 4"))

    result = admitted("BETA")
    assert ExitCode.LOG_UNUSABLE == result.exit_code
    assert "the log is broken at event 4: its hash is" in result.stderr


@pytest.mark.parametrize("role", [(), ("--standby",)], ids=["writer", "standby"])
async def test_the_exchange_does_not_start(
    role: tuple[str, ...], admitted: Cli, cli_json: CliJson, venue_dsn: str, tmp_path: Path
) -> None:
    """`exchange up` ends with the exit code of an unusable log, and names the runbook; a standby does the same."""
    await asyncio.to_thread(cli_json, "snapshot", "take")
    await tamper(venue_dsn, "DELETE FROM event WHERE seq = 4")

    code, _, stderr = await command(
        "up",
        "--dsn",
        venue_dsn,
        "--data-dir",
        str(tmp_path),
        "--http",
        "127.0.0.1:0",
        "--gateways",
        "0",
        *role,
    )
    assert ExitCode.LOG_UNUSABLE == code
    assert "a snapshot holds the state after event 4: its end was cut off" in stderr
    assert RUNBOOK in stderr
