"""A connection of which nobody knows yet who speaks: it has to begin with a Logon, soon, and with little garbage."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from gateway.fix import msg_types, tags
from gateway.fix.decoding import decode
from gateway.fix.dictionary import TO_VENUE
from gateway.fix.encoding import BEGIN_STRING
from gateway.fix.framing import Framer
from gateway.fix.liveness import LOGON_LIMIT_NS
from gateway.fix.message import Message, text

MAX_LOGON_BYTES = 4096
"""A Logon is not longer; nor is what may wait behind it before it is answered, nor garbage before it."""


class LogonRequested(msgspec.Struct, frozen=True):
    """Somebody says who they are. Prove it, then give the handshake to the session."""

    sender_comp_id: str
    target_comp_id: str
    username: str
    password: str

    def __repr__(self) -> str:
        return f"LogonRequested({self.sender_comp_id!r}, {self.target_comp_id!r}, {self.username!r})"


class Drop(msgspec.Struct, frozen=True):
    """Close the connection without a word: whoever has proved nothing learns and moves nothing."""

    reason: str


HandshakeEvent: TypeAlias = LogonRequested | Drop


class Handshake:
    """The beginning of an acceptor's connection."""

    def __init__(self, now_ns: int) -> None:
        self.deadline_ns = now_ns + LOGON_LIMIT_NS
        """Close the connection at that time if no session has taken it over."""
        self.framer = Framer()
        self.logon: Message | None = None
        self._received_bytes = 0

    def receive(self, data: bytes) -> HandshakeEvent | None:
        """Take in bytes; the Logon is reported once, bytes behind it wait for the session."""
        self._received_bytes += len(data)
        if self._received_bytes > MAX_LOGON_BYTES:
            return Drop(f"more than {MAX_LOGON_BYTES} bytes before the logon was answered")
        self.framer.feed(data)
        if self.logon is not None:
            return None
        frame = self.framer.next_frame()
        if frame is None:
            return None
        if not isinstance(frame, bytes):
            return Drop(f"no logon: {frame.reason}")
        if not frame.startswith(f"8={BEGIN_STRING}\x01".encode()):
            return Drop(f"BeginString is not {BEGIN_STRING}")
        return self._examine(decode(frame, TO_VENUE))

    def _examine(self, logon: Message) -> HandshakeEvent:
        if logon.msg_type != msg_types.LOGON:
            return Drop("the first message is no Logon")
        header, fields = logon.header, logon.fields
        request = LogonRequested(
            sender_comp_id=text(header, tags.SENDER_COMP_ID),
            target_comp_id=text(header, tags.TARGET_COMP_ID),
            username=text(fields, tags.USERNAME),
            password=text(fields, tags.PASSWORD),
        )
        if not (request.sender_comp_id and request.target_comp_id and request.password and logon.number):
            problem = f": {logon.problem.text} ({logon.problem.tag})" if logon.problem else ""
            return Drop(f"the Logon lacks ids, MsgSeqNum or credentials{problem}")
        self.logon = logon
        return request
