"""`exchange doctor`: what endangers this deployment, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from exchange.operations.doctor import Check, Verdict, examine
from exchange.operations.errors import ExitCode
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_json, print_line

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange

_COLOURS: Final = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.DANGER: "red"}


@click.command()
@json_option
@exchange_options
def doctor(exchange: Exchange, *, as_json: bool) -> None:
    """Check settings of Postgres that endanger durability, disk, clock, lease, lag, snapshots and versions.

    Ends with exit code 1 when something is in danger; warnings alone end with 0.
    """

    async def work() -> list[Check]:
        async with exchange.database() as dsn:
            return await examine(exchange, dsn)

    checks = run_async(work())
    if as_json:
        print_json(checks)
    else:
        _show(checks)
    if any(check.verdict is Verdict.DANGER for check in checks):
        raise click.exceptions.Exit(ExitCode.FAILED)


def _show(checks: list[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        verdict = click.style(check.verdict.value.ljust(7), fg=_COLOURS[check.verdict], bold=True)
        print_line(f"{verdict}  {check.name.ljust(width)}  {check.found}")
        if check.advice:
            print_line(f"{'':7}  {'':{width}}  -> {check.advice}")
