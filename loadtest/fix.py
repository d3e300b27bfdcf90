"""Measures orders over FIX beside the same orders over the websocket, against the exchange as `exchange up` runs it.

python -m loadtest.fix [--orders N] [--rounds K] [--json] [--dsn ADDRESS]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import TYPE_CHECKING, Final

import click
import msgspec
import uvloop
from rich.console import Console

from exchange.log.migrations import migrate
from gateway import results
from gateway.websocket import requests
from loadtest import databases, latencies, measuring, order_mix, order_throughput
from loadtest.exchange_under_test import COMMAND, running_exchange
from loadtest.fix_maker import send_all
from loadtest.latencies import Latencies
from loadtest.order_mix import OrderMix
from loadtest.orders import report_table
from loadtest.processor_time import MachineTime, ProcessorTime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.databases import Database
    from loadtest.exchange_under_test import ExchangeUnderTest

SESSIONS: Final = (1, 8)
_ONE_AT_A_TIME_SHARE: Final = 40
"""Of the requests of a round, one in so many is sent in a round of one at a time."""


class FixThroughput(msgspec.Struct, frozen=True):
    """Requests about orders over so many connections, all answered durably."""

    protocol: str
    connections: int
    in_flight: int
    requests: int
    per_s: float
    server_us: float
    """Processor time of the process of engine and gateway, in microseconds per request."""
    other_cores: float
    """Cores that everything else on the machine kept busy: client, Postgres, and programs without a part in this."""


class Report(msgspec.Struct):
    """What one call measured, and under which circumstances. Medians over the rounds."""

    host: str
    exchange: str
    mix: str
    rounds: int
    fix_place: Latencies
    """One order at a time, from sending it to its execution report."""
    websocket_place: Latencies
    throughput: list[FixThroughput]


async def measure(database: Database, orders: int, rounds: int) -> Report:
    """Measure in an empty database; the protocols take turns, round by round."""
    await migrate(database.dsn)
    fix_place: list[Latencies] = []
    websocket_place: list[Latencies] = []
    throughput: dict[tuple[int, str], list[FixThroughput]] = {}
    async with running_exchange(database.dsn, "--fix", "127.0.0.1:0") as exchange:
        for _ in range(rounds):
            count = max(100, orders // _ONE_AT_A_TIME_SHARE)
            fix_place.append(await _fix_one_at_a_time(exchange, count))
            websocket_place.append(await _websocket_one_at_a_time(exchange, count))
            for connections in SESSIONS:
                for measured in (
                    await _websocket_round(exchange, database.postmaster_id, connections, orders),
                    await _fix_round(exchange, connections, orders),
                ):
                    throughput.setdefault((connections, measured.protocol), []).append(measured)
    return Report(
        host=measuring.describe_host(),
        exchange=f"{COMMAND} --fix",
        mix=order_mix.DESCRIPTION,
        rounds=rounds,
        fix_place=latencies.over_rounds(fix_place),
        websocket_place=latencies.over_rounds(websocket_place),
        throughput=[_over_rounds(of_kind) for of_kind in throughput.values()],
    )


async def _fix_one_at_a_time(exchange: ExchangeUnderTest, count: int) -> Latencies:
    maker, mix = await exchange.connect_fix_maker(), OrderMix(seed=count)
    durations_s = []
    for _ in range(count):
        order = mix.next_resting_order()
        began_s = time.perf_counter()
        await maker.send((requests.OrderPlace, order), order_mix.INSTRUMENT.symbol)
        durations_s.append(time.perf_counter() - began_s)
    await maker.close()
    return latencies.of_round(durations_s)


async def _websocket_one_at_a_time(exchange: ExchangeUnderTest, count: int) -> Latencies:
    mix = OrderMix(seed=count)
    durations_s = []
    async with await exchange.connect_trader() as client:
        for _ in range(count):
            order = mix.next_resting_order()
            began_s = time.perf_counter()
            await client.call(requests.OrderPlace, order, results.OrderReport)
            durations_s.append(time.perf_counter() - began_s)
        await client.cancel_all()
    return latencies.of_round(durations_s)


async def _fix_round(exchange: ExchangeUnderTest, connections: int, count: int) -> FixThroughput:
    each, window = -(-count // connections), order_throughput.IN_FLIGHT // connections
    makers = [await exchange.connect_fix_maker() for _ in range(connections)]
    server = ProcessorTime.of(exchange.engine_process_id)
    machine = MachineTime()
    began_s = time.perf_counter()
    await asyncio.gather(
        *(
            send_all(maker, OrderMix(seed), order_mix.INSTRUMENT.symbol, each, window)
            for seed, maker in enumerate(makers)
        )
    )
    elapsed_s = time.perf_counter() - began_s
    server_s, machine_s = server.spent_s(), machine.spent_s()
    for maker in makers:
        await maker.close()
    sent = each * connections
    return FixThroughput(
        protocol="FIX",
        connections=connections,
        in_flight=window * connections,
        requests=sent,
        per_s=sent / elapsed_s,
        server_us=server_s / sent * 1e6,
        other_cores=(machine_s - server_s) / elapsed_s,
    )


async def _websocket_round(
    exchange: ExchangeUnderTest, postmaster_id: int | None, connections: int, count: int
) -> FixThroughput:
    """The load test of the websocket itself."""
    measured = await order_throughput.measure_round(exchange, postmaster_id, connections, count)
    others_us = measured.beside_us + measured.client_us + (measured.postgres_us or 0)
    return FixThroughput(
        protocol="websocket",
        connections=connections,
        in_flight=measured.in_flight,
        requests=measured.requests,
        per_s=measured.per_s,
        server_us=measured.server_us,
        other_cores=measured.other_cores + others_us * measured.per_s / 1e6,
    )


def _over_rounds(rounds: Sequence[FixThroughput]) -> FixThroughput:
    return FixThroughput(
        protocol=rounds[0].protocol,
        connections=rounds[0].connections,
        in_flight=rounds[0].in_flight,
        requests=sum(one.requests for one in rounds),
        per_s=statistics.median(one.per_s for one in rounds),
        server_us=statistics.median(one.server_us for one in rounds),
        other_cores=statistics.median(one.other_cores for one in rounds),
    )


def show(report: Report) -> None:
    """Print a report for people."""
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 110)
    table = report_table("One order at a time, answered durably", "", "p50 ms", "p99 ms", "samples")
    for name, measured in (("FIX", report.fix_place), ("websocket", report.websocket_place)):
        table.add_row(name, f"{measured.p50_ms:.3f}", f"{measured.p99_ms:.3f}", f"{measured.samples:,}")
    console.print(table)
    table = report_table(
        "Many in flight", "", "connections", "in flight", "requests/s", "server us", "other cores"
    )
    for row in report.throughput:
        table.add_row(
            row.protocol,
            str(row.connections),
            str(row.in_flight),
            f"{row.per_s:,.0f}",
            f"{row.server_us:.1f}",
            f"{row.other_cores:.2f}",
        )
    console.print(table)
    console.print("server us: microseconds of processor time of engine and gateway for each request")
    console.print(f"mix: {report.mix}")
    console.print(f"exchange: {report.exchange}; medians of {report.rounds} rounds")
    console.print(f"host: {report.host}")


@click.command()
@click.option(
    "--orders",
    default=20_000,
    show_default=True,
    type=click.IntRange(100, 25_000),
    help="Requests of a round.",
)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option(
    "--dsn", help="Server to measure on, in a database made for the run; by default one of our own."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(orders: int, rounds: int, dsn: str | None, as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """Send orders over FIX and over the websocket and print how many are answered durably, and what they cost."""

    async def work() -> Report:
        async with databases.empty_database(dsn) as database:
            return await measure(database, orders, rounds)

    report = uvloop.run(work())
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    else:
        show(report)


if __name__ == "__main__":
    main()
