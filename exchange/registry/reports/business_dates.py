"""Which events belong to a report as of a date: all of the business dates up to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.events import DayClosed, VenueOpened

if TYPE_CHECKING:
    from exchange.domain.events import Event


def begins_after(event: Event, date: str) -> bool:
    """Whether the event begins a business date after `date` (ISO 8601): neither it nor what follows belongs to the report."""
    if isinstance(event, VenueOpened):
        return event.business_date > date
    return isinstance(event, DayClosed) and event.next_date > date
