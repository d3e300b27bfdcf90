"""`exchange admin day`: the end of the business date."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.administering import change, read_state
from exchange.operations.options import exchange_options, json_option

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange


@click.group()
def day() -> None:
    """Close the business date."""


@day.command("close")
@click.option(
    "--next-date",
    metavar="YYYY-MM-DD",
    help="The next business date. Default: today (UTC), or the day after the present one.",
)
@json_option
@exchange_options
def close_day(exchange: Exchange, *, next_date: str | None, as_json: bool) -> None:
    """End the business date: day orders and due GTD orders expire, reference prices move to the last prices.

    Name the date that follows to make a repeated command harmless: it is refused once that date has begun.
    """
    if next_date is None:
        next_date = following_date(read_state(exchange).business_date)
    command = commands.CloseDay(LOCAL_OPERATOR, next_date)
    change(exchange, command, f"closed the day; the business date is {next_date}", as_json=as_json)


def following_date(business_date: str) -> str:
    """Today in UTC, but at least the day after a business date."""
    today = datetime.now(UTC).date()
    return max(today, date.fromisoformat(business_date) + timedelta(days=1)).isoformat()
