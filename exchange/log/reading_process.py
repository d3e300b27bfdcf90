"""A process that reads a long stretch of the log and checks its hashes while the one that started it folds the events.

`python -m exchange.log.reading_process`, with a `Stretch` as JSON on its standard input; answers frames on its standard
output, each a page of facts: four bytes of length (big-endian), then MessagePack.

It ends when it has read everything, with the first error, or when nobody reads its answers any more. It does not say
why: `exchange.log.replaying` reads on itself after the last event that came, and so meets the error, if it was one.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import signal
import sys

import msgspec

from exchange.log.reader import LogReader


class Stretch(msgspec.Struct):
    """The events `after_seq + 1` to `up_to` of a log."""

    dsn: str
    after_seq: int
    up_to: int


class Fact(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a fold needs of a row of the log."""

    seq: int
    recorded_at: int
    """Nanoseconds UTC."""
    kind: str
    version: int
    payload: bytes


LENGTH_BYTES = 4
"""Of a frame's length."""
PIPE_BYTES = 2**20
"""What we may be ahead, a few thousand events, so that neither process waits for the other's turn on a busy processor."""
_PAGE_EVENTS = 2_000
"""Few enough to be read and checked before what is in the pipe is folded."""


async def _read(stretch: Stretch) -> None:
    encoder = msgspec.msgpack.Encoder()
    out = sys.stdout.buffer
    async with await LogReader.open(stretch.dsn, connections=1) as reader:
        async for page in reader.pages(stretch.after_seq, stretch.up_to, _PAGE_EVENTS, verify=True):
            frame = encoder.encode(
                [Fact(row.seq, row.recorded_at, row.kind, row.version, row.payload) for row in page]
            )
            out.write(len(frame).to_bytes(LENGTH_BYTES) + frame)
            out.flush()


if __name__ == "__main__":
    # An operator's Ctrl-C is for the process that reads us; when that is gone, our next write fails.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        # A smaller pipe only makes both wait more often.
        with contextlib.suppress(OSError):
            fcntl.fcntl(sys.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    # Rows have no cycles: looking for some takes a tenth of the time.
    gc.disable()
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_read(msgspec.json.decode(sys.stdin.buffer.read(), type=Stretch)))
