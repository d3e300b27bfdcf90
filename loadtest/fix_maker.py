"""A market maker of a load test: FIX written and read with as little work as possible, so that the server is what is measured."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from exchange.domain.orders import Side, TimeInForce
from gateway.fix.encoding import frame_message
from gateway.fix.peer import VENUE_COMP_ID
from gateway.fix.timestamps import render_timestamp
from gateway.websocket import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadtest.order_mix import OrderMix, Request

_SIDES: Final = {Side.BUY: 1, Side.SELL: 2}
_TIMES_IN_FORCE: Final = {TimeInForce.DAY: 0, TimeInForce.IOC: 3}
_HEARTBEAT_S: Final = 120


class FixMakerError(Exception):
    """The venue did not answer as a load test expects."""


class FixMaker(asyncio.Protocol):
    """One session. `send` gives a future that is done with the first answer to the request: a durable one, as all are."""

    def __init__(self, comp_id: str, password: str) -> None:
        self._comp_id = comp_id
        self._password = password
        self._number = 0
        self._transport: asyncio.Transport
        self._buffer = b""
        self._pending: dict[bytes, asyncio.Future[None]] = {}
        """By ClOrdID."""
        self._orders: dict[str, tuple[int, int, str]] = {}
        """Side, quantity and price of orders that were not cancelled."""
        self._requests = 0
        self._logged_on: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def log_on(self) -> None:
        """To be done first."""
        self._write("A", f"98=0\x01108={_HEARTBEAT_S}\x01553={self._comp_id}\x01554={self._password}\x01")
        await asyncio.wait([self._logged_on, self._lost], return_when=asyncio.FIRST_COMPLETED)
        if not self._logged_on.done():
            raise FixMakerError(f"{self._comp_id} was not let in")

    async def close(self) -> None:
        """Log out; orders end with the session."""
        self._write("5", "")
        await self._lost

    def send(self, request: Request, symbol: str) -> asyncio.Future[None]:
        """Send a request of the mix."""
        kind, params = request
        self._requests += 1
        if kind is requests.OrderPlace and isinstance(params, requests.OrderPlaceParams):
            return self._place(params, symbol)
        name = f"request-{self._requests}"
        if isinstance(params, requests.OrderAmendParams):
            former = params.client_order_id
            side, quantity, price = self._orders[former]
            quantity = quantity if params.quantity is None else params.quantity
            price = price if params.price is None else params.price
            self._orders[former] = (side, quantity, price)
            return self._ask(
                "G",
                name,
                f"41={former}\x0111={name}\x0155={symbol}\x0154={side}\x0160={_now()}\x0138={quantity}\x01"
                f"40=2\x0144={price}\x01",
            )
        if isinstance(params, requests.OrderCancelParams):
            former = params.client_order_id
            side = self._orders.pop(former)[0]
            return self._ask(
                "F", name, f"41={former}\x0111={name}\x0155={symbol}\x0154={side}\x0160={_now()}\x01"
            )
        raise TypeError(f"no request of the mix: {request}")

    def _place(self, params: requests.OrderPlaceParams, symbol: str) -> asyncio.Future[None]:
        name, side, price = params.client_order_id, _SIDES[params.side], str(params.price)
        if params.time_in_force is TimeInForce.DAY:
            self._orders[name] = (side, params.quantity, price)
        return self._ask(
            "D",
            name,
            f"11={name}\x0155={symbol}\x0154={side}\x0160={_now()}\x0138={params.quantity}\x0140=2\x01"
            f"44={price}\x0159={_TIMES_IN_FORCE[params.time_in_force]}\x01",
        )

    def _ask(self, msg_type: str, client_order_id: str, body: str) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending[client_order_id.encode()] = future
        self._write(msg_type, body)
        return future

    def _write(self, msg_type: str, body: str) -> None:
        self._number += 1
        content = (
            f"35={msg_type}\x0149={self._comp_id}\x0156={VENUE_COMP_ID}\x0134={self._number}\x01"
            f"52={_now()}\x01{body}"
        )
        self._transport.write(frame_message(content))

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = transport  # type: ignore[assignment]  # a stream has a full transport

    def connection_lost(self, exc: Exception | None) -> None:
        """The end: whoever waits learns of it."""
        self._lost.set_result(None)
        for future in self._pending.values():
            if not future.done():
                future.set_exception(FixMakerError(f"the connection was lost: {exc}"))

    def data_received(self, data: bytes) -> None:
        """Messages came, whole ones and a piece of one."""
        self._buffer += data
        for message in self._messages():
            kind = _field(message, b"35")
            if kind in {b"8", b"9"}:
                self._answered(message, kind)
            elif kind == b"A":
                self._logged_on.set_result(None)
            elif kind == b"1":
                self._write("0", f"112={_field(message, b'112').decode()}\x01")
            elif kind in {b"3", b"j"}:
                raise FixMakerError(f"the venue refused a message: {message!r}")

    def _answered(self, message: bytes, kind: bytes) -> None:
        future = self._pending.pop(_field(message, b"11"), None)
        if future is None:
            # A trade of an order whose acceptance was the answer.
            return
        if kind == b"9" or b"\x01150=8\x01" in message:
            future.set_exception(FixMakerError(f"refused: {message!r}"))
        else:
            future.set_result(None)

    def _messages(self) -> Iterator[bytes]:
        buffer, start = self._buffer, 0
        while (end := buffer.find(b"\x0110=", start)) >= 0 and len(buffer) >= end + 8:
            yield buffer[start : end + 8]
            start = end + 8
        self._buffer = buffer[start:]


def _field(message: bytes, tag: bytes) -> bytes:
    start = message.find(b"\x01" + tag + b"=")
    if start < 0:
        return b""
    start += len(tag) + 2
    return message[start : message.index(b"\x01", start)]


def _now() -> str:
    return render_timestamp(time.time_ns())


async def connect(address: str, comp_id: str, password: str) -> FixMaker:
    """A session at HOST:PORT, logged on."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    _, maker = await loop.create_connection(lambda: FixMaker(comp_id, password), host, int(port))
    await maker.log_on()
    return maker


async def send_all(maker: FixMaker, mix: OrderMix, symbol: str, count: int, window: int) -> None:
    """So many requests of a mix, so many of them without an answer at a time."""
    in_flight: list[asyncio.Future[None]] = []
    done = 0
    for _ in range(count):
        if len(in_flight) - done == window:
            await in_flight[done]
            done += 1
        in_flight.append(maker.send(mix.next_request(), symbol))
    for answer in in_flight[done:]:
        await answer
