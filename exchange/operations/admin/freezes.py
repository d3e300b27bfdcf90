"""`exchange admin freezes`: recalls, over-issuances and holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from exchange.domain.carbon.freeze_forms import EndFreeze, FreezeCause, FreezeOutcome, FreezeUnits
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.admin.assets import block_options, found_blocks
from exchange.operations.administering import change, read_state
from exchange.operations.options import exchange_options, json_option
from exchange.operations.output import print_json, print_table

if TYPE_CHECKING:
    from pathlib import Path

    from exchange.operations.finding import Exchange


class FreezeRow(msgspec.Struct, frozen=True):
    """With --json, `freezes list` prints a list of these."""

    freeze: str
    cause: str
    reason: str
    units: int
    """That were named, whoever had them."""
    seq: int
    """The event that declared it."""
    outcome: str
    """Empty while it is live."""


@click.group()
def freezes() -> None:
    """Keep serial numbers from moving; `exchange report blast-radius` says what that hits."""


@freezes.command("list")
@json_option
@exchange_options
def list_freezes(exchange: Exchange, *, as_json: bool) -> None:
    """Print all freezes, oldest first."""
    rows = [
        FreezeRow(
            freeze_id,
            freeze.cause.value,
            freeze.reason,
            sum(block.quantity for block in freeze.blocks),
            freeze.seq,
            freeze.outcome.value if freeze.outcome else "",
        )
        for freeze_id, freeze in read_state(exchange).carbon.freezes.by_id.items()
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("freeze", "cause", "reason", "units", "event", "outcome"),
        ((row.freeze, row.cause, row.reason, row.units, row.seq, row.outcome or "live") for row in rows),
        right=("units", "event"),
    )


@freezes.command("declare")
@click.argument("freeze")
@click.option("--cause", type=click.Choice([cause.value for cause in FreezeCause]), required=True)
@click.option("--reason", required=True, help="For the record, such as: verification withdrawn.")
@block_options
@json_option
@exchange_options
def declare(
    exchange: Exchange,
    *,
    freeze: str,
    cause: str,
    reason: str,
    blocks: tuple[str, ...],
    blocks_file: Path | None,
    as_json: bool,
) -> None:
    """Freeze serial blocks under the id FREEZE, whoever has them: they are not traded, delivered, retired, withdrawn or moved."""
    command = FreezeUnits(
        LOCAL_OPERATOR, freeze, FreezeCause(cause), reason, found_blocks(blocks, blocks_file)
    )
    quantity = sum(block.quantity for block in command.blocks)
    change(exchange, command, f"froze {quantity} units as {freeze}", as_json=as_json)


@freezes.command("end")
@click.argument("freeze")
@click.argument("outcome", type=click.Choice([outcome.value for outcome in FreezeOutcome]))
@click.option("--reason", required=True, help="For the record.")
@json_option
@exchange_options
def end(exchange: Exchange, *, freeze: str, outcome: str, reason: str, as_json: bool) -> None:
    """End FREEZE: its serials move again, or are cancelled with all who hold them."""
    command = EndFreeze(LOCAL_OPERATOR, freeze, FreezeOutcome(outcome), reason)
    change(exchange, command, f"{freeze} is {outcome}", as_json=as_json)
