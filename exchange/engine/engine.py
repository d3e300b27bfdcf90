"""The single writer. Commands in, durable events out, one transaction in flight.

    submit -> waiting -> execute (venue runs ahead of the log) -> batch -> append -> output gate -> listeners, answers

While a transaction is on its way to Postgres, whatever arrives is executed and makes the next batch: no timer decides.
Nothing leaves before it is durable. If an append fails, or the venue breaks a rule, the engine stops for good and the
log is the truth: there is one way back, recovery from the log.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

import structlog

from exchange.domain import commands
from exchange.domain.events import Recorded
from exchange.domain.making.forms import CancelQuotes
from exchange.domain.rejects import Reject, RejectCode
from exchange.engine.interface import Answer, EngineStopped
from exchange.engine.listeners import Listeners
from exchange.log.record import StoredEvent, seal
from exchange.log.requests import request_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.commands import Command
    from exchange.domain.venue import Venue
    from exchange.log.writer import LogWriter

SLICE_COMMANDS = 64
"""Commands executed in one turn of the event loop, so that handshakes and heartbeats never wait long."""
MAX_WAITING_COMMANDS = 20_000
"""Above this, new work is refused with BUSY; commands that lower risk are still taken up to twice as many."""
MAX_BATCH_EVENTS = 10_000
"""A batch that waits for the transaction before it grows no further than this, nor beyond as many commands; what comes
waits instead."""

_RISK_LOWERING = (commands.CancelOrder, commands.CancelAll, commands.SetCancelAfter, CancelQuotes)
_NEVER = 2**63 - 1
"""As a time, in nanoseconds."""

log = structlog.get_logger()


class LeaseLost(Exception):  # noqa: N818 - it says what happened
    """Another engine may write the log now; this one must not."""


class NotRecovered(Exception):  # noqa: N818 - it says what is missing
    """The venue does not stand where the log ends: recover it after the lease was taken, not before."""


class _Pending:
    """A command on its way, its answer once it was executed, and who waits for it (nobody for a timer)."""

    __slots__ = ("answer", "command", "future")

    def __init__(self, command: Command, future: asyncio.Future[Answer] | None) -> None:
        self.command = command
        self.future = future
        self.answer: Answer | None = None


class _Batch:
    """Commands that were executed one after the other, and their events, sealed: one transaction."""

    __slots__ = ("pending", "recorded", "requests", "stored")

    def __init__(self) -> None:
        self.pending: list[_Pending] = []
        self.recorded: list[Recorded] = []
        self.requests: dict[int, bytes] = {}
        """By the seq of the first event of each command."""
        self.stored: list[StoredEvent] = []

    @property
    def full(self) -> bool:
        return max(len(self.recorded), len(self.pending)) >= MAX_BATCH_EVENTS


class Engine:
    """Runs a recovered venue on a log that it has the lease of. `start` it, `wait` for its end, `stop` it.

    Raises NotRecovered when the venue was not recovered to the end of the log.
    """

    def __init__(
        self, venue: Venue, writer: LogWriter, program: str, clock: Callable[[], int] = time.time_ns
    ) -> None:
        if venue.state.last_seq != writer.last_seq:
            raise NotRecovered(f"the venue is at event {venue.state.last_seq}, the log at {writer.last_seq}")
        self._venue = venue
        self._writer = writer
        self._program = program
        self._clock = clock
        self._waiting: deque[_Pending] = deque()
        self._batch = _Batch()
        self._in_flight = _Batch()
        """What is on its way to Postgres."""
        self._sealed_hash = writer.last_hash
        """Of the last event executed: the next one's goes on from it."""
        self._batch_ready = asyncio.Event()
        self._slice_scheduled = False
        self._stopping = False
        self._stopped: BaseException | None = None
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._committer: asyncio.Task[None] | None = None
        self._lease_watch: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = _NEVER
        """The earliest dead-man deadline that the timer is armed for."""
        self._listeners: Listeners[list[Recorded]] = Listeners()
        self._stored_listeners: Listeners[list[StoredEvent]] = Listeners()
        self._durable_seq = venue.state.last_seq
        self.epoch = writer.epoch

    # The port.

    @property
    def durable_seq(self) -> int:
        """Seq of the last event that left the gate."""
        return self._durable_seq

    @property
    def standing_by(self) -> bool:
        """Never: who runs an engine has the lease."""
        return False

    @property
    def waiting_commands(self) -> int:
        """Commands that have not been executed yet."""
        return len(self._waiting)

    def submit(self, command: Command) -> asyncio.Future[Answer]:
        """Queue a command; see `exchange.engine.interface.EnginePort`."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self._stopping:
            future.set_exception(EngineStopped("the engine has stopped"))
            return future
        limit = MAX_WAITING_COMMANDS * (2 if isinstance(command, _RISK_LOWERING) else 1)
        # The end of a session comes once for each, and must never be missed: its orders may have to be cancelled.
        if len(self._waiting) >= limit and not isinstance(command, commands.CloseSession):
            future.set_exception(Reject(RejectCode.BUSY, "too many commands wait; try again shortly"))
            return future
        self._waiting.append(_Pending(command, future))
        self._schedule_slice()
        return future

    def listen(self, listener: Callable[[list[Recorded]], None]) -> Callable[[], None]:
        """Hand every durable batch to a listener; see `exchange.engine.interface.EnginePort`."""
        return self._listeners.add(listener)

    def listen_stored(self, listener: Callable[[list[StoredEvent]], None]) -> Callable[[], None]:
        """Hand every durable batch to a listener in its encoded form, before the listeners of `listen`."""
        return self._stored_listeners.add(listener)

    # Life.

    async def start(self) -> None:
        """Write `writer_started`, and end the sessions of the writer before: their connections are gone."""
        self._committer = asyncio.create_task(self._commit_batches(), name="committer")
        self._lease_watch = asyncio.create_task(self._watch_lease(), name="lease watch")
        former = sorted(self._venue.state.sessions)
        await asyncio.gather(
            self.submit(commands.StartWriter(self._program)),
            *(self.submit(commands.CloseSession(session, "engine restarted")) for session in former),
        )

    async def wait(self) -> None:
        """Return when the engine was stopped; raise what made it fail."""
        await asyncio.shield(self._end)

    async def stop(self) -> None:
        """Take nothing new, finish what was taken, and end."""
        self._stopping = True
        self._batch_ready.set()
        if self._committer is not None:
            await asyncio.wait([self._committer])
        if self._lease_watch is not None:
            self._lease_watch.cancel()
        self._disarm_timer()

    # Executing: the venue runs ahead of the log.

    def _schedule_slice(self) -> None:
        if not self._slice_scheduled and self._waiting and not self._batch.full:
            self._slice_scheduled = True
            asyncio.get_running_loop().call_soon(self._execute_slice)

    def _execute_slice(self) -> None:
        self._slice_scheduled = False
        if self._stopped is not None:
            return
        waiting, batch = self._waiting, self._batch
        already_sealed = len(batch.recorded)
        try:
            for _ in range(min(SLICE_COMMANDS, len(waiting))):
                self._execute(waiting.popleft())
            if len(batch.recorded) > already_sealed:
                batch.stored += seal(
                    batch.recorded[already_sealed:], self.epoch, self._sealed_hash, batch.requests
                )
                self._sealed_hash = batch.stored[-1].hash
        except Exception as error:  # noqa: BLE001 - whatever it is, state and log may differ: stop
            self._fail(error)
            return
        self._arm_timer()
        self._batch_ready.set()
        self._schedule_slice()

    def _execute(self, pending: _Pending) -> None:
        # Known to the gate before it is executed: should the venue fail, its future must hear of it.
        self._batch.pending.append(pending)
        at = max(self._clock(), self._venue.state.last_at)
        if at >= self._deadline:
            # Nobody trades at a later time than a dead man's deadline while his orders stand.
            self._disarm_timer()
            self._decide(commands.FireTimers(), at)
        pending.answer = self._decide(pending.command, at)

    def _decide(self, command: Command, at: int) -> Answer:
        command_seq = seq = self._venue.state.last_seq + 1
        execution = self._venue.execute(command, at)
        recorded: list[Recorded] = []
        for event in execution.events:
            recorded.append(Recorded(seq, command_seq, at, event))
            seq += 1
        self._batch.recorded += recorded
        if recorded:
            request = request_bytes(command, recorded[0].event)
            if request is not None:
                self._batch.requests[command_seq] = request
        return Answer(recorded, execution.duplicate_of)

    # Committing: one transaction in flight, then the gate.

    async def _commit_batches(self) -> None:
        try:
            while not (self._stopping and not self._waiting and not self._batch.pending):
                await self._batch_ready.wait()
                self._batch_ready.clear()
                batch = self._in_flight = self._batch
                self._batch = _Batch()
                # There is room again.
                self._schedule_slice()
                if batch.stored:
                    await self._writer.append(batch.stored)
                self._release(batch)
        except Exception as error:  # noqa: BLE001 - the outcome of the commit is unknown, or a listener is broken
            self._fail(error)
        else:
            if not self._end.done():
                self._end.set_result(None)

    async def _watch_lease(self) -> None:
        await self._writer.lost.wait()
        self._fail(LeaseLost("the connection to Postgres is gone, and the right to write with it"))

    def _release(self, batch: _Batch) -> None:
        if batch.stored:
            self._durable_seq = batch.stored[-1].seq
            self._stored_listeners.hand_out(batch.stored)
            self._listeners.hand_out(batch.recorded)
        for pending in batch.pending:
            if pending.future is not None and pending.answer is not None and not pending.future.done():
                pending.future.set_result(pending.answer)
        self._in_flight = _Batch()

    def _fail(self, error: Exception) -> None:
        """Fail stop: nobody gets an answer any more, and nothing more is written."""
        if self._stopped is not None:
            return
        self._stopped = error
        self._stopping = True
        log.error("engine stopped", error=repr(error), durable_seq=self._durable_seq)
        if self._committer is not None:
            # It may wait for Postgres; what comes back must not pass the gate.
            self._committer.cancel()
        for pending in (*self._in_flight.pending, *self._batch.pending, *self._waiting):
            if pending.future is not None and not pending.future.done():
                pending.future.set_exception(EngineStopped("the engine failed; the outcome is unknown"))
        self._in_flight, self._batch = _Batch(), _Batch()
        self._waiting.clear()
        if not self._end.done():
            self._end.set_exception(error)

    # Timers are commands, too.

    def _arm_timer(self) -> None:
        deadline = min(self._venue.state.cancel_after.values(), default=_NEVER)
        if deadline == self._deadline:
            return
        self._disarm_timer()
        self._deadline = deadline
        if deadline != _NEVER:
            delay_s = max(0, deadline - self._clock()) / 1e9
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._fire_timers)

    def _disarm_timer(self) -> None:
        self._deadline = _NEVER
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire_timers(self) -> None:
        self._disarm_timer()
        # Cancels of a dead man's orders must not be refused because others are busy.
        self._waiting.append(_Pending(commands.FireTimers(), None))
        self._schedule_slice()
