"""Settlement into real tables: exactly once, reconciled, fenced, and stopped by whatever does not fit."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import asyncpg
import msgspec
import pytest

from exchange.log.chain import GENESIS
from exchange.log.reader import LogReader
from exchange.registry import settlement as settling
from exchange.registry.reader import read_status
from exchange.registry.rows import NO_MOVEMENTS, digest_after
from exchange.registry.settlement import Settlement
from exchange.registry.store import (
    FORM,
    SETTLING_LOCK,
    Checkpoint,
    RegistryDamaged,
    RegistryStore,
    SettlementHeld,
    TakenOver,
)
from tests.exchange.registry.settled import (
    IDENTITY,
    SettledMarket,
    dump,
    execute,
    rows,
    settle,
    settle_when_free,
    trade,
)
from tests.market import ALPHA, V18, V19
from tests.waiting import eventually


async def test_the_checkpoint_says_where_the_log_is(settled: SettledMarket, reader: LogReader) -> None:
    """Seq and hash of the log's last event, the number of movements and their digest."""
    head = await reader.head()
    movements = await settled.rows("movement")
    recorded_at = settled.market.recorded[-1].recorded_at

    assert [
        (True, head.last_seq, head.hash, recorded_at, len(movements), digest_after(NO_MOVEMENTS, movements))
    ] == await settled.rows("checkpoint")
    await settled.check()


async def test_settling_event_by_event_gives_the_same_rows(settled: SettledMarket, dsn: str) -> None:
    """It does not matter where transactions end, nor how often settlement begins again."""
    trade(settled.market, Random(2), 5)
    await settled.log()
    for seq in range((await settled.rows("checkpoint"))[0][1] + 1, settled.market.state.last_seq + 1):
        await settle(dsn, seq)
        assert seq == (await settled.rows("checkpoint"))[0][1]
    stepwise = await dump(dsn)

    await execute(dsn, "DROP SCHEMA registry CASCADE")
    await settle(dsn)

    assert stepwise == await dump(dsn)
    await settled.check()


async def test_checkpoints_on_the_way(
    settled: SettledMarket, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long way is settled in several transactions, with the same end."""
    expected = await dump(dsn)
    await execute(dsn, "DROP SCHEMA registry CASCADE")
    monkeypatch.setattr(settling, "CHECKPOINT_EVENTS", 7)
    seen: list[int] = []
    async with (
        await LogReader.open(dsn, connections=2) as log_reader,
        await RegistryStore.open(dsn, IDENTITY) as store,
    ):
        real_pages = log_reader.pages
        monkeypatch.setattr(log_reader, "pages", lambda after, up_to: real_pages(after, up_to, page_events=5))
        real_commit = store.commit

        async def commit(changed: Any, checkpoint: Checkpoint) -> None:
            seen.append(checkpoint.seq)
            await real_commit(changed, checkpoint)

        monkeypatch.setattr(store, "commit", commit)
        settlement = await Settlement.resume(log_reader, store)
        await settlement.catch_up()

    last = settled.market.state.last_seq
    assert [*range(10, last, 10), last] == seen
    assert expected == await dump(dsn)


async def test_following_goes_on_until_it_is_told_to_stop(settled: SettledMarket, reader: LogReader) -> None:
    """What comes is settled as it comes; at the end everything is."""
    stop = asyncio.Event()
    async with await RegistryStore.open(settled.dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        following = asyncio.create_task(settlement.follow(stop, poll_s=0.01))
        trade(settled.market, Random(3), 5)
        await settled.log()
        last = settled.market.state.last_seq
        await eventually(lambda: settlement.checkpoint.seq == last, "the trades are settled")
        assert not following.done()
        trade(settled.market, Random(4), 5)
        await settled.log()
        stop.set()
        await following

    assert settled.market.state.last_seq == settlement.checkpoint.seq
    await settled.check()


async def test_status(settled: SettledMarket, dsn: str) -> None:
    """Checkpoint, lag and who settles, at once."""
    trade(settled.market, Random(5), 1)
    await settled.log()
    connection = await asyncpg.connect(dsn)
    before = await read_status(connection)
    assert before is not None
    assert before.settler is not None
    newer = settled.market.recorded[-1]
    assert (newer.seq, newer.recorded_at) == (before.last_seq, before.last_recorded_at)
    assert newer.seq - before.checkpoint.seq == before.lag_events
    assert 0 <= before.lag_ms
    assert ("host-a", 4711, False) == (before.settler.host, before.settler.pid, before.settler.works)
    async with await RegistryStore.open(dsn, IDENTITY):
        during = await read_status(connection)
        assert during is not None
        assert during.settler is not None
        assert during.settler.works
    await settle(dsn)
    after = await read_status(connection)
    assert after is not None
    assert (0, 0) == (after.lag_events, after.lag_ms)
    await execute(dsn, "DROP SCHEMA registry CASCADE")
    assert None is await read_status(connection)
    await connection.close()


async def test_a_slow_database_is_left_behind_by_so_many_pages_only(
    settled: SettledMarket, reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events are taken in while tables are written, but what waits to be written is bounded."""
    monkeypatch.setattr(settling, "_PENDING_WRITES", 3)
    dsn, page_events = settled.dsn, 4
    trade(settled.market, Random(12), 20)
    await settled.log()
    real_pages = reader.pages
    monkeypatch.setattr(reader, "pages", lambda after, up_to: real_pages(after, up_to, page_events))
    async with await RegistryStore.open(dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        real_append, written, answering = store.append, 0, asyncio.Event()

        async def append(appended: Any) -> None:
            nonlocal written
            await answering.wait()
            await real_append(appended)
            written += 1

        monkeypatch.setattr(store, "append", append)
        begin = settlement.checkpoint.seq
        task = asyncio.create_task(settlement.catch_up())
        # One more than may wait: the oldest is being written.
        bound = begin + 4 * page_events
        await eventually(lambda: settlement._projection.seq >= bound, "it goes as far as it may")
        for _ in range(100):
            await asyncio.sleep(0)
        assert (bound, 0) == (settlement._projection.seq, written)
        answering.set()
        await task
    await settled.check()


async def test_a_write_that_fails_ends_the_way_at_the_next_page(
    settled: SettledMarket, reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing more is taken in, and nothing of what waited is written."""
    before = await dump(settled.dsn)
    trade(settled.market, Random(13), 30)
    await settled.log()
    real_pages = reader.pages
    monkeypatch.setattr(reader, "pages", lambda after, up_to: real_pages(after, up_to, page_events=4))
    async with await RegistryStore.open(settled.dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        begin, appends = settlement.checkpoint.seq, 0

        async def append(_appended: Any) -> None:
            nonlocal appends
            appends += 1
            raise TakenOver("somebody else")

        monkeypatch.setattr(store, "append", append)
        with pytest.raises(TakenOver, match="somebody else"):
            await settlement.catch_up()

    assert settlement._projection.seq <= begin + 3 * 4
    assert 1 == appends
    assert before == await dump(settled.dsn)


# One settler.


async def test_one_process_settles_at_a_time(settled: SettledMarket, dsn: str) -> None:
    """The second is told who does, and may when the first is gone."""
    async with await RegistryStore.open(dsn, IDENTITY):
        with pytest.raises(SettlementHeld, match="process 4711 on host-a settles this log since 2"):
            await RegistryStore.open(dsn, IDENTITY)
    async with await RegistryStore.open(dsn, IDENTITY):
        pass


async def test_a_process_that_is_just_starting(dsn: str) -> None:
    """It has the right before it has made the tables."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("SELECT pg_advisory_lock($1)", SETTLING_LOCK)

    with pytest.raises(SettlementHeld, match="a process that is just starting settles this log"):
        await RegistryStore.open(dsn, IDENTITY)

    await connection.close()


async def test_other_errors_of_the_server_are_passed_on(settled: SettledMarket, reader: LogReader) -> None:
    """Whatever it is, it stops settlement."""
    trade(settled.market, Random(11), 1)
    await settled.log()
    async with await RegistryStore.open(settled.dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        await execute(settled.dsn, "DROP TABLE registry.posting")
        with pytest.raises(asyncpg.UndefinedTableError):
            await settlement.catch_up()


async def test_who_was_taken_over_writes_nothing(settled: SettledMarket, reader: LogReader) -> None:
    """A settler that slept while another took its place is refused at its next transaction."""
    dsn = settled.dsn
    async with await RegistryStore.open(dsn, IDENTITY) as slept:
        sleeper = await Settlement.resume(reader, slept)
        async with await RegistryStore.open(dsn, IDENTITY, exclusive=False) as store:
            trade(settled.market, Random(6), 3)
            await settled.log()
            expected = "generation 3 at event"
            with pytest.raises(TakenOver, match=expected):
                await sleeper.catch_up()
            settlement = await Settlement.resume(reader, store)
            await settlement.catch_up()
    await settled.check()


async def test_a_checkpoint_is_passed_once(settled: SettledMarket, reader: LogReader) -> None:
    """Of two that go on from the same checkpoint, whatever their generation, the later one is refused."""
    dsn = settled.dsn
    async with await RegistryStore.open(dsn, IDENTITY) as store:
        first, second = await Settlement.resume(reader, store), await Settlement.resume(reader, store)
        trade(settled.market, Random(7), 3)
        await settled.log()
        before = store.checkpoint
        await first.catch_up()
        store.checkpoint = before
        with pytest.raises(TakenOver, match=f"at event {first._projection.seq}, not"):
            await second.catch_up()
    await settled.check()


# The database itself.

OVERLAPPING = [(1, 1), (1, 500_000), (5, 9), (100_000, 100_001), (400_000, 400_001)]


@pytest.mark.parametrize(("first", "last"), OVERLAPPING)
@pytest.mark.parametrize("place", ["held", "retired", "withdrawn"])
async def test_the_database_refuses_an_overlap(
    settled: SettledMarket, dsn: str, place: str, first: int, last: int
) -> None:
    """No serial of a batch can be in two rows, whatever the places; another batch is another matter."""
    insert = (
        "INSERT INTO registry.holding (batch_id, first, last, class_id, place, account)"
        f" VALUES ({{}}, {first}, {last}, '{V19}', '{place}', 'mallory')"
    )

    with pytest.raises((asyncpg.ExclusionViolationError, asyncpg.UniqueViolationError)):
        await execute(dsn, insert.format(2))
    await execute(dsn, insert.format(99))


@pytest.mark.parametrize(
    ("first", "last", "place", "trade", "error"),
    [
        (500_010, 500_001, "held", "NULL", asyncpg.DataError),
        (0, 5, "held", "NULL", asyncpg.CheckViolationError),
        (500_001, 500_002, "lost", "NULL", asyncpg.CheckViolationError),
        (500_001, 500_002, "locked", "NULL", asyncpg.CheckViolationError),
        (500_001, 500_002, "held", "7", asyncpg.CheckViolationError),
        (500_001, 2**63 - 1, "held", "NULL", asyncpg.DataError),
    ],
)
async def test_the_database_refuses_what_is_no_holding(
    settled: SettledMarket, dsn: str, first: int, last: int, place: str, trade: str, error: type[Exception]
) -> None:
    """Reversed or empty intervals, unknown places, and locks without a trade."""
    with pytest.raises(error):
        await execute(
            dsn,
            "INSERT INTO registry.holding (batch_id, first, last, class_id, place, account, trade)"
            f" VALUES (2, {first}, {last}, '{V19}', '{place}', 'mallory', {trade})",
        )


async def test_what_the_database_refuses_stops_settlement(settled: SettledMarket, reader: LogReader) -> None:
    """The code saw no overlap, the tables have one: nothing is written."""
    market = settled.market
    async with await RegistryStore.open(settled.dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        market.deposit_units(ALPHA, V18, 10)
        await execute(
            settled.dsn,
            "INSERT INTO registry.holding (batch_id, first, last, class_id, place, account)"
            f" VALUES (4, 3, 4, '{V18}', 'held', 'mallory')",
        )
        await settled.log()

        with pytest.raises(RegistryDamaged, match="one_place_for_every_serial"):
            await settlement.catch_up()


async def test_tables_of_another_form_are_made_anew(settled: SettledMarket, dsn: str) -> None:
    """A program with another schema settles again from event 1."""
    expected = await dump(dsn)
    await execute(
        dsn,
        "UPDATE registry.settler SET form = 'of the last program'",
        "ALTER TABLE registry.movement DROP COLUMN kind",
    )

    await settle(dsn)

    assert expected == await dump(dsn)
    connection = await asyncpg.connect(dsn)
    assert FORM == await connection.fetchval("SELECT form FROM registry.settler")
    await connection.close()


async def test_a_failed_write_leaves_nothing(
    settled: SettledMarket, reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the connection is lost before the commit, the next settler goes on from the checkpoint before."""
    dsn = settled.dsn
    before = await dump(dsn)
    trade(settled.market, Random(9), 5)
    await settled.log()
    async with await RegistryStore.open(dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)

        async def lose(_changed: Any, _checkpoint: Checkpoint) -> None:
            await execute(
                dsn,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'exchange-settlement'"
                " AND datname = current_database()",
            )
            await store._connection.execute("SELECT 1")

        monkeypatch.setattr(store, "commit", lose)
        with pytest.raises(
            (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
        ):
            await settlement.catch_up()

    assert before == await dump(dsn)
    await settle_when_free(dsn)
    await settled.check()


async def test_an_end_in_the_middle_of_a_page_undoes_it(
    settled: SettledMarket, reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A settler that is cancelled while it writes leaves the checkpoint before, and frees its place at once."""
    dsn = settled.dsn
    before = await dump(dsn)
    trade(settled.market, Random(10), 5)
    await settled.log()
    written = asyncio.Event()
    async with await RegistryStore.open(dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        real_append = store.append

        async def append(appended: Any) -> None:
            await real_append(appended)
            written.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(store, "append", append)
        task = asyncio.create_task(settlement.catch_up())
        await written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert before == await dump(dsn)
    await settle_when_free(dsn)
    await settled.check()


async def test_own_units_and_postings_at_a_date(settled: SettledMarket) -> None:
    """The days that began, and with their seqs the balances at the end of each."""
    market = settled.market
    market.close_day("2026-11-24")
    closed = market.state.last_seq
    market.deposit_cash(ALPHA, 5)
    market.close_day("2026-11-26")
    await settled.settle()

    days = await settled.rows("business_day")
    opened = next(one.seq for one in market.recorded if one.event.kind == "venue_opened")
    assert [("2026-11-23", opened), ("2026-11-24", closed), ("2026-11-26", market.state.last_seq)] == [
        (day.isoformat(), seq) for day, seq in days
    ]
    cash = [row for row in await rows(settled.dsn, "posting") if row[:2] == (ALPHA, "EUR")]
    at_first_close = [row for row in cash if row[2] <= closed][-1]
    assert market.balance(ALPHA, "EUR")[0] - 5 == at_first_close[4]
    assert sum(row[3] for row in cash) == market.balance(ALPHA, "EUR")[0]


def test_checkpoints_compare_by_value() -> None:
    """The same place in the same log is the same checkpoint."""
    one = Checkpoint(1, GENESIS, 2, 3, NO_MOVEMENTS)
    assert one == msgspec.structs.replace(one)
    assert one != msgspec.structs.replace(one, digest=GENESIS)
