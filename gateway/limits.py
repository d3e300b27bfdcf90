"""What one gateway allows: sizes, counts and rates. Everything is bounded; each bound has a reject or close code."""

from __future__ import annotations

import msgspec

from exchange.domain.identity import Role


class Rate(msgspec.Struct, frozen=True):
    """A token bucket: `per_s` tokens a second, and at most `burst` at once."""

    per_s: int
    burst: int


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one gateway. Rates of orders and cancels count per key, all others per connection."""

    max_frame_bytes: int = 64 * 1024
    max_connections: int = 10_000
    max_connections_per_address: int = 1_000
    max_subscriptions: int = 200
    max_batch: int = 50
    max_pending: int = 1_000
    """Requests of one connection that wait for the engine; cancels are taken up to twice as many."""
    max_reads: int = 8
    """Requests of one connection that wait for a read of the log."""

    conflate_above_bytes: int = 64 * 1024
    """With more than this unsent, a connection gets market data only when it has caught up, and then the latest."""
    max_unsent_bytes: int = 8 * 1024 * 1024
    """With more than this unsent, a connection is closed as a slow consumer."""

    heartbeat_ms: int = 10_000
    idle_ms: int = 30_000
    """A connection from which nothing came for so long, not even the answer to a ping, is closed."""
    close_timeout_ms: int = 5_000
    """How long a closing connection may take to say goodbye."""

    before_logon: Rate = Rate(50, 200)
    requests: Rate = Rate(200, 1_000)
    """Everything but orders and cancels, after logon."""
    orders: Rate = Rate(500, 1_000)
    cancels: Rate = Rate(1_000, 4_000)
    market_maker_factor: int = 10
    http: Rate = Rate(50, 300)
    """Public market data and schemas over HTTP, for each client address."""
    certificates: Rate = Rate(2, 30)
    """Certificates over HTTP, for each client address: laying one out takes much longer than other answers."""
    refusals: Rate = Rate(50, 2_000)
    """A connection that goes on after so many rate-limit answers is closed."""

    allowed_origins: tuple[str, ...] = ()
    """Web origins that may connect besides the gateway's own, such as `https://desk.example`."""

    def order_rates(self, role: Role) -> tuple[Rate, Rate]:
        """Rates of orders and of cancels for a key of this role."""
        factor = self.market_maker_factor if role is Role.MARKET_MAKER else 1
        return (
            Rate(self.orders.per_s * factor, self.orders.burst * factor),
            Rate(self.cancels.per_s * factor, self.cancels.burst * factor),
        )
