"""The hash chain: its documented bytes, and what it finds."""

import hashlib

import msgspec
import pytest

from exchange.log.chain import GENESIS, ChainBroken, check_chain
from exchange.log.record import StoredEvent, seal
from tests.exchange.log.samples import mixed


def sealed(count: int) -> list[StoredEvent]:
    return seal(mixed(count), 7, GENESIS, {10: b'{"command":"CancelAll"}'})


def number(value: int, width: int) -> bytes:
    return value.to_bytes(width, "big", signed=True)


def by_the_book(previous: bytes, row: StoredEvent) -> bytes:
    """The hash, written down from the description and not from the code."""
    texts = [row.kind, row.instrument, row.account, row.counterparty]
    content = b"carbon-exchange event 1\n" if row.request is None else b"carbon-exchange event 2\n"
    content += b"".join(number(value, 8) for value in (row.seq, row.epoch, row.command, row.recorded_at))
    content += number(row.version, 2)
    content += b"".join(number(-1 if text is None else len(text.encode()), 2) for text in texts)
    content += number(len(row.payload), 4)
    content += b"".join(text.encode() for text in texts if text is not None) + row.payload
    content += b"" if row.request is None else hashlib.sha256(row.request).digest()
    return hashlib.sha256(previous + hashlib.sha256(content).digest()).digest()


def test_hashes_are_those_of_the_description() -> None:
    """A third party that follows the description finds the same hashes."""
    rows = sealed(12)

    previous = hashlib.sha256(b"carbon-exchange genesis 1\n").digest()
    expected = []
    for row in rows:
        previous = by_the_book(previous, row)
        expected.append(previous)
    assert expected == [row.hash for row in rows]


def test_an_intact_chain_gives_its_last_hash() -> None:
    """A whole log verifies from the beginning, a tail from the hash before it."""
    rows = sealed(12)

    assert rows[-1].hash == check_chain(GENESIS, rows)
    assert rows[-1].hash == check_chain(rows[4].hash, rows[5:])
    assert GENESIS == check_chain(GENESIS, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", 99),
        ("epoch", 8),
        ("command", 5),
        ("recorded_at", 0),
        ("kind", "fills"),
        ("version", 2),
        ("instrument", None),
        ("instrument", ""),
        ("account", "MALLORY"),
        ("counterparty", None),
        ("payload", b"{}"),
        ("hash", b"\0" * 32),
        ("request", b'{"command":"CancelOrder"}'),
        ("request", None),
    ],
)
def test_any_change_of_a_row_is_found(field: str, value: object) -> None:
    """Whatever is changed in a row, the chain breaks there."""
    rows = sealed(12)
    assert "fill" == rows[9].kind
    rows[9] = msgspec.structs.replace(rows[9], **{field: value})

    with pytest.raises(ChainBroken, match=f"event {rows[9].seq}: its hash does not fit") as caught:
        check_chain(GENESIS, rows)

    assert rows[9].seq == caught.value.seq


def test_text_cannot_move_between_columns() -> None:
    """The lengths are part of the hash, so that shifted boundaries are found."""
    rows = sealed(10)
    account, counterparty = rows[9].account, rows[9].counterparty
    assert account is not None
    assert counterparty is not None
    rows[9] = msgspec.structs.replace(
        rows[9], account=account + counterparty[0], counterparty=counterparty[1:]
    )

    with pytest.raises(ChainBroken):
        check_chain(GENESIS, rows)


def test_left_out_swapped_and_repeated_rows_are_found() -> None:
    """The chain breaks where rows are missing, in another order, or there twice."""
    rows = sealed(6)

    for damaged in (rows[1:], rows[:2] + rows[3:], [*rows[:2], rows[3], rows[2]], [*rows[:2], *rows[1:]]):
        with pytest.raises(ChainBroken):
            check_chain(GENESIS, damaged)
