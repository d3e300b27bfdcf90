"""Orders that arrive at a fixed rate, whether or not those before have their answers (an open loop).

A client that waits for its answer before it sends the next order measures a slow moment once, and leaves out all the
orders that should have come meanwhile. Here every order has a time at which it is due, and its latency counts from then.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

from gateway import results
from gateway.websocket.client import RejectedError
from loadtest import latencies
from loadtest.latencies import Latencies
from loadtest.order_mix import OrderMix
from loadtest.processor_time import ProcessorTime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.websocket.client import ExchangeClient
    from loadtest.exchange_under_test import ExchangeUnderTest

CONNECTIONS: Final = 8
_ANSWER_LIMIT_S: Final = 60
_SWITCH_INTERVAL_S: Final = 0.0005


class Arrivals(msgspec.Struct, frozen=True):
    """One rate."""

    rate_per_s: int
    duration_s: float
    answer: Latencies
    """From when a request was due to its answer."""
    late: Latencies
    """From when a request was due until it was sent: the load test's own share of the above."""
    refused: int
    server_share: float
    """Processor time of the engine's and gateway's process, 1 being a whole core."""


class _Arriving:
    """Sends requests when they are due and notes when the answers come."""

    def __init__(self, clients: list[ExchangeClient], count: int) -> None:
        self.answer_s: list[float] = []
        self.late_s: list[float] = []
        self.refused = 0
        self.finished = asyncio.Event()
        self._senders = [(client, OrderMix(seed)) for seed, client in enumerate(clients)]
        self._sent = 0
        self._unanswered = count

    def send(self, due_s: float) -> None:
        """Send the next request, over each connection in turn."""
        client, mix = self._senders[self._sent % len(self._senders)]
        self._sent += 1
        request_type, params = mix.next_request()
        answer = client.send(request_type, params, results.OrderReport)
        self.late_s.append(time.perf_counter() - due_s)

        def answered(done: asyncio.Future[results.OrderReport]) -> None:
            self.answer_s.append(time.perf_counter() - due_s)
            error = done.exception()
            if isinstance(error, RejectedError):
                self.refused += 1
            self._unanswered -= 1
            if not self._unanswered:
                self.finished.set()

        answer.add_done_callback(answered)


async def measure_round(exchange: ExchangeUnderTest, rate_per_s: int, duration_s: float) -> Arrivals:
    """One round at a rate."""
    count = round(rate_per_s * duration_s)
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(await exchange.connect_trader()) for _ in range(CONNECTIONS)
        ]
        arriving = _Arriving(clients, count)
        server = ProcessorTime.of(exchange.engine_process_id)
        loop = asyncio.get_running_loop()
        stop = threading.Event()
        pacing = loop.run_in_executor(None, _pace, loop, arriving, rate_per_s, count, stop)
        try:
            await pacing
            server_share = server.spent_s() / duration_s
            async with asyncio.timeout(_ANSWER_LIMIT_S):
                await arriving.finished.wait()
        finally:
            stop.set()
        for client in clients:
            await client.cancel_all()
    return Arrivals(
        rate_per_s=rate_per_s,
        duration_s=duration_s,
        answer=latencies.of_round(arriving.answer_s),
        late=latencies.of_round(arriving.late_s),
        refused=arriving.refused,
        server_share=server_share,
    )


def over_rounds(rounds: Sequence[Arrivals]) -> Arrivals:
    """Medians over rounds at the same rate."""
    return Arrivals(
        rate_per_s=rounds[0].rate_per_s,
        duration_s=sum(one.duration_s for one in rounds),
        answer=latencies.over_rounds([one.answer for one in rounds]),
        late=latencies.over_rounds([one.late for one in rounds]),
        refused=sum(one.refused for one in rounds),
        server_share=statistics.median(one.server_share for one in rounds),
    )


def _pace(
    loop: asyncio.AbstractEventLoop, arriving: _Arriving, rate_per_s: int, count: int, stop: threading.Event
) -> None:
    """Ask for one request after the other when it is due. A thread, since timers of event loops count whole milliseconds."""
    before_s = sys.getswitchinterval()
    # The loop must not keep the interpreter for the usual 5 ms when a request is due.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        began_s = time.perf_counter()
        for number in range(count):
            due_s = began_s + number / rate_per_s
            wait_s = due_s - time.perf_counter()
            if wait_s > 0:
                time.sleep(wait_s)
            if stop.is_set():
                return
            loop.call_soon_threadsafe(arriving.send, due_s)
    finally:
        sys.setswitchinterval(before_s)
