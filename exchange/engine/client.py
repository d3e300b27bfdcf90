"""The engine over its unix socket: the same port as in process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import msgspec

from exchange.domain.events import Recorded
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.well_formed import flaw
from exchange.engine import frames
from exchange.engine.interface import Answer, EngineStopped
from exchange.engine.listeners import Listeners
from exchange.log import codec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from exchange.domain.commands import Command


class EngineUnreachable(Exception):  # noqa: N818 - it says what happened
    """No engine answers at the socket, or one that speaks another protocol."""


class EngineClient:
    """One connection to an engine. When it is lost, every open request and every later one raises EngineStopped."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._hello: asyncio.Future[frames.Hello] = asyncio.get_running_loop().create_future()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._futures: dict[int, asyncio.Future[Answer]] = {}
        self._unsent: list[tuple[int, Command]] = []
        self._next_request = 0
        self._listeners: Listeners[list[Recorded]] = Listeners()
        self._durable_seq = 0
        self._last_batch: list[Recorded] = []
        self.epoch = 0
        self.standing_by = False
        """Whether the engine took no commands when the connection was made."""

    @classmethod
    async def connect(cls, path: Path) -> Self:
        """Connect and greet; raises EngineUnreachable."""
        client = cls()
        try:
            transport, _ = await asyncio.get_running_loop().create_unix_connection(
                lambda: frames.FrameProtocol(client._receive, client._connection_lost), str(path)
            )
        except OSError as error:
            raise EngineUnreachable(f"no engine listens at {path}") from error
        client._transport = transport
        done, _ = await asyncio.wait(
            (client._hello, client._lost),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if client._hello not in done:
            raise EngineUnreachable(f"the engine at {path} closed the connection")
        hello = client._hello.result()
        if hello.protocol_version != frames.PROTOCOL_VERSION:
            await client.close()
            raise EngineUnreachable(
                f"the engine at {path} ({hello.program}) speaks protocol {hello.protocol_version},"
                f" this program {frames.PROTOCOL_VERSION}"
            )
        return client

    @property
    def durable_seq(self) -> int:
        """Seq of the last event that listeners were given."""
        return self._durable_seq

    @property
    def waiting_commands(self) -> int:
        """Commands submitted here that have no answer yet."""
        return len(self._futures)

    def submit(self, command: Command) -> asyncio.Future[Answer]:
        """Queue a command; see `exchange.engine.interface.EnginePort`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        if self._lost.done() or self._transport is None:
            future.set_exception(EngineStopped("the connection to the engine is lost"))
            return future
        if not self._unsent:
            loop.call_soon(self._flush)
        self._next_request += 1
        self._futures[self._next_request] = future
        self._unsent.append((self._next_request, command))
        return future

    def listen(self, listener: Callable[[list[Recorded]], None]) -> Callable[[], None]:
        """Hand every durable batch to a listener; see `exchange.engine.interface.EnginePort`."""
        return self._listeners.add(listener)

    async def wait_lost(self) -> None:
        """Return when the connection is gone."""
        await asyncio.shield(self._lost)

    async def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()
            await self.wait_lost()

    def _flush(self) -> None:
        if self._transport is not None and self._unsent and not self._lost.done():
            requests, self._unsent = self._unsent, []
            try:
                frame = frames.encode(frames.Submit(requests))
            except (OverflowError, UnicodeEncodeError):
                frame = frames.encode(frames.Submit(self._well_formed(requests)))
            self._transport.write(frame)

    def _well_formed(self, requests: list[tuple[int, Command]]) -> list[tuple[int, Command]]:
        """The requests that a frame can carry; the others are refused here, as the engine would."""
        sendable: list[tuple[int, Command]] = []
        for request, command in requests:
            malformed = flaw(msgspec.structs.astuple(command))
            if not malformed:
                sendable.append((request, command))
                continue
            future = self._futures.pop(request)
            if not future.done():
                future.set_exception(Reject(RejectCode.INVALID_PARAMS, malformed))
        return sendable

    def _receive(self, body: bytes) -> None:
        frame = frames.decode_for_client(body)
        if isinstance(frame, frames.Events):
            self._events_received(frame)
        elif isinstance(frame, frames.Answers):
            for answered in frame.answers:
                self._answer_received(answered)
        else:
            self.epoch = frame.epoch
            self.standing_by = frame.standing_by
            self._durable_seq = frame.durable_seq
            self._hello.set_result(frame)

    def _events_received(self, frame: frames.Events) -> None:
        batch = [
            Recorded(
                event.seq,
                event.command,
                event.recorded_at,
                codec.decode(event.kind, event.version, event.payload),
            )
            for event in frame.events
        ]
        self._last_batch = batch
        self._durable_seq = batch[-1].seq
        self._listeners.hand_out(batch)

    def _answer_received(self, answered: frames.Answered) -> None:
        events: list[Recorded] = []
        if answered.first_seq:
            # The engine sends a batch's answers before its next batch.
            batch_seq = self._last_batch[0].seq
            if not batch_seq <= answered.first_seq <= answered.last_seq <= self._last_batch[-1].seq:
                raise frames.FrameError(f"answer {answered} does not belong to the batch at {batch_seq}")
            events = self._last_batch[answered.first_seq - batch_seq : answered.last_seq - batch_seq + 1]
        future = self._futures.pop(answered.request)
        if future.done():
            return
        if answered.code:
            future.set_exception(Reject(RejectCode(answered.code), answered.message))
        else:
            future.set_result(Answer(events, answered.duplicate_of))

    def _connection_lost(self, _error: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)
        futures, self._futures = self._futures, {}
        for future in futures.values():
            if not future.done():
                future.set_exception(
                    EngineStopped("the connection to the engine is lost; the outcome is unknown")
                )
