"""Requests about the market as the public sees it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from gateway import results
from gateway.websocket.request_forms import Identifier, Params, Request, Seq, Time


class Interval(StrEnum):
    """Length of a candle; it starts at a multiple of it since 1970 UTC."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    HOUR = "1h"
    DAY = "1d"


Depth = Literal[10, 25, 100, 500, 1000]
"""Levels per side."""


class MarketInstrumentsParams(Params, frozen=True):
    """One instrument, or all."""

    instrument: Identifier = ""


class MarketBookParams(Params, frozen=True):
    """The book of an instrument."""

    instrument: Identifier
    depth: Annotated[int, Meta(ge=1, le=1000)] = 10


class MarketTradesParams(Params, frozen=True):
    """Trades of an instrument: the newest, those after a trade, or those before one."""

    instrument: Identifier
    after_trade_id: Seq | None = None
    before_trade_id: Seq | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class MarketCandlesParams(Params, frozen=True):
    """The newest candles of an instrument in `[since, until)`."""

    instrument: Identifier
    interval: Interval
    since: Time | None = None
    """By default as many intervals before `until` as `limit` says."""
    until: Time | None = None
    """By default up to now."""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class MarketInstruments(Request, frozen=True, tag="market.instruments"):
    """Listed instruments."""

    result: ClassVar[type[msgspec.Struct]] = results.Instruments
    params: MarketInstrumentsParams = MarketInstrumentsParams()


class MarketBook(Request, frozen=True, tag="market.book"):
    """The book of an instrument."""

    result: ClassVar[type[msgspec.Struct]] = results.Book
    params: MarketBookParams


class MarketTrades(Request, frozen=True, tag="market.trades"):
    """Trades of an instrument."""

    result: ClassVar[type[msgspec.Struct]] = results.Trades
    params: MarketTradesParams


class MarketCandles(Request, frozen=True, tag="market.candles"):
    """Candles of an instrument."""

    result: ClassVar[type[msgspec.Struct]] = results.Candles
    params: MarketCandlesParams
