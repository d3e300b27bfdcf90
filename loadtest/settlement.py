"""Measures how fast settlement replays fills, beside a bare COPY of as many movements in the same run.

python -m loadtest.settlement [--fills N] [--rounds K] [--json] [--dsn ADDRESS]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

import asyncpg
import click
import msgspec
import psutil

from exchange.domain.events import Event, Recorded
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.record import seal
from exchange.log.writer import LogWriter
from exchange.registry.settlement import Settlement
from exchange.registry.store import RegistryStore
from loadtest import databases, fill_history, measuring

_BATCH_EVENTS = 10_000
_STEP_NS = 1_000


class Report(msgspec.Struct):
    """What one call measured."""

    host: str
    mix: str
    fills: int
    events: int
    movements: int
    fills_per_s: list[float]
    """One figure a round."""
    median_fills_per_s: float
    bare_copy_rows_per_s: list[float]
    """As many rows as there are movements, into a table without index, check or trigger."""
    median_bare_copy_rows_per_s: float
    memory_mb: list[int]
    """Resident size of this process after each round's settlement."""


@click.command(help=__doc__)
@click.option("--fills", default=100_000, show_default=True, type=click.IntRange(1_000, 10_000_000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
@click.option("--dsn", help="A Postgres to use instead of one of our own.")
def main(fills: int, rounds: int, *, as_json: bool, dsn: str | None) -> None:
    """Measure and print."""
    report = asyncio.run(measure(fills, rounds, dsn))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        return
    print(report.host)
    print(report.mix)
    print(f"{report.fills:,} fills in {report.events:,} events, {report.movements:,} movements")
    print(f"settled   {report.median_fills_per_s:12,.0f} fills/s, median of {rounds}")
    print(f"bare COPY {report.median_bare_copy_rows_per_s:12,.0f} rows/s, median of {rounds}")
    print(f"memory    {report.memory_mb} MB")


async def measure(fills: int, rounds: int, dsn: str | None) -> Report:
    """Write one log, then settle all of it anew in every round."""
    async with databases.empty_database(dsn) as database:
        events = await _write_log(database.dsn, fills)
        settled: list[float] = []
        copied: list[float] = []
        memory: list[int] = []
        movements = 0
        for _ in range(rounds):
            settled.append(fills / await _settle(database.dsn))
            memory.append(psutil.Process().memory_info().rss // 2**20)
            movements, copy_s = await _bare_copy(database.dsn)
            copied.append(movements / copy_s)
    return Report(
        host=measuring.describe_host(),
        mix=fill_history.DESCRIPTION,
        fills=fills,
        events=events,
        movements=movements,
        fills_per_s=settled,
        median_fills_per_s=statistics.median(settled),
        bare_copy_rows_per_s=copied,
        median_bare_copy_rows_per_s=statistics.median(copied),
        memory_mb=memory,
    )


async def _write_log(dsn: str, fills: int) -> int:
    """Fill the log; answers the number of events. One order stands before each fill."""
    history = fill_history.FillHistory(orders_per_fill=1)
    await migrate(dsn)
    async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
        batch: list[Event] = list(history.opening())
        for event in history.trades(fills):
            batch.append(event)
            if len(batch) >= _BATCH_EVENTS:
                await _append(writer, batch)
                batch = []
        await _append(writer, batch)
        return writer.last_seq


async def _append(writer: LogWriter, batch: list[Event]) -> None:
    first = writer.last_seq + 1
    recorded = [
        Recorded(seq, seq, fill_history.START_NS + seq * _STEP_NS, event)
        for seq, event in enumerate(batch, first)
    ]
    await writer.append(seal(recorded, writer.epoch, writer.last_hash))


async def _settle(dsn: str) -> float:
    """Seconds to settle the whole log into an empty registry, checkpoints and reconciliation included."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("DROP SCHEMA IF EXISTS registry CASCADE")
    await connection.close()
    async with (
        await LogReader.open(dsn, connections=2) as reader,
        await RegistryStore.open(dsn, WriterIdentity.of_this_process()) as store,
    ):
        settlement = await Settlement.resume(reader, store)
        began_at = time.perf_counter()
        await settlement.catch_up()
        return time.perf_counter() - began_at


async def _bare_copy(dsn: str) -> tuple[int, float]:
    """Rows of the movements, and seconds to COPY them into a bare table in one transaction."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("DROP TABLE IF EXISTS bare")
        await connection.execute("CREATE TABLE bare AS SELECT * FROM registry.movement WITH NO DATA")
        rows = [tuple(row) for row in await connection.fetch("SELECT * FROM registry.movement")]
        began_at = time.perf_counter()
        await connection.copy_records_to_table("bare", records=rows)
        return len(rows), time.perf_counter() - began_at
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
