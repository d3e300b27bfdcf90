"""Cuts what comes over a connection into messages: half messages, many at once, and garbage between them.

A frame that comes out has its first three fields in order, the length it says and the right check sum. Anything else is
garbled: it is skipped up to what looks like the beginning of a message, as FIX asks, and moves no sequence number.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import msgspec

from gateway.fix.checksum import TRAILER_BYTES, TRAILERS, checksum

MAX_FRAME_BYTES = 65_536
"""Longest message that is taken, from `8=` to its end."""
MAX_GARBAGE_BYTES = 65_536
"""More garbage between two messages than this is no accident."""

_SOH = 0x01
_HEAD = re.compile(rb"8=FIX[^\x01]{0,9}\x019=([0-9]{1,7})\x0135=")
_MAX_HEAD_BYTES = 28
"""The longest text that `_HEAD` matches; every valid message is longer."""
_TRAILER = re.compile(rb"\x0110=[0-9]{3}\x01")


class Garbled(msgspec.Struct, frozen=True):
    """Bytes that are no message were skipped."""

    skipped_bytes: int
    reason: str


class Overlong(msgspec.Struct, frozen=True):
    """The peer announces a message that is too long, or sends nothing but garbage: nothing more can be read."""

    reason: str


Framed: TypeAlias = bytes | Garbled | Overlong


class Framer:
    """The bytes of one connection that are not yet read."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0
        self._garbage_bytes = 0
        """Skipped since the last message."""

    def __len__(self) -> int:
        """Bytes that wait."""
        return len(self._buffer) - self._position

    def feed(self, data: bytes) -> None:
        """Take in what was received."""
        if self._position:
            del self._buffer[: self._position]
            self._position = 0
        self._buffer += data

    def next_frame(self) -> Framed | None:
        """The next message or what is wrong instead; None: more bytes are needed."""
        start = self._position
        head = _HEAD.match(self._buffer, start)
        if head is None:
            if len(self) < _MAX_HEAD_BYTES:
                return None
            return self._skip("no message begins here")
        # BodyLength counts from `35=`.
        end = head.end() - 3 + int(head[1]) + TRAILER_BYTES
        if end - start > MAX_FRAME_BYTES:
            return Overlong(f"a message may have {MAX_FRAME_BYTES} bytes, not {end - start}")
        if end > len(self._buffer):
            return None
        frame = bytes(memoryview(self._buffer)[start:end])
        good_trailer = TRAILERS[checksum(frame[:-TRAILER_BYTES])]
        if frame[-TRAILER_BYTES:] != good_trailer or frame[-TRAILER_BYTES - 1] != _SOH:
            if _TRAILER.fullmatch(frame, len(frame) - TRAILER_BYTES - 1):
                return self._skip("CheckSum is wrong", end)
            return self._skip("BodyLength is wrong")
        self._position = end
        self._garbage_bytes = 0
        return frame

    def _skip(self, reason: str, end: int = 0) -> Garbled | Overlong:
        """Go on behind a message of wrong check sum, or where the next message seems to begin."""
        if not end:
            head = _HEAD.search(self._buffer, self._position + 1)
            # The end of the buffer may hold half a beginning.
            end = head.start() if head else max(self._position + 1, len(self._buffer) - _MAX_HEAD_BYTES + 1)
        skipped_bytes = end - self._position
        self._position = end
        self._garbage_bytes += skipped_bytes
        if self._garbage_bytes > MAX_GARBAGE_BYTES:
            return Overlong(f"more than {MAX_GARBAGE_BYTES} bytes of garbage")
        return Garbled(skipped_bytes, reason)
