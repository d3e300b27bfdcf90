"""`exchange report`: projections of the log as of a date. The same log and date give the same bytes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from exchange.domain.deciding import parse_date
from exchange.domain.rejects import Reject
from exchange.log.reader import LogReader
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.options import CommandFunction, run_async
from exchange.operations.output import opened_for_writing, print_facts, print_table
from exchange.registry.reports.business_dates import begins_after
from exchange.registry.reports.table import to_csv, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exchange.domain.events import Recorded
    from exchange.operations.finding import Exchange
    from exchange.registry.reports.table import Table

_WIDEST_TABLE: Final = 9
"""Columns; a wider one is printed row by row."""


@click.group()
def report() -> None:
    """Print reports, each as of the end of a business date."""


def report_options(function: CommandFunction) -> CommandFunction:
    """The options --date, --json, --csv and --output; the function gets `date`, `as_json`, `as_csv`, `output`."""
    for option in (
        click.option(
            "--output", "-o", type=click.Path(path_type=Path), help="File to write; default: stdout."
        ),
        click.option("--csv", "as_csv", is_flag=True, help="Write CSV."),
        click.option("--json", "as_json", is_flag=True, help="Write JSON."),
        click.option("--date", metavar="DATE", help="Default: the present business date."),
    ):
        function = option(function)
    return function


def write_report(
    tables: Iterable[Table], *, as_json: bool, as_csv: bool, output: Path | None, **about: Any
) -> None:
    """Write a report in the form that was asked for. `about`: what else its JSON says, such as the date."""
    if as_json and as_csv:
        raise click.UsageError("choose --json or --csv")
    if output is not None and not (as_json or as_csv):
        raise click.UsageError("a file is written with --json or --csv")
    if not (as_json or as_csv):
        _show(tables)
        return
    with opened_for_writing(output) as file:
        file.write(to_json(tables, **about) if as_json else to_csv(tables))


def _show(tables: Iterable[Table]) -> None:
    for table in tables:
        click.secho(table.title, bold=True)
        if len(table.columns) <= _WIDEST_TABLE:
            print_table(
                table.columns, ([("" if cell is None else cell) for cell in row] for row in table.rows)
            )
            continue
        for record in table.records():
            print_facts((name, value) for name, value in record.items() if value is not None)
            click.echo()


def read_until(exchange: Exchange, date: str | None, apply: Callable[[Recorded], None]) -> None:
    """Give `apply` all events up to the end of a business date, or of the log.

    Raises OperationError where a date is given that is none.
    """
    check_date(date)

    async def work() -> None:
        async with (
            exchange.database() as dsn,
            await LogReader.open(dsn, connections=2) as reader,
            contextlib.aclosing(reader.pages(verify=True)) as pages,
        ):
            async for page in pages:
                for stored in page:
                    recorded = stored.to_recorded()
                    if date is not None and begins_after(recorded.event, date):
                        return
                    apply(recorded)

    run_async(work())


def check_date(date: str | None) -> None:
    """Raises OperationError where a date is given that is none."""
    if date is not None:
        try:
            parse_date(date)
        except Reject as reject:
            raise OperationError(reject.message, ExitCode.USAGE) from reject
