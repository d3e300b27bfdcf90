"""Issuance totals, reversals, freezes, labels and deliverability over HTTP: for anybody, and nobody's account in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.freeze_forms import EndFreeze, FreezeCause, FreezeOutcome, FreezeUnits
from exchange.domain.carbon.issuance_forms import RecordIssuance
from exchange.domain.carbon.label_forms import GiveLabel, WithdrawLabel
from exchange.domain.carbon.project_forms import Mitigation, Project, RegisterProject
from exchange.domain.carbon.reversal_forms import ReportReversal, ReversalCause
from exchange.domain.commands import CloseDay, ListInstrument
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from tests.exchange.registry.settled import settle
from tests.market import BASKET, V18, V19

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.http.conftest import HttpClient

BY = LOCAL_OPERATOR
REGISTER = "/api/v1/register"


async def test_issuances_and_reversals(exchange: RunningExchange, http: HttpClient) -> None:
    """Totals with the buffer's share page by page, the pools, and what makes a reversal good."""
    for number, class_id in enumerate((V18, V19, V18)):
        await exchange.do(RecordIssuance(BY, class_id, "2021-06-30", 100, 30 + number, f"i-{number}"))
    report = ReportReversal(
        BY, "VCS", "1340", "fire-1", ReversalCause.UNINTENTIONAL, "2026-01-01", 50, "wildfire"
    )
    await exchange.do(report)

    page = await http.json(f"{REGISTER}/issuance-totals", "IssuanceTotals", limit=2)
    rest = await http.json(
        f"{REGISTER}/issuance-totals", "IssuanceTotals", after_seq=page["next_after_seq"], class_id=V18
    )
    assert [(V18, 30, 300_000), (V19, 31, 310_000), (V18, 32, 320_000)] == [
        (row["class_id"], row["buffer"], row["buffer_ppm"]) for row in page["issuances"] + rest["issuances"]
    ]
    assert rest["next_after_seq"] is None
    assert [{"registry": "VCS", "units": 43}] == page["buffer_pools"]
    (reversal,) = (await http.json(f"{REGISTER}/reversals", "Reversals"))["reversals"]
    assert ("fire-1", 50, 0, 0) == tuple(
        reversal[name] for name in ("reference", "retired_by_pool", "uncovered", "owed")
    )


async def test_freezes(exchange: RunningExchange, http: HttpClient) -> None:
    """What is frozen, why, and which instruments it concerns, until it ends."""
    block = SerialBlock("VCS", "opening-2019", 399_991, 400_010)
    await exchange.do(FreezeUnits(BY, "recall-1", FreezeCause.RECALL, "issued in error", (block,)))

    (live,) = (await http.json(f"{REGISTER}/freezes", "Freezes"))["freezes"]
    await exchange.do(EndFreeze(BY, "recall-1", FreezeOutcome.RELEASED, "all is well"))
    (ended,) = (await http.json(f"{REGISTER}/freezes", "Freezes"))["freezes"]

    assert (["opening-2019 [399991 to 400010]"], 20, 10, ["NATURE", "RIMBA-19"], 0, None) == tuple(
        live[name] for name in ("serials", "quantity", "frozen_here", "instruments", "ended_seq", "outcome")
    )
    assert (0, [], "released") == tuple(ended[name] for name in ("frozen_here", "instruments", "outcome"))


async def test_labels_and_what_is_deliverable(exchange: RunningExchange, http: HttpClient) -> None:
    """A label with its days, and the answer for any pair of a day and a knowledge."""
    basket = msgspec.structs.replace(BASKET, symbol="CCP", classes=(), rule=BasketRule(labels=("CCP",)))
    await exchange.do(ListInstrument(BY, basket))
    await exchange.do(GiveLabel(BY, V19, "CCP", "2026-11-01"))
    await exchange.do(CloseDay(BY, "2026-11-24"))
    await exchange.do(WithdrawLabel(BY, V19, "CCP", "2026-11-24"))

    said = await http.json(f"{REGISTER}/labels", "Labels", class_id=V19)
    assert ([], [True, False]) == (said["today"], [row["holds"] for row in said["statements"]])
    path = "/api/v1/instruments/CCP/deliverable"
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"known_on": "2026-11-23"},
        {"valid_on": "2026-11-23"},
        {"valid_on": "2026-10-31"},
    )
    answers = [await http.json(path, "Deliverable", class_id=V19, **days) for days in asked]
    assert [False, True, True, False] == [answer["deliverable"] for answer in answers]
    assert ["label CCP is missing"] == answers[0]["obstacles"]
    refusals = [
        (await http.refusal(path, 404, class_id="VCS-9-2020"))[0],
        (await http.refusal(f"{REGISTER}/labels", 404, class_id="VCS-9-2020"))[0],
        (await http.refusal(path, 400, class_id=V19, valid_on="2026-02-30"))[0],
    ]
    assert [RejectCode.UNKNOWN_CLASS, RejectCode.UNKNOWN_CLASS, RejectCode.INVALID_DATE] == refusals


async def test_projects_as_they_were_described_last(exchange: RunningExchange, http: HttpClient) -> None:
    """The register of projects tells their type, methodology and mitigation."""
    for name in ("Rimba", "Rimba Raya Biodiversity Reserve"):
        project = Project("VCS", "1340", name, "ID", "Forest", "VM0004", Mitigation.REDUCTION)
        await exchange.do(RegisterProject(BY, project))
    await settle(exchange.dsn)

    page = await http.json(f"{REGISTER}/projects", "RegisteredProjects", registry="VCS")

    (row,) = page["rows"]
    assert ("Rimba Raya Biodiversity Reserve", "Forest", "VM0004", "reduction") == tuple(
        row[name] for name in ("name", "project_type", "methodology", "mitigation")
    )
