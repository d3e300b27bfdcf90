"""One TCP connection of a counterparty: bytes in, bytes out, and how slow it may be."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from gateway.fix.handshake import Drop, Handshake

if TYPE_CHECKING:
    from gateway.fix.handshake import LogonRequested
    from gateway.fix.peer import FixPeer
    from gateway.limits import Limits


class Acceptor(Protocol):
    """Who takes connections."""

    def opened(self, connection: FixConnection) -> None:
        """A connection was made."""

    def requested(self, connection: FixConnection, request: LogonRequested) -> None:
        """Somebody wants to log on; the connection belongs to nobody yet."""

    def closed(self, connection: FixConnection) -> None:
        """A connection is gone."""


class FixConnection(asyncio.Protocol):
    """Belongs to nobody until its credentials are proved, then to a session."""

    def __init__(self, acceptor: Acceptor, limits: Limits) -> None:
        self._acceptor = acceptor
        self._limits = limits
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._congested = False
        self.handshake = Handshake(time.time_ns())
        self.peer: FixPeer | None = None
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        stream: asyncio.Transport = transport  # type: ignore[assignment]  # a stream has a full transport
        self._transport = stream
        stream.set_write_buffer_limits(self._limits.conflate_above_bytes)
        peername = transport.get_extra_info("peername")
        self.address = str(peername[0]) if peername else "local"
        self._acceptor.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self.peer is not None:
            self.peer.receive(data)
            return
        event = self.handshake.receive(data)
        if isinstance(event, Drop):
            self.close(event.reason)
        elif event is not None:
            self._acceptor.requested(self, event)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._acceptor.closed(self)
        if self.peer is not None:
            self.peer.connection_lost(str(exc) if exc else "the connection was closed")

    def pause_writing(self) -> None:
        """The counterparty does not keep up: market data waits."""
        self._congested = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self._congested = False

    @property
    def congested(self) -> bool:
        """Whether more than a little is unsent."""
        return self._congested

    def write(self, data: bytes) -> None:
        """Send bytes; one who does not take them is cut off, and asks for what is missing later."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > self._limits.max_unsent_bytes:
            transport.abort()

    def pause(self) -> None:
        """Read no more until others have done their part."""
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def read_on(self) -> None:
        """Read again."""
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def close(self, _reason: str = "") -> None:
        """Close when all that was written has left; what does not leave in time is dropped."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.close()
        asyncio.get_running_loop().call_later(self._limits.close_timeout_ms / 1000, transport.abort)
