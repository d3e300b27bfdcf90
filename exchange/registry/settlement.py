"""Settlement: follows the log and keeps the registry's tables at its heels, exactly once."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from exchange.log.chain import ChainBroken, check_chain
from exchange.log.codec import UnknownEvent, check_known, decode
from exchange.log.collector import without_collector
from exchange.registry.projection import PASSED_OVER_KINDS, SHOWN_KINDS
from exchange.registry.store import Checkpoint, RegistryDamaged

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.log.reader import LogReader
    from exchange.log.record import StoredEvent
    from exchange.registry.projection import Appended, Changed, Projection
    from exchange.registry.store import RegistryStore
    from exchange.registry.totals import AccountAsset

CHECKPOINT_EVENTS: Final = 1_000_000
"""While there is more to settle, a transaction ends after so many events; else at the end of the log."""
POLL_S: Final = 0.2
"""How often to look for new events."""

_PENDING_WRITES: Final = 8
"""Pages taken in that may wait to be written: a checkpoint keeps the database as long as many pages keep us."""
_TURN_EVENTS: Final = 100
"""So many events are taken in before the loop may see to the database's connections."""


class _Picked(NamedTuple):
    """Rows to be written in one go."""

    appended: Appended
    changed: Changed | None = None
    """With a checkpoint."""
    checkpoint: Checkpoint | None = None
    ledger: dict[AccountAsset, int] | None = None
    """As of the checkpoint, where everything is to be compared with it."""


class Settlement:
    """A projection that follows the log, and the tables that it is written to."""

    def __init__(self, reader: LogReader, store: RegistryStore, projection: Projection) -> None:
        self._reader = reader
        self._store = store
        self._projection = projection
        self._hash = store.checkpoint.hash
        """Of the last event taken in."""
        self._uncommitted = 0
        """Events since the checkpoint."""
        self._day_ended = False

    @classmethod
    async def resume(cls, reader: LogReader, store: RegistryStore) -> Settlement:
        """Go on from the checkpoint. Raises RegistryDamaged where the tables are not whole or are of another log."""
        checkpoint = store.checkpoint
        try:
            found = await reader.hash_at(checkpoint.seq)
        except ChainBroken as broken:
            raise RegistryDamaged(
                f"the registry is settled up to event {checkpoint.seq}, which the log does not have"
            ) from broken
        if found != checkpoint.hash:
            raise RegistryDamaged(f"the registry is of another log: event {checkpoint.seq} has another hash")
        return cls(reader, store, await store.load())

    @property
    def checkpoint(self) -> Checkpoint:
        """Up to where the log is settled."""
        return self._store.checkpoint

    async def follow(self, stop: asyncio.Event, poll_s: float = POLL_S) -> None:
        """Settle until the end is asked for, and then what the log has by then.

        Raises whatever stops it before; what was not committed then is as if it had not been.
        """
        while not stop.is_set():
            await self.catch_up()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(poll_s):
                    await stop.wait()
        await self.catch_up()

    async def catch_up(
        self, up_to: int | None = None, on_progress: Callable[[int], None] | None = None
    ) -> None:
        """Settle what the log has now, or has up to a seq; a checkpoint ends it.

        `on_progress` is told the seq reached. Raises ChainBroken, UnknownEvent, ProjectionError, ReconciliationFailed,
        RegistryDamaged or TakenOver.
        """
        with without_collector():
            await self._catch_up(up_to, on_progress)

    async def verify(self) -> None:
        """Compare the whole tables with the ledger. Raises ReconciliationFailed or RegistryDamaged."""
        await self._store.verify(self._projection.totals.of_classes())

    async def _catch_up(self, up_to: int | None, on_progress: Callable[[int], None] | None) -> None:
        # Oldest first; each waits for the one before. The tables are written while more is taken in.
        writes: deque[asyncio.Task[None]] = deque()
        try:
            async for page in self._reader.pages(self._projection.seq, up_to):
                await self._take_in(page)
                self._write_next(writes, checkpoint=self._uncommitted >= CHECKPOINT_EVENTS)
                # Those that have ended, too: what failed is told before more is taken in.
                while writes and (writes[0].done() or len(writes) > _PENDING_WRITES):
                    await writes.popleft()
                if on_progress is not None:
                    on_progress(self._projection.seq)
            if self._uncommitted:
                self._write_next(writes, checkpoint=True)
            while writes:
                await writes.popleft()
        finally:
            for write in writes:
                write.cancel()
            await asyncio.gather(*writes, return_exceptions=True)

    async def _take_in(self, page: list[StoredEvent]) -> None:
        self._hash = check_chain(self._hash, page)
        projection = self._projection
        for start in range(0, len(page), _TURN_EVENTS):
            for stored in page[start : start + _TURN_EVENTS]:
                kind = stored.kind
                if kind in SHOWN_KINDS:
                    event = decode(kind, stored.version, stored.payload)
                    projection.apply(stored.seq, stored.recorded_at, event)
                elif kind in PASSED_OVER_KINDS:
                    check_known(kind, stored.version)
                    projection.pass_over(stored.seq, stored.recorded_at)
                else:
                    check_known(kind, stored.version)
                    raise UnknownEvent(
                        kind, stored.version, "settlement does not know what it does to serials"
                    )
                self._day_ended = self._day_ended or kind == "day_closed"
            await asyncio.sleep(0)
        self._uncommitted += len(page)

    def _pick(self, *, checkpoint: bool) -> _Picked:
        """What is to be written next. At once, as the projection goes on while it is written."""
        projection = self._projection
        appended = projection.take_appended()
        if not checkpoint:
            return _Picked(appended)
        reached = Checkpoint(
            projection.seq, self._hash, projection.recorded_at, projection.movement_count, projection.digest
        )
        ledger = projection.totals.of_classes() if self._day_ended else None
        self._uncommitted = 0
        self._day_ended = False
        return _Picked(appended, projection.take_changed(), reached, ledger)

    def _write_next(self, writes: deque[asyncio.Task[None]], *, checkpoint: bool) -> None:
        """Write what was taken in after what is being written."""
        before = writes[-1] if writes else None
        writes.append(asyncio.create_task(self._write(self._pick(checkpoint=checkpoint), before)))

    async def _write(self, picked: _Picked, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        await self._store.append(picked.appended)
        if picked.changed is not None and picked.checkpoint is not None:
            await self._store.commit(picked.changed, picked.checkpoint)
        if picked.ledger is not None:
            await self._store.verify(picked.ledger)
