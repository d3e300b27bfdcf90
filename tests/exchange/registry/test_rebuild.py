"""The registry built anew: identical, or what differs is found and named, and mended."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from exchange.log.reader import LogReader
from exchange.registry import rebuild as rebuilding
from exchange.registry import store
from exchange.registry.rebuild import BESIDE, TABLES, RebuildRuns, rebuild
from exchange.registry.settlement import Settlement
from exchange.registry.store import RegistryStore, TakenOver
from tests.exchange.registry.settled import IDENTITY, SettledMarket, dump, execute, rebuilt, settle, trade
from tests.market import ALPHA, UNITS, V18, V19, Market

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@pytest.fixture
async def settled(dsn: str) -> SettledMarket:
    """Gives a market that has traded a little and closed a day, settled."""
    settled = SettledMarket(dsn, Market())
    trade(settled.market, Random(1), 20)
    settled.market.close_day("2026-11-24")
    await settled.settle()
    return settled


async def schemas(dsn: str) -> set[str]:
    """Postgres schemas whose names begin as ours."""
    connection = await asyncpg.connect(dsn)
    found = await connection.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'registry%'")
    await connection.close()
    return {row[0] for row in found}


async def test_a_rebuild_of_whole_tables_is_identical(settled: SettledMarket, dsn: str) -> None:
    """Same rows, same digest, and settlement goes on upon them."""
    before = await dump(dsn)
    told: list[tuple[int, int]] = []
    async with await LogReader.open(dsn, connections=2) as reader:
        result = await rebuild(dsn, reader, lambda seq, target: told.append((seq, target)))

    last = settled.market.state.last_seq
    assert (True, [], last, len(before["movement"])) == (
        result.identical,
        result.differences,
        result.seq,
        result.movements,
    )
    assert result.digest_before == result.digest
    assert (last, last) == told[-1]
    assert before == await dump(dsn)
    assert {"registry"} == await schemas(dsn)
    trade(settled.market, Random(2), 3)
    await settled.settle()
    await settled.check()


async def test_it_stops_where_the_tables_in_use_are(settled: SettledMarket, dsn: str) -> None:
    """What is not settled yet is left to settlement."""
    at = settled.market.state.last_seq
    trade(settled.market, Random(3), 3)
    await settled.log()

    result = await rebuilt(dsn)

    assert (True, at) == (result.identical, result.seq)
    await settle(dsn)
    await settled.check()


DAMAGES: list[tuple[str, str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "movement",
        "UPDATE registry.movement SET first = first + 1 WHERE seq = 20",
        {"seq": 20, "n": 1},
        {"first": 2},
        {"first": 1},
    ),
    (
        "movement",
        "UPDATE registry.movement SET to_account = 'mallory' WHERE seq = 21",
        {"seq": 21, "n": 1},
        {"to_account": "mallory"},
        {"to_account": "alpha"},
    ),
    (
        "holding",
        "UPDATE registry.holding SET account = 'mallory' WHERE batch_id = 1 AND first = 100001",
        {"batch_id": 1, "first": 100_001},
        {"account": "mallory"},
        {"account": "alpha-2"},
    ),
    (
        "posting",
        "UPDATE registry.posting SET balance = balance + 1 WHERE account = 'alpha' AND asset = 'EUR' AND seq = 19",
        {"account": ALPHA, "asset": "EUR", "seq": 19},
        {"balance": 10_000_001},
        {"balance": 10_000_000},
    ),
    (
        "retirement",
        "UPDATE registry.retirement SET beneficiary = 'Mallory' WHERE reference = 'retired-0'",
        {},
        {"beneficiary": "Mallory"},
        {"beneficiary": "Acme"},
    ),
    (
        "batch",
        "UPDATE registry.batch SET batch = 'opening-2017' WHERE batch_id = 1",
        {"batch_id": 1},
        {"batch": "opening-2017"},
        {"batch": "opening-2018"},
    ),
    (
        "business_day",
        "UPDATE registry.business_day SET seq = 7 WHERE business_date = '2026-11-23'",
        {"business_date": "2026-11-23"},
        {"seq": 7},
        {"seq": 1},
    ),
    (
        "class_total",
        "UPDATE registry.class_total SET held = held - 1, withdrawn = withdrawn + 1 WHERE class_id = 'VCS-1340-2018'",
        {"class_id": V18},
        {"held": 4 * UNITS - 1, "withdrawn": 1},
        {"held": 4 * UNITS, "withdrawn": 0},
    ),
    ("checkpoint", "UPDATE registry.checkpoint SET movements = 7", {"only_row": True}, {"movements": 7}, {}),
]


@pytest.mark.parametrize(("table", "damage", "key", "found", "right"), DAMAGES)
async def test_a_changed_row_is_found_and_named(
    settled: SettledMarket,
    dsn: str,
    table: str,
    damage: str,
    key: dict[str, Any],
    found: dict[str, Any],
    right: dict[str, Any],
) -> None:
    """Table and key, what stood there, and what the log says; afterwards it stands there."""
    whole = await dump(dsn)
    await execute(dsn, damage)

    result = await rebuilt(dsn)

    assert not result.identical
    (difference,) = result.differences
    assert table == difference.table
    assert key.items() <= difference.key.items()
    assert difference.found is not None
    assert difference.rebuilt is not None
    assert found.items() <= difference.found.items()
    assert right.items() <= difference.rebuilt.items()
    assert whole == await dump(dsn)


async def test_missing_and_foreign_rows_are_named(settled: SettledMarket, dsn: str) -> None:
    """A row that is gone, and one that no event made."""
    whole = await dump(dsn)
    await execute(
        dsn,
        "DELETE FROM registry.movement WHERE seq = 20",
        f"INSERT INTO registry.issuance VALUES (21, 7, 'units_issued', '{V19}', 1, 5, 9, 'mallory', 'r', 0)",
    )

    result = await rebuilt(dsn)

    movement, issuance = result.differences
    assert ("movement", {"seq": 20, "n": 1}, None) == (movement.table, movement.key, movement.found)
    assert ("issuance", {"seq": 21, "n": 7}, None) == (issuance.table, issuance.key, issuance.rebuilt)
    assert whole == await dump(dsn)


async def test_only_so_many_rows_are_named(settled: SettledMarket, dsn: str) -> None:
    """However much is damaged."""
    await execute(dsn, "DELETE FROM registry.posting", "DELETE FROM registry.movement")

    result = await rebuilt(dsn)

    assert rebuilding.MOST_DIFFERENCES == len(result.differences)
    assert not result.identical


@pytest.mark.parametrize(
    "before",
    [
        ("DROP SCHEMA registry CASCADE",),
        ("UPDATE registry.settler SET form = 'another'",),
        ("DROP TABLE registry.settler",),
    ],
    ids=["nothing", "another form", "no settler"],
)
async def test_without_anything_to_compare(settled: SettledMarket, dsn: str, before: tuple[str, ...]) -> None:
    """The tables are built up to the end of the log."""
    whole = await dump(dsn)
    await execute(dsn, *before)

    result = await rebuilt(dsn)

    assert (None, False, []) == (result.digest_before, result.identical, result.differences)
    assert whole == await dump(dsn)
    await settle(dsn)


async def test_a_registry_ahead_of_its_log_is_found(settled: SettledMarket, dsn: str) -> None:
    """When an older backup of the log was restored, the rebuilt tables end where the log does."""
    await execute(dsn, "UPDATE registry.checkpoint SET seq = 1000000")

    result = await rebuilt(dsn)

    assert ["checkpoint"] == [difference.table for difference in result.differences]
    assert settled.market.state.last_seq == result.seq
    await settle(dsn)
    await settled.check()


async def test_a_running_settlement_begins_again(
    settled: SettledMarket, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept out while the tables are compared and changed, then told to start anew; nothing is lost."""
    market = settled.market
    async with (
        await LogReader.open(dsn, connections=2) as reader,
        await RegistryStore.open(dsn, IDENTITY) as store,
    ):
        settlement = await Settlement.resume(reader, store)
        during: list[asyncio.Task[None]] = []
        real_compare: Callable[[Any], Awaitable[Any]] = rebuilding._compare

        async def compare(connection: Any) -> Any:
            trade(market, Random(4), 3)
            await settled.log()
            during.append(asyncio.create_task(settlement.catch_up()))
            # Until it waits for the lock.
            watcher = await asyncpg.connect(dsn)
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while not await watcher.fetchval(waiting):
                assert not during[0].done()
            await watcher.close()
            return await real_compare(connection)

        monkeypatch.setattr(rebuilding, "_compare", compare)
        result = await rebuild(dsn, reader)
        assert result.identical
        with pytest.raises(TakenOver):
            await during[0]
    await settle(dsn)
    await settled.check()


async def test_it_catches_up_with_a_settlement_that_goes_on(
    settled: SettledMarket, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounds end when little is left; the rest is settled with settlement kept out."""
    monkeypatch.setattr(rebuilding, "_CLOSE_EVENTS", 10)
    rounds: list[int] = []
    real_settle = rebuilding._settle

    async def settle_meanwhile(settlement: Settlement, target: int, on_progress: Any) -> None:
        rounds.append(target)
        if len(rounds) < 3:
            trade(settled.market, Random(len(rounds)), 10)
            await settled.settle()
        await real_settle(settlement, target, on_progress)

    monkeypatch.setattr(rebuilding, "_settle", settle_meanwhile)

    result = await rebuilt(dsn)

    assert result.identical
    assert settled.market.state.last_seq == result.seq == rounds[-1]
    assert 4 == len(rounds)
    await settled.check()


async def test_one_rebuild_at_a_time(
    settled: SettledMarket, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is refused; what a rebuild that died left behind is cleared away."""
    await execute(dsn, f"CREATE SCHEMA {BESIDE}", f"CREATE TABLE {BESIDE}.movement (seq bigint)")

    async def try_another(_connection: Any) -> Any:
        with pytest.raises(RebuildRuns, match="another process rebuilds"):
            await rebuilt(dsn)
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(rebuilding, "_compare", try_another)
        with pytest.raises(InterruptedError):
            await rebuilt(dsn)
    assert (await rebuilt(dsn)).identical
    assert {"registry"} == await schemas(dsn)


def test_all_tables_are_compared() -> None:
    """Every table of the schema but the one that is about processes."""
    made = {line.split()[2] for line in store._SQL.splitlines() if line.startswith("CREATE TABLE")}
    assert {*TABLES, "settler"} == made
