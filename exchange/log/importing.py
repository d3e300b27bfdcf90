"""Rows of a file put into a log: checked before they are written, and with the hashes that they had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.log.chain import ChainBroken, check_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exchange.log.reader import LogReader
    from exchange.log.record import StoredEvent
    from exchange.log.writer import LogWriter


class NothingFollows(Exception):  # noqa: N818 - it says what does not fit
    """The file does not go on where the log ends."""


async def import_events(
    reader: LogReader,
    writer: LogWriter,
    pages: Iterable[list[StoredEvent]],
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Append what a file has beyond the end of the log; answers how many events came in.

    What the log has already is compared by hash and passed over. The writer's epoch rises above those of the file. Raises
    ChainBroken where the file is damaged or belongs to another log, NothingFollows where events are missing between log and
    file. Pages before the damaged one have come in.
    """
    imported = 0
    for page in pages:
        known = [row for row in page if row.seq <= writer.last_seq]
        # The last one vouches for those before it, if the file is whole.
        if known and known[-1].hash != await reader.hash_at(known[-1].seq):
            raise ChainBroken(
                known[-1].seq, "the file has another hash for it: it is damaged, or of another log"
            )
        new = page[len(known) :]
        if not new:
            continue
        if new[0].seq != writer.last_seq + 1:
            raise NothingFollows(
                f"the log ends at event {writer.last_seq}, the file goes on with event {new[0].seq}"
            )
        for expected, row in enumerate(new, new[0].seq):
            if row.seq != expected:
                raise ChainBroken(expected, f"it is missing in the file, event {row.seq} comes next")
        check_chain(writer.last_hash, new)
        # Before: whoever writes on after an interrupted import has a higher epoch, too.
        if (epoch := max(row.epoch for row in new)) >= writer.epoch:
            await writer.raise_epoch(epoch + 1)
        await writer.append(new)
        imported += len(new)
        if on_progress is not None:
            on_progress(writer.last_seq)
    return imported
