"""The check sum of FIX: the sum of all bytes up to the field itself, modulo 256."""

from __future__ import annotations

from zlib import adler32

_CHUNK_BYTES = 256

TRAILERS = tuple(b"10=%03d\x01" % number for number in range(256))
"""The last field of a message, by check sum."""
TRAILER_BYTES = 7
"""Its length, which BodyLength does not count."""


def checksum(data: bytes) -> int:
    """Sum of the bytes, modulo 256.

    The low half of Adler-32 is one more than the sum of the bytes, modulo 65,521; over 256 bytes the sum cannot reach
    that. So a loop in C adds up, about ten times as fast as `sum`.
    """
    if len(data) <= _CHUNK_BYTES:
        return (adler32(data) - 1) & 0xFF
    total = 0
    for start in range(0, len(data), _CHUNK_BYTES):
        total += (adler32(data[start : start + _CHUNK_BYTES]) & 0xFFFF) - 1
    return total & 0xFF
