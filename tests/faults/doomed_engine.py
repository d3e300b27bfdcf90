"""The engine's real process with a bomb in it: `python -m tests.faults.doomed_engine STRIKE`, its work on stdin as ever.

At the n-th time that it comes to a step, it kills itself or Postgres, so that no other line of the program runs between.
When it ends in order it reports the digest of its state.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from exchange.domain import snapshot
from exchange.engine.engine import Engine
from exchange.engine.server import _Connection
from exchange.log.writer import LogWriter
from exchange.operations import child, engine_process
from exchange.operations.work import EngineWork
from tests.faults.killing import kill_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exchange.log.record import StoredEvent


class Step(StrEnum):
    """A place on the way of a command."""

    BEFORE_SEQUENCING = "before sequencing"
    AFTER_MATCHING = "after matching"
    """Executed, and not on its way to Postgres."""
    DURING_APPEND = "during append"
    """Sent to Postgres, which works on it or has just committed it."""
    AFTER_COMMIT = "after commit"
    """Durable, and nobody was told."""
    BEFORE_ACK = "before ack"
    """The events went out on the feed, the answer is not written."""
    AFTER_ACK = "after ack"


class Strike(msgspec.Struct, frozen=True):
    """What is killed when."""

    step: Step
    nth: int
    """The engine's own `writer_started` is the first command, batch and commit; it has no ack."""
    postmaster: int = 0
    """Process id of the Postgres to kill instead of the engine."""


class Ended(msgspec.Struct, frozen=True, tag=True):
    """The process ended in order."""

    seq: int
    digest: str


def _has_answers(connection: _Connection) -> bool:
    return bool(connection._answers)


class _Bomb:
    def __init__(self, strike: Strike) -> None:
        self._strike = strike
        self._calls = 0

    def ticks(self) -> bool:
        """Count a call; whether it is the one."""
        self._calls += 1
        return self._calls == self._strike.nth

    def strike(self) -> None:
        if self._strike.postmaster:
            kill_postgres(self._strike.postmaster)
        else:
            os.kill(os.getpid(), signal.SIGKILL)

    def plant(self) -> None:
        step = self._strike.step
        if step is Step.BEFORE_SEQUENCING:
            self._around(Engine, "_decide", before=self.strike)
        elif step is Step.AFTER_MATCHING:
            self._around(Engine, "_decide", after=self.strike)
        elif step is Step.DURING_APPEND:
            self._during_append()
        elif step is Step.AFTER_COMMIT:
            self._around(Engine, "_release", before=self.strike)
        elif step is Step.BEFORE_ACK:
            self._around(_Connection, "flush", before=self.strike, when=_has_answers)
        else:
            self._around(_Connection, "flush", after=self._strike_in_the_next_turn, when=_has_answers)

    def _strike_in_the_next_turn(self) -> None:
        # What was written goes out at the end of this turn of the loop at the latest.
        asyncio.get_running_loop().call_soon(self.strike)

    def _around(
        self,
        owner: type,
        name: str,
        before: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
        when: Callable[[Any], bool] = lambda _: True,
    ) -> None:
        original = getattr(owner, name)

        def wrapper(this: Any, *arguments: Any) -> Any:
            due = when(this) and self.ticks()
            if due:
                before()
            result = original(this, *arguments)
            if due:
                after()
            return result

        setattr(owner, name, wrapper)

    def _during_append(self) -> None:
        original = LogWriter.append

        async def append(writer: LogWriter, rows: Sequence[StoredEvent]) -> None:
            appending = asyncio.ensure_future(original(writer, rows))
            if self.ticks():
                # Turns of the loop in which the statement goes out.
                for _ in range(3):
                    await asyncio.sleep(0)
                self.strike()
            await appending

        LogWriter.append = append  # type: ignore[assignment]  # the wrapper


def _report_the_end() -> None:
    original = Engine.stop

    async def stop(engine: Engine) -> None:
        await original(engine)
        ended = Ended(engine.durable_seq, snapshot.digest(engine._venue.state))
        sys.stdout.buffer.write(msgspec.json.encode(ended) + b"\n")

    Engine.stop = stop  # type: ignore[assignment]  # the wrapper


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _Bomb(msgspec.json.decode(sys.argv[1], type=Strike)).plant()
    _report_the_end()
    child.run(EngineWork, engine_process.main)
