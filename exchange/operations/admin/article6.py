"""`exchange admin article6`: cooperative approaches, authorisations, safeguards, targets of the JCM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exchange.domain.carbon.article6_forms import (
    Authorisation,
    AuthoriseOutcomes,
    CooperativeApproach,
    FirstTransfer,
    Mechanism,
    Purpose,
    RegisterApproach,
    ReportSafeguards,
    SetJcmTarget,
)
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.administering import change
from exchange.operations.options import exchange_options, json_option

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange

DOCUMENT = click.option("--document", required=True, help="What says so, such as: Initial report, 2026.")


@click.group()
def article6() -> None:
    """Cooperative approaches under Article 6.2 of the Paris Agreement, among them the JCM."""


@article6.command("approach")
@click.argument("approach_id", metavar="ID")
@click.option("--name", required=True)
@click.option(
    "--mechanism",
    type=click.Choice([mechanism.value for mechanism in Mechanism]),
    default=Mechanism.JCM.value,
    show_default=True,
)
@click.option("--party", "parties", multiple=True, required=True, help="Two or more.")
@json_option
@exchange_options
def approach(
    exchange: Exchange,
    *,
    approach_id: str,
    name: str,
    mechanism: str,
    parties: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make the cooperative approach ID, such as CA0001, known."""
    registered = CooperativeApproach(approach_id, name, Mechanism(mechanism), parties)
    change(
        exchange, RegisterApproach(LOCAL_OPERATOR, registered), f"registered {approach_id}", as_json=as_json
    )


@article6.command("authorise")
@click.argument("authorisation_id", metavar="ID")
@click.option("--approach", "approach_id", required=True)
@click.option("--party", required=True, help="Who authorises: where the outcomes occur.")
@click.option(
    "--purpose",
    "purposes",
    type=click.Choice([purpose.value for purpose in Purpose]),
    multiple=True,
    required=True,
    help="One or both.",
)
@click.option("--class", "classes", metavar="CLASS", multiple=True, required=True, help="May be repeated.")
@click.option("--authorised-on", metavar="DATE", required=True)
@click.option(
    "--first-transfer",
    type=click.Choice([definition.value for definition in FirstTransfer]),
    help="What counts as the first transfer; given for the purpose oimp, and only there.",
)
@click.option(
    "--oimp", default="", help="The one purpose that oimp stands for, such as CORSIA. Default: any."
)
@click.option(
    "--entity", "entities", metavar="PARTICIPANT", multiple=True, help="Who may use them. Default: anybody."
)
@click.option("--sectors", default="")
@click.option("--activity-types", default="")
@click.option("--terms", default="")
@json_option
@exchange_options
def authorise(
    exchange: Exchange,
    *,
    authorisation_id: str,
    approach_id: str,
    party: str,
    purposes: tuple[str, ...],
    classes: tuple[str, ...],
    authorised_on: str,
    first_transfer: str | None,
    oimp: str,
    entities: tuple[str, ...],
    sectors: str,
    activity_types: str,
    terms: str,
    as_json: bool,
) -> None:
    """Book the authorisation ID of mitigation outcomes, with all units of its classes."""
    given = Authorisation(
        authorisation_id,
        approach_id,
        party,
        tuple(Purpose(purpose) for purpose in purposes),
        classes,
        authorised_on,
        None if first_transfer is None else FirstTransfer(first_transfer),
        oimp,
        entities,
        sectors,
        activity_types,
        terms,
    )
    change(
        exchange,
        AuthoriseOutcomes(LOCAL_OPERATOR, given),
        f"authorised {', '.join(classes)}",
        as_json=as_json,
    )


@article6.command("safeguards")
@click.argument("party")
@click.argument("approach_id", metavar="APPROACH")
@click.option("--reported-on", metavar="DATE", required=True)
@DOCUMENT
@json_option
@exchange_options
def safeguards(
    exchange: Exchange, *, party: str, approach_id: str, reported_on: str, document: str, as_json: bool
) -> None:
    """Book that PARTY reported how APPROACH keeps its safeguards."""
    command = ReportSafeguards(LOCAL_OPERATOR, party, approach_id, reported_on, document)
    change(exchange, command, f"booked the report of {party} on {approach_id}", as_json=as_json)


@article6.command("jcm-target")
@click.argument("party")
@click.argument("fiscal_year", type=int)
@click.argument("quantity", type=int)
@DOCUMENT
@json_option
@exchange_options
def jcm_target(
    exchange: Exchange, *, party: str, fiscal_year: int, quantity: int, document: str, as_json: bool
) -> None:
    """Set what PARTY wants to reach through the JCM by the end of FISCAL_YEAR: QUANTITY tonnes, cumulated."""
    command = SetJcmTarget(LOCAL_OPERATOR, party, fiscal_year, quantity, document)
    change(exchange, command, f"set the target of {party} for fiscal {fiscal_year}", as_json=as_json)
