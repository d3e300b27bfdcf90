"""`exchange admin ex-ante`: estimates on record, conversion of what was verified, expiry of what was not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.domain.carbon.ex_ante_forms import ConvertExAnte, EstimateExAnte, ExpireExAnte
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.administering import change, reference_option
from exchange.operations.ex_ante_evidence import file_sha256, read_evidence, recompute
from exchange.operations.options import exchange_options, json_option

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("ex-ante")
def ex_ante() -> None:
    """Estimate ex-ante credits, convert verified ones, let the rest expire."""


@ex_ante.command("estimate")
@click.argument("class_id", metavar="CLASS")
@click.argument("evidence", type=_FILE)
@json_option
@exchange_options
def estimate(exchange: Exchange, *, class_id: str, evidence: Path, as_json: bool) -> None:
    """Put the estimate that the JSON file EVIDENCE gives on record for CLASS; it limits what may be issued."""
    file = read_evidence(evidence)
    units = recompute(file).units
    command = EstimateExAnte(LOCAL_OPERATOR, class_id, file.evidence, file.sha256)
    change(exchange, command, f"estimated {units} units of {class_id}", as_json=as_json)


@ex_ante.command("convert")
@click.argument("class_id", metavar="CLASS")
@click.argument("to_class_id", metavar="TO_CLASS")
@click.argument("quantity", type=int)
@click.option("--report", required=True, type=_FILE, help="The verification report; its SHA-256 is logged.")
@reference_option
@json_option
@exchange_options
def convert(
    exchange: Exchange,
    *,
    class_id: str,
    to_class_id: str,
    quantity: int,
    report: Path,
    reference: str,
    as_json: bool,
) -> None:
    """Turn QUANTITY verified units of CLASS into units of TO_CLASS, in the hands of all holders in proportion."""
    command = ConvertExAnte(LOCAL_OPERATOR, class_id, to_class_id, quantity, file_sha256(report), reference)
    change(exchange, command, f"converted {quantity} of {class_id} into {to_class_id}", as_json=as_json)


@ex_ante.command("expire")
@click.argument("class_id", metavar="CLASS")
@click.argument("quantity", type=int)
@click.option("--reason", required=True, help="For the record, such as: not verified for 2027.")
@reference_option
@json_option
@exchange_options
def expire(
    exchange: Exchange, *, class_id: str, quantity: int, reason: str, reference: str, as_json: bool
) -> None:
    """End QUANTITY units of CLASS for ever, of all holders in proportion."""
    command = ExpireExAnte(LOCAL_OPERATOR, class_id, quantity, reason, reference)
    change(exchange, command, f"{quantity} of {class_id} expired", as_json=as_json)
