"""Operators let market makers log on over FIX: sessions, passwords, and what their clients need."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from exchange.operations.cli import main
from gateway.fix.passwords import proves_password

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.exchange.operations.conftest import Cli


@pytest.fixture
def account(cli: Cli) -> str:
    """Gives an account of a participant."""
    assert 0 == cli("admin", "participants", "admit", "ACME", "--name", "Acme").exit_code
    assert 0 == cli("admin", "accounts", "open", "ACME-1", "ACME").exit_code
    return "ACME-1"


def test_sessions(cli: Cli, cli_json: Callable[..., Any], account: str) -> None:
    """One is made, listed, given another password, and revoked; passwords are shown once and kept as hashes."""
    made = cli_json("admin", "fix", "create", "ACMEFIX", "--account", account)
    (event,) = made["events"]
    assert proves_password(event["password_hash"], made["password"])
    assert made["password"] not in event["password_hash"]
    expected = {
        "comp_id": "ACMEFIX",
        "account": account,
        "role": "market_maker",
        "resets_on_logon": False,
        "cancels_on_disconnect": True,
    }
    assert [expected] == cli_json("admin", "fix", "list")
    changed = cli_json("admin", "fix", "password", "ACMEFIX")
    assert proves_password(changed["events"][-1]["password_hash"], changed["password"])
    assert changed["password"] != made["password"]
    assert "ACMEFIX" in cli("admin", "fix", "list").stdout
    assert 0 == cli("admin", "fix", "revoke", "ACMEFIX").exit_code
    assert [] == cli_json("admin", "fix", "list")


def test_a_password_file(cli: Cli, account: str, tmp_path: Path) -> None:
    """It is new and nobody else's; what was refused leaves none."""
    file = tmp_path / "acme.password"
    create = ("admin", "fix", "create", "ACMEFIX", "--account", account, "--password-file", str(file))
    result = cli(*create, "--resets-on-logon", "--keeps-orders")
    assert 0 == result.exit_code, result.stderr
    password = file.read_text().strip()
    assert password not in result.stdout
    assert 0o600 == file.stat().st_mode & 0o777
    again = cli(*create)
    assert (2, True) == (again.exit_code, password == file.read_text().strip())
    other = tmp_path / "other.password"
    refused = cli("admin", "fix", "create", "ACMEFIX", "--account", account, "--password-file", str(other))
    assert (3, False) == (refused.exit_code, other.exists())
    assert "2008" in refused.stderr


def test_what_clients_need() -> None:
    """Dictionary and configuration are printed without any exchange."""
    dictionary = CliRunner().invoke(main, ["admin", "fix", "dictionary"]).stdout
    root = ET.fromstring(dictionary)
    assert ("4", "4") == (root.get("major"), root.get("minor"))
    assert {"D", "8", "U1"} <= {message.get("msgtype") for message in root.iter("message")}
    arguments = ["admin", "fix", "configuration", "ACMEFIX", "--connect", "10.0.0.1:9878", "--folder", "/x"]
    lines = CliRunner().invoke(main, arguments).stdout.splitlines()
    for line in (
        "SenderCompID=ACMEFIX",
        "TargetCompID=EXCHANGE",
        "SocketConnectHost=10.0.0.1",
        "SocketConnectPort=9878",
        "DataDictionary=/x/FIX44-exchange.xml",
    ):
        assert line in lines
