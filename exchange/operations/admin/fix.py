"""`exchange admin fix`: who may log on over FIX, and with which password."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR, TRADING_ROLES, Role
from exchange.domain.making.forms import RegisterFixSession, SetFixPassword
from exchange.operations.admin.participants import write_secret
from exchange.operations.administering import change, execute, read_state, show
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_json, print_table
from gateway.fix.dictionary_xml import quickfix_dictionary_xml
from gateway.fix.example_configuration import example_configuration
from gateway.fix.passwords import hash_password, new_password

if TYPE_CHECKING:
    from exchange.domain.commands import Command
    from exchange.operations.administering import Done
    from exchange.operations.finding import Exchange


_password_file_option = click.option(
    "--password-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the password to a new file that only you can read, instead of printing it.",
)


class FixSessionRow(msgspec.Struct, frozen=True):
    """With --json, `fix list` prints a list of these."""

    comp_id: str
    account: str
    role: str
    resets_on_logon: bool
    cancels_on_disconnect: bool


@click.group()
def fix() -> None:
    """Let market makers log on over FIX 4.4."""


@fix.command("list")
@json_option
@exchange_options
def list_sessions(exchange: Exchange, *, as_json: bool) -> None:
    """Print the registered sessions."""
    state = read_state(exchange)
    rows = [
        FixSessionRow(
            comp_id,
            session.account,
            state.keys[comp_id].role.value,
            session.resets_on_logon,
            session.cancels_on_disconnect,
        )
        for comp_id, session in sorted(state.making.fix_sessions.items())
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("CompID", "account", "role", "resets on logon", "cancels on disconnect"),
        (
            (
                row.comp_id,
                row.account,
                row.role,
                "yes" if row.resets_on_logon else "no",
                "yes" if row.cancels_on_disconnect else "no",
            )
            for row in rows
        ),
    )


@fix.command("create")
@click.argument("comp_id")
@click.option("--account", required=True, help="The account that it trades for.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in TRADING_ROLES]),
    default=Role.MARKET_MAKER.value,
    show_default=True,
)
@click.option(
    "--resets-on-logon", is_flag=True, help="Both sides begin at number 1 with every logon: for tests."
)
@click.option("--keeps-orders", is_flag=True, help="Its orders stay when the connection is lost.")
@_password_file_option
@json_option
@exchange_options
def create_session(
    exchange: Exchange,
    *,
    comp_id: str,
    account: str,
    role: str,
    resets_on_logon: bool,
    keeps_orders: bool,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Register a counterparty by its SenderCompID and print its password, this once.

    With --json the object also has `password` or `password_file`.
    """
    password = new_password()
    command = RegisterFixSession(
        LOCAL_OPERATOR,
        comp_id,
        account,
        Role(role),
        hash_password(password),
        resets_on_logon,
        not keeps_orders,
    )
    what = f"registered {comp_id} for {account}"
    _change_password(exchange, command, password, password_file, what, as_json=as_json)


@fix.command("password")
@click.argument("comp_id")
@_password_file_option
@json_option
@exchange_options
def change_password(exchange: Exchange, *, comp_id: str, password_file: Path | None, as_json: bool) -> None:
    """Make a new password and print it, this once; who is logged on has to log on again.

    With --json the object also has `password` or `password_file`.
    """
    password = new_password()
    command = SetFixPassword(LOCAL_OPERATOR, comp_id, hash_password(password))
    what = f"{comp_id} has a new password"
    _change_password(exchange, command, password, password_file, what, as_json=as_json)


@fix.command("revoke")
@click.argument("comp_id")
@json_option
@exchange_options
def revoke(exchange: Exchange, *, comp_id: str, as_json: bool) -> None:
    """Forget a session; its connection ends at once."""
    change(exchange, commands.RevokeKey(LOCAL_OPERATOR, comp_id), f"revoked {comp_id}", as_json=as_json)


@fix.command("dictionary")
def print_dictionary() -> None:
    """Print the data dictionary for QuickFIX: exactly the messages and fields that are supported."""
    click.echo(quickfix_dictionary_xml(), nl=False)


@fix.command("configuration")
@click.argument("comp_id")
@click.option("--connect", "address", default="127.0.0.1:9878", show_default=True, metavar="HOST:PORT")
@click.option("--folder", default="", metavar="DIR", help="Of the dictionary and of what the client keeps.")
def print_configuration(*, comp_id: str, address: str, folder: str) -> None:
    """Print an example configuration for a QuickFIX client; it looks for the dictionary in FIX44-exchange.xml."""
    host, _, port = address.rpartition(":")
    click.echo(example_configuration(comp_id, host, port, folder), nl=False)


def _change_password(
    exchange: Exchange,
    command: Command,
    password: str,
    password_file: Path | None,
    what: str,
    *,
    as_json: bool,
) -> None:
    """Carries out a command that makes the password valid; the password is printed or written to a new file."""

    async def work() -> Done:
        async with exchange.database() as dsn, exchange.engine(dsn) as port:
            return await execute(port, dsn, command)

    if password_file is not None:
        write_secret(password_file, password.encode() + b"\n")
    try:
        done = run_async(work())
    except BaseException:
        if password_file is not None:
            password_file.unlink()
        raise
    if as_json:
        secret = {"password_file": str(password_file)} if password_file else {"password": password}
        print_json({**msgspec.structs.asdict(done), **secret})
        return
    show(done, what, as_json=False)
    click.echo(f"password: {password}" if password_file is None else f"password in {password_file}")
