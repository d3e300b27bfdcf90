"""What a gateway counts about itself, for metrics."""

from __future__ import annotations

from bisect import bisect_left

import msgspec

LATENCY_BUCKETS_US = (
    250,
    500,
    1_000,
    2_000,
    4_000,
    8_000,
    16_000,
    32_000,
    64_000,
    128_000,
    512_000,
    2_048_000,
)


class LatencyHistogram(msgspec.Struct, eq=False):
    """How long requests waited for the engine; `counts[i]` lie at or below `LATENCY_BUCKETS_US[i]`, the last above all."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS_US) + 1))
    sum_us: int = 0

    def observe(self, latency_us: int) -> None:
        """Count one request."""
        self.counts[bisect_left(LATENCY_BUCKETS_US, latency_us)] += 1
        self.sum_us += latency_us


class Statistics(msgspec.Struct, eq=False):
    """Counters since the gateway began, and gauges of the present."""

    connections: int = 0
    """Open now."""
    sessions: int = 0
    """Logged on now."""
    connections_opened: int = 0
    connections_refused: int = 0
    frames_received: int = 0
    bytes_received: int = 0
    messages_sent: int = 0
    bytes_sent: int = 0
    channels_resumed: int = 0
    pushes_conflated: int = 0
    """News of market data that a connection was not told because it had not caught up."""
    requests: dict[str, int] = msgspec.field(default_factory=dict)
    """By method."""
    errors: dict[int, int] = msgspec.field(default_factory=dict)
    """Error answers by reject code."""
    closed: dict[int, int] = msgspec.field(default_factory=dict)
    """Connections that the server closed, by websocket close code."""
    engine_latency: LatencyHistogram = msgspec.field(default_factory=LatencyHistogram)
