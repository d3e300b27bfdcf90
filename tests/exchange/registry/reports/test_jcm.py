"""The report on the Joint Crediting Mechanism."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchange.domain.carbon.article6_forms import SetJcmTarget
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.registry.reports import jcm
from exchange.registry.reports.outcomes import fold
from tests.jcm import V24, JcmMarket

if TYPE_CHECKING:
    from exchange.registry.reports.table import Table

PLAN = "Plan for Global Warming Countermeasures, 18 February 2025"


@pytest.fixture(scope="module")
def market() -> JcmMarket:
    """Two issuances shared between two Parties and a broker, and a third one after the fiscal year 2030."""
    market = JcmMarket()
    market.authorise()
    market.issue(("mn", 30), ("jp", 60), ("jp-2", 10))
    market.issue(("jp", 20), ("broker", 5), class_id=V24)
    for fiscal_year, quantity in ((2030, 100), (2030, 100_000_000), (2040, 200_000_000)):
        market.do(SetJcmTarget(LOCAL_OPERATOR, "JPN", fiscal_year, quantity, PLAN))
    market.close_day("2031-04-01")
    market.issue(("jp", 1000))
    return market


def tables(market: JcmMarket, date: str = "2031-04-01") -> dict[str, Table]:
    return {table.title: table for table in jcm.tables(fold(market.recorded, date))}


def test_projects_and_partner_countries(market: JcmMarket) -> None:
    """Volumes of each project and of each partner, in the order in which partners joined."""
    made = tables(market)

    assert (("MNG", "EXC", "MN003", "Solar power at Darkhan", 2, 1125, 1090),) == made["Projects"].rows
    assert (
        (1, "MNG", "Mongolia", 1, 1125, 1090, 30),
        (16, "THA", "Thailand", 0, 0, 0, 0),
    ) == made["Partner countries"].rows


def test_shares_of_the_parties(market: JcmMarket) -> None:
    """By whose accounts the units were issued to; accounts of no Party are named as such."""
    assert (
        (None, "Accounts of no Party", 5, "4.0000"),
        ("JPN", "Japan", 90, "72.0000"),
        ("MNG", "Mongolia", 30, "24.0000"),
    ) == tables(market, "2026-11-23")["Shares"].rows


def test_progress_to_the_targets(market: JcmMarket) -> None:
    """Cumulated to the end of each fiscal year; the later decision on a year counts."""
    assert (
        ("JPN", 2030, 100_000_000, 125, "0.0001", 99_999_875, PLAN),
        ("JPN", 2040, 200_000_000, 1125, "0.0005", 199_998_875, PLAN),
    ) == tables(market)["Targets"].rows


def test_shares_of_nothing() -> None:
    """Before anything was issued, no share is more than nothing."""
    assert "0.0000" == jcm.percent(0, 0)
