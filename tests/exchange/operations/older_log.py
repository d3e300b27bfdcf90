"""A log that an older program wrote: before the log said what was asked, in the first form of the schema."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from exchange.log.files import read_file
from exchange.log.migrations import STEPS, migrate
from exchange.log.record import COLUMNS, StoredEvent

FILE = Path(__file__).parents[1] / "log" / "golden_logs" / "schema_1.jsonl"
"""260 events of random trading, written on 2026-11-23 by the program of schema 1. It is never written again."""


def older_rows() -> list[StoredEvent]:
    """What the file says."""
    return [row for page in read_file(FILE) for row in page]


async def restore_older_log(dsn: str) -> None:
    """Make the database what that program left."""
    await migrate(dsn, {1: STEPS[1]})
    columns = [column for column in COLUMNS if column != "request"]
    connection = await asyncpg.connect(dsn)
    try:
        await connection.copy_records_to_table(
            "event",
            columns=columns,
            records=[tuple(getattr(row, column) for column in columns) for row in older_rows()],
        )
        await connection.execute("UPDATE writer SET epoch = 1")
    finally:
        await connection.close()
