"""`exchange verify`: exit codes, and what it prints, for people and for programs."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from exchange.operations.cli import main
from tests.exchange.operations.running import damage_log
from tests.exchange.operations.test_doctor import execute

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Cli = Callable[..., Result]
    CliJson = Callable[..., Any]


@pytest.fixture
def traded(cli: Cli, cli_json: CliJson) -> int:
    """Gives the last seq of a log of some events, whose head was published."""
    for name in ("ACME", "BETA"):
        cli_json("admin", "participants", "admit", name, "--name", f"{name} Ltd")
    head = json.loads(cli("log", "head", "--publish", "--json").stdout)
    cli_json("admin", "participants", "admit", "GAMMA", "--name", "Gamma Ltd")
    seq: int = head["seq"]
    return seq


def test_a_good_log(cli: Cli, cli_json: CliJson, traded: int) -> None:
    """Exit code 0; the published head was compared, every command run again."""
    found = cli_json("verify", "--reexecute")
    last = cli_json("log", "tail", "-n", "1")["seq"]
    assert (1, last, last) == (found["first_seq"], found["last_seq"], found["checked_seq"])
    assert (1, [], []) == (found["heads"], found["faults"], found["unchecked"])
    assert (last, 0) == (found["executed"], found["not_executed"])

    result = cli("verify", "--reexecute")
    assert (0, "") == (result.exit_code, result.stderr)
    assert f"events           1 to {last}, checked up to {last}" in result.stdout
    assert f"commands         {last} run again, 0 without a recorded request" in result.stdout
    assert "verdict          good" in result.stdout


def test_a_damaged_log(cli: Cli, traded: int, venue_dsn: str) -> None:
    """Exit code 1, and the first bad event with what is wrong."""
    asyncio.run(damage_log(venue_dsn))
    result = cli("verify")
    assert 1 == result.exit_code
    assert "verdict          DAMAGED, first at event 2" in result.stdout
    assert "event 2: chain: its hash does not fit its content and the hash before it" in result.stdout


def test_the_registry_is_compared(cli: Cli, cli_json: CliJson, traded: int, venue_dsn: str) -> None:
    """What settlement wrote must be what a rebuild gives; a changed row is named by table and key."""
    assert 0 == cli_json("verify")["registry_seq"]
    cli_json("settle")
    good = cli_json("verify")
    assert good["last_seq"] == good["registry_seq"]

    execute(venue_dsn, "UPDATE registry.checkpoint SET movements = movements + 1")
    result = cli("verify")
    assert 1 == result.exit_code
    assert "registry: the row only_row True of checkpoint is not what the log says" in result.stdout


def test_a_part(cli_json: CliJson, traded: int) -> None:
    """--from and --to bound what is checked."""
    found = cli_json("verify", "--from", "3", "--to", "4")
    assert (3, 4, 4) == (found["first_seq"], found["last_seq"], found["checked_seq"])
    assert traded == cli_json("verify", "--to", str(traded))["checked_seq"]


def test_a_registry_of_another_form_was_not_checked(
    cli: Cli, cli_json: CliJson, traded: int, venue_dsn: str
) -> None:
    """Exit code 2 where another version of the program settled: the tables cannot be compared, which is not good."""
    cli_json("settle")
    execute(venue_dsn, "UPDATE registry.settler SET form = 'another'")
    result = cli("verify")
    assert 2 == result.exit_code
    assert "registry: the tables are not such as this program makes" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "4", "--to", "3"), "--to lies before --from"),
        (("--to", "99"), "the log has no event 99; it ends at"),
        (("--from", "98"), "the log has no event 98; it ends at"),
    ],
)
def test_events_that_are_not_there_are_not_good(
    cli: Cli, traded: int, arguments: tuple[str, ...], message: str
) -> None:
    """Exit code 2 where the log has no such events: nothing was checked."""
    result = cli("verify", *arguments)
    assert (2, "") == (result.exit_code, result.stdout)
    assert message in result.stderr


def test_what_cannot_be_checked(cli: Cli, traded: int, tmp_path: Path) -> None:
    """Exit code 2 where the heads cannot be read or the database is away."""
    heads = tmp_path / "kept.jsonl"
    heads.write_text("no head\n")
    result = cli("verify", "--heads", str(heads))
    assert 2 == result.exit_code
    assert "could not check: line 1 of" in result.stderr

    away = CliRunner().invoke(main, ["verify", "--dsn", "postgresql://nobody@127.0.0.1:1/none"])
    assert 2 == away.exit_code
    assert "could not check:" in away.stderr
