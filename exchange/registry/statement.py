"""Statements: what an account had, what happened to it, and what it has then. For any closed period the same for ever.

Prices and cash are decimal text, quantities integer units, times nanoseconds UTC, dates ISO 8601.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from exchange.domain.instruments import Unit
from exchange.domain.orders import Side


class SerialChange(StrEnum):
    """What a movement did to serial numbers of an account."""

    IN = "in"
    OUT = "out"
    LOCKED = "locked"
    """Still the account's; the buyer gets them when the trade settles."""
    UNLOCKED = "unlocked"
    """Their trade was undone."""


class StatementCash(msgspec.Struct, frozen=True):
    """Cash of one currency."""

    currency: str
    opening: str
    credits: str
    """What came in during the period."""
    debits: str
    """What went out."""
    closing: str
    locked: str
    """What trades that have not settled by then will take. What open orders hold is no part of a statement."""


class StatementUnits(msgspec.Struct, frozen=True):
    """Units of one credit class."""

    class_id: str
    unit: Unit
    opening: int
    credits: int
    debits: int
    closing: int
    locked: int
    """Those of the closing ones that trades which have not settled by then will deliver."""


class StatementBlock(msgspec.Struct, frozen=True):
    """Serial numbers that the account had at one moment; neighbours are one block."""

    class_id: str
    serial: str
    """As the registry writes it; of a form that is not known `TEXT [FIRST to LAST]`."""
    quantity: int
    locked_for: int
    """Id of the unsettled trade that delivers them; 0: none."""


class CashChange(msgspec.Struct, frozen=True):
    """What a movement did to one currency, all fees included."""

    currency: str
    change: str
    """Negative: it went out."""
    balance: str


class UnitChange(msgspec.Struct, frozen=True):
    """What a movement did to the units of one class."""

    class_id: str
    change: int
    balance: int


class SerialMovement(msgspec.Struct, frozen=True):
    """Serial numbers that a movement concerned."""

    class_id: str
    serial: str
    quantity: int
    change: SerialChange


class StatementMovement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of the log that concerned the account; what does not apply is left out."""

    seq: int
    time: int
    kind: str
    """Of the event, such as `fill`."""
    cash: list[CashChange]
    units: list[UnitChange]
    serials: list[SerialMovement]
    instrument: str = ""
    side: Side | None = None
    """The account's side of a trade."""
    price: str = ""
    quantity: int = 0
    amount: str = ""
    """Cash for the units, before fees."""
    fee: str = ""
    trade: int = 0
    """The trade that settles here, or whose proceeds are shared."""
    settlement_date: str = ""
    """Of a trade that settles later than it was made."""
    counterparty: str = ""
    """Account of the other side of a block trade or of a share in proceeds."""
    reference: str = ""
    """As it was given; of a share in proceeds the project, such as `CAR/1568`."""
    beneficiary: str = ""
    purpose: str = ""
    reason: str = ""


class Statement(msgspec.Struct, frozen=True):
    """An account over a period: the events after `after_seq` up to `as_of_seq`."""

    venue: str
    account: str
    from_date: str
    """First business date."""
    date: str
    """Last business date."""
    after_seq: int
    """Opening figures are as of this event."""
    as_of_seq: int
    """Closing figures are as of this event."""
    complete: bool
    """Whether the period has ended: then the same question gets the same answer, to the byte. Otherwise it reaches to the last
    event that is settled.
    """
    cash: list[StatementCash]
    units: list[StatementUnits]
    opening_serials: list[StatementBlock]
    movements: list[StatementMovement]
    closing_serials: list[StatementBlock]
    next_after_seq: int | None
    """The period has more movements than were asked for: ask with this `after_seq` for the statement that follows; None: it
    has not.
    """
