"""`exchange archive`: old events out of the database, into files that stay part of the log."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg
import click
import msgspec

from exchange.log.archive import Archive, ArchiveMissing, write_archive
from exchange.log.reader import LogReader
from exchange.log.snapshots import SnapshotStore
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.moments import MOMENT, Moment
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_facts, print_json, progress_bar
from exchange.registry.reader import read_status

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange


_LOCK_KEY: Final = 0x65786368_61726368
"""Of the advisory lock that lets one archive at a time ("exch", "arch")."""


class Archived(msgspec.Struct, frozen=True):
    """With --json, `archive` prints this object."""

    from_seq: int
    to_seq: int
    files: list[str]


@click.command()
@click.option("--to", "moment", type=MOMENT, required=True, help="The last event that goes: a seq or a time.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files go; default: where the earlier ones are, at first archive in the data folder."
    " Files of earlier events must have been copied there before.",
)
@json_option
@exchange_options
def archive(exchange: Exchange, *, moment: Moment, folder: Path | None, as_json: bool) -> None:
    """Move old events out of the database into Parquet files, and check them before they leave.

    Everything that reads the log goes on reading them there; `exchange verify` checks files and table as one. What a start
    needs stays: there must be a later snapshot, and settlement must be past the last event that goes. Keep the files as you
    keep the log, and where a standby reads them at the same path. The exchange may run.
    """
    done = run_async(_archive(exchange, moment, None if folder is None else folder.absolute()))
    if as_json:
        print_json(done)
    else:
        print_facts(
            [("archived", f"events {done.from_seq} to {done.to_seq}"), ("files", "\n".join(done.files))]
        )


async def _archive(exchange: Exchange, moment: Moment, folder: Path | None) -> Archived:
    async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
        connection = await asyncpg.connect(dsn, server_settings={"statement_timeout": "0"})
        try:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_KEY):
                raise OperationError(
                    "another `exchange archive` works on this log just now", ExitCode.NOT_AVAILABLE
                )
            to_seq = await moment.seq(reader)
            earlier = await connection.fetchrow("SELECT up_to_seq, hash, folder FROM archived")
            before = earlier["up_to_seq"] if earlier else 0
            if to_seq <= before:
                raise OperationError(
                    f"events up to {before} are archived already"
                    if before
                    else "there is nothing to archive up to there",
                    ExitCode.USAGE,
                )
            await _demand_not_needed(connection, SnapshotStore(dsn), to_seq)
            if earlier is not None:
                folder = folder or Path(earlier["folder"])
                await _demand_earlier_files(folder, before, earlier["hash"], Path(earlier["folder"]))
            folder = folder or (exchange.folder.path / "archive").absolute()
            with progress_bar("archiving", to_seq - before) as progress:
                (task,) = progress.task_ids
                paths = await write_archive(
                    reader, folder, before, to_seq, lambda seq: progress.update(task, completed=seq - before)
                )
            async with connection.transaction():
                await connection.execute("SELECT archive_events($1, $2)", to_seq, str(folder))
        finally:
            await connection.close()
    return Archived(before + 1, to_seq, [str(path) for path in paths])


async def _demand_earlier_files(folder: Path, up_to: int, last_hash: bytes, recorded: Path) -> None:
    """Refuse to go on in another folder than the one of the earlier files: all of them are read from one."""
    if folder == recorded:
        return
    found = b""
    with contextlib.suppress(ArchiveMissing):
        found = await Archive(folder).last_hash(up_to)
    if found != last_hash:
        raise OperationError(
            f"events 1 to {up_to} are archived in {recorded}: copy those files to {folder} first,"
            " or leave --folder out",
            ExitCode.USAGE,
        )


async def _demand_not_needed(
    connection: asyncpg.Connection[asyncpg.Record], snapshots: SnapshotStore, to_seq: int
) -> None:
    """Refuse to archive what a start or settlement still needs."""
    newest = (await snapshots.newest_good()).snapshot
    if newest is None or newest.seq <= to_seq:
        raise OperationError(
            f"no good snapshot lies beyond event {to_seq}: a start would need what is to be archived;"
            " `exchange snapshot take` makes one",
            ExitCode.USAGE,
        )
    status = await read_status(connection)
    if status is None or status.checkpoint.seq < to_seq:
        settled = 0 if status is None else status.checkpoint.seq
        raise OperationError(
            f"settlement is at event {settled}: `exchange settle`, or choose an earlier event", ExitCode.USAGE
        )
