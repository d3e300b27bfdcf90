"""One FIX session: sequence numbers, gaps, heartbeats, rejects, logon and logout. It outlives its connections.

Bytes and times go in, events come out. Each public method handles all that it can and returns what is to be done, in order;
see `session_events`.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from gateway.fix import msg_types, session_rules, tags
from gateway.fix import session_events as ev
from gateway.fix.decoding import VALUE_INCORRECT, decode
from gateway.fix.dictionary import FROM_VENUE, SESSION_TYPES, TO_VENUE
from gateway.fix.early_messages import DONE, EarlyMessages
from gateway.fix.encoding import BEGIN_STRING
from gateway.fix.framing import MAX_FRAME_BYTES, Framer, Garbled
from gateway.fix.liveness import LOGON_LIMIT_NS, LOGOUT_LIMIT_NS, Liveness
from gateway.fix.message import Fields, Message, Problem, integer, text
from gateway.fix.outgoing import Outgoing
from gateway.fix.session_messages import ascii_text, business_reject, session_reject
from gateway.fix.session_rules import ENDING_REASONS, SessionSettings
from gateway.fix.timestamps import render_timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.fix.handshake import Handshake

__all__ = ["Session", "SessionSettings"]

MAX_WAITING_BYTES = 16 * MAX_FRAME_BYTES
"""Unread bytes that may wait for the end of a resend."""
OTHER_REASON = 99
"""FIX 373: none of the listed reasons."""

_REJECTS = frozenset({msg_types.REJECT, msg_types.BUSINESS_MESSAGE_REJECT})
_BEGINNING = f"8={BEGIN_STRING}\x01".encode()


class _State(Enum):
    IDLE = auto()
    """Nobody is connected."""
    LOGGING_ON = auto()
    """Initiators: our Logon is not answered yet."""
    LOGGED_ON = auto()
    LOGGING_OUT = auto()
    """A Logout has left; the connection lives on for resends until the peer has confirmed or closed."""
    CLOSING = auto()
    """`Disconnect` was given; nothing is read any more."""


class Session:
    """The session of one pair of CompIDs."""

    def __init__(self, settings: SessionSettings, next_incoming: int = 1, next_outgoing: int = 1) -> None:
        self.settings = settings
        self.next_incoming = next_incoming
        self._outgoing = Outgoing(settings.sender_comp_id, settings.target_comp_id, next_outgoing)
        self._blocks = FROM_VENUE if settings.initiator else TO_VENUE
        self._events: list[ev.Event] = []
        self._now_ns = 0
        self._stop(_State.IDLE)

    def _stop(self, state: _State) -> None:
        """Forget all that belongs to a connection."""
        self._state = state
        self._framer = Framer()
        self._early = EarlyMessages()
        self._outgoing.stop_resending()
        self._clocks = Liveness(self._now_ns)
        self._announced = False
        """`LoggedOn` was given."""
        self._ask_for_number = 0
        """A gap before this number is to be asked for once the resend under way is over; 0: none."""
        self._logout_text: str | None = None
        """A Logout is to follow the resend under way."""

    # What others see.

    @property
    def next_outgoing(self) -> int:
        """The number of the next message to be sent."""
        return self._outgoing.next_number

    @property
    def connected(self) -> bool:
        """A connection belongs to this session; another one is to be refused."""
        return self._state is not _State.IDLE

    @property
    def logged_on(self) -> bool:
        """Established: neither logging on nor logging out."""
        return self._state is _State.LOGGED_ON

    @property
    def reading(self) -> bool:
        """Whether received messages are looked at; during a resend they wait, and the socket should, too."""
        return self._open and not self._outgoing.resending

    @property
    def deadline_ns(self) -> int | None:
        """When `tick` is due; None: not at all."""
        return self._clocks.deadline_ns(watching=self.reading, gap=bool(self._early.asked_through))

    # Connections.

    def accept(self, handshake: Handshake, now_ns: int) -> list[ev.Event]:
        """Take over a connection whose Logon has been proved."""
        logon = handshake.logon
        if logon is None:
            raise ValueError("this connection has sent no Logon")
        self._attach(handshake.framer, now_ns, _State.LOGGED_ON)
        self._answer_logon(logon)
        self._read()
        return self._take_events()

    def connect(
        self, now_ns: int, heartbeat_s: int, username: str, password: str, *, reset: bool = False
    ) -> list[ev.Event]:
        """Initiators: log on over a new connection."""
        self._attach(Framer(), now_ns, _State.LOGGING_ON)
        self._clocks.answer_limit_ns = now_ns + LOGON_LIMIT_NS
        if reset:
            self._reset_numbers()
        credentials: Fields = {tags.USERNAME: username, tags.PASSWORD: password}
        self._send_logon(heartbeat_s, credentials, reset=reset)
        return self._take_events()

    def connection_lost(self, reason: str) -> list[ev.Event]:
        """The connection is gone, whoever closed it."""
        if self._announced:
            self._events.append(ev.LoggedOut(reason))
        self._stop(_State.IDLE)
        return self._take_events()

    # What comes and goes.

    def receive(self, data: bytes, now_ns: int) -> list[ev.Event]:
        """Take in bytes from the peer."""
        if not self._open:
            return []
        self._now_ns = now_ns
        self._framer.feed(data)
        self._read()
        if len(self._framer) > MAX_WAITING_BYTES:
            self._close("the peer sends more than can wait for the end of a resend")
        return self._take_events()

    def send(self, message: Message, now_ns: int) -> list[ev.Event]:
        """Give an application message the next number.

        It is transmitted at once if the peer can take it; else the peer learns of it by a gap, and asks. Raises
        ValueError for text that no field can hold.
        """
        transmit = self._state is _State.LOGGED_ON and not self._outgoing.resending
        if transmit:
            self._clocks.sent_ns = now_ns
        return self._outgoing.send(message, now_ns, keep=True, transmit=transmit)

    def encode(self, message: Message, number: int, sending_time_ns: int) -> bytes:
        """The bytes of an application message as `send` makes them under that number at that time."""
        return self._outgoing.encode(message, number, sending_time_ns)

    def resend(
        self, begin: int, through: int, kept: Sequence[tuple[int, bytes]], now_ns: int
    ) -> list[ev.Event]:
        """Answer to `Resend`: all kept messages from `begin` through `through`, ascending, with their numbers.

        A range may be answered in several pages, each beginning after the one before it.
        """
        if not self._outgoing.resending:
            return []
        self._now_ns = self._clocks.sent_ns = now_ns
        self._clocks.received(now_ns)
        self._events += self._outgoing.resend(begin, through, kept, now_ns)
        if self.reading:
            self._resume()
        return self._take_events()

    def logout(self, reason: str, now_ns: int) -> list[ev.Event]:
        """End the session from our side."""
        self._now_ns = now_ns
        if self._state is _State.LOGGING_ON:
            self._close(reason)
        elif self._state is _State.LOGGED_ON:
            if self._outgoing.resending:
                self._logout_text = reason
            else:
                self._begin_logout(reason)
        return self._take_events()

    def tick(self, now_ns: int) -> list[ev.Event]:
        """Do what is due: heartbeats, TestRequests, and the end of waiting."""
        self._now_ns = now_ns
        clocks = self._clocks
        if clocks.answer_limit_ns and now_ns >= clocks.answer_limit_ns:
            self._close("no answer to our Logon or Logout")
        elif self.reading and clocks.heartbeat_s:
            if self._early.asked_through and now_ns >= clocks.gap_limit_ns:
                self._end("no answer to a ResendRequest")
            elif now_ns >= clocks.silence_limit_ns:
                self._test_peer()
            elif now_ns >= clocks.beat_due_ns:
                self._send(msg_types.HEARTBEAT, {})
        return self._take_events()

    # Beginning, sending, ending.

    @property
    def _open(self) -> bool:
        """There is a connection that is not about to be closed."""
        state = self._state
        return state is not _State.IDLE and state is not _State.CLOSING

    def _take_events(self) -> list[ev.Event]:
        events, self._events = self._events, []
        return events

    def _attach(self, framer: Framer, now_ns: int, state: _State) -> None:
        if self.connected:
            raise ValueError("the session has a connection")
        self._now_ns = now_ns
        self._stop(state)
        self._framer = framer

    def _send(self, msg_type: str, fields: Fields) -> None:
        """Send a message of the session."""
        self._clocks.sent_ns = self._now_ns
        message = Message(msg_type, fields)
        self._events += self._outgoing.send(message, self._now_ns, keep=False, transmit=True)

    def _send_logon(self, heartbeat_s: int, more: Fields, *, reset: bool) -> None:
        fields: Fields = {tags.ENCRYPT_METHOD: 0, tags.HEART_BT_INT: heartbeat_s}
        if reset:
            fields[tags.RESET_SEQ_NUM_FLAG] = "Y"
        fields[tags.MAX_MESSAGE_SIZE] = MAX_FRAME_BYTES
        self._send(msg_types.LOGON, fields | more)

    def _reset_numbers(self) -> None:
        self.next_incoming = 1
        self._outgoing.reset()
        self._early.clear()
        self._events.append(ev.Reset())

    def _test_peer(self) -> None:
        if self._clocks.testing:
            self._close("no answer to a TestRequest")
        else:
            self._clocks.testing = True
            self._send(msg_types.TEST_REQUEST, {tags.TEST_REQ_ID: render_timestamp(self._now_ns)})

    def _begin_logout(self, reason: str) -> None:
        self._send(msg_types.LOGOUT, {tags.TEXT: ascii_text(reason)} if reason else {})
        self._state = _State.LOGGING_OUT
        self._clocks.answer_limit_ns = self._now_ns + LOGOUT_LIMIT_NS

    def _end(self, reason: str) -> None:
        """Say why, and have the connection closed."""
        self._send(msg_types.LOGOUT, {tags.TEXT: ascii_text(reason)})
        self._close(reason)

    def _close(self, reason: str) -> None:
        """Have the connection closed."""
        if self._announced:
            self._events.append(ev.LoggedOut(reason))
        self._events.append(ev.Disconnect(reason))
        self._stop(_State.CLOSING)

    # Logon.

    def _answer_logon(self, logon: Message) -> None:
        refusal = session_rules.logon_refusal(logon, self.settings, self._now_ns)
        if refusal:
            self._advance_past(logon)
            self._end(refusal)
            return
        reset = self.settings.reset_on_logon or session_rules.asks_for_reset(logon)
        if reset:
            self._reset_numbers()
        if logon.number < self.next_incoming:
            self._end_too_low(logon)
            return
        heartbeat_s = integer(logon.fields, tags.HEART_BT_INT)
        self._send_logon(heartbeat_s, {}, reset=reset)
        self._logged_on(logon, reset=reset)

    def _take_logon_answer(self, answer: Message) -> None:
        """Initiators: the first message must be the acceptor's Logon."""
        if answer.msg_type != msg_types.LOGON or answer.problem is not None:
            self._close(f"our Logon was answered by {session_rules.describe_answer(answer)}")
        elif answer.number < self.next_incoming:
            self._end_too_low(answer)
        else:
            self._logged_on(answer, reset=session_rules.asks_for_reset(answer))

    def _logged_on(self, logon: Message, *, reset: bool) -> None:
        """The peer's Logon is good."""
        self._state = _State.LOGGED_ON
        self._clocks.answer_limit_ns = 0
        self._clocks.heartbeat_s = integer(logon.fields, tags.HEART_BT_INT)
        self._announced = True
        self._events.append(ev.LoggedOn(self._clocks.heartbeat_s, reset))
        if logon.number > self.next_incoming:
            self._early.keep(logon.number, DONE)
            self._ask_for_gap(logon.number)
        else:
            self._advance_past(logon)

    # Numbers.

    def _read(self) -> None:
        """Look at all messages that are complete, as long as their turn has come."""
        while self.reading:
            framed = self._framer.next_frame()
            if framed is None:
                return
            if isinstance(framed, bytes):
                self._clocks.received(self._now_ns)
                self._handle(framed)
            elif isinstance(framed, Garbled):
                self._events.append(ev.Ignored(f"{framed.skipped_bytes} bytes: {framed.reason}"))
            else:
                self._end(framed.reason)

    def _handle(self, frame: bytes) -> None:
        """A message has come."""
        if not frame.startswith(_BEGINNING):
            self._end(f"BeginString is not {BEGIN_STRING}")
            return
        message = decode(frame, self._blocks)
        number = message.number
        problem = session_rules.header_problem(message, self.settings, self._now_ns)
        if not number:
            self._end("MsgSeqNum is missing")
        elif problem is not None:
            self._reject(message, problem)
        elif self._state is _State.LOGGING_ON:
            self._take_logon_answer(message)
        elif session_rules.sets_numbers(message):
            self._set_numbers(message)
        elif number < self.next_incoming:
            self._handle_known(message)
        elif number > self.next_incoming:
            self._handle_early(message, frame)
        else:
            self._process(message)
            self._process_early()

    def _handle_known(self, message: Message) -> None:
        """A message whose number has been dealt with."""
        if not message.poss_dup:
            self._end_too_low(message)
            return
        problem = session_rules.duplicate_problem(message)
        if problem is not None:
            self._reject(message, problem)
        else:
            self._events.append(ev.Ignored(f"message {message.number} is known"))

    def _handle_early(self, message: Message, frame: bytes) -> None:
        """A message whose turn has not come: some are missing before it."""
        number = message.number
        if message.problem is None and message.msg_type == msg_types.RESEND_REQUEST:
            # Answered at once: if both sides waited for their gaps, neither would be filled.
            self._early.keep(number, DONE)
            self._answer_resend_request(message)
            self._ask_for_gap(number)
        elif message.problem is None and message.msg_type == msg_types.LOGOUT:
            # The peer stays until it has resent what is missing, then it closes the connection.
            self._early.keep(number, DONE)
            self._ask_for_gap(number)
            if self._state is _State.LOGGED_ON:
                self._begin_logout("")
        else:
            self._early.keep(number, frame)
            self._ask_for_gap(number)

    def _ask_for_gap(self, number: int) -> None:
        """Ask for all from the next incoming number on, unless that was asked already."""
        if self._outgoing.resending:
            self._ask_for_number = number
        elif self._open and not self._early.asked_through and number > self.next_incoming:
            self._early.asked_through = number - 1
            self._clocks.progress_ns = self._now_ns
            fields: Fields = {tags.BEGIN_SEQ_NO: self.next_incoming, tags.END_SEQ_NO: 0}
            self._send(msg_types.RESEND_REQUEST, fields)

    def _advance(self, next_number: int) -> None:
        """All incoming numbers below this one are dealt with."""
        self.next_incoming = next_number
        self._clocks.progress_ns = self._now_ns
        self._early.advance(next_number)
        self._events.append(ev.Expect(next_number))

    def _advance_past(self, message: Message) -> None:
        """A message is dealt with; its number counts if its turn had come."""
        if message.number == self.next_incoming:
            self._advance(message.number + 1)

    def _process_early(self) -> None:
        """Deal with messages whose turn has come at last; ask again if some could not wait."""
        while self.reading and len(self._early):
            frame = self._early.take(self.next_incoming)
            if frame is None:
                self._ask_for_gap(self._early.first())
                return
            if frame == DONE:
                self._advance(self.next_incoming + 1)
            else:
                self._process(decode(frame, self._blocks))

    def _set_numbers(self, message: Message) -> None:
        """A message that sets the numbers anew, whatever its own number is."""
        new_number = integer(message.fields, tags.NEW_SEQ_NO)
        if message.msg_type == msg_types.LOGON:
            self._begin_anew(message)
        elif new_number < self.next_incoming:
            problem = Problem(VALUE_INCORRECT, f"{self.next_incoming} is expected next", tags.NEW_SEQ_NO)
            self._refuse(message, problem)
        elif new_number > self.next_incoming:
            self._advance(new_number)
            self._process_early()

    def _begin_anew(self, logon: Message) -> None:
        """A Logon in the middle of a session: both sides go back to number 1."""
        if logon.number != 1:
            problem = Problem(
                VALUE_INCORRECT, "a Logon with ResetSeqNumFlag has MsgSeqNum 1", tags.MSG_SEQ_NUM
            )
            self._reject(logon, problem)
            return
        self._reset_numbers()
        self._send_logon(self._clocks.heartbeat_s, {}, reset=True)
        self._advance_past(logon)

    def _resume(self) -> None:
        """The peer has what it asked for; go on with what had to wait."""
        number, self._ask_for_number = self._ask_for_number, 0
        self._ask_for_gap(number)
        if self._logout_text is not None:
            reason, self._logout_text = self._logout_text, None
            self._begin_logout(reason)
        self._process_early()
        self._read()

    # What messages say.

    def _process(self, message: Message) -> None:
        """A message whose turn it is."""
        problem = session_rules.duplicate_problem(message) if message.poss_dup else None
        problem = problem or message.problem
        if problem is not None and message.msg_type != msg_types.REJECT:
            self._reject(message, problem)
        elif message.msg_type in _REJECTS:
            # Rejects of rejects would find no end.
            self._events.append(ev.Refused(message))
            self._advance_past(message)
        elif message.msg_type in SESSION_TYPES:
            self._process_session_message(message)
        else:
            self._events.append(ev.Received(message))
            self._advance_past(message)

    def _process_session_message(self, message: Message) -> None:
        if message.msg_type == msg_types.SEQUENCE_RESET:
            self._fill_gap(message)
            return
        # The number counts first, for what is said may end the session.
        self._advance_past(message)
        if message.msg_type == msg_types.TEST_REQUEST:
            self._send(msg_types.HEARTBEAT, {tags.TEST_REQ_ID: text(message.fields, tags.TEST_REQ_ID)})
        elif message.msg_type == msg_types.RESEND_REQUEST:
            self._answer_resend_request(message)
        elif message.msg_type == msg_types.LOGOUT:
            if self._state is _State.LOGGED_ON:
                self._send(msg_types.LOGOUT, {})
            reason = text(message.fields, tags.TEXT)
            self._close(f"the peer logged out: {reason}" if reason else "the peer logged out")
        elif message.msg_type == msg_types.LOGON:
            self._refuse(message, Problem(OTHER_REASON, "the session is established"))

    def _fill_gap(self, message: Message) -> None:
        new_number = integer(message.fields, tags.NEW_SEQ_NO)
        if new_number > message.number:
            self._advance(new_number)
        else:
            self._reject(
                message, Problem(VALUE_INCORRECT, "NewSeqNo is not above MsgSeqNum", tags.NEW_SEQ_NO)
            )

    def _answer_resend_request(self, message: Message) -> None:
        last = self.next_outgoing - 1
        problem = session_rules.resend_problem(message, last)
        if problem is not None:
            self._refuse(message, problem)
            return
        end = integer(message.fields, tags.END_SEQ_NO)
        begin = integer(message.fields, tags.BEGIN_SEQ_NO)
        self._events.append(self._outgoing.start_resending(begin, min(end or last, last)))

    # Refusals.

    def _reject(self, message: Message, problem: Problem) -> None:
        """Refuse a message for good: its number counts if its turn had come."""
        self._refuse(message, problem)
        self._advance_past(message)
        if problem.reason in ENDING_REASONS and not problem.business:
            self._end(problem.text)

    def _refuse(self, message: Message, problem: Problem) -> None:
        """Answer with a Reject, or a BusinessMessageReject if only the application lacks something."""
        if problem.business:
            self._events += self.send(business_reject(message, problem.reason, problem.text), self._now_ns)
        else:
            reject = session_reject(message, problem)
            self._send(reject.msg_type, reject.fields)

    def _end_too_low(self, message: Message) -> None:
        self._end(f"MsgSeqNum too low, expecting {self.next_incoming} but received {message.number}")
