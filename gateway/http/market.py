"""Public market data over HTTP: the answers of the websocket's market methods, read-only, for anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway import queries, results
from gateway.http.answers import CreditClasses, Ticker, Tickers
from gateway.http.parameters import read_parameters
from gateway.http.resources import API_PREFIX, Resource
from gateway.http.responses import json_response
from gateway.rendering import known_listing
from gateway.websocket.market_requests import (
    MarketBookParams,
    MarketCandlesParams,
    MarketInstrumentsParams,
    MarketTradesParams,
)
from gateway.websocket.public_channels import TickerChannel
from gateway.websocket.request_forms import NoParams

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.core import Gateway

_LIVE = "public, max-age=1"
"""Whoever asks more often than this may get a copy; the websocket is there for those who need every change."""
_REFERENCE = "public, max-age=60"


RESOURCES = (
    Resource("/classes", NoParams, CreditClasses),
    Resource("/instruments", NoParams, results.Instruments),
    Resource("/instruments/{instrument}", MarketInstrumentsParams, results.InstrumentInfo),
    Resource("/instruments/{instrument}/book", MarketBookParams, results.Book),
    Resource("/instruments/{instrument}/trades", MarketTradesParams, results.Trades),
    Resource("/instruments/{instrument}/candles", MarketCandlesParams, results.Candles),
    Resource("/instruments/{instrument}/ticker", MarketInstrumentsParams, Ticker),
    Resource("/tickers", NoParams, Tickers),
)


class MarketData:
    """The handlers of the resources. They raise Reject."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Route every resource."""
        handlers = (
            self._classes,
            self._instruments,
            self._instrument,
            self._book,
            self._trades,
            self._candles,
            self._ticker,
            self._tickers,
        )
        for resource, handler in zip(RESOURCES, handlers, strict=True):
            router.add_get(API_PREFIX + resource.path, handler)

    async def _classes(self, request: web.Request) -> web.Response:
        read_parameters(request, NoParams)
        state = self._gateway.replica.state
        answer = CreditClasses(state.last_seq, list(state.classes.values()))
        return json_response(request, answer, _REFERENCE)

    async def _instruments(self, request: web.Request) -> web.Response:
        read_parameters(request, NoParams)
        return json_response(request, queries.instruments(self._gateway), _LIVE)

    async def _instrument(self, request: web.Request) -> web.Response:
        params = read_parameters(request, MarketInstrumentsParams)
        (answer,) = queries.instruments(self._gateway, params.instrument).instruments
        return json_response(request, answer, _LIVE)

    async def _book(self, request: web.Request) -> web.Response:
        params = read_parameters(request, MarketBookParams)
        return json_response(request, queries.book(self._gateway, params.instrument, params.depth), _LIVE)

    async def _trades(self, request: web.Request) -> web.Response:
        params = read_parameters(request, MarketTradesParams)
        answer = await queries.trades(
            self._gateway,
            params.instrument,
            after_trade_id=params.after_trade_id,
            before_trade_id=params.before_trade_id,
            limit=params.limit,
        )
        return json_response(request, answer, _LIVE)

    async def _candles(self, request: web.Request) -> web.Response:
        params = read_parameters(request, MarketCandlesParams)
        answer = await queries.candles(
            self._gateway,
            params.instrument,
            params.interval.value,
            since=params.since,
            until=params.until,
            limit=params.limit,
        )
        return json_response(request, answer, _LIVE)

    async def _ticker(self, request: web.Request) -> web.Response:
        params = read_parameters(request, MarketInstrumentsParams)
        known_listing(self._gateway.replica.state, params.instrument)
        seq, data = self._channel(params.instrument).cursor
        return json_response(request, Ticker(**msgspec.structs.asdict(data), seq=seq), _LIVE)

    async def _tickers(self, request: web.Request) -> web.Response:
        read_parameters(request, NoParams)
        state = self._gateway.replica.state
        tickers = [self._channel(symbol).cursor[1] for symbol in sorted(state.listings)]
        return json_response(request, Tickers(state.last_seq, tickers), _LIVE)

    def _channel(self, symbol: str) -> TickerChannel:
        return TickerChannel(self._gateway.replica.state, symbol, self._gateway.activity[symbol])
