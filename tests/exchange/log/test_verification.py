"""Verification of the whole log: what is good passes, each kind of damage is named with its seq."""

from __future__ import annotations

import functools
from random import Random
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.domain import snapshot
from exchange.domain.events import Fill
from exchange.domain.state import State
from exchange.log import record, verification
from exchange.log.heads import LogHead, SignedHead, sign_head
from exchange.log.signing import VenueKey
from exchange.log.snapshots import Snapshot, SnapshotStore
from exchange.log.verification import Fault, LogVerification, Verified
from tests.exchange.domain.random_trading import RandomTrading, scarce_market
from tests.exchange.log.conftest import tamper
from tests.exchange.log.samples import rehashed
from tests.exchange.log.test_requests import rows_of

if TYPE_CHECKING:
    from exchange.log.reader import LogReader
    from exchange.log.record import StoredEvent
    from exchange.log.writer import LogWriter

KEY = VenueKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
SNAPSHOT_SEQS = (60, 200)


@functools.cache
def trading_day() -> list[StoredEvent]:
    """The log of some hundred random commands."""
    market = scarce_market()
    trading = RandomTrading(market, Random(3))
    for _ in range(250):
        market.execute(trading.command())
    return rows_of(market)


def state_after(rows: list[StoredEvent], seq: int) -> State:
    """The fold of the first rows."""
    state = State()
    for row in rows[:seq]:
        state.apply(row.seq, row.recorded_at, row.to_recorded().event)
    return state


def head_of(row: StoredEvent) -> SignedHead:
    """A published head of the log."""
    return sign_head(LogHead(row.seq, row.hash.hex(), row.recorded_at), KEY)


@pytest.fixture
async def rows(writer: LogWriter, log_dsn: str) -> list[StoredEvent]:
    """Gives the rows of a log with two snapshots."""
    rows = trading_day()
    await writer.append(rows)
    for seq in SNAPSHOT_SEQS:
        state = snapshot.dump(state_after(rows, seq))
        await SnapshotStore(log_dsn).save(Snapshot(seq, rows[seq - 1].hash, "0.1.0", state))
    return rows


async def verified(
    reader: LogReader,
    log_dsn: str,
    heads: tuple[SignedHead, ...] = (),
    first: int = 1,
    last: int | None = None,
    *,
    reexecute: bool = False,
) -> Verified:
    """Verifies a log to its end."""
    up_to = (await reader.head()).last_seq if last is None else last
    run = LogVerification(reader, SnapshotStore(log_dsn), first, up_to, reexecute=reexecute)
    return await run.run(heads)


async def test_a_good_log(reader: LogReader, log_dsn: str, rows: list[StoredEvent]) -> None:
    """Everything is compared and nothing found, with and without executing again."""
    heads = (head_of(rows[99]), head_of(rows[-1]))
    expected = Verified(
        1,
        len(rows),
        checked_seq=len(rows),
        hash=rows[-1].hash.hex(),
        digest=snapshot.digest(state_after(rows, len(rows))),
        snapshots=2,
        heads=2,
    )
    assert expected == await verified(reader, log_dsn, heads)

    expected.executed = len({row.command for row in rows})
    assert expected == await verified(reader, log_dsn, heads, reexecute=True)


async def test_a_part_begins_with_the_snapshot_before(
    reader: LogReader, log_dsn: str, rows: list[StoredEvent]
) -> None:
    """Of a part only the part is checked: damage before it does not show, the newer snapshot is compared."""
    await tamper(log_dsn, "UPDATE event SET payload = '{}' WHERE seq = 10")

    found = await verified(reader, log_dsn, first=100, last=220)

    digest = snapshot.digest(state_after(rows, 220))
    assert Verified(100, 220, 220, rows[219].hash.hex(), digest, snapshots=1) == found


@pytest.mark.parametrize(
    ("damage", "seq", "what"),
    [
        (
            "UPDATE event SET payload = set_byte(payload, 9, get_byte(payload, 9) # 1) WHERE seq = 77",
            77,
            "its hash does not fit its content and the hash before it",
        ),
        (
            "UPDATE event SET hash = set_byte(hash, 31, get_byte(hash, 31) # 128) WHERE seq = 78",
            78,
            "its hash does not fit its content and the hash before it",
        ),
        (
            "UPDATE event SET request = request || ' ' WHERE seq = 1",
            1,
            "its hash does not fit its content and the hash before it",
        ),
        ("DELETE FROM event WHERE seq = 79", 79, "it is missing, event 80 comes next"),
        (
            """
            UPDATE event SET seq = 9000 WHERE seq = 80;
            UPDATE event SET seq = 80 WHERE seq = 81;
            UPDATE event SET seq = 81 WHERE seq = 9000
            """,
            80,
            "its hash does not fit its content and the hash before it",
        ),
        (
            """
            INSERT INTO event SELECT 9000, epoch, command, recorded_at, kind, version, instrument, account, counterparty,
                payload, hash, request FROM event WHERE seq = 82;
            DELETE FROM event WHERE seq = 83;
            UPDATE event SET seq = 83 WHERE seq = 9000
            """,
            83,
            "its hash does not fit its content and the hash before it",
        ),
    ],
    ids=["payload", "hash", "request", "deleted", "reordered", "doubled"],
)
async def test_damage_of_the_chain(
    reader: LogReader, log_dsn: str, rows: list[StoredEvent], damage: str, seq: int, what: str
) -> None:
    """One changed bit, a deleted, doubled or reordered row: the first bad event is named."""
    await tamper(log_dsn, damage)

    found = await verified(reader, log_dsn)

    assert [Fault("chain", seq, what)] == found.faults
    assert found.checked_seq < seq


async def test_a_cut_off_end(reader: LogReader, log_dsn: str, rows: list[StoredEvent]) -> None:
    """Missing events at the end leave an intact chain: a snapshot and a published head from beyond tell."""
    await tamper(log_dsn, "DELETE FROM event WHERE seq > 150")

    found = await verified(reader, log_dsn, (head_of(rows[-1]),))

    end = "the log ends at event 150, but"
    assert [
        Fault(
            "snapshots",
            151,
            f"{end} a snapshot holds the state after event 200: the end of the log was cut off",
        ),
        Fault(
            "heads", 151, f"{end} the head of event {len(rows)} was published: the end of the log was cut off"
        ),
    ] == found.faults


async def test_a_forged_chain(reader: LogReader, log_dsn: str, rows: list[StoredEvent]) -> None:
    """Who makes all hashes anew deceives the chain, but neither published heads nor executing again."""
    place = next(n for n, row in enumerate(rows) if row.kind == Fill.kind)
    fill = msgspec.json.decode(rows[place].payload)
    forged = list(rows)
    forged[place] = msgspec.structs.replace(
        rows[place], payload=msgspec.json.encode({**fill, "settlement_date": "2026-11-29"})
    )
    forged = rehashed(forged, place)
    await tamper(log_dsn, "DELETE FROM event; DELETE FROM snapshot; UPDATE writer SET epoch = 1")
    await _write(log_dsn, forged)

    assert [] == (await verified(reader, log_dsn)).faults
    by_head = await verified(reader, log_dsn, (head_of(rows[-1]),))
    assert [
        Fault("heads", len(rows), f"the published head says hash {rows[-1].hash.hex()}")
    ] == by_head.faults
    (by_execution,) = (await verified(reader, log_dsn, reexecute=True)).faults
    assert ("reexecution", place + 1) == (by_execution.check, by_execution.seq)
    assert by_execution.what == (
        f"the log says fill 1 {forged[place].payload.decode()},"
        f" this program decides fill 1 {rows[place].payload.decode()}"
    )


async def _write(dsn: str, rows: list[StoredEvent]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.copy_records_to_table(
            "event", records=[msgspec.structs.astuple(row) for row in rows], columns=record.COLUMNS
        )
    finally:
        await connection.close()


async def test_an_event_that_cannot_be_applied(
    reader: LogReader, log_dsn: str, rows: list[StoredEvent]
) -> None:
    """A well hashed event that does not fit the state before it is named with the reason."""
    place = next(n for n, row in enumerate(rows) if row.kind == Fill.kind)
    fill = msgspec.json.decode(rows[place].payload)
    forged = list(rows)
    forged[place] = msgspec.structs.replace(
        rows[place], payload=msgspec.json.encode({**fill, "maker_order_id": 99_999})
    )
    await tamper(log_dsn, "DELETE FROM event; DELETE FROM snapshot")
    await _write(log_dsn, rehashed(forged, place))

    found = await verified(reader, log_dsn)

    assert [Fault("fold", place + 1, "fill cannot be applied: KeyError: 99999")] == found.faults


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (
            "UPDATE snapshot SET state = set_byte(state, 300, get_byte(state, 300) # 1) WHERE seq = 60",
            "snapshot 60 is damaged: its bytes do not fit its digest",
        ),
        (
            "UPDATE snapshot SET chain_hash = '\\x00' WHERE seq = 60",
            "snapshot 60 belongs to another log",
        ),
    ],
    ids=["state", "hash"],
)
async def test_damage_of_a_snapshot(
    reader: LogReader, log_dsn: str, rows: list[StoredEvent], damage: str, what: str
) -> None:
    """A snapshot that is not what was saved is named; the log itself is checked to its end."""
    await tamper(log_dsn, damage)

    found = await verified(reader, log_dsn)

    assert ([Fault("snapshots", 60, what)], len(rows)) == (found.faults, found.checked_seq)


async def test_a_snapshot_of_another_state(reader: LogReader, log_dsn: str, rows: list[StoredEvent]) -> None:
    """A whole snapshot that holds another state than the log gives is found by folding the log."""
    state = state_after(rows, 60)
    state.name = "Another Venue"
    await SnapshotStore(log_dsn).save(Snapshot(60, rows[59].hash, "0.1.0", snapshot.dump(state)))

    found = await verified(reader, log_dsn)

    assert [Fault("snapshots", 60, "snapshot 60 holds another state than the log gives")] == found.faults


async def test_a_head_with_another_signature(
    reader: LogReader, log_dsn: str, rows: list[StoredEvent]
) -> None:
    """A head that its key did not sign is a fault of its own and is compared with nothing."""
    head = msgspec.structs.replace(head_of(rows[40]), hash="00" * 32)

    found = await verified(reader, log_dsn, (head,))

    assert [Fault("heads", 41, "the signature of the published head 41 does not fit")] == found.faults
    assert 0 == found.heads


async def test_a_ledger_that_does_not_balance(
    reader: LogReader, log_dsn: str, rows: list[StoredEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the sums break is told to the event, between the checks that are made on the way."""
    monkeypatch.setattr(verification, "LEDGER_EVENTS", 50)
    checked: list[int] = []

    def check(state: State) -> None:
        checked.append(state.last_seq)
        if state.last_seq == 110:
            raise ValueError("supply of EUR is 5, accounts own 6")

    monkeypatch.setattr(State, "check", check)

    found = await verified(reader, log_dsn)

    assert [50, 60, 110, 160, 200, 250] == checked[:6]
    assert [Fault("ledger", 110, "supply of EUR is 5, accounts own 6")] == found.faults


@pytest.mark.parametrize(
    ("kind", "version", "payload", "newer"),
    [("teleported", 1, b"{}", True), ("fill", 99, b"{}", True), ("fill", 1, b"{}", False)],
    ids=["newer kind", "newer version", "damaged"],
)
async def test_events_that_are_not_understood(
    writer: LogWriter, reader: LogReader, log_dsn: str, kind: str, version: int, payload: bytes, newer: bool
) -> None:
    """What a newer program wrote could not be checked; what no program wrote is damage."""
    rows = trading_day()[:20]
    rows.append(
        msgspec.structs.replace(rows[-1], seq=21, kind=kind, version=version, payload=payload, request=None)
    )
    await writer.append(rehashed(rows, 20))

    found = await verified(reader, log_dsn)

    faults = [(fault.check, fault.seq) for fault in found.faults]
    unchecked = [(fault.check, fault.seq) for fault in found.unchecked]
    assert (
        ([], [("kinds", 21)]) == (faults, unchecked)
        if newer
        else ([("kinds", 21)], []) == (faults, unchecked)
    )
    assert 20 == found.checked_seq
