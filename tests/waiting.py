"""Waiting for a condition in tests: with a deadline, never for a fixed time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def eventually(
    condition: Callable[[], object | Awaitable[object]], what: str, limit_s: float = 30
) -> None:
    """Returns when the condition (plain or a coroutine function) holds; raises AssertionError with `what` if it never does."""
    deadline = time.monotonic() + limit_s
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s} s: {what}")
        await asyncio.sleep(0.01)
