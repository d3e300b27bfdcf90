"""Measures how long trading stands still when the exchange that writes dies, and what of it is lost.

python -m loadtest.failover [--rounds K] [--json] [--dsn ADDRESS]

Two exchanges run on one Postgres, the second with --standby. Traders trade; the first one's engine, or all its processes, are
killed with -9. Each round begins anew with an empty database.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import click
import msgspec
import psutil

from exchange.domain.events import Fill, OrderAccepted, WriterStarted
from exchange.domain.orders import Side, TimeInForce
from exchange.log.reader import LogReader
from gateway.websocket.client import ExchangeClient, NotConnected, OutcomeUnknown, RejectedError
from loadtest import databases, event_loop, measuring, order_mix
from loadtest.exchange_under_test import running_exchange, standing_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchange.domain.events import Recorded
    from gateway.websocket.pushes import FillsPush
    from loadtest.exchange_under_test import ExchangeUnderTest

MIX: Final = "IOC orders of 1 unit that trade at once, from 2 traders with 4 orders each on their way"
_TRADERS: Final = 2
_WORKERS: Final = 4
_PAUSE_S: Final = 0.005
_LOAD_S: Final = (1.0, 3.0)
"""Trading before the death, and after the first order that the other engine answered."""
_LIMIT_S: Final = 60
_NS: Final = 10**9


class Death(StrEnum):
    """What is killed."""

    ENGINE = "engine"
    """The engine's process alone: the first exchange's gateway goes on with the other engine, clients stay where they are."""
    EXCHANGE = "exchange"
    """All processes of the first exchange: clients connect to the second."""


class Round(msgspec.Struct):
    """One fail-over."""

    death: Death
    opened_ms: float
    """From the kill to the first event of the engine that took over."""
    answered_ms: float
    """From the kill to the first order that a trader sent and got answered from there."""
    acknowledged: int
    """Orders, before and after."""
    lost: int
    """Acknowledged orders or trades that the log does not have as they were told."""
    pushes_wrong: int
    """Fills that a trader's channel missed, doubled or gave in another order, over all of its connections."""


class Report(msgspec.Struct):
    """What one call measured."""

    host: str
    mix: str
    rounds: list[Round]


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 50), help="Of each kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
@click.option("--dsn", help="A Postgres to use instead of one of our own.")
def main(rounds: int, *, as_json: bool, dsn: str | None) -> None:
    """Measure and print."""
    report = event_loop.run(measure(rounds, dsn))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        return
    print(report.host)
    print(report.mix)
    for death in Death:
        of_kind = [one for one in report.rounds if one.death is death]
        opened = [one.opened_ms for one in of_kind]
        answered = [one.answered_ms for one in of_kind]
        print(
            f"{death.value} killed, {len(of_kind)} rounds: other engine opened after {statistics.median(opened):.0f} ms"
            f" (worst {max(opened):.0f}), first order answered after {statistics.median(answered):.0f} ms"
            f" (worst {max(answered):.0f}); {sum(one.acknowledged for one in of_kind)} orders acknowledged,"
            f" {sum(one.lost for one in of_kind)} lost, {sum(one.pushes_wrong for one in of_kind)} pushes wrong"
        )


async def measure(rounds: int, dsn: str | None) -> Report:
    """Let the first exchange die so often in each way."""
    measured = []
    for _ in range(rounds):
        for death in Death:
            async with databases.empty_database(dsn) as database:
                measured.append(await _measure_round(death, database.dsn))
    return Report(measuring.describe_host(), MIX, measured)


class _Trader:
    """Takes what the quoter quotes, one order after the other, each as often as it needs to be answered."""

    def __init__(self, client: ExchangeClient, number: int, news: asyncio.Event) -> None:
        self.client = client
        self.account = f"trader-{number}"
        self.told: dict[str, tuple[int, list[int]]] = {}
        """Order id and ids of its trades, by client order id."""
        self.answered: list[tuple[int, int]] = []
        """Order id and when it was answered, nanoseconds of the wall clock."""
        self.pushed: list[int] = []
        self._news = news
        """Set at every answer and every push."""
        self._orders = 0
        self._stopping = False

    async def trade(self) -> None:
        """Trade until `stop`; what is unanswered then is waited for."""
        await asyncio.gather(*(self._work() for _ in range(_WORKERS)))

    def stop(self) -> None:
        """Begin no further order."""
        self._stopping = True

    async def listen(self, fills: AsyncIterator[FillsPush]) -> None:
        """Keep what the channel says."""
        async for push in fills:
            self.pushed.append(push.seq)
            self._news.set()

    async def _work(self) -> None:
        while not self._stopping:
            self._orders += 1
            await self._place(f"{self.account}-{self._orders}", Side.BUY if self._orders % 2 else Side.SELL)

    async def _place(self, client_order_id: str, side: Side) -> None:
        price_ticks = order_mix.ASK_TICKS if side is Side.BUY else order_mix.BID_TICKS
        while True:
            try:
                report = await self.client.place_order(
                    client_order_id=client_order_id,
                    instrument=order_mix.INSTRUMENT.symbol,
                    side=side,
                    quantity=1,
                    price=order_mix.INSTRUMENT.ticks_to_price(price_ticks),
                    time_in_force=TimeInForce.IOC,
                )
            except (OutcomeUnknown, NotConnected, RejectedError):
                # The same order with the same id: it is placed once, however often it is sent.
                await asyncio.sleep(_PAUSE_S)
            else:
                self.answered.append((report.order_id, time.time_ns()))
                self.told[client_order_id] = (report.order_id, [fill.trade_id for fill in report.fills])
                self._news.set()
                return


async def _measure_round(death: Death, dsn: str) -> Round:
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(running_exchange(dsn, "--gateways", "1"))
        second_url = await stack.enter_async_context(standing_by(dsn, "--gateways", "1"))
        news = asyncio.Event()
        traders = [_Trader(await _connect(stack, first), number, news) for number in range(2, 2 + _TRADERS)]
        working = [asyncio.create_task(trader.trade()) for trader in traders]
        for trader in traders:
            fills = await trader.client.fills(trader.account, from_seq=0)
            listening = asyncio.create_task(trader.listen(fills))
            stack.callback(listening.cancel)
        await asyncio.sleep(random.uniform(*_LOAD_S))
        before = max((seq for trader in traders for seq, _ in trader.answered), default=0)
        killed_at_ns = time.time_ns()
        _kill(first, death)
        if death is Death.EXCHANGE:
            for trader in traders:
                trader.client.url = second_url
        async with asyncio.timeout(_LIMIT_S):
            started = await _taken_over(dsn, before)
            while not _answered_by(traders, started.seq):
                news.clear()
                await news.wait()
        await asyncio.sleep(_LOAD_S[0])
        for trader in traders:
            trader.stop()
        async with asyncio.timeout(_LIMIT_S):
            await asyncio.gather(*working)
        log = await _read_log(dsn)
        return Round(
            death=death,
            opened_ms=(started.recorded_at - killed_at_ns) / 1e6,
            answered_ms=(min(_answered_by(traders, started.seq)) - killed_at_ns) / 1e6,
            acknowledged=sum(len(trader.told) for trader in traders),
            lost=sum(_lost(trader, log) for trader in traders),
            pushes_wrong=sum([await _wrong_pushes(trader, log, news) for trader in traders]),
        )


async def _connect(stack: contextlib.AsyncExitStack, exchange: ExchangeUnderTest) -> ExchangeClient:
    """A trader that connects again by itself."""
    key = await exchange.admit_trader()
    return await stack.enter_async_context(
        await ExchangeClient.connect(exchange.url, key=key, reconnect=True)
    )


def _kill(exchange: ExchangeUnderTest, death: Death) -> None:
    if death is Death.ENGINE:
        psutil.Process(exchange.engine_process_id).kill()
        return
    parent = psutil.Process(exchange.process_id)
    for process in (parent, *parent.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


async def _taken_over(dsn: str, before: int) -> Recorded:
    """The first event of the other engine, once it is there."""
    async with await LogReader.open(dsn, connections=1) as reader:
        async for page in reader.follow(before, poll_s=_PAUSE_S):
            for stored in page:
                if stored.kind == WriterStarted.kind:
                    return stored.to_recorded()
    raise RuntimeError("the log has no further events")


def _answered_by(traders: list[_Trader], started_seq: int) -> list[int]:
    """When orders that were placed after an event were answered."""
    return [at for trader in traders for seq, at in trader.answered if seq > started_seq]


async def _read_log(dsn: str) -> dict[int, Recorded]:
    async with await LogReader.open(dsn) as reader:
        return {row.seq: row.to_recorded() async for page in reader.pages(verify=True) for row in page}


def _lost(trader: _Trader, log: dict[int, Recorded]) -> int:
    """How many orders were told that the log does not have, or not so, or more than once."""
    accepted: dict[str, list[int]] = {}
    trades: dict[int, list[int]] = {}
    for recorded in log.values():
        event = recorded.event
        if isinstance(event, OrderAccepted) and event.account == trader.account:
            accepted.setdefault(event.order.client_order_id, []).append(recorded.seq)
        elif isinstance(event, Fill):
            trades.setdefault(event.taker_order_id, []).append(recorded.seq)
    return sum(
        accepted.get(client_order_id) != [order_id] or trades.get(order_id, []) != told
        for client_order_id, (order_id, told) in trader.told.items()
    )


async def _wrong_pushes(trader: _Trader, log: dict[int, Recorded], news: asyncio.Event) -> int:
    """How far the channel is from the trader's fills in the log, each once and in order."""
    expected = [
        recorded.seq
        for recorded in log.values()
        if isinstance(recorded.event, Fill)
        and trader.account in (recorded.event.buyer, recorded.event.seller)
    ]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LIMIT_S):
            # The last ones may be on their way.
            while trader.pushed[-1:] != expected[-1:]:
                news.clear()
                await news.wait()
    differing = sum(one != other for one, other in zip(trader.pushed, expected, strict=False))
    return differing + abs(len(trader.pushed) - len(expected))


if __name__ == "__main__":
    main()
