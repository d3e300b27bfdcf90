"""What was known when: the second date of every fact that can be corrected or told late.

A fact is valid from a day to a day, and it is known from the event on that tells it. So one may ask what held on a day
as it was known on another one: R. T. Snodgrass, Developing Time-Oriented Database Applications in SQL, chapter 10
(bitemporal tables); SQL:2011, application time and system time.
"""

from __future__ import annotations

import msgspec


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """When something became known."""

    seq: int
    """Of the event that told it."""
    recorded_on: str
    """Business date of the event, ISO 8601."""


class Known(msgspec.Struct, frozen=True):
    """What was known by the end of a business date, by an event, or (with neither) what is known now."""

    on: str = ""
    seq: int = 0

    def has(self, stamp: Stamp) -> bool:
        """Whether something was known by then."""
        return (not self.on or stamp.recorded_on <= self.on) and (not self.seq or stamp.seq <= self.seq)


NOW = Known()
