"""Commands that only read: the log, the settings, and what they say where there is nothing."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from exchange.operations.cli import main
from exchange.operations.errors import ExitCode
from tests.exchange.operations.running import damage_log

Cli = Callable[..., Result]
CliJson = Callable[..., Any]

KINDS = ["writer_started", "venue_opened", "writer_started", "participant_admitted"]


@pytest.fixture
def four_events(cli_json: CliJson) -> None:
    """A log of four events."""
    assert 4 == cli_json("admin", "participants", "admit", "ACME", "--name", "Acme Ltd")["seq"]


def test_export_writes_every_event_as_a_line(cli: Cli, four_events: None, tmp_path: Path) -> None:
    """The file has one JSON object a line, with the payload as it was hashed."""
    file = tmp_path / "log.jsonl"
    result = cli("log", "export", "--output", str(file))
    assert (0, "") == (result.exit_code, result.stdout)
    events = [json.loads(line) for line in file.read_text().splitlines()]
    assert [1, 2, 3, 4] == [event["seq"] for event in events]
    assert KINDS == [event["kind"] for event in events]
    assert {"by": "local-operator", "participant": "ACME", "name": "Acme Ltd"} == events[3]["payload"]
    assert [] == list(tmp_path.glob("*.unfinished"))
    assert file.read_bytes() == cli("log", "export").stdout_bytes


def test_export_takes_a_range(cli: Cli, four_events: None) -> None:
    """--from and --to bound the events, both included; right behind the end there is nothing."""
    lines = cli("log", "export", "--from", "2", "--to", "3").stdout.splitlines()
    assert [2, 3] == [json.loads(line)["seq"] for line in lines]
    assert "" == cli("log", "export", "--from", "5").stdout


def test_export_says_what_it_wrote(cli: Cli, cli_json: CliJson, four_events: None, tmp_path: Path) -> None:
    """With --json, how much and up to which hash; an earlier file of the name does not stay when there is nothing new."""
    file = tmp_path / "log.jsonl"
    done = cli_json("log", "export", "--from", "2", "--output", str(file))
    assert {"exported": 3, "first_seq": 2, "last_seq": 4, "hash": cli_json("log", "head")["hash"]} == done
    assert 0 == cli_json("log", "export", "--from", "5", "--output", str(file))["exported"]
    assert b"" == file.read_bytes()


@pytest.mark.parametrize("command", [("log", "export"), ("log", "tail"), ("doctor",)])
def test_stdout_that_takes_nothing_is_not_the_databases_fault(
    venue_dsn: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Who closes the pipe ends the command silently; a full disk behind stdout is named."""
    arguments = [sys.executable, "-c", "from exchange.operations.cli import main; main()", *command]
    arguments += ["--dsn", venue_dsn, "--data-dir", str(tmp_path)]
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as closed:
        ended = subprocess.run(arguments, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (ExitCode.FAILED, b"") == (ended.returncode, ended.stderr)
    full_disk = Path("/dev/full")
    if full_disk.exists():
        with full_disk.open("wb") as full:
            ended = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, check=False)
        said = b"exchange: cannot write to stdout: No space left on device\n"
        assert (ExitCode.FAILED, said) == (ended.returncode, ended.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "3", "--to", "2"), "--to lies before --from"),
        (("--from", "6"), "the log has no event 6; it ends at 4"),
        (("--to", "9"), "the log has no event 9; it ends at 4"),
        (("--json",), "--json goes with --output"),
    ],
)
def test_export_refuses_what_is_not_there(
    cli: Cli, four_events: None, arguments: tuple[str, ...], message: str
) -> None:
    """Events that the log does not have are no empty file."""
    result = cli("log", "export", *arguments)
    assert (ExitCode.USAGE, "") == (result.exit_code, result.stdout)
    assert message in result.stderr


def test_export_stops_at_damage(cli: Cli, four_events: None, venue_dsn: str, tmp_path: Path) -> None:
    """An event that was changed in the database is found by its hash; no file is left that looks whole."""
    asyncio.run(damage_log(venue_dsn))
    file = tmp_path / "log.jsonl"
    result = cli("log", "export", "--output", str(file))
    assert ExitCode.LOG_UNUSABLE == result.exit_code
    assert "the log is broken at event 2" in result.stderr
    assert not file.exists()
    change = cli("admin", "participants", "admit", "LATE", "--name", "Late")
    assert ExitCode.LOG_UNUSABLE == change.exit_code


def test_tail_prints_the_last_events(cli: Cli, four_events: None) -> None:
    """Tail shows as many as were asked for, oldest first, for people and for programs."""
    assert KINDS[2:] == [line.split()[2] for line in cli("log", "tail", "-n", "2").stdout.splitlines()]
    lines = cli("log", "tail", "-n", "2", "--json").stdout.splitlines()
    assert [3, 4] == [json.loads(line)["seq"] for line in lines]


def test_show_prints_one_event(cli: Cli, cli_json: CliJson, four_events: None) -> None:
    """Show gives one event in full, and says where the log ends for a number beyond."""
    assert ("venue_opened", 1, 2) == tuple(
        cli_json("log", "show", "2")[name] for name in ("kind", "epoch", "command")
    )
    assert "Test Venue" in cli("log", "show", "2").stdout
    beyond = cli("log", "show", "5")
    assert (ExitCode.USAGE, "exchange: the log has no event 5; it ends at 4\n") == (
        beyond.exit_code,
        beyond.stderr,
    )


@pytest.mark.parametrize("command", [("status",), ("log", "tail"), ("admin", "accounts", "list")])
def test_a_folder_without_an_exchange_stays_empty(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Reading does not make an exchange where there is none; it says how to."""
    folder = tmp_path / "nothing"
    result = CliRunner().invoke(main, [*command, "--data-dir", str(folder)])
    assert ExitCode.NOT_AVAILABLE == result.exit_code
    assert f"there is no exchange in {folder}" in result.stderr
    assert not folder.exists()


def test_a_database_without_an_exchange_is_told(dsn: str, tmp_path: Path) -> None:
    """An empty database is no exchange yet."""
    result = CliRunner().invoke(main, ["status", "--dsn", dsn, "--data-dir", str(tmp_path)])
    assert ExitCode.NOT_AVAILABLE == result.exit_code
    assert "there is no exchange in the database" in result.stderr


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    """Nobody listens: one sentence, no traceback."""
    dsn = "postgresql://exchange:secret@127.0.0.1:1/exchange"
    result = CliRunner().invoke(main, ["status", "--dsn", dsn, "--data-dir", str(tmp_path)])
    assert ExitCode.NOT_AVAILABLE == result.exit_code
    assert result.stderr.startswith("exchange: the database cannot be reached: ")
    assert "secret" not in result.stderr


def test_config_show_tells_values_and_origins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The effective settings are printed with their origins, passwords hidden."""
    (tmp_path / "exchange.toml").write_text("gateways = 3\n")
    monkeypatch.setenv("EXCHANGE_DSN", "postgresql://alice:secret@db.example/exchange")
    arguments = ["config", "show", "--data-dir", str(tmp_path)]
    shown = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert str(tmp_path / "exchange.toml") == shown["file"]
    settings = shown["settings"]
    assert {"value": 3, "origin": "file"} == settings["gateways"]
    assert {"value": "postgresql://alice:***@db.example/exchange", "origin": "environment"} == settings["dsn"]
    assert {"value": str(tmp_path), "origin": "command line"} == settings["data_dir"]
    assert "environment, EXCHANGE_DSN" in CliRunner().invoke(main, arguments).stdout
