"""The one way back: the newest good snapshot, and the tail of the log folded onto it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from exchange.domain import snapshot
from exchange.domain.state import State

if TYPE_CHECKING:
    from exchange.log.reader import LogReader
    from exchange.log.snapshots import SnapshotStore


class Recovery(msgspec.Struct, frozen=True):
    """A recovered state and how it came about."""

    state: State
    snapshot_seq: int
    """0: no snapshot was used."""
    events_replayed: int
    duration_ms: int
    problems: tuple[str, ...]
    """Snapshots that were passed over, and why."""

    def summary(self) -> str:
        """One line for the operator."""
        start = f"snapshot at {self.snapshot_seq}" if self.snapshot_seq else "no snapshot"
        return (
            f"recovered to seq {self.state.last_seq} in {self.duration_ms} ms:"
            f" {start}, {self.events_replayed} events replayed"
        )


async def recover(reader: LogReader, snapshots: SnapshotStore) -> Recovery:
    """Fold the log into a state; the hash chain of every event replayed is checked on the way."""
    began_at = time.monotonic()
    found = await snapshots.newest_good()
    problems = list(found.problems)
    state = State()
    if found.snapshot is not None:
        try:
            state = snapshot.load(found.snapshot.state)
        except msgspec.ValidationError as error:
            program = found.snapshot.program
            problems.append(
                f"snapshot {found.snapshot.seq} was written in another form by {program}: {error}"
            )
    snapshot_seq = state.last_seq
    apply = state.apply
    async for page in reader.pages(snapshot_seq, verify=True):
        for stored in page:
            recorded = stored.to_recorded()
            apply(recorded.seq, recorded.recorded_at, recorded.event)
    return Recovery(
        state=state,
        snapshot_seq=snapshot_seq,
        events_replayed=state.last_seq - snapshot_seq,
        duration_ms=round((time.monotonic() - began_at) * 1000),
        problems=tuple(problems),
    )
