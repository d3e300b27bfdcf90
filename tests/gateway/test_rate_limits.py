"""Token buckets under a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.identity import Role
from exchange.domain.rejects import RejectCode
from gateway.limits import Limits, Rate
from gateway.rate_limits import Throttled, TokenBucket

MS = 1_000_000


def test_burst_then_steady_rate() -> None:
    """A full bucket gives its burst at once, then one token per interval."""
    bucket = TokenBucket(Rate(per_s=10, burst=3))
    assert [0, 0, 0] == [bucket.take(0) for _ in range(3)]
    assert 100 * MS == bucket.take(0)
    assert 1 == bucket.take(100 * MS - 1)
    assert 0 == bucket.take(100 * MS)
    assert 100 * MS == bucket.take(100 * MS)


def test_refused_takes_cost_nothing() -> None:
    """Asking in vain does not put the next token off."""
    bucket = TokenBucket(Rate(per_s=1, burst=1))
    bucket.take(0)
    for _ in range(100):
        assert 1000 * MS == bucket.take(0)
    assert 0 == bucket.take(1000 * MS)


def test_idle_time_fills_no_more_than_the_burst() -> None:
    """After a long rest there is one burst, not more."""
    bucket = TokenBucket(Rate(per_s=10, burst=2))
    assert [0, 0, 100 * MS] == [bucket.take(10**15) for _ in range(3)]


def test_demand_says_when_to_come_back() -> None:
    """A refusal has the code and the whole milliseconds to wait, rounded up."""
    bucket = TokenBucket(Rate(per_s=3, burst=1))
    bucket.demand(0, "orders")
    with pytest.raises(Throttled) as caught:
        bucket.demand(0, "orders")
    assert (RejectCode.RATE_LIMITED, 334) == (caught.value.code, caught.value.retry_after_ms)


@given(st.lists(st.integers(0, 500 * MS), max_size=60), st.integers(1, 20), st.integers(1, 10))
def test_never_more_than_burst_and_rate(gaps: list[int], per_s: int, burst: int) -> None:
    """Within any stretch of time no more tokens are given than the burst plus the rate times the time."""
    bucket = TokenBucket(Rate(per_s, burst))
    token_ns = 10**9 // per_s
    now, taken = 0, []
    for gap in gaps:
        now += gap
        if not bucket.take(now):
            taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + (taken[last] - taken[first]) // token_ns


def test_market_makers_have_larger_buckets() -> None:
    """The factor applies to orders and cancels of market makers."""
    limits = Limits(orders=Rate(10, 20), cancels=Rate(30, 40), market_maker_factor=5)
    assert (Rate(10, 20), Rate(30, 40)) == limits.order_rates(Role.TRADER)
    assert (Rate(50, 100), Rate(150, 200)) == limits.order_rates(Role.MARKET_MAKER)
