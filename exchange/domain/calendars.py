"""Business days: Monday to Friday less the holidays of a calendar. Holidays come from the log, never from a library."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_SATURDAY = 5


def is_business_day(day: date, holidays: Collection[str]) -> bool:
    """Whether the day is neither on a weekend nor among the holidays (ISO 8601 dates)."""
    return day.weekday() < _SATURDAY and day.isoformat() not in holidays


def add_business_days(start: str, days: int, holidays: Collection[str]) -> str:
    """The ISO date `days` business days after a date; the date itself for 0, business day or not."""
    day = date.fromisoformat(start)
    while days:
        day += timedelta(days=1)
        if is_business_day(day, holidays):
            days -= 1
    return day.isoformat()
