"""aiohttp's server side of a websocket, with a word to the client before it is closed for a broken protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from aiohttp import WSCloseCode, web

if TYPE_CHECKING:
    from collections.abc import Callable

_PROTOCOL_ERRORS = (WSCloseCode.PROTOCOL_ERROR, WSCloseCode.INVALID_TEXT, WSCloseCode.MESSAGE_TOO_BIG)


class ServerSocket(web.WebSocketResponse[Literal[False]]):
    """`before_error` is called with the close code before the connection is closed for what the client sent."""

    before_error: Callable[[int], None] | None = None

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        """Close; aiohttp calls this itself when it cannot read on."""
        if code in _PROTOCOL_ERRORS and not message and not self.closed and self.before_error:
            self.before_error(code)
        return await super().close(code=code, message=message, drain=drain)
