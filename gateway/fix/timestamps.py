"""Times and dates in FIX text: nanoseconds UTC become `20261123-09:30:00.125` and come back."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
EPOCH_DAY = date(1970, 1, 1).toordinal()

# The caches hold what neighbouring messages, and fields of a message, have in common.

_FRACTION_NS = {4: 1_000_000, 7: 1_000, 10: 1}
"""Nanoseconds per step of a fraction, by its length with the point: FIX 4.4 has milliseconds, newer engines send more."""
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)")
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


@lru_cache(maxsize=64)
def parse_timestamp(text: str) -> int | None:
    """Nanoseconds of a UTCTimestamp with no, 3, 6 or 9 decimals; None when it is none."""
    second_ns = _whole_second_ns(text[:17])
    if second_ns is None:
        return None
    if len(text) == 17:
        return second_ns
    fraction_ns = _parse_fraction(text[17:])
    return None if fraction_ns is None else second_ns + fraction_ns


def render_timestamp(time_ns: int) -> str:
    """UTCTimestamp with milliseconds; what is below them is cut off."""
    second, rest_ns = divmod(time_ns, SECOND_NS)
    return f"{_render_second(second)}.{rest_ns // 1_000_000:03d}"


def parse_time_of_day(text: str) -> int | None:
    """Nanoseconds since midnight of a UTCTimeOnly; None when it is none."""
    time_ns = _second_of_day_ns(text[:8])
    if time_ns is None or len(text) == 8:
        return time_ns
    fraction_ns = _parse_fraction(text[8:])
    return None if fraction_ns is None else time_ns + fraction_ns


def parse_date(text: str) -> str | None:
    """`2026-11-23` of a LocalMktDate or UTCDateOnly `20261123`; None when there is no such day."""
    return None if _days(text) is None else f"{text[:4]}-{text[4:6]}-{text[6:]}"


def render_date(iso_date: str) -> str:
    """`20261123` of `2026-11-23`; raises ValueError."""
    if _ISO_DATE.fullmatch(iso_date) is None:
        raise ValueError(f"{iso_date!r} is not a date such as 2026-11-23")
    return iso_date.replace("-", "")


@lru_cache(maxsize=64)
def _whole_second_ns(text: str) -> int | None:
    days = _days(text[:8])
    time_ns = _second_of_day_ns(text[9:])
    if days is None or time_ns is None or text[8:9] != "-":
        return None
    return days * DAY_NS + time_ns


@lru_cache(maxsize=64)
def _render_second(second: int) -> str:
    days, second_of_day = divmod(second, 86_400)
    minutes, seconds = divmod(second_of_day, 60)
    day = date.fromordinal(EPOCH_DAY + days)
    return f"{day.year:04d}{day.month:02d}{day.day:02d}-{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"


def _days(text: str) -> int | None:
    """Days since 1970 of a date without hyphens."""
    parts = _DATE.fullmatch(text)
    if parts is None:
        return None
    try:
        return date(int(parts[1]), int(parts[2]), int(parts[3])).toordinal() - EPOCH_DAY
    except ValueError:
        return None


def _second_of_day_ns(text: str) -> int | None:
    parts = _TIME.fullmatch(text)
    if parts is None:
        return None
    # A leap second, 60, counts as the second that follows.
    return (int(parts[1]) * 3600 + int(parts[2]) * 60 + int(parts[3])) * SECOND_NS


def _parse_fraction(text: str) -> int | None:
    step_ns = _FRACTION_NS.get(len(text))
    digits = text[1:]
    if step_ns is None or text[0] != "." or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) * step_ns
