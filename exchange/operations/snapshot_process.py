"""The process that saves snapshots: it folds the log into a state of its own, so that the engine never pauses for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from exchange.domain import snapshot
from exchange.domain.events import DayClosed
from exchange.log.chain import check_chain
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import Snapshot, SnapshotStore
from exchange.operations import child
from exchange.operations.engine_runtime import PROGRAM, prepare_database
from exchange.operations.work import SnapshotWork

if TYPE_CHECKING:
    from exchange.domain.state import State
    from exchange.log.record import StoredEvent

log = structlog.get_logger()


class Snapshotter:
    """A state that follows the log, and the snapshots taken of it: every so many events and at each day's end."""

    def __init__(
        self, reader: LogReader, store: SnapshotStore, state: State, saved_seq: int, every_events: int
    ) -> None:
        self._reader = reader
        self._store = store
        self._state = state
        self._hash = b""
        self._saved_seq = saved_seq
        self._every_events = every_events

    async def follow(self) -> None:
        """Follows the log for ever. Raises ChainBroken when an event is not what was written."""
        self._hash = await self._reader.hash_at(self._state.last_seq)
        async for page in self._reader.follow(self._state.last_seq):
            await self._fold(page)

    async def finish(self) -> None:
        """Folds what is left and saves it, unless it is saved already."""
        self._hash = await self._reader.hash_at(self._state.last_seq)
        async for page in self._reader.pages(self._state.last_seq):
            await self._fold(page)
        if self._state.last_seq > self._saved_seq:
            await self._save()

    async def _fold(self, page: list[StoredEvent]) -> None:
        check_chain(self._hash, page)
        for stored in page:
            recorded = stored.to_recorded()
            self._state.apply(recorded.seq, recorded.recorded_at, recorded.event)
            self._hash = stored.hash
            grown = self._state.last_seq - self._saved_seq
            if grown >= self._every_events or isinstance(recorded.event, DayClosed):
                await self._save()

    async def _save(self) -> None:
        seq = self._state.last_seq
        digest = await self._store.save(Snapshot(seq, self._hash, PROGRAM, snapshot.dump(self._state)))
        self._saved_seq = seq
        log.info("snapshot saved", seq=seq, digest=digest[:16])


async def main(work: SnapshotWork, parent: child.Parent) -> None:
    """Follows until the end is asked for; then saves a last snapshot."""
    await prepare_database(work.dsn, parent.waits)
    store = SnapshotStore(work.dsn)
    async with await LogReader.open(work.dsn, connections=2) as reader:
        recovery = await recover(reader, store)
        snapshotter = Snapshotter(reader, store, recovery.state, recovery.snapshot_seq, work.every_events)
        child.quieten_collector()
        parent.report(child.Ready())
        await parent.work_until_stop(snapshotter.follow())
        await snapshotter.finish()


if __name__ == "__main__":
    child.run(SnapshotWork, main)
