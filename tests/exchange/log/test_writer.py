"""Appending: whole or not at all, by one writer at a time, durable when it returns."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from exchange.log import lease, postgres_cluster
from exchange.log import writer as writer_module
from exchange.log.chain import GENESIS
from exchange.log.embedded import EmbeddedPostgres
from exchange.log.lease import LeaseHeld, WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import Head, LogReader
from exchange.log.record import StoredEvent, seal
from exchange.log.writer import COPY_FROM_EVENTS, CommitUnknown, Fenced, LogWriter, NotDurable
from tests.exchange.log.conftest import IDENTITY, append
from tests.exchange.log.samples import mixed
from tests.waiting import eventually

OTHER = WriterIdentity("host-b", 4712, "/run/other.sock")
SMALL, LARGE = 3, COPY_FROM_EVENTS + 3


async def whole_log(reader: LogReader) -> list[StoredEvent]:
    return [row async for page in reader.pages(verify=True) for row in page]


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def lose_the_lease(log_writer: LogWriter) -> None:
    """What a failover does to a writer whose proxy keeps its connection: the lock is gone and nobody told it."""
    await lease.release(log_writer._connection)


async def test_an_empty_log(writer: LogWriter, reader: LogReader) -> None:
    """The first writer finds the beginning of the chain."""
    assert (1, 0, GENESIS) == (writer.epoch, writer.last_seq, writer.last_hash)
    assert Head(1, 0, GENESIS) == await reader.head()


@pytest.mark.parametrize("count", [1, COPY_FROM_EVENTS - 1, COPY_FROM_EVENTS, 2500])
async def test_what_is_appended_is_read_back(count: int, writer: LogWriter, reader: LogReader) -> None:
    """By either way of appending, every column of every row comes back as it was sealed."""
    rows = await append(writer, mixed(count))

    assert (count, rows[-1].hash) == (writer.last_seq, writer.last_hash)
    assert Head(1, count, rows[-1].hash) == await reader.head()
    assert rows == await whole_log(reader)


async def test_batches_of_all_sizes_follow_each_other(writer: LogWriter, reader: LogReader) -> None:
    """Both ways of appending continue what the other wrote."""
    rows: list[StoredEvent] = []
    for count in (1, LARGE, SMALL, LARGE, 1):
        rows += await append(writer, mixed(count, writer.last_seq + 1))

    assert rows == await whole_log(reader)


async def test_the_next_writer_goes_on_in_a_new_epoch(log_dsn: str, reader: LogReader) -> None:
    """A writer starts where the log ends, one epoch later."""
    async with await LogWriter.open(log_dsn, IDENTITY) as first:
        rows = await append(first, mixed(SMALL))
    async with await LogWriter.open(log_dsn, OTHER) as second:
        assert (2, SMALL, rows[-1].hash) == (second.epoch, second.last_seq, second.last_hash)
        rows += await append(second, mixed(SMALL, SMALL + 1))

    assert rows == await whole_log(reader)
    assert [1, 1, 1, 2, 2, 2] == [row.epoch for row in rows]


@pytest.mark.parametrize("count", [SMALL, LARGE])
@pytest.mark.parametrize("first_seq", [1, 3, 6, 8], ids=["all again", "overlap", "one again", "gap"])
async def test_rows_that_do_not_follow_are_not_committed(
    count: int, first_seq: int, writer: LogWriter, reader: LogReader
) -> None:
    """The database takes no row but the next ones: neither twice, nor after a gap."""
    rows = await append(writer, mixed(6))

    with pytest.raises(CommitUnknown):
        await writer.append(seal(mixed(count, first_seq), writer.epoch, writer.last_hash))

    assert rows == await whole_log(reader)


@pytest.mark.parametrize("count", [SMALL, LARGE])
async def test_a_gap_inside_a_batch_is_not_committed(
    count: int, writer: LogWriter, reader: LogReader
) -> None:
    """The database counts what it gets."""
    batch = seal(mixed(count + 1), writer.epoch, writer.last_hash)
    del batch[1]

    with pytest.raises(CommitUnknown, match="cannot end at event"):
        await writer.append(batch)

    assert [] == await whole_log(reader)


@pytest.mark.parametrize("count", [SMALL, LARGE])
async def test_a_writer_whose_epoch_is_over_is_fenced(
    count: int, writer: LogWriter, reader: LogReader, log_dsn: str
) -> None:
    """When the epoch was raised, nothing of an append is written, though the log ends where the writer left it."""
    rows = await append(writer, mixed(SMALL))
    await execute(log_dsn, "UPDATE writer SET epoch = epoch + 1")

    with pytest.raises(Fenced, match="epoch 1 is over: epoch 2 writes the log"):
        await append(writer, mixed(count, SMALL + 1))

    assert rows == await whole_log(reader)


@pytest.mark.parametrize("count", [SMALL, LARGE])
async def test_a_writer_that_is_behind_is_fenced(
    count: int, writer: LogWriter, reader: LogReader, log_dsn: str
) -> None:
    """When the log does not end where the writer left it, nothing is written."""
    rows = await append(writer, mixed(SMALL))
    stranger = seal(mixed(1, SMALL + 1), writer.epoch, writer.last_hash)
    await execute(
        log_dsn,
        f"INSERT INTO event SELECT {SMALL + 1}, 1, {SMALL + 1}, {stranger[0].recorded_at}, '{stranger[0].kind}', 1,"
        f" '{stranger[0].instrument}', '{stranger[0].account}', NULL, '\\x{stranger[0].payload.hex()}',"
        f" '\\x{stranger[0].hash.hex()}'",
    )

    with pytest.raises(Fenced, match="the log ends at event 4, not at 3"):
        await append(writer, mixed(count, SMALL + 1))

    assert rows + stranger == await whole_log(reader)


async def test_a_second_writer_learns_who_has_the_lease(writer: LogWriter, log_dsn: str) -> None:
    """While one writes another cannot start, and is told by whom; the epoch stays."""
    held = await lease.current(log_dsn)
    with pytest.raises(
        LeaseHeld, match=r"written by process 4711 on host-a, epoch 1, since 2\d\d\d-"
    ) as caught:
        await LogWriter.open(log_dsn, OTHER)

    assert held is not None
    assert (IDENTITY, 1) == (held.writer, held.epoch)
    assert held == caught.value.lease
    await append(writer, mixed(SMALL))


async def test_the_lease_of_nobody(log_dsn: str) -> None:
    """Before the first writer and after the last one nobody has the lease."""
    before = await lease.current(log_dsn)
    async with await LogWriter.open(log_dsn, IDENTITY):
        pass
    after = await lease.current(log_dsn)

    assert [None, None] == [before, after]


async def test_a_holder_that_is_just_starting_is_not_taken_for_the_last_one(log_dsn: str) -> None:
    """Between taking the lease and writing its name, a holder is unknown."""
    async with await LogWriter.open(log_dsn, IDENTITY):
        pass
    starting = await asyncpg.connect(log_dsn)
    await lease.acquire(starting, 0)

    with pytest.raises(LeaseHeld, match="a process that is just starting") as caught:
        await LogWriter.open(log_dsn, OTHER)

    assert caught.value.lease is None
    await starting.close()


async def test_waiting_for_the_lease(log_dsn: str) -> None:
    """A writer may wait for the one before it to end, and gives up when that takes too long."""
    first = await LogWriter.open(log_dsn, IDENTITY)
    with pytest.raises(LeaseHeld):
        await LogWriter.open(log_dsn, OTHER, wait_s=0.05)
    opening = asyncio.create_task(LogWriter.open(log_dsn, OTHER, wait_s=60))
    await eventually(lambda: waiting_for_a_lock(log_dsn), "the second writer waits")
    await first.close()

    async with await opening as second:
        assert 2 == second.epoch
        await append(second, mixed(SMALL))


async def waiting_for_a_lock(dsn: str) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        waiting: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return waiting > 0
    finally:
        await connection.close()


async def test_a_lost_connection_loses_the_lease(writer: LogWriter, reader: LogReader, log_dsn: str) -> None:
    """The writer hears of it, the lease is free at once, and the writer commits nothing any more."""
    await execute(log_dsn, f"SELECT pg_terminate_backend({writer._connection.get_server_pid()})")
    async with asyncio.timeout(30):
        await writer.lost.wait()
    async with await LogWriter.open(log_dsn, OTHER, wait_s=30) as second:
        rows = await append(second, mixed(SMALL))

        with pytest.raises(CommitUnknown):
            await append(writer, mixed(SMALL))

        assert rows == await whole_log(reader)


@pytest.mark.parametrize("count", [SMALL, LARGE])
@pytest.mark.parametrize("second_appends", [True, False])
async def test_a_writer_that_wakes_up_late_is_fenced(
    count: int, second_appends: bool, writer: LogWriter, reader: LogReader, log_dsn: str
) -> None:
    """A paused writer that lost the lease without noticing commits nothing, whether or not its successor has."""
    rows = await append(writer, mixed(SMALL))
    await lose_the_lease(writer)
    async with await LogWriter.open(log_dsn, OTHER) as second:
        if second_appends:
            rows += await append(second, mixed(SMALL, SMALL + 1))

        with pytest.raises(Fenced):
            await append(writer, mixed(count, SMALL + 1))
        rows += await append(second, mixed(count, second.last_seq + 1))

    assert rows == await whole_log(reader)


async def test_taking_over_waits_for_an_append_on_its_way(
    writer: LogWriter, reader: LogReader, log_dsn: str
) -> None:
    """An append that was let in before the epoch changed is part of the log that the successor goes on with."""
    rows = seal(mixed(SMALL), writer.epoch, writer.last_hash)
    await lose_the_lease(writer)
    async with writer._connection.transaction():
        await writer._append_by_function(rows)
        opening = asyncio.create_task(LogWriter.open(log_dsn, OTHER))
        await eventually(lambda: waiting_for_a_lock(log_dsn), "the successor waits")

    async with await opening as second:
        assert (2, SMALL, rows[-1].hash) == (second.epoch, second.last_seq, second.last_hash)
    assert rows == await whole_log(reader)


async def test_nobody_sees_an_append_before_it_is_committed(writer: LogWriter, reader: LogReader) -> None:
    """Readers see whole batches only."""
    rows = seal(mixed(SMALL), writer.epoch, writer.last_hash)
    async with writer._connection.transaction():
        await writer._append_by_function(rows)
        during = await whole_log(reader)
    after = await whole_log(reader)

    assert [[], rows] == [during, after]


@pytest.mark.parametrize("count", [SMALL, LARGE])
async def test_no_answer_in_time_is_an_unknown_outcome(
    count: int, writer: LogWriter, log_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that does not answer ends the writer: it does not know, and says so again when it is asked to append."""
    monkeypatch.setattr(writer_module, "COMMIT_LIMIT_S", 0.1)
    blocker = await asyncpg.connect(log_dsn)
    async with blocker.transaction():
        await blocker.execute("SELECT FROM writer FOR UPDATE")
        with pytest.raises(CommitUnknown, match="TimeoutError"):
            await append(writer, mixed(count))
    await blocker.close()

    assert writer.lost.is_set()
    with pytest.raises(CommitUnknown, match="failed before"):
        await append(writer, mixed(count))


@pytest.mark.parametrize("count", [SMALL, LARGE])
async def test_a_connection_lost_during_an_append(
    count: int, writer: LogWriter, reader: LogReader, log_dsn: str
) -> None:
    """When the connection goes while an append is on its way, the writer does not claim to know what became of it."""
    blocker = await asyncpg.connect(log_dsn)
    async with blocker.transaction():
        await blocker.execute("SELECT FROM writer FOR UPDATE")
        appending = asyncio.create_task(append(writer, mixed(count)))
        await eventually(lambda: waiting_for_a_lock(log_dsn), "the append waits")
        await blocker.execute("SELECT pg_terminate_backend($1)", writer._connection.get_server_pid())
        with pytest.raises(CommitUnknown):
            await appending
    await blocker.close()

    assert writer.lost.is_set()
    assert [] == await whole_log(reader)


async def test_a_cancelled_append_ends_the_writer(writer: LogWriter, log_dsn: str) -> None:
    """Who cancels an append does not know its outcome either."""
    blocker = await asyncpg.connect(log_dsn)
    async with blocker.transaction():
        await blocker.execute("SELECT FROM writer FOR UPDATE")
        appending = asyncio.create_task(append(writer, mixed(SMALL)))
        await eventually(lambda: waiting_for_a_lock(log_dsn), "the append waits")
        appending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await appending
    await blocker.close()

    with pytest.raises(CommitUnknown, match="failed before"):
        await append(writer, mixed(SMALL))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET account = 'MALLORY' WHERE seq = 1",
        "UPDATE event SET account = 'MALLORY' WHERE false",
        "DELETE FROM event WHERE seq = 3",
        "TRUNCATE event",
    ],
)
async def test_events_are_never_changed(
    statement: str, writer: LogWriter, reader: LogReader, log_dsn: str
) -> None:
    """The database refuses to change, delete or truncate events, for its owner too."""
    rows = await append(writer, mixed(SMALL))

    with pytest.raises(asyncpg.RaiseError, match="the log is never changed"):
        await execute(log_dsn, statement)

    assert rows == await whole_log(reader)


@pytest.mark.parametrize(
    ("asked_for", "expected"),
    [("off", "on"), ("local", "on"), ("remote_write", "on"), ("on", "on"), ("remote_apply", "remote_apply")],
)
async def test_commits_are_never_weaker_than_durable(asked_for: str, expected: str, log_dsn: str) -> None:
    """Settings of the server or the address may ask for more than the writer needs, not for less."""
    separator = "&" if "?" in log_dsn else "?"
    address = f"{log_dsn}{separator}synchronous_commit={asked_for}"
    async with await LogWriter.open(address, IDENTITY) as log_writer:
        assert expected == await log_writer._connection.fetchval("SHOW synchronous_commit")


async def test_a_server_without_fsync_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is acknowledged that a crash of the machine would lose."""
    monkeypatch.setitem(postgres_cluster._SETTINGS, "fsync", "off")
    async with EmbeddedPostgres(tmp_path) as postgres:
        await migrate(postgres.dsn)

        with pytest.raises(NotDurable, match="fsync = off"):
            await LogWriter.open(postgres.dsn, IDENTITY)
        free = await lease.current(postgres.dsn)

    assert free is None
