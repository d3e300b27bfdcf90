"""Issuances and the buffer pool: real totals and shares, and what the venue's own registry issues."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from exchange.domain import commands
from exchange.domain.carbon.issuance_forms import IssuanceRecorded, RecordIssuance
from exchange.domain.carbon.issuances import Contribution, Issuance, choose_draws, take_draws
from exchange.domain.events import RequestRefused, UnitsIssued
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from tests.market import ALPHA, BUSINESS_DATE, V18, Market

if TYPE_CHECKING:
    from pathlib import Path

OWN_CLASS = CreditClass("EXC-7-2025", "EXC", "7", "Forest", 2025)
OWN_BATCH = "EXC-7-2025-{first} to {last}"


def test_real_issuances(market: Market, data_dir: Path) -> None:
    """Totals and buffer shares of 211 real issuances: 64 of them have a share, from 5.6 to 32 %."""
    with (data_dir / "carbon" / "issuances_with_buffer.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        known = CreditClass(
            f"{row['registry']}-{row['project_id']}-{row['vintage']}",
            row["registry"],
            row["project_id"],
            row["project_name"],
            int(row["vintage"]),
        )
        if known.class_id not in market.state.classes:
            market.do(commands.RegisterClass(LOCAL_OPERATOR, known))
        issued_on = datetime.strptime(row["date"].partition(" ")[0], "%m/%d/%Y").date().isoformat()  # noqa: DTZ007 - a date
        market.do(
            RecordIssuance(
                LOCAL_OPERATOR,
                known.class_id,
                issued_on,
                int(row["total"]),
                int(row["buffer"] or 0),
                f"row-{number}",
            )
        )

    issuances = market.state.carbon.issuances
    recorded = [issuance for group in issuances.of_class.values() for issuance in group]
    shares = sorted(issuance.buffer_ppm for issuance in recorded if issuance.buffer)
    assert len(rows) == len(recorded)
    assert sum(int(row["total"]) for row in rows) == sum(issuance.total for issuance in recorded)
    assert (64, 55_653, 320_122) == (len(shares), shares[0], shares[-1])
    assert {
        registry: sum(int(row["buffer"] or 0) for row in rows if row["registry"] == registry)
        for registry in ("CAR", "ACR", "ART")
    } == {registry: issuances.pool_units(registry) for registry in ("CAR", "ACR", "ART")}


def test_own_registry_issues_into_the_pool(market: Market) -> None:
    """The venue numbers the pool's units after the account's; nobody owns them, and they cannot come in."""
    market.do(commands.RegisterClass(LOCAL_OPERATOR, OWN_CLASS))

    issue = commands.IssueUnits(LOCAL_OPERATOR, ALPHA, "EXC-7-2025", 80, "i-1", buffer=20)
    (issued,) = market.do(issue)

    pool_block = SerialBlock("EXC", OWN_BATCH, 81, 100)
    assert (
        UnitsIssued(
            LOCAL_OPERATOR, ALPHA, "EXC-7-2025", SerialBlock("EXC", OWN_BATCH, 1, 80), "i-1", pool_block
        )
        == issued
    )
    seq = market.state.last_seq
    assert [Issuance(seq, BUSINESS_DATE, 100, 20, "i-1")] == market.state.carbon.issuances.of_class[
        "EXC-7-2025"
    ]
    assert [
        Contribution(seq, "EXC-7-2025", 2025, "7", 20, (pool_block,))
    ] == market.state.carbon.issuances.pools["EXC"]
    assert 80 == market.state.ledger.supply["EXC-7-2025"]
    (refused,) = market.do(
        commands.DepositUnits(LOCAL_OPERATOR, ALPHA, "EXC-7-2025", 20, (pool_block,), "theft")
    )
    assert RejectCode.SERIAL_BLOCK_OVERLAPS is refused.code  # type: ignore[attr-defined]
    assert seq == market.execute(issue).duplicate_of
    (issued,) = market.do(commands.IssueUnits(LOCAL_OPERATOR, ALPHA, "EXC-7-2025", 5, "i-2"))
    assert SerialBlock("EXC", OWN_BATCH, 101, 105) == issued.block  # type: ignore[attr-defined]


def test_named_buffer_serials_stay_out(market: Market) -> None:
    """Serials that a registry's pool holds cannot be brought in, and an issuance is noted once."""
    block = SerialBlock("VCS", "pool", 1, 30)
    record = RecordIssuance(LOCAL_OPERATOR, V18, "2020-01-31", 100, 30, "r-1", (block,))

    assert [IssuanceRecorded(LOCAL_OPERATOR, V18, "2020-01-31", 100, 30, "r-1", (block,))] == market.do(
        record
    )
    seq = market.state.last_seq
    assert seq == market.execute(record).duplicate_of
    (refused,) = market.do(commands.DepositUnits(LOCAL_OPERATOR, ALPHA, V18, 30, (block,), "d-1"))
    assert RejectCode.SERIAL_BLOCK_OVERLAPS is refused.code  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"by": "alpha-key"}, RejectCode.NOT_PERMITTED),
        ({"class_id": "VCS-9-2020"}, RejectCode.UNKNOWN_CLASS),
        ({"class_id": "EXC-7-2025"}, RejectCode.NOT_PERMITTED),
        ({"issued_on": "31.1.2020"}, RejectCode.INVALID_DATE),
        ({"total": 0}, RejectCode.INVALID_AMOUNT),
        ({"buffer": 100}, RejectCode.INVALID_AMOUNT),
        ({"buffer": -1}, RejectCode.INVALID_AMOUNT),
        ({"reference": ""}, RejectCode.INVALID_PARAMS),
        ({"reference": "used"}, RejectCode.REFERENCE_REUSED),
        ({"buffer_blocks": (SerialBlock("VCS", "x", 1, 29),)}, RejectCode.SERIAL_BLOCK_INVALID),
        ({"buffer_blocks": (SerialBlock("VCS", "opening-2018", 1, 30),)}, RejectCode.SERIAL_BLOCK_OVERLAPS),
    ],
)
def test_refused(market: Market, terms: dict[str, object], code: RejectCode) -> None:
    """What cannot be an issuance is not noted."""
    market.do(commands.RegisterClass(LOCAL_OPERATOR, OWN_CLASS))
    market.do(RecordIssuance(LOCAL_OPERATOR, V18, "2020-01-31", 1, 0, "used"))
    known: dict[str, object] = {
        "by": LOCAL_OPERATOR,
        "class_id": V18,
        "issued_on": "2020-01-31",
        "total": 100,
        "buffer": 30,
        "reference": "r-1",
    }

    (refused,) = market.do(RecordIssuance(**{**known, **terms}))  # type: ignore[arg-type]

    assert isinstance(refused, RequestRefused)
    assert code is refused.code


def test_a_share_of_the_own_registry_is_checked(market: Market) -> None:
    """A negative share is refused before anything is numbered."""
    market.do(commands.RegisterClass(LOCAL_OPERATOR, OWN_CLASS))

    (refused,) = market.do(commands.IssueUnits(LOCAL_OPERATOR, ALPHA, "EXC-7-2025", 80, "i-1", buffer=-1))

    assert RejectCode.SERIAL_BLOCK_INVALID is refused.code  # type: ignore[attr-defined]


def test_draws_split_blocks(market: Market) -> None:
    """The pool gives its lowest serials first and keeps the rest of a block; it cannot give what it has not."""
    first, second = SerialBlock("VCS", "a", 1, 10), SerialBlock("VCS", "b", 1, 10)
    market.do(RecordIssuance(LOCAL_OPERATOR, V18, "2020-01-31", 100, 20, "r-1", (first, second)))
    issuances = market.state.carbon.issuances

    (draw,) = choose_draws(issuances.pools["VCS"], 13)
    assert (first, SerialBlock("VCS", "b", 1, 3)) == draw.blocks
    (left,) = [contribution.less(draw) for contribution in issuances.pools["VCS"]]
    assert (7, (SerialBlock("VCS", "b", 4, 10),)) == (left.quantity, left.blocks)

    (short,) = choose_draws([left], 6)
    assert (SerialBlock("VCS", "b", 4, 9),) == short.blocks
    for damage in (Contribution(1, V18, 2018, "1340", 5), Contribution(2, V18, 2018, "1340", 50)):
        with pytest.raises(ValueError):
            take_draws(issuances, "VCS", choose_draws([damage], 50))
    with pytest.raises(ValueError):
        take_draws(issuances, "VCS", choose_draws([Contribution(draw.issuance, V18, 2018, "1340", 50)], 50))
