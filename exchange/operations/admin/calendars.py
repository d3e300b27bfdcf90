"""`exchange admin calendars`: the holidays by which business days are counted until settlement."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click
import holidays
import msgspec

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.administering import change, read_state
from exchange.operations.options import exchange_options, json_option
from exchange.operations.output import print_json, print_table

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange

FIRST_YEAR, LAST_YEAR = 2000, 2099
YEARS_AHEAD = 2
"""Years after the present one that are set by default."""


class CalendarRow(msgspec.Struct, frozen=True):
    """One calendar. With --json, `list` prints a list of these; dates are ISO 8601."""

    calendar: str
    holidays: list[str]


@click.group()
def calendars() -> None:
    """Set and list holiday calendars."""


@calendars.command("list")
@json_option
@exchange_options
def list_calendars(exchange: Exchange, *, as_json: bool) -> None:
    """Print all calendars."""
    rows = [CalendarRow(name, list(days)) for name, days in sorted(read_state(exchange).calendars.items())]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("calendar", "holidays", "first", "last"),
        (
            (row.calendar, len(row.holidays), min(row.holidays, default="-"), max(row.holidays, default="-"))
            for row in rows
        ),
        right=("holidays",),
    )


@calendars.command("set")
@click.argument("calendar", metavar="MARKET")
@click.option(
    "--year",
    "years",
    type=click.IntRange(FIRST_YEAR, LAST_YEAR),
    multiple=True,
    help=f"May be repeated. Default: the year of the business date and the {YEARS_AHEAD} after it.",
)
@json_option
@exchange_options
def set_calendar(exchange: Exchange, *, calendar: str, years: tuple[int, ...], as_json: bool) -> None:
    """Give the calendar of MARKET the holidays of these years, instead of those it had.

    MARKET is a code of the library `holidays`, such as XECB (the euro's payment system), XNYS or XLON. The holidays are
    written to the log: what trades settle by never changes with a later release of the library.
    """
    if not years:
        this_year = date.fromisoformat(read_state(exchange).business_date).year
        years = tuple(range(this_year, this_year + YEARS_AHEAD + 1))
    days = market_holidays(calendar, years)
    command = commands.SetCalendar(LOCAL_OPERATOR, calendar, days)
    change(exchange, command, f"calendar {calendar} has {len(days)} holidays", as_json=as_json)


def market_holidays(market: str, years: tuple[int, ...]) -> tuple[str, ...]:
    """Holidays of a market in these years, ISO 8601, in order. Raises UsageError for a market that is not known."""
    # Expanding would add years that nobody asked for.
    try:
        days = holidays.financial_holidays(market, years=years, expand=False)
    except NotImplementedError:
        known = ", ".join(sorted(holidays.list_supported_financial(include_aliases=False)))
        raise click.UsageError(f"{market!r} is not a market that is known; these are: {known}") from None
    return tuple(sorted(day.isoformat() for day in days))
