"""`exchange admin instruments create-set`: list all instruments of a set that are not listed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.admin.instrument_sets import KNOWN_SETS, instruments_to_list, read_set
from exchange.operations.administering import Done, execute, read_state
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_json

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange


@click.command("create-set")
@click.argument("name", metavar="SET")
@click.option(
    "--reference-price",
    "prices",
    type=(str, str),
    metavar="SYMBOL PRICE",
    multiple=True,
    help="Instead of the set's own, or where it has none; may be repeated.",
)
@json_option
@exchange_options
def create_set(exchange: Exchange, *, name: str, prices: tuple[tuple[str, str], ...], as_json: bool) -> None:
    """List the instruments of SET that are not listed yet: baskets by rule, all with the terms of their market."""
    wanted = instruments_to_list(read_set(name), read_state(exchange), dict(prices))

    async def work() -> list[Done]:
        async with exchange.database() as dsn, exchange.engine(dsn) as port:
            return [
                await execute(port, dsn, commands.ListInstrument(LOCAL_OPERATOR, instrument))
                for instrument in wanted
            ]

    done = run_async(work()) if wanted else []
    if as_json:
        print_json(done)
        return
    for instrument, listed in zip(wanted, done, strict=True):
        price = instrument.ticks_to_price(instrument.reference_price_ticks)
        click.echo(f"listed {instrument.symbol} at {price} {instrument.currency}: event {listed.seq}")
    if not wanted:
        click.echo("every instrument of the set is listed already")


create_set.help = f"{create_set.help}\n\nSET is a TOML file, or one of: {', '.join(KNOWN_SETS)}."
