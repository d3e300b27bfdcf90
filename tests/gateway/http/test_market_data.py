"""Public market data over HTTP: the same answers as over the websocket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import InstrumentState
from tests.market import BASKET, CLASS_2018, CLASS_2019, CLASS_2020

if TYPE_CHECKING:
    from gateway.websocket.client import ExchangeClient
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.http.conftest import HttpClient

RIMBA = "/api/v1/instruments/RIMBA-19"


async def trade(buyer: ExchangeClient, seller: ExchangeClient, count: int) -> list[int]:
    """Trades of 1, 2, 3 ... units at 10.00, 10.01, ...; answers their ids."""
    trade_ids: list[int] = []
    for number in range(count):
        price = f"10.{number:02}"
        await seller.place_order(
            client_order_id=f"s{number}", instrument="RIMBA-19", side="sell", quantity=number + 1, price=price
        )
        report = await buyer.place_order(
            client_order_id=f"b{number}", instrument="RIMBA-19", side="buy", quantity=number + 1, price=price
        )
        trade_ids.append(report.fills[0].trade_id)
    return trade_ids


async def test_instruments_are_those_of_the_websocket(exchange: RunningExchange, http: HttpClient) -> None:
    """The list of instruments has the terms, the band and the state that the websocket method tells."""
    client = await exchange.client()
    expected = msgspec.json.decode(msgspec.json.encode(await client.instruments()))
    assert expected == await http.json("/api/v1/instruments", "Instruments")


async def test_one_instrument(exchange: RunningExchange, http: HttpClient) -> None:
    """A single instrument is its entry in the list; a halt shows at once."""
    await exchange.do(
        commands.ChangeInstrumentState(LOCAL_OPERATOR, "RIMBA-19", InstrumentState.HALTED, "news")
    )
    listed = await http.json("/api/v1/instruments", "Instruments")
    single = await http.json(RIMBA, "InstrumentInfo")
    assert listed["instruments"][0] == single
    assert "halted" == single["state"]


async def test_classes(http: HttpClient) -> None:
    """Credit classes tell registry, project, vintage and country, in the order of registration."""
    answer = await http.json("/api/v1/classes", "CreditClasses")
    assert msgspec.to_builtins([CLASS_2018, CLASS_2019, CLASS_2020]) == answer["classes"]


async def test_book_has_the_depth_asked_for(exchange: RunningExchange, http: HttpClient) -> None:
    """A book has its best levels, best first, no more than asked for, and the checksum of the websocket's book."""
    client = await exchange.client("beta-key")
    for number, price in enumerate(("9.90", "9.80", "9.95")):
        await client.place_order(
            client_order_id=f"b{number}", instrument="RIMBA-19", side="buy", quantity=10, price=price
        )
    book = await http.json(f"{RIMBA}/book", "Book", depth=2)
    assert [["9.95", 10], ["9.90", 10]] == book["bids"]
    assert [] == book["asks"]
    assert (await http.json(f"{RIMBA}/book", "Book"))["checksum"] == (
        await client.market_book("RIMBA-19")
    ).checksum


async def test_trades_in_pages(exchange: RunningExchange, http: HttpClient) -> None:
    """Trades come newest first in demand and oldest first in order; pages go forward and back without gap or overlap."""
    ids = await trade(await exchange.client("gamma-key"), await exchange.client("beta-key"), 5)

    async def page(**params: int) -> list[int]:
        answer = await http.json(f"{RIMBA}/trades", "Trades", **params)
        return [one["trade_id"] for one in answer["trades"]]

    assert ids == await page()
    assert ids[-2:] == await page(limit=2)
    assert ids[1:3] == await page(limit=2, before_trade_id=ids[3])
    assert ids[2:4] == await page(limit=2, after_trade_id=ids[1])


async def test_candles(exchange: RunningExchange, http: HttpClient) -> None:
    """Trades of a day make one daily candle with the first, highest, lowest and last price and the volume."""
    await trade(await exchange.client("gamma-key"), await exchange.client("beta-key"), 3)
    answer = await http.json(f"{RIMBA}/candles", "Candles", interval="1d")
    bars = answer["candles"]
    assert ("10.00", "10.02", "10.02", "10.00") == (
        bars[0]["open"],
        bars[0]["high"],
        bars[-1]["close"],
        bars[0]["low"],
    )
    assert (6, 3) == (sum(bar["volume"] for bar in bars), sum(bar["trades"] for bar in bars))


async def test_ticker(exchange: RunningExchange, http: HttpClient) -> None:
    """The ticker has best prices, the last price and today's volume; the list of tickers has the same."""
    gamma, beta = await exchange.client("gamma-key"), await exchange.client("beta-key")
    await trade(gamma, beta, 1)
    await gamma.place_order(
        client_order_id="bid", instrument="RIMBA-19", side="buy", quantity=7, price="9.50"
    )
    ticker = await http.json(f"{RIMBA}/ticker", "Ticker")
    expected = {
        "instrument": "RIMBA-19",
        "state": "open",
        "best_bid": "9.50",
        "best_bid_quantity": 7,
        "best_ask": None,
        "best_ask_quantity": 0,
        "last_price": "10.00",
        "volume": 1,
    }
    assert {**expected, "seq": exchange.engine.durable_seq} == ticker
    tickers = await http.json("/api/v1/tickers", "Tickers")
    assert [expected, BASKET.symbol] == [tickers["tickers"][0], tickers["tickers"][1]["instrument"]]
