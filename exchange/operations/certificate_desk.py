"""Certificates for everybody who asks: each made once and kept for a while, one at a time, and only so many waited for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from exchange.domain.rejects import Reject, RejectCode
from exchange.log.chain import ChainBroken
from exchange.log.heads import HeadsUnusable
from exchange.operations.head_publishing import due_at
from exchange.registry.certificate_files import write_file
from exchange.registry.certificate_issuing import HeadAwaited, NoRetirement, ProofTooLong
from gateway.rate_limits import TryLater

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exchange.domain.state import State
    from exchange.log.signing import VenueKey
    from exchange.operations.head_publishing import HeadPublisher
    from exchange.registry.certificate_files import FileFormat
    from exchange.registry.certificate_issuing import CertificateIssuer

MOST_KEPT_BYTES: Final = 64 * 1024 * 1024
"""Of certificates in memory; what was asked for longest ago goes first."""
MOST_WAITING: Final = 32
"""Certificates that are being made or wait for that; whoever asks for one more is told to come again."""

_BUSY_RETRY_MS: Final = 2_000
_SECOND_NS: Final = 10**9
_MILLISECOND_NS: Final = 10**6

log = structlog.get_logger()

_Wanted = tuple[int, "FileFormat"]


class CertificateDesk:
    """Hands certificates out. Whatever it refuses, it raises as Reject."""

    def __init__(
        self,
        issuer: CertificateIssuer,
        key: VenueKey,
        publisher: HeadPublisher,
        recover_state: Callable[[], Awaitable[State]],
    ) -> None:
        self._issuer = issuer
        self._key = key
        self._publisher = publisher
        self._recover_state = recover_state
        self._state: State | None = None
        self._kept: OrderedDict[_Wanted, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._making: dict[_Wanted, asyncio.Task[bytes]] = {}
        self._turn = asyncio.Lock()

    async def file(self, seq: int, file_format: FileFormat) -> bytes:
        """The certificate of the retirement at event `seq`; however many ask for it at once, it is made once."""
        wanted = (seq, file_format)
        if wanted in self._kept:
            self._kept.move_to_end(wanted)
            return self._kept[wanted]
        making = self._making.get(wanted)
        if making is None:
            if len(self._making) >= MOST_WAITING:
                raise TryLater(RejectCode.BUSY, "too many certificates are being made now", _BUSY_RETRY_MS)
            making = self._making[wanted] = asyncio.create_task(self._make(wanted))
            making.add_done_callback(lambda made: self._made(wanted, made))
        # Who goes away does not end what others wait for.
        return await asyncio.shield(making)

    async def _make(self, wanted: _Wanted) -> bytes:
        seq, file_format = wanted
        try:
            await self._demand_published(seq)
            async with self._turn:
                signed = await self._issuer.issue(seq, await self._state_at(seq))
                # Laying out takes up to a second: meanwhile others get what is kept.
                made = await asyncio.to_thread(write_file, signed, file_format, self._key)
        except NoRetirement:
            # What other events are is nobody's business.
            raise Reject(RejectCode.UNKNOWN_RETIREMENT, f"event {seq} of the log is no retirement") from None
        except HeadAwaited as awaited:
            raise _not_ready(seq, due_at(awaited.retired_at), self._publisher.clock()) from None
        except (ChainBroken, HeadsUnusable):
            log.exception("no certificate can be issued", seq=seq)
            raise Reject(
                RejectCode.UNAVAILABLE,
                "this certificate cannot be issued now; the venue's operators were told",
            ) from None
        self._keep(wanted, made)
        return made

    async def _demand_published(self, seq: int) -> None:
        try:
            await self._issuer.demand_published(seq)
        except ProofTooLong:
            # Only heads that operators published by hand lie further apart.
            await self._publisher.publish(seq)

    async def _state_at(self, seq: int) -> State:
        """A state that has every name which a certificate of this retirement needs."""
        state = self._state
        if state is None or state.last_seq < seq:
            state = self._state = await self._recover_state()
        return state

    def _made(self, wanted: _Wanted, made: asyncio.Task[bytes]) -> None:
        del self._making[wanted]
        if not made.cancelled():
            # Looked at here, because everybody who waited may have gone away.
            made.exception()

    def _keep(self, wanted: _Wanted, made: bytes) -> None:
        self._kept[wanted] = made
        self._kept_bytes += len(made)
        while self._kept_bytes > MOST_KEPT_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped)


def _not_ready(seq: int, due_ns: int, now_ns: int) -> TryLater:
    # The publisher looks once a second.
    at_ns = max(due_ns, now_ns) + _SECOND_NS
    return TryLater(
        RejectCode.CERTIFICATE_NOT_READY,
        f"the head of the log that proves retirement {seq} is published by"
        f" {datetime.fromtimestamp(-(-at_ns // _SECOND_NS), UTC):%H:%M:%S} UTC; ask again then",
        (at_ns - now_ns) // _MILLISECOND_NS,
    )
