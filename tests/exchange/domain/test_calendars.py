"""Business days: weekends and the holidays that the log names."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from exchange.domain import commands
from exchange.domain.calendars import add_business_days, is_business_day
from exchange.domain.events import CalendarSet, RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import RejectCode

if TYPE_CHECKING:
    from tests.market import Market

CHRISTMAS = ("2026-12-25", "2027-01-01")


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-11-23", 0, "2026-11-23"),
        ("2026-11-28", 0, "2026-11-28"),
        ("2026-11-23", 2, "2026-11-25"),
        ("2026-11-26", 2, "2026-11-30"),
        ("2026-11-28", 1, "2026-11-30"),
        ("2026-12-24", 1, "2026-12-28"),
        ("2026-12-24", 5, "2027-01-04"),
    ],
)
def test_business_days_are_added(start: str, days: int, expected: str) -> None:
    """Weekends and holidays do not count; a count of none changes nothing."""
    assert expected == add_business_days(start, days, CHRISTMAS)


def test_business_days() -> None:
    """A weekday is a business day unless it is a holiday."""
    days = [date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 26), date(2026, 12, 28)]

    assert [True, False, False, True] == [is_business_day(day, CHRISTMAS) for day in days]


def test_a_calendar_is_set_and_replaced(market: Market) -> None:
    """The operator names all holidays of a calendar at a time."""
    for holidays in (CHRISTMAS, ("2026-12-24",)):
        command = commands.SetCalendar(LOCAL_OPERATOR, "VENUE-DAYS", holidays)
        assert [CalendarSet(LOCAL_OPERATOR, "VENUE-DAYS", holidays)] == market.do(command)

    assert {"VENUE-DAYS": ("2026-12-24",)} == market.state.calendars


@pytest.mark.parametrize(
    ("by", "calendar", "holidays", "code", "message"),
    [
        ("alpha-key", "DAYS", CHRISTMAS, RejectCode.NOT_PERMITTED, "only an operator may do this"),
        (
            LOCAL_OPERATOR,
            "",
            CHRISTMAS,
            RejectCode.INVALID_PARAMS,
            "the calendar name needs 1 to 64 printable ASCII characters and no blanks",
        ),
        (
            LOCAL_OPERATOR,
            "DAYS",
            CHRISTMAS[::-1],
            RejectCode.INVALID_DATE,
            "holidays are given in order and once each",
        ),
        (
            LOCAL_OPERATOR,
            "DAYS",
            ("2026-02-30",),
            RejectCode.INVALID_DATE,
            "'2026-02-30' is not a date such as 2026-11-23",
        ),
    ],
)
def test_refused_calendars(
    market: Market, by: str, calendar: str, holidays: tuple[str, ...], code: RejectCode, message: str
) -> None:
    """Nothing is set by strangers, without a name, or in disorder."""
    events = market.do(commands.SetCalendar(by, calendar, holidays))

    assert [RequestRefused("SetCalendar", by, "", code, message)] == events
    assert {} == market.state.calendars
