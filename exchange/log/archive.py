"""Old events in files instead of the table: whole rows in Parquet, a file for so many events, without a gap.

The files are part of the log. Whatever reads the log from an event that was archived reads them, and the hashes lead
from the files into the table.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Final

from exchange.log.chain import ChainBroken, check_chain
from exchange.log.files import EventFile, FileForm, FileUnusable, read_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from exchange.log.reader import LogReader
    from exchange.log.record import StoredEvent

FILE_EVENTS: Final = 1_000_000
_NAME: Final = re.compile(r"events-(\d{12})-(\d{12})\.parquet")


class ArchiveMissing(Exception):  # noqa: N818 - it says what is not there
    """Events were archived, and their files are not where they were put."""


class Archive:
    """A folder of files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self) -> list[tuple[int, int, Path]]:
        """First seq, last seq and path of each file, in order."""
        if not self._folder.is_dir():
            return []
        named = ((_NAME.fullmatch(path.name), path) for path in self._folder.iterdir())
        return sorted((int(name[1]), int(name[2]), path) for name, path in named if name)

    async def pages(self, after_seq: int, up_to: int) -> AsyncIterator[list[StoredEvent]]:
        """The events after a seq, to `up_to`. Raises ArchiveMissing, FileUnusable and ChainBroken where one is missing."""
        for first, last, path in self.files():
            if last <= after_seq or first > up_to:
                continue
            pages = read_file(path)
            while (page := await asyncio.to_thread(next, pages, None)) is not None:
                wanted = [row for row in page if after_seq < row.seq <= up_to]
                if not wanted:
                    continue
                for expected, row in enumerate(wanted, after_seq + 1):
                    if row.seq != expected:
                        raise ChainBroken(expected, f"it is missing in {path}")
                after_seq = wanted[-1].seq
                yield wanted
        if after_seq < up_to:
            raise ArchiveMissing(
                f"events up to {up_to} were archived, and event {after_seq + 1} is in no file of {self._folder}"
            )

    async def account_events(
        self, account: str, after_seq: int, up_to: int, limit: int, kinds: Sequence[str] | None
    ) -> list[StoredEvent]:
        """The first events after a seq, to `up_to`, that touch an account. Raises FileUnusable."""
        from exchange.log import parquet  # large, and seldom needed

        found: list[StoredEvent] = []
        for first, last, path in self.files():
            if last <= after_seq or first > up_to or len(found) >= limit:
                continue
            try:
                rows = await asyncio.to_thread(parquet.read_account, path, account, after_seq, up_to)
            except parquet.Unreadable as error:
                raise FileUnusable(f"{path} does not hold events: {error}") from error
            found += [row for row in rows if kinds is None or row.kind in kinds]
            # Files overlap where an earlier attempt was interrupted.
            after_seq = last
        return found[:limit]


async def write_archive(reader: LogReader, folder: Path, after_seq: int, up_to: int) -> list[Path]:
    """Write the events after a seq into files of a folder, durably, and read them back; answers their paths.

    Raises ChainBroken when what was read, or read back, is not whole, and FileUnusable.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    paths: list[Path] = []
    while after_seq < up_to:
        last = min(after_seq + FILE_EVENTS, up_to)
        path = folder / f"events-{after_seq + 1:012}-{last:012}.parquet"
        unfinished = path.with_name(path.name + ".unfinished")
        with unfinished.open("wb") as file:
            events = EventFile(file, FileForm.PARQUET)
            async for page in reader.pages(after_seq, last, verify=True):
                events.write(page)
            events.finish()
            file.flush()
            os.fsync(file.fileno())
        previous_hash = await reader.hash_at(after_seq)
        if await asyncio.to_thread(_last_hash, unfinished, previous_hash) != await reader.hash_at(last):
            raise ChainBroken(last, f"{unfinished} does not end with its hash")
        unfinished.replace(path)
        paths.append(path)
        after_seq = last
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    return paths


def _last_hash(path: Path, previous_hash: bytes) -> bytes:
    for page in read_file(path):
        previous_hash = check_chain(previous_hash, page)
    return previous_hash
