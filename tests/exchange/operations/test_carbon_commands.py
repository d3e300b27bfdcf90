"""Projects, issuances, reversals, freezes, labels and baskets by an operator's command line, and the reports on them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from exchange.operations.errors import ExitCode

Cli = Callable[..., Result]
CliJson = Callable[..., Any]

LOXICHA = "CAR-1-MX-1568-42-1130-QR-2025-9680-1 to 15803"
POOL = "CAR-1-MX-1568-42-1130-QR-2025-9681-1 to 6484"
BATCH = "CAR-1-MX-1568-42-1130-QR-2025-9680-{first} to {last}"


@pytest.fixture(autouse=True)
def set_up(cli_json: CliJson) -> None:
    """A project with an issuance, part of which an account has."""
    cli_json("admin", "participants", "admit", "ACME", "--name", "Acme Ltd")
    cli_json("admin", "accounts", "open", "ACME-1", "ACME")
    cli_json(
        "admin", "projects", "register", "CAR", "CAR1568", "--name", "Laguna Om", "--country", "MX", "--type",
        "Forestry - MX", "--methodology", "Forestry - MX - Version 3.0", "--mitigation", "removal",
        "--owner", "Ejido Laguna Om",
    )  # fmt: skip
    cli_json(
        "admin", "classes", "register", "CAR-CAR1568-2025", "--registry", "CAR", "--project", "CAR1568",
        "--name", "Laguna Om", "--vintage", "2025",
    )  # fmt: skip
    cli_json("admin", "units", "deposit", "ACME-1", "CAR-CAR1568-2025", "--block", LOXICHA)


def report(cli: Cli, *arguments: str) -> Any:
    """A report as JSON, which is the same when it is asked for again."""
    first, again = (cli("report", *arguments, "--json") for _ in range(2))
    assert (0, first.stdout) == (first.exit_code, again.stdout), first.stderr
    return json.loads(first.stdout)


def test_issuances_and_reversals(cli: Cli, cli_json: CliJson) -> None:
    """An issuance with its share for the pool; the pool covers one reversal, the owner makes another one good."""
    cli_json(
        "admin", "issuances", "record", "CAR-CAR1568-2025", "22287", "--buffer", "6484",
        "--buffer-block", POOL, "--issued-on", "2025-12-31", "--reference", "i-1",
    )  # fmt: skip
    reversal = ("admin", "reversals", "report")
    of_project = ("CAR", "CAR1568", "84", "--occurred-on", "2026-10-01", "--reason", "fire")
    cli_json(*reversal, "fire-1", *of_project, "--cause", "unintentional")
    cli_json(*reversal, "harvest-1", *of_project, "--cause", "intentional")
    refused = cli("admin", "issuances", "record", "CAR-CAR1568-2025", "10", "--issued-on", "2026-10-31")
    assert ExitCode.REFUSED == refused.exit_code
    assert refused.stderr.startswith("refused: 6002 REVERSAL_OWED: ")
    (project,) = cli_json("admin", "projects", "list")
    assert ("removal", 84) == (project["mitigation"], project["owed"])
    done = cli_json(
        "admin", "reversals", "make-good", "harvest-1", "ACME-1", "CAR-CAR1568-2025",
        "--block", f"CAR:{BATCH}:1-84",
    )  # fmt: skip
    assert ["units_cancelled", "reversal_made_good"] == [event["kind"] for event in done["events"]]

    issued = report(cli, "issuances")
    (row,) = issued["Issuances"]
    assert ("Forestry - MX", 22287, 6484, "29.0932") == (
        row["Type"],
        row["Total"],
        row["Buffer"],
        row["Buffer share in %"],
    )
    assert [{"Registry": "CAR", "Contributed": 6484, "Retired for reversals": 84, "Left": 6400}] == issued[
        "Buffer pools"
    ]
    found = report(cli, "reversals")
    assert [("fire-1", 84, 0), ("harvest-1", 0, 84)] == [
        (row["Reversal"], row["Retired by the pool"], row["Made good"]) for row in found["Reversals"]
    ]
    (drawn,) = found["Buffer units retired"]
    assert POOL.replace("6484", "84") == drawn["Serial numbers"]


def test_freeze_and_its_blast_radius(cli: Cli, cli_json: CliJson, tmp_path: Path) -> None:
    """A hold shows whom it hits, ends in a cancellation, and nothing of it moves meanwhile."""
    cli_json(
        "admin", "instruments", "create", "OM-25", "--class", "CAR-CAR1568-2025", "--name", "Laguna Om 2025",
        "--currency", "USD", "--tick", "0.01", "--reference-price", "20",
    )  # fmt: skip
    part = f"CAR:{BATCH}:101-200"
    cli_json(
        "admin",
        "freezes",
        "declare",
        "hold-1",
        "--cause",
        "hold",
        "--reason",
        "under review",
        "--block",
        part,
    )
    refused = cli("admin", "units", "withdraw", "ACME-1", "CAR-CAR1568-2025", "--block", part)
    assert refused.stderr.startswith("refused: 6004 UNITS_FROZEN: ")

    found = report(cli, "blast-radius", "hold-1")
    serials = BATCH.format(first=101, last=200)
    assert [
        {"Account": "ACME-1", "Class": "CAR-CAR1568-2025", "Serial numbers": serials, "Units": 100}
    ] == found["Holdings"]
    assert [{"Instrument": "OM-25", "Class": "CAR-CAR1568-2025"}] == found["Baskets"]
    assert ExitCode.REFUSED == cli("report", "blast-radius", "hold-9").exit_code
    written = cli("report", "blast-radius", "hold-1", "--csv", "--output", str(tmp_path / "b.csv"))
    assert 0 == written.exit_code
    assert "hold-1,hold,under review," in (tmp_path / "b.csv").read_text()
    cli_json("admin", "freezes", "end", "hold-1", "cancelled", "--reason", "confirmed")
    (row,) = cli_json("admin", "freezes", "list")
    assert (100, "cancelled") == (row["units"], row["outcome"])
    (known,) = cli_json("admin", "classes", "list")
    assert 15_703 == known["supply"]


def test_labels_and_baskets(cli: Cli, cli_json: CliJson) -> None:
    """A basket by rule takes a class in when it is labelled; the answer for an earlier day or knowledge stays."""
    cli_json(
        "admin", "instruments", "create-basket", "CCP-MX", "--name", "Labelled Mexican forests",
        "--currency", "USD", "--tick", "0.01", "--reference-price", "20", "--country", "MX",
        "--label", "CCP", "--vintage-from", "2024",
    )  # fmt: skip
    cli_json("admin", "labels", "give", "CAR-CAR1568-2025", "CCP", "--from", "2026-11-21")
    cli_json("admin", "day", "close", "--next-date", "2026-11-21")
    cli_json("admin", "labels", "withdraw", "CAR-CAR1568-2025", "CCP", "--from", "2026-11-23")
    assert [True, False] == [row["holds"] for row in cli_json("admin", "labels", "list")]
    (listed,) = cli_json("admin", "instruments", "list")
    assert ["CAR-CAR1568-2025"] == listed["classes"]

    answers = [
        report(cli, "deliverable", "CCP-MX", "CAR-CAR1568-2025", "--valid-on", valid_on, "--date", known_on)
        for valid_on, known_on in (
            ("2026-11-20", "2026-11-20"),
            ("2026-11-24", "2026-11-20"),
            ("2026-11-24", "2026-11-21"),
        )
    ]

    missing = "label CCP is missing"
    assert [(False, missing), (True, None), (False, missing)] == [
        (row["Deliverable"], row["Obstacles"]) for answer in answers for row in answer["Deliverable"]
    ]
    assert ExitCode.REFUSED == cli("report", "deliverable", "NOWHERE").exit_code
    assert ExitCode.REFUSED == cli("report", "deliverable", "--trade", "1").exit_code
    assert ExitCode.USAGE == cli("report", "deliverable").exit_code


def test_part_of_a_class_is_labelled(cli_json: CliJson) -> None:
    """Serials that a registry labelled apart from the rest become a class of their own."""
    cli_json(
        "admin", "classes", "register", "CAR-CAR1568-2025-CCP", "--registry", "CAR", "--project", "CAR1568",
        "--name", "Laguna Om", "--vintage", "2025", "--label", "CCP",
    )  # fmt: skip

    cli_json(
        "admin", "units", "reclassify", "ccp-1", "CAR-CAR1568-2025", "CAR-CAR1568-2025-CCP",
        "--block", f"CAR:{BATCH}:1-800", "--reason", "labelled by the registry",
    )  # fmt: skip

    assert {"CAR-CAR1568-2025": 15_003, "CAR-CAR1568-2025-CCP": 800} == {
        row["class_id"]: row["supply"] for row in cli_json("admin", "classes", "list")
    }


def test_proceeds(cli: Cli, cli_json: CliJson) -> None:
    """Shares are named in percent, before the sales account has units, and stand in the report."""
    cli_json("admin", "accounts", "open", "FOREST-1", "ACME")
    name = ("admin", "proceeds", "name", "CAR", "CAR1568")
    shares = ("--share", "community", "ACME-1", "61.5", "--share", "developer", "FOREST-1", "38.5")
    refused = cli(*name, "--sales-account", "ACME-1", *shares)
    assert refused.stderr.startswith("refused: 6302 SALES_ACCOUNT_IN_USE: ")
    short = cli(*name, "--sales-account", "FOREST-1", *shares[:-1], "38.4")
    assert short.stderr.startswith("refused: 6300 SHARES_INVALID: ")
    assert ExitCode.USAGE == cli(*name, "--sales-account", "FOREST-1", *shares[:-1], "1/3").exit_code
    cli_json(*name, "--sales-account", "FOREST-1", *shares)

    listed = cli_json("admin", "proceeds", "list")
    assert [("FOREST-1", "community", 615_000), ("FOREST-1", "developer", 385_000)] == [
        (row["sales_account"], row["role"], row["ppm"]) for row in listed
    ]
    assert "61.5000" in cli("admin", "proceeds", "list").stdout
    found = report(cli, "proceeds", "CAR/CAR1568")
    assert ["61.5000", "38.5000"] == [row["Share in %"] for row in found["Shares"]]
    assert [] == found["Primary sales"]


def test_technologies(cli: Cli, cli_json: CliJson) -> None:
    """A pool, a technology in it, its licensee, the project that uses it; and finding it by any of their words."""
    technologies = ("admin", "technologies")
    cli_json(
        *technologies, "pool", "OPEN-LAND", "--name", "Open Land", "--purpose", "Restoring forests",
        "--member", "Acme Ltd", "--project-type", "Forestry - MX",
    )  # fmt: skip
    cli_json(
        *technologies, "register", "DRONES", "--pool", "OPEN-LAND", "--name", "Sowing by drone",
        "--contributor", "Acme Ltd", "--patent", "XX 1234567 B1",
    )  # fmt: skip
    use = (*technologies, "use", "CAR", "CAR1568", "DRONES", "--user", "Ejido Om")
    assert cli(*use).stderr.startswith("refused: 6312 NOT_LICENSED: ")
    cli_json(*technologies, "license", "OPEN-LAND", "Ejido Om", "--granted-on", "2026-11-01")
    cli_json(*use)

    (found,) = cli_json(*technologies, "search", "ejido", "DRONE", "laguna")
    assert ("Restoring forests", ["Ejido Om"]) == (found["permitted_purpose"], found["licensees"])
    assert "CAR CAR1568 Laguna Om (Ejido Om)" in cli(*technologies, "search").stdout
    assert [] == cli_json(*technologies, "search", "solar")
