"""`exchange log`: the events themselves."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from exchange.log.files import EventFile, FileForm, read_file
from exchange.log.importing import import_events
from exchange.log.lease import WriterIdentity
from exchange.log.reader import LogReader
from exchange.log.verification import naming_unreadable
from exchange.log.writer import LogWriter
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.moments import END, Moment
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import (
    opened_for_writing,
    print_facts,
    print_json,
    print_line,
    progress_bar,
    show_time,
)

if TYPE_CHECKING:
    from exchange.log.record import StoredEvent
    from exchange.operations.finding import Exchange

_POLL_S: Final = 0.2


class LogEvent(msgspec.Struct, frozen=True):
    """One event. `tail --json` prints one on each line, `show --json` prints one."""

    seq: int
    epoch: int
    command: int
    """Seq of the first event of the same command."""
    recorded_at: int
    """Nanoseconds UTC."""
    kind: str
    version: int
    payload: msgspec.Raw
    """The very bytes that were hashed; prices in ticks, cash in minor units, quantities in units."""
    hash: str
    """Hexadecimal text."""


@click.group("log")
def log_group() -> None:
    """Read the event log."""


@log_group.command("tail")
@click.option("--follow", "-f", is_flag=True, help="Go on as events come, until Ctrl-C.")
@click.option(
    "--lines", "-n", type=click.IntRange(min=0), default=20, show_default=True, help="Events to begin with."
)
@json_option
@exchange_options
def tail(exchange: Exchange, *, follow: bool, lines: int, as_json: bool) -> None:
    """Print the last events."""

    async def work() -> None:
        async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
            after_seq = max(0, (await reader.head()).last_seq - lines)
            pages = reader.follow(after_seq, poll_s=_POLL_S) if follow else reader.pages(after_seq)
            async with contextlib.aclosing(pages):
                async for page in pages:
                    for stored in page:
                        print_event(stored, as_json=as_json)

    with contextlib.suppress(KeyboardInterrupt):
        run_async(work())


@log_group.command("show")
@click.argument("seq", type=click.IntRange(min=1))
@json_option
@exchange_options
def show(exchange: Exchange, *, seq: int, as_json: bool) -> None:
    """Print one event in full."""

    async def work() -> StoredEvent:
        async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
            stored = await reader.event(seq)
            if stored is not None:
                return stored
            head = await reader.head()
            raise OperationError(f"the log has no event {seq}; it ends at {head.last_seq}", ExitCode.USAGE)

    stored = run_async(work())
    if as_json:
        print_json(log_event(stored))
        return
    fields: dict[str, Any] = msgspec.json.decode(stored.payload)
    print_facts(
        [
            ("seq", stored.seq),
            ("epoch", stored.epoch),
            ("command", stored.command),
            ("recorded at", show_time(stored.recorded_at)),
            ("kind", f"{stored.kind} version {stored.version}"),
            *((f"  {name}", msgspec.json.encode(value).decode()) for name, value in fields.items()),
            ("hash", stored.hash.hex()),
        ]
    )


class Exported(msgspec.Struct, frozen=True):
    """With --json, `log export` prints this object."""

    exported: int
    """Events in the file."""
    first_seq: int
    last_seq: int
    hash: str
    """Of event `last_seq`, hexadecimal text."""


@log_group.command("export")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File to write; default: stdout.")
@click.option("--from", "first", type=click.IntRange(min=1), default=1, show_default=True, help="First seq.")
@click.option("--to", "last", type=click.IntRange(min=1), help="Last seq; default: the end of the log now.")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in FileForm]),
    default=FileForm.JSONL.value,
    show_default=True,
    help="JSON lines, or Parquet for analysis.",
)
@json_option
@exchange_options
def export(
    exchange: Exchange, *, output: Path | None, first: int, last: int | None, form: str, as_json: bool
) -> None:
    """Write whole rows of the log to a file; every hash is checked on the way.

    Each has seq, epoch, command, recorded_at, kind, version, payload, hash, and instrument, account, counterparty and
    request where there are any. `exchange log import` makes the same log of them, with the same hashes. With --from the seq
    after the end of the log, the file is empty.
    """
    if last is not None and last < first:
        raise click.UsageError("--to lies before --from")
    if as_json and output is None:
        raise click.UsageError("--json goes with --output: stdout has the events")

    async def work() -> Exported:
        async with (
            exchange.database() as dsn,
            await LogReader.open(dsn, connections=2) as reader,
            naming_unreadable(reader),
        ):
            up_to = await (END if last is None else Moment(seq=last)).seq(reader)
            if first > up_to + 1:
                raise OperationError(f"the log has no event {first}; it ends at {up_to}", ExitCode.USAGE)
            with opened_for_writing(output) as file, progress_bar("exporting", up_to - first + 1) as progress:
                events = EventFile(file, FileForm(form))
                async for page in reader.pages(first - 1, up_to=up_to, verify=True):
                    events.write(page)
                    progress.update(progress.task_ids[0], advance=len(page))
                events.finish()
            return Exported(up_to - first + 1, first, up_to, (await reader.hash_at(up_to)).hex())

    done = run_async(work())
    if as_json:
        print_json(done)


class Imported(msgspec.Struct, frozen=True):
    """With --json, `log import` prints this object."""

    imported: int
    """Events that came in."""
    last_seq: int
    hash: str
    """Of the last event, hexadecimal text."""


@log_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@exchange_options
def import_(exchange: Exchange, *, file: Path, as_json: bool) -> None:
    """Put the events of an exported file behind the end of the log; into a new database, all of them.

    The hash chain is checked before anything is written, ten thousand events at a time; what the log has already must have
    the same hashes. The exchange must not run. `exchange verify` checks the rest.
    """

    async def work() -> Imported:
        async with (
            exchange.new_database() as dsn,
            await LogReader.open(dsn, connections=1) as reader,
            await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer,
        ):
            with progress_bar("importing", 0) as progress:
                (task,) = progress.task_ids
                imported = await import_events(
                    reader,
                    writer,
                    read_file(file),
                    lambda seq: progress.update(task, completed=seq, total=seq),
                )
            return Imported(imported, writer.last_seq, writer.last_hash.hex())

    done = run_async(work())
    if as_json:
        print_json(done)
    else:
        print_facts([("imported", done.imported), ("last event", done.last_seq), ("hash", done.hash)])


def log_event(stored: StoredEvent) -> LogEvent:
    """An event as it is printed."""
    return LogEvent(
        stored.seq,
        stored.epoch,
        stored.command,
        stored.recorded_at,
        stored.kind,
        stored.version,
        msgspec.Raw(stored.payload),
        stored.hash.hex(),
    )


def print_event(stored: StoredEvent, *, as_json: bool) -> None:
    """An event as one line."""
    if as_json:
        print_json(log_event(stored))
    else:
        print_line(
            f"{stored.seq:>9} {show_time(stored.recorded_at)} {stored.kind:<24} {stored.payload.decode()}"
        )
