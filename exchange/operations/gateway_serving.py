"""A gateway put together: a replica of the venue, an engine to talk to, and a socket to serve."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from gateway.app import create_app
from gateway.core import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchange.domain.state import State
    from exchange.engine.interface import EnginePort
    from exchange.log.reader import LogReader

_GOODBYE_LIMIT_S = 5.0


@asynccontextmanager
async def serve_gateway(
    engine: EnginePort, reader: LogReader, dsn: str, name: str, listening_fd: int, signer_socket: str
) -> AsyncIterator[Gateway]:
    """Serves HTTP and websocket on a bound socket; afterwards all connections are closed and their sessions ended."""

    async def recovered() -> State:
        # A state of its own: the engine's runs ahead of what is durable.
        return (await recover(reader, SnapshotStore(dsn))).state

    gateway = Gateway(engine, reader, name=name)
    await gateway.start(recovered)
    runner = web.AppRunner(
        create_app(gateway, Path(signer_socket)), access_log=None, shutdown_timeout=_GOODBYE_LIMIT_S
    )
    try:
        await runner.setup()
        await web.SockSite(runner, socket.socket(fileno=listening_fd)).start()
        yield gateway
    finally:
        await runner.cleanup()
        gateway.stop()
