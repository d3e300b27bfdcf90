"""A gateway's process, for `--gateways 1` and more."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from exchange.engine.interface import EngineStopped
from exchange.log.reader import LogReader
from exchange.operations import child
from exchange.operations.engine_runtime import wait_for_engine
from exchange.operations.gateway_serving import serve_gateway
from exchange.operations.work import GatewayWork

if TYPE_CHECKING:
    from exchange.engine.client import EngineClient
    from gateway.core import Gateway


async def main(work: GatewayWork, parent: child.Parent) -> None:
    """Serves participants until the end is asked for; raises EngineStopped when the engine is gone.

    It is started again then, and takes up the log where it is.
    """
    client = await wait_for_engine(work.dsn, Path(work.socket), parent.waits)
    try:
        async with (
            await LogReader.open(work.dsn) as reader,
            serve_gateway(
                client, reader, work.dsn, work.name, work.listening_fd, work.signer_socket, work.fix
            ) as gateway,
        ):
            child.quieten_collector()
            parent.report(child.Ready())
            await parent.work_until_stop(_until_engine_stops(client, gateway))
    finally:
        await client.close()


async def _until_engine_stops(client: EngineClient, gateway: Gateway) -> None:
    lost = asyncio.create_task(client.wait_lost())
    try:
        await asyncio.wait([lost, gateway.stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        lost.cancel()
    raise EngineStopped("the engine has stopped")


if __name__ == "__main__":
    child.run(GatewayWork, main)
