"""Operators set, see and reset the protections of market makers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.exchange.operations.test_admin import set_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exchange.operations.conftest import Cli


def test_protections(cli: Cli, cli_json: Callable[..., Any]) -> None:
    """A protection is set, listed, reset and ended; what is not there cannot be reset."""
    set_up(cli_json)
    where = ("ACME-1", "ACR-499-2022")
    limits = ("--quantity", "500", "--trades", "10", "--window-ms", "1000")
    (event,) = cli_json("admin", "protection", "set", *where, *limits)["events"]
    assert ("protection_set", 1_000_000_000, 500, 10) == (
        event["kind"],
        event["window_ns"],
        event["quantity"],
        event["fills"],
    )
    expected = {
        "account": "ACME-1",
        "instrument": "ACR-499-2022",
        "quantity": 500,
        "fills": 10,
        "window_ms": 1000,
        "frozen": False,
    }
    assert [expected] == cli_json("admin", "protection", "list")
    assert "1,000" in cli("admin", "protection", "list").stdout
    (event,) = cli_json("admin", "protection", "reset", *where)["events"]
    assert "protection_reset" == event["kind"]
    cli_json("admin", "protection", "set", *where, *limits[:4], "--window-ms", "0")
    assert [] == cli_json("admin", "protection", "list")
    refused = cli("admin", "protection", "reset", *where)
    assert 3 == refused.exit_code
    assert "5006" in refused.stderr
