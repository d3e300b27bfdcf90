"""Appending to Postgres: what `test_append_contract` does not say of every log, because only a server has it."""

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from exchange.log import lease, postgres_cluster
from exchange.log import writer as writer_module
from exchange.log.embedded import EmbeddedPostgres
from exchange.log.lease import LeaseHeld, WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import Head, LogReader
from exchange.log.record import StoredEvent, seal
from exchange.log.writer import COPY_FROM_EVENTS, CommitUnknown, LogWriter, NotDurable
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


async def waiting_for_a_lock(dsn: str) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        waiting: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return waiting > 0
    finally:
        await connection.close()


async def test_a_failed_writer_closes_though_the_server_hangs(writer: LogWriter) -> None:
    """A process that must end is not kept by a server that does not answer."""
    await append(writer, mixed(SMALL))
    pid = writer._connection.get_server_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        appending = asyncio.create_task(append(writer, mixed(SMALL, SMALL + 1)))
        await asyncio.sleep(0)
        appending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await appending
        async with asyncio.timeout(30):
            await writer.close()
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_an_append_between_the_servers_goodbye_and_the_end_of_the_connection(
    writer: LogWriter, log_dsn: str
) -> None:
    """The moment in which the driver knows only half of it is an unknown outcome like any other."""
    await append(writer, mixed(SMALL))
    pid = writer._connection.get_server_pid()
    with ThreadPoolExecutor(1) as pool:
        # This loop stands still until the goodbye and the end wait to be read.
        terminate = execute(log_dsn, f"SELECT pg_terminate_backend({pid}, 30000)")
        pool.submit(asyncio.run, terminate).result(timeout=30)
    # The loop reads the goodbye in its next turn, and the end in the one after that.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not writer.lost.is_set()

    with pytest.raises(CommitUnknown):
        await append(writer, mixed(SMALL, SMALL + 1))


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
