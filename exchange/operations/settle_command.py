"""`exchange settle`: the registry by hand. `exchange up` settles all the time; this is for when it does not run, and for checks."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any

import asyncpg
import click
import msgspec

from exchange.log.lease import WriterIdentity
from exchange.log.reader import LogReader
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_facts, print_json, print_line, progress_bar
from exchange.registry.reader import read_status
from exchange.registry.rebuild import Difference, rebuild, verify
from exchange.registry.settlement import Settlement
from exchange.registry.store import RegistryStore

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange
    from exchange.registry.reader import Settler
    from exchange.registry.rebuild import Rebuilt


class SettlerRow(msgspec.Struct, frozen=True):
    """Who settles, or did last."""

    works: bool
    host: str
    pid: int
    since: str
    """ISO 8601."""


class SettleStatus(msgspec.Struct, frozen=True):
    """With --json, `settle` and `settle --status` print this object."""

    seq: int
    """Of the last event settled."""
    hash: str
    """Of that event in the log's chain, hexadecimal text."""
    movements: int
    digest: str
    """Of all movements, hexadecimal text: the same wherever the same log was settled up to here."""
    last_seq: int
    """Of the log."""
    lag_events: int
    lag_ms: int
    """Between the last event settled and the last of the log."""
    settler: SettlerRow | None


class SettleRebuilt(msgspec.Struct, frozen=True):
    """With --json, `settle --rebuild` and `settle --verify` print this object."""

    seq: int
    movements: int
    identical: bool
    """Whether the tables were what the log says."""
    digest_before: str | None
    """SHA-256 of all rows, hexadecimal text; null where there was nothing to compare with."""
    digest: str
    differences: list[Difference]
    """The first rows that were not what the log says."""


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on as events come, until Ctrl-C.")
@click.option("--status", is_flag=True, help="Only tell up to where the log is settled.")
@click.option(
    "--rebuild",
    "build_anew",
    is_flag=True,
    help="Build all tables anew from event 1 and compare each row with those there were.",
)
@click.option(
    "--verify",
    "only_verify",
    is_flag=True,
    help="Build them anew only to compare each row; nothing is changed.",
)
@json_option
@exchange_options
def settle(
    exchange: Exchange, *, follow: bool, status: bool, build_anew: bool, only_verify: bool, as_json: bool
) -> None:
    """Bring the registry to the end of the log: who holds which serial number.

    `exchange up` does so all the time, and goes on trading and settling while --rebuild or --verify runs. Where a row is not
    what the log says, those two name it (table, key, what was found, what the log says) and end with exit code 8; where the
    log itself is damaged, with the event's seq and exit code 7.
    """
    if follow + status + build_anew + only_verify > 1:
        raise click.UsageError("--follow, --status, --rebuild and --verify exclude each other")
    if build_anew or only_verify:
        rebuilt = run_async(_compare_with_log(exchange, replace=build_anew))
        _show_compared(rebuilt, replaced=build_anew, as_json=as_json)
        return
    found = run_async(_status(exchange) if status else _settle(exchange, follow=follow))
    if as_json:
        print_json(found)
    else:
        _show(found)


async def _settle(exchange: Exchange, *, follow: bool) -> SettleStatus:
    async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
        async with await RegistryStore.open(dsn, WriterIdentity.of_this_process()) as store:
            settlement = await Settlement.resume(reader, store)
            head = await reader.head()
            with _bar("settling", settlement.checkpoint.seq) as on_progress:
                await settlement.catch_up(on_progress=lambda seq: on_progress(seq, head.last_seq))
            if follow:
                stop = asyncio.Event()
                for number in (signal.SIGINT, signal.SIGTERM):
                    asyncio.get_running_loop().add_signal_handler(number, stop.set)
                await settlement.follow(stop)
        return await _read(dsn)


async def _status(exchange: Exchange) -> SettleStatus:
    async with exchange.database() as dsn:
        return await _read(dsn)


async def _read(dsn: str) -> SettleStatus:
    connection = await asyncpg.connect(dsn)
    try:
        found = await read_status(connection)
    finally:
        await connection.close()
    if found is None:
        raise OperationError(
            "nothing was settled here yet; `exchange settle` does it", ExitCode.NOT_AVAILABLE
        )
    checkpoint, settler = found.checkpoint, found.settler
    return SettleStatus(
        seq=checkpoint.seq,
        hash=checkpoint.hash.hex(),
        movements=checkpoint.movements,
        digest=checkpoint.digest.hex(),
        last_seq=found.last_seq,
        lag_events=found.lag_events,
        lag_ms=found.lag_ms,
        settler=None if settler is None else _row(settler),
    )


def _row(settler: Settler) -> SettlerRow:
    return SettlerRow(settler.works, settler.host, settler.pid, settler.since.isoformat(timespec="seconds"))


async def _compare_with_log(exchange: Exchange, *, replace: bool) -> Rebuilt:
    async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
        if replace:
            with _bar("rebuilding", 0) as on_progress:
                return await rebuild(dsn, reader, on_progress)
        # Says so where there is nothing to verify.
        await _read(dsn)
        with _bar("verifying", 0) as on_progress:
            return await verify(dsn, reader, on_progress)


@contextlib.contextmanager
def _bar(what: str, begin: int) -> Any:
    """A function that is told the seq reached and the one to reach, and shows it."""
    with progress_bar(what, begin) as progress:
        (task,) = progress.task_ids

        def tell(seq: int, target: int) -> None:
            progress.update(task, completed=seq, total=max(seq, target))

        yield tell


def _show(found: SettleStatus) -> None:
    settler = found.settler
    who = "nobody"
    if settler is not None:
        works = "works" if settler.works else "does not work now; it was the last"
        who = f"process {settler.pid} on {settler.host} since {settler.since}, {works}"
    print_facts(
        [
            ("settled up to event", found.seq),
            ("last event", found.last_seq),
            ("lag", f"{found.lag_events} events, {found.lag_ms} ms"),
            ("movements", found.movements),
            ("digest", found.digest),
            ("settler", who),
        ]
    )


def _show_compared(rebuilt: Rebuilt, *, replaced: bool, as_json: bool) -> None:
    """Prints what came of it; raises OperationError when the tables are not, or were not, what the log says."""
    if as_json:
        fields = {name: getattr(rebuilt, name) for name in SettleRebuilt.__struct_fields__}
        print_json(SettleRebuilt(**fields))
    else:
        verdict = "identical" if rebuilt.identical else "DIFFERENT: see below"
        if rebuilt.digest_before is None:
            verdict = "there was nothing to compare with"
        print_facts(
            [
                ("rebuilt up to event" if replaced else "verified up to event", rebuilt.seq),
                ("movements", rebuilt.movements),
                ("digest of the tables", rebuilt.digest_before or "-"),
                ("digest by the log", rebuilt.digest),
                ("verdict", verdict),
            ]
        )
        for one in rebuilt.differences:
            print_line(
                f"{one.table} {_text(one.key)}: found {_text(one.found)}, by the log {_text(one.rebuilt)}"
            )
    if rebuilt.digest_before is None:
        if not replaced:
            raise OperationError(
                "the tables are not such as this program makes; `exchange settle` makes them anew",
                ExitCode.NOT_AVAILABLE,
            )
    elif not rebuilt.identical:
        end = "the rebuilt one is in place" if replaced else "`exchange settle --rebuild` makes it anew"
        raise OperationError(
            f"the registry {'was' if replaced else 'is'} not what the log says"
            f" ({len(rebuilt.differences)} rows named); {end}",
            ExitCode.REGISTRY_DAMAGED,
        )


def _text(row: dict[str, Any] | None) -> str:
    return "missing" if row is None else msgspec.json.encode(row).decode()
