"""`/health` tells load balancers whether the gateway serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.http.conftest import HttpClient


async def test_serving(exchange: RunningExchange, http: HttpClient) -> None:
    """A gateway that follows its engine answers 200 with its place in the log and the engine's epoch."""
    health = await http.json("/health", "Health")
    expected = {
        "status": "serving",
        "role": "gateway",
        "gateway": "test-gateway",
        "version": "0.1.0",
        "venue": "Test Venue",
        "business_date": "2026-11-23",
        "seq": exchange.engine.durable_seq,
        "epoch": 1,
        "lag_events": 0,
    }
    assert expected == health


async def test_engine_stopped(exchange: RunningExchange, http: HttpClient) -> None:
    """A gateway whose engine has stopped answers 503, so that nobody is sent to it."""
    exchange.gateway.engine_stopped()
    assert "engine_stopped" == (await http.json("/health", "Health", 503))["status"]


async def test_log_unreachable(exchange: RunningExchange, http: HttpClient) -> None:
    """A gateway that cannot read the log answers 503 and leaves out what only the log can tell."""
    await exchange.gateway.reader.close()
    health = await http.json("/health", "Health", 503)
    assert ("log_unreachable", None, None) == (health["status"], health["epoch"], health["lag_events"])
