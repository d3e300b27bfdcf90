"""Reversals: what is asked and what happened."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from exchange.domain.carbon.issuance_forms import Draw
from exchange.domain.forms import CommandForm, Event
from exchange.domain.serials import SerialBlock


class ReversalCause(StrEnum):
    """Whether stored carbon was lost by the owner's doing (harvest, neglect) or in spite of it (fire, storm, pests)."""

    INTENTIONAL = "intentional"
    UNINTENTIONAL = "unintentional"


class ReportReversal(CommandForm, frozen=True):
    """Carbon that a project had stored, and was credited for, is back in the air. Idempotent by the reference."""

    by: str
    registry: str
    project: str
    reference: str
    cause: ReversalCause
    occurred_on: str
    quantity: int
    """Units of the project."""
    reason: str


class ReversalRecorded(Event, frozen=True):
    """A reversal, and what covers it: the pool's units that end with it, or units that the owner owes."""

    kind: ClassVar[str] = "reversal_recorded"
    by: str
    registry: str
    project: str
    reference: str
    cause: ReversalCause
    occurred_on: str
    quantity: int
    reason: str
    rule: str = ""
    """How the pool chose what it gave."""
    drawn: tuple[Draw, ...] = ()
    """What the pool retires."""
    uncovered: int = 0
    """Of an unintentional reversal: what the pool did not have."""
    owed: int = 0
    """Of an intentional reversal: what the owner has to make good."""


class MakeGoodReversal(CommandForm, frozen=True):
    """Units of an account are cancelled in place of those that an intentional reversal undid.

    Idempotent by `(account, reference)`.
    """

    by: str
    reversal: str
    account: str
    class_id: str
    blocks: tuple[SerialBlock, ...]
    reference: str


class ReversalMadeGood(Event, frozen=True):
    """Part or all of what was owed was cancelled: the `units_cancelled` just before."""

    kind: ClassVar[str] = "reversal_made_good"
    by: str
    reversal: str
    account: str
    quantity: int


ReversalCommand = ReportReversal | MakeGoodReversal
EVENT_TYPES: tuple[type[Event], ...] = (ReversalRecorded, ReversalMadeGood)
