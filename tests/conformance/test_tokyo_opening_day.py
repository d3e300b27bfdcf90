"""Tokyo's carbon credit market: its category instruments have its published terms, and its first day trades over the book.

There prices come from two call auctions a day; here each of the day's prints is an offer that a bid of the same price takes.
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from exchange.domain import commands
from exchange.domain.carbon.project_forms import Project, RegisterProject
from exchange.domain.events import Fill
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Instrument
from exchange.domain.serials import SerialBlock
from exchange.operations.admin.instrument_sets import instruments_to_list, read_set
from tests.market import ALPHA, BETA, Market

if TYPE_CHECKING:
    from pathlib import Path

SYMBOL_OF_PRINT = {
    "J-Credit Energy Saving": "JC-ENERGY-SAVING",
    "J-Credit Renewable Energy (Electric power)": "JC-RE-ELECTRICITY",
    "J-Credit Renewable Energy (Heat)": "JC-RE-HEAT",
    "J-Credit Forest Sink": "JC-FOREST",
    "J-VER (not yet transferred) forest sink": "JVER-FOREST",
}
NEITHER_TRADED = {"JC-RE-MIX": "2000", "JC-OTHER": "1000"}
JPY = 100_000_000
UNITS = 5000


@pytest.fixture(scope="module")
def rules(data_dir: Path) -> Any:
    """Gives the published rules."""
    return json.loads((data_dir / "carbon" / "tse_rules.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def prints(data_dir: Path) -> list[dict[str, str]]:
    """Gives the prints of 11 October 2023."""
    path = data_dir / "carbon" / "tse_opening_day_2023_10_11.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def tokyo(market: Market) -> dict[str, Instrument]:
    """The instruments of the set, listed, by symbol."""
    market.do(commands.SetCalendar(LOCAL_OPERATOR, "XJPX", ("2026-11-23",)))
    wanted = instruments_to_list(read_set("tokyo"), market.state, NEITHER_TRADED)
    for instrument in wanted:
        market.list_instrument(instrument)
    return {instrument.symbol: instrument for instrument in wanted}


def certified(market: Market, number: int, instrument: Instrument) -> CreditClass:
    """A certification of the instrument's category, whose credits alpha has."""
    assert instrument.rule is not None
    (category,) = instrument.rule.project_types
    code = f"{'JP-JRM' if 'VER' in instrument.symbol else 'JC-ER'}-{number}"
    known = CreditClass(f"{code}-2022", "J-CREDIT", code, f"Certification {number}", 2022, country="JP")
    market.do(RegisterProject(LOCAL_OPERATOR, Project("J-CREDIT", code, known.name, "JP", category)))
    market.do(commands.RegisterClass(LOCAL_OPERATOR, known))
    block = SerialBlock("J-CREDIT", f"{code}-{{first}} to {{last}}", 1, UNITS)
    market.do(commands.DepositUnits(LOCAL_OPERATOR, ALPHA, known.class_id, UNITS, (block,), code))
    return known


def test_terms_are_the_published_ones(rules: Any) -> None:
    """Every category is there, with tick, lot, band and cycle of the market, and its launch price where one was announced."""
    market = Market()
    listed = tokyo(market)
    published = rules["j_credit"]
    categories = [category.split(" - ")[0] for category in rules["categories"]]
    assert sorted(categories) == sorted(
        project_type
        for instrument in listed.values()
        if instrument.rule is not None
        for project_type in instrument.rule.project_types
        if "J-VER" not in project_type
    )
    assert "reference +-90%" in published["price_limit"]
    assert "T+5" in published["settlement"]
    for instrument in listed.values():
        assert (published["tick_jpy"], published["lot_t"], "JPY", 0) == (
            instrument.tick,
            instrument.lot,
            instrument.currency,
            instrument.price_decimals,
        )
        assert (900_000, 5, "XJPX") == (instrument.band_ppm, instrument.settlement_days, instrument.calendar)
    launch = rules["reference_prices_on_category_launch_2025_01_06"]
    assert (launch["mid_season_drainage"], launch["biochar"]) == (
        listed["JC-DRAINAGE"].reference_price_ticks,
        listed["JC-BIOCHAR"].reference_price_ticks,
    )
    # A category that is split off begins with its parent's price.
    assert (
        listed["JC-RE-ELECTRICITY"].reference_price_ticks
        == listed["JC-RE-WOOD-BIOMASS"].reference_price_ticks
    )


def test_the_first_day_replays_over_the_book(prints: list[dict[str, str]]) -> None:
    """Eight prints of both sessions: each fills at its price and volume, out of any certification of its category."""
    market = Market()
    listed = tokyo(market)
    market.deposit_cash(BETA, JPY, "JPY")
    classes = {
        symbol: certified(market, number, listed[symbol])
        for number, symbol in enumerate(sorted(set(SYMBOL_OF_PRINT.values())), 1)
    }
    traded = []
    for row in prints:
        symbol = SYMBOL_OF_PRINT[row["category"]]
        price, volume = int(row["price_jpy"]), int(row["volume_t"])
        market.alpha.rest(market.alpha.sell(volume, price, symbol))
        (*_, fill) = market.beta.place(market.beta.buy(volume, price, symbol))
        assert isinstance(fill, Fill)
        assert ((classes[symbol].class_id, volume),) == fill.delivered
        # The sixth business day counting the trade day.
        assert "2026-11-30" == fill.settlement_date
        traded.append((symbol, fill.price, fill.quantity, fill.amount))
    assert [
        (
            SYMBOL_OF_PRINT[row["category"]],
            int(row["price_jpy"]),
            int(row["volume_t"]),
            int(row["price_jpy"]) * int(row["volume_t"]),
        )
        for row in prints
    ] == traded
    last = {SYMBOL_OF_PRINT[row["category"]]: int(row["price_jpy"]) for row in prints}
    assert last == {symbol: market.state.listings[symbol].last_price for symbol in last}
    total = sum(amount for *_, amount in traded)
    for date in ("2026-11-27", "2026-11-30"):
        assert JPY == market.balance(BETA, "JPY")[0]
        market.close_day(date)
    assert (JPY - total, 0) == market.balance(BETA, "JPY")
