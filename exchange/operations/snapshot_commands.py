"""`exchange snapshot`: the shortcuts of recovery by hand. `exchange up` takes and removes them by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from exchange.domain import snapshot
from exchange.log.reader import LogReader
from exchange.log.recovery import state_at
from exchange.log.snapshots import KEPT, KeptSnapshot, Snapshot, SnapshotStore
from exchange.log.verification import LogVerification
from exchange.operations.engine_runtime import PROGRAM
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_facts, print_json, print_line, print_table, progress_bar
from exchange.operations.verify_command import DAMAGED, UNCHECKED

if TYPE_CHECKING:
    from exchange.log.verification import Verified
    from exchange.operations.finding import Exchange


class SnapshotRow(msgspec.Struct, frozen=True):
    """With --json, `snapshot list` prints an array of these; `snapshot take` prints one."""

    seq: int
    """The last event in the state."""
    digest: str
    """SHA-256 of the state."""
    program: str
    taken_at: str
    """ISO 8601."""
    size_bytes: int
    """Compressed."""
    intact: bool
    """Whether its bytes are those that were saved."""


class Pruned(msgspec.Struct, frozen=True):
    """With --json, `snapshot prune` prints this object."""

    removed: int


@click.group("snapshot")
def snapshot_group() -> None:
    """Snapshots of the state: what a start begins with instead of event 1."""


@snapshot_group.command("take")
@json_option
@exchange_options
def take(exchange: Exchange, *, as_json: bool) -> None:
    """Save the state at the end of the log; older snapshots but the newest go."""

    async def work() -> KeptSnapshot:
        async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
            store, head = SnapshotStore(dsn), await reader.head()
            if not head.last_seq:
                raise OperationError("the log is empty", ExitCode.USAGE)
            with progress_bar("replaying", head.last_seq) as progress:
                (task,) = progress.task_ids
                state = await state_at(
                    reader, store, head.last_seq, lambda seq: progress.update(task, completed=seq)
                )
            await store.save(Snapshot(state.last_seq, head.hash, PROGRAM, snapshot.dump(state)))
            return next(kept for kept in await store.all() if kept.seq == state.last_seq)

    row = _row(run_async(work()))
    if as_json:
        print_json(row)
    else:
        print_facts((name.replace("_", " "), getattr(row, name)) for name in row.__struct_fields__)


@snapshot_group.command("list")
@json_option
@exchange_options
def list_snapshots(exchange: Exchange, *, as_json: bool) -> None:
    """List the snapshots, oldest first, and read each to see whether it is intact."""
    rows = [_row(kept) for kept in run_async(_all(exchange))]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("seq", "taken at", "program", "bytes", "digest", "intact"),
        [
            (
                row.seq,
                row.taken_at,
                row.program,
                row.size_bytes,
                row.digest[:16],
                "yes" if row.intact else "NO",
            )
            for row in rows
        ],
        right=("seq", "bytes"),
    )


@snapshot_group.command("verify")
@json_option
@exchange_options
def verify_snapshots(exchange: Exchange, *, as_json: bool) -> None:
    """Fold the log from event 1 and compare every snapshot with it.

    Exit codes as those of `exchange verify`: 0 good, 1 damaged, 2 something could not be checked; `exchange snapshot prune`
    and `take` replace bad ones.
    """

    async def work() -> Verified:
        async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
            store, end = SnapshotStore(dsn), (await reader.head()).last_seq
            last = max((kept.seq for kept in await store.all() if kept.seq <= end), default=0)
            verification = LogVerification(reader, store, 1, last, reexecute=False)
            with progress_bar("verifying", last) as progress:
                (task,) = progress.task_ids
                return await verification.run(on_progress=lambda seq: progress.update(task, completed=seq))

    found = run_async(work())
    if as_json:
        print_json(found)
    else:
        print_line(f"{found.snapshots} snapshots compared with the log")
        for fault in (*found.faults, *found.unchecked):
            print_line(f"event {fault.seq}: {fault.check}: {fault.what}")
    if found.faults:
        raise click.exceptions.Exit(DAMAGED)
    if found.unchecked:
        raise click.exceptions.Exit(UNCHECKED)


@snapshot_group.command("prune")
@click.option("--keep", type=click.IntRange(min=0), default=KEPT, show_default=True, help="How many stay.")
@json_option
@exchange_options
def prune(exchange: Exchange, *, keep: int, as_json: bool) -> None:
    """Remove old snapshots, and such from beyond the end of the log. The log itself is never touched."""

    async def work() -> int:
        async with exchange.database() as dsn:
            return await SnapshotStore(dsn).prune(keep)

    removed = run_async(work())
    if as_json:
        print_json(Pruned(removed))
    else:
        print_line(f"{removed} removed")


async def _all(exchange: Exchange) -> list[KeptSnapshot]:
    async with exchange.database() as dsn:
        return await SnapshotStore(dsn).all()


def _row(kept: KeptSnapshot) -> SnapshotRow:
    return SnapshotRow(
        kept.seq,
        kept.digest,
        kept.program,
        kept.taken_at.isoformat(timespec="seconds"),
        kept.size_bytes,
        kept.state_digest == kept.digest,
    )
