"""The engine's process: the one that writes the log. With `--gateways 0` the gateway runs here, too, in the same event loop."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.engine.server import EngineServer
from exchange.operations import child
from exchange.operations.engine_runtime import PROGRAM, prepare_database, run_engine, take_lease
from exchange.operations.gateway_serving import serve_gateway, until_either_stops
from exchange.operations.work import EngineWork

if TYPE_CHECKING:
    from exchange.operations.engine_runtime import RunningEngine


async def main(work: EngineWork, parent: child.Parent) -> None:
    """Runs the engine until the end is asked for; ends the process when it fails."""
    await prepare_database(work.dsn, parent.waits)
    writer = await take_lease(work.dsn, work.socket, parent.waits)
    async with contextlib.AsyncExitStack() as stack:
        # Left in the reverse order: the gateway closes, then the socket, then the engine drains.
        running = await stack.enter_async_context(run_engine(work.dsn, writer, work.heads_path))
        await _open_venue(running, work.venue_name)
        server = EngineServer(running.engine, Path(work.socket), PROGRAM)
        await server.start()
        stack.push_async_callback(server.close)
        gateway = None
        if work.listening_fd is not None:
            gateway = await stack.enter_async_context(
                serve_gateway(
                    running.engine,
                    running.reader,
                    work.dsn,
                    "gateway",
                    work.listening_fd,
                    work.signer_socket,
                    work.fix,
                )
            )
        child.quieten_collector()
        facts = {
            "recovery": running.recovery,
            "epoch": running.engine.epoch,
            "seq": running.engine.durable_seq,
        }
        parent.report(child.Ready(facts))
        try:
            await parent.work_until_stop(until_either_stops(running.engine, gateway))
        except Exception as error:  # noqa: BLE001 - whatever stopped the engine, the log is the truth now
            # Fail stop: nobody gets a goodbye, the next engine is on its way.
            child.fail_now(parent, error)


async def _open_venue(running: RunningEngine, name: str) -> None:
    """Opens the venue where the log is empty."""
    if not running.venue.state.business_date:
        today = datetime.now(UTC).date().isoformat()
        await running.engine.submit(commands.OpenVenue(LOCAL_OPERATOR, name, today))


if __name__ == "__main__":
    child.run(EngineWork, main)
