"""A sea wall whose avoided rebuilding is estimated, and its ex-ante class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import commands
from exchange.domain.carbon.ex_ante_forms import (
    EstimateExAnte,
    EvidenceDocument,
    ExAnteEvidence,
    HazardYear,
)
from exchange.domain.carbon.project_forms import Crediting
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Instrument
from tests.market import ALPHA

if TYPE_CHECKING:
    from exchange.domain.commands import Command
    from tests.market import Market

POTENTIAL = CreditClass(
    "EXC-WALL-EXANTE", "EXC", "WALL", "Sea wall", 2035, country="JP", crediting=Crediting.EX_ANTE
)
VERIFIED = CreditClass("EXC-WALL-2027", "EXC", "WALL", "Sea wall", 2027, country="JP")
INSTRUMENT = Instrument(
    symbol="WALL",
    name="Sea wall, potential",
    classes=(POTENTIAL.class_id,),
    currency="EUR",
    tick=1,
    price_decimals=2,
    lot=1,
    minimum_quantity=1,
    maximum_quantity=1_000_000,
    reference_price_ticks=500,
    band_ppm=900_000,
    maker_fee_ppm=0,
    taker_fee_ppm=0,
)
EVIDENCE = ExAnteEvidence(
    project="WALL",
    measure="sea wall of 1.2 km",
    damage_unit="m2 of floor",
    base_year=2026,
    discount_rate="0.04",
    years=(
        HazardYear(2026, "0.02", "150000", "0.6", "0.35"),
        HazardYear(2027, "0.02", "150000", "0.6", "0.35"),
        HazardYear(2028, "0.025", "160000", "0.55", "0.34"),
    ),
    documents=(EvidenceDocument("hazard map", "ab" * 32),),
)
"""630, 630 and 748 t; discounted 630, 605.769230 and 691.568047 t: 1,927 units."""
EVIDENCE_SHA256 = "cd" * 32
REPORT_SHA256 = "ef" * 32
UNITS = 1927


def issuing(account: str, issued: int = UNITS) -> list[Command]:
    """Register both classes, list, estimate, and issue units to an account."""
    by = LOCAL_OPERATOR
    return [
        *(commands.RegisterClass(by, known) for known in (POTENTIAL, VERIFIED)),
        commands.ListInstrument(by, INSTRUMENT),
        EstimateExAnte(by, POTENTIAL.class_id, EVIDENCE, EVIDENCE_SHA256),
        commands.IssueUnits(by, account, POTENTIAL.class_id, issued, "issue"),
    ]


def estimated_market(market: Market, issued: int = UNITS) -> None:
    """The same in a market, for alpha."""
    for command in issuing(ALPHA, issued):
        market.do(command)
