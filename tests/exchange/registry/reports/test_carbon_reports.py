"""Blast radius, reversals, issuances and deliverability as projections of the log: what they say, and the same bytes again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.freeze_forms import EndFreeze, FreezeCause, FreezeOutcome, FreezeUnits
from exchange.domain.carbon.issuance_forms import RecordIssuance
from exchange.domain.carbon.label_forms import GiveLabel, WithdrawLabel
from exchange.domain.carbon.project_forms import Mitigation, Project, RegisterProject
from exchange.domain.carbon.reversal_forms import MakeGoodReversal, ReportReversal, ReversalCause
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import SerialBlock
from exchange.registry.reports import blast_radius, deliverability, issuances, reversals
from exchange.registry.reports.table import Table, to_csv, to_json
from exchange.registry.reports.venue_history import VenueHistory
from tests.market import ALPHA, BASKET, BETA, GAMMA, PROJECT, UNITS, V18, V19, Market

if TYPE_CHECKING:
    from exchange.registry.reports.table import Cell

BY = LOCAL_OPERATOR
BATCH = "opening-2019"
BETA_FIRST, GAMMA_FIRST = 2 * UNITS + 1, 3 * UNITS + 1
LATER = msgspec.structs.replace(PROJECT, symbol="LATER", settlement_days=2)


def history(market: Market) -> VenueHistory:
    """A fold of everything that the market did."""
    folded = VenueHistory()
    for recorded in market.recorded:
        folded.apply(recorded)
    return folded


def rows(tables: list[Table]) -> dict[str, list[tuple[Cell, ...]]]:
    return {table.title: list(table.rows) for table in tables}


def serials(first: int, last: int) -> SerialBlock:
    return SerialBlock("VCS", BATCH, first, last)


def text(first: int, last: int) -> str:
    return f"{BATCH} [{first} to {last}]"


def test_blast_radius() -> None:
    """Holdings, orders that ended and that stay, trades, baskets, certificates, and serials that nobody here has."""
    market = Market()
    market.deposit_cash(ALPHA, 10**9)
    market.list_instrument(LATER)
    market.do(market.beta.retire_command(V19, 10, "r-1"))
    retirement = market.state.last_seq
    kept = market.beta.rest(market.beta.sell(50, 1100))
    market.beta.rest(market.beta.sell(20, 1000, LATER.symbol))
    market.alpha.place(market.alpha.buy(20, 1000, LATER.symbol))
    moved_trade = market.state.last_seq
    market.gamma.rest(market.gamma.sell(UNITS, 1000, LATER.symbol))
    market.alpha.place(market.alpha.buy(UNITS // 2, 1000, LATER.symbol))
    lost_trade = market.state.last_seq
    rest = next(iter(market.state.account_orders[GAMMA]))

    # The last ten of beta's retired ones, five of beta's that wait for alpha, all of gamma's, and some that never came in.
    block = FreezeUnits(
        BY,
        "recall-1",
        FreezeCause.RECALL,
        "issued in error",
        (serials(BETA_FIRST + 5, BETA_FIRST + 14), serials(GAMMA_FIRST, 4 * UNITS + 7)),
    )
    market.do(block)

    found = history(market)
    tables = blast_radius.tables(found, "recall-1")
    assert {
        "Freeze": [
            (
                "recall-1",
                "recall",
                "issued in error",
                found.state.carbon.freezes.by_id["recall-1"].seq,
                None,
                None,
            )
        ],
        "Holdings": [
            (BETA, V19, text(BETA_FIRST + 10, BETA_FIRST + 14), 5),
            (GAMMA, V19, text(GAMMA_FIRST, 4 * UNITS), UNITS),
        ],
        "Orders": [
            (rest, GAMMA, LATER.symbol, UNITS // 2, "cancelled"),
            (kept, BETA, PROJECT.symbol, 50, "open, covered by other serials"),
        ],
        "Unsettled trades": [
            (lost_trade, GAMMA, UNITS // 2, "cancelled"),
            (moved_trade, BETA, 5, "other serials take their place"),
        ],
        "Baskets": [(LATER.symbol, V19), (BASKET.symbol, V19), (PROJECT.symbol, V19)],
        "Certificates": [(retirement, "2026-11-23", "Acme", V19, text(BETA_FIRST + 5, BETA_FIRST + 9), 5)],
        "Elsewhere": [("VCS", text(4 * UNITS + 1, 4 * UNITS + 7), 7)],
    } == rows(tables)
    again = blast_radius.tables(history(market), "recall-1")
    assert (to_json(tables), to_csv(tables)) == (to_json(again), to_csv(again))
    market.do(EndFreeze(BY, "recall-1", FreezeOutcome.RELEASED, "all is well"))
    ((*_, outcome),) = rows(blast_radius.tables(history(market), "recall-1"))["Freeze"]
    assert "released" == outcome
    with pytest.raises(Reject) as refused:
        blast_radius.tables(found, "recall-9")
    assert RejectCode.UNKNOWN_FREEZE is refused.value.code


def reported(cause: ReversalCause, reference: str, quantity: int, occurred_on: str) -> ReportReversal:
    return ReportReversal(BY, "VCS", "1340", reference, cause, occurred_on, quantity, "fire")


def test_reversals_and_the_certificates_that_they_touch() -> None:
    """Each cover has its name, and vintages after the year of the reversal are not touched."""
    market = Market()
    pool = SerialBlock("VCS", "pool", 1, 30)
    market.do(RecordIssuance(BY, V18, "2019-06-30", 100, 30, "i-1", (pool,)))
    issuance = market.state.last_seq
    for class_id, reference in ((V18, "r-1"), (V19, "r-2")):
        market.do(market.alpha.retire_command(class_id, 7, reference))
    certificates = [market.state.last_seq - 1, market.state.last_seq]
    unintentional, intentional = ReversalCause.UNINTENTIONAL, ReversalCause.INTENTIONAL
    market.do(reported(unintentional, "covered", 20, "2018-12-31"))
    market.do(reported(unintentional, "partly", 20, "2026-01-01"))
    market.do(reported(intentional, "owed", 5, "2018-01-01"))
    market.do(reported(intentional, "good", 5, "2018-01-01"))
    (units,) = market.state.holdings.lowest(BETA, V18, 5)
    market.do(MakeGoodReversal(BY, "good", BETA, V18, (units,), "g-1"))

    found = rows(reversals.tables(history(market)))

    assert [
        ("covered", "VCS", "1340", "unintentional", "2018-12-31", 20, 20, 0, 0, 0),
        ("partly", "VCS", "1340", "unintentional", "2026-01-01", 20, 10, 10, 0, 0),
        ("owed", "VCS", "1340", "intentional", "2018-01-01", 5, 0, 0, 0, 5),
        ("good", "VCS", "1340", "intentional", "2018-01-01", 5, 0, 0, 5, 0),
    ] == found["Reversals"]
    assert [
        ("covered", V18, issuance, 20, "pool [1 to 20]"),
        ("partly", V18, issuance, 10, "pool [21 to 30]"),
    ] == found["Buffer units retired"]
    day = "2026-11-23"
    assert [
        ("covered", certificates[0], day, "Acme", V18, 7, "covered by the pool"),
        ("partly", certificates[0], day, "Acme", V18, 7, "covered by the pool in part"),
        ("partly", certificates[1], day, "Acme", V19, 7, "covered by the pool in part"),
        ("owed", certificates[0], day, "Acme", V18, 7, "owed by the owner"),
        ("good", certificates[0], day, "Acme", V18, 7, "made good by the owner"),
    ] == found["Certificates touched"]
    (only,) = rows(reversals.tables(history(market), "good"))["Reversals"]
    assert "good" == only[0]


def test_issuances() -> None:
    """Issuances with what is known of their project, and the pools."""
    market = Market()
    project = Project("VCS", "1340", "Rimba Raya", "ID", "Forest", "VM0004", Mitigation.REDUCTION)
    market.do(RegisterProject(BY, project))
    market.do(RecordIssuance(BY, V18, "2019-06-30", 300, 100, "i-1"))
    market.do(RecordIssuance(BY, V19, "2020-06-30", 300, 0, "i-1"))
    market.do(reported(ReversalCause.UNINTENTIONAL, "fire", 20, "2020-12-31"))

    found = rows(issuances.tables(history(market).state))

    about = ("VCS", "1340", "Rimba Raya", "ID", "Forest", "VM0004", "reduction", "ex_post")
    assert [
        (*about, V18, 2018, "2019-06-30", 300, 100, "33.3333"),
        (*about, V19, 2019, "2020-06-30", 300, 0, "0.0000"),
    ] == found["Issuances"]
    assert [("VCS", 100, 20, 80)] == found["Buffer pools"]


def test_deliverability_of_a_trade() -> None:
    """At the trade, at its settlement and today: what was known then decides."""
    market = Market()
    rule = BasketRule(labels=("CCP",))
    market.list_instrument(
        msgspec.structs.replace(BASKET, symbol="CCP", classes=(), rule=rule, settlement_days=2)
    )
    market.do(GiveLabel(BY, V19, "CCP", "2026-01-01"))
    market.beta.rest(market.beta.sell(5, 1000, "CCP"))
    market.alpha.place(market.alpha.buy(5, 1000, "CCP"))
    trade = market.state.last_seq
    market.close_day("2026-11-24")
    market.do(WithdrawLabel(BY, V19, "CCP", "2026-11-20"))
    market.close_day("2026-11-25")
    market.close_day("2026-11-26")
    market.do(GiveLabel(BY, V19, "CCP", "2026-11-26"))

    (table,) = deliverability.trade_tables(history(market), trade)

    missing = "label CCP is missing"
    assert (
        ("trade", "CCP", V19, "2026-11-23", "2026-11-23", True, None),
        ("settlement", "CCP", V19, "2026-11-25", "2026-11-25", False, missing),
        ("today", "CCP", V19, "2026-11-26", "2026-11-26", True, None),
    ) == table.rows
    (table,) = deliverability.tables(market.state, "CCP", "", "2026-11-26", "2026-11-26")
    assert {V18: False, V19: True} == {row[1]: row[4] for row in table.rows if row[1] in {V18, V19}}
    with pytest.raises(Reject):
        deliverability.trade_tables(history(market), 1)
    for symbol, class_id in (("NOWHERE", ""), ("CCP", "VCS-9-2020")):
        with pytest.raises(Reject):
            deliverability.tables(market.state, symbol, class_id, "2026-11-26", "2026-11-26")
