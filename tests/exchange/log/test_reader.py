"""Reading the log: pages, the live end, and what participants ask for."""

import asyncio
import contextlib
import json

import asyncpg
import pytest

from exchange.domain import events as ev
from exchange.domain.rejects import RejectCode
from exchange.log import reader as reader_module
from exchange.log.chain import GENESIS, ChainBroken
from exchange.log.codec import encode
from exchange.log.reader import Candle, LogReader
from exchange.log.writer import LogWriter
from tests.exchange.log.conftest import append, tamper
from tests.exchange.log.samples import (
    SECOND_NS,
    START_NS,
    SYMBOLS,
    accepted,
    cancelled,
    fill,
    mixed,
    record,
)
from tests.waiting import eventually


def seqs(recorded: list[ev.Recorded]) -> list[int]:
    return [item.seq for item in recorded]


@pytest.mark.parametrize("page_events", [1, 7, 10, 25, 26])
async def test_pages_tile_the_log(page_events: int, writer: LogWriter, reader: LogReader) -> None:
    """Pages give every event once, in order, full but for the last; none is empty."""
    rows = await append(writer, mixed(25))

    pages = [page async for page in reader.pages(page_events=page_events)]

    assert [rows[start : start + page_events] for start in range(0, 25, page_events)] == pages


@pytest.mark.parametrize(
    ("after_seq", "up_to", "expected"),
    [
        (0, None, range(1, 26)),
        (10, None, range(11, 26)),
        (10, 14, range(11, 15)),
        (25, None, range(0)),
        (9, 9, range(0)),
        (20, 99, range(21, 26)),
        (0, 10, range(1, 11)),
    ],
)
async def test_pages_of_a_part(
    after_seq: int, up_to: int | None, expected: range, writer: LogWriter, reader: LogReader
) -> None:
    """Reading starts after one event and stops with another, or at the end."""
    await append(writer, mixed(25))

    found = [row.seq async for page in reader.pages(after_seq, up_to, page_events=5) for row in page]

    assert list(expected) == found


async def test_the_log_may_grow_while_it_is_read(writer: LogWriter, reader: LogReader) -> None:
    """What comes after the reader began is read as far as it is there when the reader arrives."""
    await append(writer, mixed(20))
    found: list[int] = []

    async for page in reader.pages(page_events=8):
        found += [row.seq for row in page]
        if page[0].seq == 1:
            await append(writer, mixed(20, 21))

    assert list(range(1, 41)) == found


async def test_reading_may_stop_anywhere(writer: LogWriter, reader: LogReader) -> None:
    """A reader that stops leaves no page on its way, and the next one starts afresh."""
    await append(writer, mixed(25))
    async with contextlib.aclosing(reader.pages(page_events=5)) as pages:
        first = await anext(pages)
        tasks_during = len(asyncio.all_tasks())
    async with contextlib.aclosing(reader.pages(page_events=5)) as pages:
        second = await anext(pages)

    assert first == second
    assert tasks_during - 1 == len(asyncio.all_tasks())


async def test_a_reader_cannot_write(writer: LogWriter, reader: LogReader) -> None:
    """Readers' connections refuse to write."""
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await reader._pool.execute("UPDATE writer SET epoch = 0")


async def test_following_gives_everything_in_order(writer: LogWriter, reader: LogReader) -> None:
    """A follower that is woken sees the past and then each append, without gaps or repeats."""
    await append(writer, mixed(10))
    wake = asyncio.Event()
    found: list[int] = []

    async def follow() -> None:
        async for page in reader.follow(3, wake=wake, poll_s=3600, page_events=4):
            found.extend(row.seq for row in page)

    following = asyncio.create_task(follow())
    for count in (1, 9, 4, 300, 1):
        await append(writer, mixed(count, writer.last_seq + 1))
        wake.set()
        await eventually(lambda: found and found[-1] == writer.last_seq, "the follower arrives at the end")
    following.cancel()

    assert list(range(4, 326)) == found


async def test_following_without_being_woken(writer: LogWriter, reader: LogReader) -> None:
    """A follower that nobody wakes looks for itself."""
    pages = reader.follow(0, poll_s=0.01)
    waiting = asyncio.ensure_future(anext(pages))
    rows = await append(writer, mixed(3))

    async with asyncio.timeout(30):
        assert rows == await waiting
    await pages.aclose()


async def test_a_follower_loses_no_wake_up(writer: LogWriter, reader: LogReader) -> None:
    """A wake-up that comes while the follower reads or is busy makes it look again."""
    wake = asyncio.Event()
    pages = reader.follow(0, wake=wake, poll_s=3600)
    await append(writer, mixed(1))
    first = await anext(pages)
    # The follower stands inside its last page now.
    second = await append(writer, mixed(1, 2))
    wake.set()

    async with asyncio.timeout(30):
        assert [1] == [row.seq for row in first]
        assert second == await anext(pages)
    await pages.aclose()


async def test_hashes_by_seq(writer: LogWriter, reader: LogReader) -> None:
    """The beginning has a hash, too; what is not there has none."""
    rows = await append(writer, mixed(5))

    assert [GENESIS, rows[2].hash] == [await reader.hash_at(0), await reader.hash_at(3)]
    with pytest.raises(ChainBroken, match="event 6: it is missing"):
        await reader.hash_at(6)


@pytest.mark.parametrize("size", [1, 31, 32, 33, 512, 600])
async def test_the_events_of_one_command(size: int, writer: LogWriter, reader: LogReader) -> None:
    """A command gives all of its events, however many, and none of its neighbours'."""
    events = [
        ev.Recorded(seq, 3 if 3 <= seq < 3 + size else seq, START_NS, accepted(seq))
        for seq in range(1, size + 6)
    ]
    await append(writer, events)

    assert events[2 : 2 + size] == await reader.command(3)
    assert events[1:2] == await reader.command(2)
    assert [] == await reader.command(size + 6)


async def test_a_seq_inside_a_command_names_none(writer: LogWriter, reader: LogReader) -> None:
    """Only the first event's seq is the name of a command."""
    await append(writer, [ev.Recorded(seq, 1, START_NS, accepted(seq)) for seq in (1, 2, 3)])

    assert [] == await reader.command(2)


async def test_the_events_of_an_account(writer: LogWriter, reader: LogReader) -> None:
    """An account sees what it did and both sides of its trades, in order, and nothing of others."""
    events = record(
        [
            accepted(1, "ACME"),
            accepted(2, "BETA"),
            fill("ACME", "BETA"),
            fill("GAMMA", "ACME"),
            fill("GAMMA", "BETA"),
            cancelled(6, "ACME"),
            ev.CashDeposited("ops", "ACME", "USD", 5, "wire"),
            ev.RequestRefused("CancelAll", "key", "ACME", RejectCode.NOT_PERMITTED, "no"),
            ev.DayClosed("ops", "2026-11-23", "2026-11-24", ()),
        ]
    )
    await append(writer, events)

    found = await reader.account_events("ACME")

    assert [events[index] for index in (0, 2, 3, 5, 6, 7)] == found
    assert [] == await reader.account_events("NOBODY")


@pytest.mark.parametrize(
    ("after_seq", "up_to", "limit", "kinds", "expected"),
    [
        (3, None, 1000, None, [4, 6, 7, 8]),
        (3, 7, 1000, None, [4, 6, 7]),
        (0, None, 3, None, [1, 3, 4]),
        (3, 7, 2, None, [4, 6]),
        (0, None, 1000, ["fill"], [3, 4, 8]),
        (3, None, 1, ["fill"], [4]),
        (0, 3, 1000, ["fill", "order_accepted"], [1, 3]),
        (0, None, 1000, [], []),
    ],
)
async def test_a_part_of_the_events_of_an_account(
    after_seq: int,
    up_to: int | None,
    limit: int,
    kinds: list[str] | None,
    expected: list[int],
    writer: LogWriter,
    reader: LogReader,
) -> None:
    """Bounds, a limit and kinds apply to both sides of the trades together."""
    await append(
        writer,
        record(
            [
                accepted(1, "ACME"),
                accepted(2, "BETA"),
                fill("ACME", "BETA"),
                fill("BETA", "ACME"),
                fill("BETA", "GAMMA"),
                cancelled(6, "ACME"),
                accepted(7, "ACME"),
                fill("GAMMA", "ACME"),
            ]
        ),
    )

    assert expected == seqs(await reader.account_events("ACME", after_seq, up_to, limit, kinds))


async def test_fills_of_an_instrument(writer: LogWriter, reader: LogReader) -> None:
    """The tape of an instrument is read forwards from a place or backwards from another."""
    events = record([fill(symbol=SYMBOLS[seq % 2]) if seq % 3 else accepted(seq) for seq in range(1, 31)])
    await append(writer, events)
    tape = [item for item in events if item.seq % 3 and item.seq % 2 == 0]

    assert tape == await reader.fills_after(SYMBOLS[0])
    assert tape[3:5] == await reader.fills_after(SYMBOLS[0], tape[2].seq, 2)
    assert tape == await reader.fills_before(SYMBOLS[0])
    assert tape[-2:] == await reader.fills_before(SYMBOLS[0], limit=2)
    assert tape[2:5] == await reader.fills_before(SYMBOLS[0], tape[5].seq, 3)
    assert [] == await reader.fills_after("NOTHING")


async def test_candles(writer: LogWriter, reader: LogReader) -> None:
    """A candle has the first, highest, lowest and last price and the sums of its interval; empty intervals have none."""
    minute_ns = 60 * SECOND_NS
    trades = [(10, 50, 1), (59, 70, 2), (60, 60, 4), (70, 40, 8), (119, 45, 16), (240, 99, 32)]
    events = [
        ev.Recorded(seq, seq, START_NS + second * SECOND_NS, fill(price=price, quantity=quantity))
        for seq, (second, price, quantity) in enumerate(trades, 1)
    ]
    events.append(ev.Recorded(7, 7, START_NS + 250 * SECOND_NS, fill(symbol=SYMBOLS[1], price=1)))
    await append(writer, events)
    first = Candle(START_NS, 50, 70, 50, 70, 3, 2)
    second = Candle(START_NS + minute_ns, 60, 60, 40, 45, 28, 3)
    fifth = Candle(START_NS + 4 * minute_ns, 99, 99, 99, 99, 32, 1)

    async def candles(
        since_minute: int, until_minute: int, limit: int = 1000, up_to: int | None = None
    ) -> list[Candle]:
        since_ns, until_ns = START_NS + since_minute * minute_ns, START_NS + until_minute * minute_ns
        return await reader.candles(SYMBOLS[0], minute_ns, since_ns, until_ns, limit, up_to)

    assert [first, second, fifth] == await candles(0, 5)
    assert [second] == await candles(1, 4)
    assert [second, fifth] == await candles(0, 9, limit=2)
    assert [first, Candle(START_NS + minute_ns, 60, 60, 60, 60, 4, 1)] == await candles(0, 9, up_to=3)
    assert [] == await candles(5, 9)


async def test_places_by_time(writer: LogWriter, reader: LogReader) -> None:
    """A time gives the first event that was recorded then or later; several events may have the same time."""
    times = [10, 20, 20, 20, 30]
    await append(writer, [ev.Recorded(seq, seq, at, accepted(seq)) for seq, at in enumerate(times, 1)])

    found = [await reader.first_seq_at(at) for at in (0, 10, 11, 20, 21, 30, 31)]

    assert [1, 1, 2, 2, 5, 5, 6] == found


async def test_an_empty_log_has_no_place_in_time(reader: LogReader) -> None:
    """In an empty log every time leads to the first event to come."""
    assert 1 == await reader.first_seq_at(START_NS)


async def test_the_log_in_sql(writer: LogWriter, log_dsn: str) -> None:
    """People read payloads as jsonb and times as timestamps, whatever text a participant sent."""
    refused = ev.RequestRefused(
        "CancelOrder", "key", "A", RejectCode.UNKNOWN_ORDER, "no", 1, "a\0b\\u0000c\\\0"
    )
    recorded_at = START_NS + 123_456_789
    await append(writer, [ev.Recorded(1, 1, recorded_at, fill()), ev.Recorded(2, 2, recorded_at, refused)])

    connection = await asyncpg.connect(log_dsn)
    rows = await connection.fetch(
        "SELECT recorded_at::text, payload, payload->>'client_order_id' FROM event_json ORDER BY seq"
    )
    await connection.close()

    assert "2026-11-23 00:00:00.123456+00" == rows[0][0]
    assert json.loads(encode(fill())) == json.loads(rows[0][1])
    assert "a\ufffdb\\u0000c\\\ufffd" == rows[1][2]


@pytest.mark.parametrize("analysed", [True, False])
async def test_participants_queries_use_their_indexes(
    analysed: bool, writer: LogWriter, log_dsn: str
) -> None:
    """What participants ask is answered from an index, with and without statistics: never by reading the whole log."""
    rows: list[ev.Event] = [
        accepted(seq, f"A{seq % 100}") if seq % 10 else fill(f"A{seq % 97}", f"A{seq % 89}")
        for seq in range(20_000)
    ]
    await append(writer, record(rows))
    explain = await asyncpg.connect(log_dsn, server_settings=reader_module._SETTINGS)
    await explain.execute("SET default_transaction_read_only = off")
    await explain.execute("ALTER TABLE event SET (autovacuum_enabled = off)")
    if analysed:
        await explain.execute("ANALYZE event")

    async def indexes(query: str, *values: object) -> set[str]:
        text: str = await explain.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *values)
        return {node.get("Index Name", "none") for node in scans(json.loads(text)[0]["Plan"])}

    found = [
        await indexes(reader_module._ACCOUNT_ALL_KINDS, "A7", 10, 2**63 - 1, 100),
        await indexes(reader_module._ACCOUNT_SOME_KINDS, "A7", 10, 2**63 - 1, 100, ["fill"]),
        await indexes(reader_module._NEWEST_FILLS, SYMBOLS[0], 0, 2**63 - 1, 100),
        await indexes(reader_module._CANDLES, SYMBOLS[0], SECOND_NS, START_NS, 2 * START_NS, 100, 2**63 - 1),
        await indexes(reader_module._PAGE, 5000, 2**63 - 1, 1000),
        await indexes(reader_module._COMMAND, 5000, 32),
    ]
    await explain.close()

    account = {"event_account", "event_counterparty"}
    assert [account, account, {"event_fill"}, {"event_fill"}, {"event_pkey"}, {"event_pkey"}] == found


def scans(node: dict[str, object]) -> list[dict[str, str]]:
    """The leaves of a plan."""
    children = node.get("Plans", [])
    assert isinstance(children, list)
    return [leaf for child in children for leaf in scans(child)] if children else [node]  # type: ignore[list-item]


DAMAGE = {
    "payload": (
        "UPDATE event SET payload = replace(convert_from(payload, 'UTF8'), '\"ACME\"', '\"BETA\"')::bytea WHERE seq = 8",
        8,
    ),
    "account": ("UPDATE event SET account = 'BETA' WHERE seq = 8", 8),
    "counterparty": ("UPDATE event SET counterparty = NULL WHERE seq = 10", 10),
    "time": ("UPDATE event SET recorded_at = recorded_at + 1 WHERE seq = 8", 8),
    "command": ("UPDATE event SET command = 7 WHERE seq = 8", 8),
    "epoch": ("UPDATE event SET epoch = 2 WHERE seq = 8", 8),
    "kind": ("UPDATE event SET kind = 'fill' WHERE seq = 8", 8),
    "version": ("UPDATE event SET version = 2 WHERE seq = 8", 8),
    "hash": ("UPDATE event SET hash = sha256(hash) WHERE seq = 8", 8),
    "hash of the last": ("UPDATE event SET hash = sha256(hash) WHERE seq = 20", 20),
    "deleted": ("DELETE FROM event WHERE seq = 8", 8),
    "deleted first": ("DELETE FROM event WHERE seq = 1", 1),
    "deleted at the edge of a page": ("DELETE FROM event WHERE seq = 6", 6),
    "deleted and renumbered": (
        "DELETE FROM event WHERE seq = 8; UPDATE event SET seq = seq - 1 WHERE seq > 8",
        8,
    ),
    "swapped": (
        "UPDATE event SET seq = 99 WHERE seq = 8; UPDATE event SET seq = 8 WHERE seq = 9; UPDATE event SET seq = 9 WHERE seq = 99",
        8,
    ),
}


@pytest.mark.parametrize(("statements", "seq"), DAMAGE.values(), ids=DAMAGE)
async def test_damage_is_found(
    statements: str, seq: int, writer: LogWriter, reader: LogReader, log_dsn: str
) -> None:
    """Whatever somebody with all rights does to the rows of the log, reading it stops there."""
    await append(writer, mixed(20))
    await tamper(log_dsn, statements)

    with pytest.raises(ChainBroken) as caught:
        async for _page in reader.pages(verify=True, page_events=5):
            pass
    with pytest.raises(ChainBroken) as caught_in_tail:
        async for _page in reader.pages(seq - 1, verify=True):
            pass

    assert [seq, seq] == [caught.value.seq, caught_in_tail.value.seq]


async def test_a_missing_event_is_always_found(writer: LogWriter, reader: LogReader, log_dsn: str) -> None:
    """Readers that do not verify hashes still do not pass over a gap."""
    await append(writer, mixed(20))
    await tamper(log_dsn, "DELETE FROM event WHERE seq = 8")

    with pytest.raises(ChainBroken, match="event 8: it is missing, event 9 comes next"):
        async for _page in reader.pages():
            pass


async def test_postgres_itself_can_verify_the_chain(writer: LogWriter, log_dsn: str) -> None:
    """The chain needs no program of ours to be checked: an auditor's query in SQL finds the same hashes."""
    rows = await append(writer, mixed(50))
    connection = await asyncpg.connect(log_dsn)
    computed = await connection.fetch(
        """
        SELECT sha256(lag(hash, 1, sha256('carbon-exchange genesis 1\n'::bytea)) OVER (ORDER BY seq)
            || sha256('carbon-exchange event 1\n'::bytea || int8send(seq) || int8send(epoch) || int8send(command) || int8send(recorded_at) || int2send(version)
            || int2send(octet_length(kind)::int2)
            || int2send(coalesce(octet_length(instrument), -1)::int2)
            || int2send(coalesce(octet_length(account), -1)::int2)
            || int2send(coalesce(octet_length(counterparty), -1)::int2)
            || int4send(octet_length(payload))
            || convert_to(concat(kind, instrument, account, counterparty), 'UTF8') || payload))
        FROM event ORDER BY seq
        """
    )
    await connection.close()

    assert [row.hash for row in rows] == [row[0] for row in computed]
