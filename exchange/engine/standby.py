"""An engine in waiting: it follows the log with a warm venue, and writes when the lease has come to it.

To gateways it is the same port before and after. Before, it hands them the events that another engine wrote and refuses
commands with READ_ONLY; afterwards it is the engine. Whoever listens sees one list of events without a gap.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from exchange.domain import snapshot
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.venue import Venue
from exchange.engine.engine import Engine
from exchange.engine.listeners import Listeners
from exchange.log.chain import check_chain
from exchange.log.recovery import state_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.commands import Command
    from exchange.domain.events import Recorded
    from exchange.domain.state import State
    from exchange.engine.interface import Answer
    from exchange.log.reader import LogReader
    from exchange.log.record import StoredEvent
    from exchange.log.snapshots import SnapshotStore
    from exchange.log.writer import LogWriter

POLL_S: Final = 0.05
"""How often to look for events of the other engine."""
CHECK_S: Final = 5.0
"""How often to look for a new snapshot to compare with."""


class StandbyDiverged(Exception):  # noqa: N818 - it says what was found
    """The warm state is not that of the snapshot and the log: this standby must not take over."""


class Standby:
    """Follow with `follow`, take over with `promote`; an `EnginePort` all the time."""

    def __init__(
        self,
        state: State,
        last_hash: bytes,
        epoch: int,
        reader: LogReader,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._state = state
        self._clock = clock
        self._hash = last_hash
        self._reader = reader
        self._engine: Engine | None = None
        self._writer: LogWriter | None = None
        self._listeners: Listeners[list[Recorded]] = Listeners()
        self._stored_listeners: Listeners[list[StoredEvent]] = Listeners()
        self._followed_epoch = epoch
        self.compared_seq = 0
        """The newest snapshot that the warm state was compared with."""

    # The port.

    @property
    def epoch(self) -> int:
        """Of the engine whose events were handed out last."""
        return self._engine.epoch if self._engine else self._followed_epoch

    @property
    def standing_by(self) -> bool:
        """Until it has taken over."""
        return self._engine is None

    @property
    def durable_seq(self) -> int:
        """Seq of the last event that listeners were given."""
        return self._engine.durable_seq if self._engine else self._state.last_seq

    @property
    def waiting_commands(self) -> int:
        """Commands that have not been executed yet."""
        return self._engine.waiting_commands if self._engine else 0

    def submit(self, command: Command) -> asyncio.Future[Answer]:
        """Refuse while standing by; afterwards see `exchange.engine.interface.EnginePort`."""
        if self._engine is not None:
            return self._engine.submit(command)
        refused: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        refused.set_exception(
            Reject(RejectCode.READ_ONLY, "this is a standby: it shows the market and takes no requests")
        )
        return refused

    def listen(self, listener: Callable[[list[Recorded]], None]) -> Callable[[], None]:
        """Hand every durable batch to a listener, whoever wrote it."""
        return self._listeners.add(listener)

    def listen_stored(self, listener: Callable[[list[StoredEvent]], None]) -> Callable[[], None]:
        """Hand every durable batch to a listener in its encoded form, before the listeners of `listen`."""
        return self._stored_listeners.add(listener)

    # Standing by.

    async def follow(self) -> None:
        """Take in the other engine's events, for ever. Raises ChainBroken, UnknownEvent and the driver's errors."""
        pages = self._reader.follow(self._state.last_seq, poll_s=POLL_S)
        async with contextlib.aclosing(pages):
            async for page in pages:
                self._take_in(page)

    async def compare(self, snapshots: SnapshotStore) -> None:
        """Compare the warm state with each new snapshot, for ever. Raises StandbyDiverged."""
        while True:
            newest = await snapshots.newest_seq()
            if self.compared_seq < newest <= self._state.last_seq:
                await self._compare(snapshots)
                self.compared_seq = newest
            await asyncio.sleep(CHECK_S)

    async def _compare(self, snapshots: SnapshotStore) -> None:
        other = await state_at(self._reader, snapshots, self._state.last_seq)
        while other.last_seq < self._state.last_seq:
            # We have moved on while the other state was made.
            async for page in self._reader.pages(other.last_seq, self._state.last_seq):
                for stored in page:
                    recorded = stored.to_recorded()
                    other.apply(recorded.seq, recorded.recorded_at, recorded.event)
        found, expected = snapshot.digest(self._state), snapshot.digest(other)
        if found != expected:
            raise StandbyDiverged(
                f"at event {other.last_seq} the warm state has digest {found}, snapshot and log give {expected}"
            )

    def _take_in(self, page: list[StoredEvent]) -> None:
        self._hash = check_chain(self._hash, page)
        batch = [stored.to_recorded() for stored in page]
        for recorded in batch:
            self._state.apply(recorded.seq, recorded.recorded_at, recorded.event)
        self._followed_epoch = page[-1].epoch
        self._stored_listeners.hand_out(page)
        self._listeners.hand_out(batch)

    # Taking over.

    async def promote(self, writer: LogWriter, program: str) -> Engine:
        """Drain what the other engine wrote last, and be the engine. `follow` and `compare` must have ended.

        From the moment the lease was taken nobody else can append: the end of the log is where `writer` found it.
        """
        self._writer = writer
        async for page in self._reader.pages(self._state.last_seq, writer.last_seq):
            self._take_in(page)
        engine = Engine(Venue(self._state), writer, program, self._clock)
        engine.listen_stored(self._stored_listeners.hand_out)
        engine.listen(self._listeners.hand_out)
        self._engine = engine
        await engine.start()
        return engine

    async def close(self) -> None:
        """Drain the engine, if this is one by now, and give the lease back."""
        if self._engine is not None:
            await self._engine.stop()
        if self._writer is not None:
            await self._writer.close()
