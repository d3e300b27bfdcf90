"""Measures how fast settlement replays fills, beside a bare COPY of as many movements in the same run.

python -m loadtest.settlement [--fills N] [--rounds K] [--json] [--dsn ADDRESS]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import TYPE_CHECKING

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
from loadtest import databases, event_loop, fill_history, measuring
from loadtest.processor_time import ProcessorTime

if TYPE_CHECKING:
    from loadtest.databases import Database

_BATCH_EVENTS = 10_000
_TURN_EVENTS = 100
_STEP_NS = 1_000
_COPY_ROWS = 100_000
"""Movements in memory at a time, so that what settlement needs can be told from it."""
_MEMORY_SAMPLES = 10
_MB = 2**20


class Round(msgspec.Struct):
    """One settlement of the whole log into an empty registry, and the bare COPY after it."""

    fills_per_s: float
    processor_us_per_fill: float
    """Of the process that settles."""
    postgres_us_per_fill: float | None
    """Processor time of the server's process that writes the tables, where the server is our own."""
    memory_mb: list[int]
    """Resident size of the process that settles, after each tenth of the log."""
    bare_copy_rows_per_s: float
    """As many rows as there are movements, into a table without index, check or trigger, in one transaction."""


class Report(msgspec.Struct):
    """What one call measured."""

    host: str
    mix: str
    fills: int
    events: int
    movements: int
    holdings: int
    """Rows of intervals at the end: what the process has in memory grows with them, not with the log."""
    rounds: list[Round]
    median_fills_per_s: float
    median_bare_copy_rows_per_s: float


@click.command(help=__doc__)
@click.option("--fills", default=100_000, show_default=True, type=click.IntRange(1_000, 10_000_000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
@click.option("--dsn", help="A Postgres to use instead of one of our own.")
def main(fills: int, rounds: int, *, as_json: bool, dsn: str | None) -> None:
    """Measure and print."""
    report = event_loop.run(measure(fills, rounds, dsn))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        return
    print(report.host)
    print(report.mix)
    print(
        f"{report.fills:,} fills in {report.events:,} events, {report.movements:,} movements, {report.holdings:,} holdings"
    )
    print(f"settled   {report.median_fills_per_s:12,.0f} fills/s, median of {rounds}")
    print(f"bare COPY {report.median_bare_copy_rows_per_s:12,.0f} rows/s, median of {rounds}")
    for one in report.rounds:
        postgres = (
            "" if one.postgres_us_per_fill is None else f", Postgres {one.postgres_us_per_fill:.1f} us/fill"
        )
        print(
            f"{one.fills_per_s:,.0f} fills/s, settlement {one.processor_us_per_fill:.1f}{postgres};", end=" "
        )
        print(f"memory after each tenth, MB: {', '.join(map(str, one.memory_mb))}")


async def measure(fills: int, rounds: int, dsn: str | None) -> Report:
    """Write one log, then settle all of it anew in every round."""
    async with databases.empty_database(dsn) as database:
        events = await _write_log(database.dsn, fills)
        # As in the process of `exchange up`.
        measuring.settle_garbage_collector()
        measured = [await _measure_round(database, fills, events) for _ in range(rounds)]
        movements = await databases.fetch_number(database.dsn, "SELECT movements FROM registry.checkpoint")
        holdings = await databases.fetch_number(database.dsn, "SELECT count(*) FROM registry.holding")
    return Report(
        host=measuring.describe_host(),
        mix=fill_history.DESCRIPTION,
        fills=fills,
        events=events,
        movements=movements,
        holdings=holdings,
        rounds=measured,
        median_fills_per_s=statistics.median(one.fills_per_s for one in measured),
        median_bare_copy_rows_per_s=statistics.median(one.bare_copy_rows_per_s for one in measured),
    )


async def _write_log(dsn: str, fills: int) -> int:
    """Fill the log; answers the number of events. One order stands before each fill."""
    history = fill_history.FillHistory(orders_per_fill=1)
    await migrate(dsn)
    async with (
        await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer,
        asyncio.TaskGroup() as tasks,
    ):
        appending = tasks.create_task(_append(writer, list(history.opening())))
        batch: list[Event] = []
        for event in history.trades(fills):
            batch.append(event)
            if len(batch) % _TURN_EVENTS == 0:
                # The batch before is written while this one is made.
                await asyncio.sleep(0)
            if len(batch) >= _BATCH_EVENTS:
                await appending
                appending = tasks.create_task(_append(writer, batch))
                batch = []
        await appending
        if batch:
            await _append(writer, batch)
        return writer.last_seq


async def _append(writer: LogWriter, batch: list[Event]) -> None:
    first = writer.last_seq + 1
    recorded = [
        Recorded(seq, seq, fill_history.START_NS + seq * _STEP_NS, event)
        for seq, event in enumerate(batch, first)
    ]
    await writer.append(seal(recorded, writer.epoch, writer.last_hash))


async def _measure_round(database: Database, fills: int, events: int) -> Round:
    """Settle all of the log, checkpoints and reconciliation included; then the bare COPY."""
    dsn = database.dsn
    await databases.execute(dsn, "DROP SCHEMA IF EXISTS registry CASCADE")
    memory_mb: list[int] = []
    process = psutil.Process()

    def sample(seq: int) -> None:
        while seq * _MEMORY_SAMPLES >= events * (len(memory_mb) + 1):
            memory_mb.append(process.memory_info().rss // _MB)

    async with (
        await LogReader.open(dsn, connections=2) as reader,
        await RegistryStore.open(dsn, WriterIdentity.of_this_process()) as store,
    ):
        settlement = await Settlement.resume(reader, store)
        ours = ProcessorTime.of(process.pid)
        server = None if database.postmaster_id is None else ProcessorTime.of(await _backend_id(dsn))
        began_at = time.perf_counter()
        await settlement.catch_up(on_progress=sample)
        settled_s = time.perf_counter() - began_at
        ours_s = ours.spent_s()
        server_s = None if server is None else server.spent_s()
    return Round(
        fills_per_s=fills / settled_s,
        processor_us_per_fill=ours_s * 1e6 / fills,
        postgres_us_per_fill=None if server_s is None else server_s * 1e6 / fills,
        memory_mb=memory_mb,
        bare_copy_rows_per_s=await _bare_copy(dsn),
    )


async def _bare_copy(dsn: str) -> float:
    """Rows a second that COPY writes of the movements into a bare table; reading them is not counted."""
    connection, writer = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        await writer.execute("DROP TABLE IF EXISTS bare")
        await writer.execute("CREATE TABLE bare AS SELECT * FROM registry.movement WITH NO DATA")
        copied, spent_s = 0, 0.0
        async with connection.transaction(), writer.transaction():
            cursor = await connection.cursor("SELECT * FROM registry.movement")
            while found := await cursor.fetch(_COPY_ROWS):
                rows = [tuple(row) for row in found]
                began_at = time.perf_counter()
                await writer.copy_records_to_table("bare", records=rows)
                spent_s += time.perf_counter() - began_at
                copied += len(rows)
        return copied / spent_s
    finally:
        await writer.close()
        await connection.close()


async def _backend_id(dsn: str) -> int:
    """The server's process that settlement writes through."""
    return await databases.fetch_number(dsn, "SELECT backend_pid FROM registry.settler")


if __name__ == "__main__":
    main()
