"""The contract of the log, the same tests over Postgres and over the double that simulations use."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from exchange.domain.events import Fill
from exchange.log.chain import GENESIS, ChainBroken
from exchange.log.lease import LeaseHeld, WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import Head, LogReader
from exchange.log.record import StoredEvent, seal
from exchange.log.snapshots import Found, Snapshot, SnapshotRefused
from exchange.log.writer import COPY_FROM_EVENTS, CommitUnknown, Fenced, LogWriter
from tests.exchange.log.conftest import IDENTITY, append
from tests.exchange.log.log_under_contract import LogInMemory, LogUnderContract, PostgresLog
from tests.exchange.log.samples import ACCOUNTS, SECOND_NS, START_NS, SYMBOLS, mixed
from tests.faults.tcp_proxy import FaultProxy
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OTHER = WriterIdentity("host-b", 4712, "/run/other.sock")
SMALL, LARGE = 3, COPY_FROM_EVENTS + 3
both_ways = pytest.mark.parametrize("count", [SMALL, LARGE])
"""Of appending: by one call, and by COPY in a transaction."""


@pytest.fixture(params=["memory", "postgres"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[LogUnderContract]:
    """Gives an empty log."""
    if request.param == "memory":
        yield LogInMemory()
        return
    dsn = request.getfixturevalue("dsn")
    await migrate(dsn)
    async with FaultProxy(dsn) as proxy, await LogReader.open(dsn) as reader:
        yield PostgresLog(dsn, proxy, reader)


@pytest.fixture
async def writer(log: LogUnderContract) -> AsyncIterator[LogWriter]:
    """Gives the writer of the log."""
    async with await log.open_writer(IDENTITY) as log_writer:
        yield log_writer


async def whole(log: LogUnderContract) -> list[StoredEvent]:
    return [row async for page in log.reader.pages(verify=True) for row in page]


async def test_an_empty_log(log: LogUnderContract, writer: LogWriter) -> None:
    """The first writer finds the beginning of the chain, in the first epoch."""
    assert (1, 0, GENESIS) == (writer.epoch, writer.last_seq, writer.last_hash)
    assert Head(1, 0, GENESIS) == await log.reader.head()
    assert [] == await whole(log)


@pytest.mark.parametrize("count", [1, COPY_FROM_EVENTS - 1, COPY_FROM_EVENTS])
async def test_what_is_appended_is_read_back(count: int, log: LogUnderContract, writer: LogWriter) -> None:
    """Every column of every row comes back, and the head moves."""
    rows = await append(writer, mixed(count))
    rows += await append(writer, mixed(2, count + 1))

    assert rows == await whole(log)
    assert Head(1, count + 2, rows[-1].hash) == await log.reader.head()
    assert (count + 2, rows[-1].hash) == (writer.last_seq, writer.last_hash)


async def test_the_next_writer_goes_on_in_a_new_epoch(log: LogUnderContract) -> None:
    """A writer starts where the log ends, one epoch later."""
    async with await log.open_writer(IDENTITY) as first:
        rows = await append(first, mixed(SMALL))
    async with await log.open_writer(OTHER) as second:
        assert (2, SMALL, rows[-1].hash) == (second.epoch, second.last_seq, second.last_hash)
        await second.raise_epoch(7)
        rows += await append(second, mixed(SMALL, SMALL + 1))
        with pytest.raises(Fenced):
            await second.raise_epoch(7)

    assert [1, 1, 1, 7, 7, 7] == [row.epoch for row in await whole(log)]
    assert rows == await whole(log)


@both_ways
@pytest.mark.parametrize("first_seq", [1, 3, 6, 8], ids=["all again", "overlap", "one again", "gap"])
async def test_rows_that_do_not_follow(
    count: int, first_seq: int, log: LogUnderContract, writer: LogWriter
) -> None:
    """No row but the next ones is taken: neither twice, nor after a gap; and the writer has ended."""
    rows = await append(writer, mixed(6))

    with pytest.raises(CommitUnknown):
        await writer.append(seal(mixed(count, first_seq), writer.epoch, writer.last_hash))
    with pytest.raises(CommitUnknown, match="failed before"):
        await append(writer, mixed(1, 7))

    assert rows == await whole(log)


@both_ways
async def test_a_gap_inside_a_batch(count: int, log: LogUnderContract, writer: LogWriter) -> None:
    """What comes in is counted."""
    batch = seal(mixed(count + 1), writer.epoch, writer.last_hash)
    del batch[1]

    with pytest.raises(CommitUnknown, match="cannot end at event"):
        await writer.append(batch)

    assert [] == await whole(log)


@both_ways
async def test_an_epoch_that_is_over(count: int, log: LogUnderContract, writer: LogWriter) -> None:
    """When the epoch was raised nothing is written, though the log ends where the writer left it."""
    rows = await append(writer, mixed(SMALL))
    await log.raise_epoch()

    with pytest.raises(Fenced, match="epoch 1 is over: epoch 2 writes the log"):
        await append(writer, mixed(count, SMALL + 1))

    assert rows == await whole(log)


@both_ways
async def test_a_writer_that_is_behind(count: int, log: LogUnderContract, writer: LogWriter) -> None:
    """When the log does not end where the writer believes, nothing is written."""
    rows = await append(writer, mixed(SMALL))
    writer.last_seq -= 1

    with pytest.raises(Fenced, match="the log ends at event 3, not at 2"):
        await append(writer, mixed(count, SMALL))

    assert rows == await whole(log)


async def test_the_lease(log: LogUnderContract, writer: LogWriter) -> None:
    """While one writes another cannot start, is told by whom, and raises no epoch, whether it waits or not."""
    for wait_s in (0, 0.05):
        with pytest.raises(LeaseHeld, match="written by process 4711 on host-a, epoch 1") as refused:
            await log.open_writer(OTHER, wait_s)
        assert refused.value.lease is not None
        assert (IDENTITY, 1) == (refused.value.lease.writer, refused.value.lease.epoch)

    await append(writer, mixed(SMALL))


async def test_who_waits_for_the_lease_gets_it(log: LogUnderContract) -> None:
    """The moment the writer before it has closed."""
    first = await log.open_writer(IDENTITY)
    opening = asyncio.create_task(log.open_writer(OTHER, 60))
    await log.somebody_waits()
    await first.close()

    async with await opening as second:
        assert 2 == second.epoch
        await append(second, mixed(SMALL))


async def test_a_session_that_the_server_ends(log: LogUnderContract, writer: LogWriter) -> None:
    """The writer hears of it, the lease is free, and the writer commits nothing any more."""
    await log.end_session(writer)
    async with asyncio.timeout(30):
        await writer.lost.wait()
    async with await log.open_writer(OTHER, 30) as second:
        rows = await append(second, mixed(SMALL))
        with pytest.raises(CommitUnknown):
            await append(writer, mixed(SMALL))

        assert rows == await whole(log)


@both_ways
async def test_a_commit_that_did_not_happen(count: int, log: LogUnderContract, writer: LogWriter) -> None:
    """The session ends while an append waits: the writer does not claim to know, and nothing was written."""
    async with log.locked():
        appending = asyncio.create_task(append(writer, mixed(count)))
        await log.somebody_waits()
        await log.end_session(writer)
        with pytest.raises(CommitUnknown):
            await appending

    assert writer.lost.is_set()
    assert [] == await whole(log)


async def test_a_commit_whose_answer_is_lost(log: LogUnderContract, writer: LogWriter) -> None:
    """The connection is cut between the commit and its answer: the writer does not claim to know, and all is written."""
    await append(writer, mixed(1))
    rows = seal(mixed(SMALL, 2), writer.epoch, writer.last_hash)
    log.hold_answers()
    appending = asyncio.create_task(writer.append(rows))

    async def committed() -> bool:
        return 1 + SMALL == (await log.reader.head()).last_seq

    await eventually(committed, "the append is committed")
    assert not appending.done()
    log.cut(writer)
    with pytest.raises(CommitUnknown):
        await appending

    assert rows == (await whole(log))[1:]
    assert 1 == writer.last_seq


@both_ways
async def test_a_cancelled_append(count: int, log: LogUnderContract, writer: LogWriter) -> None:
    """Who cancels an append does not know its outcome either: the writer has ended."""
    async with log.locked():
        appending = asyncio.create_task(append(writer, mixed(count)))
        await log.somebody_waits()
        appending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await appending

    with pytest.raises(CommitUnknown, match="failed before"):
        await append(writer, mixed(count))


@both_ways
async def test_one_transaction_at_a_time(count: int, log: LogUnderContract, writer: LogWriter) -> None:
    """A second append beside one in flight is refused and not written; nobody sees the first before it is committed."""
    rows = seal(mixed(count), writer.epoch, writer.last_hash)
    async with log.locked():
        appending = asyncio.create_task(writer.append(rows))
        await log.somebody_waits()
        with pytest.raises(CommitUnknown):
            await append(writer, mixed(count))
        assert [] == await whole(log)
    await appending

    assert rows == await whole(log)


@both_ways
@pytest.mark.parametrize("successor_appends", [True, False])
async def test_a_writer_that_wakes_up_late(
    count: int, successor_appends: bool, log: LogUnderContract, writer: LogWriter
) -> None:
    """Who lost the lease without noticing commits nothing, whether or not its successor has."""
    rows = await append(writer, mixed(SMALL))
    await log.lose_lease(writer)
    async with await log.open_writer(OTHER) as second:
        if successor_appends:
            rows += await append(second, mixed(SMALL, SMALL + 1))
        with pytest.raises(Fenced):
            await append(writer, mixed(count, SMALL + 1))
        rows += await append(second, mixed(SMALL, second.last_seq + 1))

    assert rows == await whole(log)


async def test_taking_over_waits_for_an_append_on_its_way(log: LogUnderContract, writer: LogWriter) -> None:
    """An append that came before the epoch was raised is part of the log; after it there is none."""
    async with log.locked():
        appending = asyncio.create_task(append(writer, mixed(SMALL)))
        await log.somebody_waits()
        raising = asyncio.create_task(log.raise_epoch())
        await log.somebody_waits(2)
    rows = await appending
    await raising

    with pytest.raises(Fenced):
        await append(writer, mixed(SMALL, SMALL + 1))
    assert Head(2, SMALL, rows[-1].hash) == await log.reader.head()
    assert rows == await whole(log)


async def test_pages(log: LogUnderContract, writer: LogWriter) -> None:
    """Events come in pages of a size, from a place to a place, their chain checked."""
    rows = await append(writer, mixed(25))
    reader = log.reader

    assert [rows[:10], rows[10:20], rows[20:]] == [page async for page in reader.pages(page_events=10)]
    assert [rows[5:15], rows[15:18]] == [
        page async for page in reader.pages(5, 18, page_events=10, verify=True)
    ]
    assert [] == [page async for page in reader.pages(25)]
    assert [GENESIS, rows[6].hash] == [await reader.hash_at(0), await reader.hash_at(7)]
    assert [rows[6], None] == [await reader.event(7), await reader.event(26)]
    with pytest.raises(ChainBroken, match="event 26: it is missing"):
        await reader.hash_at(26)


async def test_following(log: LogUnderContract, writer: LogWriter) -> None:
    """Who follows gets what was there and what comes, without a gap."""
    rows = await append(writer, mixed(SMALL))
    wake = asyncio.Event()
    pages = log.reader.follow(1, wake=wake, poll_s=30)

    first = await anext(pages)
    coming = asyncio.ensure_future(anext(pages))
    rows += await append(writer, mixed(SMALL, SMALL + 1))
    wake.set()
    async with asyncio.timeout(20):
        second = await coming
    await pages.aclose()

    assert rows[1:] == first + second


async def test_what_gateways_ask(log: LogUnderContract, writer: LogWriter) -> None:
    """The events of a command, of an account, fills and candles: the same answers from both."""
    rows = await append(writer, mixed(60))
    recorded = [row.to_recorded() for row in rows]
    account, symbol = ACCOUNTS[1], SYMBOLS[0]
    reader = log.reader
    touching = [
        each for each, row in zip(recorded, rows, strict=True) if account in (row.account, row.counterparty)
    ]
    fills = [each for each in recorded if isinstance(each.event, Fill) and each.event.instrument == symbol]
    hour_ns = 3600 * SECOND_NS

    assert [recorded[6]] == await reader.command(7)
    assert [] == await reader.command(61)
    assert touching == await reader.account_events(account)
    assert [each for each in touching if 10 < each.seq <= 40][:4] == await reader.account_events(
        account, 10, 40, 4
    )
    assert [each for each in touching if isinstance(each.event, Fill)] == await reader.account_events(
        account, kinds=[Fill.kind]
    )
    assert fills == await reader.fills_before(symbol)
    assert [each for each in fills if each.seq < 40][-2:] == await reader.fills_before(symbol, 40, 2)
    for up_to in (None, 40):
        counted = [each for each in fills if up_to is None or each.seq <= up_to]
        (candle,) = await reader.candles(symbol, hour_ns, START_NS, START_NS + hour_ns, 1, up_to)
        prices = [each.event.price for each in counted if isinstance(each.event, Fill)]
        assert (prices[0], max(prices), min(prices), prices[-1], len(prices)) == (
            candle.open,
            candle.high,
            candle.low,
            candle.close,
            candle.trades,
        )
        assert sum(each.event.quantity for each in counted if isinstance(each.event, Fill)) == candle.volume


async def test_snapshots(log: LogUnderContract, writer: LogWriter) -> None:
    """Snapshots are taken of what the log has, the newest before a place is found, and two are kept."""
    rows = await append(writer, mixed(9))
    taken = [Snapshot(seq, rows[seq - 1].hash, "test", b"state %d" % seq) for seq in (3, 6, 9)]
    assert Found(None, []) == await log.snapshots.newest_good()
    with pytest.raises(SnapshotRefused):
        await log.snapshots.save(Snapshot(3, GENESIS, "test", b"of another log"))
    with pytest.raises(SnapshotRefused):
        await log.snapshots.save(Snapshot(10, rows[-1].hash, "test", b"of the future"))
    for each in taken:
        await log.snapshots.save(each)

    assert 9 == await log.snapshots.newest_seq()
    assert Found(taken[2], []) == await log.snapshots.newest_good()
    assert Found(taken[1], []) == await log.snapshots.newest_good(9)
    assert Found(None, []) == await log.snapshots.newest_good(6)
