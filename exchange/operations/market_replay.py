"""`exchange replay --speed`: a part of the log shown again as it happened, on a scratch exchange that nobody can trade on.

A server of its own, in a temporary folder, gets a copy of the log up to the beginning; then the events that follow are
appended at their old distances in time, and a standby shows them to ordinary clients and pages. What happened later is
not there to be asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from exchange.engine.standby import Standby
from exchange.log.embedded import EmbeddedPostgres
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.log.writer import LogWriter
from exchange.operations import listening
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.gateway_serving import serve_gateway
from exchange.operations.options import run_async
from exchange.operations.output import progress_bar

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable

    from exchange.log.record import StoredEvent
    from exchange.operations.finding import Exchange
    from exchange.operations.moments import Moment

LONGEST_PAUSE_S: Final = 2.0
"""Quiet times are shortened to this."""
_NS: Final = 10**9


def show_market(exchange: Exchange, begin: Moment, end: Moment, speed: float, http: str) -> None:
    """Show it until Ctrl-C. Raises OperationError."""
    (bound,) = listening.bind(http, 1)
    with contextlib.suppress(KeyboardInterrupt):
        run_async(_show_market(exchange, begin, end, speed, bound))


async def _show_market(
    exchange: Exchange, begin: Moment, end: Moment, speed: float, bound: socket.socket
) -> None:
    address = listening.address_of(bound)
    async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
        from_seq, to_seq = await begin.seq(reader), await end.seq(reader)
        if from_seq >= to_seq:
            raise OperationError("there is nothing to show between these moments", ExitCode.USAGE)
        async with _scratch_market(reader, from_seq, bound) as (writer, standby):
            click.echo(
                f"events {from_seq + 1} to {to_seq} at http://{address}/ and ws://{address}/ws; Ctrl-C ends it"
            )
            with progress_bar("showing", to_seq - from_seq) as progress:
                (task,) = progress.task_ids

                def shown(seq: int) -> None:
                    progress.update(task, completed=seq - from_seq)

                following = asyncio.create_task(standby.follow())
                appending = asyncio.create_task(_append(reader, from_seq, to_seq, speed, writer, shown))
                try:
                    await asyncio.wait([following, appending], return_when=asyncio.FIRST_EXCEPTION)
                    if appending.done():
                        appending.result()
                    await following
                finally:
                    following.cancel()
                    appending.cancel()
                    await asyncio.gather(following, appending, return_exceptions=True)


@contextlib.asynccontextmanager
async def _scratch_market(
    source: LogReader, from_seq: int, bound: socket.socket
) -> AsyncIterator[tuple[LogWriter, Standby]]:
    """A server with a copy of the log up to an event, and a gateway that shows it."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exchange-replay-")))
        postgres = await stack.enter_async_context(EmbeddedPostgres(folder / "data"))
        await migrate(postgres.dsn)
        writer = await stack.enter_async_context(
            await LogWriter.open(postgres.dsn, WriterIdentity.of_this_process())
        )
        with progress_bar("copying", from_seq) as progress:
            async for page in source.pages(0, from_seq, verify=True):
                await writer.append(page)
                progress.update(progress.task_ids[0], advance=len(page))
        reader = await stack.enter_async_context(await LogReader.open(postgres.dsn))
        state = (await recover(reader, SnapshotStore(postgres.dsn))).state
        standby = Standby(state, writer.last_hash, writer.epoch, reader)
        await stack.enter_async_context(
            serve_gateway(
                standby, reader, postgres.dsn, "replay", bound.detach(), str(folder / "no-signer.sock")
            )
        )
        yield writer, standby


async def _append(
    source: LogReader,
    from_seq: int,
    to_seq: int,
    speed: float,
    writer: LogWriter,
    on_progress: Callable[[int], None],
) -> None:
    """Append command by command, each when its time has come."""
    shown_at: int | None = None
    async for page in source.pages(from_seq, to_seq, verify=True):
        command: list[StoredEvent] = []
        for stored in page:
            if command and stored.command != command[0].command:
                shown_at = await _show(command, shown_at, speed, writer)
                on_progress(command[-1].seq)
                command = []
            command.append(stored)
        shown_at = await _show(command, shown_at, speed, writer)
        on_progress(command[-1].seq)


async def _show(rows: list[StoredEvent], shown_at: int | None, speed: float, writer: LogWriter) -> int:
    """Wait as long as it took, and append; answers when it happened."""
    at = rows[0].recorded_at
    if shown_at is not None:
        await asyncio.sleep(min((at - shown_at) / _NS / speed, LONGEST_PAUSE_S))
    await writer.append(rows)
    return at
