"""The gateway as an aiohttp application, and serving it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from gateway.http.routes import add_routes
from gateway.websocket.server import WebsocketServer

if TYPE_CHECKING:
    from gateway.core import Gateway

WEBSOCKET_PATH = "/ws"


def create_app(gateway: Gateway) -> web.Application:
    """The application of a started gateway: websocket at `/ws`, HTTP and the page everywhere else."""
    app = web.Application()
    websocket = WebsocketServer(gateway)
    app.router.add_get(WEBSOCKET_PATH, websocket.handle)
    add_routes(app, gateway)

    async def close_websockets(_app: web.Application) -> None:
        await websocket.close()

    app.on_shutdown.append(close_websockets)
    return app


async def serve(app: web.Application, host: str, port: int, *, reuse_port: bool = False) -> web.AppRunner:
    """Listen; port 0 takes a free one (`runner.addresses` names it). `await runner.cleanup()` ends it."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    await web.TCPSite(runner, host, port, reuse_port=reuse_port or None).start()
    return runner
