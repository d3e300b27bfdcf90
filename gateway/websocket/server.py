"""The websocket endpoint: who may connect, the connections and their sessions, heartbeats, and the end."""

from __future__ import annotations

import asyncio
import functools
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from aiohttp import WSCloseCode, web

from exchange.domain import commands
from exchange.domain.events import RequestRefused, SessionClosed
from exchange.domain.rejects import Reject, RejectCode
from exchange.engine.interface import EngineStopped
from gateway.rate_limits import KeyBuckets
from gateway.websocket.closing import CloseCode
from gateway.websocket.connection import Connection
from gateway.websocket.frames import PING_FRAME, encode, error_body
from gateway.websocket.pushes import PROTOCOL_VERSION, Heartbeat, HeartbeatParams, Hello, HelloParams
from gateway.websocket.socket import ServerSocket
from gateway.websocket.subscribing import end_private, end_public
from gateway.websocket.subscriptions import Subscriptions

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from exchange.domain.events import Recorded
    from exchange.domain.identity import Key
    from exchange.engine.interface import Answer
    from gateway.core import Gateway

log = structlog.get_logger()

_CONGESTION_CHECK_S = 0.01
_GOODBYE_CHECK_S = 0.005


class WebsocketServer:
    """All websocket connections of a gateway. `handle` is the aiohttp handler of the endpoint."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.loop = asyncio.get_running_loop()
        self.subscriptions = Subscriptions(gateway)
        self._connections: dict[Connection, None] = {}
        self._of_address: dict[str, int] = {}
        self._sessions: dict[int, Connection] = {}
        self._key_buckets: dict[str, KeyBuckets] = {}
        self._congested: dict[Connection, None] = {}
        self._congestion_timer: asyncio.TimerHandle | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._closing = False
        limits = gateway.limits
        self._tick_s = min(limits.heartbeat_ms, limits.idle_ms) / 4000
        self._tick_timer = self.loop.call_later(self._tick_s, self._tick)
        gateway.follow(self._publish)
        gateway.stopped.add_done_callback(self._engine_stopped)

    # Connections.

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        address = request.remote or "local"
        refused = self._refuse_handshake(request, address)
        if refused is not None:
            self.gateway.statistics.connections_refused += 1
            return refused
        limits = self.gateway.limits
        socket = ServerSocket(
            autoping=False,
            compress=False,
            decode_text=False,
            max_msg_size=limits.max_frame_bytes + 1,  # the first size that is refused
            timeout=limits.close_timeout_ms / 1000,
        )
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        connection = Connection(self, socket, transport, address)
        socket.before_error = functools.partial(_explain_error, connection)
        self._add(connection)
        try:
            if self._closing:
                connection.close(CloseCode.SERVICE_RESTART, "the gateway ends")
            connection.send(encode(self._hello(connection)))
            await connection.run()
        finally:
            self._remove(connection)
        return socket

    def _refuse_handshake(self, request: web.Request, address: str) -> web.Response | None:
        limits = self.gateway.limits
        origin = request.headers.get("Origin")
        if (
            origin is not None
            and origin not in limits.allowed_origins
            and urlsplit(origin).netloc.lower() != request.host.lower()
        ):
            return _http_refusal(403, RejectCode.NOT_PERMITTED, "this web origin may not connect")
        if self._closing:
            return _http_refusal(503, RejectCode.UNAVAILABLE, "the gateway ends")
        if len(self._connections) >= limits.max_connections:
            return _http_refusal(503, RejectCode.TOO_MANY_CONNECTIONS, "the gateway is full")
        if self._of_address.get(address, 0) >= limits.max_connections_per_address:
            return _http_refusal(429, RejectCode.TOO_MANY_CONNECTIONS, "too many connections of one address")
        return None

    def _hello(self, connection: Connection) -> Hello:
        replica = self.gateway.replica
        limits = self.gateway.limits
        return Hello(
            HelloParams(
                venue=replica.state.name,
                protocol_version=PROTOCOL_VERSION,
                nonce=connection.session.nonce,
                seq=replica.last_seq,
                heartbeat_ms=limits.heartbeat_ms,
                idle_ms=limits.idle_ms,
                max_frame_bytes=limits.max_frame_bytes,
            )
        )

    def _add(self, connection: Connection) -> None:
        self._connections[connection] = None
        self._of_address[connection.address] = self._of_address.get(connection.address, 0) + 1
        statistics = self.gateway.statistics
        statistics.connections += 1
        statistics.connections_opened += 1

    def _remove(self, connection: Connection) -> None:
        connection.ended()
        del self._connections[connection]
        self._congested.pop(connection, None)
        self._of_address[connection.address] -= 1
        if not self._of_address[connection.address]:
            del self._of_address[connection.address]
        self.gateway.statistics.connections -= 1
        for public_key in tuple(connection.public):
            end_public(connection, public_key)
        for private_key in tuple(connection.private):
            end_private(connection, private_key)
        if connection.open_session:
            self._start(self.close_session(connection, "disconnected"))

    # Sessions.

    def buckets_of(self, key: Key) -> KeyBuckets:
        """The rate limits that all connections of a key share."""
        buckets = self._key_buckets.get(key.key_id)
        if buckets is None:
            buckets = self._key_buckets[key.key_id] = KeyBuckets(*self.gateway.limits.order_rates(key.role))
        return buckets

    async def open_session(self, connection: Connection, command: commands.OpenSession) -> int:
        """Let the venue open a session; answers its number, raises Reject or EngineStopped."""
        future = self.gateway.engine.submit(command)
        future.add_done_callback(functools.partial(self._session_opened, connection))
        # Shielded: if the connection goes meanwhile, the session that opens must still be closed.
        answer = await asyncio.shield(future)
        event = answer.events[0].event
        if isinstance(event, RequestRefused):
            raise Reject(event.code, event.message)
        return answer.events[0].seq

    def _session_opened(self, connection: Connection, done: asyncio.Future[Answer]) -> None:
        if done.exception() is not None:
            return
        opened = done.result().events[0]
        if isinstance(opened.event, RequestRefused):
            return
        connection.open_session = opened.seq
        self._sessions[opened.seq] = connection
        self.gateway.statistics.sessions += 1
        if connection not in self._connections:
            self._start(self.close_session(connection, "disconnected"))

    async def close_session(self, connection: Connection, reason: str) -> None:
        """Let the venue close the connection's session; the engine takes that however busy it is."""
        number, connection.open_session = connection.open_session, 0
        if self._sessions.pop(number, None) is None:
            return
        self.gateway.statistics.sessions -= 1
        try:
            await asyncio.shield(self.gateway.engine.submit(commands.CloseSession(number, reason)))
        except EngineStopped:
            self.gateway.engine_stopped()

    # News.

    def _publish(self, batch: list[Recorded]) -> None:
        self.subscriptions.publish(batch)
        if self._sessions:
            for recorded in batch:
                event = recorded.event
                if type(event) is SessionClosed and event.session in self._sessions:
                    self._session_ended(event)

    def _session_ended(self, event: SessionClosed) -> None:
        """The venue itself ended a session."""
        connection = self._sessions.pop(event.session)
        connection.open_session = 0
        self.gateway.statistics.sessions -= 1
        connection.close(CloseCode.SESSION_ENDED, f"session ended: {event.reason}"[:100])

    def congested(self, connection: Connection) -> None:
        """Look after a connection until its client has caught up."""
        self._congested[connection] = None
        if self._congestion_timer is None:
            self._congestion_timer = self.loop.call_later(_CONGESTION_CHECK_S, self._check_congestion)

    def _check_congestion(self) -> None:
        self._congestion_timer = None
        for connection in tuple(self._congested):
            if not connection.check_congestion():
                self._congested.pop(connection, None)
        if self._congested:
            self._congestion_timer = self.loop.call_later(_CONGESTION_CHECK_S, self._check_congestion)

    def _tick(self) -> None:
        """Heartbeats to all, and an end to the silent."""
        self._tick_timer = self.loop.call_later(self._tick_s, self._tick)
        limits = self.gateway.limits
        now_ns = time.monotonic_ns()
        heartbeat = encode(Heartbeat(HeartbeatParams(self.gateway.replica.last_seq)))
        for connection in tuple(self._connections):
            if now_ns - connection.received_ns > limits.idle_ms * 1_000_000:
                connection.close(CloseCode.IDLE, "nothing was received for too long")
            elif now_ns - connection.heartbeat_ns >= limits.heartbeat_ms * 1_000_000:
                connection.heartbeat_ns = now_ns
                connection.send(heartbeat)
                connection.send_raw(PING_FRAME)

    # The end.

    def start_goodbye(self, goodbye: Coroutine[Any, Any, None]) -> None:
        """Close a connection in the background."""
        self._start(goodbye)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _engine_stopped(self, _stopped: asyncio.Future[None]) -> None:
        self._close_all(CloseCode.SERVICE_RESTART, "the engine has stopped")

    def _close_all(self, code: CloseCode, reason: str) -> None:
        self._closing = True
        for connection in tuple(self._connections):
            connection.close(code, reason)

    async def close(self) -> None:
        """Say goodbye to everybody, and close their sessions."""
        self._close_all(CloseCode.GOING_AWAY, "the gateway ends")
        self._tick_timer.cancel()
        # The last act of a connection is to have its session closed.
        while self._connections or self._background:
            if self._background:
                await asyncio.wait(tuple(self._background))
            else:
                await asyncio.sleep(_GOODBYE_CHECK_S)


def _http_refusal(status: int, code: RejectCode, message: str) -> web.Response:
    return web.Response(
        status=status, body=encode({"error": error_body(code, message)}), content_type="application/json"
    )


def _explain_error(connection: Connection, code: int) -> None:
    if code == WSCloseCode.MESSAGE_TOO_BIG:
        connection.frame_too_large()
    else:
        connection.protocol_broken()
