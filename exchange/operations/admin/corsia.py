"""`exchange admin corsia`: what makes units eligible for aviation: programmes, adjustments, accounting deeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exchange.domain.carbon.corsia_forms import (
    AdmitCorsiaProgramme,
    CorsiaPeriod,
    CorsiaProgramme,
    RecordDeed,
    ReportAdjustment,
)
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.admin.article6 import DOCUMENT
from exchange.operations.administering import change
from exchange.operations.options import exchange_options, json_option

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange

PERIODS = click.Choice([period.value for period in CorsiaPeriod])


@click.group()
def corsia() -> None:
    """What makes units eligible under CORSIA, ICAO's scheme for international aviation."""


@corsia.command("programme")
@click.argument("registry")
@click.argument("period", type=PERIODS)
@click.option("--first-vintage", type=int, required=True)
@click.option("--last-vintage", type=int, required=True)
@click.option("--decided-on", metavar="DATE", required=True)
@DOCUMENT
@json_option
@exchange_options
def programme(
    exchange: Exchange,
    *,
    registry: str,
    period: str,
    first_vintage: int,
    last_vintage: int,
    decided_on: str,
    document: str,
    as_json: bool,
) -> None:
    """Book a decision of ICAO's Council: vintages of REGISTRY are eligible for PERIOD."""
    decided = CorsiaProgramme(
        registry, CorsiaPeriod(period), first_vintage, last_vintage, decided_on, document
    )
    change(
        exchange,
        AdmitCorsiaProgramme(LOCAL_OPERATOR, decided),
        f"admitted {registry} for {period}",
        as_json=as_json,
    )


@corsia.command("adjustment")
@click.argument("class_id", metavar="CLASS")
@click.option("--adjusted-on", metavar="DATE", required=True)
@DOCUMENT
@json_option
@exchange_options
def adjustment(exchange: Exchange, *, class_id: str, adjusted_on: str, document: str, as_json: bool) -> None:
    """Book that the host Party completed the corresponding adjustment for CLASS."""
    command = ReportAdjustment(LOCAL_OPERATOR, class_id, adjusted_on, document)
    change(exchange, command, f"booked the adjustment for {class_id}", as_json=as_json)


@corsia.command("deed")
@click.argument("class_id", metavar="CLASS")
@click.option("--signed-by", required=True, help="Who replaces the units if the host Party does not adjust.")
@click.option("--insurer", required=True)
@click.option("--policy", required=True)
@click.option("--valid-from", metavar="DATE", required=True)
@click.option("--valid-until", metavar="DATE", required=True)
@json_option
@exchange_options
def deed(
    exchange: Exchange,
    *,
    class_id: str,
    signed_by: str,
    insurer: str,
    policy: str,
    valid_from: str,
    valid_until: str,
    as_json: bool,
) -> None:
    """Book an accounting deed with insurance that stands for the adjustment of CLASS."""
    command = RecordDeed(LOCAL_OPERATOR, class_id, signed_by, insurer, policy, valid_from, valid_until)
    change(exchange, command, f"booked the deed for {class_id}", as_json=as_json)
