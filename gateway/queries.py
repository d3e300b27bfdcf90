"""What anybody may ask about the market: answered from the replica, the tape, or the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.events import Fill
from exchange.domain.rejects import Reject, RejectCode
from gateway import results
from gateway.book_feed import view_book
from gateway.market_activity import INTERVALS_NS
from gateway.rendering import known_listing, render_book, render_instrument, render_print

if TYPE_CHECKING:
    from exchange.domain.events import Recorded
    from exchange.domain.instruments import Instrument
    from gateway.core import Gateway


def instruments(gateway: Gateway, symbol: str = "") -> results.Instruments:
    """One instrument or all; raises Reject for one that is not listed."""
    state = gateway.replica.state
    # By symbol: the order of a state depends on whether it came out of a snapshot.
    symbols = [symbol] if symbol else sorted(state.listings)
    return results.Instruments(
        state.last_seq,
        state.business_date,
        [
            render_instrument(known_listing(state, one), gateway.activity[one].last_trade_id)
            for one in symbols
        ],
    )


def book(gateway: Gateway, symbol: str, depth: int) -> results.Book:
    """The best `depth` levels of a book; raises Reject."""
    state = gateway.replica.state
    instrument = known_listing(state, symbol).instrument
    return render_book(instrument, view_book(state.books[symbol], depth, state.last_seq))


async def trades(
    gateway: Gateway,
    symbol: str,
    *,
    after_trade_id: int | None = None,
    before_trade_id: int | None = None,
    limit: int = 100,
) -> results.Trades:
    """The newest trades, or the first after a trade, or the last before one, oldest first; raises Reject."""
    if after_trade_id is not None and before_trade_id is not None:
        raise Reject(RejectCode.INVALID_PARAMS, "give after_trade_id or before_trade_id, not both")
    instrument = known_listing(gateway.replica.state, symbol).instrument
    activity = gateway.activity[symbol]
    if after_trade_id is not None and after_trade_id >= activity.dropped_seq:
        prints = activity.trades_after(after_trade_id)[:limit]
    elif before_trade_id is None and after_trade_id is None and len(activity.tape) >= limit:
        prints = list(activity.tape)[-limit:]
    else:
        async with gateway.reading_history():
            if after_trade_id is not None:
                found = await gateway.reader.fills_after(symbol, after_trade_id, limit)
            else:
                found = await gateway.reader.fills_before(symbol, before_trade_id, limit)
        return results.Trades(symbol, _trades(instrument, found))
    return results.Trades(symbol, [render_print(instrument, trade) for trade in prints])


async def candles(
    gateway: Gateway,
    symbol: str,
    interval: str,
    *,
    since: int | None = None,
    until: int | None = None,
    limit: int = 100,
) -> results.Candles:
    """The newest candles in `[since, until)`, both widened to whole intervals; raises Reject.

    By default `until` is the venue's last event, and `since` lies as many intervals before it as `limit` says.
    """
    price = known_listing(gateway.replica.state, symbol).instrument.ticks_to_price
    interval_ns = INTERVALS_NS[interval]
    if until is None:
        until = gateway.replica.state.last_at + 1
    until = -(-until // interval_ns) * interval_ns
    since = until - limit * interval_ns if since is None else since - since % interval_ns
    # No more than `limit` candles fit; the work grows with the trades in between.
    since = max(since, until - limit * interval_ns, 0)
    if since >= until:
        return results.Candles(symbol, interval, [])
    async with gateway.reading_history():
        found = await gateway.reader.candles(symbol, interval_ns, since, min(until, 2**63 - 1), limit)
    return results.Candles(
        symbol,
        interval,
        [
            results.CandleBar(
                start=candle.start,
                open=price(candle.open),
                high=price(candle.high),
                low=price(candle.low),
                close=price(candle.close),
                volume=candle.volume,
                trades=candle.trades,
            )
            for candle in found
        ],
    )


def _trades(instrument: Instrument, recorded: list[Recorded]) -> list[results.Trade]:
    price = instrument.ticks_to_price
    return [
        results.Trade(item.seq, price(fill.price), fill.quantity, fill.taker_side, item.recorded_at)
        for item in recorded
        if isinstance(fill := item.event, Fill)
    ]
