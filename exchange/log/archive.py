"""Old events in files instead of the table: whole rows in Parquet, a file for so many events, without a gap.

The files are part of the log. Whatever reads the log from an event that was archived reads them, and the hashes lead
from the files into the table.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Any, Final

from exchange.log.chain import GENESIS, ChainBroken, check_chain
from exchange.log.files import EventFile, FileForm, FileUnusable, read_account, read_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from exchange.log.reader import LogReader
    from exchange.log.record import StoredEvent

FILE_EVENTS: Final = 1_000_000
_NAME: Final = re.compile(r"events-(\d{12})-(\d{12})\.parquet")


class ArchiveMissing(Exception):  # noqa: N818 - it says what is not there
    """Events were archived, and their files are not where they were put."""


class ArchiveDamaged(Exception):  # noqa: N818 - as above
    """A file of archived events cannot be read; the text names it."""


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

    def demand_files(self, up_to: int) -> None:
        """Raise ArchiveMissing unless there are files for every event up to `up_to`; what is in them is not looked at."""
        after_seq = 0
        for first, last, _path in self.files():
            if first > after_seq + 1:
                break
            after_seq = max(after_seq, last)
        if after_seq < up_to:
            raise self._missing(after_seq, up_to)

    async def pages(self, after_seq: int, up_to: int) -> AsyncIterator[list[StoredEvent]]:
        """The events after a seq, to `up_to`. Raises ArchiveMissing, ArchiveDamaged and ChainBroken."""
        for first, last, path in self.files():
            if last <= after_seq or first > up_to:
                continue
            if first > after_seq + 1:
                break
            pages = read_file(path)
            while (page := await _to_thread(next, pages, None)) is not None:
                wanted = [row for row in page if after_seq < row.seq <= up_to]
                if not wanted:
                    continue
                for expected, row in enumerate(wanted, after_seq + 1):
                    if row.seq != expected:
                        raise ChainBroken(expected, f"it is missing in {path}")
                after_seq = wanted[-1].seq
                yield wanted
        if after_seq < up_to:
            raise self._missing(after_seq, up_to)

    async def account_events(
        self, account: str, after_seq: int, up_to: int, limit: int, kinds: Sequence[str] | None
    ) -> list[StoredEvent]:
        """The first events after a seq, to `up_to`, that touch an account. Raises ArchiveMissing and ArchiveDamaged."""
        found: list[StoredEvent] = []
        for first, last, path in self.files():
            if last <= after_seq or first > up_to:
                continue
            if first > after_seq + 1 or len(found) >= limit:
                break
            rows = await _to_thread(read_account, path, account, after_seq, up_to)
            found += [row for row in rows if kinds is None or row.kind in kinds]
            # Files overlap where an earlier attempt was interrupted.
            after_seq = last
        if after_seq < up_to and len(found) < limit:
            raise self._missing(after_seq, up_to)
        return found[:limit]

    async def last_hash(self, up_to: int) -> bytes:
        """Hash of event `up_to`, at the end of the chain of all events from 1 on. Raises what `pages` raises."""
        found = GENESIS
        async for page in self.pages(0, up_to):
            found = check_chain(found, page)
        return found

    def _missing(self, after_seq: int, up_to: int) -> ArchiveMissing:
        return ArchiveMissing(
            f"events up to {up_to} were archived, and event {after_seq + 1} is in no file of {self._folder}"
        )


async def write_archive(
    reader: LogReader,
    folder: Path,
    after_seq: int,
    up_to: int,
    on_progress: Callable[[int], None] | None = None,
) -> list[Path]:
    """Write the events after a seq into files of a folder, durably, and read them back; answers their paths.

    `on_progress` is told the seq written. Raises ChainBroken when what was read, or read back, is not whole, and FileUnusable.
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
                if on_progress is not None:
                    on_progress(page[-1].seq)
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


async def _to_thread(read: Callable[..., Any], *arguments: object) -> Any:
    """What reading a file gives. Raises ArchiveDamaged."""
    try:
        return await asyncio.to_thread(read, *arguments)
    except FileUnusable as error:
        raise ArchiveDamaged(f"of the archive, {error}; put a copy of this file back") from error


def _last_hash(path: Path, previous_hash: bytes) -> bytes:
    for page in read_file(path):
        previous_hash = check_chain(previous_hash, page)
    return previous_hash
