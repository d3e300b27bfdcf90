"""The engine's unix socket: commands of gateways and operators in, durable events and answers out.

Who can open the socket may do anything, so it lies in a folder that only its owner can enter.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING

import structlog

from exchange.domain import commands
from exchange.domain.events import SessionClosed, SessionOpened
from exchange.domain.rejects import Reject
from exchange.engine import frames
from exchange.engine.interface import Answer, EngineStopped

if TYPE_CHECKING:
    from pathlib import Path

    from exchange.engine.interface import ServedPort
    from exchange.log.record import StoredEvent

MAX_UNSENT_BYTES = 256 * 1024 * 1024
"""A client that is this far behind is cut off; it comes back and reads the log."""

log = structlog.get_logger()


class EngineServer:
    """Serves the engine on a unix socket until it is closed."""

    def __init__(self, engine: ServedPort, path: Path, program: str) -> None:
        self._engine = engine
        self._path = path
        self._program = program
        self._server: asyncio.Server | None = None
        self._socket_inode = 0
        self._connections: dict[_Connection, None] = {}
        """In the order in which they came: the same run gives the same order of writes."""
        self._unlisten = engine.listen_stored(self._send_events)

    async def start(self) -> None:
        """Take the socket; a socket left by a dead engine is replaced, since the log's lease says who runs."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        self._server = await asyncio.get_running_loop().create_unix_server(self._connect, str(self._path))
        self._path.chmod(0o600)
        self._socket_inode = self._path.stat().st_ino

    async def close(self) -> None:
        """Close all connections and remove the socket, unless it is another engine's by now."""
        self._unlisten()
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._socket_inode:
                self._path.unlink()

    def _connect(self) -> asyncio.Protocol:
        return _Connection(self._engine, self._program, self._connections)

    def _send_events(self, stored: list[StoredEvent]) -> None:
        if not self._connections:
            return
        frame = frames.encode(
            frames.Events(
                [
                    frames.EncodedEvent(
                        event.seq, event.command, event.recorded_at, event.kind, event.version, event.payload
                    )
                    for event in stored
                ]
            )
        )
        for connection in list(self._connections):
            # Answers refer to the batch before them: those of the last one must not come after this one.
            connection.flush()
            connection.send(frame)


class _Connection(frames.FrameProtocol):
    """One client. Answers that become ready in one turn of the loop go out in one frame."""

    def __init__(self, engine: ServedPort, program: str, connections: dict[_Connection, None]) -> None:
        super().__init__(self._receive, self._lost)
        self._engine = engine
        self._program = program
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._answers: list[frames.Answered] = []
        self._sessions: set[int] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = transport  # type: ignore[assignment]  # a stream connection has a full transport
        self._connections[self] = None
        engine = self._engine
        hello = frames.Hello(
            frames.PROTOCOL_VERSION, self._program, engine.epoch, engine.durable_seq, engine.standing_by
        )
        self.send(frames.encode(hello))

    def send(self, frame: bytes) -> None:
        """Write a frame, or cut off a client that does not read."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            log.warning(
                "client cut off", reason="it does not read", unsent_bytes=transport.get_write_buffer_size()
            )
            transport.abort()
            return
        transport.write(frame)

    def close(self) -> None:
        """Send what is left and close."""
        if self._transport is not None:
            self.flush()
            self._transport.close()

    def flush(self) -> None:
        """Write the answers that are ready."""
        if self._answers:
            answers, self._answers = self._answers, []
            self.send(frames.encode(frames.Answers(answers)))

    def _receive(self, body: bytes) -> None:
        for request, command in frames.decode_for_engine(body).requests:
            future = self._engine.submit(command)
            future.add_done_callback(functools.partial(self._answer, request))

    def _answer(self, request: int, done: asyncio.Future[Answer]) -> None:
        error = done.exception()
        if error is None:
            answer = done.result()
            events = answer.events
            for recorded in events:
                if isinstance(recorded.event, SessionOpened):
                    self._sessions.add(recorded.seq)
                elif isinstance(recorded.event, SessionClosed):
                    self._sessions.discard(recorded.event.session)
            if self._transport is None:
                self._close_sessions()
                return
            first, last = (events[0].seq, events[-1].seq) if events else (0, 0)
            answered = frames.Answered(request, first, last, answer.duplicate_of)
        elif isinstance(error, Reject):
            answered = frames.Answered(request, code=error.code, message=error.message)
        elif isinstance(error, EngineStopped):
            # No answer: the connection closes and the client learns that the outcome is unknown.
            self.close()
            return
        else:
            raise error
        if not self._answers:
            asyncio.get_running_loop().call_soon(self.flush)
        self._answers.append(answered)

    def _lost(self, _error: Exception | None) -> None:
        self._transport = None
        self._connections.pop(self, None)
        self._close_sessions()

    def _close_sessions(self) -> None:
        """A gateway that is gone takes its sessions with it: their orders may have to be cancelled."""
        sessions, self._sessions = self._sessions, set()
        for session in sorted(sessions):
            future = self._engine.submit(commands.CloseSession(session, "gateway lost"))
            future.add_done_callback(lambda done: done.exception())
