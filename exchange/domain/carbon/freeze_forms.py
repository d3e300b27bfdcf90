"""Freezes: what is asked and what happened."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from exchange.domain.forms import CommandForm, Event
from exchange.domain.orders import Delivery
from exchange.domain.serials import ClassBlock, SerialBlock


class FreezeCause(StrEnum):
    """Why serials must not move: called back, issued in excess, or held while something is looked into."""

    RECALL = "recall"
    OVER_ISSUANCE = "over_issuance"
    HOLD = "hold"


class FreezeOutcome(StrEnum):
    """How a freeze ends: the serials move again, or they end."""

    RELEASED = "released"
    CANCELLED = "cancelled"


class FreezeUnits(CommandForm, frozen=True):
    """Freeze serials, whoever has them, and those that come in later. Idempotent by the freeze's id."""

    by: str
    freeze: str
    cause: FreezeCause
    reason: str
    blocks: tuple[SerialBlock, ...]


class EndFreeze(CommandForm, frozen=True):
    """Release the serials of a freeze, or cancel them."""

    by: str
    freeze: str
    outcome: FreezeOutcome
    reason: str


class FreezeDeclared(Event, frozen=True):
    """Serials must not move; what accounts hold of them follows in this command, part of the rest may be nobody's."""

    kind: ClassVar[str] = "freeze_declared"
    by: str
    freeze: str
    cause: FreezeCause
    reason: str
    blocks: tuple[SerialBlock, ...]


class UnitsFrozen(Event, frozen=True):
    """Serials of an account are kept from moving. Sell orders that they covered ended just before."""

    kind: ClassVar[str] = "units_frozen"
    freeze: str
    account: str
    class_id: str
    blocks: tuple[SerialBlock, ...]


class FreezeEnded(Event, frozen=True):
    """A freeze is over."""

    kind: ClassVar[str] = "freeze_ended"
    by: str
    freeze: str
    outcome: FreezeOutcome
    reason: str


class UnitsReleased(Event, frozen=True):
    """Serials of an account may move again, unless they are cancelled just afterwards."""

    kind: ClassVar[str] = "units_released"
    freeze: str
    account: str
    class_id: str
    blocks: tuple[SerialBlock, ...]


class LockReplaced(Event, frozen=True):
    """Other serials of the seller's are locked for an unsettled trade, instead of those that are about to be frozen."""

    kind: ClassVar[str] = "lock_replaced"
    trade: int
    """Seq of the `fill` or `block_trade`."""
    account: str
    """The seller's."""
    taken_out: tuple[ClassBlock, ...]
    put_in: tuple[ClassBlock, ...]


class TradeCancelled(Event, frozen=True):
    """An unsettled trade is undone: its seller has too few serials that may move. Cash and units are free again."""

    kind: ClassVar[str] = "trade_cancelled"
    trade: int
    """Seq of the `fill` or `block_trade`."""
    buyer: str
    seller: str
    currency: str
    amount: int
    buyer_fee: int
    delivered: Delivery
    """Units that were locked."""
    reason: str


FreezeCommand = FreezeUnits | EndFreeze
EVENT_TYPES: tuple[type[Event], ...] = (
    FreezeDeclared,
    UnitsFrozen,
    FreezeEnded,
    UnitsReleased,
    LockReplaced,
    TradeCancelled,
)
