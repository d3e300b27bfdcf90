"""The gateway as an aiohttp application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from gateway.http.routes import add_routes
from gateway.websocket.server import WebsocketServer

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.core import Gateway

WEBSOCKET_PATH = "/ws"


def create_app(gateway: Gateway, signer_socket: Path) -> web.Application:
    """The application of a started gateway: websocket at `/ws`, HTTP and the page everywhere else.

    `signer_socket`: unix socket of the process that signs for the venue; it need not run yet.
    """
    app = web.Application()
    websocket = WebsocketServer(gateway)
    app.router.add_get(WEBSOCKET_PATH, websocket.handle)
    add_routes(app, gateway, signer_socket)

    async def close_websockets(_app: web.Application) -> None:
        await websocket.close()

    app.on_shutdown.append(close_websockets)
    return app
