"""Measures the order book: `python -m loadtest.book FILE.csv.gz...` drives it with files of order flow.

Timed is the driving of a fresh book with messages that are already parsed, and the collecting of its events; reading
the file and writing the report stream are not.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from pathlib import Path

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from loadtest import comparison, flow, measuring
from loadtest.engines import OURS
from matching.book import OrderBook


class BookFigures(msgspec.Struct):
    """One file's result. Speeds are messages per second."""

    file: str
    messages: int
    fills: int
    sha256: str
    """Of the report stream."""
    runs: int
    best_per_s: float
    median_per_s: float
    compared: list[comparison.Comparison]
    """Empty unless asked for."""


class Report(msgspec.Struct):
    """What one call measured, and under which circumstances."""

    host: str
    garbage_collector: str
    timed: str
    files: list[BookFigures]


TIMED = "driving a fresh book with parsed messages and collecting its events, without reading and reporting"


def measure(path: Path, repeat: int) -> BookFigures:
    """Drive a fresh book `repeat` times with a file."""
    messages = flow.read_flow(path)
    answers = flow.drive(OrderBook(), messages)
    sha256 = flow.report_sha256(flow.report_lines(messages, answers))
    fills = flow.count_fills(answers)
    del answers
    measuring.settle_garbage_collector()
    speeds: list[float] = []
    for _ in range(repeat):
        book = OrderBook()
        gc.collect()
        started_s = time.perf_counter()
        answers = flow.drive(book, messages)
        speeds.append(len(messages) / (time.perf_counter() - started_s))
        del answers
    gc.unfreeze()
    return BookFigures(
        file=path.name,
        messages=len(messages),
        fills=fills,
        sha256=sha256,
        runs=repeat,
        best_per_s=max(speeds),
        median_per_s=statistics.median(speeds),
        compared=[],
    )


def show(report: Report) -> None:
    """Print a report for people."""
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 110)
    table = _table("Order book, million messages/s", "file", "messages", "fills", "best", "median", "runs")
    for file in report.files:
        table.add_row(
            file.file,
            f"{file.messages:,}",
            f"{file.fills:,}",
            f"{file.best_per_s / 1e6:.3f}",
            f"{file.median_per_s / 1e6:.3f}",
            str(file.runs),
        )
    console.print(table)
    console.print("SHA-256 of the report streams")
    for file in report.files:
        console.print(f"  {file.sha256} {file.file}")
    for file in report.files:
        if file.compared:
            show_comparison(console, file)
    console.print(f"timed: {report.timed}")
    console.print(f"garbage collector: {report.garbage_collector}")
    console.print(f"host: {report.host}")


def show_comparison(console: Console, file: BookFigures) -> None:
    """Print how other books did on a file."""
    table = _table(
        f"\n{file.file}, in turns with other books, million messages/s",
        *("engine", "version", "in", "best", "median", "ours is", "fills"),
    )
    for row in file.compared:
        table.add_row(
            row.engine,
            row.version,
            row.written_in,
            f"{row.best_per_s / 1e6:.3f}",
            f"{row.median_per_s / 1e6:.3f}",
            f"{row.ours_over_this:.2f} x",
            "the same" if row.same_fills else f"others: {row.fills:,}",
        )
    console.print(table)
    others = [row for row in file.compared if row.engine != OURS]
    for row in others:
        console.print(f"{row.engine} leaves out: {row.leaves_out}")
    fastest_python = next(row for row in others if row.written_in == "Python")
    console.print(
        f"ours over the fastest in Python, {fastest_python.engine}: {fastest_python.ours_over_this:.2f}"
    )
    console.print(f"ours over the fastest, {others[0].engine}: {others[0].ours_over_this:.2f}")


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        words = heading in ("file", "engine", "version", "in")
        table.add_column(heading, justify="left" if words else "right", no_wrap=True)
    return table


@click.command()
@click.argument(
    "files", metavar="FILE.csv.gz...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--repeat", default=7, show_default=True, type=click.IntRange(1, 1000), help="Timed runs of each file."
)
@click.option("--compare", is_flag=True, help="Measure other books too, in as many rounds.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(files: tuple[Path, ...], repeat: int, compare: bool, as_json: bool) -> None:  # noqa: FBT001 - click's flags
    """Drive the order book with files of order flow and print what it did and how fast."""
    results = []
    for path in files:
        figures = measure(path, repeat)
        if compare:
            figures.compared = comparison.compare(path, repeat, lambda text: click.echo(text, err=True))
        results.append(figures)
    report = Report(measuring.describe_host(), measuring.GC_SETTING, TIMED, results)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    else:
        show(report)


if __name__ == "__main__":
    main()
