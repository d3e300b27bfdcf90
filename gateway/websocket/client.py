"""The Python client: typed requests, channels as async iterators, resumption after a reconnect.

    key = SigningKey.from_hex("alpha-key", "9d61b1...")
    async with await ExchangeClient.connect("ws://127.0.0.1:8000/ws", key=key) as client:
        report = await client.place_order(
            client_order_id="1", instrument="RIMBA-19", side="buy", quantity=10, price="9.95"
        )
        async for book in await client.book("RIMBA-19"):
            print(book.best_bid, book.best_ask)

Any number of requests may be in flight at once.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

import aiohttp
import msgspec
from aiohttp import WSMsgType
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from exchange.domain.orders import Side
from gateway import results
from gateway.logon import sign_logon
from gateway.websocket import pushes, requests
from gateway.websocket.streams import BookStream, Stream, push_key, stream_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from gateway.results import ErrorBody, ErrorData
    from gateway.websocket.streams import AnyPush, StreamKey

Result = TypeVar("Result", bound=msgspec.Struct)
PushType = TypeVar("PushType", bound="AnyPush")

FIRST_RETRY_S = 0.1
LAST_RETRY_S = 5.0
MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class RejectedError(Exception):
    """The exchange refused a request."""

    def __init__(self, error: ErrorBody) -> None:
        super().__init__(f"{error.code} {error.name}: {error.message}")
        self.code = error.code
        self.name = error.name
        self.message = error.message
        self.data: ErrorData = error.data


class OutcomeUnknown(Exception):  # noqa: N818 - it says what is the case
    """The connection went before the answer came: the request may or may not have been carried out.

    Ask for the order's status, or send the same request with the same client order id again.
    """


class NotConnected(Exception):  # noqa: N818 - it says what is the case
    """There is no connection; nothing was sent. `code` and `reason` are those of its end, as far as known."""

    def __init__(self, code: int | None = None, reason: str = "") -> None:
        super().__init__(f"not connected (close code {code}: {reason})" if code else "not connected")
        self.code = code
        self.reason = reason


class SigningKey:
    """A key id with its private half."""

    def __init__(self, key_id: str, private_key: Ed25519PrivateKey) -> None:
        self.key_id = key_id
        self._private_key = private_key

    @classmethod
    def from_hex(cls, key_id: str, private_hex: str) -> Self:
        """From the 32 bytes of the private key as hexadecimal text."""
        return cls(key_id, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private_hex)))

    @classmethod
    def from_file(cls, path: Path, key_id: str = "") -> Self:
        """From a PEM file (PKCS #8) as `exchange admin keys create` makes it; the key id is its name without `.pem`.

        Raises OSError, or ValueError for anything but an Ed25519 key.
        """
        private_key = load_pem_private_key(path.read_bytes(), None)
        if not isinstance(private_key, Ed25519PrivateKey):
            raise ValueError(f"{path} holds no Ed25519 key")  # noqa: TRY004 - the file's content is a value
        return cls(key_id or path.stem, private_key)

    @classmethod
    def generate(cls, key_id: str) -> Self:
        """A new key."""
        return cls(key_id, Ed25519PrivateKey.generate())

    @property
    def public_hex(self) -> str:
        """The public half, as an operator registers it."""
        return self._private_key.public_key().public_bytes_raw().hex()

    @property
    def private_hex(self) -> str:
        """The private half, to be kept secret."""
        return self._private_key.private_bytes_raw().hex()

    def sign(self, nonce: str) -> str:
        """The signature for a logon."""
        return sign_logon(self._private_key, self.key_id, nonce)


class _ServerFrame(msgspec.Struct):
    """Any frame of the server: an answer has an id or an error, a push has a method."""

    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: results.ErrorBody | None = None
    method: str = ""
    params: msgspec.Raw = msgspec.Raw()


class _Call(NamedTuple):
    """A request that waits for its answer."""

    future: asyncio.Future[Any]
    request_type: type[requests.Request]
    stream: Stream[Any] | BookStream | None
    """The channel that the request turns on."""


_FRAME: msgspec.json.Decoder[_ServerFrame] = msgspec.json.Decoder(_ServerFrame)
_FRAMES: msgspec.json.Decoder[list[_ServerFrame]] = msgspec.json.Decoder(list[_ServerFrame])
_EVENT: msgspec.json.Decoder[pushes.PublicPush | pushes.PrivatePush] = msgspec.json.Decoder(
    pushes.PublicPush | pushes.PrivatePush
)
_HELLO = msgspec.json.Decoder(pushes.HelloParams)
_HEARTBEAT = msgspec.json.Decoder(pushes.HeartbeatParams)
_RESULTS: dict[type[msgspec.Struct], msgspec.json.Decoder[Any]] = {
    request_type: msgspec.json.Decoder(request_type.result) for request_type in requests.REQUEST_TYPES
}
_ENCODE = msgspec.json.Encoder().encode


class ExchangeClient:
    """One connection to a gateway. Make it with `connect`."""

    def __init__(
        self,
        url: str,
        key: SigningKey | None,
        *,
        cancel_on_disconnect: bool,
        coalesce: bool,
        reconnect: bool,
        heartbeat_s: float,
    ) -> None:
        self.url = url
        self.hello: pushes.HelloParams
        """What the server said first on the present connection."""
        self.logged_on: results.LoggedOn | None = None
        self.server_seq = 0
        """Seq of the last durable event, as of the last heartbeat or hello."""
        self._key = key
        self._cancel_on_disconnect = cancel_on_disconnect
        self._coalesce = coalesce
        self._reconnect = reconnect
        self._heartbeat_s = heartbeat_s
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse[Any] | None = None
        self._calls: dict[int | str, _Call] = {}
        self._last_id = 0
        self._outgoing: list[bytes] = []
        self._wake_writer = asyncio.Event()
        self._streams: dict[StreamKey, Stream[Any] | BookStream] = {}
        self._runner: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._closed = False
        self._end = NotConnected()
        self._renewals: set[asyncio.Task[None]] = set()

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        key: SigningKey | None = None,
        cancel_on_disconnect: bool = False,
        coalesce: bool = False,
        reconnect: bool = False,
        heartbeat_s: float = 15.0,
    ) -> Self:
        """Connect and, with a key, log on. Raises aiohttp.ClientError, NotConnected or RejectedError.

        `reconnect`: after a loss, connect, log on and resume all channels again, for as long as it takes.
        """
        client = cls(
            url,
            key,
            cancel_on_disconnect=cancel_on_disconnect,
            coalesce=coalesce,
            reconnect=reconnect,
            heartbeat_s=heartbeat_s,
        )
        client._http = aiohttp.ClientSession()
        try:
            await client._open()
        except BaseException:
            await client.close()
            raise
        client._runner = asyncio.create_task(client._run())
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect; open requests end with OutcomeUnknown, channels end."""
        self._closed = True
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.wait([self._runner])
        for renewal in tuple(self._renewals):
            renewal.cancel()
        if self._socket is not None:
            await self._socket.close()
        if self._http is not None:
            await self._http.close()
        self._lost()
        for stream in self._streams.values():
            stream.end()

    # Requests about orders.

    async def place_order(
        self,
        *,
        client_order_id: str,
        instrument: str,
        side: Side | str,
        quantity: int,
        price: str | None = None,
        account: str = "",
        **terms: Any,
    ) -> results.OrderReport:
        """Place an order. `terms`: further fields of `OrderPlaceParams`. The answer comes when it is durable."""
        params = requests.OrderPlaceParams(
            client_order_id, instrument, Side(side), quantity, account, price, **terms
        )
        return await self.call(requests.OrderPlace, params, results.OrderReport)

    async def amend_order(
        self,
        *,
        order_id: int = 0,
        client_order_id: str = "",
        price: str | None = None,
        quantity: int | None = None,
        account: str = "",
    ) -> results.OrderReport:
        """Change a live order's limit, its total quantity, or both."""
        params = requests.OrderAmendParams(account, order_id, client_order_id, price, quantity)
        return await self.call(requests.OrderAmend, params, results.OrderReport)

    async def cancel_order(
        self, *, order_id: int = 0, client_order_id: str = "", account: str = ""
    ) -> results.OrderReport:
        """End a live order."""
        params = requests.OrderCancelParams(account, order_id, client_order_id)
        return await self.call(requests.OrderCancel, params, results.OrderReport)

    async def cancel_all(
        self, *, account: str = "", instrument: str = "", side: Side | str | None = None
    ) -> results.CancelledOrders:
        """End all live orders of an account, or those of an instrument, of a side, or of both."""
        params = requests.OrderCancelAllParams(account, instrument, None if side is None else Side(side))
        return await self.call(requests.OrderCancelAll, params, results.CancelledOrders)

    async def batch(
        self, items: Sequence[requests.BatchPlace | requests.BatchAmend | requests.BatchCancel]
    ) -> list[results.BatchOutcome]:
        """Several requests about orders in one; each has an outcome of its own."""
        params = requests.OrderBatchParams(list(items))
        return (await self.call(requests.OrderBatch, params, results.BatchResult)).outcomes

    async def order_status(
        self, *, order_id: int = 0, client_order_id: str = "", account: str = ""
    ) -> results.OrderState:
        """How an order stands; the way to learn what became of a request without an answer."""
        params = requests.OrderStatusParams(account, order_id, client_order_id)
        return await self.call(requests.GetOrderStatus, params, results.OrderState)

    async def open_orders(self, account: str = "") -> results.OpenOrders:
        """Live orders of an account."""
        return await self.call(requests.OrdersOpen, requests.AccountParams(account), results.OpenOrders)

    async def cancel_after(self, timeout_ms: int, account: str = "") -> results.CancelAfter:
        """Arm the dead-man timer; 0 turns it off."""
        params = requests.SessionCancelAfterParams(timeout_ms, account)
        return await self.call(requests.SessionCancelAfter, params, results.CancelAfter)

    # Requests about accounts.

    async def list_fills(self, account: str = "", *, after_seq: int = 0, limit: int = 100) -> results.Fills:
        """A page of an account's fills."""
        params = requests.FillsListParams(account, after_seq, limit)
        return await self.call(requests.FillsList, params, results.Fills)

    async def balances(self, account: str = "") -> results.Balances:
        """Cash of an account."""
        return await self.call(requests.AccountBalances, requests.AccountParams(account), results.Balances)

    async def holdings(self, account: str = "") -> results.Holdings:
        """Units of an account."""
        return await self.call(requests.AccountHoldings, requests.AccountParams(account), results.Holdings)

    async def retire(
        self,
        *,
        class_id: str,
        quantity: int,
        beneficiary: str,
        purpose: str,
        reference: str,
        account: str = "",
    ) -> results.Retirement:
        """Take units out of circulation for ever."""
        params = requests.CreditsRetireParams(class_id, quantity, beneficiary, purpose, reference, account)
        return await self.call(requests.CreditsRetire, params, results.Retirement)

    # Requests about the market.

    async def instruments(self, instrument: str = "") -> results.Instruments:
        """One instrument or all."""
        params = requests.MarketInstrumentsParams(instrument)
        return await self.call(requests.MarketInstruments, params, results.Instruments)

    async def market_book(self, instrument: str, depth: int = 10) -> results.Book:
        """The book as it stands."""
        return await self.call(
            requests.MarketBook, requests.MarketBookParams(instrument, depth), results.Book
        )

    async def market_trades(
        self,
        instrument: str,
        *,
        after_trade_id: int | None = None,
        before_trade_id: int | None = None,
        limit: int = 100,
    ) -> results.Trades:
        """The newest trades, the first after a trade, or the last before one."""
        params = requests.MarketTradesParams(instrument, after_trade_id, before_trade_id, limit)
        return await self.call(requests.MarketTrades, params, results.Trades)

    async def market_candles(
        self,
        instrument: str,
        interval: requests.Interval | str,
        *,
        since: int | None = None,
        until: int | None = None,
        limit: int = 100,
    ) -> results.Candles:
        """The newest candles in `[since, until)` (nanoseconds UTC)."""
        params = requests.MarketCandlesParams(instrument, requests.Interval(interval), since, until, limit)
        return await self.call(requests.MarketCandles, params, results.Candles)

    async def ping(self) -> int:
        """Seq of the last durable event."""
        return (await self.call(requests.Ping, requests.NoParams(), results.Pong)).seq

    async def logout(self) -> results.LoggedOut:
        """Close the session; the connection stays."""
        answer = await self.call(requests.SessionLogout, requests.NoParams(), results.LoggedOut)
        self.logged_on = None
        self._key = None
        return answer

    # Channels.

    async def book(self, instrument: str, depth: int = 10) -> BookStream:
        """The book as a checked local copy, again after every change."""
        params = msgspec.convert(
            {"channel": "book", "instrument": instrument, "depth": depth}, requests.SubscribeParams
        )
        stream = BookStream(self, params)
        await self._subscribe(stream)
        return stream

    async def trades(self, instrument: str) -> Stream[pushes.TradesPush]:
        """New trades."""
        return await self._market_stream(requests.Channel.TRADES, instrument)

    async def ticker(self, instrument: str) -> Stream[pushes.TickerPush]:
        """Best prices, last price and volume, now and whenever they change."""
        return await self._market_stream(requests.Channel.TICKER, instrument)

    async def candles(
        self, instrument: str, interval: requests.Interval | str = "1m"
    ) -> Stream[pushes.CandlesPush]:
        """The present candle, now and with every trade."""
        return await self._market_stream(requests.Channel.CANDLES, instrument, requests.Interval(interval))

    async def orders(self, account: str = "", *, from_seq: int | None = None) -> Stream[pushes.OrdersPush]:
        """What happens to the account's orders. `from_seq`: everything after that event, from the log first."""
        return await self._account_stream(requests.Channel.ORDERS, account, from_seq)

    async def fills(self, account: str = "", *, from_seq: int | None = None) -> Stream[pushes.FillsPush]:
        """The account's trades."""
        return await self._account_stream(requests.Channel.FILLS, account, from_seq)

    async def balance_changes(
        self, account: str = "", *, from_seq: int | None = None
    ) -> Stream[pushes.BalancesPush]:
        """Every change of the account's cash and units."""
        return await self._account_stream(requests.Channel.BALANCES, account, from_seq)

    async def retirements(
        self, account: str = "", *, from_seq: int | None = None
    ) -> Stream[pushes.RetirementsPush]:
        """The account's retirements."""
        return await self._account_stream(requests.Channel.RETIREMENTS, account, from_seq)

    async def end_stream(self, stream: Stream[Any] | BookStream) -> None:
        """Turn a channel off; its iterator ends."""
        self._streams.pop(stream_key(stream.params, stream.params.account), None)
        stream.end()
        if self._ready.is_set():
            await self.call(requests.Unsubscribe, stream.unsubscribe_params(), results.Unsubscribed)

    def renew_stream(self, stream: Stream[Any] | BookStream) -> None:
        """Turn a channel off and on again, because what came does not fit."""
        task = asyncio.create_task(self._renew(stream))
        self._renewals.add(task)
        task.add_done_callback(self._renewals.discard)

    # Any request.

    async def call(
        self, request_type: type[requests.Request], params: msgspec.Struct, result_type: type[Result]
    ) -> Result:
        """Send a request and wait for its answer; raises RejectedError, OutcomeUnknown or NotConnected."""
        if not self._ready.is_set():
            if not self._reconnect or self._closed:
                raise self._not_connected()
            await self._ready.wait()
        return await self.send(request_type, params, result_type)

    def send(
        self,
        request_type: type[requests.Request],
        params: msgspec.Struct,
        result_type: type[Result],  # noqa: ARG002 - tells the type checker
        stream: Stream[Any] | BookStream | None = None,
    ) -> asyncio.Future[Result]:
        """Send a request now; the future gets its answer, or RejectedError or OutcomeUnknown. Raises NotConnected."""
        if self._socket is None:
            raise self._not_connected()
        self._last_id += 1
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._calls[self._last_id] = _Call(future, request_type, stream)
        make: Any = request_type
        self._outgoing.append(_ENCODE(make(id=self._last_id, params=params)))
        self._wake_writer.set()
        return future

    # The connection.

    async def _open(self) -> None:
        """Connect, be greeted, log on, turn all channels on again."""
        if self._http is None:
            raise self._not_connected()
        socket = await self._http.ws_connect(
            self.url,
            heartbeat=self._heartbeat_s,
            compress=0,
            max_msg_size=MAX_MESSAGE_BYTES,
            decode_text=False,
        )
        message = await socket.receive()
        if message.type is not WSMsgType.TEXT:
            raise NotConnected(socket.close_code, str(message.extra or ""))
        self.hello = _HELLO.decode(_FRAME.decode(message.data).params)
        self.server_seq = self.hello.seq
        self._socket = socket
        self._outgoing.clear()
        reading = asyncio.create_task(self._exchange(socket))
        self._reading = reading
        try:
            if self._key is not None:
                params = requests.SessionLogonParams(
                    self._key.key_id,
                    self._key.sign(self.hello.nonce),
                    self._cancel_on_disconnect,
                    self._coalesce,
                )
                self.logged_on = await self.send(requests.SessionLogon, params, results.LoggedOn)
            for stream in tuple(self._streams.values()):
                await self._turn_on(stream)
        except BaseException:
            reading.cancel()
            raise
        self._ready.set()

    async def _run(self) -> None:
        """Wait for the end of the connection and, if wanted, make another, again and again."""
        while True:
            await asyncio.wait([self._reading])
            self._lost()
            if not self._reconnect:
                for stream in self._streams.values():
                    stream.end(self._end)
                return
            delay_s = FIRST_RETRY_S
            while True:
                await asyncio.sleep(random.uniform(delay_s / 2, delay_s))
                delay_s = min(2 * delay_s, LAST_RETRY_S)
                try:
                    await self._open()
                except (aiohttp.ClientError, OSError, NotConnected, OutcomeUnknown, RejectedError):
                    continue
                break

    async def _exchange(self, socket: aiohttp.ClientWebSocketResponse[Any]) -> None:
        """Read and write until the connection ends."""
        writing = asyncio.create_task(self._write(socket))
        try:
            while True:
                message = await socket.receive()
                if message.type is not WSMsgType.TEXT:
                    self._end = NotConnected(socket.close_code, str(message.extra or ""))
                    return
                self._receive(message.data)
        finally:
            writing.cancel()
            self._ready.clear()
            self._socket = None
            self._lost()
            await socket.close()

    async def _write(self, socket: aiohttp.ClientWebSocketResponse[Any]) -> None:
        while True:
            await self._wake_writer.wait()
            self._wake_writer.clear()
            outgoing, self._outgoing = self._outgoing, []
            try:
                for frame in outgoing:
                    await socket.send_frame(frame, WSMsgType.TEXT)
            except (ConnectionError, aiohttp.ClientError):
                return

    def _not_connected(self) -> NotConnected:
        return NotConnected(self._end.code, self._end.reason)

    def _lost(self) -> None:
        for stream in self._streams.values():
            stream.interrupted()
        calls, self._calls = self._calls, {}
        for call in calls.values():
            if not call.future.done():
                call.future.set_exception(OutcomeUnknown("the connection went before the answer came"))

    def _receive(self, data: bytes) -> None:
        if data[:1] == b"[":
            for frame in _FRAMES.decode(data):
                self._take(frame)
        else:
            self._take(_FRAME.decode(data))

    def _take(self, frame: _ServerFrame) -> None:
        if frame.id is not None:
            call = self._calls.pop(frame.id, None)
            if call is None or call.future.done():
                return
            if frame.error is not None:
                call.future.set_exception(RejectedError(frame.error))
                return
            result = _RESULTS[call.request_type].decode(frame.result)
            if call.stream is not None:
                # Now, not when the future's waiter runs: the first push may be read before that.
                call.stream.subscribed(result.seq)
            call.future.set_result(result)
        elif frame.method == "event":
            push = _EVENT.decode(frame.params)
            stream: Any = self._streams.get(push_key(push))
            if stream is not None:
                stream.take(push)
        elif frame.method == "heartbeat":
            self.server_seq = _HEARTBEAT.decode(frame.params).seq

    # Subscriptions.

    async def _market_stream(
        self,
        channel: requests.Channel,
        instrument: str,
        interval: requests.Interval = requests.Interval.MINUTE,
    ) -> Stream[Any]:
        stream: Stream[Any] = Stream(self, requests.SubscribeParams(channel, instrument, interval=interval))
        await self._subscribe(stream)
        return stream

    async def _account_stream(
        self, channel: requests.Channel, account: str, from_seq: int | None
    ) -> Stream[Any]:
        if not account and self.logged_on is not None and len(self.logged_on.accounts) == 1:
            account = self.logged_on.accounts[0]
        stream: Stream[Any] = Stream(
            self, requests.SubscribeParams(channel, account=account, from_seq=from_seq)
        )
        await self._subscribe(stream)
        return stream

    async def _subscribe(self, stream: Stream[Any] | BookStream) -> None:
        if not self._ready.is_set() and not self._reconnect:
            raise self._not_connected()
        await self._ready.wait()
        key = stream_key(stream.params, stream.params.account)
        if key in self._streams:
            raise ValueError(f"the channel {key} is on already")
        # Known before the answer: pushes may follow it at once.
        self._streams[key] = stream
        try:
            await self._turn_on(stream, first=True)
        except BaseException:
            self._streams.pop(key, None)
            raise

    async def _turn_on(self, stream: Stream[Any] | BookStream, *, first: bool = False) -> None:
        params = stream.params if first else stream.subscribe_params()
        await self.send(requests.Subscribe, params, results.Subscribed, stream)

    async def _renew(self, stream: Stream[Any] | BookStream) -> None:
        try:
            await self.call(requests.Unsubscribe, stream.unsubscribe_params(), results.Unsubscribed)
            await self._turn_on(stream)
        except (RejectedError, OutcomeUnknown, NotConnected) as error:
            # A connection that is lost turns its channels on again when it is back.
            if not self._reconnect:
                stream.end(error)
