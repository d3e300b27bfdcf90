"""Measures orders over a websocket against the exchange as `exchange up` runs it: latency, throughput, processor time.

python -m loadtest.orders [--orders N] [--rounds K] [--rate R]... [--seconds S] [--json] [--dsn ADDRESS]
"""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING, Final

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from exchange.log.migrations import migrate
from loadtest import (
    databases,
    event_loop,
    measuring,
    order_arrivals,
    order_latency,
    order_mix,
    order_throughput,
)
from loadtest.bare_table import BareTable
from loadtest.exchange_under_test import COMMAND, running_exchange
from loadtest.order_arrivals import Arrivals
from loadtest.order_latency import OneAtATime
from loadtest.order_throughput import Throughput

if TYPE_CHECKING:
    from loadtest.databases import Database

CONNECTIONS: Final = (1, 8)
_ONE_AT_A_TIME_SHARE: Final = 20
"""Of the requests of a round with many in flight, one in so many is sent in a round of one at a time."""
_FEWEST: Final = 100


class Report(msgspec.Struct):
    """What one call measured, and under which circumstances. Medians over the rounds."""

    host: str
    postgres: str
    exchange: str
    mix: str
    rounds: int
    one_at_a_time: OneAtATime
    place_over_commit: float
    """Median of the rounds' ratios of the median latencies."""
    throughput: list[Throughput]
    arrivals: list[Arrivals]


class _Rounds:
    """Figures round by round."""

    def __init__(self) -> None:
        self.one_at_a_time: list[OneAtATime] = []
        self.throughput: dict[int, list[Throughput]] = {connections: [] for connections in CONNECTIONS}
        self.arrivals: dict[int, list[Arrivals]] = {}


async def measure(
    database: Database, orders: int, rounds: int, rates: list[int], duration_s: float
) -> Report:
    """Measure in an empty database. Each round measures everything, so that what else the machine does meets all alike."""
    await migrate(database.dsn)
    bare = await BareTable.make(database.dsn)
    figures = _Rounds()
    async with running_exchange(database.dsn) as exchange:
        for _ in range(rounds):
            figures.one_at_a_time.append(
                await order_latency.measure_round(
                    exchange, bare, max(_FEWEST, orders // _ONE_AT_A_TIME_SHARE)
                )
            )
            for connections in CONNECTIONS:
                figures.throughput[connections].append(
                    await order_throughput.measure_round(
                        exchange, database.postmaster_id, connections, orders
                    )
                )
            for rate in rates:
                figures.arrivals.setdefault(rate, []).append(
                    await order_arrivals.measure_round(exchange, rate, duration_s)
                )
    postgres = await bare.server_version()
    await bare.close()
    return Report(
        host=measuring.describe_host(),
        postgres=postgres,
        exchange=COMMAND,
        mix=order_mix.DESCRIPTION,
        rounds=rounds,
        one_at_a_time=order_latency.over_rounds(figures.one_at_a_time),
        place_over_commit=statistics.median(
            one.place.p50_ms / one.bare_commit.p50_ms for one in figures.one_at_a_time
        ),
        throughput=[order_throughput.over_rounds(of_kind) for of_kind in figures.throughput.values()],
        arrivals=[order_arrivals.over_rounds(of_rate) for of_rate in figures.arrivals.values()],
    )


async def _run(dsn: str | None, orders: int, rounds: int, rates: list[int], duration_s: float) -> Report:
    async with databases.empty_database(dsn) as database:
        return await measure(database, orders, rounds, rates, duration_s)


def show(report: Report) -> None:
    """Print a report for people."""
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 110)
    one = report.one_at_a_time
    table = report_table("One at a time", "", "p50 ms", "p99 ms", "samples")
    for name, measured in (
        ("place, answered durably", one.place),
        ("cancel, answered durably", one.cancel),
        ("ping over the websocket", one.ping),
        ("bare commit of one row", one.bare_commit),
    ):
        table.add_row(name, *_ms(measured.p50_ms, measured.p99_ms), f"{measured.samples:,}")
    console.print(table)
    console.print(f"place over bare commit: {report.place_over_commit:.2f} (median of the rounds' ratios)\n")
    table = report_table(
        "Many in flight",
        *("connections", "in flight", "requests/s", "server us", "snapshots us", "Postgres us", "client us"),
        "other cores",
    )
    for row in report.throughput:
        postgres_us = "-" if row.postgres_us is None else f"{row.postgres_us:.1f}"
        table.add_row(
            *(str(row.connections), str(row.in_flight), f"{row.per_s:,.0f}"),
            *(f"{row.server_us:.1f}", f"{row.beside_us:.1f}", postgres_us, f"{row.client_us:.1f}"),
            f"{row.other_cores:.1f}",
        )
    console.print(table)
    console.print(
        "us: microseconds of processor time for each request; other cores: kept busy by other programs\n"
    )
    if report.arrivals:
        console.print(_arrivals_table(report.arrivals))
    console.print(f"mix: {report.mix}")
    console.print(f"exchange: {report.exchange}; medians of {report.rounds} rounds")
    console.print(f"host: {report.host}; Postgres {report.postgres}")


def _arrivals_table(arrivals: list[Arrivals]) -> Table:
    table = report_table(
        f"Arriving at a fixed rate over {order_arrivals.CONNECTIONS} connections",
        *(
            "requests/s",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "sent late p50 ms",
            "p99 ms",
            "refused",
            "server core",
        ),
    )
    for row in arrivals:
        table.add_row(
            f"{row.rate_per_s:,}",
            *_ms(row.answer.p50_ms, row.answer.p99_ms, row.answer.p999_ms),
            *_ms(row.late.p50_ms, row.late.p99_ms),
            *(str(row.refused), f"{row.server_share:.0%}"),
        )
    return table


def report_table(title: str, *headings: str) -> Table:
    """An empty table of figures; a column without a heading holds words."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    return table


def _ms(*figures: float) -> list[str]:
    return [f"{ms:.3f}" for ms in figures]


@click.command()
@click.option(
    "--orders",
    default=20_000,
    show_default=True,
    type=click.IntRange(1, 25_000),
    help="Requests of a round with many in flight; a twentieth of them are sent one at a time.",
)
@click.option(
    "--rounds", default=5, show_default=True, type=click.IntRange(1, 100), help="Rounds over everything."
)
@click.option(
    "--rate",
    "rates",
    multiple=True,
    type=click.IntRange(1, 20_000),
    help="Also measure requests that arrive at this rate a second. May be given several times.",
)
@click.option(
    "--seconds",
    "duration_s",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0.1, 60),
    help="Of each rate.",
)
@click.option(
    "--dsn", help="Server to measure on, in a database made for the run; by default one of our own."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    orders: int,
    rounds: int,
    rates: tuple[int, ...],
    duration_s: float,
    dsn: str | None,
    as_json: bool,  # noqa: FBT001 - click's flag
) -> None:
    """Send orders to an exchange of its own over websockets and print how long they take and what they cost."""
    report = event_loop.run(_run(dsn, orders, rounds, list(rates), duration_s))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    else:
        show(report)


if __name__ == "__main__":
    main()
