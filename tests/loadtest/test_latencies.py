"""Percentiles of durations, and their medians over rounds."""

from loadtest import latencies
from loadtest.latencies import Latencies


def test_percentiles_are_durations_that_were_measured() -> None:
    """Of a thousand durations the 500th, 990th and 999th shortest are named, in milliseconds and whatever their order."""
    durations_s = [number / 1000 for number in range(1000, 0, -1)]

    assert Latencies(1000, 500.0, 990.0, 999.0) == latencies.of_round(durations_s)


def test_few_samples_give_their_slowest() -> None:
    """With two samples every high percentile is the slower one."""
    assert Latencies(2, 1000.0, 2000.0, 2000.0) == latencies.of_round([2.0, 1.0])


def test_one_disturbed_round_does_not_count() -> None:
    """Over rounds each percentile is the median of that percentile, and the samples add up."""
    rounds = [Latencies(10, 1.0, 2.0, 3.0), Latencies(10, 1.5, 2.5, 9.0), Latencies(10, 700.0, 800.0, 900.0)]

    assert Latencies(30, 1.5, 2.5, 9.0) == latencies.over_rounds(rounds)
