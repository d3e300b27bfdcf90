"""The process that signs, served in the test's own process for a running exchange."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from exchange.operations.head_publishing import HEAD_DELAY_NS
from exchange.operations.signer_process import serve_signer
from tests.exchange.registry.certificates import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchange.operations.head_publishing import HeadPublisher
    from tests.gateway.exchange import RunningExchange


class Signer:
    """Signs with `KEY`; publishes a head when the test says so."""

    def __init__(self, exchange: RunningExchange) -> None:
        self.exchange = exchange
        self.publisher: HeadPublisher
        self.heads_path = exchange.signer_socket.with_name("heads.jsonl")
        self._delay_over = False

    def clock(self) -> int:
        """The time of the last event, or so much later that a head is due."""
        return self.exchange.venue.state.last_at + (HEAD_DELAY_NS if self._delay_over else 0)

    async def publish(self) -> None:
        """Let the delay pass: what waits for a head gets one."""
        self._delay_over = True
        while await self.publisher.step():
            pass
        self._delay_over = False


@asynccontextmanager
async def running_signer(exchange: RunningExchange) -> AsyncIterator[Signer]:
    """Serves where the gateways of an exchange look for it."""
    signer = Signer(exchange)
    async with serve_signer(
        exchange.dsn, KEY, signer.heads_path, exchange.signer_socket, signer.clock
    ) as signer.publisher:
        yield signer


async def retire(exchange: RunningExchange, reference: str = "r", beneficiary: str = "Müller & Söhne") -> int:
    """Beta retires 5 units; answers the number of the retirement."""
    client = await exchange.client("beta-key")
    retirement = await client.retire(
        credits={"VCS-1340-2019": 5}, beneficiary=beneficiary, purpose="2026", reference=reference
    )
    return retirement.retirement_id
