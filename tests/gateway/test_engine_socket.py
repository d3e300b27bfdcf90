"""A gateway that reaches the engine over its unix socket, as gateway processes do."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from exchange.domain.orders import OrderStatus
from exchange.domain.rejects import RejectCode
from exchange.domain.snapshot import digest
from exchange.engine.client import EngineClient
from exchange.engine.server import EngineServer
from gateway.websocket.client import ExchangeClient, RejectedError
from gateway.websocket.closing import CloseCode
from tests.gateway.exchange import SIGNING_KEYS, open_gateway
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.core import Gateway
    from tests.gateway.exchange import RunningExchange

RIMBA = "RIMBA-19"


class Remote:
    """A gateway on the other side of the engine's socket."""

    def __init__(self, gateway: Gateway, url: str, engine: EngineClient) -> None:
        self.gateway = gateway
        self.url = url
        self.engine = engine


@pytest.fixture
async def remotes(exchange: RunningExchange, tmp_path: Path) -> AsyncIterator[list[Remote]]:
    """Gives two such gateways of one engine."""
    async with AsyncExitStack() as stack:
        server = EngineServer(exchange.engine, tmp_path / "engine.sock", "test")
        await server.start()
        stack.push_async_callback(server.close)
        remotes = []
        for _ in range(2):
            engine = await EngineClient.connect(tmp_path / "engine.sock")
            stack.push_async_callback(engine.close)
            remotes.append(
                Remote(*await open_gateway(stack, engine, exchange.dsn, exchange.signer_socket), engine)
            )
        yield remotes


async def test_trading_across_gateways(exchange: RunningExchange, remotes: list[Remote]) -> None:
    """Two clients trade through two gateways; each reads its own writes, and all copies of the venue are equal."""
    maker = await exchange.client("gamma-key", url=remotes[0].url)
    taker = await exchange.client("beta-key", url=remotes[1].url)
    fills, book = await maker.fills(), await taker.book(RIMBA)
    for number in range(20):
        placed = await maker.place_order(
            client_order_id=f"m{number}", instrument=RIMBA, side="sell", quantity=3, price="10.00"
        )
        assert [placed.order_id] == [order.order_id for order in (await maker.open_orders()).orders]
        taken = await taker.place_order(
            client_order_id=f"t{number}", instrument=RIMBA, side="buy", quantity=3, price="10.00"
        )
        assert OrderStatus.FILLED is taken.status
        assert 3 * (number + 1) == sum(fill.quantity for fill in (await taker.list_fills()).fills)
        assert taken.fills[0].trade_id == (await asyncio.wait_for(anext(fills), 20)).seq
    again = await taker.place_order(
        client_order_id="t0", instrument=RIMBA, side="buy", quantity=3, price="10.00"
    )
    assert (True, 1) == (again.duplicate, len(again.fills))
    resting = await maker.place_order(
        client_order_id="r", instrument=RIMBA, side="sell", quantity=3, price="10.00"
    )
    with pytest.raises(RejectedError) as caught:
        await taker.cancel_order(order_id=resting.order_id)
    assert RejectCode.UNKNOWN_ORDER == caught.value.code
    await eventually(lambda: book.book.seq >= resting.seq, "the book followed")
    assert ([], [("10.00", 3)]) == (book.book.bids, book.book.asks)
    await eventually(
        lambda: (
            {digest(exchange.venue.state)} == {digest(remote.gateway.replica.state) for remote in remotes}
        ),
        "all copies are the venue's state",
    )


async def test_many_orders_in_flight(exchange: RunningExchange, remotes: list[Remote]) -> None:
    """Hundreds of orders at once through both gateways: each is answered once, with its own id."""

    async def place(client: ExchangeClient, name: str) -> list[int]:
        reports: list[Any] = await asyncio.gather(
            *(
                client.place_order(
                    client_order_id=f"{name}{number}",
                    instrument=RIMBA,
                    side="buy" if number % 2 else "sell",
                    quantity=1,
                    price="10.00",
                    self_trade_prevention="cancel_maker",
                )
                for number in range(300)
            )
        )
        assert [f"{name}{number}" for number in range(300)] == [report.client_order_id for report in reports]
        return [report.order_id for report in reports]

    clients = [await exchange.client("beta-key", url=remotes[0].url, coalesce=True)]
    clients.append(await exchange.client("gamma-key", url=remotes[1].url))
    ids = await asyncio.gather(*(place(client, name) for client, name in zip(clients, "bg", strict=True)))
    assert 600 == len({*ids[0], *ids[1]})
    exchange.venue.state.ledger.check()


async def test_lost_engine(exchange: RunningExchange, remotes: list[Remote]) -> None:
    """A gateway that loses the engine closes its connections with 1012 once it learns of it; the other goes on."""
    remote, other = remotes
    client = await ExchangeClient.connect(remote.url, key=SIGNING_KEYS["beta-key"])
    staying = await exchange.client("gamma-key", url=other.url)
    stream = await client.ticker(RIMBA)
    await anext(stream)
    await remote.engine.close()
    with pytest.raises(RejectedError) as caught:
        await client.place_order(client_order_id="a", instrument=RIMBA, side="buy", quantity=1, price="9.00")
    assert RejectCode.UNAVAILABLE == caught.value.code
    await eventually(lambda: client._end.code == CloseCode.SERVICE_RESTART, "the client was shown out")
    assert remote.gateway.stopped.done()
    await client.close()
    await eventually(
        lambda: ["gamma-key"] == [session.key_id for session in exchange.venue.state.sessions.values()],
        "the engine closed the lost gateway's sessions",
    )
    assert await staying.ping()
