"""`exchange diff`: what lies between two moments of the log, or where two logs part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import click
import msgspec

from exchange.log.reader import LogReader
from exchange.log.recovery import state_at
from exchange.log.snapshots import SnapshotStore
from exchange.log.verification import naming_unreadable
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.log_commands import LogEvent, log_event, print_event
from exchange.operations.moments import MOMENT, Moment
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_json, print_line, print_table, progress_bar
from exchange.operations.state_differences import Difference, differences

if TYPE_CHECKING:
    from exchange.log.record import StoredEvent
    from exchange.operations.finding import Exchange

_SHOWN_CHARACTERS: Final = 70


class DiffOfMoments(msgspec.Struct, frozen=True):
    """With --json, `diff A B` prints this object."""

    from_seq: int
    to_seq: int
    events: dict[str, int]
    """Events between the moments, by kind."""
    differences: list[Difference]


class DiffOfLogs(msgspec.Struct, frozen=True):
    """With --json, `diff --with` prints this object."""

    last_seq: int
    other_last_seq: int
    first_different_seq: int | None
    """None: as far as both go, they are the same."""
    event: LogEvent | None
    other_event: LogEvent | None


@click.command()
@click.argument("moments", type=MOMENT, nargs=-1, metavar="[A B]")
@click.option("--with", "other_dsn", metavar="DSN", help="Compare with the log in another database instead.")
@json_option
@exchange_options
def diff(exchange: Exchange, *, moments: tuple[Moment, ...], other_dsn: str | None, as_json: bool) -> None:
    """Tell what changed from moment A to moment B, each a seq or a time; or, --with another log, where the two part.

    Two logs with the same hash at an event are the same up to it, so few reads find the place.
    """
    if other_dsn is not None and not moments:
        of_logs = run_async(_of_logs(exchange, other_dsn))
        if as_json:
            print_json(_printable(of_logs))
        else:
            _show_logs(of_logs)
        return
    if len(moments) != 2 or other_dsn is not None:
        raise click.UsageError("give two moments, or --with another log")
    of_moments = run_async(_of_moments(exchange, *moments))
    if as_json:
        print_json(of_moments)
    else:
        _show_moments(of_moments)


async def _of_moments(exchange: Exchange, first: Moment, second: Moment) -> DiffOfMoments:
    async with (
        exchange.database() as dsn,
        await LogReader.open(dsn, connections=2) as reader,
        naming_unreadable(reader),
    ):
        from_seq, to_seq = await first.seq(reader), await second.seq(reader)
        if from_seq > to_seq:
            raise OperationError("the second moment lies before the first", ExitCode.USAGE)
        snapshots = SnapshotStore(dsn)
        with progress_bar("replaying", from_seq + to_seq) as progress:
            (task,) = progress.task_ids
            before = await state_at(
                reader, snapshots, from_seq, lambda seq: progress.update(task, completed=seq)
            )
            after = await state_at(
                reader, snapshots, to_seq, lambda seq: progress.update(task, completed=from_seq + seq)
            )
        events: dict[str, int] = {}
        with progress_bar("counting", to_seq - from_seq) as progress:
            async for page in reader.pages(from_seq, to_seq):
                for stored in page:
                    events[stored.kind] = events.get(stored.kind, 0) + 1
                progress.update(progress.task_ids[0], advance=len(page))
    return DiffOfMoments(from_seq, to_seq, dict(sorted(events.items())), list(differences(before, after)))


def _show_moments(found: DiffOfMoments) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.events.items()) or "no events"
    click.secho(f"from event {found.from_seq} to event {found.to_seq}: {kinds}", bold=True)
    print_table(
        ("place", "before", "after"),
        [(one.place, _short(one.before), _short(one.after)) for one in found.differences],
    )


def _short(value: object) -> str:
    text = "" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


class _Parting(NamedTuple):
    last_seq: int
    other_last_seq: int
    seq: int | None
    event: StoredEvent | None
    other_event: StoredEvent | None


async def _of_logs(exchange: Exchange, other_dsn: str) -> _Parting:
    async with (
        exchange.database() as dsn,
        await LogReader.open(dsn, connections=2) as reader,
        await LogReader.open(other_dsn, connections=2) as other,
    ):
        last_seq, other_last_seq = (await reader.head()).last_seq, (await other.head()).last_seq
        same, different = 0, min(last_seq, other_last_seq) + 1
        while different - same > 1:
            middle = (same + different) // 2
            if await reader.hash_at(middle) == await other.hash_at(middle):
                same = middle
            else:
                different = middle
        if different > min(last_seq, other_last_seq):
            return _Parting(last_seq, other_last_seq, None, None, None)
        return _Parting(
            last_seq,
            other_last_seq,
            different,
            await reader.event(different),
            await other.event(different),
        )


def _printable(found: _Parting) -> DiffOfLogs:
    event, other_event = (
        None if stored is None else log_event(stored) for stored in (found.event, found.other_event)
    )
    return DiffOfLogs(found.last_seq, found.other_last_seq, found.seq, event, other_event)


def _show_logs(found: _Parting) -> None:
    if found.seq is None:
        same = min(found.last_seq, found.other_last_seq)
        print_line(
            f"the same up to event {same}; the logs end at {found.last_seq} and {found.other_last_seq}"
        )
        return
    click.secho(f"the logs part at event {found.seq}", bold=True)
    for stored in (found.event, found.other_event):
        if stored is not None:
            print_event(stored, as_json=False)
