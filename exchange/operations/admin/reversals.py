"""`exchange admin reversals`: carbon that went back into the air, and who makes it good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exchange.domain.carbon.reversal_forms import MakeGoodReversal, ReportReversal, ReversalCause
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.admin.assets import block_options, found_blocks
from exchange.operations.administering import change, reference_option
from exchange.operations.options import exchange_options, json_option

if TYPE_CHECKING:
    from pathlib import Path

    from exchange.operations.finding import Exchange


@click.group()
def reversals() -> None:
    """Report reversals and make them good; `exchange report reversals` says what covers them and what they touch."""


@reversals.command("report")
@click.argument("reference")
@click.argument("registry")
@click.argument("project")
@click.argument("quantity", type=int)
@click.option("--cause", type=click.Choice([cause.value for cause in ReversalCause]), required=True)
@click.option("--occurred-on", metavar="DATE", required=True)
@click.option("--reason", required=True, help="For the record, such as: wildfire.")
@json_option
@exchange_options
def report(
    exchange: Exchange,
    *,
    reference: str,
    registry: str,
    project: str,
    quantity: int,
    cause: str,
    occurred_on: str,
    reason: str,
    as_json: bool,
) -> None:
    """Book that QUANTITY units of PROJECT were undone: the buffer pool retires for it, or the owner owes for it."""
    command = ReportReversal(
        LOCAL_OPERATOR, registry, project, reference, ReversalCause(cause), occurred_on, quantity, reason
    )
    change(exchange, command, f"booked reversal {reference} of {registry}/{project}", as_json=as_json)


@reversals.command("make-good")
@click.argument("reversal")
@click.argument("account")
@click.argument("class_id", metavar="CLASS")
@block_options
@reference_option
@json_option
@exchange_options
def make_good(
    exchange: Exchange,
    *,
    reversal: str,
    account: str,
    class_id: str,
    blocks: tuple[str, ...],
    blocks_file: Path | None,
    reference: str,
    as_json: bool,
) -> None:
    """Cancel serial blocks of ACCOUNT in place of what REVERSAL undid; nothing is issued to the project until all is made good."""
    found = found_blocks(blocks, blocks_file)
    command = MakeGoodReversal(LOCAL_OPERATOR, reversal, account, class_id, found, reference)
    quantity = sum(block.quantity for block in found)
    change(exchange, command, f"made good {quantity} units of {reversal}", as_json=as_json)
