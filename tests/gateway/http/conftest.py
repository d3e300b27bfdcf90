"""A client of the HTTP side that checks every JSON answer against the published schemas."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from gateway.http.schemas import http_schema

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.gateway.exchange import RunningExchange


class HttpClient:
    """Asks an exchange over HTTP."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def get(self, path: str, **options: Any) -> tuple[aiohttp.ClientResponse, bytes]:
        """The response to a GET and its body."""
        async with self.session.get(path, **options) as response:
            return response, await response.read()

    async def json(self, path: str, definition: str, status: int = 200, **params: Any) -> Any:
        """The answer to a GET, which must have this status and conform to a definition of the schema."""
        async with self.session.get(path, params=params) as response:
            content = await response.json()
        assert (status, "application/json") == (response.status, response.content_type), content
        assert [] == [error.message for error in validator(definition).iter_errors(content)]
        return content

    async def refusal(self, path: str, status: int, **params: Any) -> tuple[int, str, str]:
        """Code, name and message of the refusal that a GET must get."""
        content = await self.json(path, "ErrorAnswer", status, **params)
        error = content["error"]
        return error["code"], error["name"], error["message"]


@cache
def validator(definition: str) -> Any:
    """Checks against one definition of the schema of HTTP."""
    return Draft202012Validator({**http_schema(), "anyOf": [{"$ref": f"#/$defs/{definition}"}]})


def http_address(exchange: RunningExchange) -> str:
    """Where the HTTP side of an exchange is."""
    return exchange.url.replace("ws://", "http://").removesuffix("/ws")


@pytest.fixture
async def http(exchange: RunningExchange) -> AsyncIterator[HttpClient]:
    """Gives a client of the exchange's HTTP side."""
    async with aiohttp.ClientSession(http_address(exchange)) as session:
        yield HttpClient(session)
