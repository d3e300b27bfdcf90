"""A log to run engines on, and the loops to run them in."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from exchange.log.migrations import migrate

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, LoopFactory]:
    """What rests on the order of a loop's callbacks and on its sockets runs in both loops that the exchange runs in."""
    loops: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    if item.path.name in {"test_socket.py", "test_output_gate.py"}:
        loops["uvloop"] = uvloop.new_event_loop
    return loops


@pytest.fixture
async def log_dsn(dsn: str) -> str:
    """Gives the address of a database with an empty log."""
    await migrate(dsn)
    return dsn
