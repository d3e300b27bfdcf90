"""A gateway put together: a replica of the venue, an engine to talk to, and a socket to serve."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from exchange.engine.interface import EngineStopped
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.registry.view import RegistryReader
from gateway.app import create_app
from gateway.core import REGISTER_READS, STATEMENT_READS, Gateway
from gateway.fix.server import FixServer
from gateway.fix.store import FixStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchange.domain.state import State
    from exchange.engine.engine import Engine
    from exchange.engine.interface import EnginePort
    from exchange.log.reader import LogReader
    from exchange.operations.work import FixWork

_GOODBYE_LIMIT_S = 5.0


@asynccontextmanager
async def serve_gateway(
    engine: EnginePort,
    reader: LogReader,
    dsn: str,
    name: str,
    listening_fd: int,
    signer_socket: str,
    fix: FixWork | None = None,
) -> AsyncIterator[Gateway]:
    """Serves HTTP and websocket on a bound socket, and FIX on another one if it is to.

    Afterwards all connections are closed and their sessions ended.
    """

    async def recovered() -> State:
        # A state of its own: the engine's runs ahead of what is durable.
        return (await recover(reader, SnapshotStore(dsn))).state

    async with await RegistryReader.open(dsn, REGISTER_READS + STATEMENT_READS) as registry:
        gateway = Gateway(engine, reader, registry, name=name)
        await gateway.start(recovered)
        runner = web.AppRunner(
            create_app(gateway, Path(signer_socket)), access_log=None, shutdown_timeout=_GOODBYE_LIMIT_S
        )
        try:
            await runner.setup()
            await web.SockSite(runner, socket.socket(fileno=listening_fd)).start()
            if fix is None:
                yield gateway
            else:
                async with serve_fix(gateway, dsn, fix):
                    yield gateway
        finally:
            await runner.cleanup()
            gateway.stop()


@asynccontextmanager
async def serve_fix(gateway: Gateway, dsn: str, work: FixWork) -> AsyncIterator[None]:
    """Serves FIX. When its numbers cannot be saved any more, the gateway is of no use and its process ends."""
    tls = None
    if work.tls_certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(work.tls_certificate, work.tls_key or None)
    store = await FixStore.open(dsn)
    server = FixServer(gateway, store)
    server.failed.add_done_callback(lambda _failed: gateway.engine_stopped())
    try:
        await server.start(socket.socket(fileno=work.listening_fd), tls)
        yield
    finally:
        await server.close()
        await store.close()


async def until_either_stops(engine: Engine, gateway: Gateway | None) -> None:
    """Return when the engine was stopped; raise what made it fail, or when its gateway cannot go on."""
    working = asyncio.create_task(engine.wait())
    try:
        await asyncio.wait(
            [working, *([gateway.stopped] if gateway else [])], return_when=asyncio.FIRST_COMPLETED
        )
        if not working.done():
            raise EngineStopped("the gateway cannot go on")
        await working
    finally:
        working.cancel()
