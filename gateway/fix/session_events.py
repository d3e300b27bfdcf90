"""What a session tells the one who runs it. The order of the events is their meaning: a `Transmit` waits for each `Store` before it."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from gateway.fix.message import Message


class Received(msgspec.Struct, frozen=True):
    """An application message of the dialect, complete and in sequence; once for each number."""

    message: Message


class Refused(msgspec.Struct, frozen=True):
    """The peer sent a Reject or a BusinessMessageReject; there is nothing to answer."""

    message: Message


class Ignored(msgspec.Struct, frozen=True):
    """Something that was received is passed over: garbled bytes, or a message known already."""

    reason: str


class Store(msgspec.Struct, frozen=True):
    """A number is used. From now on the next outgoing number is greater."""

    number: int
    data: bytes
    """The whole message, to be kept for resending; empty for messages of the session, which are never resent."""


class Transmit(msgspec.Struct, frozen=True):
    """Bytes for the peer. They may leave only when every `Store` before them is durable."""

    data: bytes


class Expect(msgspec.Struct, frozen=True):
    """The next incoming number; it comes after the `Received` of the message before it."""

    number: int


class Reset(msgspec.Struct, frozen=True):
    """Both sides begin at number 1 again: kept messages are forgotten."""


class Resend(msgspec.Struct, frozen=True):
    """Kept messages of these numbers are wanted, both ends included: answer with `Session.resend`."""

    begin: int
    end: int


class LoggedOn(msgspec.Struct, frozen=True):
    """The session is established."""

    heartbeat_s: int
    reset: bool


class LoggedOut(msgspec.Struct, frozen=True):
    """The session is not established any more; its numbers live on."""

    reason: str


class Disconnect(msgspec.Struct, frozen=True):
    """Close the connection when all before has left."""

    reason: str


Event: TypeAlias = (
    Received
    | Refused
    | Ignored
    | Store
    | Transmit
    | Expect
    | Reset
    | Resend
    | LoggedOn
    | LoggedOut
    | Disconnect
)
