"""Whether the log still has its end: who would write on a log whose end is gone would give its numbers to other events.

A log that lost its last events is whole by its own hashes. What was made of it tells: snapshots, the registry, published heads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from exchange.log.chain import ChainBroken
from exchange.log.heads import read_published
from exchange.log.snapshots import SnapshotStore
from exchange.registry.reader import read_status

if TYPE_CHECKING:
    from pathlib import Path

    from exchange.log.heads import SignedHead
    from exchange.log.reader import LogReader

RUNBOOK = "cut-off-log.md"


class LogCutOff(Exception):  # noqa: N818 - it says what is wrong with the log, not with the program
    """The log ends before what was made of it. The text names what to do."""

    def __init__(self, last_seq: int, witnesses: list[str]) -> None:
        super().__init__(
            f"the log ends at event {last_seq}, but {' and '.join(witnesses)}: its end was cut off. Nothing is written on it"
            f" before somebody has brought the events back, or has said that they are lost: see the runbook {RUNBOOK}"
        )


async def demand_end(dsn: str, reader: LogReader, heads_path: Path | None) -> None:
    """Raise LogCutOff where a snapshot, the registry or a published head lies beyond the end of the log.

    `heads_path`: file of the heads that this venue published. Raises ChainBroken when the newest of them has another hash,
    and HeadsUnusable.
    """
    # What was made of the log first, its end afterwards: others may write meanwhile.
    snapshot_seq = await SnapshotStore(dsn).newest_seq()
    settled_seq = await _settled_seq(dsn)
    head = _newest_head(heads_path)
    last_seq = (await reader.head()).last_seq
    witnesses = []
    if snapshot_seq > last_seq:
        witnesses.append(f"a snapshot holds the state after event {snapshot_seq}")
    if settled_seq > last_seq:
        witnesses.append(f"the registry is settled up to event {settled_seq}")
    if head is not None and head.seq > last_seq:
        witnesses.append(f"the head of event {head.seq} was published")
    if witnesses:
        raise LogCutOff(last_seq, witnesses)
    if head is not None and (found := (await reader.hash_at(head.seq)).hex()) != head.hash:
        raise ChainBroken(head.seq, f"its hash is {found}, the published head says {head.hash}")


async def _settled_seq(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        status = await read_status(connection)
    finally:
        await connection.close()
    return 0 if status is None else status.checkpoint.seq


def _newest_head(path: Path | None) -> SignedHead | None:
    """The newest head that its key did sign."""
    heads = read_published(path) if path is not None else []
    return max((head for head in heads if head.is_genuine), key=lambda head: head.seq, default=None)
