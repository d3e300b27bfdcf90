"""One order at a time over a websocket, in turns with a bare commit and with a request that needs no commit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from exchange.log.chain import GENESIS
from exchange.log.record import seal
from gateway import results
from gateway.websocket import requests
from loadtest import latencies
from loadtest.event_mix import EventMix
from loadtest.latencies import Latencies
from loadtest.order_mix import OrderMix

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from exchange.log.record import StoredEvent
    from gateway.websocket.client import ExchangeClient
    from loadtest.bare_table import BareTable
    from loadtest.exchange_under_test import ExchangeUnderTest

_WARM_UP = 50


class OneAtATime(msgspec.Struct, frozen=True):
    """Latencies of what took turns, one after the other, nothing else in flight."""

    place: Latencies
    """From sending an order that rests to its answer, which says that it is durable."""
    cancel: Latencies
    ping: Latencies
    """A request that the gateway answers at once: what websocket and event loops take."""
    bare_commit: Latencies
    """One row into a bare table."""


class _Turns:
    """Durations in seconds, turn by turn."""

    def __init__(self) -> None:
        self.place_s: list[float] = []
        self.cancel_s: list[float] = []
        self.ping_s: list[float] = []
        self.bare_commit_s: list[float] = []


async def measure_round(exchange: ExchangeUnderTest, bare: BareTable, orders: int) -> OneAtATime:
    """One round of so many orders."""
    rows = seal(EventMix().take(_WARM_UP + orders, 1, time.time_ns()), 1, GENESIS)
    mix = OrderMix(seed=orders)
    async with await exchange.connect_trader() as client:
        await _take_turns(client, bare, mix, rows[:_WARM_UP])
        turns = await _take_turns(client, bare, mix, rows[_WARM_UP:])
    return OneAtATime(
        latencies.of_round(turns.place_s),
        latencies.of_round(turns.cancel_s),
        latencies.of_round(turns.ping_s),
        latencies.of_round(turns.bare_commit_s),
    )


def over_rounds(rounds: Sequence[OneAtATime]) -> OneAtATime:
    """Medians over the rounds."""
    return OneAtATime(
        latencies.over_rounds([one.place for one in rounds]),
        latencies.over_rounds([one.cancel for one in rounds]),
        latencies.over_rounds([one.ping for one in rounds]),
        latencies.over_rounds([one.bare_commit for one in rounds]),
    )


async def _take_turns(
    client: ExchangeClient, bare: BareTable, mix: OrderMix, rows: list[StoredEvent]
) -> _Turns:
    turns = _Turns()
    for row in rows:
        order = mix.next_resting_order()
        turns.place_s.append(await _timed(client.call(requests.OrderPlace, order, results.OrderReport)))
        turns.bare_commit_s.append(await _timed(bare.insert(row)))
        turns.ping_s.append(await _timed(client.ping()))
        cancel = requests.OrderCancelParams(client_order_id=order.client_order_id)
        turns.cancel_s.append(await _timed(client.call(requests.OrderCancel, cancel, results.OrderReport)))
    return turns


async def _timed(work: Coroutine[Any, Any, object]) -> float:
    """Seconds that the work takes, which begins here."""
    began_s = time.perf_counter()
    await work
    return time.perf_counter() - began_s
