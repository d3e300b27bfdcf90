"""Market data: queries and channels, seen by clients that are not logged on."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import InstrumentState
from exchange.domain.orders import Side
from exchange.domain.rejects import RejectCode
from gateway.market_activity import INTERVALS_NS, MINUTE_NS
from gateway.websocket.client import RejectedError
from tests.waiting import eventually

if TYPE_CHECKING:
    from gateway.websocket.client import ExchangeClient
    from gateway.websocket.streams import BookStream, Stream
    from tests.gateway.exchange import RunningExchange

RIMBA = "RIMBA-19"


async def trade(maker: ExchangeClient, taker: ExchangeClient, name: str, quantity: int, price: str) -> int:
    """Let two clients trade; the trade's id."""
    await maker.place_order(
        client_order_id=f"m-{name}", instrument=RIMBA, side="sell", quantity=quantity, price=price
    )
    report = await taker.place_order(
        client_order_id=f"t-{name}", instrument=RIMBA, side="buy", quantity=quantity, price=price
    )
    return report.fills[-1].trade_id


async def take(stream: Stream[Any], count: int) -> list[Any]:
    """The next pushes of a stream."""
    return [await asyncio.wait_for(anext(stream), 20) for _ in range(count)]


async def book_at(stream: BookStream, seq: int) -> None:
    """Read a book until it is as of an event or a later one."""
    while stream.book.seq < seq:
        await asyncio.wait_for(anext(stream), 20)


async def test_instruments(exchange: RunningExchange) -> None:
    """Listing terms and the present band are there for everybody."""
    public = await exchange.client()
    found = await public.instruments()
    assert [RIMBA, "NATURE"] == [info.symbol for info in found.instruments]
    rimba = found.instruments[0]
    assert ("0.01", 2, "10.00", "5.00", "15.00", "EUR", None, InstrumentState.OPEN) == (
        rimba.tick,
        rimba.price_decimals,
        rimba.reference_price,
        rimba.lowest_price,
        rimba.highest_price,
        rimba.currency,
        rimba.last_price,
        rimba.state,
    )
    assert [rimba] == (await public.instruments(RIMBA)).instruments
    with pytest.raises(RejectedError) as caught:
        await public.instruments("NOPE")
    assert RejectCode.UNKNOWN_INSTRUMENT == caught.value.code


async def test_book_query(exchange: RunningExchange) -> None:
    """The book shows prices as text, quantities summed by level, and the checksum of what it shows."""
    client, public = await exchange.client("beta-key"), await exchange.client()
    for name, side, quantity, price in (
        ("a", "buy", 5, "9.00"),
        ("b", "buy", 6, "9.00"),
        ("c", "buy", 7, "8.99"),
        ("d", "sell", 8, "11.00"),
    ):
        await client.place_order(
            client_order_id=name, instrument=RIMBA, side=side, quantity=quantity, price=price
        )
    book = await public.market_book(RIMBA, depth=1)
    assert ([("9.00", 11)], [("11.00", 8)]) == (book.bids, book.asks)
    stream = await public.book(RIMBA)
    await book_at(stream, 1)
    whole = await public.market_book(RIMBA)
    assert (whole.bids, whole.asks, whole.checksum) == (
        stream.book.bids,
        stream.book.asks,
        stream.book.checksum(),
    )


async def test_local_book_follows(exchange: RunningExchange) -> None:
    """A local copy equals the venue's book after rests, fills, amends, icebergs and cancels, at every depth."""
    maker, taker = await exchange.client("gamma-key"), await exchange.client("beta-key")
    public = await exchange.client()
    other = await exchange.client()
    near, far = await public.book(RIMBA, 10), await other.book(RIMBA, 100)
    for number in range(40):
        await maker.place_order(
            client_order_id=f"s{number}",
            instrument=RIMBA,
            side="sell",
            quantity=10 + number,
            price=f"11.{number:02}",
            display_quantity=5 if number % 3 == 0 else 0,
        )
        await taker.place_order(
            client_order_id=f"b{number}",
            instrument=RIMBA,
            side="buy",
            quantity=10,
            price=f"9.{99 - number:02}",
        )
    await taker.place_order(client_order_id="x", instrument=RIMBA, side="buy", quantity=120, price="11.20")
    await maker.amend_order(client_order_id="s30", price="11.10", quantity=3)
    await maker.cancel_order(client_order_id="s31")
    last = await taker.cancel_all(side="buy")
    for stream, depth in ((near, 10), (far, 100)):
        await book_at(stream, last.seq)
        shown = await public.market_book(RIMBA, depth)
        assert (shown.bids, shown.asks) == (stream.book.bids, stream.book.asks)
        assert 0 == stream.mismatches


async def test_book_pushes_are_chained(exchange: RunningExchange) -> None:
    """A snapshot comes first; each delta follows the push before and names only what changed; 0 removes."""
    client = await exchange.client("beta-key")
    public, _ = await exchange.raw()
    answer = await public.result("subscribe", channel="book", instrument=RIMBA)
    snapshot = await public.push("book")
    assert (answer["seq"], 0, "snapshot", [], [], 0) == (
        snapshot["seq"],
        snapshot["prev_seq"],
        snapshot["data"]["type"],
        snapshot["data"]["bids"],
        snapshot["data"]["asks"],
        snapshot["data"]["checksum"],
    )
    placed = await client.place_order(
        client_order_id="a", instrument=RIMBA, side="buy", quantity=5, price="9.00"
    )
    first = await public.push("book")
    await client.cancel_order(client_order_id="a")
    second = await public.push("book")
    assert [("delta", [["9.00", 5]], []), ("delta", [["9.00", 0]], [])] == [
        (push["data"]["type"], push["data"]["bids"], push["data"]["asks"]) for push in (first, second)
    ]
    assert (snapshot["seq"], placed.seq, placed.seq) == (first["prev_seq"], first["seq"], second["prev_seq"])


async def test_client_takes_a_new_snapshot_when_a_push_does_not_fit(exchange: RunningExchange) -> None:
    """A damaged copy is noticed by its checksum with the next push and taken anew."""
    maker, public = await exchange.client("gamma-key"), await exchange.client()
    await maker.place_order(client_order_id="a", instrument=RIMBA, side="sell", quantity=5, price="11.00")
    stream = await public.book(RIMBA)
    await book_at(stream, 1)
    stream.book._asks.clear()
    report = await maker.place_order(
        client_order_id="b", instrument=RIMBA, side="sell", quantity=6, price="12.00"
    )
    await eventually(lambda: stream.mismatches == 1, "the mismatch was seen")
    await book_at(stream, report.seq)
    assert [("11.00", 5), ("12.00", 6)] == stream.book.asks
    await maker.place_order(client_order_id="c", instrument=RIMBA, side="sell", quantity=7, price="13.00")
    await eventually(lambda: len(stream.book.asks) == 3, "the new copy follows")
    assert 1 == stream.mismatches


async def test_trades(exchange: RunningExchange) -> None:
    """Trades are pushed with the taker's side, chained by their ids; and can be asked for in both directions."""
    maker, taker, public = (
        await exchange.client("gamma-key"),
        await exchange.client("beta-key"),
        await exchange.client(),
    )
    stream = await public.trades(RIMBA)
    ids = [await trade(maker, taker, str(number), number, f"10.0{number}") for number in range(1, 5)]
    pushed = await take(stream, 4)
    assert [(f"10.0{number}", number, Side.BUY) for number in range(1, 5)] == [
        (push.data.trades[0].price, push.data.trades[0].quantity, push.data.trades[0].side) for push in pushed
    ]
    assert ids == [push.seq for push in pushed]
    assert [0, *ids[:-1]] == [push.prev_seq for push in pushed]
    newest = await public.market_trades(RIMBA, limit=2)
    assert ids[2:] == [found.trade_id for found in newest.trades]
    after = await public.market_trades(RIMBA, after_trade_id=ids[0])
    assert ids[1:] == [found.trade_id for found in after.trades]
    before = await public.market_trades(RIMBA, before_trade_id=ids[3], limit=2)
    assert ids[1:3] == [found.trade_id for found in before.trades]
    assert [push.data.trades[0] for push in pushed] == (await public.market_trades(RIMBA)).trades


async def test_one_push_has_all_trades_of_a_sweep(exchange: RunningExchange) -> None:
    """Trades of one batch come together, in their order."""
    maker, taker, public = (
        await exchange.client("gamma-key"),
        await exchange.client("beta-key"),
        await exchange.client(),
    )
    stream = await public.trades(RIMBA)
    for number in range(3):
        await maker.place_order(
            client_order_id=f"m{number}", instrument=RIMBA, side="sell", quantity=1, price=f"10.0{number}"
        )
    await taker.place_order(client_order_id="t", instrument=RIMBA, side="buy", quantity=3, price="10.02")
    (push,) = await take(stream, 1)
    assert ["10.00", "10.01", "10.02"] == [found.price for found in push.data.trades]


async def test_ticker(exchange: RunningExchange) -> None:
    """The ticker comes at once, then with every change of best prices, last price, volume or state."""
    maker, taker, public = (
        await exchange.client("gamma-key"),
        await exchange.client("beta-key"),
        await exchange.client(),
    )
    stream = await public.ticker(RIMBA)
    (first,) = await take(stream, 1)
    assert (None, 0, None, None, 0) == (
        first.data.best_bid,
        first.data.best_bid_quantity,
        first.data.best_ask,
        first.data.last_price,
        first.data.volume,
    )
    await trade(maker, taker, "a", 3, "10.00")
    await exchange.do(commands.ChangeInstrumentState(LOCAL_OPERATOR, RIMBA, InstrumentState.HALTED, "news"))
    offered, traded, halted = await take(stream, 3)
    assert ("10.00", 3) == (offered.data.best_ask, offered.data.best_ask_quantity)
    assert (None, "10.00", 3) == (traded.data.best_ask, traded.data.last_price, traded.data.volume)
    assert InstrumentState.HALTED is halted.data.state
    assert all(late.prev_seq == early.seq for early, late in pairwise([offered, traded, halted]))


async def test_candles(exchange: RunningExchange) -> None:
    """The present candle grows with every trade; the log has the same one."""
    maker, taker, public = (
        await exchange.client("gamma-key"),
        await exchange.client("beta-key"),
        await exchange.client(),
    )
    stream = await public.candles(RIMBA, "1d")
    ids = [await trade(maker, taker, price, 2, price) for price in ("10.00", "10.50", "9.50", "10.10")]
    pushed = await take(stream, 4)
    candle = pushed[-1].data.candles[-1]
    assert ("10.00", "10.50", "9.50", "10.10", 8, 4) == (
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        candle.trades,
    )
    assert (ids[-1], 0) == (pushed[-1].seq, candle.start % INTERVALS_NS["1d"])
    asked = await public.market_candles(RIMBA, "1d")
    assert [candle] == asked.candles
    late = await exchange.client()
    (first,) = await take(await late.candles(RIMBA, "1d"), 1)
    assert [candle] == first.data.candles
    minutes = await public.market_candles(RIMBA, "1m", since=0)
    assert 8 == sum(bar.volume for bar in minutes.candles)
    assert all(bar.start % MINUTE_NS == 0 for bar in minutes.candles)
    assert [] == (await public.market_candles(RIMBA, "1m", since=5, until=1)).candles


async def test_another_gateway_starts_with_the_same_market(exchange: RunningExchange) -> None:
    """A gateway that comes later has the trades, candles, ticker and book from the log."""
    maker, taker = await exchange.client("gamma-key"), await exchange.client("beta-key")
    for number in range(3):
        await trade(maker, taker, str(number), 2, f"10.0{number}")
    await maker.place_order(client_order_id="r", instrument=RIMBA, side="sell", quantity=9, price="11.00")
    late_gateway, late_url = await exchange.another_gateway()
    assert exchange.gateway.replica.last_seq == late_gateway.replica.last_seq
    early = await exchange.client()
    late = await exchange.client(url=late_url)
    await trade(maker, taker, "after", 1, "10.05")
    for ask in ("market_trades", "market_book"):
        assert await getattr(early, ask)(RIMBA) == await getattr(late, ask)(RIMBA)
    tickers = [await take(await client.ticker(RIMBA), 1) for client in (early, late)]
    candles = [await take(await client.candles(RIMBA, "1d"), 1) for client in (early, late)]
    assert tickers[0][0].data == tickers[1][0].data
    assert candles[0] == candles[1]


async def test_new_instrument_is_tradable_and_visible(exchange: RunningExchange) -> None:
    """An instrument listed while the gateway runs has its book, tape and channels."""
    nature = exchange.venue.state.listings["NATURE"].instrument
    data = {name: getattr(nature, name) for name in nature.__struct_fields__} | {"symbol": "NEW"}
    await exchange.do(commands.ListInstrument(LOCAL_OPERATOR, type(nature)(**data)))
    client, public = await exchange.client("beta-key"), await exchange.client()
    stream = await public.book("NEW")
    report = await client.place_order(
        client_order_id="a", instrument="NEW", side="buy", quantity=5, price="9.00"
    )
    await book_at(stream, report.seq)
    assert [("9.00", 5)] == stream.book.bids
    assert [] == (await public.market_trades("NEW")).trades


async def test_unsubscribe(exchange: RunningExchange) -> None:
    """After `unsubscribe` no push follows; what is not on cannot be turned off, what is on not turned on."""
    client = await exchange.client("beta-key")
    public, _ = await exchange.raw()
    await public.result("subscribe", channel="book", instrument=RIMBA)
    await public.push("book")
    error = await public.error("subscribe", channel="book", instrument=RIMBA, depth=25)
    assert RejectCode.ALREADY_EXISTS == error["code"]
    await public.result("unsubscribe", channel="book", instrument=RIMBA)
    await client.place_order(client_order_id="a", instrument=RIMBA, side="buy", quantity=5, price="9.00")
    await public.send({"id": "end", "method": "ping"})
    last = await public.message()
    assert ("end", exchange.venue.state.last_seq) == (last["id"], last["result"]["seq"])
    error = await public.error("unsubscribe", channel="book", instrument=RIMBA)
    assert RejectCode.NOT_SUBSCRIBED == error["code"]
