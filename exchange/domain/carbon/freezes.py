"""Freezes: serials that a recall, an over-issuance or a hold keeps from moving, and nothing beside them.

Registries put credits on hold or call them back when a verification fails or more was issued than was verified: Verra's
Registration and Issuance Process knows excess issuance, which somebody has to make good; under 17 CCR 95985 California may
invalidate issued credits, whoever holds them.

What happens to trading, in this order and for each account and class by itself:
1. sell orders that hold units of the class are cancelled, the newest first, until those that stay are covered by serials
   that may move;
2. unsettled trades whose locked serials are hit are undone, the newest first, while the seller still has too few;
3. the other trades that are hit get the seller's lowest serials that may move in place of theirs;
4. the serials leave their holders' free ones. Deliveries, retirements and withdrawals choose among free serials only, so
   that they pass by what is frozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.carbon.freeze_forms import (
    EndFreeze,
    FreezeCause,
    FreezeDeclared,
    FreezeEnded,
    FreezeOutcome,
    FreezeUnits,
    LockReplaced,
    TradeCancelled,
    UnitsFrozen,
    UnitsReleased,
)
from exchange.domain.deciding import DuplicateRequest, require_operator
from exchange.domain.executions import cancel_orders
from exchange.domain.references import FREEZE_REFERENCE
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import SerialBlock, check_blocks, first_of, overlaps, without
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.ledger import Postings
    from exchange.domain.serials import ClassBlock
    from exchange.domain.state import State


class Freeze(msgspec.Struct, eq=False):
    """A freeze, live or ended."""

    seq: int
    cause: FreezeCause
    reason: str
    blocks: tuple[SerialBlock, ...]
    ended_by: int = 0
    """Seq of its end; 0: it is live."""
    outcome: FreezeOutcome | None = None


class Freezes(msgspec.Struct, eq=False):
    """All freezes, by id."""

    by_id: dict[str, Freeze] = {}

    def live(self) -> Iterable[tuple[str, Freeze]]:
        """Those that were not ended, oldest first."""
        return ((freeze_id, freeze) for freeze_id, freeze in self.by_id.items() if not freeze.ended_by)


def freeze_units(venue: Deciding, command: FreezeUnits) -> None:
    """Keep serials from moving, and undo what they were about to do."""
    state = venue.state
    require_operator(state, command.by)
    check_id(command.freeze, "id of the freeze")
    earlier = state.carbon.freezes.by_id.get(command.freeze)
    if earlier is not None:
        if (earlier.cause, earlier.reason, earlier.blocks) == (command.cause, command.reason, command.blocks):
            raise DuplicateRequest(earlier.seq)
        raise Reject(RejectCode.REFERENCE_REUSED, f"freeze {command.freeze!r} is of other serials")
    if not command.blocks:
        raise Reject(RejectCode.INVALID_PARAMS, "a freeze names serials")
    for registry in sorted({block.registry for block in command.blocks}):
        check_id(registry, "registry")
        blocks = tuple(block for block in command.blocks if block.registry == registry)
        check_blocks(registry, blocks, sum(block.quantity for block in blocks))
    for (account, class_id), units in sorted(_units_hit(state, command.blocks).items()):
        _uncover(venue, account, class_id, units, command.blocks)
    for trade in _trades_hit(state, command.blocks):
        _replace_lock(venue, trade, command.blocks)
    venue.emit(FreezeDeclared(command.by, command.freeze, command.cause, command.reason, command.blocks))
    for (account, class_id), held in by_holder(state.holdings.overlaps(command.blocks)).items():
        venue.emit(UnitsFrozen(command.freeze, account, class_id, held))


def end_freeze(venue: Deciding, command: EndFreeze) -> None:
    """Let serials move again that no other freeze holds, or cancel all of them."""
    state = venue.state
    require_operator(state, command.by)
    freeze = state.carbon.freezes.by_id.get(command.freeze)
    if freeze is None or freeze.ended_by:
        raise Reject(RejectCode.UNKNOWN_FREEZE, f"no live freeze {command.freeze!r} is known")
    kept: list[SerialBlock] = []
    if command.outcome is FreezeOutcome.RELEASED:
        others = [other for freeze_id, other in state.carbon.freezes.live() if freeze_id != command.freeze]
        kept = [block for other in others for block in other.blocks]
    released = by_holder(
        (account, class_id, part)
        for account, class_id, block in state.frozen.overlaps(freeze.blocks)
        for part in without(block, kept)
    )
    venue.emit(FreezeEnded(command.by, command.freeze, command.outcome, command.reason))
    for (account, class_id), blocks in released.items():
        venue.emit(UnitsReleased(command.freeze, account, class_id, blocks))
        if command.outcome is FreezeOutcome.CANCELLED:
            reference = f"{FREEZE_REFERENCE}{command.freeze}/{class_id}"
            venue.emit(ev.UnitsCancelled(command.by, account, class_id, blocks, command.reason, reference))


def by_holder(
    held: Iterable[tuple[str, str, SerialBlock]],
) -> dict[tuple[str, str], tuple[SerialBlock, ...]]:
    """Serials by account and class, all in order."""
    blocks: dict[tuple[str, str], list[SerialBlock]] = {}
    for account, class_id, block in sorted(held, key=_order):
        blocks.setdefault((account, class_id), []).append(block)
    return {holder: tuple(found) for holder, found in blocks.items()}


def _order(held: tuple[str, str, SerialBlock]) -> tuple[str, str, str, str, int]:
    account, class_id, block = held
    return account, class_id, block.registry, block.batch, block.first


def _units_hit(state: State, blocks: tuple[SerialBlock, ...]) -> dict[tuple[str, str], int]:
    """Units that the blocks take from each account and class, those locked for trades of the account included."""
    units: dict[tuple[str, str], int] = {}
    for account, class_id, block in state.holdings.overlaps(blocks):
        units[account, class_id] = units.get((account, class_id), 0) + block.quantity
    for trade in _trades_hit(state, blocks):
        seller = state.obligations[trade].settled.seller
        for class_id, block in _locked_hit(state, trade, blocks):
            units[seller, class_id] = units.get((seller, class_id), 0) + block.quantity
    return units


def _trades_hit(state: State, blocks: tuple[SerialBlock, ...]) -> list[int]:
    return [trade for trade in sorted(state.holdings.locked) if _locked_hit(state, trade, blocks)]


def _locked_hit(state: State, trade: int, blocks: tuple[SerialBlock, ...]) -> tuple[ClassBlock, ...]:
    return tuple(
        (class_id, part)
        for class_id, locked in state.holdings.locked[trade]
        for part in overlaps(locked, blocks)
    )


def _uncover(
    venue: Deciding, account: str, class_id: str, units: int, blocks: tuple[SerialBlock, ...]
) -> None:
    """Make as many units of an account available as are about to be frozen: end orders, then unsettled trades."""
    free_units(venue, account, class_id, units, ev.CancelReason.UNITS_FROZEN)
    state = venue.state
    for trade in reversed(_trades_hit(state, blocks)):
        if state.ledger.balance(account, class_id).available >= units:
            break
        settled = state.obligations[trade].settled
        if settled.seller == account and any(name == class_id for name, _ in settled.delivered):
            venue.emit(
                TradeCancelled(
                    trade,
                    settled.buyer,
                    account,
                    settled.currency,
                    settled.amount,
                    settled.buyer_fee,
                    settled.delivered,
                    "its units were frozen",
                )
            )


def free_units(venue: Deciding, account: str, class_id: str, units: int, reason: ev.CancelReason) -> None:
    """Cancel sell orders of an account, the newest first, until so many units of a class are available or none is left."""
    state = venue.state
    for order_id in reversed(list(state.account_orders.get(account, ()))):
        if state.ledger.balance(account, class_id).available >= units:
            return
        if any(name == class_id for name, _ in state.orders[order_id].deliver):
            cancel_orders(venue, [order_id], reason)


def _replace_lock(venue: Deciding, trade: int, blocks: tuple[SerialBlock, ...]) -> None:
    state = venue.state
    seller = state.obligations[trade].settled.seller
    taken_out = _locked_hit(state, trade, blocks)
    missing: dict[str, int] = {}
    for class_id, block in taken_out:
        missing[class_id] = missing.get(class_id, 0) + block.quantity
    put_in = tuple(
        (class_id, block)
        for class_id, units in missing.items()
        for block in first_of(
            (part for held in state.holdings.blocks(seller, class_id) for part in without(held, blocks)),
            units,
        )
    )
    venue.emit(LockReplaced(trade, seller, taken_out, put_in))


# What the events mean.


def _freeze_declared(state: State, seq: int, event: FreezeDeclared) -> None:
    state.carbon.freezes.by_id[event.freeze] = Freeze(seq, event.cause, event.reason, event.blocks)


def _units_frozen(state: State, _seq: int, event: UnitsFrozen) -> None:
    state.holdings.remove(event.account, event.class_id, event.blocks)
    state.frozen.give(event.account, event.class_id, event.blocks)


def _freeze_ended(state: State, seq: int, event: FreezeEnded) -> None:
    freeze = state.carbon.freezes.by_id[event.freeze]
    freeze.ended_by = seq
    freeze.outcome = event.outcome


def _units_released(state: State, _seq: int, event: UnitsReleased) -> None:
    state.frozen.remove(event.account, event.class_id, event.blocks)
    state.holdings.give(event.account, event.class_id, event.blocks)


def _lock_replaced(state: State, _seq: int, event: LockReplaced) -> None:
    for class_id, block in event.put_in:
        state.holdings.remove(event.account, class_id, (block,))
    state.holdings.change_locked(event.trade, tuple(block for _, block in event.taken_out), event.put_in)
    state.holdings.hand_over(event.account, event.taken_out)


def _trade_cancelled(state: State, _seq: int, event: TradeCancelled) -> None:
    del state.obligations[event.trade]
    state.holdings.hand_over(event.seller, state.holdings.locked.pop(event.trade))


def _frozen_entries(ledger: Postings, event: UnitsFrozen) -> None:
    ledger.hold(event.account, event.class_id, sum(block.quantity for block in event.blocks))


def _released_entries(ledger: Postings, event: UnitsReleased) -> None:
    ledger.hold(event.account, event.class_id, -sum(block.quantity for block in event.blocks))


def _cancelled_entries(ledger: Postings, event: TradeCancelled) -> None:
    ledger.hold(event.buyer, event.currency, -(event.amount + event.buyer_fee))
    for class_id, units in event.delivered:
        ledger.hold(event.seller, class_id, -units)


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {FreezeUnits: freeze_units, EndFreeze: end_freeze}
RECORDERS: dict[type[Event], Callable[..., None]] = {
    FreezeDeclared: _freeze_declared,
    UnitsFrozen: _units_frozen,
    FreezeEnded: _freeze_ended,
    UnitsReleased: _units_released,
    LockReplaced: _lock_replaced,
    TradeCancelled: _trade_cancelled,
}
ENTRIES: dict[type[Event], Callable[..., None]] = {
    UnitsFrozen: _frozen_entries,
    UnitsReleased: _released_entries,
    TradeCancelled: _cancelled_entries,
}
