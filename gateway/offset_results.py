"""What the methods of the offset account answer with."""

from __future__ import annotations

import msgspec

from exchange.domain.carbon.offset_statement import OffsetStatement as OffsetStatement  # noqa: PLC0414
from exchange.domain.carbon.offset_statement import PeriodSummary


class OffsetRecorded(msgspec.Struct, frozen=True):
    """An entry stands on the log."""

    account: str
    period: str
    entry: str
    """Empty: the period was opened."""
    seq: int
    time: int
    tonnes: str
    """What the entry amounts to, tCO2e as decimal text."""
    duplicate: bool = False
    """The same was recorded before, and this is that answer again."""


class OffsetPeriodList(msgspec.Struct, frozen=True):
    """Periods of an account, in the order of opening."""

    account: str
    seq: int
    periods: list[PeriodSummary]
