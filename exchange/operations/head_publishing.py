"""Publishes heads of the log by itself: soon after each retirement, so that it can be proved, and after each day's end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import structlog

from exchange.domain.events import DayClosed, Retired
from exchange.log.heads import read_head, sign_head
from exchange.registry.certificate_issuing import MAX_PROOF_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.events import Recorded
    from exchange.log.heads import PublishedHeads
    from exchange.log.reader import LogReader
    from exchange.log.signing import VenueKey

HEAD_DELAY_NS: Final = 5 * 10**9
"""A head follows so long after a retirement: retirements in between share it, which keeps the list of heads short."""

_KINDS: Final = (Retired.kind, DayClosed.kind)
_SOONER_EVENTS: Final = MAX_PROOF_EVENTS // 2
"""Where the log grows so quickly, a head comes sooner: proofs go over a limited number of events."""
_LOOK_EVENTS: Final = 1_000_000
_POLL_S: Final = 1.0

log = structlog.get_logger()


class HeadPublisher:
    """Follows the log and adds heads to the file of published heads. One process publishes for a venue."""

    def __init__(
        self, reader: LogReader, key: VenueKey, heads: PublishedHeads, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self.clock = clock
        """Nanoseconds UTC."""
        self._reader = reader
        self._key = key
        self._heads = heads
        self._looked_up_to = heads.last_seq
        """Every retirement and day's end up to this event has a head."""
        self._waiting: Recorded | None = None
        """The first one that has none."""

    async def run(self) -> None:
        """Publishes for ever. Raises HeadsUnusable, ChainBroken, OSError, and the driver's errors."""
        while True:
            if not await self.step():
                await asyncio.sleep(_POLL_S)

    async def step(self) -> bool:
        """Looks for what needs a head and publishes it when it is due; False: there is nothing to do now."""
        last_seq = (await self._reader.head()).last_seq
        if self._waiting is None:
            up_to = min(last_seq, self._looked_up_to + _LOOK_EVENTS)
            self._waiting = await self._reader.first_of_kinds(_KINDS, self._looked_up_to, up_to)
            if self._waiting is None:
                self._looked_up_to = up_to
                return up_to < last_seq
        waiting = self._waiting
        if self.clock() < due_at(waiting.recorded_at) and last_seq - waiting.seq < _SOONER_EVENTS:
            return False
        seq = min(last_seq, waiting.seq + MAX_PROOF_EVENTS)
        await self.publish(seq)
        self._looked_up_to, self._waiting = seq, None
        return True

    async def publish(self, seq: int) -> None:
        """Publishes the head as of an event."""
        head = sign_head(await read_head(self._reader, seq), self._key)
        await asyncio.to_thread(self._heads.publish, head)
        log.info("head published", seq=seq, hash=head.hash)


def due_at(recorded_at: int) -> int:
    """When the head is published at the latest that covers a retirement of this time; nanoseconds UTC."""
    return recorded_at + HEAD_DELAY_NS
