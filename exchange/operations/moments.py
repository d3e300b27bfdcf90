"""Moments of the log as operators name them: a seq, or a time."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from exchange.log.chain import ChainBroken
from exchange.log.verification import first_unreadable, naming_unreadable, readable_end
from exchange.operations.errors import ExitCode, OperationError

if TYPE_CHECKING:
    from exchange.log.reader import LogReader
    from exchange.log.record import StoredEvent


END_SEQ: Final = 2**63 - 1
"""Stands for the end of the log, wherever it is."""
_HIGHEST_SPEED: Final = 1_000_000


class Moment:
    """A seq, or all that was recorded up to a time."""

    def __init__(self, *, seq: int = 0, at_ns: int = 0) -> None:
        self._seq = seq
        self._at_ns = at_ns

    async def seq(self, reader: LogReader) -> int:
        """Seq of the last event of the moment; 0 before the first. A time that is still to come is the end of the log.

        Raises OperationError for a seq that the log does not have, and ChainBroken, which names the first event that is
        missing or unreadable, where the moment ends with such an event, or may lie behind one.
        """
        async with naming_unreadable(reader):
            end, broken = await readable_end(reader)
            if self._at_ns:
                try:
                    seq = await _last_seq_at(reader, self._at_ns, end)
                except ChainBroken as found:
                    # Halving met it. The moment may still lie before the first one.
                    end, broken = found.seq - 1, found
                    seq = await _last_seq_at(reader, self._at_ns, end)
                is_before_end = seq < end
            else:
                seq = min(self._seq, end)
                is_before_end = self._seq <= end
            if broken is not None and not is_before_end:
                raise broken
            if end < self._seq < END_SEQ:
                raise OperationError(f"the log has no event {self._seq}; it ends at {end}", ExitCode.USAGE)
            if seq:
                await _event(reader, seq)
            return seq


async def _last_seq_at(reader: LogReader, at_ns: int, end: int) -> int:
    """Seq of the last event up to `end` that was recorded at a time or before."""
    archived = await reader.archived_up_to()
    seq, after = archived, end + 1
    async with naming_unreadable(reader):
        while after - seq > 1:
            middle = (seq + after) // 2
            if (await _event(reader, middle)).recorded_at <= at_ns:
                seq = middle
            else:
                after = middle
    if seq > archived:
        return seq
    # Files are read from their beginning, so they are read once.
    seq = 0
    async with contextlib.aclosing(reader.pages(0, archived)) as pages:
        async for page in pages:
            if page[-1].recorded_at > at_ns:
                return seq + sum(stored.recorded_at <= at_ns for stored in page)
            seq = page[-1].seq
    return seq


async def _event(reader: LogReader, seq: int) -> StoredEvent:
    stored = await reader.event(seq)
    if stored is None:
        raise ChainBroken(await first_unreadable(reader), "it is missing")
    return stored


END = Moment(seq=END_SEQ)
"""The end of the log, wherever it is."""


class MomentType(click.ParamType[Moment]):
    """An option's value that is a moment."""

    name = "SEQ|TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        """Read a number or ISO 8601; a time without an offset is UTC, a date is its first moment."""
        if isinstance(value, Moment):
            return value
        text = str(value)
        if text.isascii() and text.isdigit():
            return Moment(seq=min(int(text), END_SEQ - 1))
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is neither a seq nor a time such as 2026-11-23T09:30:00", param, ctx)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        since = at - datetime(1970, 1, 1, tzinfo=UTC)
        at_ns = ((since.days * 86_400 + since.seconds) * 10**6 + since.microseconds) * 1000
        if at_ns <= 0:
            self.fail(f"{text} lies before 1970", param, ctx)
        return Moment(at_ns=at_ns)


MOMENT = MomentType()


class SpeedType(click.ParamType[float]):
    """An option's value that says how many times as fast as it was: `10x`, `0.5x`, `2`."""

    name = "SPEED"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it."""
        try:
            speed = float(str(value).removesuffix("x"))
        except ValueError:
            speed = 0.0
        if not 0 < speed <= _HIGHEST_SPEED:
            self.fail(f"{value!r} is no speed such as 10x", param, ctx)
        return speed


SPEED = SpeedType()
