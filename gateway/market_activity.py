"""Trades and candles of one instrument, kept from fills. Prices in ticks, times in nanoseconds UTC."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from exchange.domain.orders import Side

if TYPE_CHECKING:
    from exchange.domain.events import Fill

TAPE_TRADES = 1_000
LIVE_CANDLES = 60

MINUTE_NS = 60 * 10**9
INTERVALS_NS = {"1m": MINUTE_NS, "5m": 5 * MINUTE_NS, "1h": 60 * MINUTE_NS, "1d": 1440 * MINUTE_NS}


class Print(msgspec.Struct, frozen=True, gc=False):
    """One trade on the tape; `trade_id` is the seq of its fill."""

    trade_id: int
    price: int
    quantity: int
    taker_side: Side
    at: int


class LiveCandle(msgspec.Struct, eq=False):
    """Trades in `[start, start + interval)` so far; `seq` is that of the last of them."""

    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int
    seq: int


class MarketActivity:
    """The last trades of an instrument and the latest candles of every interval."""

    def __init__(self) -> None:
        self.tape: deque[Print] = deque(maxlen=TAPE_TRADES)
        """Oldest first."""
        self.dropped_seq = 0
        """Id of the last trade that is no longer on the tape, or was never put on it; 0: none."""
        self.candles: dict[int, deque[LiveCandle]] = {
            interval_ns: deque(maxlen=LIVE_CANDLES) for interval_ns in INTERVALS_NS.values()
        }
        """By interval in nanoseconds, oldest first; the last one may still grow."""

    @property
    def last_trade_id(self) -> int:
        """Id of the newest trade, 0 before the first."""
        return self.tape[-1].trade_id if self.tape else self.dropped_seq

    def trades_after(self, seq: int) -> list[Print]:
        """Trades on the tape with ids above `seq`, oldest first."""
        newer: list[Print] = []
        for trade in reversed(self.tape):
            if trade.trade_id <= seq:
                break
            newer.append(trade)
        newer.reverse()
        return newer

    def volume_since(self, start_ns: int) -> int:
        """Units traded in the UTC day that began at `start_ns`."""
        days = self.candles[INTERVALS_NS["1d"]]
        return days[-1].volume if days and days[-1].start == start_ns else 0

    def remember(self, seq: int, at: int, fill: Fill) -> None:
        """Put a fill on the tape; earlier fills come first."""
        tape = self.tape
        if len(tape) == tape.maxlen:
            self.dropped_seq = tape[0].trade_id
        tape.append(Print(seq, fill.price, fill.quantity, fill.taker_side, at))

    def trade(self, seq: int, at: int, fill: Fill) -> None:
        """A fill happened."""
        self.remember(seq, at, fill)
        price, quantity = fill.price, fill.quantity
        for interval_ns, candles in self.candles.items():
            start = at - at % interval_ns
            candle = candles[-1] if candles else None
            if candle is None or candle.start != start:
                candles.append(LiveCandle(start, price, price, price, price, quantity, 1, seq))
                continue
            if price > candle.high:
                candle.high = price
            elif price < candle.low:
                candle.low = price
            candle.close = price
            candle.volume += quantity
            candle.trades += 1
            candle.seq = seq
