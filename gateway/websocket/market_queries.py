"""Methods that anybody may call: the market as the public sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import queries, results

if TYPE_CHECKING:
    from gateway.websocket import market_requests, requests
    from gateway.websocket.connection import Connection


def instruments(connection: Connection, request: market_requests.MarketInstruments) -> results.Instruments:
    """`market.instruments`."""
    return queries.instruments(connection.gateway, request.params.instrument)


def book(connection: Connection, request: market_requests.MarketBook) -> results.Book:
    """`market.book`."""
    return queries.book(connection.gateway, request.params.instrument, request.params.depth)


async def trades(connection: Connection, request: market_requests.MarketTrades) -> results.Trades:
    """`market.trades`."""
    params = request.params
    return await queries.trades(
        connection.gateway,
        params.instrument,
        after_trade_id=params.after_trade_id,
        before_trade_id=params.before_trade_id,
        limit=params.limit,
    )


async def candles(connection: Connection, request: market_requests.MarketCandles) -> results.Candles:
    """`market.candles`."""
    params = request.params
    return await queries.candles(
        connection.gateway,
        params.instrument,
        params.interval.value,
        since=params.since,
        until=params.until,
        limit=params.limit,
    )


def ping(connection: Connection, _request: requests.Ping) -> results.Pong:
    """`ping`."""
    return results.Pong(connection.gateway.replica.last_seq)
