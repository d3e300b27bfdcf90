"""The log as a fold takes it in: page by page, each checked; of a long stretch, a process of its own reads ahead."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.log.reading_process import LENGTH_BYTES, PIPE_BYTES, Fact, Stretch

if TYPE_CHECKING:
    from asyncio import StreamReader
    from collections.abc import AsyncGenerator, Sequence

    from exchange.log.reader import LogReader
    from exchange.log.record import StoredEvent

LONG_EVENTS: Final = 200_000
"""From this length on a process that reads ahead gains more than its start costs."""
_MEANWHILE_EVENTS: Final = 30_000
"""Read here while that process starts."""

_decode = msgspec.msgpack.Decoder(list[Fact]).decode


async def checked_pages(
    reader: LogReader, after_seq: int, up_to: int | None = None
) -> AsyncGenerator[Sequence[Fact | StoredEvent], None]:
    """Yield the events after a seq, to `up_to` (included) or the present end, each checked against its hash.

    Raises what `LogReader.pages` raises.
    """
    last = (await reader.head()).last_seq if up_to is None else up_to
    if last - after_seq >= LONG_EVENTS:
        ahead = Stretch(reader.dsn, after_seq + _MEANWHILE_EVENTS, last)
        async with contextlib.aclosing(_read_ahead(reader, after_seq, ahead)) as pages:
            async for page in pages:
                yield page
                after_seq = page[-1].seq
    # All of a short stretch; of a long one what was written meanwhile, or the rest where the other process failed.
    async with contextlib.aclosing(reader.pages(after_seq, up_to, verify=True)) as rest:
        async for stored in rest:
            yield stored


async def _read_ahead(
    reader: LogReader, after_seq: int, ahead: Stretch
) -> AsyncGenerator[Sequence[Fact | StoredEvent], None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "exchange.log.reading_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=PIPE_BYTES,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process has no pipes")
    try:
        # The address may have a password in it: not for the command line.
        process.stdin.write(msgspec.json.encode(ahead))
        process.stdin.close()
        async for page in reader.pages(after_seq, ahead.after_seq, verify=True):
            yield page
        async for facts in _frames(process.stdout):
            yield facts
    except BaseException:
        # The fold stopped, or what is read here is broken.
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    finally:
        await process.wait()


async def _frames(stream: StreamReader) -> AsyncGenerator[list[Fact], None]:
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            length = int.from_bytes(await stream.readexactly(LENGTH_BYTES))
            yield _decode(await stream.readexactly(length))
