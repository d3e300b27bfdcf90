"""A gateway that goes away and comes back: the page shows it, comes back by itself and misses nothing."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.orders import OrderRequest, Side
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from gateway.app import create_app
from gateway.core import Gateway
from tests.gateway.exchange import serve
from tests.market import BETA, GAMMA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import WebSocketRoute

    from exchange.domain.state import State
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.web.conftest import OpenPage

RIMBA = "#RIMBA-19"


class GatewayAtOneAddress:
    """A gateway of its own that can be stopped and started again at the same port."""

    def __init__(self, exchange: RunningExchange) -> None:
        self._exchange = exchange
        self._running = AsyncExitStack()
        self._port = 0

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Recover from the log and listen."""
        exchange = self._exchange
        reader = await self._running.enter_async_context(await LogReader.open(exchange.dsn))

        async def recovered() -> State:
            return (await recover(reader, SnapshotStore(exchange.dsn))).state

        gateway = Gateway(exchange.engine, reader, exchange.gateway._registry)
        await gateway.start(recovered)
        self._running.callback(gateway.stop)
        runner = await serve(create_app(gateway, self._exchange.signer_socket), "127.0.0.1", self._port)
        self._running.push_async_callback(runner.cleanup)
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Close all connections and the port."""
        await self._running.aclose()


@pytest.fixture
async def gateway(exchange: RunningExchange) -> AsyncIterator[GatewayAtOneAddress]:
    """Gives a gateway that the test may restart."""
    gateway = GatewayAtOneAddress(exchange)
    await gateway.start()
    yield gateway
    await gateway.stop()


async def trade_meanwhile(exchange: RunningExchange) -> None:
    """Somebody buys 40 units of the resting order, and cash comes in for it."""
    await exchange.do(commands.OpenSession("gamma-key", "elsewhere"))
    session = exchange.engine.durable_seq
    order = OrderRequest("meanwhile", "RIMBA-19", Side.BUY, 40, 1000)
    await exchange.do(commands.PlaceOrder("gamma-key", session, GAMMA, order))
    await exchange.do(commands.DepositCash(LOCAL_OPERATOR, BETA, "EUR", 123_45, "meanwhile"))


async def test_restart_of_the_gateway(
    exchange: RunningExchange, gateway: GatewayAtOneAddress, open_page: OpenPage
) -> None:
    """While the gateway is away the page says so; afterwards it is logged on again and shows all that happened meanwhile."""
    page = await open_page(gateway.url, RIMBA)
    await page.log_on("beta-key")
    await page.place("sell", "10.00", 100)
    await page.rows("orders", ["RIMBA-19"])

    await gateway.stop()
    await expect(page.find("#connection")).to_have_text("Connection lost, trying again")
    await expect(page.find("#ticket-banner")).to_have_text("No connection: orders cannot be sent now.")
    await expect(page.find("#book-verified")).to_have_text("Not current")
    await expect(page.find("#place")).to_be_disabled()
    await trade_meanwhile(exchange)
    await gateway.start()

    await page.ready()
    await page.rows("orders", ["RIMBA-19", "Sell", "Limit, day", "10.00", "100", "40"])
    await page.tab("fills")
    await page.rows("fills", ["*", "RIMBA-19", "Sell", "10.00", "40", "400.00 EUR", "0.40"])
    await page.tab("balances")
    await page.rows("cash", ["EUR", "100,523.05", "0.00", "100,523.05"])
    await page.rows("trades", ["10.00", "40", "*"])
    assert ["60"] == [quantity for _, quantity, _ in await page.book("asks")]
    await page.place("buy", "9.00", 1)
    await page.answer("Order is in the book")
    # The browser itself reports every attempt at a connection that fails.
    page.errors = [error for error in page.errors if "WebSocket connection to" not in error]


@pytest.mark.parametrize(
    ("reaches", "told"),
    [
        (True, "had reached the exchange: open, 0 of 10 filled."),
        (False, "never reached the exchange."),
    ],
)
async def test_order_without_an_answer(
    exchange: RunningExchange, open_page: OpenPage, reaches: bool, told: str
) -> None:
    """When the connection breaks between an order and its answer, the page asks afterwards and tells what became of it."""
    page = await open_page(path=RIMBA)
    broken: list[str] = []
    unanswered: list[str] = []

    def intercept(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        async def from_page(message: str | bytes) -> None:
            request: dict[str, Any] = json.loads(message)
            if request["method"] != "order.place" or broken:
                server.send(message)
                return
            broken.append(request["params"]["client_order_id"])
            if reaches:
                unanswered.append(broken[0])
                server.send(message)
            else:
                await socket.close(code=1012, reason="cut")

        async def from_server(message: str | bytes) -> None:
            answer = json.loads(message)
            if "result" in answer and answer["result"].get("client_order_id") in unanswered:
                unanswered.clear()
                await socket.close(code=1012, reason="cut")
            else:
                socket.send(message)

        socket.on_message(from_page)
        server.on_message(from_server)

    await page.page.route_web_socket("**/ws", intercept)
    await page.page.reload()
    await page.ready()
    await page.log_on("beta-key")
    await page.place("buy", "9.00", 10)
    await page.answer("it is not known yet whether order")
    await page.notice(f"Order {broken[0]} {told}")
    await page.rows("orders", *([["RIMBA-19", "Buy"]] if reaches else []))
    assert (1 if reaches else 0) == len(exchange.venue.state.orders)


async def test_newer_page(gateway: GatewayAtOneAddress, open_page: OpenPage) -> None:
    """After a reconnect to a gateway with another version of the page, the page asks to be loaded again."""
    page = await open_page(gateway.url, RIMBA)
    await page.page.route("**/", lambda route: route.fulfill(status=200, headers={"ETag": 'W/"newer"'}))
    await gateway.stop()
    await gateway.start()
    await page.notice("The exchange has a newer version of this page")
    await page.ready()
    page.errors.clear()
