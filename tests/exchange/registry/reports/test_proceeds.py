"""The report on proceeds: shares, sums and sales, as of any date."""

from __future__ import annotations

from exchange.registry.reports.proceeds import tables
from exchange.registry.reports.table import to_csv, to_json
from exchange.registry.reports.venue_history import VenueHistory
from tests.exchange.domain.carbon.primary_sales import SPOT, seller_in
from tests.market import Market


def history_of(market: Market, seqs: int) -> VenueHistory:
    """The venue after so many events."""
    history = VenueHistory()
    for recorded in market.recorded[:seqs]:
        history.apply(recorded)
    return history


def test_shares_sums_and_sales() -> None:
    """What each got adds up, over trades and days; a project without sales is empty, and the bytes are always the same."""
    market = Market()
    seller = seller_in(market)
    trades = []
    for quantity in (7, 3):
        seller.rest(seller.sell(quantity, 1003, SPOT.symbol))
        market.alpha.place(market.alpha.buy(quantity, 1003, SPOT.symbol))
        trades.append(market.state.last_seq - 3)
        market.close_day("2026-11-24" if quantity == 7 else "2026-11-25")
    history = history_of(market, len(market.recorded))

    shares, paid, sales = tables(history)

    assert [
        ("CAR", "1568", "Laguna Om", "forest-sales", "community", "community-1", "60.0000"),
        ("CAR", "1568", "Laguna Om", "forest-sales", "developer", "forest-sales", "38.5000"),
        ("CAR", "1568", "Laguna Om", "forest-sales", "registry_fee", "VENUE", "1.5000"),
    ] == list(shares.rows)
    assert [("community", "60.11"), ("developer", "38.57"), ("registry_fee", "1.50")] == [
        (row[2], row[5]) for row in paid.rows
    ]
    assert [
        (trades[0], "2026-11-23", 7, "70.13", "42.08"),
        (trades[0], "2026-11-23", 7, "70.13", "27.00"),
        (trades[0], "2026-11-23", 7, "70.13", "1.05"),
        (trades[1], "2026-11-24", 3, "30.05", "18.03"),
        (trades[1], "2026-11-24", 3, "30.05", "11.57"),
        (trades[1], "2026-11-24", 3, "30.05", "0.45"),
    ] == [(*row[:2], row[3], row[5], row[8]) for row in sales.rows]
    assert [3, 3, 6] == [len(table.rows) for table in tables(history, "CAR/1568")]
    assert [0, 0, 0] == [len(table.rows) for table in tables(history, "CAR/9000")]
    again = history_of(market, len(market.recorded))
    assert (to_json(tables(history)), to_csv(tables(history))) == (
        to_json(tables(again)),
        to_csv(tables(again)),
    )
