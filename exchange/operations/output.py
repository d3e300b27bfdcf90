"""What commands print: JSON for scripts, tables and lines for people."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Final

import click
import msgspec
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from exchange.operations.errors import ExitCode, OperationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_WIDTH_OF_PIPES: Final = 200
_STDOUT_FD: Final = 1
_DISK_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def print_json(value: object) -> None:
    """One JSON value on a line of its own, on stdout."""
    print_line(msgspec.json.encode(value))


def print_line(text: str | bytes) -> None:
    """A line on stdout."""
    with _stdout():
        click.echo(text)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> None:
    """A table on stdout; the columns named in `right` are aligned to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    with _stdout():
        _console().print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Names and values on stdout, one pair a line."""
    pairs = [(name, str(value)) for name, value in facts]
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        print_line(f"{click.style(name.ljust(width), bold=True)}  {value}")


def progress_bar(what: str, total: int) -> Progress:
    """A bar of one task, on stderr, where that is a terminal."""
    console = Console(stderr=True)
    progress = Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    progress.add_task(what, total=total)
    return progress


def show_time(at_ns: int) -> str:
    """ISO 8601, UTC, of nanoseconds since 1970, to the millisecond."""
    at = datetime.fromtimestamp(at_ns // 10**9, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ns // 10**6 % 1000:03}Z"


@contextlib.contextmanager
def opened_for_writing(output: Path | None) -> Iterator[IO[bytes]]:
    """The file to write, which appears under its name when it is whole; or stdout. Raises OperationError."""
    if output is None:
        with _stdout():
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        return
    unfinished = output.with_name(output.name + ".unfinished")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(output)
    except OSError as error:
        raise OperationError(f"cannot write {output}: {error.strerror}", ExitCode.USAGE) from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def _stdout() -> Iterator[None]:
    """Ends the command silently where nobody reads stdout any more (`| head`), and with a sentence where its disk is full."""
    try:
        yield
    except BrokenPipeError:
        # Python flushes what is left at the end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT_FD)
        raise click.exceptions.Exit(ExitCode.FAILED) from None
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        raise OperationError(f"cannot write to stdout: {error.strerror}", ExitCode.FAILED) from error


def _console() -> Console:
    # Made anew each time: tests and pagers replace stdout.
    width = None if sys.stdout.isatty() else _WIDTH_OF_PIPES
    return Console(file=sys.stdout, width=width, markup=False, emoji=False, highlight=False)
