"""The way out of a gateway's FIX sessions: what was numbered is saved first, then it leaves. One save is in flight."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Protocol

import structlog

from gateway.fix.store import Saved, SentMessage, SessionNumbers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger()


class Numbered(Protocol):
    """A session whose numbers are saved."""

    saved_outgoing: int
    """Next outgoing number as of the last save that began."""

    def numbers(self) -> SessionNumbers:
        """The numbers as they are to be saved now."""


class Connection(Protocol):
    """Where messages leave."""

    def write(self, data: bytes) -> None:
        """Send bytes."""


class _Batch:
    def __init__(self) -> None:
        self.reset: list[str] = []
        self.changed: dict[Numbered, None] = {}
        self.messages: list[SentMessage] = []
        self.leaving: dict[Connection, list[bytes]] = {}
        self.afterwards: list[Callable[[], None]] = []


class Outbox:
    """Collects what the sessions do; what comes while a save is on its way makes the next one."""

    def __init__(self, save: Callable[[Saved], Awaitable[None]]) -> None:
        self._save = save
        self._batch = _Batch()
        self._ready = asyncio.Event()
        self._flush_scheduled = False
        self._flushing: asyncio.Task[None] | None = None
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Has the error that ended the way out: nothing leaves any more."""

    def start(self) -> None:
        """Begin to save and let out."""
        self._flushing = asyncio.create_task(self._run(), name="fix outbox")

    def reset(self, session: Numbered, comp_id: str) -> None:
        """A session begins anew: what it kept is forgotten."""
        batch = self._batch
        batch.reset.append(comp_id)
        batch.messages = [message for message in batch.messages if message.comp_id != comp_id]
        self.changed(session)

    def changed(self, session: Numbered) -> None:
        """Save the session's numbers next time."""
        self._batch.changed[session] = None
        self._schedule()

    def keep(self, session: Numbered, message: SentMessage) -> None:
        """Keep a message for resending."""
        self._batch.messages.append(message)
        self.changed(session)

    def let_out(self, connection: Connection, data: bytes) -> None:
        """Write when everything so far is durable; what leaves together is one write."""
        self._batch.leaving.setdefault(connection, []).append(data)
        self._schedule()

    def afterwards(self, act: Callable[[], None]) -> None:
        """Call when everything so far is durable and has left."""
        self._batch.afterwards.append(act)
        self._schedule()

    async def drained(self) -> None:
        """Wait until everything so far is durable and has left; raises what ended the way out."""
        out: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.afterwards(functools.partial(_finish, out))
        await asyncio.wait([out, self.failed], return_when=asyncio.FIRST_COMPLETED)
        if self.failed.done():
            self.failed.result()

    async def close(self) -> None:
        """Save what there is and end."""
        if self._flushing is not None:
            if not self.failed.done():
                await self.drained()
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)

    def _schedule(self) -> None:
        if not self._flush_scheduled:
            self._flush_scheduled = True
            # One turn later: answers that come with a batch of events join its reports.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._ready.set)

    async def _run(self) -> None:
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                self._flush_scheduled = False
                await self._flush()
        except Exception as error:
            # Nothing may leave after a save whose outcome is unknown.
            log.exception("fix stopped")
            self.failed.set_exception(error)
            # Whoever asks for it gets it; nobody need.
            self.failed.exception()

    async def _flush(self) -> None:
        batch, self._batch = self._batch, _Batch()
        if batch.changed or batch.reset:
            sessions = []
            for session in batch.changed:
                numbers = session.numbers()
                sessions.append((numbers, session.saved_outgoing))
                session.saved_outgoing = numbers.next_outgoing
            await self._save(Saved(batch.reset, sessions, batch.messages))
        for connection, leaving in batch.leaving.items():
            connection.write(b"".join(leaving))
        for act in batch.afterwards:
            act()


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
