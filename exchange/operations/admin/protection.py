"""`exchange admin protection`: how much market makers may trade before the venue stops them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.making.forms import ResetProtection, SetProtection
from exchange.operations.administering import change, read_state
from exchange.operations.options import exchange_options, json_option
from exchange.operations.output import print_json, print_table

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange

_NS_PER_MS = 1_000_000


class ProtectionRow(msgspec.Struct, frozen=True):
    """With --json, `protection list` prints a list of these."""

    account: str
    instrument: str
    quantity: int
    fills: int
    window_ms: int
    frozen: bool
    """It was tripped and not reset."""


@click.group()
def protection() -> None:
    """Protect market makers from trading too much too quickly."""


@protection.command("list")
@json_option
@exchange_options
def list_protections(exchange: Exchange, *, as_json: bool) -> None:
    """Print all protections, and which of them were tripped."""
    rows = [
        ProtectionRow(account, symbol, one.quantity, one.fills, one.window_ns // _NS_PER_MS, one.frozen)
        for account, of_account in sorted(read_state(exchange).making.protections.items())
        for symbol, one in sorted(of_account.items())
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("account", "instrument", "quantity", "trades", "window ms", ""),
        (
            (
                row.account,
                row.instrument,
                f"{row.quantity:,}",
                f"{row.fills:,}",
                f"{row.window_ms:,}",
                "tripped" if row.frozen else "",
            )
            for row in rows
        ),
        right=("quantity", "trades", "window ms"),
    )


@protection.command("set")
@click.argument("account")
@click.argument("instrument")
@click.option("--quantity", type=int, required=True, help="Units traded within the window.")
@click.option("--trades", type=int, required=True, help="Trades within the window.")
@click.option("--window-ms", type=int, required=True, help="0 ends the protection.")
@json_option
@exchange_options
def set_protection(
    exchange: Exchange,
    *,
    account: str,
    instrument: str,
    quantity: int,
    trades: int,
    window_ms: int,
    as_json: bool,
) -> None:
    """Set limits: when one is reached, the account's orders in the instrument end, and it takes no new ones."""
    command = SetProtection(LOCAL_OPERATOR, 0, account, instrument, window_ms * _NS_PER_MS, quantity, trades)
    change(exchange, command, f"set protection of {account} in {instrument}", as_json=as_json)


@protection.command("reset")
@click.argument("account")
@click.argument("instrument")
@json_option
@exchange_options
def reset_protection(exchange: Exchange, *, account: str, instrument: str, as_json: bool) -> None:
    """Let an account trade an instrument again, and begin to count anew."""
    command = ResetProtection(LOCAL_OPERATOR, 0, account, instrument)
    change(exchange, command, f"reset protection of {account} in {instrument}", as_json=as_json)
