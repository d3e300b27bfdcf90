"""Article 6.2, the JCM and CORSIA by an operator's command line, and the reports on them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from exchange.operations.admin.parties import jcm_parties
from exchange.operations.errors import ExitCode

Cli = Callable[..., Result]
CliJson = Callable[..., Any]

CLASS = "EXC-MN003-2023"


@pytest.fixture
def jcm(cli_json: CliJson) -> CliJson:
    """A credit class of Mongolia and accounts in the registries of Mongolia and Japan; answers the command line."""
    cli_json("admin", "parties", "register-jcm")
    for participant, account, party in (("MN-ENERGY", "mn", "MNG"), ("JP-POWER", "jp", "JPN")):
        cli_json("admin", "participants", "admit", participant, "--name", f"{participant} Ltd")
        cli_json("admin", "accounts", "open", account, participant)
        cli_json("admin", "parties", "assign", participant, party)
    cli_json(
        "admin", "classes", "register", CLASS, "--registry", "EXC", "--project", "MN003",
        "--name", "Solar power at Darkhan", "--vintage", "2023", "--country", "MN",
    )  # fmt: skip
    cli_json(
        "admin", "article6", "approach", "CA0001", "--name", "JCM Mongolia-Japan",
        "--party", "MNG", "--party", "JPN",
    )  # fmt: skip
    return cli_json


def authorise(jcm: CliJson, *options: str) -> None:
    jcm(
        "admin", "article6", "authorise", "MN-1", "--approach", "CA0001", "--party", "MNG",
        "--class", CLASS, "--authorised-on", "2026-11-20", *options,
    )  # fmt: skip


def test_the_thirty_one_partner_countries(data_dir: Path) -> None:
    """The list that the command registers is complete and in order."""
    with (data_dir / "carbon" / "jcm_partners.csv").open(encoding="utf-8", newline="") as file:
        known = [(int(row["order"]), row["country"], row["iso3"]) for row in csv.DictReader(file)]

    japan, *partners = jcm_parties()

    assert 31 == len(known)
    assert ("JPN", known) == (
        japan.party,
        [(partner.jcm_order, partner.name, partner.party) for partner in partners],
    )


def test_parties_are_registered_once(cli: Cli, cli_json: CliJson) -> None:
    """Japan and its partners, without those that are known; one more Party by itself."""
    cli_json(
        "admin", "parties", "register", "MNG", "--name", "Mongolia", "--country", "MN", "--registry-id", "CHE02",
        "--jcm-order", "1",
    )  # fmt: skip

    assert "registered 31 Parties; 1 were known\n" == cli("admin", "parties", "register-jcm").stdout
    assert [] == cli_json("admin", "parties", "register-jcm")
    rows = {row["party"]: row for row in cli_json("admin", "parties", "list")}
    assert (32, "CHE02", "JPN01") == (len(rows), rows["MNG"]["registry_id"], rows["JPN"]["registry_id"])
    assert "Kyrgyzstan" in cli("admin", "parties", "list").stdout


def test_issuance_shared_between_two_parties(jcm: CliJson) -> None:
    """Japan's share is first transferred with the issuance: in its tables, in the balance, and in the JCM's volumes."""
    authorise(jcm, "--purpose", "ndc")
    jcm("admin", "article6", "safeguards", "MNG", "CA0001", "--reported-on", "2026-11-20", "--document", "IR")
    jcm("admin", "article6", "jcm-target", "JPN", "2030", "100000000", "--document", "Plan")
    issue = ("admin", "units", "issue-shared", CLASS, "--share", "mn", "30", "--share", "jp", "70")
    assert [False, True] == [jcm(*issue, "--reference", "a")["duplicate"] for _ in range(2)]

    tables = jcm("report", "aef", "JPN")
    assert [("Acquisition", "CA0001-MNG01-MNG-1-2023", "CA0001-MNG01-MNG-70-2023")] == [
        (row["Action type"], row["First ID"], row["Last ID"]) for row in tables["3 Actions"]
    ]
    assert 70 == tables["4 Holdings"][0]["Quantity (t CO2 eq)"]
    (row,) = jcm("report", "adjustments")["Adjustments"]
    assert ("MNG", 2023, 70, "Consistent") == (
        row["Party"],
        row["Calendar year"],
        row["Corresponding adjustment (t CO2 eq)"],
        row["Result of the consistency checks"],
    )
    made = jcm("report", "jcm")
    assert [("JPN", 70, "70.0000"), ("MNG", 30, "30.0000")] == [
        (row["Party"], row["Issued (t CO2 eq)"], row["Share (%)"]) for row in made["Shares"]
    ]
    assert ["0.0001"] == [row["Reached (%)"] for row in made["Targets"]]
    assert 31 == len(made["Partner countries"])


def test_reports_as_of_a_date_in_three_forms(jcm: CliJson, cli: Cli, tmp_path: Path) -> None:
    """The same bytes whenever it is asked for, and nothing of later days."""
    authorise(jcm, "--purpose", "ndc")
    jcm("admin", "units", "issue-shared", CLASS, "--share", "jp", "70")
    before = cli("report", "aef", "MNG", "--json").stdout
    jcm("admin", "day", "close", "--next-date", "2026-11-23")
    jcm("admin", "units", "issue-shared", CLASS, "--share", "jp", "5")

    assert before == cli("report", "aef", "MNG", "--json", "--date", "2026-11-20").stdout
    assert 2 == len(json.loads(cli("report", "aef", "MNG", "--json").stdout)["3 Actions"])
    text = cli("report", "adjustments").stdout
    assert "no report of MNG on the safeguards of CA0001" in " ".join(text.split())
    assert "CA0001-MNG01-MNG-70-2023" in cli("report", "aef", "MNG").stdout
    file = tmp_path / "adjustments.csv"
    assert 0 == cli("report", "adjustments", "--csv", "--output", str(file)).exit_code
    assert ["Adjustments", "Balances"] == [
        line for line in file.read_text().splitlines() if line and "," not in line
    ]


def test_corsia_eligibility(jcm: CliJson) -> None:
    """Programme, authorisation and deed make a class eligible; the report says so by date."""
    obstacles = jcm("report", "corsia", "2024-2026")["CORSIA eligibility"][0]["Obstacles"]
    assert obstacles.startswith("EXC is no programme that is eligible for 2024-2026 on 2026-11-20; ")

    authorise(
        jcm, "--purpose", "oimp", "--first-transfer", "use_or_cancellation", "--oimp", "CORSIA",
        "--entity", "JP-POWER",
    )  # fmt: skip
    jcm(
        "admin", "corsia", "programme", "EXC", "2024-2026", "--first-vintage", "2021", "--last-vintage", "2026",
        "--decided-on", "2024-10-28", "--document", "C-DEC 233",
    )  # fmt: skip
    jcm(
        "admin", "corsia", "deed", CLASS, "--signed-by", "Developer", "--insurer", "Insurer", "--policy", "P-1",
        "--valid-from", "2026-01-01", "--valid-until", "2027-01-01",
    )  # fmt: skip
    assert jcm("report", "corsia", "2024-2026")["CORSIA eligibility"][0]["Eligible"]
    assert not jcm("report", "corsia", "2021-2023")["CORSIA eligibility"][0]["Eligible"]

    jcm("admin", "corsia", "adjustment", CLASS, "--adjusted-on", "2026-11-20", "--document", "BTR 2026")
    assert jcm("report", "corsia", "2024-2026", "--date", "2027-06-01")["CORSIA eligibility"][0]["Eligible"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("aef", "XXX"), ExitCode.REFUSED, "refused: 6100 UNKNOWN_PARTY: "),
        (("jcm", "--date", "soon"), ExitCode.USAGE, "exchange: 'soon' is not a date"),
        (("jcm", "--json", "--csv"), ExitCode.USAGE, "choose --json or --csv"),
        (("jcm", "--output", "x"), ExitCode.USAGE, "a file is written with --json or --csv"),
    ],
)
def test_reports_that_cannot_be(cli: Cli, arguments: tuple[str, ...], exit_code: int, message: str) -> None:
    """Parties, dates and forms that are none."""
    result = cli("report", *arguments)

    assert exit_code == result.exit_code
    assert message in result.stderr


def test_refusals_have_their_numbers(jcm: CliJson, cli: Cli) -> None:
    """A second authorisation of a class is refused by code."""
    authorise(jcm, "--purpose", "ndc")
    again = cli(
        "admin", "article6", "authorise", "MN-2", "--approach", "CA0001", "--party", "MNG", "--purpose", "ndc",
        "--class", CLASS, "--authorised-on", "2026-11-20",
    )  # fmt: skip

    assert ExitCode.REFUSED == again.exit_code
    assert again.stderr.startswith("refused: 6103 INVALID_AUTHORISATION: ")
