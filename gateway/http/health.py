"""`/health`: whether this gateway serves, for load balancers and people."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING

import asyncpg
from aiohttp import web

from gateway.http.answers import Health, HealthStatus
from gateway.websocket.frames import encode

if TYPE_CHECKING:
    from exchange.log.reader import Head
    from gateway.core import Gateway

LOG_LIMIT_S = 2.0
"""A log that does not say within this time where it ends is unreachable."""

VERSION = version("carbon-exchange")


class HealthCheck:
    """The handler. However many ask at once, the log is asked once."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._asking: asyncio.Task[Head | None] | None = None

    async def handle(self, _request: web.Request) -> web.Response:
        """Answer with Health: status 200 when serving, 503 when not."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_log())
        health = self._judge(await asyncio.shield(self._asking))
        return web.Response(
            status=200 if health.status is HealthStatus.SERVING else 503,
            body=encode(health),
            content_type="application/json",
            charset="utf-8",
            headers={"Cache-Control": "no-store"},
        )

    async def _ask_log(self) -> Head | None:
        try:
            async with asyncio.timeout(LOG_LIMIT_S):
                return await self._gateway.reader.head()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None

    def _judge(self, head: Head | None) -> Health:
        gateway = self._gateway
        state = gateway.replica.state
        if gateway.stopped.done():
            status = HealthStatus.ENGINE_STOPPED
        elif head is None:
            status = HealthStatus.LOG_UNREACHABLE
        else:
            status = HealthStatus.SERVING
        return Health(
            status=status,
            role="gateway",
            gateway=gateway.name,
            version=VERSION,
            venue=state.name,
            business_date=state.business_date,
            seq=state.last_seq,
            epoch=head.epoch if head else None,
            # The feed may have brought more since the log was asked.
            lag_events=max(0, head.last_seq - state.last_seq) if head else None,
        )
