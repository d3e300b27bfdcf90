"""The engine's process of a standby: it follows another exchange's log, shows the market, and takes over when that one ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from exchange.engine.server import EngineServer
from exchange.engine.standby import Standby
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.operations import child
from exchange.operations.cut_off import demand_end
from exchange.operations.engine_runtime import PROGRAM, take_lease
from exchange.operations.gateway_serving import serve_fix, serve_gateway, until_either_stops
from exchange.operations.work import EngineWork

if TYPE_CHECKING:
    from exchange.log.writer import LogWriter
    from gateway.core import Gateway

log = structlog.get_logger()


async def main(work: EngineWork, parent: child.Parent) -> None:
    """Stands by, and then writes, until the end is asked for. The database's schema is the other exchange's affair."""
    snapshots = SnapshotStore(work.dsn)
    async with contextlib.AsyncExitStack() as stack:
        # Left in the reverse order: the gateway closes, then the socket, then the engine drains, if this became one.
        reader = await stack.enter_async_context(await LogReader.open(work.dsn))
        await demand_end(work.dsn, reader, work.heads_path)
        recovery = await recover(reader, snapshots)
        seq = recovery.state.last_seq
        standby = Standby(recovery.state, await reader.hash_at(seq), (await reader.head()).epoch, reader)
        stack.push_async_callback(standby.close)
        server = EngineServer(standby, Path(work.socket), PROGRAM)
        await server.start()
        stack.push_async_callback(server.close)
        gateway = None
        if work.listening_fd is not None:
            gateway = await stack.enter_async_context(
                serve_gateway(standby, reader, work.dsn, "gateway", work.listening_fd, work.signer_socket)
            )
        child.quieten_collector()
        parent.report(child.Ready({"recovery": recovery.summary(), "epoch": standby.epoch, "seq": seq}))
        try:
            await parent.work_until_stop(_stand_by_and_write(work, standby, gateway, snapshots, parent))
        except Exception as error:  # noqa: BLE001 - whatever it was, the log is the truth: start anew
            child.fail_now(parent, error)


async def _stand_by_and_write(
    work: EngineWork,
    standby: Standby,
    gateway: Gateway | None,
    snapshots: SnapshotStore,
    parent: child.Parent,
) -> None:
    """Never returns; raises what ends the standby, or the engine that it became."""
    writer = await _stand_by(work, standby, snapshots, parent)
    began_at = time.monotonic()
    engine = await standby.promote(writer, PROGRAM)
    log.warning(
        "took over: this exchange writes the log now",
        epoch=engine.epoch,
        seq=engine.durable_seq,
        promotion_ms=round((time.monotonic() - began_at) * 1000),
    )
    async with contextlib.AsyncExitStack() as stack:
        if gateway is not None and work.fix is not None:
            # Not before: the numbers of FIX sessions have one keeper, who was the other exchange.
            await stack.enter_async_context(serve_fix(gateway, work.dsn, work.fix))
        await until_either_stops(engine, gateway)


async def _stand_by(
    work: EngineWork, standby: Standby, snapshots: SnapshotStore, parent: child.Parent
) -> LogWriter:
    """The lease, once the other exchange has let go of it."""
    taking = asyncio.create_task(take_lease(work.dsn, work.socket, parent.waits))
    following = asyncio.create_task(standby.follow())
    comparing = asyncio.create_task(standby.compare(snapshots))
    try:
        await asyncio.wait([taking, following, comparing], return_when=asyncio.FIRST_COMPLETED)
        for task in (following, comparing):
            if task.done():
                task.result()
        return taking.result()
    finally:
        taking.cancel()
        following.cancel()
        comparing.cancel()
        await asyncio.gather(taking, following, comparing, return_exceptions=True)


if __name__ == "__main__":
    child.run(EngineWork, main)
