"""`exchange admin cash|units|classes`: what comes in and goes out, and the kinds of credits that may."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from exchange.domain import commands
from exchange.domain.carbon.label_forms import ReclassifyUnits
from exchange.domain.carbon.project_forms import Crediting
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Unit
from exchange.domain.money import currency_exponent, parse_decimal
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import SerialBlock
from exchange.operations.administering import change, read_state, reference_option
from exchange.operations.errors import ExitCode, OperationError, Refused
from exchange.operations.options import exchange_options, json_option
from exchange.operations.output import print_json, print_table
from exchange.registry.serials import SerialRange, opaque, parse

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange

_COLUMNS = ("registry", "batch", "first", "last")


class ClassRow(msgspec.Struct, frozen=True):
    """With --json, `classes list` prints a list of these."""

    class_id: str
    registry: str
    project: str
    name: str
    vintage: int
    unit: str
    country: str
    labels: list[str]
    supply: int
    """Units in custody here."""


@click.group()
def cash() -> None:
    """Book cash that came in or goes out."""


@cash.command("deposit")
@click.argument("account")
@click.argument("amount")
@click.argument("currency")
@reference_option
@json_option
@exchange_options
def deposit_cash(
    exchange: Exchange, *, account: str, amount: str, currency: str, reference: str, as_json: bool
) -> None:
    """Credit AMOUNT (a decimal such as 1250.50) of CURRENCY to ACCOUNT."""
    command = commands.DepositCash(
        LOCAL_OPERATOR, account, currency, minor_units(amount, currency), reference
    )
    change(exchange, command, f"deposited {amount} {currency} to {account}", as_json=as_json)


@cash.command("withdraw")
@click.argument("account")
@click.argument("amount")
@click.argument("currency")
@reference_option
@json_option
@exchange_options
def withdraw_cash(
    exchange: Exchange, *, account: str, amount: str, currency: str, reference: str, as_json: bool
) -> None:
    """Debit AMOUNT (a decimal such as 1250.50) of CURRENCY from ACCOUNT."""
    command = commands.WithdrawCash(
        LOCAL_OPERATOR, account, currency, minor_units(amount, currency), reference
    )
    change(exchange, command, f"withdrew {amount} {currency} from {account}", as_json=as_json)


def minor_units(amount: str, currency: str) -> int:
    """Minor units of a decimal amount. Raises Refused."""
    try:
        return parse_decimal(amount, currency_exponent(currency), RejectCode.INVALID_AMOUNT)
    except Reject as reject:
        raise Refused(reject.code, reject.message) from reject


@click.group()
def units() -> None:
    """Book serial blocks that come in, go out, are issued here, end, or move to another registry."""


def block_options(function: click.decorators.FC) -> click.decorators.FC:
    """The options --block and --blocks-file; `found_blocks` reads them."""
    function = click.option(
        "--block",
        "blocks",
        multiple=True,
        metavar="BLOCK",
        help="A serial block as its registry writes it (CDM: in front of a CER), or REGISTRY:BATCH:FIRST-LAST;"
        " may be repeated.",
    )(function)
    return click.option(
        "--blocks-file",
        type=click.Path(path_type=Path),
        help=f"CSV file with the column serial, or the columns {', '.join(_COLUMNS)}.",
    )(function)


@units.command("deposit")
@click.argument("account")
@click.argument("class_id", metavar="CLASS")
@block_options
@reference_option
@json_option
@exchange_options
def deposit_units(
    exchange: Exchange,
    *,
    account: str,
    class_id: str,
    blocks: tuple[str, ...],
    blocks_file: Path | None,
    reference: str,
    as_json: bool,
) -> None:
    """Credit serial blocks of a credit class to ACCOUNT."""
    found = found_blocks(blocks, blocks_file)
    quantity = sum(block.quantity for block in found)
    command = commands.DepositUnits(LOCAL_OPERATOR, account, class_id, quantity, found, reference)
    change(exchange, command, f"deposited {quantity} of {class_id} to {account}", as_json=as_json)


@units.command("withdraw")
@click.argument("account")
@click.argument("class_id", metavar="CLASS")
@block_options
@reference_option
@json_option
@exchange_options
def withdraw_units(
    exchange: Exchange,
    *,
    account: str,
    class_id: str,
    blocks: tuple[str, ...],
    blocks_file: Path | None,
    reference: str,
    as_json: bool,
) -> None:
    """Debit serial blocks of a credit class from ACCOUNT."""
    found = found_blocks(blocks, blocks_file)
    quantity = sum(block.quantity for block in found)
    command = commands.WithdrawUnits(LOCAL_OPERATOR, account, class_id, quantity, found, reference)
    change(exchange, command, f"withdrew {quantity} of {class_id} from {account}", as_json=as_json)


@units.command("issue")
@click.argument("account")
@click.argument("class_id", metavar="CLASS")
@click.argument("quantity", type=int)
@click.option(
    "--buffer", type=int, default=0, show_default=True, help="Units to issue besides, into the buffer pool."
)
@reference_option
@json_option
@exchange_options
def issue_units(
    exchange: Exchange,
    *,
    account: str,
    class_id: str,
    quantity: int,
    buffer: int,
    reference: str,
    as_json: bool,
) -> None:
    """Issue QUANTITY units of a class of the venue's own registry (EXC) to ACCOUNT; the venue numbers them."""
    command = commands.IssueUnits(LOCAL_OPERATOR, account, class_id, quantity, reference, buffer)
    change(exchange, command, f"issued {quantity} of {class_id} to {account}", as_json=as_json)


@units.command("issue-shared")
@click.argument("class_id", metavar="CLASS")
@click.option(
    "--share",
    "shares",
    type=(str, int),
    metavar="ACCOUNT QUANTITY",
    multiple=True,
    required=True,
    help="May be repeated; serials are numbered in this order.",
)
@reference_option
@json_option
@exchange_options
def issue_shared(
    exchange: Exchange, *, class_id: str, shares: tuple[tuple[str, int], ...], reference: str, as_json: bool
) -> None:
    """Issue units of a class of the venue's own registry, shared between accounts, such as JCM credits."""
    command = commands.IssueShared(LOCAL_OPERATOR, class_id, shares, reference)
    quantity = sum(units for _, units in shares)
    change(exchange, command, f"issued {quantity} of {class_id} to {len(shares)} accounts", as_json=as_json)


@units.command("cancel")
@click.argument("account")
@click.argument("class_id", metavar="CLASS")
@block_options
@click.option("--reason", required=True, help="For the record, such as: issued in error.")
@reference_option
@json_option
@exchange_options
def cancel_units(
    exchange: Exchange,
    *,
    account: str,
    class_id: str,
    blocks: tuple[str, ...],
    blocks_file: Path | None,
    reason: str,
    reference: str,
    as_json: bool,
) -> None:
    """End serial blocks of ACCOUNT for ever, for nobody's use. A retirement is its owner's; see the websocket."""
    found = found_blocks(blocks, blocks_file)
    quantity = sum(block.quantity for block in found)
    command = commands.CancelUnits(LOCAL_OPERATOR, account, class_id, found, reason, reference)
    change(exchange, command, f"cancelled {quantity} of {class_id} of {account}", as_json=as_json)


@units.command("move")
@click.argument("account")
@click.argument("class_id", metavar="CLASS")
@click.argument("to_class_id", metavar="TO_CLASS")
@block_options
@click.option(
    "--to-block",
    "to_blocks",
    multiple=True,
    metavar="BLOCK",
    help="Serials that the other registry issued for them; none where that is the venue's own. May be repeated.",
)
@reference_option
@json_option
@exchange_options
def move_units(
    exchange: Exchange,
    *,
    account: str,
    class_id: str,
    to_class_id: str,
    blocks: tuple[str, ...],
    blocks_file: Path | None,
    to_blocks: tuple[str, ...],
    reference: str,
    as_json: bool,
) -> None:
    """Book that serial blocks of ACCOUNT were cancelled at their registry and issued as TO_CLASS at another."""
    found = found_blocks(blocks, blocks_file)
    quantity = sum(block.quantity for block in found)
    command = commands.MoveUnits(
        LOCAL_OPERATOR,
        account,
        class_id,
        found,
        to_class_id,
        tuple(parse_block(text) for text in to_blocks),
        reference,
    )
    change(
        exchange, command, f"moved {quantity} of {class_id} of {account} to {to_class_id}", as_json=as_json
    )


@units.command("reclassify")
@click.argument("reclassification")
@click.argument("class_id", metavar="CLASS")
@click.argument("to_class_id", metavar="TO_CLASS")
@block_options
@click.option("--reason", required=True, help="For the record, such as: labelled by the registry.")
@json_option
@exchange_options
def reclassify_units(
    exchange: Exchange,
    *,
    reclassification: str,
    class_id: str,
    to_class_id: str,
    blocks: tuple[str, ...],
    blocks_file: Path | None,
    reason: str,
    as_json: bool,
) -> None:
    """Let serial blocks of CLASS be units of TO_CLASS (same project and vintage) with all who hold them.

    RECLASSIFICATION is its id: repeating the command changes nothing.
    """
    found = found_blocks(blocks, blocks_file)
    command = ReclassifyUnits(LOCAL_OPERATOR, class_id, to_class_id, found, reason, reclassification)
    quantity = sum(block.quantity for block in found)
    change(exchange, command, f"reclassified {quantity} of {class_id} as {to_class_id}", as_json=as_json)


def found_blocks(texts: tuple[str, ...], file: Path | None) -> tuple[SerialBlock, ...]:
    """The blocks of both options, at least one. Raises click.UsageError, OperationError or Refused."""
    found = [parse_block(text) for text in texts]
    if file is not None:
        found += read_blocks(file)
    if not found:
        raise click.UsageError("name the serial blocks with --block or --blocks-file")
    return tuple(found)


def parse_block(text: str) -> SerialBlock:
    """A block as its registry writes it, its code in front or not, or as REGISTRY:BATCH:FIRST-LAST. Raises Refused."""
    registry, _, rest = text.partition(":")
    batch, _, numbers = rest.rpartition(":")
    first, dash, last = numbers.partition("-")
    try:
        if registry and batch and dash and _is_number(first) and _is_number(last):
            return _numbered_block(registry, batch, int(first), int(last))
        return (parse(rest, registry) if rest else parse(text)).to_block()
    except Reject as reject:
        raise Refused(
            reject.code,
            f"{reject.message} (a block is written as its registry does, such as"
            " ACR-US-499-2022-2006-37319 to 54852 or CDM:RW-5-11-2-2-0-7014 - RW-5-20-2-2-0-7014,"
            " or as REGISTRY:BATCH:FIRST-LAST)",
        ) from reject


def _numbered_block(registry: str, batch: str, first: int, last: int) -> SerialBlock:
    """A block of a batch that has no second name, in which its units could come in again. Raises Reject."""
    if SerialRange.of_block(SerialBlock(registry, batch, 1, 2)).form is None:
        return opaque(registry, batch, first, last).to_block()
    return SerialBlock(registry, batch, first, last)


def read_blocks(file: Path) -> list[SerialBlock]:
    """Blocks of a CSV file with the column `serial`, or registry, batch, first and last.

    Raises OperationError or Refused.
    """
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            columns = set(reader.fieldnames or ())
            if "serial" in columns:
                return [parse_block(row["serial"]) for row in reader]
            if not set(_COLUMNS) <= columns:
                raise OperationError(
                    f"{file} needs the column serial, or {', '.join(_COLUMNS)}", ExitCode.USAGE
                )
            return [
                parse_block(f"{row['registry']}:{row['batch']}:{row['first']}-{row['last']}")
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OperationError(f"cannot read {file}: {error}", ExitCode.USAGE) from error


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


@click.group()
def classes() -> None:
    """Register and list credit classes."""


@classes.command("list")
@json_option
@exchange_options
def list_classes(exchange: Exchange, *, as_json: bool) -> None:
    """Print all credit classes."""
    state = read_state(exchange)
    rows = [
        ClassRow(
            found.class_id,
            found.registry,
            found.project,
            found.name,
            found.vintage,
            found.unit.value,
            found.country,
            list(found.labels),
            state.ledger.supply.get(found.class_id, 0),
        )
        for _, found in sorted(state.classes.items())
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("class", "registry", "project", "name", "vintage", "country", "supply"),
        (
            (
                row.class_id,
                row.registry,
                row.project,
                row.name,
                row.vintage,
                row.country,
                f"{row.supply:,} {row.unit}",
            )
            for row in rows
        ),
        right=("vintage", "supply"),
    )


@classes.command("register")
@click.argument("class_id", metavar="CLASS")
@click.option("--registry", required=True, help="Such as VCS.")
@click.option("--project", required=True, help="The registry's id of the project.")
@click.option("--name", required=True, help="Name of the project.")
@click.option("--vintage", type=int, required=True, help="Year of the reduction or removal.")
@click.option(
    "--unit", type=click.Choice([unit.value for unit in Unit]), default=Unit.TONNE.value, show_default=True
)
@click.option("--country", default="", help="ISO 3166 alpha-2 code of the host country.")
@click.option("--label", "labels", multiple=True, help="May be repeated.")
@click.option(
    "--crediting",
    type=click.Choice([crediting.value for crediting in Crediting]),
    help="Issued for what was verified or for what is expected. Default: as its project.",
)
@json_option
@exchange_options
def register(
    exchange: Exchange,
    *,
    class_id: str,
    registry: str,
    project: str,
    name: str,
    vintage: int,
    unit: str,
    country: str,
    labels: tuple[str, ...],
    crediting: str | None,
    as_json: bool,
) -> None:
    """Make a credit class known, such as VCS-1340-2020."""
    credit_class = CreditClass(
        class_id,
        registry,
        project,
        name,
        vintage,
        Unit(unit),
        country,
        labels,
        Crediting(crediting) if crediting else None,
    )
    command = commands.RegisterClass(LOCAL_OPERATOR, credit_class)
    change(exchange, command, f"registered {class_id}", as_json=as_json)
