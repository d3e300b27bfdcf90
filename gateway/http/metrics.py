"""`/metrics` for Prometheus.

Nearly everything is read when somebody scrapes: from the gateway's statistics, its replica, the port to the engine and the
database. Only the kinds of events and the age of a batch are noted as batches come. Times are seconds. Where several gateways share an
address, a scrape reaches any of them: `gateway` in `exchange_gateway_info` says which.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from exchange.domain.rejects import Reject, RejectCode
from gateway.http.health import VERSION
from gateway.statistics import LATENCY_BUCKETS_US
from gateway.websocket.closing import CloseCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.core import Metric

    from exchange.domain.events import Recorded
    from gateway.core import Gateway

_CLOSE_NAMES = {code.value: code.name.lower() for code in CloseCode}
_REJECT_NAMES = {code.value: code.name.lower() for code in RejectCode}


_DATABASE_LIMIT_S = 2.0
_DATABASE = """
SELECT (SELECT coalesce(max(seq), 0) FROM snapshot), pg_total_relation_size('event'), (SELECT epoch FROM writer)
"""


class _Database(NamedTuple):
    """What the database tells, or nothing where it did not answer."""

    settled_seq: int
    snapshot_seq: int
    log_bytes: int
    epoch: int


class Metrics(Collector):
    """The metrics of one gateway, in a registry of their own."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._events: Counter[str] = Counter()
        self._feed_delay_ns = 0
        self._http: Counter[tuple[str, ...]] = Counter()
        self._database: _Database | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        gateway.follow(self._received)

    async def handle(self, _request: web.Request) -> web.Response:
        """Answer a scrape."""
        self._database = await self._read_database()
        body = generate_latest(self._registry)
        return web.Response(
            body=body, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        )

    def count_http(self, route: str, method: str, status: int) -> None:
        """Count an HTTP request by declared path, method and status."""
        self._http[route, method if method in {"GET", "HEAD", "OPTIONS"} else "other", str(status)] += 1

    def _received(self, batch: list[Recorded]) -> None:
        if not batch:
            return
        self._events.update([recorded.event.kind for recorded in batch])
        self._feed_delay_ns = time.time_ns() - batch[-1].recorded_at

    async def _read_database(self) -> _Database | None:
        try:
            async with asyncio.timeout(_DATABASE_LIMIT_S), self._gateway.reading_register() as view:
                (row,) = await view.rows(_DATABASE)
                return _Database(view.as_of_seq, *row)
        except (Reject, TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None

    def collect(self) -> Iterator[Metric]:
        """Everything as of now; called by the registry."""
        yield InfoMetricFamily(
            "exchange_gateway",
            "Which gateway answers.",
            value={"gateway": self._gateway.name, "version": VERSION},
        )
        yield from self._connections()
        yield from self._requests()
        yield from self._market()
        yield from self._deployment()
        yield _counter(
            "exchange_http_requests",
            "HTTP requests by declared path, method and status.",
            ("path", "method", "status"),
            self._http,
        )

    def _connections(self) -> Iterator[Metric]:
        statistics = self._gateway.statistics
        yield _gauge("exchange_connections", "Open websocket connections.", statistics.connections)
        yield _gauge("exchange_sessions", "Sessions that are logged on.", statistics.sessions)
        yield _total(
            "exchange_connections_opened",
            "Websocket connections since the start.",
            statistics.connections_opened,
        )
        yield _total(
            "exchange_connections_refused",
            "Websocket handshakes that were refused.",
            statistics.connections_refused,
        )
        yield _counter(
            "exchange_connections_closed",
            "Websocket connections that the gateway closed, by reason; slow_consumer is one.",
            ("reason",),
            {(_CLOSE_NAMES.get(code, str(code)),): count for code, count in statistics.closed.items()},
        )
        yield _total("exchange_frames_received", "Frames from clients.", statistics.frames_received)
        yield _total("exchange_received_bytes", "Bytes of frames from clients.", statistics.bytes_received)
        yield _total("exchange_messages_sent", "Answers and pushes to clients.", statistics.messages_sent)
        yield _total("exchange_sent_bytes", "Bytes of frames to clients.", statistics.bytes_sent)
        yield _total(
            "exchange_channels_resumed",
            "Private channels that went on from a seq in the log.",
            statistics.channels_resumed,
        )
        yield _total(
            "exchange_pushes_conflated",
            "Pushes of market data left out because a connection had not caught up.",
            statistics.pushes_conflated,
        )

    def _requests(self) -> Iterator[Metric]:
        statistics = self._gateway.statistics
        yield _counter(
            "exchange_requests",
            "Requests over websockets by method.",
            ("method",),
            {(method,): count for method, count in statistics.requests.items()},
        )
        yield _counter(
            "exchange_refusals",
            "Error answers over websockets by reject code; rate_limited is one.",
            ("code", "name"),
            {(str(code), _REJECT_NAMES[code]): count for code, count in statistics.errors.items()},
        )
        latency = statistics.engine_latency
        buckets: list[tuple[str, float]] = []
        below = 0
        for bound_us, count in zip(LATENCY_BUCKETS_US, latency.counts, strict=False):
            below += count
            buckets.append((str(bound_us / 1e6), below))
        buckets.append(("+Inf", sum(latency.counts)))
        yield HistogramMetricFamily(
            "exchange_answer_seconds",
            "From handing a command to the engine to its durable answer.",
            buckets=buckets,
            sum_value=latency.sum_us / 1e6,
        )
        yield _gauge(
            "exchange_commands_waiting",
            "Commands that wait for the engine, as this gateway sees it.",
            self._gateway.engine.waiting_commands,
        )

    def _deployment(self) -> Iterator[Metric]:
        found = self._database
        yield _gauge(
            "exchange_database_up",
            "1 when the database answered this scrape and the registry can be read, 0 otherwise.",
            0 if found is None else 1,
        )
        if found is None:
            return
        yield _gauge("exchange_settled_seq", "Seq of the last event that is settled.", found.settled_seq)
        yield _gauge("exchange_snapshot_seq", "Seq of the newest snapshot; 0: none.", found.snapshot_seq)
        yield _gauge("exchange_log_bytes", "Size of the log, its indexes included.", found.log_bytes)
        yield _gauge(
            "exchange_epoch", "Epoch of the present or last writer; it rises with each.", found.epoch
        )

    def _market(self) -> Iterator[Metric]:
        state = self._gateway.replica.state
        yield _gauge("exchange_durable_seq", "Seq of the last durable event known here.", state.last_seq)
        yield _gauge(
            "exchange_feed_delay_seconds",
            "From sequencing to receipt here, of the last batch of events.",
            self._feed_delay_ns / 1e9,
        )
        yield _counter(
            "exchange_events",
            "Durable events received since the start, by kind: order_accepted, fill and so on.",
            ("kind",),
            {(kind,): count for kind, count in self._events.items()},
        )
        orders = GaugeMetricFamily(
            "exchange_book_orders", "Live orders by instrument.", labels=["instrument"]
        )
        for symbol, book in state.books.items():
            orders.add_metric([symbol], len(book.orders))
        yield orders


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)


def _total(name: str, documentation: str, value: float) -> Metric:
    return CounterMetricFamily(name, documentation, value=value)


def _counter(
    name: str, documentation: str, labels: tuple[str, ...], counts: Mapping[tuple[str, ...], int]
) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family
