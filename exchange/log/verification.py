"""The whole log checked: gaps, hashes, kinds, the fold with its ledger, snapshots, published heads.

Whatever is wrong becomes a fault with the seq where it shows; what could not be checked is told apart from what is
damaged. Nothing is changed.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec

from exchange.domain import snapshot
from exchange.domain.state import State
from exchange.log.archive import ArchiveDamaged
from exchange.log.chain import ChainBroken
from exchange.log.codec import UnknownEvent
from exchange.log.reexecution import Difference, Reexecution
from exchange.log.snapshots import ANY_SEQ

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from exchange.log.heads import SignedHead
    from exchange.log.reader import LogReader
    from exchange.log.record import StoredEvent
    from exchange.log.snapshots import KeptSnapshot, SnapshotStore

LEDGER_EVENTS: Final = 100_000
"""The sums of the ledger, and the serials behind them, are checked so often, at every snapshot and at the end."""
_PAGES_EVENTS: Final = (10_000, 100, 1)
"""Sizes of pages with which an unreadable event is searched for."""
_UNREADABLE: Final = (asyncpg.InternalServerError, asyncpg.DataError)
"""A damaged page, index or compressed value."""


class Fault(msgspec.Struct, frozen=True):
    """Something that is not what it must be."""

    check: str
    """Which check found it: chain, kinds, fold, ledger, reexecution, snapshots, heads, registry."""
    seq: int
    """The first event at which it shows."""
    what: str


class Verified(msgspec.Struct):
    """What a verification found. `first_seq` to `last_seq` is what was asked for."""

    first_seq: int
    last_seq: int
    checked_seq: int = 0
    """The last event whose hash and fold were checked; less than `last_seq` where a fault ended the work."""
    hash: str = ""
    """Of event `checked_seq`, hexadecimal text."""
    digest: str = ""
    """SHA-256 of the state after event `checked_seq`."""
    snapshots: int = 0
    """Compared with the fold."""
    heads: int = 0
    """Published heads compared with the log."""
    registry_seq: int = 0
    """The event up to which the registry was compared with one built anew; 0: it was not."""
    executed: int = 0
    """Commands that were run again."""
    not_executed: int = 0
    """Commands whose request the log does not have."""
    faults: list[Fault] = msgspec.field(default_factory=list)
    """By seq."""
    unchecked: list[Fault] = msgspec.field(default_factory=list)
    """What this program could not check, and why."""


class LogVerification:
    """One run over the events `first_seq` to `last_seq` of a log."""

    def __init__(
        self, reader: LogReader, snapshots: SnapshotStore, first_seq: int, last_seq: int, *, reexecute: bool
    ) -> None:
        self._reader = reader
        self._snapshots = snapshots
        self._state = State()
        self._again = Reexecution(State()) if reexecute else None
        self._kept: dict[int, KeptSnapshot] = {}
        self._last_hash = b""
        self._ledger_at = 0
        self.found = Verified(first_seq, last_seq)

    async def run(
        self, heads: Sequence[SignedHead] = (), on_progress: Callable[[int], None] | None = None
    ) -> Verified:
        """Check everything; `on_progress` is told the seq reached. Raises the driver's errors when the database is away."""
        found = self.found
        end, unreadable = await readable_end(self._reader)
        if unreadable is not None:
            self._fault("chain", unreadable.seq, unreadable.what)
            found.last_seq = min(found.last_seq, end)
            # There are more events, which nobody can read: nothing is known to lie beyond the end.
            end = ANY_SEQ
        await self._take_snapshots(end)
        await self._begin()
        published = {head.seq: head for head in self._usable(heads, end)}
        after_seq = self._state.last_seq
        try:
            async for page in self._reader.pages(after_seq, found.last_seq, verify=True):
                if not self._fold(page, published):
                    break
                if on_progress is not None:
                    on_progress(page[-1].seq)
            else:
                self._finish()
        except ChainBroken as broken:
            self._fault("chain", broken.seq, broken.what)
        except _UNREADABLE as error:
            unreadable = await _unreadable(self._reader, self._state.last_seq, error)
            self._fault("chain", unreadable.seq, unreadable.what)
        except ArchiveDamaged as error:
            self._fault("chain", self._state.last_seq + 1, str(error))
        found.checked_seq = self._state.last_seq
        found.hash = self._last_hash.hex()
        found.digest = snapshot.digest(self._state)
        if self._again is not None:
            found.executed, found.not_executed = self._again.executed, self._again.replayed
        found.faults.sort(key=lambda fault: fault.seq)
        return found

    async def _take_snapshots(self, end: int) -> None:
        for kept in await self._snapshots.all():
            if kept.seq > end:
                self._fault(
                    "snapshots",
                    end + 1,
                    f"the log ends at event {end}, but a snapshot holds the state after event {kept.seq}:"
                    " the end of the log was cut off",
                )
            else:
                self._kept[kept.seq] = kept

    async def _begin(self) -> None:
        """Begin with the newest snapshot before the first event, or with event 1."""
        before = self.found.first_seq
        if before > 1:
            kept = (await self._snapshots.newest_good(before)).snapshot
            if kept is not None:
                self._state = snapshot.load(kept.state)
                if self._again is not None:
                    self._again = Reexecution(snapshot.load(kept.state))
                del self._kept[kept.seq]
        self._ledger_at = self._state.last_seq
        self._last_hash = await self._reader.hash_at(self._state.last_seq)
        # What lies before was not asked for.
        self._kept = {seq: kept for seq, kept in self._kept.items() if seq > self._state.last_seq}

    def _usable(self, heads: Sequence[SignedHead], end: int) -> list[SignedHead]:
        """The heads that can be compared; the others are faults of their own."""
        usable = []
        for head in heads:
            if not head.is_genuine:
                self._fault("heads", head.seq, f"the signature of the published head {head.seq} does not fit")
            elif head.seq > end:
                self._fault(
                    "heads",
                    end + 1,
                    f"the log ends at event {end}, but the head of event {head.seq} was published:"
                    " the end of the log was cut off",
                )
            else:
                usable.append(head)
        return usable

    def _fold(self, page: list[StoredEvent], published: dict[int, SignedHead]) -> bool:
        """Take a page in, event by event; False at the first that cannot be taken in."""
        for row in page:
            try:
                difference = self._apply(row)
            except UnknownEvent as error:
                self._unknown(row, error)
                return False
            except Exception as error:  # noqa: BLE001 - whatever the fold raises, the event is not one that it wrote
                self._fault("fold", row.seq, f"{row.kind} cannot be applied: {type(error).__name__}: {error}")
                return False
            if difference is not None:
                self._different(difference)
                return False
            self._last_hash = row.hash
            head = published.get(row.seq)
            if head is not None:
                self.found.heads += 1
                if head.hash != row.hash.hex():
                    self._fault("heads", row.seq, f"the published head says hash {head.hash}")
            if row.seq in self._kept or row.seq - self._ledger_at >= LEDGER_EVENTS:
                self._check_ledger()
                self._check_snapshot(row)
        return True

    def _apply(self, row: StoredEvent) -> Difference | None:
        self._state.apply(row.seq, row.recorded_at, row.to_recorded().event)
        return None if self._again is None else self._again.feed((row,))

    def _check_ledger(self) -> None:
        self._ledger_at = self._state.last_seq
        try:
            self._state.check()
        except Exception as error:  # noqa: BLE001 - as above
            self._fault("ledger", self._state.last_seq, str(error))

    def _check_snapshot(self, row: StoredEvent) -> None:
        kept = self._kept.pop(row.seq, None)
        if kept is None:
            return
        self.found.snapshots += 1
        if kept.chain_hash != row.hash:
            self._fault("snapshots", row.seq, f"snapshot {row.seq} belongs to another log")
        elif kept.state_digest != kept.digest:
            self._fault(
                "snapshots", row.seq, f"snapshot {row.seq} is damaged: its bytes do not fit its digest"
            )
        elif kept.digest != snapshot.digest(self._state):
            self._fault("snapshots", row.seq, f"snapshot {row.seq} holds another state than the log gives")

    def _finish(self) -> None:
        difference = None if self._again is None else self._again.finish()
        if difference is not None:
            self._different(difference)
        if self._state.last_seq > self._ledger_at:
            self._check_ledger()

    def _different(self, difference: Difference) -> None:
        self._fault(
            "reexecution",
            difference.seq,
            f"the log says {difference.recorded or 'nothing'}, this program decides {difference.decided or 'nothing'}",
        )

    def _unknown(self, row: StoredEvent, error: UnknownEvent) -> None:
        if error.is_newer:
            self.found.unchecked.append(Fault("kinds", row.seq, f"{error}; a newer program can check it"))
        else:
            self._fault("kinds", row.seq, str(error))

    def _fault(self, check: str, seq: int, what: str) -> None:
        self.found.faults.append(Fault(check, seq, what))


async def readable_end(reader: LogReader) -> tuple[int, ChainBroken | None]:
    """The last event of the log; where the database cannot read its end, the last one before that, and what is wrong."""
    try:
        return (await reader.head()).last_seq, None
    except _UNREADABLE as error:
        broken = await _unreadable(reader, 0, error)
        return broken.seq - 1, broken


@contextlib.asynccontextmanager
async def naming_unreadable(reader: LogReader) -> AsyncIterator[None]:
    """Turns the database's errors about damaged files into ChainBroken, which names the first event that is not there."""
    try:
        yield
    except _UNREADABLE as error:
        raise await _unreadable(reader, 0, error) from error


async def _unreadable(reader: LogReader, after_seq: int, error: Exception) -> ChainBroken:
    """What is wrong with the first event after another one that the database cannot read."""
    return ChainBroken(await first_unreadable(reader, after_seq), f"the database cannot read it: {error}")


async def first_unreadable(reader: LogReader, after_seq: int = 0) -> int:
    """The first event after another one that is missing, or that the database cannot read."""
    for page_events in _PAGES_EVENTS:
        try:
            async for page in reader.pages(after_seq, page_events=page_events):
                after_seq = page[-1].seq
        except _UNREADABLE:
            continue
        except ChainBroken as broken:
            return broken.seq
    return after_seq + 1
