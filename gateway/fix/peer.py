"""One FIX session of a counterparty, with or without a connection: between the protocol and the venue."""

from __future__ import annotations

import functools
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

import structlog

from exchange.domain import commands
from exchange.domain.events import RequestRefused
from exchange.engine.interface import EngineStopped
from gateway.fix import session_events as se
from gateway.fix.requests import Maker
from gateway.fix.session import Session, SessionSettings
from gateway.fix.store import SentMessage, SessionNumbers, encode_standing
from gateway.rate_limits import KeyBuckets, TokenBucket

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from exchange.domain.making.state import FixSession
    from exchange.engine.interface import Answer
    from gateway.core import Gateway
    from gateway.fix.connection import FixConnection
    from gateway.fix.handshake import Handshake
    from gateway.fix.message import Message
    from gateway.fix.outbox import Outbox
    from gateway.fix.standings import Standing

log = structlog.get_logger()

VENUE_COMP_ID = "EXCHANGE"
"""What counterparties call the venue."""
MAX_IN_FLIGHT = 1_000
"""Messages of one session that wait for the venue; a connection with more is not read from until there are fewer."""


class Desk(Protocol):
    """Where messages of a session are dealt with."""

    def handle(self, peer: FixPeer, message: Message) -> None:
        """Deal with an application message; `peer.dealt_with(message)` says when that is done."""

    def resend(self, peer: FixPeer, begin: int, end: int) -> None:
        """Read kept messages and give them to the peer's session."""

    def logged_out(self, peer: FixPeer) -> None:
        """Stop what the connection asked for."""


class FixPeer:
    """A session by its CompID. All that it sends goes through the outbox."""

    def __init__(
        self, comp_id: str, registered: FixSession, numbers: SessionNumbers, gateway: Gateway, outbox: Outbox
    ) -> None:
        self.comp_id = comp_id
        self.registered = registered
        self.gateway = gateway
        self.reported_seq = numbers.reported_seq
        """All events up to this one that concern the account have been reported."""
        self.saved_outgoing = numbers.next_outgoing
        self.connection: FixConnection | None = None
        self.maker: Maker | None = None
        """While the venue has a session for it."""
        self._desk: Desk | None = None
        self._outbox = outbox
        self._in_flight: dict[int, None] = {}
        """Numbers of messages that wait for the venue."""
        self._dealt_with: dict[int, None] = dict.fromkeys(numbers.dealt_with)
        """Numbers that were dealt with while one before them waited."""
        self._waiting: deque[Message] = deque()
        """Messages that came before the venue had opened the session."""
        settings = SessionSettings(
            sender_comp_id=VENUE_COMP_ID,
            target_comp_id=comp_id,
            reset_on_logon=registered.resets_on_logon,
        )
        self.session = Session(settings, numbers.next_incoming, numbers.next_outgoing)
        role = gateway.replica.state.keys[comp_id].role
        self.buckets = KeyBuckets(*gateway.limits.order_rates(role))
        self.requests = TokenBucket(gateway.limits.requests)

    @property
    def account(self) -> str:
        """The account that it trades for."""
        return self.registered.account

    @property
    def congested(self) -> bool:
        """Whether the counterparty does not keep up."""
        return self.connection is not None and self.connection.congested

    def numbers(self) -> SessionNumbers:
        """What is saved. A message is expected again until its answer is saved with the number after it."""
        next_incoming = min(self._in_flight, default=self.session.next_incoming)
        self._dealt_with = {number: None for number in self._dealt_with if number > next_incoming}
        return SessionNumbers(
            comp_id=self.comp_id,
            registered_seq=self.registered.registered_seq,
            next_incoming=next_incoming,
            next_outgoing=self.session.next_outgoing,
            reported_seq=self.reported_seq,
            dealt_with=list(self._dealt_with),
        )

    # From the connection.

    def accept(self, connection: FixConnection, handshake: Handshake, desk: Desk) -> None:
        """A connection whose credentials are proved takes up the session."""
        self.connection = connection
        self._desk = desk
        now_ns = time.time_ns()
        self._handle(self.session.accept(handshake, now_ns), now_ns)

    def receive(self, data: bytes) -> None:
        """Bytes came."""
        now_ns = time.time_ns()
        self._handle(self.session.receive(data, now_ns), now_ns)

    def tick(self, now_ns: int) -> None:
        """See to what is due."""
        deadline_ns = self.session.deadline_ns
        if deadline_ns is not None and deadline_ns <= now_ns:
            self._handle(self.session.tick(now_ns), now_ns)

    def connection_lost(self, reason: str) -> None:
        """The connection is gone."""
        self._handle(self.session.connection_lost(reason), time.time_ns())
        self.connection = None
        if self._waiting:
            # Nobody has dealt with them: they are to be sent again.
            self.session.next_incoming = self._waiting[0].number
            for message in self._waiting:
                del self._in_flight[message.number]
            self._waiting.clear()
        self._outbox.changed(self)

    # To the counterparty.

    def send(self, message: Message, *, keep: bool = True) -> None:
        """Send a message; without `keep` it is not sent again when it was missed."""
        if self._begins_anew:
            return
        now_ns = time.time_ns()
        self._handle(self.session.send(message, now_ns), now_ns, keep=keep)

    def report(self, message: Message, seq: int, standing: Standing) -> None:
        """Send a report that can be made again from the event and the standing."""
        if self._begins_anew:
            return
        now_ns = time.time_ns()
        self._handle(self.session.send(message, now_ns), now_ns, (seq, standing))

    @property
    def _begins_anew(self) -> bool:
        """What is sent now would be forgotten at the next logon."""
        return self.registered.resets_on_logon and not self.session.logged_on

    def logout(self, text: str) -> None:
        """End the session from our side."""
        now_ns = time.time_ns()
        self._handle(self.session.logout(text, now_ns), now_ns)

    def resend(self, begin: int, through: int, kept: Sequence[tuple[int, bytes]]) -> None:
        """Give a page of kept messages to the session."""
        now_ns = time.time_ns()
        self._handle(self.session.resend(begin, through, kept, now_ns), now_ns)

    # With the venue.

    def dealt_with(self, message: Message) -> None:
        """All that a message caused is numbered: it is not expected again once that is saved."""
        self._in_flight.pop(message.number, None)
        if self._in_flight:
            self._dealt_with[message.number] = None
        self._outbox.changed(self)
        self._see_to_reading()

    def venue_session_closed(self, reason: str) -> None:
        """The venue itself ended the session."""
        self.maker = None
        if self.session.logged_on:
            self.logout(f"session ended: {reason}")

    def _handle(
        self,
        events: Sequence[se.Event],
        now_ns: int,
        report: tuple[int, Standing] | None = None,
        *,
        keep: bool = True,
    ) -> None:
        """Do what the session says, in its order.

        Messages are dealt with when all numbers have been given out, as their answers need numbers, too; and before the end
        of the connection, which may be among the events.
        """
        received: list[Message] = []
        ending: list[se.LoggedOut | se.Disconnect] = []
        for event in events:
            if isinstance(event, se.Transmit):
                if self.connection is not None:
                    self._outbox.let_out(self.connection, event.data)
            elif isinstance(event, se.Store):
                self._numbered(event, now_ns, report, keep=keep)
            elif isinstance(event, se.Received):
                if event.message.number not in self._dealt_with:
                    self._in_flight[event.message.number] = None
                    received.append(event.message)
            elif isinstance(event, se.LoggedOut | se.Disconnect):
                ending.append(event)
            else:
                self._other(event)
        for message in received:
            self._receive(message)
        for end in ending:
            if isinstance(end, se.LoggedOut):
                self._logged_out(end.reason)
            elif self.connection is not None:
                self._outbox.afterwards(functools.partial(self.connection.close, end.reason))
        self._see_to_reading()

    def _see_to_reading(self) -> None:
        """Read no more than can be dealt with: a peer that sends on waits, during a resend, too."""
        connection = self.connection
        if connection is None:
            return
        if not self.session.reading or len(self._in_flight) > MAX_IN_FLIGHT:
            connection.pause()
        elif len(self._in_flight) <= MAX_IN_FLIGHT // 2:
            connection.read_on()

    def _other(self, event: se.Event) -> None:
        if isinstance(event, se.LoggedOn):
            log.info("fix logon", comp_id=self.comp_id, heartbeat_s=event.heartbeat_s, reset=event.reset)
            self.gateway.statistics.sessions += 1
            self._open_venue_session()
        elif isinstance(event, se.Reset):
            self._in_flight.clear()
            self._dealt_with.clear()
            self._outbox.reset(self, self.comp_id)
            if self.registered.resets_on_logon:
                self.reported_seq = self.gateway.replica.last_seq
        elif isinstance(event, se.Resend):
            if self._desk is not None:
                self._desk.resend(self, event.begin, event.end)
        elif isinstance(event, se.Refused):
            log.warning("fix message refused", comp_id=self.comp_id, message=repr(event.message))
        elif isinstance(event, se.Ignored):
            log.info("fix input ignored", comp_id=self.comp_id, reason=event.reason)

    def _numbered(
        self, store: se.Store, sent_at: int, report: tuple[int, Standing] | None, *, keep: bool
    ) -> None:
        if not (store.data and keep):
            self._outbox.changed(self)
            return
        if report is None:
            row = SentMessage(self.comp_id, store.number, sent_at, None, None, None, store.data)
        else:
            seq, standing = report
            row = SentMessage(
                self.comp_id,
                store.number,
                sent_at,
                standing.order_id or None,
                seq,
                encode_standing(standing),
                None,
            )
        self._outbox.keep(self, row)

    def _receive(self, message: Message) -> None:
        statistics = self.gateway.statistics
        name = f"fix.{message.msg_type}"
        statistics.requests[name] = statistics.requests.get(name, 0) + 1
        if self.maker is None or self._waiting:
            self._waiting.append(message)
        elif self._desk is not None:
            self._desk.handle(self, message)

    # The venue's session: while the counterparty is logged on.

    def _open_venue_session(self) -> None:
        command = commands.OpenSession(self.comp_id, self.gateway.name, self.registered.cancels_on_disconnect)
        future = self.gateway.engine.submit(command)
        future.add_done_callback(functools.partial(self._venue_session_opened, self.connection))

    def _venue_session_opened(self, connection: FixConnection | None, done: asyncio.Future[Answer]) -> None:
        error = done.exception()
        if isinstance(error, EngineStopped):
            self.gateway.engine_stopped()
            return
        if error is not None:
            self.logout(str(error))
            return
        opened = done.result().events[0]
        if isinstance(opened.event, RequestRefused):
            self.logout(opened.event.message)
            return
        if connection is not self.connection or not self.session.logged_on:
            self._close_venue_session(opened.seq, "disconnected")
            return
        self.maker = Maker(self.comp_id, opened.seq, self.account)
        while self._waiting and self._desk is not None:
            self._desk.handle(self, self._waiting.popleft())

    def _logged_out(self, reason: str) -> None:
        log.info("fix logout", comp_id=self.comp_id, reason=reason)
        self.gateway.statistics.sessions -= 1
        if self._desk is not None:
            self._desk.logged_out(self)
        maker, self.maker = self.maker, None
        if maker is not None:
            self._close_venue_session(maker.session, reason or "disconnected")

    def _close_venue_session(self, number: int, reason: str) -> None:
        future = self.gateway.engine.submit(commands.CloseSession(number, reason[:200]))
        # Whatever comes of it: the session is over, or the engine is.
        future.add_done_callback(lambda done: done.exception())
