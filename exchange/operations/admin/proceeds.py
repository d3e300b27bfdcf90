"""`exchange admin proceeds`: who shares in the primary sales of projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from exchange.domain.carbon.proceeds_forms import NameProceeds, ProceedsShare, ShareRole
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.money import parse_decimal, render_decimal
from exchange.domain.rejects import Reject, RejectCode
from exchange.operations.administering import change, read_state
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.options import exchange_options, json_option
from exchange.operations.output import print_json, print_table
from exchange.registry.reports.table import PERCENT_DECIMALS

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange


class ProceedsRow(msgspec.Struct, frozen=True):
    """With --json, `proceeds list` prints a list of these: one for each share that counts now."""

    registry: str
    project: str
    sales_account: str
    role: str
    account: str
    ppm: int
    """Millionths of what a primary sale brings."""
    seq: int
    """Of the event since which it counts."""


@click.group()
def proceeds() -> None:
    """Say who shares in what the units of a project bring when they are first sold."""


@proceeds.command("name")
@click.argument("registry")
@click.argument("project")
@click.option(
    "--sales-account", metavar="ACCOUNT", required=True, help="Sells the units first; it never buys again."
)
@click.option(
    "--share",
    "shares",
    type=(click.Choice([role.value for role in ShareRole]), str, str),
    metavar="ROLE ACCOUNT PERCENT",
    multiple=True,
    required=True,
    help="ROLE is community, developer or registry_fee. May be repeated; all percents add up to 100.",
)
@json_option
@exchange_options
def name_proceeds(
    exchange: Exchange,
    *,
    registry: str,
    project: str,
    sales_account: str,
    shares: tuple[tuple[str, str, str], ...],
    as_json: bool,
) -> None:
    """Share what the sales account of PROJECT gets for its units, to the cent and in the sale itself, so from now on."""
    command = NameProceeds(
        LOCAL_OPERATOR,
        registry,
        project,
        sales_account,
        tuple(ProceedsShare(ShareRole(role), account, _ppm(percent)) for role, account, percent in shares),
    )
    change(exchange, command, f"{len(shares)} share in sales of {registry} {project}", as_json=as_json)


@proceeds.command("list")
@json_option
@exchange_options
def list_proceeds(exchange: Exchange, *, as_json: bool) -> None:
    """Print the shares that count now, by project."""
    carbon = read_state(exchange).carbon
    rows = []
    for key, terms in sorted(carbon.proceeds.terms.items()):
        project, now = carbon.projects.descriptions[key][-1].project, terms[-1]
        rows += [
            ProceedsRow(
                project.registry,
                project.project,
                now.sales_account,
                share.role.value,
                share.account,
                share.ppm,
                now.seq,
            )
            for share in now.shares
        ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("registry", "project", "sales account", "role", "account", "share in %", "since event"),
        (
            (
                *(row.registry, row.project, row.sales_account, row.role, row.account),
                render_decimal(row.ppm, PERCENT_DECIMALS),
                row.seq,
            )
            for row in rows
        ),
        right=("share in %", "since event"),
    )


def _ppm(percent: str) -> int:
    try:
        return parse_decimal(percent, PERCENT_DECIMALS, RejectCode.SHARES_INVALID)
    except Reject as reject:
        raise OperationError(reject.message, ExitCode.USAGE) from reject
