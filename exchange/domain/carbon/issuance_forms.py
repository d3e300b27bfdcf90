"""Issuances and the buffer pool: what is asked and what happened."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from exchange.domain.forms import CommandForm, Event
from exchange.domain.serials import SerialBlock


class RecordIssuance(CommandForm, frozen=True):
    """A registry issued units of a class, part of them into its buffer pool. Idempotent by `(class, reference)`."""

    by: str
    class_id: str
    issued_on: str
    total: int
    """Units, the buffer pool's included."""
    buffer: int
    reference: str
    buffer_blocks: tuple[SerialBlock, ...] = ()
    """The pool's serials, where the registry names them."""


class IssuanceRecorded(Event, frozen=True):
    """Units of a class were issued at its registry; the pool holds its share from now on."""

    kind: ClassVar[str] = "issuance_recorded"
    by: str
    class_id: str
    issued_on: str
    total: int
    buffer: int
    reference: str
    buffer_blocks: tuple[SerialBlock, ...] = ()


class Draw(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the pool gives of one issuance's contribution."""

    issuance: int
    """Seq of the `issuance_recorded` or `units_issued`."""
    class_id: str
    quantity: int
    blocks: tuple[SerialBlock, ...] = ()
    """The serials, where the pool knows them."""


IssuanceCommand = RecordIssuance
EVENT_TYPES: tuple[type[Event], ...] = (IssuanceRecorded,)
