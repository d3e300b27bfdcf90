"""A whole exchange for one test: real Postgres, engine, gateway, real sockets; and clients of it."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import aiohttp
import aiohttp.web
import msgspec

from exchange.domain.venue import Venue
from exchange.engine.engine import Engine
from exchange.log.lease import WriterIdentity
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.log.writer import LogWriter
from exchange.registry.view import RegistryReader
from gateway.app import create_app
from gateway.core import REGISTER_READS, STATEMENT_READS, Gateway
from gateway.websocket.client import ExchangeClient, SigningKey
from gateway.websocket.connection import Connection
from tests.market import KEYS, opening_commands

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchange.domain.commands import Command
    from exchange.domain.events import Event
    from exchange.domain.state import State
    from exchange.engine.interface import EnginePort
    from gateway.limits import Limits

SIGNING_KEYS = {key_id: SigningKey.generate(key_id) for key_id in KEYS}

Json = dict[str, Any]


class Tap:
    """Frames as they went over the wire, for the check against the schemas."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        """By `ExchangeClient`s, so meant to be valid."""
        self.received: list[bytes] = []


class TappedClient(ExchangeClient):
    """The client, with its frames recorded."""

    tap: Tap

    def send(self, *arguments: Any, **named: Any) -> asyncio.Future[Any]:
        future = super().send(*arguments, **named)
        self.tap.sent.append(self._outgoing[-1])
        return future

    def _receive(self, data: bytes) -> None:
        self.tap.received.append(data)
        super()._receive(data)


class RawClient:
    """A websocket without manners: sends what the test says, and reads message by message."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[Any], tap: Tap) -> None:
        self.socket = socket
        self._tap = tap
        self._unread: list[Json] = []
        self._last_id = 0
        self.frames = 0
        """Text frames received."""

    async def send(self, data: bytes | str | Json) -> None:
        """Send a text frame: as it is, or an object as JSON."""
        if isinstance(data, dict):
            data = msgspec.json.encode(data)
        if isinstance(data, bytes):
            await self.socket.send_frame(data, aiohttp.WSMsgType.TEXT)
        else:
            await self.socket.send_str(data)

    async def message(self) -> Json:
        """The next message. Raises `Closed` when the server has closed."""
        while not self._unread:
            frame = await self.socket.receive(timeout=20)
            if frame.type is not aiohttp.WSMsgType.TEXT:
                raise Closed(self.socket.close_code, str(frame.extra or ""))
            self.frames += 1
            data = frame.data.encode()
            self._tap.received.append(data)
            content = msgspec.json.decode(data)
            self._unread += content if isinstance(content, list) else [content]
        return self._unread.pop(0)

    async def answer(self, request_id: int | str | None) -> Json:
        """The next message that answers a request; pushes before it are passed over."""
        while True:
            message = await self.message()
            if "method" not in message and message["id"] == request_id:
                return message

    async def ask(self, method: str, **params: Any) -> Json:
        """Send a request; its answer, result or error."""
        self._last_id += 1
        await self.send({"id": self._last_id, "method": method, "params": params})
        return await self.answer(self._last_id)

    async def error(self, method: str, **params: Any) -> Json:
        """The error that a request must get."""
        error: Json = (await self.ask(method, **params))["error"]
        return error

    async def result(self, method: str, **params: Any) -> Json:
        """The result that a request must get."""
        result: Json = (await self.ask(method, **params))["result"]
        return result

    async def push(self, channel: str) -> Json:
        """Params of the next push of a channel."""
        while True:
            message = await self.message()
            if message.get("method") == "event" and message["params"]["channel"] == channel:
                params: Json = message["params"]
                return params

    async def closed(self) -> Closed:
        """How the server closes the connection; messages before that are passed over."""
        while True:
            try:
                await self.message()
            except Closed as end:
                return end

    async def log_on(self, key_id: str, nonce: str, **params: Any) -> Json:
        """Log on with the right signature."""
        return await self.ask(
            "session.logon", key_id=key_id, signature=SIGNING_KEYS[key_id].sign(nonce), **params
        )


class StuckClient(RawClient):
    """A raw client with small buffers that can stop to read."""

    nonce: str
    connection: Connection
    """The server's side of it."""

    async def stop_and_fill(self, limit: int) -> None:
        """Take no more bytes, and ask for so much that the server has more unsent than `limit` bytes."""
        self._transport.pause_reading()
        while self.connection._transport.get_write_buffer_size() <= limit and not self.connection.closing:
            await self.send({"id": "noise", "method": "market.instruments"})
            await asyncio.sleep(0)

    def go_on_reading(self) -> None:
        """Read again."""
        self._transport.resume_reading()

    @property
    def _transport(self) -> Any:
        return self.socket._response.connection.transport  # type: ignore[union-attr]


class Closed(Exception):  # noqa: N818
    """The server closed the connection."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class RunningExchange:
    """Everything of one exchange, and ways to connect to it."""

    def __init__(self, engine: Engine, venue: Venue, dsn: str, tap: Tap, stack: AsyncExitStack) -> None:
        self.engine = engine
        self.venue = venue
        self.dsn = dsn
        self.tap = tap
        self.gateway: Gateway
        self.signer_socket: Path
        """Where gateways look for the process that signs."""
        self.url = ""
        self._stack = stack
        self._client_type: type[TappedClient] = type("ThisTestsClient", (TappedClient,), {"tap": tap})

    async def do(self, *commands: Command) -> list[Event]:
        """Submit commands as an operator would, at the engine; answers the events of the last."""
        answers = await asyncio.gather(*(self.engine.submit(command) for command in commands))
        return [recorded.event for recorded in answers[-1].events]

    async def client(self, key_id: str = "", **options: Any) -> ExchangeClient:
        """A client that is closed at the end of the test."""
        key = SIGNING_KEYS[key_id] if key_id else None
        url = options.pop("url", self.url)
        client = await self._client_type.connect(url, key=key, **options)
        return await self._stack.enter_async_context(client)

    async def another_gateway(self, limits: Limits | None = None) -> tuple[Gateway, str]:
        """One more gateway of the same exchange, and its address."""
        return await open_gateway(self._stack, self.engine, self.dsn, self.signer_socket, limits)

    async def raw(self, **options: Any) -> tuple[RawClient, str]:
        """A raw client and the nonce that it was greeted with."""
        session = await self._stack.enter_async_context(aiohttp.ClientSession())
        client = RawClient(await session.ws_connect(self.url, max_msg_size=0, **options), self.tap)
        hello = await client.message()
        assert "hello" == hello["method"]
        return client, hello["params"]["nonce"]

    async def stuck_client(self) -> StuckClient:
        """A client that can stop to read."""
        session = await self._stack.enter_async_context(aiohttp.ClientSession())
        client = StuckClient(await session.ws_connect(self.url, max_msg_size=0), self.tap)
        client.nonce = (await client.message())["params"]["nonce"]
        client.connection = next(
            found
            for found in gc.get_objects()
            if type(found) is Connection and found.session.nonce == client.nonce
        )
        for transport in (client._transport, client.connection._transport):
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, 8192)
        return client

    async def raw_trader(self, key_id: str, **params: Any) -> RawClient:
        """A raw client that is logged on."""
        client, nonce = await self.raw()
        answer = await client.log_on(key_id, nonce, **params)
        assert "result" in answer, answer
        return client


async def serve(app: aiohttp.web.Application, host: str, port: int) -> aiohttp.web.AppRunner:
    """Listen; port 0 takes a free one (`runner.addresses` names it). `await runner.cleanup()` ends it."""
    runner = aiohttp.web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, host, port).start()
    return runner


async def open_gateway(
    stack: AsyncExitStack, engine: EnginePort, dsn: str, signer_socket: Path, limits: Limits | None = None
) -> tuple[Gateway, str]:
    """A gateway that listens, and the address of its websocket."""
    reader = await stack.enter_async_context(await LogReader.open(dsn))
    registry = await stack.enter_async_context(
        await RegistryReader.open(dsn, REGISTER_READS + STATEMENT_READS)
    )
    gateway = Gateway(engine, reader, registry, name="test-gateway", limits=limits)

    async def recovered() -> State:
        return (await recover(reader, SnapshotStore(dsn))).state

    await gateway.start(recovered)
    runner = await serve(create_app(gateway, signer_socket), "127.0.0.1", 0)
    stack.push_async_callback(runner.cleanup)
    host, port = runner.addresses[0][:2]
    return gateway, f"ws://{host}:{port}/ws"


@asynccontextmanager
async def running_exchange(
    dsn: str, tap: Tap, limits: Limits | None = None
) -> AsyncIterator[RunningExchange]:
    """An exchange with the market of `tests.market`, its keys replaced by `SIGNING_KEYS`."""
    async with AsyncExitStack() as stack:
        identity = WriterIdentity.of_this_process("/run/test/engine.sock")
        writer = await stack.enter_async_context(await LogWriter.open(dsn, identity, wait_s=30))
        reader = await stack.enter_async_context(await LogReader.open(dsn))
        recovery = await recover(reader, SnapshotStore(dsn))
        venue = Venue(recovery.state)
        engine = Engine(venue, writer, "carbon-exchange test")
        await engine.start()
        stack.push_async_callback(engine.stop)
        if not recovery.state.business_date:
            public_keys = {key_id: key.public_hex for key_id, key in SIGNING_KEYS.items()}
            await asyncio.gather(*(engine.submit(command) for command in opening_commands(public_keys)))
        exchange = RunningExchange(engine, venue, dsn, tap, stack)
        exchange.signer_socket = Path(stack.enter_context(TemporaryDirectory())) / "signer.sock"
        exchange.gateway, exchange.url = await open_gateway(
            stack, engine, dsn, exchange.signer_socket, limits
        )
        yield exchange
