"""`exchange report aef|adjustments|jcm|corsia`: what Parties and aviation must know of authorised mitigation outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from exchange.domain.carbon.corsia_forms import CorsiaPeriod
from exchange.domain.rejects import Reject
from exchange.operations.admin.corsia import PERIODS
from exchange.operations.errors import Refused
from exchange.operations.options import exchange_options
from exchange.operations.report_commands import read_until, report_options, write_report
from exchange.registry.reports import adjustments, aef, eligibility, jcm
from exchange.registry.reports.outcomes import Outcomes

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange


def _outcomes(exchange: Exchange, date: str | None) -> tuple[Outcomes, str]:
    """The outcomes at the end of a business date and the date: the present one, where none is given."""
    outcomes = Outcomes()
    read_until(exchange, date, outcomes.apply)
    return outcomes, date or outcomes.facts.business_date


@click.command("aef")
@click.argument("party")
@report_options
@exchange_options
def report_aef(exchange: Exchange, *, party: str, date: str | None, **form: Any) -> None:
    """The five tables of the agreed electronic format of PARTY: ITMOs first transferred, acquired, held and used."""
    outcomes, as_of = _outcomes(exchange, date)
    try:
        tables = aef.tables(outcomes, party, as_of)
    except Reject as reject:
        raise Refused(reject.code, reject.message) from reject
    write_report(tables, party=party, date=as_of, **form)


@click.command("adjustments")
@report_options
@exchange_options
def report_adjustments(exchange: Exchange, *, date: str | None, **form: Any) -> None:
    """Corresponding adjustments of each Party by calendar year, its balance, and whether they pass the check."""
    outcomes, as_of = _outcomes(exchange, date)
    write_report(adjustments.tables(outcomes), date=as_of, **form)


@click.command("jcm")
@report_options
@exchange_options
def report_jcm(exchange: Exchange, *, date: str | None, **form: Any) -> None:
    """The Joint Crediting Mechanism: projects, volumes by partner country and by Party, progress to the targets."""
    outcomes, as_of = _outcomes(exchange, date)
    write_report(jcm.tables(outcomes), date=as_of, **form)


@click.command("corsia")
@click.argument("period", type=PERIODS)
@report_options
@exchange_options
def report_corsia(exchange: Exchange, *, period: str, date: str | None, **form: Any) -> None:
    """Which credit classes are eligible under CORSIA for PERIOD, and what stands against the others."""
    outcomes, as_of = _outcomes(exchange, date)
    tables = eligibility.tables(outcomes.facts, CorsiaPeriod(period), as_of)
    write_report(tables, period=period, date=as_of, **form)


COMMANDS = (report_aef, report_adjustments, report_jcm, report_corsia)
