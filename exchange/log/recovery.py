"""The one way back: the newest good snapshot, and the tail of the log folded onto it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from exchange.domain import snapshot
from exchange.domain.state import State
from exchange.log.chain import ChainBroken
from exchange.log.codec import decode
from exchange.log.collector import without_collector
from exchange.log.replaying import checked_pages
from exchange.log.snapshots import ANY_SEQ

if TYPE_CHECKING:
    from collections.abc import Callable

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
    state, problems = await _from_snapshot(snapshots)
    snapshot_seq = state.last_seq
    apply = state.apply
    with without_collector():
        async for page in checked_pages(reader, snapshot_seq):
            for fact in page:
                apply(fact.seq, fact.recorded_at, decode(fact.kind, fact.version, fact.payload))
    return Recovery(
        state=state,
        snapshot_seq=snapshot_seq,
        events_replayed=state.last_seq - snapshot_seq,
        duration_ms=round((time.monotonic() - began_at) * 1000),
        problems=tuple(problems),
    )


async def state_at(
    reader: LogReader, snapshots: SnapshotStore, seq: int, on_progress: Callable[[int], None] | None = None
) -> State:
    """The state after an event of the past, or of the present; hashes are checked on the way.

    Raises ChainBroken, also where the log ends before that event, and UnknownEvent.
    """
    state, _problems = await _from_snapshot(snapshots, seq + 1)
    if state.last_seq < seq:
        async for page in checked_pages(reader, state.last_seq, seq):
            for fact in page:
                state.apply(fact.seq, fact.recorded_at, decode(fact.kind, fact.version, fact.payload))
            if on_progress is not None:
                on_progress(state.last_seq)
    if state.last_seq != seq:
        raise ChainBroken(state.last_seq + 1, "it is missing")
    return state


async def _from_snapshot(snapshots: SnapshotStore, before_seq: int = ANY_SEQ) -> tuple[State, list[str]]:
    """The state of the newest snapshot that can be used, an empty one if none can; and what was wrong with others."""
    found = await snapshots.newest_good(before_seq)
    problems = found.problems
    while found.snapshot is not None:
        seq, program = found.snapshot.seq, found.snapshot.program
        try:
            state = snapshot.load(found.snapshot.state)
        except msgspec.DecodeError as error:
            problems.append(f"snapshot {seq} was written in another form by {program}: {error}")
        else:
            if state.last_seq == seq:
                return state, problems
            problems.append(
                f"snapshot {seq}, written by {program}, holds the state after event {state.last_seq}"
            )
        found = await snapshots.newest_good(seq)
        problems += found.problems
    return State(), problems
