"""Whatever somebody changes in the registry's tables or in the log behind them: verification finds and names it, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import pytest

from exchange.log.chain import ChainBroken
from exchange.log.reader import LogReader
from exchange.registry.rebuild import BESIDE, TABLES, verify
from tests.exchange.log.conftest import tamper
from tests.exchange.registry.settled import SettledMarket, dealt_market, dump, execute, rebuilt, settle

if TYPE_CHECKING:
    from exchange.registry.rebuild import Rebuilt

CHANGED = {
    "bigint": "coalesce({0}, 0) + 1",
    "integer": "{0} + 1",
    "text": "{0} || 'x'",
    "bytea": "set_byte({0}, 0, get_byte({0}, 0) # 1)",
    "date": "{0} + 1",
    "boolean": "NOT {0}",
    "ARRAY": "{0} || ARRAY['x']",
}
"""The smallest change of a value, by the name of its type."""


class Column(NamedTuple):
    """Of a table; those that the database derives from others are left out."""

    name: str
    changed: str


@pytest.fixture
async def settled(dsn: str) -> SettledMarket:
    """Gives a market with all that happens to units, settled; whose tables have lost the checks that would refuse a change."""
    settled = SettledMarket(dsn, dealt_market())
    await settled.settle()
    connection = await asyncpg.connect(dsn)
    checks = await connection.fetch(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE connamespace = 'registry'::regnamespace AND contype IN ('c', 'x')"
    )
    await connection.close()
    await execute(dsn, *(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, name in checks))
    return settled


async def verified(dsn: str) -> Rebuilt:
    """Verify the registry."""
    async with await LogReader.open(dsn, connections=2) as reader:
        return await verify(dsn, reader)


async def columns_of(connection: Any, table: str) -> list[Column]:
    """The columns of a table, in order."""
    found = await connection.fetch(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'registry'"
        " AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position",
        table,
    )
    return [Column(name, CHANGED[kind].format(name)) for name, kind in found]


async def change_each_column(dsn: str, table: str) -> list[dict[str, Any]]:
    """Change the columns beside the key, each in another row while there are rows; answers the keys of the rows."""
    key = TABLES[table]
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(f"SELECT ctid, * FROM registry.{table} ORDER BY {', '.join(key)}")
    damaged: list[dict[str, Any]] = []
    for number, column in enumerate(
        one for one in await columns_of(connection, table) if one.name not in key
    ):
        row = rows[number % len(rows)]
        where = " AND ".join(f"{name} = ${place}" for place, name in enumerate(key, 1))
        done = await connection.execute(
            f"UPDATE registry.{table} SET {column.name} = {column.changed} WHERE {where}",
            *(row[name] for name in key),
        )
        assert "UPDATE 1" == done
        damaged.append({name: _as_json(row[name]) for name in key})
    await connection.close()
    return [one for number, one in enumerate(damaged) if one not in damaged[:number]]


def _as_json(value: Any) -> Any:
    return value if isinstance(value, int | str) else str(value)


@pytest.mark.parametrize("table", TABLES)
async def test_a_change_in_any_column_is_named(table: str, settled: SettledMarket, dsn: str) -> None:
    """Table and key of each changed row, with what was found and what the log says; the tables stay as they were found."""
    damaged = await change_each_column(dsn, table)
    before = await dump(dsn)

    result = await verified(dsn)

    assert not result.identical
    assert {table} == {difference.table for difference in result.differences}
    assert sorted(map(str, damaged)) == sorted(str(difference.key) for difference in result.differences)
    assert all(difference.found and difference.rebuilt for difference in result.differences)
    assert before == await dump(dsn)


@pytest.mark.parametrize("table", [table for table in TABLES if table != "checkpoint"])
async def test_a_row_of_another_key_is_named(table: str, settled: SettledMarket, dsn: str) -> None:
    """It is one row too many, and the one that it was is missing."""
    name = TABLES[table][-1]
    connection = await asyncpg.connect(dsn)
    (column,) = [one for one in await columns_of(connection, table) if one.name == name]
    order = ", ".join(f"{one} DESC" for one in TABLES[table])
    done = await connection.execute(
        f"UPDATE registry.{table} SET {name} = {column.changed}"
        f" WHERE ctid = (SELECT ctid FROM registry.{table} ORDER BY {order} LIMIT 1)"
    )
    assert "UPDATE 1" == done
    await connection.close()

    result = await verified(dsn)

    assert {table} == {difference.table for difference in result.differences}
    assert 2 == len(result.differences)
    assert [False, True] == sorted(difference.found is None for difference in result.differences)
    assert [False, True] == sorted(difference.rebuilt is None for difference in result.differences)


async def test_whole_tables_are_verified(settled: SettledMarket, dsn: str) -> None:
    """Identical, by the digest of all rows; the tables that were built beside are gone."""
    before = await dump(dsn)

    result = await verified(dsn)

    assert (True, []) == (result.identical, result.differences)
    assert result.digest_before == result.digest
    assert before == await dump(dsn)
    connection = await asyncpg.connect(dsn)
    assert None is await connection.fetchval("SELECT to_regnamespace($1)", BESIDE)
    await connection.close()
    # Settlement that runs need not begin again.
    settled.market.deposit_units("gamma", "VCS-1340-2019", 7)
    await settled.settle()
    await settled.check()


async def test_a_rebuild_mends_a_lost_checkpoint(settled: SettledMarket, dsn: str) -> None:
    """It is named like any other row, and what else is there is compared up to the end of the log."""
    whole = await dump(dsn)
    await execute(dsn, "DELETE FROM registry.checkpoint")

    result = await rebuilt(dsn)

    (difference,) = result.differences
    assert ("checkpoint", None) == (difference.table, difference.found)
    assert whole == await dump(dsn)


async def test_a_rebuild_makes_a_lost_table_anew(settled: SettledMarket, dsn: str) -> None:
    """There is nothing to compare with then."""
    whole = await dump(dsn)
    await execute(dsn, "DROP TABLE registry.posting")

    result = await rebuilt(dsn)

    assert (None, False) == (result.digest_before, result.identical)
    assert whole == await dump(dsn)
    await settle(dsn)


FLIPPED = "set_byte({0}, 3, get_byte({0}, 3) # 1)"


@pytest.mark.parametrize(
    "damage",
    [
        f"UPDATE event SET payload = {FLIPPED.format('payload')}",
        f"UPDATE event SET hash = {FLIPPED.format('hash')}",
        "UPDATE event SET account = 'mallory'",
        "UPDATE event SET recorded_at = recorded_at + 1",
        "DELETE FROM event",
    ],
    ids=["payload", "hash", "column", "time", "missing"],
)
async def test_damage_of_the_log_is_named(damage: str, settled: SettledMarket, dsn: str) -> None:
    """The event's seq, for verification and rebuild; the tables stay as they are."""
    before = await dump(dsn)
    seq = min(row[0] for row in before["movement"] if row[2] == "retired")
    await tamper(dsn, f"{damage} WHERE seq = {seq}")

    for check in (verified, rebuilt):
        with pytest.raises(ChainBroken) as broken:
            await check(dsn)
        assert seq == broken.value.seq
    assert before == await dump(dsn)
