"""Measures appending to the log, by the function and by COPY, against Postgres without any log in the same rounds.

python -m loadtest.append [--events N] [--rounds K] [--json] [--dsn ADDRESS]
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.record import seal
from exchange.log.writer import LogWriter
from loadtest import databases, event_loop, event_mix, measuring
from loadtest.bare_table import BareTable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exchange.log.record import StoredEvent


SIZES = (1, 10, 50, 100, 200, 500, 1000, 5000)
_NEVER = sys.maxsize
_MOST_APPENDS = 100
_TIMED = "from sealed rows to the answer that they are committed; making events, encoding and hashing are not timed"


class SizeFigures(msgspec.Struct):
    """One batch size: median milliseconds of an append by each way, and events per second from them."""

    events: int
    appends: int
    """Timed appends by each way."""
    function_ms: float
    copy_ms: float
    bare_copy_ms: float
    function_per_s: float
    copy_per_s: float
    bare_copy_per_s: float


class SingleFigures(msgspec.Struct):
    """One event at a time, in milliseconds."""

    appends: int
    append_p50_ms: float
    append_p99_ms: float
    bare_insert_p50_ms: float
    bare_insert_p99_ms: float


class Report(msgspec.Struct):
    """What one call measured, and under which circumstances."""

    host: str
    postgres: str
    timed: str
    mix: str
    payload_bytes: float
    """Mean length of a payload."""
    sizes: list[SizeFigures]
    single: SingleFigures
    copy_from_events: int | None
    """Smallest size measured from which on COPY is at least as quick as the function; None: it never is."""


class Appends:
    """A log and a bare table in the same database, and the ways into them."""

    def __init__(self, writer: LogWriter, bare: BareTable) -> None:
        self._writer = writer
        self._bare = bare
        self._mix = event_mix.EventMix()
        self.payload_bytes: list[int] = []

    def next_rows(self, count: int) -> list[StoredEvent]:
        """Sealed rows that come next in the log."""
        recorded = self._mix.take(count, self._writer.last_seq + 1, time.time_ns())
        rows = seal(recorded, self._writer.epoch, self._writer.last_hash)
        self.payload_bytes += [len(row.payload) for row in rows]
        return rows

    async def by_function(self, rows: list[StoredEvent]) -> None:
        """Append by the function."""
        self._writer.copy_from_events = _NEVER
        await self._writer.append(rows)

    async def by_copy(self, rows: list[StoredEvent]) -> None:
        """Append by COPY in a transaction."""
        self._writer.copy_from_events = 0
        await self._writer.append(rows)

    async def bare_copy(self, rows: list[StoredEvent]) -> None:
        """COPY into a table without any index, trigger or check."""
        await self._bare.copy(rows)

    async def bare_insert(self, rows: list[StoredEvent]) -> None:
        """Commit one row of the same content by a plain INSERT."""
        await self._bare.insert(rows[0])


async def measure(dsn: str, events: int, rounds: int) -> Report:
    """Measure in an empty database, which is left full of events."""
    await migrate(dsn)
    bare = await BareTable.make(dsn)
    async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
        appends = Appends(writer, bare)
        await _warm_up(appends)
        ways = (appends.by_function, appends.by_copy, appends.bare_copy)
        durations_s: dict[int, list[list[float]]] = {size: [[], [], []] for size in SIZES}
        single_s: list[list[float]] = [[], []]
        for _ in range(rounds):
            for size in SIZES:
                for _ in range(max(1, min(_MOST_APPENDS, events // size))):
                    await _take_turns(appends, size, ways, durations_s[size])
            for _ in range(_MOST_APPENDS):
                await _take_turns(appends, 1, (appends.by_function, appends.bare_insert), single_s)
        postgres = await bare.server_version()
        await bare.close()
    figures = [_size_figures(size, *durations) for size, durations in durations_s.items()]
    return Report(
        host=measuring.describe_host(),
        postgres=postgres,
        timed=_TIMED,
        mix=event_mix.DESCRIPTION,
        payload_bytes=statistics.mean(appends.payload_bytes),
        sizes=figures,
        single=_single_figures(*single_s),
        copy_from_events=_crossing(figures),
    )


async def _warm_up(appends: Appends) -> None:
    for way in (appends.by_function, appends.by_copy, appends.bare_copy, appends.bare_insert):
        for _ in range(20):
            await way(appends.next_rows(10))


async def _take_turns(
    appends: Appends,
    size: int,
    ways: tuple[Callable[[list[StoredEvent]], Awaitable[None]], ...],
    durations_s: list[list[float]],
) -> None:
    for way, durations in zip(ways, durations_s, strict=True):
        rows = appends.next_rows(size)
        began_s = time.perf_counter()
        await way(rows)
        durations.append(time.perf_counter() - began_s)


def _size_figures(
    size: int, function_s: list[float], copy_s: list[float], bare_s: list[float]
) -> SizeFigures:
    function, copy, bare = (statistics.median(durations) for durations in (function_s, copy_s, bare_s))
    return SizeFigures(
        events=size,
        appends=len(function_s),
        function_ms=function * 1000,
        copy_ms=copy * 1000,
        bare_copy_ms=bare * 1000,
        function_per_s=size / function,
        copy_per_s=size / copy,
        bare_copy_per_s=size / bare,
    )


def _single_figures(append_s: list[float], insert_s: list[float]) -> SingleFigures:
    append_cuts, insert_cuts = (statistics.quantiles(durations, n=100) for durations in (append_s, insert_s))
    return SingleFigures(
        appends=len(append_s),
        append_p50_ms=append_cuts[49] * 1000,
        append_p99_ms=append_cuts[98] * 1000,
        bare_insert_p50_ms=insert_cuts[49] * 1000,
        bare_insert_p99_ms=insert_cuts[98] * 1000,
    )


def _crossing(figures: list[SizeFigures]) -> int | None:
    crossing: int | None = None
    for row in reversed(figures):
        if row.copy_ms > row.function_ms:
            break
        crossing = row.events
    return crossing


async def _run(dsn: str | None, events: int, rounds: int) -> Report:
    async with databases.empty_database(dsn) as database:
        return await measure(database.dsn, events, rounds)


def show(report: Report) -> None:
    """Print a report for people."""
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 110)
    table = Table(title="Appending to the log", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in (
        "events",
        "function ms",
        "COPY ms",
        "bare COPY ms",
        "function /s",
        "COPY /s",
        "bare COPY /s",
        "appends",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in report.sizes:
        table.add_row(
            f"{row.events:,}",
            *(f"{ms:.3f}" for ms in (row.function_ms, row.copy_ms, row.bare_copy_ms)),
            *(f"{per_s:,.0f}" for per_s in (row.function_per_s, row.copy_per_s, row.bare_copy_per_s)),
            str(row.appends),
        )
    console.print(table)
    single = report.single
    console.print(
        f"one event: append p50 {single.append_p50_ms:.3f} ms, p99 {single.append_p99_ms:.3f} ms;"
        f" bare INSERT p50 {single.bare_insert_p50_ms:.3f} ms, p99 {single.bare_insert_p99_ms:.3f} ms"
        f" ({single.appends} each)"
    )
    console.print(f"COPY is at least as quick from: {report.copy_from_events or 'no size measured'}")
    console.print(f"medians; timed: {report.timed}")
    console.print(f"mix: {report.mix}; {report.payload_bytes:.0f} bytes of payload on average")
    console.print(f"host: {report.host}; Postgres {report.postgres}")


@click.command()
@click.option(
    "--events",
    default=10_000,
    show_default=True,
    type=click.IntRange(1),
    help="Events of each size and way in a round.",
)
@click.option(
    "--rounds", default=5, show_default=True, type=click.IntRange(1, 1000), help="Rounds over all sizes."
)
@click.option("--dsn", help="Server to measure, in a database made for the run; by default one of our own.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(events: int, rounds: int, dsn: str | None, as_json: bool) -> None:  # noqa: FBT001 - click's flags
    """Append batches of many sizes to a log and print how long that takes."""
    report = event_loop.run(_run(dsn, events, rounds))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    else:
        show(report)


if __name__ == "__main__":
    main()
