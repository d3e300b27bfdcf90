"""`exchange provenance`: where serial numbers came from and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click
import msgspec

from exchange.domain.rejects import Reject
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_json, print_table, show_time
from exchange.registry.block_histories import block_histories
from exchange.registry.csv_text import csv_text
from exchange.registry.provenance import OwnersStep, life_of_block, life_of_project
from exchange.registry.public_register import Cursor, Selection
from exchange.registry.serials import parse
from exchange.registry.view import RegistryReader

if TYPE_CHECKING:
    from exchange.domain.serials import SerialBlock
    from exchange.operations.finding import Exchange
    from exchange.registry.view import RegistryView

_PAGE: Final = 5_000


class ProvenanceOf(msgspec.Struct, frozen=True):
    """With --json, `provenance` prints this object."""

    as_of_seq: int
    """The last event that is settled."""
    steps: list[OwnersStep]


@click.command()
@click.argument("what", metavar="SERIAL|PROJECT|CLASS")
@click.option("--registry", default="", help="Of a serial number that does not tell it.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
@exchange_options
def provenance(exchange: Exchange, *, what: str, registry: str, as_csv: bool, as_json: bool) -> None:
    """Print what happened to serial numbers, from their issuance on: splits, trades with their prices, retirement.

    They are named by a block as its registry writes it, by a project such as VCS/1340, or by a credit class.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")

    async def work() -> tuple[ProvenanceOf, SerialBlock | None]:
        block = _block(what, registry)
        async with (
            exchange.database() as dsn,
            await RegistryReader.open(dsn, connections=1, limit_s=0) as reader,
            reader.view() as view,
        ):
            return ProvenanceOf(view.as_of_seq, await _steps(view, block or _selection(what))), block

    found, block = run_async(work())
    if as_json:
        print_json(found)
    elif as_csv:
        click.echo(csv_text(OwnersStep, found.steps), nl=False)
    else:
        _show(found, block)


def _block(what: str, registry: str) -> SerialBlock | None:
    try:
        return parse(what, registry).to_block()
    except Reject:
        if registry:
            raise
        return None


def _selection(what: str) -> Selection:
    registry, slash, project = what.partition("/")
    return Selection(registry, project) if slash else Selection(class_id=what)


async def _steps(view: RegistryView, of: SerialBlock | Selection) -> list[OwnersStep]:
    steps: list[OwnersStep] = []
    while True:
        after = Cursor(steps[-1].seq, steps[-1].n) if steps else Cursor()
        if isinstance(of, Selection):
            page = await life_of_project(view, of, after, _PAGE)
        else:
            page = await life_of_block(view, of, after, _PAGE)
        steps += page
        if len(page) < _PAGE:
            return steps


def _show(found: ProvenanceOf, block: SerialBlock | None) -> None:
    for history in block_histories(found.steps, block):
        click.secho(f"{history.serial}  {history.quantity:,} of {history.class_id}", bold=True)
        print_table(
            ("event", "time", "step", "moved as", "price", "from", "to"),
            (
                (
                    step.seq,
                    show_time(step.time),
                    step.step.value,
                    step.serial + "".join(f", split from {text}" for text in step.split_from),
                    f"{step.price} {step.currency}",
                    step.from_account,
                    step.beneficiary or ", ".join(step.issued_as or step.issued_for) or step.to_account,
                )
                for step in history.steps
            ),
            right=("event", "price"),
        )
    click.echo(f"As of event {found.as_of_seq}.")
