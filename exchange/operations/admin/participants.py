"""`exchange admin participants|accounts|keys`: who takes part, with which accounts, and who may log on."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR, TRADING_ROLES, VENUE, Role
from exchange.domain.money import CURRENCY_EXPONENTS, render_decimal
from exchange.operations.administering import change, execute, read_state, show
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_json, print_table

if TYPE_CHECKING:
    from exchange.domain.ledger import Balance
    from exchange.domain.state import State
    from exchange.operations.administering import Done
    from exchange.operations.finding import Exchange


class ParticipantRow(msgspec.Struct, frozen=True):
    """With --json, `participants list` prints a list of these."""

    participant: str
    name: str
    accounts: list[str]


class BalanceRow(msgspec.Struct, frozen=True):
    """Cash as decimals of the currency, units as whole numbers in text."""

    asset: str
    total: str
    held: str
    available: str


class AccountRow(msgspec.Struct, frozen=True):
    """With --json, `accounts list` prints a list of these."""

    account: str
    participant: str
    orders: int
    balances: list[BalanceRow]


class KeyRow(msgspec.Struct, frozen=True):
    """With --json, `keys list` prints a list of these."""

    key_id: str
    participant: str
    role: str
    public_key: str
    """32 bytes of Ed25519 as hexadecimal text."""


@click.group()
def participants() -> None:
    """Admit participants."""


@participants.command("list")
@json_option
@exchange_options
def list_participants(exchange: Exchange, *, as_json: bool) -> None:
    """Print all participants."""
    state = read_state(exchange)
    rows = [
        ParticipantRow(
            participant.participant,
            participant.name,
            [account for account, owner in state.accounts.items() if owner == participant.participant],
        )
        for participant in state.participants.values()
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("participant", "name", "accounts"),
        ((row.participant, row.name, ", ".join(row.accounts)) for row in rows),
    )


@participants.command("admit")
@click.argument("participant")
@click.option("--name", required=True, help="Legal name.")
@json_option
@exchange_options
def admit(exchange: Exchange, *, participant: str, name: str, as_json: bool) -> None:
    """Admit a legal entity under a short id."""
    command = commands.AdmitParticipant(LOCAL_OPERATOR, participant, name)
    change(exchange, command, f"admitted {participant}", as_json=as_json)


@click.group()
def accounts() -> None:
    """Open and list accounts."""


@accounts.command("list")
@json_option
@exchange_options
def list_accounts(exchange: Exchange, *, as_json: bool) -> None:
    """Print all accounts with their balances."""
    rows = account_rows(read_state(exchange))
    if as_json:
        print_json(rows)
        return
    print_table(
        ("account", "participant", "orders", "asset", "total", "held", "available"),
        (
            (
                row.account,
                row.participant,
                row.orders,
                balance.asset,
                balance.total,
                balance.held,
                balance.available,
            )
            for row in rows
            for balance in row.balances or [BalanceRow("-", "", "", "")]
        ),
        right=("orders", "total", "held", "available"),
    )


def account_rows(state: State) -> list[AccountRow]:
    """All accounts in the order of their opening, with balances by asset."""
    return [
        AccountRow(
            account,
            participant,
            len(state.account_orders.get(account, ())),
            [
                _balance_row(asset, balance)
                for asset, balance in sorted(state.ledger.accounts.get(account, {}).items())
                if balance.total
            ],
        )
        for account, participant in state.accounts.items()
    ]


def _balance_row(asset: str, balance: Balance) -> BalanceRow:
    decimals = CURRENCY_EXPONENTS.get(asset, 0)
    return BalanceRow(
        asset,
        render_decimal(balance.total, decimals),
        render_decimal(balance.held, decimals),
        render_decimal(balance.available, decimals),
    )


@accounts.command("open")
@click.argument("account")
@click.argument("participant")
@json_option
@exchange_options
def open_account(exchange: Exchange, *, account: str, participant: str, as_json: bool) -> None:
    """Open an account of a participant."""
    command = commands.OpenAccount(LOCAL_OPERATOR, account, participant)
    change(exchange, command, f"opened {account} of {participant}", as_json=as_json)


@click.group()
def keys() -> None:
    """Create and revoke logon keys."""


@keys.command("list")
@json_option
@exchange_options
def list_keys(exchange: Exchange, *, as_json: bool) -> None:
    """Print the registered keys."""
    rows = [
        KeyRow(key.key_id, key.participant, key.role.value, key.public_key)
        for key in read_state(exchange).keys.values()
        if key.key_id != LOCAL_OPERATOR
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("key", "participant", "role", "public key"),
        ((row.key_id, row.participant, row.role, row.public_key) for row in rows),
    )


@keys.command("create")
@click.argument("key_id")
@click.option("--participant", help=f"Whose key. Default for operators and auditors: {VENUE}.")
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), default=Role.TRADER.value, show_default=True
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Default: keys/KEY_ID.pem in the data folder.",
)
@json_option
@exchange_options
def create_key(
    exchange: Exchange, *, key_id: str, participant: str | None, role: str, output: Path | None, as_json: bool
) -> None:
    """Make an Ed25519 key pair: the private half goes to a file that only you can read, the public half to the venue.

    With --json the object also has `private_key_file`.
    """
    if participant is None:
        if Role(role) in TRADING_ROLES:
            raise click.UsageError(f"a {role}'s key needs --participant")
        participant = VENUE
    if output is None:
        if Path(key_id).name != key_id:
            raise click.UsageError(f"{key_id!r} is no file name; name one with --output")
        output = exchange.folder.make_keys_folder() / f"{key_id}.pem"
    public_key = write_key(output)
    command = commands.RegisterKey(LOCAL_OPERATOR, key_id, participant, Role(role), public_key)

    async def work() -> Done:
        async with exchange.database() as dsn, exchange.engine(dsn) as port:
            return await execute(port, dsn, command)

    try:
        done = run_async(work())
    except BaseException:
        # Never registered, so nobody misses it; and the next try finds its place free.
        with contextlib.suppress(OSError):
            output.unlink()
        raise
    if as_json:
        print_json({**msgspec.structs.asdict(done), "private_key_file": str(output)})
    else:
        show(done, f"registered key {key_id} of {participant}, private half in {output}", as_json=False)


def write_key(path: Path) -> str:
    """Makes a key pair and writes the private half as PEM (PKCS #8) to a new file of mode 0600.

    Answers the public half as hexadecimal text. Raises OperationError when the file exists or cannot be written.
    """
    private = Ed25519PrivateKey.generate()
    write_secret(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def write_secret(path: Path, secret: bytes) -> None:
    """Writes a new file of mode 0600. Raises OperationError when it exists or cannot be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OperationError(f"cannot write {path}: {error.strerror}", ExitCode.USAGE) from error


@keys.command("revoke")
@click.argument("key_id")
@json_option
@exchange_options
def revoke(exchange: Exchange, *, key_id: str, as_json: bool) -> None:
    """Forget a key; its sessions end at once."""
    change(exchange, commands.RevokeKey(LOCAL_OPERATOR, key_id), f"revoked {key_id}", as_json=as_json)
