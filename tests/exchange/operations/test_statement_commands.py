"""Statements and provenance by an operator's command line."""

import asyncio
import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.log.lease import WriterIdentity
from exchange.log.writer import LogWriter
from exchange.operations.engine_runtime import run_engine
from exchange.operations.errors import ExitCode
from exchange.registry.serials import parse
from tests.exchange.registry.settled import settle

Cli = Callable[..., Result]
CliJson = Callable[..., Any]

BLOCK = "ACR-US-499-2022-2006-37319 to 54852"
PART = "ACR-US-499-2022-2006-40000 to 40099"


@pytest.fixture(autouse=True)
def set_up(venue_dsn: str) -> None:
    """An account with cash and units, of which a part was cancelled on the second date; settled."""
    by, class_id = LOCAL_OPERATOR, "ACR-499-2022"
    whole, part = parse(BLOCK).to_block(), parse(PART).to_block()

    async def work() -> None:
        async with run_engine(
            venue_dsn, await LogWriter.open(venue_dsn, WriterIdentity.of_this_process())
        ) as running:
            for command in (
                commands.AdmitParticipant(by, "ACME", "Acme Ltd"),
                commands.OpenAccount(by, "ACME-1", "ACME"),
                commands.RegisterClass(by, CreditClass(class_id, "ACR", "499", "Kootznoowoo", 2022)),
                commands.DepositCash(by, "ACME-1", "EUR", 25_000, "wire-1"),
                commands.DepositUnits(by, "ACME-1", class_id, whole.quantity, (whole,), "in-1"),
                commands.CloseDay(by, "2026-11-23"),
                commands.CancelUnits(by, "ACME-1", class_id, (part,), "issued in error", "out-1"),
            ):
                await running.engine.submit(command)
        await settle(venue_dsn)

    asyncio.run(work())


def test_a_statement_of_a_date(cli: Cli, cli_json: CliJson) -> None:
    """Cash, serial numbers and movements; for a period the days' movements one after the other."""
    found = cli_json("statement", "ACME-1", "--date", "2026-11-20")
    assert ("Test Venue", "ACME-1", True) == (found["venue"], found["account"], found["complete"])
    assert ["250.00"] == [one["closing"] for one in found["cash"]]
    assert [(BLOCK, 17_534)] == [(one["serial"], one["quantity"]) for one in found["closing_serials"]]
    assert ["cash_deposited", "units_deposited"] == [one["kind"] for one in found["movements"]]
    whole = cli_json("statement", "ACME-1", "--from", "2026-11-20")
    assert ["ACR-US-499-2022-2006-37319 to 39999", "ACR-US-499-2022-2006-40100 to 54852"] == [
        one["serial"] for one in whole["closing_serials"]
    ]
    assert ("units_cancelled", "issued in error", False) == (
        whole["movements"][-1]["kind"],
        whole["movements"][-1]["reason"],
        whole["complete"],
    )
    by_seq = cli_json("statement", "ACME-1", "--seq", str(found["as_of_seq"]))
    assert found == {**by_seq, "date": "2026-11-20"}
    text = cli("statement", "ACME-1", "--from", "2026-11-20").stdout
    for word in ("2026-11-20 to 2026-11-23", "250.00", BLOCK, PART, "17,434", "issued in error", "wire-1"):
        assert word in text


def test_the_venue_has_a_statement_too(cli_json: CliJson) -> None:
    """Of its fees; there were none yet."""
    found = cli_json("statement", "VENUE", "--from", "2026-11-20")
    assert ([], [], []) == (found["cash"], found["units"], found["movements"])


def test_statements_as_files(cli: Cli, tmp_path: Path) -> None:
    """CSV has one row for each figure, HTML is a page without scripts; both are the same whenever they are made."""
    period = ("statement", "ACME-1", "--from", "2026-11-20")
    made = cli(*period, "--csv").stdout
    found = list(csv.DictReader(io.StringIO(made, newline="")))
    assert [
        ("movement", "cash", "EUR", "", "250.00", "250.00", "wire-1"),
        ("movement", "units", "ACR-499-2022", "", "17534", "17534", "in-1"),
        ("movement", "serials", "ACR-499-2022", BLOCK, "17534", "", "in-1"),
        ("movement", "units", "ACR-499-2022", "", "-100", "17434", "out-1"),
        ("movement", "serials", "ACR-499-2022", PART, "-100", "", "out-1"),
        ("closing", "cash", "EUR", "", "", "250.00", ""),
        ("closing", "units", "ACR-499-2022", "", "", "17434", ""),
        ("closing", "serials", "ACR-499-2022", "ACR-US-499-2022-2006-37319 to 39999", "", "2681", ""),
        ("closing", "serials", "ACR-499-2022", "ACR-US-499-2022-2006-40100 to 54852", "", "14753", ""),
    ] == [
        tuple(row[name] for name in ("record", "what", "asset", "serial", "change", "balance", "reference"))
        for row in found
        if row["record"] != "opening" or row["balance"] not in {"0", "0.00"}
    ]
    page = tmp_path / "statement.html"
    assert 0 == cli(*period, "--html", "-o", str(page)).exit_code
    written = page.read_text(encoding="utf-8")
    for word in (
        "Test Venue",
        "ACME-1",
        "2026-11-20 to 2026-11-23",
        BLOCK,
        "out: " + PART,
        "-100 ACR-499-2022",
    ):
        assert word in written
    assert "<script" not in written
    assert 0 == cli("settle", "--rebuild").exit_code
    assert (made, written) == (cli(*period, "--csv").stdout, cli(*period, "--html").stdout)


def test_statements_that_there_are_none_of(cli: Cli) -> None:
    """An unknown account, a date that has not begun, two ends, two forms."""
    for arguments, exit_code, words in (
        (("NOBODY",), ExitCode.REFUSED, "2004 UNKNOWN_ACCOUNT"),
        (("ACME-1", "--date", "2030-01-01"), ExitCode.REFUSED, "1009 INVALID_DATE"),
        (("ACME-1", "--date", "2026-11-20", "--seq", "5"), ExitCode.REFUSED, "1002 INVALID_PARAMS"),
        (("ACME-1", "--seq", "999"), ExitCode.REFUSED, "settled up to event"),
        (("ACME-1", "--json", "--csv"), ExitCode.USAGE, "exclude each other"),
    ):
        result = cli("statement", *arguments)
        assert (exit_code, True) == (result.exit_code, words in result.stderr), result.stderr


def test_the_life_of_serial_numbers(cli: Cli, cli_json: CliJson) -> None:
    """By a block's text, a project or a class: each block that went its own way with its steps, accounts and seqs."""
    by_block = cli_json("provenance", "ACR-US-499-2022-2006-40050 to 40051")
    deposit, cancel = by_block["steps"]
    assert [
        ("issued", BLOCK, [], "ACME-1"),
        ("cancelled", PART, [f"{BLOCK} @ {deposit['seq']}"], "ACME-1"),
    ] == [
        (step["step"], step["serial"], step["split_from"], step["to_account"]) for step in (deposit, cancel)
    ]
    assert by_block == cli_json("provenance", "ACR/499") == cli_json("provenance", "ACR-499-2022")
    one = cli("provenance", "ACR-US-499-2022-2006-40050 to 40051").stdout
    assert "ACR-US-499-2022-2006-40050 to 40051  2 of ACR-499-2022" in one
    assert f"{PART}, split from {BLOCK} @ {deposit['seq']}" in one
    project = cli("provenance", "ACR/499").stdout
    for block, quantity in (
        ("37319 to 39999", "2,681"),
        ("40000 to 40099", "100"),
        ("40100 to 54852", "14,753"),
    ):
        assert f"ACR-US-499-2022-2006-{block}  {quantity} of ACR-499-2022" in project
    rows = list(csv.DictReader(io.StringIO(cli("provenance", "ACR/499", "--csv").stdout, newline="")))
    assert [str(deposit["seq"]), str(cancel["seq"])] == [row["seq"] for row in rows]
    for arguments, words in (
        (("ACR/7",), "6001 UNKNOWN_PROJECT"),
        (("ACR-7-2022",), "4004 UNKNOWN_CLASS"),
        (("ACR-US-499-2022-2006-1 to 2",), "4017 UNKNOWN_SERIAL"),
        (("SOMETHING", "--registry", "PURO"), "4007 SERIAL_BLOCK_INVALID"),
    ):
        result = cli("provenance", *arguments)
        assert (ExitCode.REFUSED, True) == (result.exit_code, words in result.stderr), result.stderr
    assert ExitCode.USAGE == cli("provenance", "ACR/499", "--json", "--csv").exit_code
