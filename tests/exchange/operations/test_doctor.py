"""`exchange doctor`: each danger is named with what to do about it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from exchange.operations import doctor
from tests.exchange.log.conftest import tamper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Cli = Callable[..., Result]
    CliJson = Callable[..., Any]


def checks(cli: Cli) -> tuple[int, dict[str, dict[str, str]]]:
    """Exit code, and the checks by name."""
    result = cli("doctor", "--json")
    return result.exit_code, {check["name"]: check for check in json.loads(result.stdout)}


def problems(cli: Cli) -> dict[str, str]:
    """Verdicts other than ok."""
    return {name: check["verdict"] for name, check in checks(cli)[1].items() if check["verdict"] != "ok"}


def execute(dsn: str, statement: str) -> None:
    """Runs one statement."""

    async def work() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(work())


def test_a_sound_deployment(cli: Cli, cli_json: CliJson) -> None:
    """All is well once the registry is settled and a head is published; people read one line a check."""
    assert {"settlement": "warning", "published heads": "warning"} == problems(cli)
    cli_json("settle")
    assert 0 == cli("log", "head", "--publish").exit_code
    code, found = checks(cli)

    assert (0, {}) == (code, problems(cli))
    assert {"on"} == {found[name]["found"] for name in ("fsync", "full_page_writes", "synchronous_commit")}
    assert "2 events, epoch 1" in found["log"]["found"]
    text = cli("doctor").stdout
    assert len(found) == len(text.splitlines())
    assert "nobody writes the log" in text


@pytest.mark.parametrize(
    ("setting", "value", "verdict", "code"),
    [
        ("synchronous_commit", "off", "warning", 0),
        ("zero_damaged_pages", "on", "danger", 1),
        ("ignore_checksum_failure", "on", "danger", 1),
    ],
)
def test_settings_that_endanger_the_log(
    cli: Cli, venue_dsn: str, setting: str, value: str, verdict: str, code: int
) -> None:
    """A setting of the database that can lose or hide something is named with its good value."""
    database = venue_dsn.split("?", maxsplit=1)[0].rsplit("/", 1)[1]
    execute(venue_dsn, f"ALTER DATABASE {database} SET {setting} = {value}")
    found_code, found = checks(cli)

    assert (code, verdict) == (found_code, found[setting]["verdict"])
    assert found[setting]["found"].startswith(f"{value}: ")
    good = "on" if value == "off" else "off"
    assert f"set {setting} = {good} on the server" == found[setting]["advice"]
    assert f"-> set {setting} = {good}" in cli("doctor").stdout


def test_snapshots_that_cannot_be_used(cli: Cli, cli_json: CliJson, venue_dsn: str) -> None:
    """A damaged snapshot, or one from beyond the end of the log, is a danger; many events without one a warning."""
    cli_json("snapshot", "take")
    execute(venue_dsn, "UPDATE snapshot SET digest = 'no'")
    code, found = checks(cli)
    assert (1, "danger") == (code, found["snapshots"]["verdict"])
    assert "snapshot 2 is damaged" in found["snapshots"]["found"]
    assert "exchange verify" in found["snapshots"]["advice"]


def test_many_events_without_a_snapshot(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that would take long is announced; that there is no snapshot at all is said in words."""
    assert "none yet, of 2 events" == checks(cli)[1]["snapshots"]["found"]
    monkeypatch.setattr(doctor, "MOST_EVENTS_WITHOUT_SNAPSHOT", 1)
    assert "warning" == problems(cli)["snapshots"]


def test_a_clock_behind_the_log(cli: Cli, venue_dsn: str) -> None:
    """A log whose last event lies in the future of this machine's clock is a danger."""
    asyncio.run(tamper(venue_dsn, "UPDATE event SET recorded_at = recorded_at + 3600000000000 WHERE seq = 2"))
    code, found = checks(cli)
    assert (1, "danger") == (code, found["clock"]["verdict"])
    assert "in the future of this machine" in found["clock"]["found"]


def test_another_clock_than_the_server(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines whose clocks differ are told."""
    monkeypatch.setattr(doctor, "MOST_CLOCK_SKEW_MS", -1)
    assert "clock" in problems(cli)


def test_little_room(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills is a warning, a full one a danger; few open files are a warning."""
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 2**60)
    monkeypatch.setattr(doctor, "LEAST_OPEN_FILES", 2**60)
    found = problems(cli)
    assert ("danger", "warning") == (found["disk"], found["open files"])


def test_another_version_wrote_the_log(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version that wrote last is compared with this one."""
    monkeypatch.setattr(doctor, "PROGRAM", "carbon-exchange 99.0")
    code, found = checks(cli)
    assert (0, "warning") == (code, found["log"]["verdict"])
    assert "this is carbon-exchange 99.0" in found["log"]["advice"]


def test_heads_that_cannot_be_read(cli: Cli, tmp_path: Path) -> None:
    """A damaged file of published heads is a danger."""
    (tmp_path / "heads.jsonl").write_text("no head\n")
    assert "danger" == problems(cli)["published heads"]


def test_a_registry_that_lags(cli: Cli, cli_json: CliJson, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that wait long to be settled are told, with who should do it."""
    cli_json("settle")
    cli_json("admin", "participants", "admit", "ACME", "--name", "Acme Ltd")
    monkeypatch.setattr(doctor, "MOST_LAG_MS", -1)
    _, found = checks(cli)
    assert "nobody settles" in found["settlement"]["advice"]
