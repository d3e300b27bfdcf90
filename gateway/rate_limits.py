"""Token buckets in integer nanoseconds; the caller tells the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from gateway.limits import Rate

_SECOND_NS = 10**9


class TryLater(Reject):
    """What is refused now and may be had in `retry_after_ms`."""

    def __init__(self, code: RejectCode, message: str, retry_after_ms: int) -> None:
        super().__init__(code, message)
        self.retry_after_ms = retry_after_ms


class Throttled(TryLater):
    """A rate limit was met; `retry_after_ms` is when the next token comes."""

    def __init__(self, what: str, retry_after_ms: int) -> None:
        super().__init__(
            RejectCode.RATE_LIMITED, f"too many {what}; retry after {retry_after_ms} ms", retry_after_ms
        )


class TokenBucket:
    """A bucket kept as the time at which it would be full again, which needs no refilling."""

    __slots__ = ("_full_at_ns", "_slack_ns", "_token_ns")

    def __init__(self, rate: Rate) -> None:
        self._token_ns = max(1, _SECOND_NS // rate.per_s)
        self._slack_ns = (rate.burst - 1) * self._token_ns
        self._full_at_ns = 0

    def take(self, now_ns: int) -> int:
        """Take a token: 0, or nanoseconds until there is one (then none was taken)."""
        full_at_ns = self._full_at_ns
        if full_at_ns < now_ns:
            full_at_ns = now_ns
        wait_ns = full_at_ns - now_ns - self._slack_ns
        if wait_ns > 0:
            return wait_ns
        self._full_at_ns = full_at_ns + self._token_ns
        return 0

    def demand(self, now_ns: int, what: str) -> None:
        """Take a token or raise Throttled."""
        wait_ns = self.take(now_ns)
        if wait_ns:
            raise Throttled(what, -(-wait_ns // 1_000_000))


class KeyBuckets:
    """Orders and cancels of one key, over all its connections to this gateway."""

    __slots__ = ("cancels", "orders")

    def __init__(self, orders: Rate, cancels: Rate) -> None:
        self.orders = TokenBucket(orders)
        self.cancels = TokenBucket(cancels)
