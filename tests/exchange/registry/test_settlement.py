"""Settlement into real tables: exactly once, reconciled, fenced, and stopped by whatever does not fit."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest

from exchange.domain import events as ev
from exchange.domain.events import Recorded
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.ledger import LedgerError
from exchange.log.chain import GENESIS, ChainBroken, content_digest, event_hash
from exchange.log.codec import UnknownEvent
from exchange.log.reader import LogReader
from exchange.registry import settlement as settling
from exchange.registry.projection import ProjectionError
from exchange.registry.reader import read_status
from exchange.registry.rows import NO_MOVEMENTS, digest_after
from exchange.registry.settlement import Settlement
from exchange.registry.store import (
    FORM,
    SETTLING_LOCK,
    Checkpoint,
    ReconciliationFailed,
    RegistryDamaged,
    RegistryStore,
    SettlementHeld,
    TakenOver,
)
from tests.exchange.log.conftest import tamper
from tests.exchange.registry.settled import (
    IDENTITY,
    SettledMarket,
    dump,
    execute,
    rows,
    settle,
    settle_when_free,
)
from tests.market import ALPHA, BETA, UNITS, V18, V19, Market
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def trade(market: Market, random: Random, deals: int) -> None:
    """Some fills and retirements."""
    for number in range(deals):
        quantity = random.randint(1, 50)
        seller, buyer = random.sample((market.alpha, market.beta, market.gamma), 2)
        market.do(seller.place_command(seller.sell(quantity, 1000)))
        market.do(buyer.place_command(buyer.buy(quantity, 1000)))
        if number % 5 == 0:
            reference = f"retired-{number}" if market.state.last_seq < 100 else market.fresh_id()
            market.do(buyer.retire_command(V19, random.randint(1, 30), reference))


@pytest.fixture
async def settled(dsn: str) -> SettledMarket:
    """Gives a market that has traded a little, settled."""
    settled = SettledMarket(dsn, Market())
    trade(settled.market, Random(1), 20)
    await settled.settle()
    return settled


@pytest.fixture
async def reader(settled: SettledMarket) -> AsyncIterator[LogReader]:
    """Gives a reader of its log."""
    async with await LogReader.open(settled.dsn, connections=2) as log_reader:
        yield log_reader


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


# What stops it.


async def test_a_changed_event_stops_settlement(settled: SettledMarket, dsn: str) -> None:
    """The chain of the log is checked on the way."""
    checkpoint = (await settled.rows("checkpoint"))[0][1]
    trade(settled.market, Random(8), 3)
    await settled.log()
    await tamper(
        dsn,
        f"UPDATE event SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '\"quantity\":', '\"quantity\":1'),"
        f" 'UTF8') WHERE seq = (SELECT min(seq) FROM event WHERE kind = 'fill' AND seq > {checkpoint})",
    )

    with pytest.raises(ChainBroken):
        await settle(dsn)

    assert checkpoint == (await settled.rows("checkpoint"))[0][1]


async def rechain(dsn: str, seq: int, statement: str) -> None:
    """Change the last event and make its hash fit again, as only who owns everything could."""
    await tamper(dsn, statement)
    connection = await asyncpg.connect(dsn)
    previous = await connection.fetchval("SELECT hash FROM event WHERE seq = $1", seq - 1) or GENESIS
    row = await connection.fetchrow(
        "SELECT seq, epoch, command, recorded_at, kind, version, instrument, account, counterparty, payload"
        " FROM event WHERE seq = $1",
        seq,
    )
    assert row is not None
    fitting = event_hash(previous, content_digest(*row))
    await connection.close()
    await tamper(dsn, f"UPDATE event SET hash = '\\x{fitting.hex()}' WHERE seq = {seq}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("kind = 'teleported'", "event teleported version 1: settlement does not know"),
        ("version = 9", "event fill version 9: this program knows"),
        (
            "payload = convert_to(replace(convert_from(payload, 'UTF8'), '{', '{\"x\":1,'), 'UTF8')",
            "event fill version 1: the payload does not fit",
        ),
    ],
)
async def test_an_unknown_event_stops_settlement(
    settled: SettledMarket, dsn: str, change: str, message: str
) -> None:
    """A kind, version or field that this program does not know is not passed over."""
    market = settled.market
    market.beta.rest(market.beta.sell(1, 1000))
    market.alpha.place(market.alpha.buy(1, 1000))
    await settled.log()
    seq = market.state.last_seq
    await rechain(dsn, seq, f"UPDATE event SET {change} WHERE seq = {seq}")

    with pytest.raises(UnknownEvent, match=message):
        await settle(dsn)


async def test_a_newer_version_of_what_is_passed_over_stops_settlement(
    settled: SettledMarket, dsn: str
) -> None:
    """It might move units."""
    market = settled.market
    market.beta.rest(market.beta.sell(1, 1000))
    await settled.log()
    seq = market.state.last_seq
    await rechain(dsn, seq, f"UPDATE event SET version = 2 WHERE seq = {seq}")

    with pytest.raises(UnknownEvent, match="event order_accepted version 2"):
        await settle(dsn)


async def test_an_impossible_event_stops_settlement_before_it(settled: SettledMarket, dsn: str) -> None:
    """Nothing of the transaction is written, and the event is named."""
    before = await dump(dsn)
    seq = settled.market.state.last_seq + 1
    at = settled.market.at + 1
    settled.market.recorded.append(
        Recorded(seq, seq, at, ev.CashWithdrawn(LOCAL_OPERATOR, ALPHA, "EUR", 10**12, "too much"))
    )
    await settled.log()

    with pytest.raises(
        ProjectionError, match=f"event {seq} cannot be settled: account alpha would own"
    ) as stopped:
        await settle(dsn)

    assert isinstance(stopped.value.__cause__, LedgerError)
    assert before == await dump(dsn)


DAMAGES = [
    (
        f"UPDATE holding SET last = last - 5 WHERE account = 'alpha' AND class_id = '{V18}'",
        ReconciliationFailed,
        f"account alpha owns {UNITS - 5} units of {V18} by the registry and {UNITS} by the ledger at event",
    ),
    (
        f"UPDATE holding SET account = 'beta' WHERE account = 'alpha' AND class_id = '{V18}'",
        ReconciliationFailed,
        f"account alpha owns 0 units of {V18} by the registry",
    ),
    (
        f"UPDATE balance SET total = total + 1 WHERE account = 'gamma' AND asset = '{V18}'",
        ReconciliationFailed,
        f"account gamma owns {UNITS} units of {V18} by the registry and {UNITS + 1} by the ledger",
    ),
    (
        f"INSERT INTO balance VALUES ('delta', '{V18}', 3, 1)",
        ReconciliationFailed,
        "account delta owns 0 units of .* by the registry and 3 by the ledger",
    ),
    (
        "DELETE FROM holding WHERE place = 'retired'",
        RegistryDamaged,
        "the serials of VCS batch opening-2019 are not each in exactly one place",
    ),
    (
        f"UPDATE class_total SET retired = retired + 1, issued = issued + 1 WHERE class_id = '{V19}'",
        RegistryDamaged,
        f"the totals of {V19} are not those of its serials at event",
    ),
    (
        "UPDATE movement SET seq = 100000 WHERE seq = 20",
        RegistryDamaged,
        "there are movements of event 100000, after the checkpoint",
    ),
    (
        "DELETE FROM batch WHERE batch_id = 2",
        RegistryDamaged,
        "the registry's holdings are not whole",
    ),
    ("UPDATE checkpoint SET seq = 100000", RegistryDamaged, "event 100000, which the log does not have"),
    (
        "UPDATE checkpoint SET hash = '\\x00'",
        RegistryDamaged,
        "the registry is of another log: event .* has another hash",
    ),
    ("DELETE FROM checkpoint", RegistryDamaged, "the registry has no checkpoint"),
    ("DROP TABLE settler", RegistryDamaged, "has no table of who settles"),
]


@pytest.mark.parametrize(("damage", "error", "message"), DAMAGES)
async def test_damaged_tables_are_found_at_the_start(
    settled: SettledMarket, dsn: str, damage: str, error: type[Exception], message: str
) -> None:
    """Whoever begins compares everything with the ledger, and each batch with what came in."""
    await execute(dsn, "SET search_path TO registry", damage)

    with pytest.raises(error, match=message):
        await settle(dsn)


async def test_damage_under_a_running_settlement_is_found_at_the_next_checkpoint(
    settled: SettledMarket, reader: LogReader
) -> None:
    """Account, class and seq are named, nothing is written."""
    dsn, market = settled.dsn, settled.market
    async with await RegistryStore.open(dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        await execute(
            dsn,
            f"DELETE FROM registry.holding WHERE batch_id = 2 AND last = (SELECT max(last) FROM registry.holding"
            f" WHERE account = 'beta' AND class_id = '{V19}')",
        )
        market.beta.rest(market.beta.sell(1, 1000))
        market.gamma.place(market.gamma.buy(1, 1000))
        await settled.log()

        with pytest.raises(ReconciliationFailed, match=f"account beta owns .* units of {V19}") as failed:
            await settlement.catch_up()

    assert (BETA, V19, market.state.last_seq) == (
        failed.value.account,
        failed.value.class_id,
        failed.value.seq,
    )
    assert market.state.last_seq > (await settled.rows("checkpoint"))[0][1]


async def test_a_row_that_is_gone_is_found_when_it_changes(settled: SettledMarket, reader: LogReader) -> None:
    """What is to be replaced must be there."""
    market = settled.market
    async with await RegistryStore.open(settled.dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        await execute(
            settled.dsn, f"DELETE FROM registry.holding WHERE account = 'alpha-2' AND class_id = '{V19}'"
        )
        market.do(market.alpha_2.retire_command(V19, 1, "r"))
        await settled.log()

        with pytest.raises(RegistryDamaged, match=r"rows of holding were to change after event \d+: DELETE"):
            await settlement.catch_up()


async def test_everything_is_compared_at_the_end_of_a_day(settled: SettledMarket, reader: LogReader) -> None:
    """Also what no event of the day touched."""
    async with await RegistryStore.open(settled.dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        await execute(
            settled.dsn,
            f"UPDATE registry.holding SET account = 'beta' WHERE account = 'alpha-2' AND class_id = '{V18}'",
        )
        settled.market.close_day("2026-11-24")
        await settled.log()

        with pytest.raises(ReconciliationFailed, match=f"account alpha-2 owns 0 units of {V18}"):
            await settlement.catch_up()


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
