"""`exchange report issuances|reversals|blast-radius|deliverable|ex-ante|offset|proceeds`: projections of the log as of a date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from exchange.domain.rejects import Reject
from exchange.operations.errors import Refused
from exchange.operations.options import exchange_options
from exchange.operations.report_commands import check_date, read_until, report_options, write_report
from exchange.registry.reports import blast_radius as blast_radius_report
from exchange.registry.reports import deliverability, ex_ante, issuances, offset, proceeds, reversals
from exchange.registry.reports.venue_history import VenueHistory

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange


def read_history(exchange: Exchange, date: str | None) -> tuple[VenueHistory, str]:
    """The venue at the end of a business date and the date: the present one, where none is given."""
    history = VenueHistory()
    read_until(exchange, date, history.apply)
    return history, date or history.state.business_date


@click.command("issuances")
@report_options
@exchange_options
def report_issuances(exchange: Exchange, *, date: str | None, **form: Any) -> None:
    """Issuances by vintage with their share for the buffer pool, and what the pools have."""
    history, as_of = read_history(exchange, date)
    write_report(issuances.tables(history.state), date=as_of, **form)


@click.command("reversals")
@click.argument("reference", default="")
@report_options
@exchange_options
def report_reversals(exchange: Exchange, *, reference: str, date: str | None, **form: Any) -> None:
    """Reversals (or the one of REFERENCE), what covers them, and which certificates they touch."""
    history, as_of = read_history(exchange, date)
    write_report(reversals.tables(history, reference), date=as_of, **form)


@click.command("blast-radius")
@click.argument("freeze")
@report_options
@exchange_options
def report_blast_radius(exchange: Exchange, *, freeze: str, date: str | None, **form: Any) -> None:
    """What FREEZE hit: holdings, orders, unsettled trades, baskets, certificates."""
    history, as_of = read_history(exchange, date)
    try:
        tables = blast_radius_report.tables(history, freeze)
    except Reject as reject:
        raise Refused(reject.code, reject.message) from reject
    write_report(tables, freeze=freeze, date=as_of, **form)


@click.command("deliverable")
@click.argument("instrument", default="")
@click.argument("class_id", metavar="[CLASS]", default="")
@click.option("--valid-on", metavar="DATE", help="Default: the date of the report.")
@click.option(
    "--trade", type=int, help="Id of a trade: its classes at the trade, at its settlement, and today."
)
@report_options
@exchange_options
def report_deliverable(
    exchange: Exchange,
    *,
    instrument: str,
    class_id: str,
    valid_on: str | None,
    trade: int | None,
    date: str | None,
    **form: Any,
) -> None:
    """Whether CLASS (or each) delivers into INSTRUMENT on a day, as it was known on the date of the report."""
    if bool(instrument) is (trade is not None):
        raise click.UsageError("name an instrument or a trade")
    check_date(valid_on)
    history, as_of = read_history(exchange, date)
    try:
        if trade is not None:
            tables = deliverability.trade_tables(history, trade)
        else:
            tables = deliverability.tables(history.state, instrument, class_id, valid_on or as_of, as_of)
    except Reject as reject:
        raise Refused(reject.code, reject.message) from reject
    write_report(tables, date=as_of, **form)


@click.command("ex-ante")
@report_options
@exchange_options
def report_ex_ante(exchange: Exchange, *, date: str | None, **form: Any) -> None:
    """Ex-ante classes, which no other report counts: units, estimates, digests of their evidence."""
    history, as_of = read_history(exchange, date)
    write_report(ex_ante.tables(history.state), date=as_of, **form)


@click.command("offset")
@click.argument("account")
@click.argument("period")
@report_options
@exchange_options
def report_offset(exchange: Exchange, *, account: str, period: str, date: str | None, **form: Any) -> None:
    """The offset account's statement of PERIOD: what was known, reduced and offset, and what remains."""
    history, as_of = read_history(exchange, date)
    try:
        tables = offset.tables(history.state, account, period)
    except Reject as reject:
        raise Refused(reject.code, reject.message) from reject
    write_report(tables, account=account, period=period, date=as_of, **form)


@click.command("proceeds")
@click.argument("project", metavar="[REGISTRY/PROJECT]", default="")
@report_options
@exchange_options
def report_proceeds(exchange: Exchange, *, project: str, date: str | None, **form: Any) -> None:
    """Who shares in primary sales of projects (or of one), what each got, and every such sale."""
    history, as_of = read_history(exchange, date)
    write_report(proceeds.tables(history, project), date=as_of, **form)


COMMANDS = (
    report_issuances,
    report_reversals,
    report_blast_radius,
    report_deliverable,
    report_ex_ante,
    report_offset,
    report_proceeds,
)
