"""Rows of the registry's tables, in the order of their columns (`schema/registry.sql` says what they mean)."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date


class Place(StrEnum):
    """Where a serial number can be."""

    OUTSIDE = "outside"
    """It was never here."""
    HELD = "held"
    LOCKED = "locked"
    """Still the seller's, kept for the buyer until their trade settles."""
    FROZEN = "frozen"
    """Their holder's, and kept from moving."""
    RETIRED = "retired"
    CANCELLED = "cancelled"
    MOVED = "moved"
    CONVERTED = "converted"
    """Ex-ante units that became ex-post ones under other numbers."""
    EXPIRED = "expired"
    """Ex-ante units that did not."""
    WITHDRAWN = "withdrawn"


ENDED = (
    Place.RETIRED,
    Place.CANCELLED,
    Place.MOVED,
    Place.CONVERTED,
    Place.EXPIRED,
    Place.WITHDRAWN,
)
"""Places where serials are nobody's any more; from the last one only they may come back."""


class Movement(NamedTuple):
    """Serials `first..last` came from one place to another."""

    seq: int
    n: int
    kind: str
    class_id: str
    batch_id: int
    first: int
    last: int
    from_place: str
    from_account: str
    to_place: str
    to_account: str
    trade: int | None


class Holding(NamedTuple):
    """Where serials `first..last` are now."""

    batch_id: int
    first: int
    last: int
    class_id: str
    place: str
    account: str
    trade: int | None


class Posting(NamedTuple):
    """What an event did to an account's cash or units."""

    account: str
    asset: str
    seq: int
    change: int
    balance: int


MovementRow = tuple[int, int, str, str, int, int, int, str, str, str, str, int | None]
HoldingRow = tuple[int, int, int, str, str, str, int | None]
PostingRow = tuple[str, str, int, int, int]
"""The same as plain tuples, which are made several times as fast."""


class Balance(NamedTuple):
    """What the ledger says an account owns of an asset."""

    account: str
    asset: str
    total: int
    seq: int


class Batch(NamedTuple):
    """A batch that serials came from."""

    batch_id: int
    seq: int
    registry: str
    batch: str


class CreditClassRow(NamedTuple):
    """A credit class."""

    class_id: str
    seq: int
    registry: str
    project: str
    name: str
    vintage: int
    unit: str
    country: str
    labels: tuple[str, ...]
    crediting: str
    """As the class says itself; empty: as its project."""


class ProjectRow(NamedTuple):
    """What a project was described as from an event on."""

    registry: str
    project: str
    seq: int
    name: str
    country: str
    project_type: str
    methodology: str
    mitigation: str
    crediting: str


class InstrumentRow(NamedTuple):
    """An instrument: a price is `ticks * tick * 10**-price_decimals`."""

    instrument: str
    seq: int
    tick: int
    price_decimals: int


class Issuance(NamedTuple):
    """Serials that came in for the first time."""

    seq: int
    n: int
    kind: str
    class_id: str
    batch_id: int
    first: int
    last: int
    account: str
    reference: str
    recorded_at: int


class Retirement(NamedTuple):
    """A retirement; its serials are its movements."""

    seq: int
    account: str
    quantity: int
    beneficiary: str
    purpose: str
    reference: str
    rule: str
    order_id: int | None
    recorded_at: int


class ClassTotal(NamedTuple):
    """Units of a class by place: those that came in are the sum of all others."""

    class_id: str
    seq: int
    issued: int
    held: int
    locked: int
    frozen: int
    retired: int
    cancelled: int
    moved: int
    converted: int
    expired: int
    withdrawn: int


class BusinessDay(NamedTuple):
    """A business date and the event that began it."""

    business_date: date
    seq: int


class DeferredTrade(NamedTuple):
    """A trade whose cash and units change hands on a later day."""

    trade: int
    instrument: str
    buyer: str
    seller: str
    currency: str
    amount: int
    buyer_fee: int
    seller_fee: int
    settlement_date: date


class SettledTrade(NamedTuple):
    """The end of a deferred trade."""

    trade: int
    seq: int


NO_MOVEMENTS = sha256(b"carbon-exchange movements 1\n").digest()
"""The digest before the first movement."""


def digest_after(digest: bytes, movements: Iterable[MovementRow]) -> bytes:
    """The digest (32 bytes) of all movements, given that of those before these.

    Movement by movement: the SHA-256 of the digest so far and the row's fields as text with tabs between, no trade being 0.
    """
    for (
        seq,
        n,
        kind,
        class_id,
        batch_id,
        first,
        last,
        place,
        account,
        to_place,
        to_account,
        trade,
    ) in movements:
        text = (
            f"{seq}\t{n}\t{kind}\t{class_id}\t{batch_id}\t{first}\t{last}"
            f"\t{place}\t{account}\t{to_place}\t{to_account}\t{trade or 0}"
        )
        digest = sha256(digest + text.encode()).digest()
    return digest
