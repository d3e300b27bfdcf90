"""Moments of the log as operators name them: a seq, or a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from exchange.log.reader import LogReader


_HIGHEST_SPEED = 1_000_000


class Moment:
    """A seq, or all that was recorded up to a time."""

    def __init__(self, *, seq: int = 0, at_ns: int = 0) -> None:
        self._seq = seq
        self._at_ns = at_ns

    async def seq(self, reader: LogReader) -> int:
        """Seq of the last event of the moment, not beyond the end of the log; 0 before the first."""
        end = (await reader.head()).last_seq
        if self._at_ns:
            return min(await reader.first_seq_at(self._at_ns + 1) - 1, end)
        return min(self._seq, end)


END = Moment(seq=2**63 - 1)
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
            return Moment(seq=int(text))
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
