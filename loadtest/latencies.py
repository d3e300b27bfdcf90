"""Latencies in figures: percentiles of one round, and the median of each percentile over rounds."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence


class Latencies(msgspec.Struct, frozen=True):
    """Milliseconds below which that share of the samples lies."""

    samples: int
    p50_ms: float
    p99_ms: float
    p999_ms: float


def of_round(durations_s: Sequence[float]) -> Latencies:
    """Percentiles of at least two durations in seconds, each one that was measured (the nearest rank)."""
    ordered = sorted(durations_s)

    def rank_ms(per_mille: int) -> float:
        return ordered[-(-len(ordered) * per_mille // 1000) - 1] * 1000

    return Latencies(len(ordered), rank_ms(500), rank_ms(990), rank_ms(999))


def over_rounds(rounds: Sequence[Latencies]) -> Latencies:
    """The median of each percentile: a round that something else disturbed does not count more than another."""
    return Latencies(
        sum(one.samples for one in rounds),
        statistics.median(one.p50_ms for one in rounds),
        statistics.median(one.p99_ms for one in rounds),
        statistics.median(one.p999_ms for one in rounds),
    )
