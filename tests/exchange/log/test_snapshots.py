"""Snapshots: complete or absent, checked before use, the last two kept."""

import asyncpg
import pytest

from exchange.log.chain import GENESIS
from exchange.log.migrations import SchemaMismatch
from exchange.log.record import StoredEvent
from exchange.log.snapshots import Found, Snapshot, SnapshotRefused, SnapshotStore
from exchange.log.writer import LogWriter
from tests.exchange.log.conftest import append, tamper
from tests.exchange.log.samples import mixed


def at(rows: list[StoredEvent], seq: int) -> Snapshot:
    """A snapshot that fits the log."""
    return Snapshot(seq, rows[seq - 1].hash, "0.1.0", b'{"state":"at %d"}' % seq * 1000)


async def kept(dsn: str) -> list[int]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row[0] for row in await connection.fetch("SELECT seq FROM snapshot ORDER BY seq")]
    finally:
        await connection.close()


@pytest.fixture
async def rows(writer: LogWriter) -> list[StoredEvent]:
    """Gives a log of 100 events."""
    return await append(writer, mixed(100))


async def test_without_snapshots_there_is_none(log_dsn: str) -> None:
    """Recovery then begins with the first event."""
    assert Found(None, []) == await SnapshotStore(log_dsn).newest_good()


async def test_the_newest_snapshot_is_found(log_dsn: str, rows: list[StoredEvent]) -> None:
    """A snapshot comes back as it was saved; its digest is the SHA-256 of the state."""
    store = SnapshotStore(log_dsn)
    await store.save(at(rows, 40))
    digest = await store.save(Snapshot(70, rows[69].hash, "0.1.0", b"abc"))

    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" == digest
    assert Found(Snapshot(70, rows[69].hash, "0.1.0", b"abc"), []) == await store.newest_good()


async def test_the_last_two_are_kept(log_dsn: str, rows: list[StoredEvent]) -> None:
    """Every snapshot removes those before the one before it."""
    store = SnapshotStore(log_dsn)
    for seq in (10, 20, 30, 40):
        await store.save(at(rows, seq))

    assert [30, 40] == await kept(log_dsn)


async def test_a_snapshot_of_the_same_event_replaces_the_old_one(
    log_dsn: str, rows: list[StoredEvent]
) -> None:
    """A new program may write the state of the same event in its own form."""
    store = SnapshotStore(log_dsn)
    newer = Snapshot(40, rows[39].hash, "0.2.0", b"another form")
    await store.save(at(rows, 40))
    await store.save(newer)

    assert Found(newer, []) == await store.newest_good()


@pytest.mark.parametrize("seq", [0, 40, 101])
async def test_a_state_that_is_not_the_logs_is_refused(
    seq: int, log_dsn: str, rows: list[StoredEvent]
) -> None:
    """A state is saved only on top of the very event that it ends with."""
    store = SnapshotStore(log_dsn)

    with pytest.raises(SnapshotRefused, match=f"no event {seq} with the hash of this state"):
        await store.save(Snapshot(seq, GENESIS, "0.1.0", b"state"))

    assert [] == await kept(log_dsn)


@pytest.mark.parametrize(
    "damage",
    [
        "state = overlay(state PLACING '\\x00'::bytea FROM 60)",
        "state = substring(state FROM 1 FOR 60)",
        "state = ''",
        "digest = repeat('0', 64)",
    ],
    ids=["changed", "cut off", "empty", "digest"],
)
async def test_a_damaged_snapshot_is_passed_over(damage: str, log_dsn: str, rows: list[StoredEvent]) -> None:
    """The newest snapshot is never trusted blindly: the older one is used, and the problem told."""
    store = SnapshotStore(log_dsn)
    older = at(rows, 40)
    await store.save(older)
    await store.save(at(rows, 70))
    await tamper(log_dsn, f"UPDATE snapshot SET {damage} WHERE seq = 70")

    expected = Found(older, ["snapshot 70 is damaged: its digest does not fit"])
    assert expected == await store.newest_good()


async def test_when_none_is_good_there_is_none(log_dsn: str, rows: list[StoredEvent]) -> None:
    """Recovery then begins with the first event, and says why."""
    store = SnapshotStore(log_dsn)
    await store.save(at(rows, 40))
    await store.save(at(rows, 70))
    await tamper(log_dsn, "UPDATE snapshot SET digest = ''")

    expected = [f"snapshot {seq} is damaged: its digest does not fit" for seq in (70, 40)]
    assert Found(None, expected) == await store.newest_good()


async def test_a_snapshot_beyond_the_log_is_passed_over(log_dsn: str, rows: list[StoredEvent]) -> None:
    """A log that ends before its snapshot is missing its end.

    The snapshot is not used and does not crowd out good ones; it bears witness until somebody removes it.
    """
    store = SnapshotStore(log_dsn)
    older = at(rows, 40)
    await store.save(older)
    await store.save(at(rows, 70))
    await tamper(log_dsn, "DELETE FROM event WHERE seq > 50")

    found = await store.newest_good()
    await store.save(at(rows, 30))

    assert Found(older, ["snapshot 70 lies beyond the end of the log, event 50"]) == found
    assert [30, 40, 70] == await kept(log_dsn)
    assert 1 == await store.prune(2)
    assert [30, 40] == await kept(log_dsn)


async def test_a_snapshot_of_another_log_is_passed_over(log_dsn: str, rows: list[StoredEvent]) -> None:
    """A snapshot is used only on the chain that it was taken from."""
    store = SnapshotStore(log_dsn)
    await store.save(at(rows, 70))
    await tamper(log_dsn, "UPDATE event SET hash = sha256(hash) WHERE seq = 70")

    expected = ["snapshot 70 belongs to another log: event 70 has another hash"]
    assert Found(None, expected) == await store.newest_good()


async def test_a_database_without_the_schema_is_refused(dsn: str) -> None:
    """The store says what is missing."""
    with pytest.raises(SchemaMismatch):
        await SnapshotStore(dsn).newest_good()
