"""Deciders of what moves cash and units across the venue's border: deposits, issuance, withdrawals, retirement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.carbon import claims, japan
from exchange.domain.carbon.article6 import check_move
from exchange.domain.carbon.obstacles import (
    check_departure,
    check_estimate,
    check_issuance,
    check_not_frozen,
    check_retirement,
)
from exchange.domain.deciding import DuplicateRequest, require_operator, require_trader
from exchange.domain.executions import RETIRED_ON_FILL
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.money import MAX_AMOUNT, currency_exponent
from exchange.domain.order_entry import require_cash
from exchange.domain.references import (
    FREEZE_REFERENCE,
    RECLASSIFICATION_REFERENCE,
    reference_body,
    retirement_body,
)
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import (
    OWN_REGISTRY,
    SerialBlock,
    check_blocks,
    check_named,
    own_batch,
    require_new_serials,
    units_by_class,
)

if TYPE_CHECKING:
    from exchange.domain import commands
    from exchange.domain.deciding import Deciding
    from exchange.domain.instruments import CreditClass
    from exchange.domain.references import Referenced

MAX_SUPPLY = 10**18
"""No asset's supply goes beyond this, so that every amount fits 64 bits wherever it is read."""
MAX_REFERENCE_LENGTH = 64
VENUE_REFERENCES = (RETIRED_ON_FILL, FREEZE_REFERENCE, RECLASSIFICATION_REFERENCE)
"""References of participants and operators do not begin so."""


def deposit_cash(venue: Deciding, command: commands.DepositCash) -> None:
    """Credit cash that arrived."""
    require_operator(venue.state, command.by)
    event = ev.CashDeposited(command.by, command.account, command.currency, command.amount, command.reference)
    _check_once(venue, event, reference_body(event))
    currency_exponent(command.currency)
    _check_amount(command.amount)
    _check_supply(venue, command.currency, command.amount)
    venue.emit(event)


def withdraw_cash(venue: Deciding, command: commands.WithdrawCash) -> None:
    """Debit cash that leaves."""
    require_operator(venue.state, command.by)
    event = ev.CashWithdrawn(command.by, command.account, command.currency, command.amount, command.reference)
    _check_once(venue, event, reference_body(event))
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
    _check_once(venue, event, reference_body(event))
    credit_class = _known_class(venue, command.class_id)
    _check_amount(command.quantity)
    check_blocks(credit_class.registry, command.blocks, command.quantity)
    japan.check_serials(credit_class, command.blocks)
    if credit_class.registry == OWN_REGISTRY:
        _require_issued(venue, command.class_id, command.blocks)
    require_new_serials(venue.state.custody, command.blocks)
    check_not_frozen(venue.state, command.blocks)
    _check_supply(venue, command.class_id, command.quantity)
    venue.emit(event)


def withdraw_units(venue: Deciding, command: commands.WithdrawUnits) -> None:
    """Debit serial blocks that go back to their registry."""
    require_operator(venue.state, command.by)
    event = ev.UnitsWithdrawn(
        command.by, command.account, command.class_id, command.quantity, command.blocks, command.reference
    )
    _check_once(venue, event, reference_body(event))
    credit_class = _known_class(venue, command.class_id)
    _check_amount(command.quantity)
    check_departure(venue.state, credit_class)
    check_blocks(credit_class.registry, command.blocks, command.quantity)
    _require_serials(venue, command.account, command.class_id, command.blocks)
    venue.emit(event)


def issue_units(venue: Deciding, command: commands.IssueUnits) -> None:
    """Issue the next serials of a class of the venue's own registry."""
    require_operator(venue.state, command.by)
    block = _next_serials(venue, command.class_id, command.quantity)
    buffer = _next_serials(venue, command.class_id, command.buffer, after=block) if command.buffer else None
    event = ev.UnitsIssued(command.by, command.account, command.class_id, block, command.reference, buffer)
    _check_once(venue, event, reference_body(event))
    _require_own_registry(venue, command.class_id)
    check_issuance(venue.state, _known_class(venue, command.class_id))
    check_estimate(venue.state, _known_class(venue, command.class_id), command.quantity + command.buffer)
    _check_amount(command.quantity)
    check_blocks(OWN_REGISTRY, (block,), command.quantity)
    if buffer is not None:
        check_blocks(OWN_REGISTRY, (buffer,), command.buffer)
    check_not_frozen(venue.state, (block,) if buffer is None else (block, buffer))
    _check_supply(venue, command.class_id, command.quantity)
    venue.emit(event)


def issue_shared(venue: Deciding, command: commands.IssueShared) -> None:
    """Issue the next serials of a class to several accounts, such as JCM credits to those of two Parties."""
    state = venue.state
    require_operator(state, command.by)
    quantity = sum(units for _, units in command.shares)
    if not command.shares or len({account for account, _ in command.shares}) != len(command.shares):
        raise Reject(
            RejectCode.INVALID_PARAMS, "an issuance is shared by one or more accounts, each named once"
        )
    events = _shared(command, state.issued.get(command.class_id, 0))
    _check_all_once(venue, events)
    _require_own_registry(venue, command.class_id)
    check_issuance(state, _known_class(venue, command.class_id))
    check_estimate(state, _known_class(venue, command.class_id), quantity)
    for event in events:
        _check_amount(event.block.quantity)
    check_blocks(OWN_REGISTRY, tuple(event.block for event in events), quantity)
    check_not_frozen(state, tuple(event.block for event in events))
    _check_supply(venue, command.class_id, quantity)
    for event in events:
        venue.emit(event)


def _shared(command: commands.IssueShared, last: int) -> list[ev.UnitsIssued]:
    """One event for each share, numbered after `last` in their order."""
    events = []
    for account, units in command.shares:
        block = SerialBlock(OWN_REGISTRY, own_batch(command.class_id), last + 1, last + units)
        events.append(ev.UnitsIssued(command.by, account, command.class_id, block, command.reference))
        last += units
    return events


def cancel_units(venue: Deciding, command: commands.CancelUnits) -> None:
    """End serials for nobody's use, such as those issued in error."""
    venue.emit(checked_cancellation(venue, command))


def checked_cancellation(venue: Deciding, command: commands.CancelUnits) -> ev.UnitsCancelled:
    """The event of a cancellation that nothing stands against; it is for the caller to emit."""
    require_operator(venue.state, command.by)
    event = ev.UnitsCancelled(
        command.by, command.account, command.class_id, command.blocks, command.reason, command.reference
    )
    _check_once(venue, event, reference_body(event))
    _check_own_blocks(venue, command.account, command.class_id, command.blocks)
    return event


def move_units(venue: Deciding, command: commands.MoveUnits) -> None:
    """Cancel serials in one registry and issue as many in another, for the same account, as one fact."""
    state = venue.state
    require_operator(state, command.by)
    quantity = sum(block.quantity for block in command.blocks)
    target = state.classes.get(command.to_class_id)
    ours = target is not None and target.registry == OWN_REGISTRY
    to_blocks = command.to_blocks
    if ours and not to_blocks:
        to_blocks = (_next_serials(venue, command.to_class_id, quantity),)
    event = ev.UnitsMoved(
        command.by,
        command.account,
        command.class_id,
        command.blocks,
        command.to_class_id,
        to_blocks,
        command.reference,
    )
    _check_once(venue, event, reference_body(event))
    _check_own_blocks(venue, command.account, command.class_id, command.blocks)
    target = _known_class(venue, command.to_class_id)
    if ours and command.to_blocks:
        raise Reject(RejectCode.INVALID_PARAMS, f"the venue numbers the serials of {OWN_REGISTRY} itself")
    if target.registry == state.classes[command.class_id].registry:
        raise Reject(RejectCode.NOT_PERMITTED, "a move leads to another registry")
    if target.unit is not state.classes[command.class_id].unit:
        raise Reject(RejectCode.SERIAL_BLOCK_INVALID, f"{command.to_class_id} counts {target.unit.value}")
    check_move(state, command.class_id, command.to_class_id)
    check_departure(state, state.classes[command.class_id])
    check_blocks(target.registry, to_blocks, quantity)
    japan.check_serials(target, to_blocks)
    require_new_serials(state.custody, to_blocks)
    check_not_frozen(state, to_blocks)
    _check_supply(venue, command.to_class_id, quantity)
    venue.emit(event)


def retire(venue: Deciding, command: commands.Retire) -> None:
    """Take units out of circulation for a named beneficiary, for ever."""
    state, account = venue.state, command.account
    require_trader(state, command.by, command.session, account)
    rule = "" if command.blocks else LOWEST_SERIAL
    units = units_by_class(command.blocks) if command.blocks else command.credits
    event = ev.Retired(
        account,
        command.blocks,
        command.beneficiary,
        command.purpose,
        command.reference,
        rule,
        claim=command.claim,
    )
    _check_once(venue, event, retirement_body(event, units))
    if not command.beneficiary.strip():
        raise Reject(RejectCode.BENEFICIARY_REQUIRED, "a retirement names its beneficiary")
    if not units or (command.blocks and command.credits):
        raise Reject(RejectCode.INVALID_PARAMS, "a retirement names classes with units, or serials")
    if len({class_id for class_id, _ in units}) != len(units):
        raise Reject(RejectCode.DELIVERY_MISMATCH, "each class is named once")
    for class_id, quantity in units:
        _known_class(venue, class_id)
        _check_amount(quantity)
        _require_units(venue, account, class_id, quantity)
    check_retirement(state, (class_id for class_id, _ in units))
    if command.blocks:
        check_named(state.classes, command.blocks)
        for class_id, block in command.blocks:
            _require_serials(venue, account, class_id, (block,))
    else:
        chosen = tuple(
            (class_id, block)
            for class_id, quantity in units
            for block in state.holdings.lowest(account, class_id, quantity)
        )
        event = msgspec.structs.replace(event, credits=chosen)
    if command.claim is not None:
        claim = claims.supported(state, account, command.claim, (class_id for class_id, _ in units))
        event = msgspec.structs.replace(event, claim=claim)
    venue.emit(event)


def _check_once(venue: Deciding, event: Referenced, body: tuple[str, ...]) -> None:
    state = venue.state
    if event.account not in state.accounts:
        raise Reject(RejectCode.UNKNOWN_ACCOUNT, f"{event.account!r} is not an account")
    if not 0 < len(event.reference) <= MAX_REFERENCE_LENGTH:
        raise Reject(RejectCode.INVALID_PARAMS, f"a reference has 1 to {MAX_REFERENCE_LENGTH} characters")
    if event.reference.startswith(VENUE_REFERENCES):
        raise Reject(
            RejectCode.INVALID_PARAMS,
            f"references that begin with {', '.join(VENUE_REFERENCES)} are the venue's own",
        )
    earlier = state.references.get(event.account, {}).get(event.reference)
    if earlier is None:
        return
    if earlier.body == body:
        raise DuplicateRequest(earlier.command)
    raise Reject(
        RejectCode.REFERENCE_REUSED,
        f"reference {event.reference!r} was used for something else on this account",
    )


def _check_all_once(venue: Deciding, events: list[ev.UnitsIssued]) -> None:
    """As `_check_once`, for events of one command: repeated as a whole, or new as a whole."""
    known: list[int] = []
    for event in events:
        try:
            _check_once(venue, event, reference_body(event))
        except DuplicateRequest as duplicate:
            known.append(duplicate.command)
    if len(known) == len(events):
        raise DuplicateRequest(known[0])
    if known:
        raise Reject(
            RejectCode.REFERENCE_REUSED,
            f"reference {events[0].reference!r} was used for something else on some of the accounts",
        )


def _require_own_registry(venue: Deciding, class_id: str) -> None:
    """Refuse to number units of another registry."""
    if _known_class(venue, class_id).registry != OWN_REGISTRY:
        raise Reject(
            RejectCode.NOT_PERMITTED, f"{class_id} is issued by its own registry, not by {OWN_REGISTRY}"
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


def _check_own_blocks(venue: Deciding, account: str, class_id: str, blocks: tuple[SerialBlock, ...]) -> None:
    credit_class = _known_class(venue, class_id)
    quantity = sum(block.quantity for block in blocks)
    _check_amount(quantity)
    check_blocks(credit_class.registry, blocks, quantity)
    _require_serials(venue, account, class_id, blocks)


def _next_serials(
    venue: Deciding, class_id: str, quantity: int, after: SerialBlock | None = None
) -> SerialBlock:
    """The serials that are issued next of a class of the venue's own registry, or next after a block."""
    last = venue.state.issued.get(class_id, 0) if after is None else after.last
    return SerialBlock(OWN_REGISTRY, own_batch(class_id), last + 1, last + quantity)


def _require_issued(venue: Deciding, class_id: str, blocks: tuple[SerialBlock, ...]) -> None:
    """Refuse serials of the venue's own registry that it did not issue: only what left by a withdrawal comes back."""
    last = venue.state.issued.get(class_id, 0)
    for block in blocks:
        if block.batch != own_batch(class_id) or block.last > last:
            raise Reject(
                RejectCode.SERIAL_BLOCK_INVALID,
                f"batch {block.batch} {block.first} to {block.last} was not issued here as {class_id}",
            )


def _require_serials(venue: Deciding, account: str, class_id: str, blocks: tuple[SerialBlock, ...]) -> None:
    """Refuse serials that are not the account's, or that are locked for a trade; orders must stay covered."""
    state = venue.state
    for block in blocks:
        if state.holdings.holds(account, class_id, block):
            continue
        check_not_frozen(state, (block,))
        locked = any(
            block.first <= reserved.last and reserved.first <= block.last
            for chosen in state.holdings.locked.values()
            for _, reserved in chosen
            if (reserved.registry, reserved.batch) == (block.registry, block.batch)
        )
        raise Reject(
            RejectCode.UNITS_LOCKED if locked else RejectCode.SERIAL_BLOCK_NOT_HELD,
            f"batch {block.batch} {block.first} to {block.last} is"
            + (
                " locked for a trade that has not settled"
                if locked
                else f" not wholly the account's as {class_id}"
            ),
        )
    _require_units(venue, account, class_id, sum(block.quantity for block in blocks))
