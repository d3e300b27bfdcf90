"""The tape and the candles of an instrument."""

from __future__ import annotations

from msgspec.structs import astuple

from exchange.domain.events import Fill
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.orders import Side
from gateway.market_activity import INTERVALS_NS, MINUTE_NS, TAPE_TRADES, MarketActivity


def fill(price: int, quantity: int = 1) -> Fill:
    return Fill(
        instrument="RIMBA-19",
        maker_order_id=1,
        taker_order_id=2,
        taker_side=Side.BUY,
        price=price,
        quantity=quantity,
        buyer="alpha",
        seller="beta",
        currency="EUR",
        amount=price * quantity,
        buyer_fee=0,
        seller_fee=0,
        buyer_release=0,
        delivered=(),
        rule=LOWEST_SERIAL,
        settlement_date="2026-11-23",
    )


def test_candles_of_one_minute() -> None:
    """Open, high, low, close, volume and number of trades are those of the interval, and the next has its own."""
    activity = MarketActivity()
    day = INTERVALS_NS["1d"]
    start = 20_000 * day
    for seq, (offset, price, quantity) in enumerate(
        [(0, 10, 1), (1, 12, 2), (2, 9, 3), (MINUTE_NS - 1, 11, 4), (MINUTE_NS, 20, 5)], 1
    ):
        activity.trade(seq, start + offset, fill(price, quantity))
    assert [
        (start, 10, 12, 9, 11, 10, 4, 4),
        (start + MINUTE_NS, 20, 20, 20, 20, 5, 1, 5),
    ] == [astuple(candle) for candle in activity.candles[MINUTE_NS]]
    assert [(start, 10, 20, 9, 20, 15, 5, 5)] == [astuple(candle) for candle in activity.candles[day]]
    assert 15 == activity.volume_since(start)
    assert 0 == activity.volume_since(start + day)


def test_tape_is_bounded_and_tells_what_it_dropped() -> None:
    """Only the last trades are kept; the id of the last one dropped is known."""
    activity = MarketActivity()
    for seq in range(1, TAPE_TRADES + 4):
        activity.trade(seq, seq, fill(seq))
    assert (3, TAPE_TRADES + 3) == (activity.dropped_seq, activity.last_trade_id)
    assert [TAPE_TRADES + 2, TAPE_TRADES + 3] == [
        trade.trade_id for trade in activity.trades_after(TAPE_TRADES + 1)
    ]
    assert [] == activity.trades_after(TAPE_TRADES + 3)
    assert TAPE_TRADES == len(activity.trades_after(0))
