"""A running exchange, and the check of every frame that a test saw against the published schemas."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import uvloop
from jsonschema import Draft202012Validator

from exchange.log.migrations import migrate
from gateway.websocket.schemas import websocket_schema
from tests.gateway.exchange import RunningExchange, Tap, running_exchange
from tests.gateway.signer import Signer, running_signer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from gateway.limits import Limits

    StartExchange = Callable[..., Awaitable[RunningExchange]]


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What rests on a loop's buffers and the order of its callbacks runs in both loops that the exchange runs in."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if item.path.name in {"test_limits.py", "test_engine_socket.py"}:
        loops["uvloop"] = uvloop.new_event_loop
    return loops


@pytest.fixture
def tap() -> Iterator[Tap]:
    """Gives the record of all frames of the test; at its end each must conform to the schemas."""
    tap = Tap()
    yield tap
    assert [] == [problem for frame in tap.sent for problem in problems("ClientFrame", frame)]
    assert [] == [problem for frame in tap.received for problem in problems("ServerFrame", frame)]


@pytest.fixture
async def start_exchange(dsn: str, tap: Tap) -> AsyncIterator[StartExchange]:
    """Gives a function that starts an exchange with limits of the test's own."""
    async with AsyncExitStack() as stack:

        async def start(limits: Limits | None = None) -> RunningExchange:
            await migrate(dsn)
            return await stack.enter_async_context(running_exchange(dsn, tap, limits))

        yield start


@pytest.fixture
async def exchange(start_exchange: StartExchange) -> RunningExchange:
    """Gives a running exchange with the default limits."""
    return await start_exchange()


@pytest.fixture
async def signer(exchange: RunningExchange) -> AsyncIterator[Signer]:
    """Gives the process that signs for the exchange."""
    async with running_signer(exchange) as signer:
        yield signer


def problems(definition: str, frame: bytes) -> list[str]:
    """What is wrong with a frame."""
    content = msgspec.json.decode(frame)
    return [f"{error.message} in {frame[:300]!r}" for error in validator(definition).iter_errors(content)]


@cache
def validator(definition: str) -> Any:
    """Checks against one definition of the schema."""
    document = websocket_schema()
    return Draft202012Validator({**document, "anyOf": [{"$ref": f"#/$defs/{definition}"}]})
