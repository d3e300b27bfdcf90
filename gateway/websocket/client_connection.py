"""The client's side of the connection: logon, requests in flight, channels, reconnection."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

import aiohttp
import msgspec
from aiohttp import WSMsgType

from exchange.domain.rejects import RejectCode
from gateway import results
from gateway.websocket import pushes, requests
from gateway.websocket.streams import BookStream, Stream, push_key, stream_key

if TYPE_CHECKING:
    from types import TracebackType

    from gateway.results import ErrorBody, ErrorData
    from gateway.websocket.request_forms import Request
    from gateway.websocket.signing_key import SigningKey
    from gateway.websocket.streams import StreamKey

Result = TypeVar("Result", bound=msgspec.Struct)

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
    request_type: type[Request]
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


class ClientConnection:
    """Requests and channels over one connection, or over one after another if it may reconnect."""

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
        self._reading: asyncio.Task[None] | None = None
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
        if self._reading is not None:
            await asyncio.wait([self._reading])
        self._lost()
        for stream in self._streams.values():
            stream.end()
        # Whoever waits for a connection learns that there will be none.
        self._ready.set()

    # Channels.

    async def end_stream(self, stream: Stream[Any] | BookStream) -> None:
        """Turn a channel off; its iterator ends."""
        self._streams.pop(stream_key(stream.params, stream.params.account), None)
        stream.end()
        if self._socket is not None and self._ready.is_set():
            await self.call(requests.Unsubscribe, stream.unsubscribe_params(), results.Unsubscribed)

    def renew_stream(self, stream: Stream[Any] | BookStream) -> None:
        """Turn a channel off and on again, because what came does not fit."""
        task = asyncio.create_task(self._renew(stream))
        self._renewals.add(task)
        task.add_done_callback(self._renewals.discard)

    # Any request.

    async def call(
        self, request_type: type[Request], params: msgspec.Struct, result_type: type[Result]
    ) -> Result:
        """Send a request and wait for its answer; raises RejectedError, OutcomeUnknown or NotConnected."""
        if not self._ready.is_set():
            if not self._reconnect or self._closed:
                raise self._not_connected()
            await self._ready.wait()
        return await self.send(request_type, params, result_type)

    def send(
        self,
        request_type: type[Request],
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
            for key, stream in tuple(self._streams.items()):
                try:
                    await self._turn_on(stream)
                except RejectedError as error:
                    # Such as an account that is ours no more: the other channels go on.
                    self._streams.pop(key, None)
                    stream.end(error)
        except BaseException:
            reading.cancel()
            await asyncio.wait([reading])
            raise
        self._ready.set()

    async def _run(self) -> None:
        """Wait for the end of the connection and, if wanted, make another, again and again."""
        while True:
            if self._reading is not None:
                await asyncio.wait([self._reading])
            self._lost()
            end: Exception | None = self._end
            if self._reconnect:
                end = await self._open_again()
            if end is not None:
                self._closed = True
                for stream in self._streams.values():
                    stream.end(end)
                # Whoever waits for a connection learns that there will be none.
                self._ready.set()
                return

    async def _open_again(self) -> RejectedError | None:
        """Try until there is a connection; answers the refusal if the exchange does not know the key any more."""
        delay_s = FIRST_RETRY_S
        while True:
            await asyncio.sleep(random.uniform(delay_s / 2, delay_s))
            delay_s = min(2 * delay_s, LAST_RETRY_S)
            try:
                await self._open()
            except RejectedError as error:
                if error.code == RejectCode.LOGON_FAILED:
                    return error
            except (aiohttp.ClientError, OSError, NotConnected, OutcomeUnknown):
                continue
            else:
                return None

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

    async def subscribe(self, stream: Stream[Any] | BookStream) -> None:
        """Turn a channel on; raises RejectedError, or ValueError when it is on already."""
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
