"""Deciders of what moves cash and units across the venue's border: deposits, withdrawals, retirement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.deciding import DuplicateRequest, require_operator, require_trader
from exchange.domain.money import MAX_AMOUNT, currency_exponent
from exchange.domain.order_entry import require_cash
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import check_blocks
from exchange.domain.state import reference_body

if TYPE_CHECKING:
    from exchange.domain import commands
    from exchange.domain.deciding import Deciding
    from exchange.domain.instruments import CreditClass

MAX_SUPPLY = 10**18
"""No asset's supply goes beyond this, so that every amount fits 64 bits wherever it is read."""
MAX_REFERENCE_LENGTH = 64


def deposit_cash(venue: Deciding, command: commands.DepositCash) -> None:
    """Credit cash that arrived."""
    require_operator(venue.state, command.by)
    event = ev.CashDeposited(command.by, command.account, command.currency, command.amount, command.reference)
    _check_once(venue, event)
    currency_exponent(command.currency)
    _check_amount(command.amount)
    _check_supply(venue, command.currency, command.amount)
    venue.emit(event)


def withdraw_cash(venue: Deciding, command: commands.WithdrawCash) -> None:
    """Debit cash that leaves."""
    require_operator(venue.state, command.by)
    event = ev.CashWithdrawn(command.by, command.account, command.currency, command.amount, command.reference)
    _check_once(venue, event)
    currency_exponent(command.currency)
    _check_amount(command.amount)
    require_cash(venue.state, command.account, command.currency, command.amount)
    venue.emit(event)


def deposit_units(venue: Deciding, command: commands.DepositUnits) -> None:
    """Credit serial blocks that were immobilised; a serial number comes in once."""
    require_operator(venue.state, command.by)
    event = ev.UnitsDeposited(
        command.by, command.account, command.class_id, command.quantity, command.blocks, command.reference
    )
    _check_once(venue, event)
    credit_class = _known_class(venue, command.class_id)
    _check_amount(command.quantity)
    check_blocks(credit_class.registry, command.blocks, command.quantity)
    for block in command.blocks:
        serial = venue.state.custody.overlap(block)
        if serial is not None:
            raise Reject(
                RejectCode.SERIAL_BLOCK_OVERLAPS,
                f"serial number {serial} of batch {block.batch} is in custody already",
            )
    _check_supply(venue, command.class_id, command.quantity)
    venue.emit(event)


def withdraw_units(venue: Deciding, command: commands.WithdrawUnits) -> None:
    """Debit serial blocks that go back to their registry."""
    require_operator(venue.state, command.by)
    event = ev.UnitsWithdrawn(
        command.by, command.account, command.class_id, command.quantity, command.blocks, command.reference
    )
    _check_once(venue, event)
    credit_class = _known_class(venue, command.class_id)
    _check_amount(command.quantity)
    check_blocks(credit_class.registry, command.blocks, command.quantity)
    for block in command.blocks:
        if not venue.state.custody.holds(command.class_id, block):
            raise Reject(
                RejectCode.SERIAL_BLOCK_NOT_HELD,
                f"batch {block.batch} {block.first} to {block.last} is not wholly in custody as {command.class_id}",
            )
    _require_units(venue, command.account, command.class_id, command.quantity)
    venue.emit(event)


def retire(venue: Deciding, command: commands.Retire) -> None:
    """Take units out of circulation for a named beneficiary, for ever."""
    require_trader(venue.state, command.by, command.session, command.account)
    event = ev.Retired(
        command.account,
        command.class_id,
        command.quantity,
        command.beneficiary,
        command.purpose,
        command.reference,
    )
    _check_once(venue, event)
    _known_class(venue, command.class_id)
    _check_amount(command.quantity)
    if not command.beneficiary.strip():
        raise Reject(RejectCode.BENEFICIARY_REQUIRED, "a retirement names its beneficiary")
    _require_units(venue, command.account, command.class_id, command.quantity)
    venue.emit(event)


def _check_once(
    venue: Deciding,
    event: ev.CashDeposited | ev.CashWithdrawn | ev.UnitsDeposited | ev.UnitsWithdrawn | ev.Retired,
) -> None:
    state = venue.state
    if event.account not in state.accounts:
        raise Reject(RejectCode.UNKNOWN_ACCOUNT, f"{event.account!r} is not an account")
    if not 0 < len(event.reference) <= MAX_REFERENCE_LENGTH:
        raise Reject(RejectCode.INVALID_PARAMS, f"a reference has 1 to {MAX_REFERENCE_LENGTH} characters")
    earlier = state.references.get(event.account, {}).get(event.reference)
    if earlier is None:
        return
    if earlier.body == reference_body(event):
        raise DuplicateRequest(earlier.command)
    raise Reject(
        RejectCode.REFERENCE_REUSED,
        f"reference {event.reference!r} was used for something else on this account",
    )


def _check_amount(amount: int) -> None:
    if not 0 < amount <= MAX_AMOUNT:
        raise Reject(RejectCode.INVALID_AMOUNT, f"an amount lies between 1 and {MAX_AMOUNT}")


def _check_supply(venue: Deciding, asset: str, amount: int) -> None:
    if venue.state.ledger.supply.get(asset, 0) + amount > MAX_SUPPLY:
        raise Reject(RejectCode.INVALID_AMOUNT, f"the supply of {asset} would exceed {MAX_SUPPLY}")


def _known_class(venue: Deciding, class_id: str) -> CreditClass:
    credit_class = venue.state.classes.get(class_id)
    if credit_class is None:
        raise Reject(RejectCode.UNKNOWN_CLASS, f"{class_id!r} is not a registered credit class")
    return credit_class


def _require_units(venue: Deciding, account: str, class_id: str, quantity: int) -> None:
    available = venue.state.ledger.balance(account, class_id).available
    if quantity > available:
        raise Reject(
            RejectCode.INSUFFICIENT_UNITS, f"{quantity} units of {class_id} needed, {available} available"
        )
