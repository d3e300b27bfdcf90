"""`exchange report`: projections of the log as of a date. The same log and date give the same bytes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from exchange.domain.carbon.corsia_forms import CorsiaPeriod
from exchange.domain.deciding import parse_date
from exchange.domain.rejects import Reject
from exchange.log.reader import LogReader
from exchange.operations.admin.corsia import PERIODS
from exchange.operations.errors import ExitCode, OperationError, Refused
from exchange.operations.options import CommandFunction, exchange_options, run_async
from exchange.operations.output import opened_for_writing, print_facts, print_table
from exchange.registry.reports import adjustments as adjustments_report
from exchange.registry.reports import aef as aef_report
from exchange.registry.reports import eligibility
from exchange.registry.reports import jcm as jcm_report
from exchange.registry.reports.business_dates import begins_after
from exchange.registry.reports.outcomes import Outcomes
from exchange.registry.reports.table import to_csv, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.operations.finding import Exchange
    from exchange.registry.reports.table import Table

_WIDEST_TABLE: Final = 9
"""Columns; a wider one is printed row by row."""
AFTER_ALL_DAYS: Final = "9999-12-31"
"""A report up to this date is up to the end of the log."""


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


def check_date(date: str | None) -> None:
    """Raises OperationError where a date is given that is none."""
    if date is not None:
        try:
            parse_date(date)
        except Reject as reject:
            raise OperationError(reject.message, ExitCode.USAGE) from reject


def _outcomes(exchange: Exchange, date: str | None) -> tuple[Outcomes, str]:
    """The outcomes at the end of a business date and the date: the present one, where none is given."""
    check_date(date)
    outcomes = Outcomes()

    async def work() -> None:
        async with (
            exchange.database() as dsn,
            await LogReader.open(dsn, connections=2) as reader,
            contextlib.aclosing(reader.pages(verify=True)) as pages,
        ):
            async for page in pages:
                for stored in page:
                    recorded = stored.to_recorded()
                    if begins_after(recorded.event, date or AFTER_ALL_DAYS):
                        return
                    outcomes.apply(recorded)

    run_async(work())
    return outcomes, date or outcomes.facts.business_date


@report.command("aef")
@click.argument("party")
@report_options
@exchange_options
def aef(exchange: Exchange, *, party: str, date: str | None, **form: Any) -> None:
    """The five tables of the agreed electronic format of PARTY: ITMOs first transferred, acquired, held and used."""
    outcomes, as_of = _outcomes(exchange, date)
    try:
        tables = aef_report.tables(outcomes, party, as_of)
    except Reject as reject:
        raise Refused(reject.code, reject.message) from reject
    write_report(tables, party=party, date=as_of, **form)


@report.command("adjustments")
@report_options
@exchange_options
def adjustments(exchange: Exchange, *, date: str | None, **form: Any) -> None:
    """Corresponding adjustments of each Party by calendar year, its balance, and whether they pass the check."""
    outcomes, as_of = _outcomes(exchange, date)
    write_report(adjustments_report.tables(outcomes), date=as_of, **form)


@report.command("jcm")
@report_options
@exchange_options
def jcm(exchange: Exchange, *, date: str | None, **form: Any) -> None:
    """The Joint Crediting Mechanism: projects, volumes by partner country and by Party, progress to the targets."""
    outcomes, as_of = _outcomes(exchange, date)
    write_report(jcm_report.tables(outcomes), date=as_of, **form)


@report.command("corsia")
@click.argument("period", type=PERIODS)
@report_options
@exchange_options
def corsia(exchange: Exchange, *, period: str, date: str | None, **form: Any) -> None:
    """Which credit classes are eligible under CORSIA for PERIOD, and what stands against the others."""
    outcomes, as_of = _outcomes(exchange, date)
    tables = eligibility.tables(outcomes.facts, CorsiaPeriod(period), as_of)
    write_report(tables, period=period, date=as_of, **form)
