"""Damage of rows, end to end: `exchange verify` names it, and no engine starts on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from exchange.operations.errors import ExitCode
from tests.exchange.log.conftest import tamper

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Cli = Callable[..., Result]
    CliJson = Callable[..., Any]

HASH = "its hash does not fit its content and the hash before it"
COLUMNS = (
    "epoch, command, recorded_at, kind, version, instrument, account, counterparty, payload, hash, request"
)


def admit(cli: Cli, participant: str) -> Result:
    """Starts an engine for one command."""
    return cli("admin", "participants", "admit", participant, "--name", participant)


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("UPDATE event SET payload = set_byte(payload, 5, get_byte(payload, 5) # 1) WHERE seq = 3", HASH),
        ("UPDATE event SET hash = set_byte(hash, 5, get_byte(hash, 5) # 1) WHERE seq = 3", HASH),
        ("DELETE FROM event WHERE seq = 3", "it is missing, event 4 comes next"),
        (
            f"DELETE FROM event WHERE seq = 3; INSERT INTO event (seq, {COLUMNS}) SELECT 3, {COLUMNS} FROM event WHERE seq = 4",
            HASH,
        ),
        (
            """
            UPDATE event SET seq = 99 WHERE seq = 3;
            UPDATE event SET seq = 3 WHERE seq = 4;
            UPDATE event SET seq = 4 WHERE seq = 99
            """,
            HASH,
        ),
    ],
    ids=["payload bit", "hash bit", "deleted", "doubled", "reordered"],
)
def test_damaged_rows(damage: str, what: str, cli: Cli, venue_dsn: str) -> None:
    """The first bad event is named with exit code 1; a start ends with the exit code of an unusable log and the same words."""
    assert ExitCode.DONE == admit(cli, "ACME").exit_code
    asyncio.run(tamper(venue_dsn, damage))

    verified, started = cli("verify"), admit(cli, "BETA")
    assert 1 == verified.exit_code
    assert f"event 3: chain: {what}" in verified.stdout
    assert ExitCode.LOG_UNUSABLE == started.exit_code
    assert f"the log is broken at event 3: {what}" in started.stderr


def test_a_damaged_snapshot(cli: Cli, cli_json: CliJson, venue_dsn: str) -> None:
    """It is named; a start goes by the log, which is whole, and two commands put the snapshot right."""
    cli_json("snapshot", "take")
    damage = "UPDATE snapshot SET state = set_byte(state, 20, get_byte(state, 20) # 1)"
    asyncio.run(tamper(venue_dsn, damage))

    verified = cli("verify")
    assert 1 == verified.exit_code
    assert "event 2: snapshots: snapshot 2 is damaged: its bytes do not fit its digest" in verified.stdout
    assert ExitCode.DONE == admit(cli, "ACME").exit_code
    cli_json("snapshot", "prune", "--keep", "0")
    cli_json("snapshot", "take")
    assert ExitCode.DONE == cli("verify").exit_code
