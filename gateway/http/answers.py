"""What only HTTP answers with; everything else is in `gateway.results`, the same as over the websocket."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from exchange.domain.instruments import CreditClass
from gateway.results import ErrorBody
from gateway.websocket.pushes import TickerData


class ErrorAnswer(msgspec.Struct, frozen=True):
    """A refusal, with the same numbered codes as over the websocket; the HTTP status follows from the code."""

    error: ErrorBody


class CreditClasses(msgspec.Struct, frozen=True):
    """All registered credit classes, in the order of registration."""

    seq: int
    classes: list[CreditClass]


class Ticker(TickerData, frozen=True):
    """The ticker of an instrument as of the event `seq`."""

    seq: int


class Tickers(msgspec.Struct, frozen=True):
    """The tickers of all instruments, in the order of listing."""

    seq: int
    tickers: list[TickerData]


class HealthStatus(StrEnum):
    """Only `serving` comes with HTTP status 200, the others with 503."""

    SERVING = "serving"
    ENGINE_STOPPED = "engine_stopped"
    """The gateway's process ends and is started again."""
    LOG_UNREACHABLE = "log_unreachable"
    """The database did not answer in time: history cannot be served, and nothing new is committed."""


class Health(msgspec.Struct, frozen=True):
    """How a gateway does."""

    status: HealthStatus
    role: str
    """`gateway`."""
    gateway: str
    """Name of the gateway that answers; several may share an address."""
    version: str
    venue: str
    business_date: str
    seq: int
    """Seq of the last durable event that the gateway knows; everything it answers is as of it."""
    epoch: int | None
    """Number of the engine's present term as writer of the log; null while the log cannot be read."""
    lag_events: int | None
    """Events in the log that the gateway does not know yet; null while the log cannot be read."""
