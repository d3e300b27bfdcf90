"""`exchange verify`: whether the log is whole, and everything beside it what the log says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg
import click

from exchange.log.heads import HeadsUnusable, read_published
from exchange.log.reader import LogReader
from exchange.log.snapshots import SnapshotStore
from exchange.log.verification import Fault, LogVerification, Verified, readable_end
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.failures import explain
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_facts, print_json, print_line, progress_bar
from exchange.registry import rebuild
from exchange.registry.projection import ProjectionError
from exchange.registry.reader import read_status
from exchange.registry.store import ReconciliationFailed, RegistryDamaged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchange.log.heads import SignedHead
    from exchange.operations.finding import Exchange

DAMAGED: Final = 1
UNCHECKED: Final = 2


@click.command()
@click.option("--from", "first", type=click.IntRange(min=1), default=1, show_default=True, help="First seq.")
@click.option("--to", "last", type=click.IntRange(min=1), help="Last seq; default: the end of the log now.")
@click.option(
    "--reexecute",
    is_flag=True,
    help="Run the commands again through this program and compare each event, byte for byte.",
)
@click.option(
    "--heads",
    "heads_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of published heads; default: heads.jsonl in the data folder. Better one that somebody else kept.",
)
@json_option
@exchange_options
def verify(
    exchange: Exchange,
    *,
    first: int,
    last: int | None,
    reexecute: bool,
    heads_file: Path | None,
    as_json: bool,
) -> None:
    """Check the log: no gap, every hash, every kind known, the ledger's sums, snapshots, published heads, the registry.

    With --from, what lies before is taken from the newest snapshot there. The registry is compared where the whole log is
    checked; `exchange settle --verify` tells more about a difference. Nothing is changed, and the exchange may run.

    Exit codes of this command: 0 good, 1 damaged (the first bad seq and what is wrong with it are printed), 2 something
    could not be checked.
    """
    if last is not None and last < first:
        raise click.UsageError("--to lies before --from")
    try:
        heads = read_published(heads_file or exchange.folder.heads_path)
        found = run_async(_verify(exchange, first, last, heads, reexecute=reexecute))
    except click.UsageError:
        raise
    except (click.ClickException, HeadsUnusable, OSError) as error:
        explained = explain(error)
        click.echo(f"could not check: {explained.message if explained else error}", err=True)
        raise click.exceptions.Exit(UNCHECKED) from error
    if as_json:
        print_json(found)
    else:
        _show(found)
    if found.faults:
        raise click.exceptions.Exit(DAMAGED)
    if found.unchecked:
        raise click.exceptions.Exit(UNCHECKED)


async def _verify(
    exchange: Exchange, first: int, last: int | None, heads: Sequence[SignedHead], *, reexecute: bool
) -> Verified:
    async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
        end, broken = await readable_end(reader)
        if broken is None and max(first, last or 0) > end and (first, last) != (1, None):
            raise OperationError(
                f"the log has no event {max(first, last or 0)}; it ends at {end}", ExitCode.USAGE
            )
        up_to = end if last is None else min(last, end)
        verification = LogVerification(reader, SnapshotStore(dsn), first, up_to, reexecute=reexecute)
        with progress_bar("verifying", up_to) as progress:
            (task,) = progress.task_ids
            found = await verification.run(heads, lambda seq: progress.update(task, completed=seq))
        if first == 1 and last is None and not found.faults and not found.unchecked:
            await _verify_registry(dsn, reader, found)
        return found


async def _verify_registry(dsn: str, reader: LogReader, found: Verified) -> None:
    """Compare the registry with one that is built anew from the log; where nothing was settled there is nothing to compare."""
    with progress_bar("verifying the registry", found.last_seq) as progress:
        (task,) = progress.task_ids

        def on_progress(seq: int, target: int) -> None:
            progress.update(task, completed=seq, total=max(seq, target))

        try:
            rebuilt = await rebuild.verify(dsn, reader, on_progress)
        except rebuild.RebuildRuns as runs:
            found.unchecked.append(Fault("registry", found.last_seq, str(runs)))
            return
        except (ReconciliationFailed, RegistryDamaged, ProjectionError) as error:
            found.faults.append(Fault("registry", found.last_seq, str(error)))
            return
    if rebuilt.digest_before is None:
        if await _was_settled(dsn):
            found.unchecked.append(
                Fault(
                    "registry",
                    found.last_seq,
                    "the tables are not such as this program makes; `exchange settle` makes them anew",
                )
            )
        return
    found.registry_seq = rebuilt.seq
    for one in rebuilt.differences:
        key = ", ".join(f"{name} {value}" for name, value in one.key.items())
        found.faults.append(
            Fault("registry", rebuilt.seq, f"the row {key} of {one.table} is not what the log says")
        )


async def _was_settled(dsn: str) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        return await read_status(connection) is not None
    finally:
        await connection.close()


def _show(found: Verified) -> None:
    facts: list[tuple[str, object]] = [
        ("events", f"{found.first_seq} to {found.last_seq}, checked up to {found.checked_seq}"),
        ("hash", found.hash),
        ("state", found.digest),
        ("snapshots", f"{found.snapshots} compared"),
        ("published heads", f"{found.heads} compared"),
        (
            "registry",
            f"compared up to event {found.registry_seq}" if found.registry_seq else "not compared",
        ),
    ]
    if found.executed or found.not_executed:
        facts.append(
            ("commands", f"{found.executed} run again, {found.not_executed} without a recorded request")
        )
    facts.append(("verdict", _verdict(found)))
    print_facts(facts)
    for fault in (*found.faults, *found.unchecked):
        print_line(f"event {fault.seq}: {fault.check}: {fault.what}")


def _verdict(found: Verified) -> str:
    def first_of(faults: list[Fault]) -> str:
        return f"first at event {faults[0].seq}"

    if found.faults:
        return f"DAMAGED, {first_of(found.faults)}"
    return f"could not check all, {first_of(found.unchecked)}" if found.unchecked else "good"
