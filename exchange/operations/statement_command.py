"""`exchange statement`: what an account had, what happened to it, and what it has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from exchange.domain.identity import VENUE
from exchange.domain.rejects import Reject, RejectCode
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import opened_for_writing, print_facts, print_table, show_time
from exchange.registry.csv_text import csv_text
from exchange.registry.statement_html import render_statement
from exchange.registry.statement_reading import find_span, read_statement
from exchange.registry.statement_rows import StatementRow, statement_rows
from exchange.registry.view import RegistryReader

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange
    from exchange.registry.statement import Statement, StatementBlock, StatementMovement
    from exchange.registry.view import RegistryView

_IS_OPEN: Final = "SELECT EXISTS (SELECT FROM event WHERE account = $1 AND kind = 'account_opened')"


@click.command()
@click.argument("account")
@click.option("--date", metavar="DATE", default="", help="Business date that it ends with; default: now.")
@click.option(
    "--from",
    "from_date",
    metavar="DATE",
    default="",
    help="Business date that it begins with; default: the same.",
)
@click.option(
    "--seq", type=click.IntRange(min=1), default=None, help="Event that it ends with, instead of a date."
)
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--html", "form", flag_value="html", help="Print a page for browsers and printers.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File to write; default: stdout.")
@json_option
@exchange_options
def statement(
    exchange: Exchange,
    *,
    account: str,
    date: str,
    from_date: str,
    seq: int | None,
    form: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Print the statement of ACCOUNT: cash, units by serial numbers, and each movement with its place in the log.

    A statement of dates that have ended, or up to an event, is the same whenever it is asked for. One of the present date
    reaches to the last event that is settled.
    """
    if as_json and form:
        raise click.UsageError("--json, --csv and --html exclude each other")

    async def work() -> Statement:
        async with (
            exchange.database() as dsn,
            await RegistryReader.open(dsn, connections=1, limit_s=0) as reader,
            reader.view() as view,
        ):
            await _demand_account(view, account)
            span = await find_span(view, date, from_date, seq or 0)
            return await read_statement(view, account, span)

    found = run_async(work())
    form = "json" if as_json else form
    if form is None and output is None:
        _show(found)
        return
    with opened_for_writing(output) as file:
        file.write(_written(found, form or "json"))


async def _demand_account(view: RegistryView, account: str) -> None:
    if account != VENUE and not await view.value(_IS_OPEN, account):
        raise Reject(RejectCode.UNKNOWN_ACCOUNT, f"{account!r} is not an account")


def _written(found: Statement, form: str) -> bytes:
    if form == "csv":
        return csv_text(StatementRow, statement_rows(found)).encode()
    if form == "html":
        return render_statement(found)
    return msgspec.json.encode(found) + b"\n"


def _show(found: Statement) -> None:
    dates = found.date if found.from_date == found.date else f"{found.from_date} to {found.date}"
    click.secho(f"Statement of {found.account}, {dates}", bold=True)
    ended = "" if found.complete else ", what is settled so far of a period that has not ended"
    print_facts([("events", f"{found.after_seq + 1} to {found.as_of_seq}{ended}")])
    amounts = ("opening", "in", "out", "closing", "locked")
    print_table(
        ("cash", *amounts),
        ((one.currency, one.opening, one.credits, one.debits, one.closing, one.locked) for one in found.cash),
        right=amounts,
    )
    print_table(
        ("units", *amounts),
        (
            (
                one.class_id,
                *(f"{units:,}" for units in (one.opening, one.credits, one.debits, one.closing, one.locked)),
            )
            for one in found.units
        ),
        right=amounts,
    )
    _show_blocks("serial numbers at the opening", found.opening_serials)
    print_table(
        ("event", "time", "what", "change", "balance", "serial numbers"),
        (row for one in found.movements for row in _movement_rows(one)),
        right=("event", "change", "balance"),
    )
    _show_blocks("serial numbers at the close", found.closing_serials)


def _show_blocks(title: str, blocks: list[StatementBlock]) -> None:
    print_table(
        ("class", title, "quantity", "locked for trade"),
        ((one.class_id, one.serial, f"{one.quantity:,}", one.locked_for or "") for one in blocks),
        right=("quantity", "locked for trade"),
    )


def _movement_rows(one: StatementMovement) -> list[tuple[object, ...]]:
    """One line for each change; the first says what happened."""
    what = one.kind.replace("_", " ")
    if one.instrument:
        what += f" {one.side.value + ' ' if one.side else ''}{one.quantity} {one.instrument} at {one.price}"
    words = (one.counterparty, one.reference, one.beneficiary, one.purpose, one.reason)
    what = ", ".join((what, *(text for text in words if text)))
    changes = [
        *((f"{change.change} {change.currency}", change.balance, "") for change in one.cash),
        *((f"{change.change:,} {change.class_id}", f"{change.balance:,}", "") for change in one.units),
        *((block.change.value, "", block.serial) for block in one.serials),
    ]
    first, *others = changes or [("", "", "")]
    return [(one.seq, show_time(one.time), what, *first), *(("", "", "", *other) for other in others)]
