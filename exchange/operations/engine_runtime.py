"""The engine put together: lease, recovery, venue. What `exchange up` and a single administrative command both run."""

from __future__ import annotations

import asyncio
import socket as sockets
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from exchange.domain.venue import Venue
from exchange.engine.client import EngineClient, EngineUnreachable
from exchange.engine.engine import Engine
from exchange.log import lease
from exchange.log.lease import LeaseHeld, WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.log.writer import Fenced, LogWriter
from exchange.operations.cut_off import demand_end
from exchange.operations.failures import UNREACHABLE, describe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PROGRAM: Final = f"carbon-exchange {version('carbon-exchange')}"

_RETRY_S: Final = 1.0
_LEASE_WAIT_S: Final = 10.0
_ENGINE_RETRY_S: Final = 0.1
_TELL_AFTER_TRIES: Final = 50

log = structlog.get_logger()


class RunningEngine(msgspec.Struct, frozen=True):
    """An engine at work and how it came to its state."""

    engine: Engine
    venue: Venue
    recovery: str
    """What recovery did, in one line."""
    reader: LogReader


async def prepare_database(dsn: str, on_wait: Callable[[str], None]) -> None:
    """Waits until the database answers, and brings it to this program's schema.

    `on_wait` hears why it takes long, once for each reason. Raises what cannot be helped by waiting: a wrong password, a newer schema.
    """
    told = ""
    while True:
        try:
            await migrate(dsn)
        except UNREACHABLE as error:
            reason = f"the database does not answer: {describe(error)}"
            if reason != told:
                told = reason
                on_wait(reason)
            await asyncio.sleep(_RETRY_S)
        else:
            return


async def take_lease(dsn: str, socket: str, on_wait: Callable[[str], None]) -> LogWriter:
    """Waits until the log is nobody else's, and takes it. `on_wait` hears who holds it."""
    told = ""
    while True:
        try:
            return await LogWriter.open(
                dsn, WriterIdentity.of_this_process(socket), wait_s=_LEASE_WAIT_S if told else 0
            )
        except (LeaseHeld, Fenced) as held:
            if str(held) != told:
                told = str(held)
                on_wait(told)


async def wait_for_engine(dsn: str, socket: Path, on_wait: Callable[[str], None]) -> EngineClient:
    """Connects to the engine of this exchange, or to the one on this machine that writes the log instead of it.

    `on_wait` hears when that takes long.
    """
    tries = 0
    while True:
        for path in (socket, await _socket_of_writer(dsn)):
            try:
                if path is None:
                    continue
                client = await EngineClient.connect(path)
            except EngineUnreachable as error:
                tries += 1
                if tries == _TELL_AFTER_TRIES:
                    on_wait(str(error))
            else:
                # The lease may still name one that was started anew as a standby: it will not write for us.
                if path == socket or not client.standing_by:
                    return client
                await client.close()
        await asyncio.sleep(_ENGINE_RETRY_S)


async def _socket_of_writer(dsn: str) -> Path | None:
    """Where the engine listens that writes the log, if it does so on this machine."""
    try:
        holder = await lease.current(dsn)
    except UNREACHABLE:
        return None
    if holder is None or holder.writer.host != sockets.gethostname() or not holder.writer.socket:
        return None
    return Path(holder.writer.socket)


@asynccontextmanager
async def run_engine(
    dsn: str, writer: LogWriter, heads_path: Path | None = None
) -> AsyncIterator[RunningEngine]:
    """Recovers the state and runs the engine on a log that this process may write; afterwards it has drained.

    `heads_path`: file of the heads that the venue published, if it did. Raises what `demand_end` and `recover` do.
    """
    async with writer, await LogReader.open(dsn) as reader:
        await demand_end(dsn, reader, heads_path)
        recovery = await recover(reader, SnapshotStore(dsn))
        for problem in recovery.problems:
            log.warning("snapshot not used", problem=problem)
        if recovery.state.last_seq != writer.last_seq:
            raise Fenced(f"the log ends at event {writer.last_seq}, recovery at {recovery.state.last_seq}")
        venue = Venue(recovery.state)
        running = RunningEngine(Engine(venue, writer, PROGRAM), venue, recovery.summary(), reader)
        await running.engine.start()
        try:
            yield running
        finally:
            await running.engine.stop()
