"""Issuance, cancellation, moves between registries and holiday calendars, by an operator's command line."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from exchange.operations.admin.calendars import market_holidays
from exchange.operations.errors import ExitCode

Cli = Callable[..., Result]
CliJson = Callable[..., Any]

ACR_TEXT = "ACR-US-499-2022-2006-37319 to 54852"
ACR_BATCH = "ACR-US-499-2022-2006-{first} to {last}"
OWN_BATCH = "EXC-7-2026-{first} to {last}"


@pytest.fixture(autouse=True)
def set_up(cli_json: CliJson) -> None:
    """An account with units of ACR, and a class of the venue's own registry."""
    cli_json("admin", "participants", "admit", "ACME", "--name", "Acme Ltd")
    cli_json("admin", "accounts", "open", "ACME-1", "ACME")
    for class_id, registry, project, name, vintage in (
        ("ACR-499-2022", "ACR", "499", "Kootznoowoo", "2022"),
        ("EXC-7-2026", "EXC", "7", "Mangroves", "2026"),
    ):
        cli_json(
            "admin", "classes", "register", class_id, "--registry", registry, "--project", project,
            "--name", name, "--vintage", vintage,
        )  # fmt: skip
    cli_json("admin", "units", "deposit", "ACME-1", "ACR-499-2022", "--block", ACR_TEXT)


def supply(cli_json: CliJson) -> dict[str, int]:
    """Units of each class."""
    return {row["class_id"]: row["supply"] for row in cli_json("admin", "classes", "list")}


def test_issued_units_are_numbered_by_the_venue(cli_json: CliJson) -> None:
    """Issuances continue each other's numbers; repeated with the same reference one changes nothing."""
    issue = ("admin", "units", "issue", "ACME-1", "EXC-7-2026", "100", "--reference")
    first, second, again = cli_json(*issue, "a"), cli_json(*issue, "b"), cli_json(*issue, "a")
    assert [
        {"registry": "EXC", "batch": OWN_BATCH, "first": 1, "last": 100},
        {"registry": "EXC", "batch": OWN_BATCH, "first": 101, "last": 200},
        {"registry": "EXC", "batch": OWN_BATCH, "first": 1, "last": 100},
    ] == [done["events"][0]["block"] for done in (first, second, again)]
    assert [False, False, True] == [done["duplicate"] for done in (first, second, again)]
    assert {"ACR-499-2022": 17_534, "EXC-7-2026": 200} == supply(cli_json)


def test_cancelled_units_never_come_back(cli: Cli, cli_json: CliJson) -> None:
    """Cancelled serials are gone, with the reason on the log, and cannot be deposited again."""
    part = f"ACR:{ACR_BATCH}:40000-40099"
    done = cli_json(
        "admin", "units", "cancel", "ACME-1", "ACR-499-2022", "--block", part, "--reason", "issued in error"
    )
    assert ("units_cancelled", "issued in error") == (done["events"][0]["kind"], done["events"][0]["reason"])
    assert 17_434 == supply(cli_json)["ACR-499-2022"]
    again = cli("admin", "units", "deposit", "ACME-1", "ACR-499-2022", "--block", part)
    assert ExitCode.REFUSED == again.exit_code
    assert again.stderr.startswith("refused: 4008 SERIAL_BLOCK_OVERLAPS: ")


def test_serials_that_were_issued_here_are_named_by_their_text(cli_json: CliJson) -> None:
    """As those of any other registry: the venue's own text names its block in every command."""
    cli_json("admin", "units", "issue", "ACME-1", "EXC-7-2026", "100")
    done = cli_json("admin", "units", "withdraw", "ACME-1", "EXC-7-2026", "--block", "EXC-7-2026-11 to 40")
    assert [{"registry": "EXC", "batch": OWN_BATCH, "first": 11, "last": 40}] == done["events"][0]["blocks"]
    assert 70 == supply(cli_json)["EXC-7-2026"]


def test_units_move_to_the_own_registry(cli_json: CliJson) -> None:
    """One event cancels serials there and issues as many here."""
    part = f"ACR:{ACR_BATCH}:40000-40099"
    done = cli_json("admin", "units", "move", "ACME-1", "ACR-499-2022", "EXC-7-2026", "--block", part)
    (event,) = done["events"]
    assert ("units_moved", [{"registry": "EXC", "batch": OWN_BATCH, "first": 1, "last": 100}]) == (
        event["kind"],
        event["to_blocks"],
    )
    assert {"ACR-499-2022": 17_434, "EXC-7-2026": 100} == supply(cli_json)


def test_instrument_settles_by_a_calendar(cli: Cli, cli_json: CliJson) -> None:
    """A market's holidays are put on the log once; instruments count their business days by them."""
    create = (
        "admin", "instruments", "create", "ACR-499-2022", "--name", "Kootznoowoo 2022", "--class", "ACR-499-2022",
        "--currency", "EUR", "--tick", "0.01", "--reference-price", "14.30", "--settlement-days", "2",
        "--calendar", "XECB",
    )  # fmt: skip
    too_early = cli(*create)
    assert ExitCode.REFUSED == too_early.exit_code
    assert too_early.stderr.startswith("refused: 3010 INVALID_INSTRUMENT: ")
    cli_json("admin", "calendars", "set", "XECB")
    (calendar,) = cli_json("admin", "calendars", "list")
    assert ("XECB", {"2026", "2027", "2028"}) == (
        calendar["calendar"],
        {day[:4] for day in calendar["holidays"]},
    )
    cli_json(*create)
    (listed,) = cli_json("admin", "instruments", "list")
    assert (2, "XECB") == (listed["settlement_days"], listed["calendar"])
    cli_json("admin", "calendars", "set", "XECB", "--year", "2030")
    (calendar,) = cli_json("admin", "calendars", "list")
    assert {"2030"} == {day[:4] for day in calendar["holidays"]}
    assert "XECB" in cli("admin", "calendars", "list").stdout


def test_unknown_market_is_wrong_usage(cli: Cli) -> None:
    """A market that the library does not know is refused with those that it does."""
    result = cli("admin", "calendars", "set", "NOPE")
    assert ExitCode.USAGE == result.exit_code
    assert "XECB" in result.stderr


def test_holidays_of_the_euro(cli: Cli) -> None:
    """The euro's payment system is closed on six days of 2026, one of them a Saturday."""
    assert (
        "2026-01-01",
        "2026-04-03",
        "2026-04-06",
        "2026-05-01",
        "2026-12-25",
        "2026-12-26",
    ) == market_holidays("XECB", (2026,))
