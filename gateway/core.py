"""The gateway without any protocol: its replica of the venue, market activity, and the door to the engine.

It subscribes to the engine's feed first, recovers a state then, reads from the log what lies between, and goes on with
the feed: no event is missed and none is folded twice.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from exchange.domain.events import Fill, InstrumentListed
from exchange.domain.rejects import Reject, RejectCode
from gateway.limits import Limits
from gateway.market_activity import INTERVALS_NS, TAPE_TRADES, LiveCandle, MarketActivity
from gateway.replica import Replica
from gateway.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from exchange.domain.events import Recorded
    from exchange.domain.state import State
    from exchange.engine.interface import EnginePort
    from exchange.log.reader import LogReader
    from exchange.registry.view import RegistryReader, RegistryView

log = structlog.get_logger()

HISTORY_READS = 3
"""Reads of the log for market data that a gateway has under way at most, so that others find a connection free."""
REGISTER_READS = 2
STATEMENT_READS = 2
"""The same of the registry: for everybody, and for those whose accounts they are about."""
HISTORY_LIMIT_S = 10.0
"""Longest time for one of them, waiting for its turn included."""


class GatewayError(Exception):
    """The gateway cannot follow the log: a bug or a damaged log."""


class Gateway:
    """One gateway. `start` it before it serves anybody; protocols `follow` it and learn when the engine has stopped."""

    replica: Replica
    """The venue as of the last durable event. Read it freely."""

    def __init__(
        self,
        engine: EnginePort,
        reader: LogReader,
        registry: RegistryReader,
        *,
        name: str = "gateway",
        limits: Limits | None = None,
    ) -> None:
        self.engine = engine
        self.reader = reader
        self._registry = registry
        self.name = name
        self.limits = limits or Limits()
        self.statistics = Statistics()
        self.activity: dict[str, MarketActivity] = {}
        """Trades and candles by instrument."""
        self._history_reads = asyncio.Semaphore(HISTORY_READS)
        self._register_reads = asyncio.Semaphore(REGISTER_READS)
        self._statement_reads = asyncio.Semaphore(STATEMENT_READS)
        self.stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the engine has stopped: the gateway is of no use any more and its process should end."""
        self._followers: list[Callable[[list[Recorded]], None]] = []
        self._early: list[Recorded] = []
        self._unlisten: Callable[[], None] | None = None

    async def start(self, recover: Callable[[], Awaitable[State]]) -> None:
        """Catch up with the log and follow it. `recover` gives a state from the newest snapshot and the log."""
        unlisten = self.engine.listen(self._early.extend)
        durable_seq = self.engine.durable_seq
        try:
            replica = Replica(await recover())
            if replica.last_seq < durable_seq:
                async for page in self.reader.pages(replica.last_seq, durable_seq):
                    for stored in page:
                        replica.apply(stored.to_recorded())
            for symbol in replica.state.listings:
                self.activity[symbol] = await self._earlier_activity(symbol, replica)
        finally:
            unlisten()
        self.replica = replica
        self._unlisten = self.engine.listen(self._receive)
        # From here to the end there is no await: nothing can come in between.
        early, self._early = self._early, []
        self._receive(early)
        if replica.last_seq < self.engine.durable_seq:
            raise GatewayError(f"caught up to event {replica.last_seq} of {self.engine.durable_seq}")

    def stop(self) -> None:
        """Stop following the engine."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    @asynccontextmanager
    async def reading_history(self) -> AsyncIterator[None]:
        """Read market data of the past in turn with others; raises Reject when it takes too long."""
        async with _in_turn(self._history_reads):
            yield

    @asynccontextmanager
    async def reading_register(self) -> AsyncIterator[RegistryView]:
        """Read the public register as of one checkpoint, in turn with others.

        Raises Reject when it takes too long, or when nothing is settled.
        """
        async with _in_turn(self._register_reads), self._registry.view() as view:
            yield view

    @asynccontextmanager
    async def reading_statements(self) -> AsyncIterator[RegistryView]:
        """The same for what is about an account: whoever reads the public register does not keep its owner waiting."""
        async with _in_turn(self._statement_reads), self._registry.view() as view:
            yield view

    def follow(self, follower: Callable[[list[Recorded]], None]) -> None:
        """Call with every batch of durable events, after the replica has folded it and before its answers."""
        self._followers.append(follower)

    def engine_stopped(self) -> None:
        """The engine is gone, for good."""
        if not self.stopped.done():
            log.error("engine stopped", gateway=self.name, durable_seq=self.engine.durable_seq)
            self.stopped.set_result(None)

    def _receive(self, batch: list[Recorded]) -> None:
        last_seq = self.replica.last_seq
        if not batch or batch[0].seq <= last_seq:
            # Recovery may have read in the log what the feed brings only now.
            batch = [recorded for recorded in batch if recorded.seq > last_seq]
        apply = self.replica.apply
        for recorded in batch:
            apply(recorded)
            event = recorded.event
            if type(event) is Fill:
                self.activity[event.instrument].trade(recorded.seq, recorded.recorded_at, event)
            elif type(event) is InstrumentListed:
                self.activity[event.instrument.symbol] = MarketActivity()
        for follower in self._followers:
            follower(batch)

    async def _earlier_activity(self, symbol: str, replica: Replica) -> MarketActivity:
        """What the log says about an instrument, up to the replica's place in it."""
        activity = MarketActivity()
        fills = await self.reader.fills_before(symbol, replica.last_seq + 1, TAPE_TRADES)
        for recorded in fills:
            if isinstance(recorded.event, Fill):
                activity.remember(recorded.seq, recorded.recorded_at, recorded.event)
        if not fills:
            return activity
        if len(fills) == TAPE_TRADES:
            activity.dropped_seq = fills[0].seq - 1
        # Of candles only the present ones matter: time does not run backwards in the log.
        now_ns = replica.state.last_at
        for interval_ns in INTERVALS_NS.values():
            start = now_ns - now_ns % interval_ns
            found = await self.reader.candles(
                symbol, interval_ns, start, start + interval_ns, 1, up_to=replica.last_seq
            )
            for candle in found:
                activity.candles[interval_ns].append(
                    LiveCandle(
                        start=candle.start,
                        open=candle.open,
                        high=candle.high,
                        low=candle.low,
                        close=candle.close,
                        volume=candle.volume,
                        trades=candle.trades,
                        seq=fills[-1].seq,
                    )
                )
        return activity


@asynccontextmanager
async def _in_turn(reads: asyncio.Semaphore) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(HISTORY_LIMIT_S), reads:
            yield
    except TimeoutError:
        raise Reject(
            RejectCode.HISTORY_TOO_LONG, "too much history for one answer; ask for a shorter time"
        ) from None
