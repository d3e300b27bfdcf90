"""Databases for measurements: empty, and gone afterwards."""

import asyncpg

from loadtest.databases import empty_database


async def databases(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return {row[0] for row in await connection.fetch("SELECT datname FROM pg_database")}
    finally:
        await connection.close()


async def test_the_server_given_is_left_as_it_was(dsn: str) -> None:
    """Neither the database of the address given nor another one is touched."""
    before = await databases(dsn)

    async with empty_database(dsn) as database:
        during = await databases(dsn)
        connection = await asyncpg.connect(database.dsn)
        name = await connection.fetchval("SELECT current_database()")
        await connection.close()

    assert {name} == during - before
    assert before == await databases(dsn)
