"""The FIX acceptor: who may connect, the sessions of all counterparties, time, and the end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from exchange.domain.events import DayClosed, KeyRevoked, SessionClosed
from exchange.domain.making.forms import FixPasswordSet, FixSessionRegistered
from gateway.fix.application import Application
from gateway.fix.connection import FixConnection
from gateway.fix.outbox import Outbox
from gateway.fix.passwords import proves_password
from gateway.fix.peer import VENUE_COMP_ID, FixPeer
from gateway.fix.reporting import Reporting
from gateway.fix.reports import execution_report
from gateway.fix.store import SessionNumbers

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Coroutine
    from typing import Any

    from exchange.domain.events import Recorded
    from gateway.core import Gateway
    from gateway.fix.handshake import LogonRequested
    from gateway.fix.message import Message
    from gateway.fix.store import FixStore, KeptMessage

log = structlog.get_logger()

TICK_S = 0.1
"""How often to look at heartbeats, deadlines and those who were behind."""
RESEND_PAGE = 500
"""Messages read at once to be sent again."""
KEPT_NUMBERS = 1_000_000
"""Of each session: what is older is not sent again. Looked after at the end of each business date."""
MAX_CONNECTIONS = 500
LOGONS_AT_ONCE = 2
"""Passwords that are compared at the same time: each takes memory and a processor."""


class FixServer:
    """All FIX sessions of a gateway. One gateway serves FIX at a time. `start`, `stopped`, `close`."""

    def __init__(self, gateway: Gateway, store: FixStore) -> None:
        self._gateway = gateway
        self._store = store
        self._outbox = Outbox(store.save)
        self._application = Application(gateway)
        self._reporting = Reporting(gateway)
        self._peers: dict[str, FixPeer] = {}
        """By CompID."""
        self._connections: dict[FixConnection, None] = {}
        self._of_address: dict[str, int] = {}
        self._logons = asyncio.Semaphore(LOGONS_AT_ONCE)
        self._early: list[Recorded] | None = []
        """Events that came while earlier ones were still being reported."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None
        self._tick_timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._empty: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """While closing: done when the last connection is gone."""

    @property
    def failed(self) -> asyncio.Future[None]:
        """Has the error after which no message may leave any more."""
        return self._outbox.failed

    async def start(self, listening: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Report what happened while nobody did, then take connections."""
        gateway = self._gateway
        known = await self._store.sessions()
        self._outbox.start()
        self.failed.add_done_callback(lambda _failed: self._close_connections())
        gateway.stopped.add_done_callback(lambda _stopped: self._close_connections())
        # What the feed brings from here on waits until each session has been told what came before.
        gateway.follow(self._publish)
        last_seq = gateway.replica.last_seq
        for comp_id in sorted(gateway.replica.state.making.fix_sessions):
            self._add_peer(comp_id, known.get(comp_id))
        for peer in tuple(self._peers.values()):
            await self._reporting.catch_up(peer, self._store, last_seq)
        early, self._early = self._early or [], None
        self._publish(early)
        await self._outbox.drained()
        self._tick()
        self._listening = await asyncio.get_running_loop().create_server(
            lambda: FixConnection(self, gateway.limits), sock=listening, ssl=tls
        )

    async def close(self) -> None:
        """Log everybody out and end."""
        self._closing = True
        if self._listening is not None:
            self._listening.close()
        if self._tick_timer is not None:
            self._tick_timer.cancel()
        for peer in self._peers.values():
            if peer.session.logged_on:
                peer.logout("the venue ends the session")
        if self._connections:
            await asyncio.wait(
                [self._empty, self.failed],
                timeout=self._gateway.limits.close_timeout_ms / 1000,
                return_when=asyncio.FIRST_COMPLETED,
            )
        self._close_connections()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._outbox.close()

    # Connections.

    def opened(self, connection: FixConnection) -> None:
        """A connection was made."""
        self._connections[connection] = None
        address = connection.address
        self._of_address[address] = self._of_address.get(address, 0) + 1
        statistics = self._gateway.statistics
        statistics.connections += 1
        statistics.connections_opened += 1
        limit = self._gateway.limits.max_connections_per_address
        if self._closing or len(self._connections) > MAX_CONNECTIONS or self._of_address[address] > limit:
            statistics.connections_refused += 1
            connection.close("too many connections")

    def closed(self, connection: FixConnection) -> None:
        """A connection is gone."""
        del self._connections[connection]
        self._of_address[connection.address] -= 1
        if not self._of_address[connection.address]:
            del self._of_address[connection.address]
        self._gateway.statistics.connections -= 1
        if self._closing and not self._connections and not self._empty.done():
            self._empty.set_result(None)

    def requested(self, connection: FixConnection, request: LogonRequested) -> None:
        """Somebody wants to log on."""
        self._start(self._log_on(connection, request))

    async def _log_on(self, connection: FixConnection, request: LogonRequested) -> None:
        """Let a connection have its session, or show it out without a word."""
        peer = self._peers.get(request.sender_comp_id)
        refusal = "unknown CompID" if peer is None else await self._refusal(peer, request)
        if peer is None or refusal:
            comp_id = request.sender_comp_id[:64]
            log.warning("fix logon refused", comp_id=comp_id, address=connection.address, why=refusal)
            connection.close(refusal)
        elif connection in self._connections:
            connection.peer = peer
            peer.accept(connection, connection.handshake, self)

    async def _refusal(self, peer: FixPeer, request: LogonRequested) -> str:
        """Why somebody may not log on; empty: they may. Passwords are compared out of the loop."""
        if request.target_comp_id != VENUE_COMP_ID or request.username not in ("", peer.comp_id):
            return "wrong TargetCompID or Username"
        async with self._logons:
            password_hash = peer.registered.password_hash
            if not await asyncio.to_thread(proves_password, password_hash, request.password):
                return "wrong password"
        # Looked at last, as the world went on meanwhile.
        if peer.connection is not None:
            return "the session has a connection"
        gone = self._closing or self._peers.get(peer.comp_id) is not peer
        return "the session is not there any more" if gone else ""

    def _close_connections(self) -> None:
        for connection in tuple(self._connections):
            connection.close("the venue ends")

    # For the sessions.

    def handle(self, peer: FixPeer, message: Message) -> None:
        """Deal with an application message."""
        self._application.handle(peer, message)

    def resend(self, peer: FixPeer, begin: int, end: int) -> None:
        """Read kept messages and give them to the session."""
        self._start(self._resend(peer, begin, end))

    def logged_out(self, peer: FixPeer) -> None:
        """Stop what the connection asked for."""
        self._application.market_data.drop(peer)
        self._application.status.drop(peer)

    async def _resend(self, peer: FixPeer, begin: int, end: int) -> None:
        connection = peer.connection
        # What is on its way to the store is wanted, too.
        await self._outbox.drained()
        while begin <= end and peer.connection is connection:
            kept = await self._store.messages(peer.comp_id, begin, end, RESEND_PAGE)
            through = kept[-1].number if len(kept) == RESEND_PAGE else end
            made = await self._made_again(peer, kept)
            if peer.connection is connection:
                peer.resend(begin, through, made)
            begin = through + 1

    async def _made_again(self, peer: FixPeer, kept: list[KeptMessage]) -> list[tuple[int, bytes]]:
        """The bytes of kept messages; reports are made from their events in the log."""
        seqs = sorted({message.event_seq for message in kept if message.event_seq})
        events = {recorded.seq: recorded for recorded in await self._gateway.reader.events_at(seqs)}
        listings = self._gateway.replica.state.listings
        made: list[tuple[int, bytes]] = []
        for message in kept:
            if message.standing is None:
                made.append((message.number, message.body))
                continue
            report = execution_report(listings, peer.account, events[message.event_seq], message.standing)
            made.append((message.number, peer.session.encode(report, message.number, message.sent_at)))
        return made

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self.failed.done():
            log.error("internal error", exc_info=error)

    # News and time.

    def _publish(self, batch: list[Recorded]) -> None:
        if self._early is not None:
            self._early += batch
            return
        self._reporting.publish(batch)
        for recorded in batch:
            event = recorded.event
            if isinstance(event, SessionClosed):
                self._venue_session_closed(event)
            elif isinstance(event, FixSessionRegistered | FixPasswordSet):
                self._registered(event.comp_id)
            elif isinstance(event, DayClosed):
                self._start(self._store.forget_all_but(KEPT_NUMBERS))
            elif isinstance(event, KeyRevoked) and event.key_id in self._peers:
                self._remove_peer(self._peers.pop(event.key_id))
        self._application.market_data.publish(batch)
        self._application.status.publish(batch)

    def _registered(self, comp_id: str) -> None:
        """A session is new, or has another password. A new one is told what happens after this batch."""
        registered = self._gateway.replica.state.making.fix_sessions.get(comp_id)
        if comp_id in self._peers and registered is not None:
            self._peers[comp_id].registered = registered
        elif registered is not None:
            self._add_peer(comp_id, None)

    def _venue_session_closed(self, event: SessionClosed) -> None:
        for peer in self._peers.values():
            if peer.maker is not None and peer.maker.session == event.session:
                peer.venue_session_closed(event.reason)

    def _add_peer(self, comp_id: str, numbers: SessionNumbers | None) -> None:
        registered = self._gateway.replica.state.making.fix_sessions[comp_id]
        known = numbers is not None and numbers.registered_seq == registered.registered_seq
        if numbers is None or not known:
            numbers = SessionNumbers(
                comp_id, registered.registered_seq, reported_seq=self._gateway.replica.last_seq
            )
        peer = self._peers[comp_id] = FixPeer(comp_id, registered, numbers, self._gateway, self._outbox)
        if not known:
            # An earlier session may have had the same name.
            self._outbox.reset(peer, comp_id)
        self._reporting.add(peer)

    def _remove_peer(self, peer: FixPeer) -> None:
        self._reporting.remove(peer)
        if peer.connection is not None:
            peer.logout("the session was revoked")
            # Nobody sees to its time limits any more.
            self._outbox.afterwards(peer.connection.close)

    def _tick(self) -> None:
        self._tick_timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        now_ns = time.time_ns()
        for peer in self._peers.values():
            peer.tick(now_ns)
        for connection in tuple(self._connections):
            if connection.peer is None and now_ns >= connection.handshake.deadline_ns:
                connection.close("no logon in time")
        self._application.market_data.catch_up()
