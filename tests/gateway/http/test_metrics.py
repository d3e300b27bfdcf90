"""`/metrics` counts what happened, in the form that Prometheus reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.websocket.client import RejectedError
from tests.exchange.registry.settled import settle

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.http.conftest import HttpClient

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def scrape(http: HttpClient) -> Samples:
    """All samples by name and labels."""
    response, body = await http.get("/metrics")
    assert "text/plain" == response.content_type
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


async def test_trading_is_counted(exchange: RunningExchange, http: HttpClient) -> None:
    """Connections, requests by method, refusals by code, events by kind, latency and open orders are counted."""
    before = await scrape(http)
    gamma, beta = await exchange.client("gamma-key"), await exchange.client("beta-key")
    order = {"instrument": "RIMBA-19", "price": "10.00"}
    await beta.place_order(client_order_id="1", side="sell", quantity=10, **order)
    await gamma.place_order(client_order_id="1", side="buy", quantity=4, **order)
    with pytest.raises(RejectedError, match="4000 INSUFFICIENT_FUNDS"):
        await gamma.place_order(client_order_id="2", side="buy", quantity=100_000, **order)
    after = await scrape(http)

    def grown(sample: str, **labels: str) -> float:
        key = (sample, tuple(sorted(labels.items())))
        return after[key] - before.get(key, 0)

    assert 2 == grown("exchange_connections")
    assert 2 == grown("exchange_sessions")
    assert 2 == grown("exchange_connections_opened_total")
    assert 3 == grown("exchange_requests_total", method="order.place")
    assert 1 == grown("exchange_refusals_total", code="4000", name="insufficient_funds")
    assert 1 == grown("exchange_events_total", kind="fill")
    assert 2 == grown("exchange_events_total", kind="order_accepted")
    assert 1 == grown("exchange_book_orders", instrument="RIMBA-19")
    assert 3 <= grown("exchange_answer_seconds_count")
    assert grown("exchange_answer_seconds_count") == grown("exchange_answer_seconds_bucket", le="+Inf")
    assert 0 < grown("exchange_answer_seconds_sum") < 60
    assert exchange.engine.durable_seq == after["exchange_durable_seq", ()]
    assert 0 <= after["exchange_feed_delay_seconds", ()] < 60
    assert 0 == after["exchange_commands_waiting", ()]
    assert 1 == grown("exchange_http_requests_total", path="/metrics", method="GET", status="200")


async def test_what_the_database_tells(exchange: RunningExchange, http: HttpClient) -> None:
    """Without a registry that is said; once there is one: how far it is settled, snapshots, size and epoch of the log."""
    before = await scrape(http)
    await settle(exchange.dsn)
    after = await scrape(http)

    assert 0 == before["exchange_database_up", ()]
    assert ("exchange_settled_seq", ()) not in before
    assert 1 == after["exchange_database_up", ()]
    assert after["exchange_durable_seq", ()] == after["exchange_settled_seq", ()]
    assert (0, 1) == (after["exchange_snapshot_seq", ()], after["exchange_epoch", ()])
    assert after["exchange_log_bytes", ()] > 0


async def test_labels_are_bounded(http: HttpClient) -> None:
    """Paths and methods that strangers make up do not make new time series."""
    for number, method in enumerate(("LINK", "PROPFIND", "PURGE")):
        await http.get(f"/api/v1/instruments/X{number}/book")
        await http.get(f"/made-up-{number}")
        async with http.session.request(method, "/health"):
            pass
    made = {labels for name, labels in await scrape(http) if name == "exchange_http_requests_total"}
    book = "/api/v1/instruments/{instrument}/book"
    assert (("method", "GET"), ("path", book), ("status", "404")) in made
    assert (("method", "GET"), ("path", "unknown"), ("status", "404")) in made
    assert {"GET", "other"} == {dict(labels)["method"] for labels in made}
    assert 3 == len(made)
