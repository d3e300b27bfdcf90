"""Frames between the engine and its clients on one machine: a 4-byte big-endian length, then MessagePack."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from exchange.domain.commands import Command

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOL_VERSION = 2
MAX_FRAME_BYTES = 256 * 1024 * 1024
"""A batch of events at its largest; a longer frame is damage."""
_LENGTH_BYTES = 4


class Frame(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Base of all frames."""


class Hello(Frame, frozen=True):
    """First frame of the engine."""

    protocol_version: int
    program: str
    epoch: int
    durable_seq: int
    standing_by: bool
    """Whether another engine writes the log and this one takes no commands yet."""


class Submit(Frame, frozen=True):
    """Commands of a client, each with the client's own number for it."""

    requests: list[tuple[int, Command]]


class EncodedEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event as it stands in the log."""

    seq: int
    command: int
    recorded_at: int
    kind: str
    version: int
    payload: bytes


class Events(Frame, frozen=True):
    """A batch of durable events."""

    events: list[EncodedEvent]


class Answered(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The answer to one request: a range of events in the frame before, a duplicate, or a refusal at the door."""

    request: int
    first_seq: int = 0
    last_seq: int = 0
    duplicate_of: int = 0
    code: int = 0
    message: str = ""


class Answers(Frame, frozen=True):
    """Answers to requests of this client."""

    answers: list[Answered]


_ENCODER = msgspec.msgpack.Encoder()
_CLIENT_DECODER: msgspec.msgpack.Decoder[Hello | Events | Answers] = msgspec.msgpack.Decoder(
    Hello | Events | Answers
)
_ENGINE_DECODER = msgspec.msgpack.Decoder(Submit)


def encode(frame: Frame) -> bytes:
    """The frame with its length."""
    body = _ENCODER.encode(frame)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def decode_for_client(body: bytes) -> Hello | Events | Answers:
    """A frame of the engine; raises `msgspec.MsgspecError`."""
    return _CLIENT_DECODER.decode(body)


def decode_for_engine(body: bytes) -> Submit:
    """A frame of a client; raises `msgspec.MsgspecError`."""
    return _ENGINE_DECODER.decode(body)


class FrameError(Exception):
    """The other side does not speak this protocol."""


class FrameProtocol(asyncio.Protocol):
    """Cuts a stream into frames and hands on each body."""

    def __init__(
        self, on_frame: Callable[[bytes], None], on_lost: Callable[[Exception | None], None]
    ) -> None:
        self._buffer = bytearray()
        self._on_frame = on_frame
        self._on_lost = on_lost

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner."""
        self._on_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Collect bytes and hand on whole frames; an error here closes the connection."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _LENGTH_BYTES:
            body_at = start + _LENGTH_BYTES
            length = int.from_bytes(buffer[start:body_at], "big")
            if length > MAX_FRAME_BYTES:
                raise FrameError(f"a frame of {length} bytes")
            if len(buffer) < body_at + length:
                break
            self._on_frame(bytes(buffer[body_at : body_at + length]))
            start = body_at + length
        if start:
            del buffer[:start]
