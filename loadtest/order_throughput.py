"""Many orders in flight over one or more connections, as fast as the answers come."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import time
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from gateway import results
from loadtest.order_mix import OrderMix
from loadtest.processor_time import MachineTime, ProcessorTime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.websocket.client import ExchangeClient
    from loadtest.exchange_under_test import ExchangeUnderTest

IN_FLIGHT: Final = 800
"""Requests without an answer, over all connections: a connection may have 1,000."""


class Throughput(msgspec.Struct, frozen=True):
    """Requests about orders, all answered durably. Processor time in microseconds per request."""

    connections: int
    in_flight: int
    requests: int
    per_s: float
    server_us: float
    """Of the process of engine and gateway."""
    postgres_us: float | None
    """Of all processes of Postgres; None where it is not ours."""
    client_us: float
    """Of the load test."""
    other_cores: float
    """Cores that programs without a part in this kept busy meanwhile, a Postgres that is not ours among them."""


async def measure_round(
    exchange: ExchangeUnderTest, postmaster_id: int | None, connections: int, count: int
) -> Throughput:
    """One round of at least so many requests over so many connections."""
    each = -(-count // connections)
    window = IN_FLIGHT // connections
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(await exchange.connect_trader()) for _ in range(connections)
        ]
        server = ProcessorTime.of(exchange.engine_process_id)
        postgres = None if postmaster_id is None else ProcessorTime.of_family(postmaster_id)
        client = ProcessorTime.of(os.getpid())
        machine = MachineTime()
        began_s = time.perf_counter()
        await asyncio.gather(
            *(_send_all(sender, OrderMix(seed), each, window) for seed, sender in enumerate(clients))
        )
        elapsed_s = time.perf_counter() - began_s
        server_s, client_s, machine_s = server.spent_s(), client.spent_s(), machine.spent_s()
        postgres_s = None if postgres is None else postgres.spent_s()
        sent = each * connections
        throughput = Throughput(
            connections=connections,
            in_flight=window * connections,
            requests=sent,
            per_s=sent / elapsed_s,
            server_us=server_s / sent * 1e6,
            postgres_us=None if postgres_s is None else postgres_s / sent * 1e6,
            client_us=client_s / sent * 1e6,
            other_cores=max(0.0, machine_s - server_s - client_s - (postgres_s or 0.0)) / elapsed_s,
        )
        # The next round finds the book as this one did.
        for sender in clients:
            await sender.cancel_all()
    return throughput


def over_rounds(rounds: Sequence[Throughput]) -> Throughput:
    """Medians over rounds of the same kind."""
    postgres_us = [one.postgres_us for one in rounds if one.postgres_us is not None]
    return Throughput(
        connections=rounds[0].connections,
        in_flight=rounds[0].in_flight,
        requests=sum(one.requests for one in rounds),
        per_s=statistics.median(one.per_s for one in rounds),
        server_us=statistics.median(one.server_us for one in rounds),
        postgres_us=statistics.median(postgres_us) if postgres_us else None,
        client_us=statistics.median(one.client_us for one in rounds),
        other_cores=statistics.median(one.other_cores for one in rounds),
    )


async def _send_all(client: ExchangeClient, mix: OrderMix, count: int, window: int) -> None:
    in_flight: deque[asyncio.Future[results.OrderReport]] = deque()
    for _ in range(count):
        if len(in_flight) == window:
            await in_flight.popleft()
        request_type, params = mix.next_request()
        in_flight.append(client.send(request_type, params, results.OrderReport))
    for answer in in_flight:
        await answer
