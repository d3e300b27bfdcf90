"""The five tables of the agreed electronic format, and the corresponding adjustments."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from exchange.domain.carbon.article6_forms import FirstTransfer, Purpose
from exchange.domain.carbon.claim_forms import Claim, ClaimKind
from exchange.domain.rejects import Reject, RejectCode
from exchange.registry import serials
from exchange.registry.reports import adjustments, aef
from exchange.registry.reports.outcomes import fold
from exchange.registry.reports.table import Table, to_csv, to_json
from tests.jcm import V23, V24, JcmMarket, authorisation, units
from tests.market import BUSINESS_DATE

if TYPE_CHECKING:
    from pathlib import Path

TITLES = ["1 Submission", "2 Authorizations", "3 Actions", "4 Holdings", "5 Authorized entities"]


@pytest.fixture(scope="module")
def market() -> JcmMarket:
    """Mongolia sells to Japan, which uses some towards its NDC and passes some on to Thailand."""
    market = JcmMarket()
    market.authorise(
        authorisation(
            (V23,), (Purpose.NDC, Purpose.OIMP), FirstTransfer.USE_OR_CANCELLATION, entities=("JP-POWER",)
        )
    )
    market.report_safeguards("MNG", "JPN")
    market.issue(("mn", 100))
    market.trade("mn", "jp", 40)
    market.trade("jp", "th", 10)
    market.retire("jp", units(11, 25), Claim(ClaimKind.NDC, 2025))
    market.retire("jp", units(26, 27))
    return market


def tables(market: JcmMarket, party: str, date: str = BUSINESS_DATE) -> dict[str, list[dict[str, Any]]]:
    made = aef.tables(fold(market.recorded, date), party, date)
    return {table.title: table.records() for table in made}


def test_the_tables_have_the_columns_of_the_format(market: JcmMarket, data_dir: Path) -> None:
    """Titles of all tables, columns of the actions and identifiers are those of the public sources."""
    known = json.loads((data_dir / "carbon" / "article6_aef.json").read_bytes())
    made = aef.tables(fold(market.recorded, BUSINESS_DATE), "JPN", BUSINESS_DATE)
    by_title = {table.title: table for table in made}

    assert known["tables"] == [table.title for table in made] == TITLES
    assert known["actions_columns"] == list(by_title["3 Actions"].columns)
    assert {9, 19, 27, 16, 8} == {len(table.columns) for table in made}
    for title in ("3 Actions", "4 Holdings"):
        for row in by_title[title].records():
            assert re.fullmatch(known["itmo_uid_regex"], str(row["First ID"]))
            assert re.fullmatch(known["itmo_uid_regex"], str(row["Last ID"]))
    actions = [row for party in ("MNG", "JPN", "THA") for row in tables(market, party)["3 Actions"]]
    assert set(known["action_types"]) == {row["Action type"] for row in actions}


def test_columns_that_do_not_apply_say_so(market: JcmMarket) -> None:
    """Who transferred stands with acquisitions, who acquired with transfers, the year with uses."""
    rows = tables(market, "JPN")["3 Actions"]

    assert [
        ("Acquisition", "MNG", "NA", "NA", "NA"),
        ("Transfer", "NA", "THA", "NA", "NA"),
        ("Use", "NA", "NA", "JPN", 2025),
        ("Cancellation", "NA", "NA", "JPN", "NA"),
    ] == [
        (
            row["Action type"],
            row["Transferring participating Party ID"],
            row["Acquiring participating Party ID"],
            row["Using/cancelling participating Party ID"],
            row["Calendar year for which the ITMOs are used towards the Party's NDC"],
        )
        for row in rows
    ]
    assert {"JP-POWER"} == {row["Using/cancelling authorized entity ID"] for row in rows[2:]}
    assert (
        "Voluntary cancellation"
        == rows[3]["Purpose for which the ITMO has been used towards or cancelled for OIMP"]
    )


def test_identifiers_of_units_and_of_itmos(market: JcmMarket) -> None:
    """An ITMO is named by approach, registry, first transferring Party, number and year; its unit as its registry writes it."""
    (row,) = tables(market, "THA")["4 Holdings"]

    assert ("CA0001-MNG01-MNG-1-2023", "CA0001-MNG01-MNG-10-2023", "THA01", 10) == (
        row["First ID"],
        row["Last ID"],
        row["Party ITMO registry ID"],
        row["Quantity (t CO2 eq)"],
    )
    assert units(1, 1) == serials.parse(row["First unit ID"], "EXC").to_block()
    assert "Emission reductions" == row["Mitigation type"]


def test_submission_authorisations_and_entities(market: JcmMarket) -> None:
    """What the host Party authorised, for whom, and what its OIMP count as first transfer."""
    made = tables(market, "MNG")

    assert ("MNG", 2026, "Consistent", 2021, 2030) == tuple(
        made["1 Submission"][0][column]
        for column in (
            "Party",
            "Reported year",
            "Result of the consistency check of this AEF submission",
            "First year of the NDC implementation period",
            "Last year of the NDC implementation period",
        )
    )
    (given,) = made["2 Authorizations"]
    assert ("NDC and OIMP", "Use or cancellation", "JPN", "2023 - 2023") == (
        given["Purposes for authorization"],
        given["First transfer definition for OIMP"],
        given["Authorized Party(ies) ID"],
        given["Authorized timeframe"],
    )
    assert [("JP-POWER Ltd", "JPN")] == [
        (row["Name"], row["Country of incorporation"]) for row in made["5 Authorized entities"]
    ]


def test_actions_of_another_year_are_in_its_own_tables(market: JcmMarket) -> None:
    """A submission has the actions of one calendar year; holdings stay what they are."""
    next_year = tables(market, "JPN", "2027-05-01")

    assert [] == next_year["3 Actions"]
    assert tables(market, "JPN")["4 Holdings"] == next_year["4 Holdings"]


def test_a_party_that_is_not_known_has_no_tables(market: JcmMarket) -> None:
    """Nor has anybody before the day on which the Party was registered."""
    with pytest.raises(Reject) as refused:
        tables(market, "XXX")

    assert RejectCode.UNKNOWN_PARTY is refused.value.code


def test_adjustments_are_first_transfers_less_uses(market: JcmMarket) -> None:
    """Added in the year of the outcome, subtracted in the year of use; what Thailand acquired is no term."""
    made, balances = adjustments.tables(fold(market.recorded, BUSINESS_DATE))

    assert (
        ("JPN", 2025, 0, 15, -15, "Consistent"),
        ("MNG", 2023, 40, 0, 40, "Consistent"),
    ) == made.rows
    assert (("JPN", 0, 15, -15), ("MNG", 40, 0, 40)) == balances.rows


def test_a_missing_report_on_safeguards_fails_the_check() -> None:
    """Of the host Party or of who uses: named, not passed over."""
    market = JcmMarket()
    market.authorise(authorisation((V24,)))
    market.issue(("jp", 10), class_id=V24)
    market.retire("jp", units(1, 4, V24), Claim(ClaimKind.NDC, 2024), V24)
    market.report_safeguards("MNG")

    made, _ = adjustments.tables(fold(market.recorded, BUSINESS_DATE))

    assert [
        ("JPN", "Inconsistent: no report of JPN on the safeguards of CA0001"),
        ("MNG", "Consistent"),
    ] == [(row[0], row[-1]) for row in made.rows]
    submission = tables(market, "JPN")["1 Submission"][0]
    assert (
        "Inconsistent: no report of JPN on the safeguards of CA0001"
        == submission["Result of the consistency check of this AEF submission"]
    )


def test_the_same_log_gives_the_same_bytes(market: JcmMarket) -> None:
    """JSON and CSV, and both say the same."""
    made = [aef.tables(fold(market.recorded, BUSINESS_DATE), "MNG", BUSINESS_DATE) for _ in range(2)]

    assert to_json(made[0], party="MNG") == to_json(made[1], party="MNG")
    assert to_csv(made[0]) == to_csv(made[1])
    assert TITLES == list(json.loads(to_json(made[0])))


def test_csv_of_one_and_of_several_tables() -> None:
    """One table is plain CSV; several have their titles above them."""
    first = Table("A", ("x", "y"), ((1, None), ("a,b", True)))
    second = Table("B", ("z",), ())

    assert b'x,y\r\n1,\r\n"a,b",True\r\n' == to_csv([first])
    assert b'A\r\nx,y\r\n1,\r\n"a,b",True\r\n\r\nB\r\nz\r\n' == to_csv([first, second])
