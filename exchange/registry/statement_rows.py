"""A statement as rows of one table, for CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.registry.statement import SerialChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.registry.statement import Statement, StatementBlock, StatementMovement

_SIGNS = {SerialChange.IN: 1, SerialChange.OUT: -1}


class StatementRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was there, or what changed. Cash is decimal text, times are nanoseconds UTC; empty: it does not apply."""

    record: str
    """`opening`, `movement` or `closing`."""
    what: str
    """`cash`, `units` or `serials`."""
    seq: int
    """Of the event; of opening and closing rows the one that they are as of."""
    time: int | None = None
    kind: str = ""
    asset: str
    """A currency or a credit class."""
    serial: str = ""
    change: str = ""
    """Signed; of serial numbers the quantity that came or went, 0 where they stayed, locked or free again."""
    balance: str = ""
    instrument: str = ""
    side: str = ""
    price: str = ""
    fee: str = ""
    trade: int | None = None
    """The trade that settles, or that serial numbers are locked for."""
    reference: str = ""
    remark: str = ""
    """For whom and why units were retired, or why they ended."""


def statement_rows(statement: Statement) -> Iterator[StatementRow]:
    """Opening figures, movements, closing figures."""
    seq = statement.after_seq
    for cash in statement.cash:
        yield StatementRow(record="opening", what="cash", seq=seq, asset=cash.currency, balance=cash.opening)
    for units in statement.units:
        yield StatementRow(
            record="opening", what="units", seq=seq, asset=units.class_id, balance=str(units.opening)
        )
    yield from _blocks("opening", seq, statement.opening_serials)
    for movement in statement.movements:
        yield from _movement(movement)
    seq = statement.as_of_seq
    for cash in statement.cash:
        yield StatementRow(record="closing", what="cash", seq=seq, asset=cash.currency, balance=cash.closing)
    for units in statement.units:
        yield StatementRow(
            record="closing", what="units", seq=seq, asset=units.class_id, balance=str(units.closing)
        )
    yield from _blocks("closing", seq, statement.closing_serials)


def _blocks(record: str, seq: int, blocks: list[StatementBlock]) -> Iterator[StatementRow]:
    for block in blocks:
        yield StatementRow(
            record=record,
            what="serials",
            seq=seq,
            asset=block.class_id,
            serial=block.serial,
            balance=str(block.quantity),
            trade=block.locked_for or None,
        )


def _movement(movement: StatementMovement) -> Iterator[StatementRow]:
    common = StatementRow(
        record="movement",
        what="",
        seq=movement.seq,
        time=movement.time,
        kind=movement.kind,
        asset="",
        instrument=movement.instrument,
        side=movement.side.value if movement.side else "",
        price=movement.price,
        fee=movement.fee,
        trade=movement.trade or None,
        reference=movement.reference,
        remark=", ".join(text for text in (movement.beneficiary, movement.purpose, movement.reason) if text),
    )
    replace = msgspec.structs.replace
    for cash in movement.cash:
        yield replace(common, what="cash", asset=cash.currency, change=cash.change, balance=cash.balance)
    for units in movement.units:
        yield replace(
            common, what="units", asset=units.class_id, change=str(units.change), balance=str(units.balance)
        )
    for block in movement.serials:
        change = str(block.quantity * _SIGNS.get(block.change, 0))
        yield replace(common, what="serials", asset=block.class_id, serial=block.serial, change=change)
