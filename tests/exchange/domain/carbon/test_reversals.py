"""Reversals: the pool retires for what the owner could not help, the owner for what they did."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from exchange.domain import commands
from exchange.domain.carbon.issuance_forms import Draw, RecordIssuance
from exchange.domain.carbon.reversal_forms import (
    MakeGoodReversal,
    ReportReversal,
    ReversalCause,
    ReversalMadeGood,
    ReversalRecorded,
)
from exchange.domain.events import RequestRefused, UnitsCancelled
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Unit
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from tests.market import ALPHA, V18, V19, V20, Market

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

INTENTIONAL, UNINTENTIONAL = ReversalCause.INTENTIONAL, ReversalCause.UNINTENTIONAL


def report(cause: ReversalCause, quantity: int, reference: str = "rev-1", **terms: Any) -> ReportReversal:
    """A reversal of the project 1340 of VCS."""
    known: dict[str, Any] = {
        "by": LOCAL_OPERATOR,
        "registry": "VCS",
        "project": "1340",
        "reference": reference,
        "cause": cause,
        "occurred_on": "2026-08-15",
        "quantity": quantity,
        "reason": "fire",
    }
    return ReportReversal(**{**known, **terms})


def contribute(market: Market, class_id: str, buffer: int, reference: str) -> int:
    """Fill the pool; answers the issuance's seq."""
    market.do(RecordIssuance(LOCAL_OPERATOR, class_id, "2020-01-31", buffer * 5, buffer, reference))
    return market.state.last_seq


def test_the_pool_retires_oldest_vintages_first(market: Market) -> None:
    """An unintentional reversal ends units of the pool, whoever put them in; the account of the shortfall is kept."""
    newer = contribute(market, V19, 50, "r-1")
    older = contribute(market, V18, 30, "r-2")

    command = report(UNINTENTIONAL, 60)
    (event,) = market.do(command)

    drawn = (Draw(older, V18, 30), Draw(newer, V19, 30))
    assert (drawn, 0, 0) == (event.drawn, event.uncovered, event.owed)  # type: ignore[attr-defined]
    assert 20 == market.state.carbon.issuances.pool_units("VCS")
    assert market.state.last_seq == market.execute(command).duplicate_of

    (event,) = market.do(report(UNINTENTIONAL, 60, "rev-2"))
    assert isinstance(event, ReversalRecorded)
    assert ((Draw(newer, V19, 20),), 40) == (event.drawn, event.uncovered)
    assert 0 == market.state.carbon.issuances.pool_units("VCS")


def test_the_owner_makes_good(market: Market) -> None:
    """After an intentional reversal nothing is issued to the project until as many units are cancelled for it."""
    market.do(report(INTENTIONAL, 100))
    record = RecordIssuance(LOCAL_OPERATOR, V18, "2026-01-31", 10, 1, "r-1")
    (refused,) = market.do(record)
    assert RejectCode.REVERSAL_OWED is refused.code  # type: ignore[attr-defined]

    block = SerialBlock("GS", "opening-2020", 1, 60)
    good = MakeGoodReversal(LOCAL_OPERATOR, "rev-1", ALPHA, V20, (block,), "good-1")
    reason = "reversal rev-1 made good"
    assert [
        UnitsCancelled(LOCAL_OPERATOR, ALPHA, V20, (block,), reason, "good-1"),
        ReversalMadeGood(LOCAL_OPERATOR, "rev-1", ALPHA, 60),
    ] == market.do(good)
    assert market.execute(good).duplicate_of
    assert {"VCS/1340": 40} == market.state.carbon.reversals.owed
    too_much = SerialBlock("GS", "opening-2020", 61, 101)
    (refused,) = market.do(MakeGoodReversal(LOCAL_OPERATOR, "rev-1", ALPHA, V20, (too_much,), "good-2"))
    assert RejectCode.INVALID_AMOUNT is refused.code  # type: ignore[attr-defined]
    rest = SerialBlock("GS", "opening-2020", 61, 100)
    market.do(MakeGoodReversal(LOCAL_OPERATOR, "rev-1", ALPHA, V20, (rest,), "good-2"))

    assert {} == market.state.carbon.reversals.owed
    assert ["issuance_recorded"] == [event.kind for event in market.do(record)]


def test_the_own_registry_stops_too(market: Market) -> None:
    """Units of the venue's own registry are not issued to a project that owes."""
    known = CreditClass("EXC-7-2025", "EXC", "7", "Forest", 2025)
    market.do(commands.RegisterClass(LOCAL_OPERATOR, known))
    market.do(report(INTENTIONAL, 1, registry="EXC", project="7"))

    for command in (
        commands.IssueUnits(LOCAL_OPERATOR, ALPHA, "EXC-7-2025", 80, "i-1"),
        commands.IssueShared(LOCAL_OPERATOR, "EXC-7-2025", ((ALPHA, 80),), "i-2"),
    ):
        (refused,) = market.do(command)
        assert RejectCode.REVERSAL_OWED is refused.code  # type: ignore[attr-defined]


def test_the_register_of_california(market: Market, data_dir: Path) -> None:
    """The buffer credits that California retired are those that the rule takes, vintage by vintage and project by project."""
    with (data_dir / "carbon" / "arb_buffer_reversal.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["type"] == "Forest"]
    retired: dict[str, int] = {}
    for number, row in enumerate(row for row in rows if row["vintage"]):
        vintage = int(float(row["vintage"]))
        known = CreditClass(f"ARB-{row['carb_id']}-{vintage}", "ARB", row["carb_id"], row["opr_id"], vintage)
        market.do(commands.RegisterClass(LOCAL_OPERATOR, known))
        issued, buffer = int(row["issued"]), int(row["forest_buffer"])
        market.do(
            RecordIssuance(
                LOCAL_OPERATOR, known.class_id, f"{vintage + 1}-06-30", issued, buffer, f"row-{number}"
            )
        )
        if int(row["buffer_retired"]):
            retired[known.class_id] = int(row["buffer_retired"])

    market.do(report(UNINTENTIONAL, sum(retired.values()), registry="ARB", project="CAFR5003"))
    (owing,) = [row for row in rows if row["intentional_reversal"]]
    owed = -int(float(owing["intentional_reversal"]))
    market.do(report(INTENTIONAL, owed, "rev-2", registry="ARB", project=owing["carb_id"]))

    reversals = market.state.carbon.reversals
    drawn = reversals.by_reference["rev-1"].drawn
    assert retired == {draw.class_id: draw.quantity for draw in drawn}
    assert (13, 815_175, {"ARB/CAFR5012": 27_150}) == (
        len(drawn),
        sum(draw.quantity for draw in drawn),
        reversals.owed,
    )


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"by": "alpha-key"}, RejectCode.NOT_PERMITTED),
        ({"reference": "no good"}, RejectCode.INVALID_PARAMS),
        ({"reference": "used"}, RejectCode.REFERENCE_REUSED),
        ({"project": "1"}, RejectCode.UNKNOWN_PROJECT),
        ({"occurred_on": "2026-11-24"}, RejectCode.INVALID_DATE),
        ({"quantity": 0}, RejectCode.INVALID_AMOUNT),
    ],
)
def test_refused_reports(market: Market, terms: dict[str, Any], code: RejectCode) -> None:
    """A reversal is of a known project and of the past, and told once."""
    market.do(report(INTENTIONAL, 5, "used"))

    (refused,) = market.do(report(INTENTIONAL, **{"quantity": 6, **terms}))

    assert isinstance(refused, RequestRefused)
    assert code is refused.code


def test_refused_amends(market: Market) -> None:
    """Nothing is made good that is not owed, nor in another unit."""
    kilograms = CreditClass("ISO-7-2025", "ISO", "7", "Bio-oil", 2025, Unit.KILOGRAM)
    market.do(commands.RegisterClass(LOCAL_OPERATOR, kilograms))
    market.deposit_units(ALPHA, "ISO-7-2025", 100)
    market.do(report(INTENTIONAL, 100))
    (serials,) = market.state.holdings.blocks(ALPHA, "ISO-7-2025")

    codes = [
        market.do(command)[0].code  # type: ignore[attr-defined]
        for command in (
            MakeGoodReversal("alpha-key", "rev-1", ALPHA, "ISO-7-2025", (serials,), "g"),
            MakeGoodReversal(LOCAL_OPERATOR, "rev-9", ALPHA, "ISO-7-2025", (serials,), "g"),
            MakeGoodReversal(LOCAL_OPERATOR, "rev-1", ALPHA, "ISO-7-2025", (serials,), "g"),
        )
    ]

    assert [RejectCode.NOT_PERMITTED, RejectCode.UNKNOWN_REVERSAL, RejectCode.INVALID_PARAMS] == codes
