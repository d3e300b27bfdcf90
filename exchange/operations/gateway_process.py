"""A gateway's process, for `--gateways 1` and more."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exchange.engine.client import EngineClient, EngineUnreachable
from exchange.engine.interface import EngineStopped
from exchange.log.reader import LogReader
from exchange.operations import child
from exchange.operations.gateway_serving import serve_gateway
from exchange.operations.work import GatewayWork

if TYPE_CHECKING:
    from gateway.core import Gateway

_RETRY_S: Final = 0.1
_TELL_AFTER_TRIES: Final = 50


async def main(work: GatewayWork, parent: child.Parent) -> None:
    """Serves participants until the end is asked for; raises EngineStopped when the engine is gone.

    It is started again then, and takes up the log where it is.
    """
    client = await _connect(Path(work.socket), parent)
    try:
        async with (
            await LogReader.open(work.dsn) as reader,
            serve_gateway(client, reader, work.dsn, work.name, work.listening_fd) as gateway,
        ):
            child.quieten_collector()
            parent.report(child.Ready())
            await parent.work_until_stop(_until_engine_stops(client, gateway))
    finally:
        await client.close()


async def _connect(path: Path, parent: child.Parent) -> EngineClient:
    """Waits for the engine, which may be starting again."""
    tries = 0
    while True:
        try:
            return await EngineClient.connect(path)
        except EngineUnreachable as error:
            tries += 1
            if tries == _TELL_AFTER_TRIES:
                parent.report(child.Waiting(str(error)))
            await asyncio.sleep(_RETRY_S)


async def _until_engine_stops(client: EngineClient, gateway: Gateway) -> None:
    lost = asyncio.create_task(client.wait_lost())
    try:
        await asyncio.wait([lost, gateway.stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        lost.cancel()
    raise EngineStopped("the engine has stopped")


if __name__ == "__main__":
    child.run(GatewayWork, main)
