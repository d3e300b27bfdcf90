"""Where serial numbers came from and what became of them: issuance, splits, trades with their prices, retirement, each with its seq.

The rows are the movements of settlement. Those of a project are found by its batches. Those of a block of serial
numbers are found by a relational interval tree (H.-P. Kriegel, M. Pötke, T. Seidl, "Managing Intervals Efficiently in
Object-Relational Databases", VLDB 2000): `fork_node` of the schema says under which number a movement stands, and the
functions here under which numbers those that overlap a block can stand.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.domain import events as ev
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import MAX_SERIAL, SerialBlock
from exchange.registry.public_register import Selection, selected_classes
from exchange.registry.rows import Place
from exchange.registry.serials import block_text
from exchange.registry.store import SCHEMA
from exchange.registry.successions import issued_as, issued_for

if TYPE_CHECKING:
    from asyncpg import Record

    from exchange.domain.events import Event
    from exchange.registry.public_register import Cursor
    from exchange.registry.view import Prices, RegistryView, StoredFact


class Step(StrEnum):
    """What happened to serial numbers."""

    ISSUED = "issued"
    """They came in for the first time: by deposit, by issuance here, or from another registry."""
    TRADED = "traded"
    LOCKED = "locked"
    """Traded, for settlement on a later day."""
    SETTLED = "settled"
    UNLOCKED = "unlocked"
    """The trade was undone, or delivers others instead."""
    FROZEN = "frozen"
    RELEASED = "released"
    """Not frozen any more."""
    RETIRED = "retired"
    CANCELLED = "cancelled"
    MOVED = "moved"
    """Cancelled, and issued under other numbers."""
    CONVERTED = "converted"
    """Ex-ante units that were verified: issued as ex-post ones under other numbers."""
    EXPIRED = "expired"
    """Ex-ante units that were not."""
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"
    """They came back after a withdrawal."""


class ProvenanceStep(msgspec.Struct, frozen=True):
    """A block of serial numbers that moved as one."""

    seq: int
    """The event in the log."""
    n: int
    """Counts the movements of an event from 1."""
    time: int
    step: Step
    kind: str
    """Of the event, such as `fill`."""
    class_id: str
    registry: str
    batch: str
    """Everything in the serial numbers but the running ones, so that blocks of a batch can be compared."""
    first: int
    last: int
    serial: str
    """The block as the registry writes it; of a form that is not known `TEXT [FIRST to LAST]`."""
    quantity: int
    split_from: tuple[str, ...]
    """Blocks that moved as one before, and of which only a part moved now; each with its event: `SERIAL @ SEQ`."""
    instrument: str
    """Of a trade."""
    price: str
    """Of a trade on the book: decimal text, for one unit. Prices of block trades are their parties' own."""
    currency: str
    trade: int
    """The earlier trade that these serials are locked for, or were until now; 0: none."""
    issued_as: tuple[str, ...]
    """Of moved and converted ones: the serial numbers that were issued for them, and for others that went with them."""
    issued_for: tuple[str, ...]
    """Of those issued so: the serial numbers that ended for them."""
    beneficiary: str
    """Of a retirement."""
    hash: str
    """Of the event in the chain of the log, hexadecimal text."""


class OwnersStep(ProvenanceStep, frozen=True):
    """The same for the venue's operators, with the prices of block trades."""

    from_account: str
    to_account: str


_LEVELS: Final = MAX_SERIAL.bit_length()

_COLUMNS = """
moved.seq, n, kind, class_id, batch_id, registry, batch, first, last, from_place, from_account, to_place, to_account, trade
"""
_AFTER = "(moved.seq, n) > ($1, $2)"
_OF_BATCHES = f"""
SELECT {_COLUMNS} FROM {SCHEMA}.batch CROSS JOIN LATERAL (
    SELECT * FROM {SCHEMA}.movement WHERE batch_id = batch.batch_id AND seq >= $1
        AND (seq, n) > ($1, $2) AND class_id = ANY($3)
    ORDER BY seq, n LIMIT $4) AS moved (seq, n, kind, class_id, moved_batch, first, last,
        from_place, from_account, to_place, to_account, trade)
WHERE batch_id IN (SELECT batch_id FROM {SCHEMA}.issuance WHERE class_id = ANY($3))
ORDER BY moved.seq, n LIMIT $4
"""
_OVERLAPPING = f"""
SELECT {_COLUMNS} FROM (
    SELECT * FROM {SCHEMA}.movement
        WHERE batch_id = $3 AND {SCHEMA}.fork_node(first, last) = ANY($4::bigint[]) AND last >= $5
    UNION ALL SELECT * FROM {SCHEMA}.movement
        WHERE batch_id = $3 AND {SCHEMA}.fork_node(first, last) = ANY($7::bigint[]) AND first <= $6
    UNION ALL SELECT * FROM {SCHEMA}.movement
        WHERE batch_id = $3 AND {SCHEMA}.fork_node(first, last) BETWEEN $5 AND $6
) AS moved JOIN {SCHEMA}.batch USING (batch_id) WHERE {_AFTER} ORDER BY moved.seq, n LIMIT $8
"""
_BATCH_ID = f"SELECT batch_id FROM {SCHEMA}.batch WHERE registry = $1 AND batch = $2"
# For each serial number of a list the movement that was its last one before an event. A serial number stands in intervals
# under those numbers that share its upper digits, in base two, down to one digit that is 1 or that is made 1.
_BEFORE = f"""
SELECT asked.place, came.seq, came.first, came.last
FROM unnest($1::integer[], $2::integer[], $3::bigint[], $4::bigint[]) AS asked (place, batch_id, serial, seq)
CROSS JOIN LATERAL (
    SELECT nearest.seq, nearest.first, nearest.last FROM generate_series(0, {_LEVELS}) AS level
    CROSS JOIN LATERAL (
        SELECT seq, first, last FROM {SCHEMA}.movement
        WHERE batch_id = asked.batch_id
            AND {SCHEMA}.fork_node(first, last) = ((asked.serial >> level) | 1) << level
            AND seq < asked.seq AND first <= asked.serial AND last >= asked.serial
        ORDER BY seq DESC LIMIT 1
    ) AS nearest ORDER BY nearest.seq DESC LIMIT 1
) AS came
"""


async def life_of_block(
    view: RegistryView, block: SerialBlock, after: Cursor, limit: int
) -> list[OwnersStep]:
    """All that happened to any of these serial numbers, oldest first. Raises Reject where none of them ever came in."""
    batch_id = await view.value(_BATCH_ID, block.registry, block.batch)
    rows = []
    if batch_id is not None:
        below, above = outer_nodes(block.first, block.last)
        rows = await view.rows(_OVERLAPPING, *after, batch_id, below, block.first, block.last, above, limit)
    if not rows and not after.seq:
        raise Reject(RejectCode.UNKNOWN_SERIAL, "none of these serial numbers ever came in")
    return await _steps(view, rows)


async def life_of_project(
    view: RegistryView, selection: Selection, after: Cursor, limit: int
) -> list[OwnersStep]:
    """All that happened to serial numbers of a project, of a registry's projects, or of a class. Raises Reject."""
    classes = await selected_classes(view, selection)
    if classes is None:
        raise Reject(RejectCode.INVALID_PARAMS, "name a serial number, a project or a credit class")
    return await _steps(view, await view.rows(_OF_BATCHES, *after, classes, limit))


def public_step(step: OwnersStep) -> ProvenanceStep:
    """What everybody may know of a step."""
    told = {name: getattr(step, name) for name in ProvenanceStep.__struct_fields__}
    if step.kind == ev.BlockTrade.kind or not step.instrument:
        told.update(price="", currency="")
    return ProvenanceStep(**told)


def outer_nodes(first: int, last: int) -> tuple[list[int], list[int]]:
    """The numbers below and above `first..last` under which intervals that overlap it can stand.

    An interval stands under its number with the most zeros at the end, in base two. One that reaches from below over
    `first` stands under a number that agrees with `first` down to a digit that is 1, followed by zeros; one that begins
    inside and ends above, under one that agrees with `last` down to a digit that is 0 and 1 there.
    """
    levels = range(_LEVELS + 1)
    below = [first >> level << level for level in levels if first >> level & 1]
    above = [(last >> level | 1) << level for level in levels if not last >> level & 1]
    return [node for node in below if node < first], above


async def _steps(view: RegistryView, rows: list[Record]) -> list[OwnersStep]:
    facts = await view.events({row["seq"] for row in rows})
    trades = await view.events(
        {row["trade"] for row in rows if row["trade"] is not None and row["trade"] not in facts}
    )
    traded = {**facts, **trades}
    prices = await view.prices(
        {fact.event.instrument for fact in traded.values() if isinstance(fact.event, ev.Fill | ev.BlockTrade)}
    )
    splits = await _splits(view, rows)
    return [_step(row, facts, traded, prices, tuple(splits.get(place, ()))) for place, row in enumerate(rows)]


def _step(
    row: Record,
    facts: dict[int, StoredFact],
    traded: dict[int, StoredFact],
    prices: Prices,
    split_from: tuple[str, ...],
) -> OwnersStep:
    seq, trade = row["seq"], row["trade"]
    step = _name(row)
    event = facts[seq].event
    block = SerialBlock(row["registry"], row["batch"], row["first"], row["last"])
    instrument, price, currency = "", "", ""
    if step in _BY_TRADE:
        instrument, price, currency = _price(traded[trade or seq].event, prices)
    return OwnersStep(
        seq=seq,
        n=row["n"],
        time=facts[seq].recorded_at,
        step=step,
        kind=row["kind"],
        class_id=row["class_id"],
        registry=block.registry,
        batch=block.batch,
        first=block.first,
        last=block.last,
        serial=block_text(block.registry, block.batch, block.first, block.last),
        quantity=block.quantity,
        split_from=split_from,
        instrument=instrument,
        price=price,
        currency=currency,
        trade=0 if trade in {None, seq} else trade,
        issued_as=issued_as(event, block),
        issued_for=issued_for(event, block),
        beneficiary=event.beneficiary if isinstance(event, ev.Retired) else "",
        hash=facts[seq].hash,
        from_account=row["from_account"],
        to_account=row["to_account"],
    )


def _price(event: Event, prices: Prices) -> tuple[str, str, str]:
    if not isinstance(event, ev.Fill | ev.BlockTrade):
        return "", "", ""
    return event.instrument, prices.text(event.instrument, event.price), event.currency


def _name(row: Record) -> Step:
    from_place, to_place = Place(row["from_place"]), row["to_place"]
    if from_place is Place.OUTSIDE:
        return Step.ISSUED
    if to_place != Place.HELD:
        return Step(to_place)
    if from_place is Place.LOCKED:
        return Step.UNLOCKED if row["from_account"] == row["to_account"] else Step.SETTLED
    return _BACK[from_place]


_BACK = {Place.HELD: Step.TRADED, Place.FROZEN: Step.RELEASED, Place.WITHDRAWN: Step.RETURNED}
_BY_TRADE = {Step.TRADED, Step.LOCKED, Step.SETTLED}


async def _splits(view: RegistryView, rows: list[Record]) -> dict[int, list[str]]:
    """By place in the list: the blocks, as they moved before, that a movement cut at its first or behind its last number."""
    asked = [
        (place, row["batch_id"], serial, row["seq"])
        for place, row in enumerate(rows)
        if row["from_place"] != Place.OUTSIDE
        for serial in sorted({row["first"], row["last"]})
    ]
    found: dict[int, list[str]] = {}
    if not asked:
        return found
    for place, seq, first, last in sorted(map(tuple, await view.rows(_BEFORE, *zip(*asked, strict=True)))):
        row = rows[place]
        if first < row["first"] or row["last"] < last:
            text = f"{block_text(row['registry'], row['batch'], first, last)} @ {seq}"
            if text not in found.setdefault(place, []):
                found[place].append(text)
    return found
