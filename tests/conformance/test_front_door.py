"""Real trading through the front door: an hour of orders by websocket, and what the log holds of it afterwards.

Every message of the hour is a request of a client over a real socket; gateway and engine carry it out and Postgres
has it before the answer leaves. The same messages on a bare order book say what must come of them.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple

import pytest

from exchange.domain import commands, snapshot
from exchange.domain.events import (
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
    OrdersDecremented,
    RequestRefused,
)
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import Instrument
from exchange.domain.orders import OrderStatus, Side, TimeInForce
from exchange.domain.serials import SerialBlock
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from gateway import results
from gateway.limits import Limits, Rate
from gateway.websocket import requests
from gateway.websocket.client import ExchangeClient
from loadtest import lobster
from matching.book import OrderBook
from tests.gateway.exchange import SIGNING_KEYS, RunningExchange, Tap, running_exchange
from tests.market import BETA, CLASS_2019, GAMMA, V19
from tests.waiting import eventually

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from exchange.domain.events import Recorded
    from exchange.domain.state import State

HOUR = Instrument(
    symbol="HOUR",
    name="What is traded in the hour",
    classes=(V19,),
    currency="EUR",
    tick=1,
    price_decimals=2,
    lot=1,
    minimum_quantity=1,
    maximum_quantity=20_000,
    reference_price_ticks=120_000,
    band_ppm=700_000,
    maker_fee_ppm=1000,
    taker_fee_ppm=2000,
)
"""The hour's orders are priced from 468.94 to 2000.00; the band goes from 360.00 to 2040.00."""
CASH = 10**13
UNITS = 10**7

_ANY = Rate(10**6, 10**6)
LIMITS = Limits(requests=_ANY, orders=_ANY, cancels=_ANY)
"""An hour's requests may come within seconds."""
IN_FLIGHT = 900
"""Requests without an answer at most: fewer than a connection may have."""

_KINDS: dict[type[lobster.Operation], tuple[str, ...]] = {
    lobster.Add: (OrderAccepted.kind,),
    lobster.Reduce: (OrderAmended.kind,),
    lobster.Delete: (OrderCancelled.kind,),
    lobster.Execute: (OrderAccepted.kind, Fill.kind),
}
TRADING_KINDS = {
    event.kind
    for event in (
        OrderAccepted,
        OrderRejected,
        OrderAmended,
        OrderCancelled,
        OrdersDecremented,
        Fill,
        RequestRefused,
    )
}


class Outcome(NamedTuple):
    """How an order stands after a request about it."""

    status: OrderStatus
    price: str
    quantity: int
    filled: int
    remaining: int
    fills: list[tuple[str, int]]

    @classmethod
    def of(cls, report: results.OrderReport) -> Outcome:
        return cls(
            report.status,
            report.price,
            report.quantity,
            report.filled,
            report.remaining,
            [(fill.price, fill.quantity) for fill in report.fills],
        )


class Resting(NamedTuple):
    """An order in its place in the queue, by the hour's name for it."""

    order_id: int
    side: Side
    price: int
    open: int
    filled: int


class Execution(NamedTuple):
    """A trade, by the hour's names for its orders."""

    maker_id: int
    taker_id: int
    taker_side: Side
    price: int
    quantity: int


def done_directly(book: OrderBook, operation: lobster.Operation) -> Outcome:
    """What comes of an operation on a bare book."""
    price = HOUR.ticks_to_price
    match operation:
        case lobster.Add(_, _, _, price_cents, quantity):
            lobster.apply(book, operation)
            return Outcome(OrderStatus.OPEN, price(price_cents), quantity, 0, quantity, [])
        case lobster.Reduce(_, order_id, _, _, _):
            lobster.apply(book, operation)
            order = book.orders[order_id]
            status = OrderStatus.PARTIALLY_FILLED if order.filled else OrderStatus.OPEN
            return Outcome(status, price(order.price), order.quantity, order.filled, order.remaining, [])
        case lobster.Delete(_, order_id):
            order = book.orders[order_id]
            quantity = order.quantity
            lobster.apply(book, operation)
            return Outcome(OrderStatus.CANCELLED, price(order.price), quantity, order.filled, 0, [])
        case lobster.Execute(_, _, _, _, price_cents, quantity):
            lobster.apply(book, operation)
            fills = [(price(price_cents), quantity)]
            return Outcome(OrderStatus.FILLED, price(price_cents), quantity, quantity, 0, fills)


class FrontDoor:
    """Sends the hour's operations over two connections so that the engine takes them in the order given.

    Many are in flight: the requests of one connection are carried out in their order. Before the other connection goes on,
    an answer to `ping`, which waits for no commit, tells that the gateway has handed on all that came before it.
    """

    def __init__(self, maker: ExchangeClient, taker: ExchangeClient) -> None:
        self.outcomes: list[Outcome] = []
        """In the order of the operations."""
        self._maker = maker
        self._taker = taker
        self._last = maker
        self._in_flight: deque[asyncio.Future[results.OrderReport]] = deque()

    async def do(self, operation: lobster.Operation) -> None:
        client = self._taker if isinstance(operation, lobster.Execute) else self._maker
        if client is not self._last:
            await self._last.ping()
            self._last = client
        self._in_flight.append(self._send(client, operation))
        if len(self._in_flight) > IN_FLIGHT:
            self.outcomes.append(Outcome.of(await self._in_flight.popleft()))

    async def finish(self) -> None:
        while self._in_flight:
            self.outcomes.append(Outcome.of(await self._in_flight.popleft()))

    def _send(
        self, client: ExchangeClient, operation: lobster.Operation
    ) -> asyncio.Future[results.OrderReport]:
        match operation:
            case lobster.Add(_, order_id, side, price_cents, quantity):
                return _place(client, order_id, side, price_cents, quantity, TimeInForce.DAY)
            case lobster.Execute(_, _, order_id, side, price_cents, quantity):
                return _place(client, order_id, side, price_cents, quantity, TimeInForce.IOC)
            case lobster.Reduce(_, order_id, _, _, total):
                amend = requests.OrderAmendParams(client_order_id=str(order_id), quantity=total)
                return client.send(requests.OrderAmend, amend, results.OrderReport)
            case lobster.Delete(_, order_id):
                cancel = requests.OrderCancelParams(client_order_id=str(order_id))
                return client.send(requests.OrderCancel, cancel, results.OrderReport)


def _place(
    client: ExchangeClient,
    order_id: int,
    side: Side,
    price_cents: int,
    quantity: int,
    time_in_force: TimeInForce,
) -> asyncio.Future[results.OrderReport]:
    order = requests.OrderPlaceParams(
        client_order_id=str(order_id),
        instrument=HOUR.symbol,
        side=side,
        quantity=quantity,
        price=HOUR.ticks_to_price(price_cents),
        time_in_force=time_in_force,
    )
    return client.send(requests.OrderPlace, order, results.OrderReport)


async def open_market(exchange: RunningExchange) -> None:
    """List the instrument, and give its two traders what they need."""
    await exchange.do(commands.ListInstrument(LOCAL_OPERATOR, HOUR))
    for account in (GAMMA, BETA):
        block = SerialBlock(CLASS_2019.registry, f"hour-{account}", 1, UNITS)
        await exchange.do(commands.DepositCash(LOCAL_OPERATOR, account, HOUR.currency, CASH, "hour-cash"))
        await exchange.do(commands.DepositUnits(LOCAL_OPERATOR, account, V19, UNITS, (block,), "hour-units"))


def queues(book: OrderBook, names: dict[int, int] | None = None) -> list[Resting]:
    """All resting orders in priority order; `names` gives the hour's ids where the book has others."""
    return [
        Resting(
            names[order.order_id] if names else order.order_id,
            order.side,
            order.price,
            order.remaining,
            order.filled,
        )
        for order in book.resting()
    ]


def queues_of(state: State) -> list[Resting]:
    """The same of the venue's book."""
    names = {order.order_id: int(order.request.client_order_id) for order in state.orders.values()}
    return queues(state.books[HOUR.symbol], names)


def shown(book: OrderBook) -> tuple[list[results.BookLevel], list[results.BookLevel]]:
    """All levels of a book as market data gives them, bids and asks."""
    bids, asks = (
        [(HOUR.ticks_to_price(price), quantity) for price, quantity, _ in book.depth(side)]
        for side in (Side.BUY, Side.SELL)
    )
    return bids, asks


def executions_in(log: list[Recorded]) -> list[Execution]:
    """The fills of the log, in order."""
    names = {
        item.seq: int(item.event.order.client_order_id)
        for item in log
        if isinstance(item.event, OrderAccepted)
    }
    return [
        Execution(
            names[item.event.maker_order_id],
            names[item.event.taker_order_id],
            item.event.taker_side,
            item.event.price,
            item.event.quantity,
        )
        for item in log
        if isinstance(item.event, Fill)
    ]


def executions_of(operations: list[lobster.Operation]) -> list[Execution]:
    """The executions of the hour, in order."""
    return [
        Execution(
            operation.maker_id, operation.taker_id, operation.side, operation.price_cents, operation.quantity
        )
        for operation in operations
        if isinstance(operation, lobster.Execute)
    ]


def kinds_of(operations: list[lobster.Operation]) -> Counter[str]:
    """The events that the hour's operations must leave in the log, and no others of trading."""
    kinds: Counter[str] = Counter()
    for operation in operations:
        kinds.update(_KINDS[type(operation)])
    return kinds


async def read_log(dsn: str) -> list[Recorded]:
    """The whole log; raises ChainBroken unless its hash chain verifies."""
    async with await LogReader.open(dsn) as reader:
        return [stored.to_recorded() async for page in reader.pages(verify=True) for stored in page]


async def recovered_state(dsn: str) -> State:
    """What a restart finds."""
    async with await LogReader.open(dsn) as reader:
        return (await recover(reader, SnapshotStore(dsn))).state


@pytest.mark.timeout(300)
async def test_an_hour_through_the_front_door(data_dir: Path, dsn: str) -> None:
    """Answers, book, fills, ledger and log of the exchange are those of the hour, and a restart changes nothing."""
    hour = lobster.read_hour(data_dir / "lobster")
    operations = [*hour.opening, *hour.operations]
    direct = OrderBook()
    expected = [done_directly(direct, operation) for operation in operations]
    await migrate(dsn)

    async with running_exchange(dsn, Tap(), LIMITS) as exchange:
        await open_market(exchange)
        async with (
            await ExchangeClient.connect(exchange.url, key=SIGNING_KEYS["gamma-key"]) as maker,
            await ExchangeClient.connect(exchange.url, key=SIGNING_KEYS["beta-key"]) as taker,
            await ExchangeClient.connect(exchange.url) as observer,
        ):
            market_data = await observer.book(HOUR.symbol, 1000)
            front_door = FrontDoor(maker, taker)
            for operation in operations:
                await front_door.do(operation)
            await front_door.finish()
            differing = [
                (operation, wanted, got)
                for operation, wanted, got in zip(operations, expected, front_door.outcomes, strict=True)
                if wanted != got
            ]
            assert [] == differing[:3]
            await eventually(
                lambda: shown(direct) == (market_data.book.bids, market_data.book.asks), "the observer's book"
            )
            assert 0 == market_data.mismatches
        live = exchange.venue.state
        for state in (live, exchange.gateway.replica.state):
            assert queues(direct) == queues_of(state)
            state.ledger.check()

    log = await read_log(dsn)
    assert 4067 == len(executions_in(log))
    assert executions_of(operations) == executions_in(log)
    assert kinds_of(operations) == Counter(
        item.event.kind for item in log if item.event.kind in TRADING_KINDS
    )
    restarted = await recovered_state(dsn)
    assert snapshot.digest(live) == snapshot.digest(restarted)
    assert queues(direct) == queues_of(restarted)
    restarted.ledger.check()
    async with (
        running_exchange(dsn, Tap()) as exchange,
        await ExchangeClient.connect(exchange.url) as observer,
    ):
        book = await observer.market_book(HOUR.symbol, 1000)
        assert shown(direct) == (book.bids, book.asks)
