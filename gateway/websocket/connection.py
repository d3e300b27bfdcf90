"""One websocket connection: frames in, messages out, and how fast either may go."""

from __future__ import annotations

import asyncio
import functools
import time
from typing import TYPE_CHECKING

import msgspec
import structlog
from aiohttp import WSMsgType

from exchange.domain import events as ev
from exchange.domain.rejects import Reject, RejectCode
from exchange.engine.interface import EngineStopped
from gateway.rate_limits import Throttled, TokenBucket
from gateway.results import ErrorBody, ErrorData
from gateway.session import LogonFailed, Session
from gateway.websocket.closing import CloseCode
from gateway.websocket.frames import (
    BadFrame,
    ErrorFrame,
    ResultFrame,
    decode_request,
    encode,
    error_body,
    malformed,
    reject_body,
    text_frame,
)
from gateway.websocket.methods import HANDLERS
from gateway.websocket.nonces import new_nonce
from gateway.websocket.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from exchange.domain.instruments import Instrument
    from exchange.engine.interface import Answer
    from gateway.rate_limits import KeyBuckets
    from gateway.websocket.request_forms import RequestId
    from gateway.websocket.requests import AnyRequest
    from gateway.websocket.server import WebsocketServer
    from gateway.websocket.socket import ServerSocket
    from gateway.websocket.subscriptions import PrivateSubscription, PublicSubscription

log = structlog.get_logger()

FRAMES_PER_TURN = 64
"""Frames handled before the event loop may turn to others."""
MAX_COALESCED_BYTES = 256 * 1024

_REFUSALS = (ev.OrderRejected, ev.RequestRefused)


class Connection:
    """One client. Everything sent goes through `send` and leaves in one write per turn of the event loop."""

    def __init__(
        self, server: WebsocketServer, socket: ServerSocket, transport: asyncio.Transport, address: str
    ) -> None:
        self.server = server
        self.gateway = server.gateway
        self.limits = server.gateway.limits
        self.address = address
        self.session = Session(new_nonce())
        self.coalesce = False
        self.key_buckets: KeyBuckets | None = None
        self.open_session = 0
        """Number of the session that must be closed when the connection ends; 0: none."""
        self.public: dict[tuple[str, str, str], PublicSubscription] = {}
        """By channel, instrument, and interval for candles."""
        self.private: dict[tuple[str, str], PrivateSubscription] = {}
        """By channel and account."""
        self.replays: dict[tuple[str, str], asyncio.Task[None]] = {}
        self.received_ns = time.monotonic_ns()
        """When the last frame of any kind came."""
        self.heartbeat_ns = self.received_ns
        """When the last heartbeat was sent."""
        self.placing: dict[tuple[str, str], Instrument] = {}
        """By account and client order id: instruments of orders that wait for their answers."""
        self.closing = False
        self._socket = socket
        self._transport = transport
        self._statistics = server.gateway.statistics
        self._unsent: list[bytes] = []
        self._flush_scheduled = False
        self._congested = False
        self._stale: dict[PublicSubscription, None] = {}
        """Public channels with news that waits until the connection has caught up."""
        self._caught_up: asyncio.Future[None] | None = None
        self._pending = 0
        self._reads = 0
        self._tasks: set[asyncio.Task[None]] = set()
        limits = self.limits
        self._before_logon = TokenBucket(limits.before_logon)
        self._requests = TokenBucket(limits.requests)
        self._refusals = TokenBucket(limits.refusals)

    # Receiving.

    async def run(self) -> None:
        """Handle frames until the connection ends."""
        receive = self._socket.receive
        handled = 0
        while True:
            message = await receive()
            kind = message.type
            self.received_ns = time.monotonic_ns()
            if kind is WSMsgType.TEXT:
                if not self.closing:
                    self.handle_frame(message.data)
                handled += 1
                if handled % FRAMES_PER_TURN == 0:
                    await asyncio.sleep(0)
            elif kind is WSMsgType.PING:
                self._count_frame()
                await self._socket.pong(message.data)
            elif kind is WSMsgType.PONG:
                self._count_frame()
            elif kind is WSMsgType.BINARY:
                self._refuse_frame(malformed("frames are JSON text, not binary"))
            else:
                return

    def handle_frame(self, frame: bytes) -> None:
        """Answer one text frame, now or later. An error of ours ends this connection and no other."""
        statistics = self._statistics
        statistics.frames_received += 1
        statistics.bytes_received += len(frame)
        try:
            try:
                request = decode_request(frame)
            except BadFrame as bad:
                self._refuse_frame(bad.answer)
                return
            try:
                self._handle(request)
            except Reject as reject:
                self.refuse(request.id, reject)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this connection and no other
            self._fail(error)

    def _handle(self, request: AnyRequest) -> None:
        method = HANDLERS[type(request)]
        counts = self._statistics.requests
        counts[method.name] = counts.get(method.name, 0) + 1
        if not self.session.number:
            self._before_logon.demand(self.received_ns, "messages before logon")
        elif not method.has_own_rate:
            self._requests.demand(self.received_ns, "requests")
        outcome = method.handle(self, request)
        if isinstance(outcome, Submission):
            self.execute(outcome, functools.partial(self._settle, request.id))
        elif isinstance(outcome, msgspec.Struct):
            self.answer(request.id, outcome)
        elif outcome is not None:
            self._read(request.id, outcome)

    def _read(self, request_id: RequestId, work: Coroutine[Any, Any, msgspec.Struct]) -> None:
        """Do what has to wait, such as a read of the log, unless too much of that is under way."""
        if self._reads >= self.limits.max_reads:
            work.close()
            raise Reject(RejectCode.BUSY, "too many requests of this connection wait for their answers")
        self._reads += 1
        self.start(self._finish(request_id, work))

    async def _finish(self, request_id: RequestId, work: Coroutine[Any, Any, msgspec.Struct]) -> None:
        try:
            self.answer(request_id, await work)
        except Reject as reject:
            self.refuse(request_id, reject)
        except EngineStopped:
            self.refuse(request_id, Reject(RejectCode.UNAVAILABLE, "the engine has stopped"))
            self.gateway.engine_stopped()
        finally:
            self._reads -= 1

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work that is of no use once the connection is gone."""
        self.watch(asyncio.create_task(work))

    def watch(self, task: asyncio.Task[None]) -> None:
        """Cancel the task when the connection ends; end the connection if the task fails."""
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        log.error("internal error", address=self.address, session=self.session.number, exc_info=error)
        self.close(CloseCode.INTERNAL_ERROR, "internal error")

    # Commands.

    def execute(self, submission: Submission, settle: Callable[[msgspec.Struct | ErrorBody], None]) -> None:
        """Hand a command to the engine; `settle` gets the result or the error, once."""
        limit = self.limits.max_pending * (2 if submission.lowers_risk else 1)
        if self._pending >= limit:
            self._placed(submission)
            settle(error_body(RejectCode.BUSY, "too many requests of this connection wait for their answers"))
            return
        self._pending += 1
        future = self.gateway.engine.submit(submission.command)
        future.add_done_callback(functools.partial(self._executed, submission, settle, time.monotonic_ns()))

    def _placed(self, submission: Submission) -> None:
        if submission.placing is not None:
            self.placing.pop(submission.placing, None)

    def _executed(
        self,
        submission: Submission,
        settle: Callable[[msgspec.Struct | ErrorBody], None],
        began_ns: int,
        done: asyncio.Future[Answer],
    ) -> None:
        self._pending -= 1
        self._placed(submission)
        error = done.exception()
        try:
            if error is None:
                answer = done.result()
                latency_us = (time.monotonic_ns() - began_ns) // 1000
                self._statistics.engine_latency.observe(latency_us)
                if answer.duplicate_of:
                    self.start(self._answer_again(submission, settle, answer.duplicate_of))
                else:
                    settle(_render(submission, answer.events))
            elif isinstance(error, Reject):
                settle(reject_body(error))
            elif isinstance(error, EngineStopped):
                settle(
                    error_body(
                        RejectCode.UNAVAILABLE,
                        "the engine has stopped; the outcome is unknown: ask for the order's status later",
                    )
                )
                self.gateway.engine_stopped()
            else:
                raise error
        except Exception as failure:  # noqa: BLE001 - whatever it is, it ends this connection and no other
            self._fail(failure)

    async def _answer_again(
        self,
        submission: Submission,
        settle: Callable[[msgspec.Struct | ErrorBody], None],
        command_seq: int,
    ) -> None:
        """Give the answer of an earlier command, read from the log, to its repetition."""
        settle(_render(submission, await self.gateway.reader.command(command_seq), duplicate=True))

    def _settle(self, request_id: RequestId, outcome: msgspec.Struct | ErrorBody) -> None:
        if isinstance(outcome, ErrorBody):
            self._send_error(ErrorFrame(request_id, outcome))
        else:
            self.send(encode(ResultFrame(request_id, outcome)))

    # Answering.

    def answer(self, request_id: RequestId, result: msgspec.Struct) -> None:
        """Send a result."""
        self.send(encode(ResultFrame(request_id, result)))

    def refuse(self, request_id: RequestId, reject: Reject) -> None:
        """Send an error; one who goes on against all rate limits is shown out."""
        body = reject_body(reject)
        if isinstance(reject, LogonFailed):
            body = error_body(reject.code, reject.message, ErrorData(nonce=self.session.nonce))
        self._send_error(ErrorFrame(request_id, body))
        if isinstance(reject, Throttled):
            self._count_refusal()

    def _refuse_frame(self, answer: ErrorFrame) -> None:
        self._count_frame()
        self._send_error(answer)

    def _count_frame(self) -> None:
        """Count a frame that is no request against the rate of requests."""
        bucket = self._requests if self.session.number else self._before_logon
        if bucket.take(self.received_ns):
            self._count_refusal()

    def _count_refusal(self) -> None:
        if self._refusals.take(self.received_ns):
            self.close(CloseCode.RATE_LIMITED, f"{RejectCode.RATE_LIMITED.value} RATE_LIMITED")

    def _send_error(self, frame: ErrorFrame) -> None:
        errors = self._statistics.errors
        code = frame.error.code
        errors[code] = errors.get(code, 0) + 1
        self.send(encode(frame))

    def frame_too_large(self) -> None:
        """Say why the connection ends: a frame was larger than allowed and cannot be read."""
        limit = self.limits.max_frame_bytes
        message = f"a frame has at most {limit} bytes"
        self._send_error(ErrorFrame(None, error_body(RejectCode.FRAME_TOO_LARGE, message)))
        self.flush()

    def protocol_broken(self) -> None:
        """Say why the connection ends: the bytes that came are no websocket frames."""
        self._send_error(malformed("the websocket protocol was broken"))
        self.flush()

    # Sending.

    def send(self, payload: bytes) -> None:
        """Queue one message; what is queued in one turn of the event loop leaves in one write."""
        if self.closing:
            return
        self._unsent.append(payload)
        if not self._flush_scheduled:
            self._flush_scheduled = True
            # One turn later: answers that come with a batch join its pushes.
            loop = self.server.loop
            loop.call_soon(loop.call_soon, self.flush)

    def push_public(self, subscription: PublicSubscription) -> None:
        """Send the news of a public channel, or the latest of it when the client has caught up."""
        if self._congested:
            if subscription in self._stale:
                self._statistics.pushes_conflated += 1
            self._stale[subscription] = None
            return
        frame = subscription.catch_up()
        if frame is not None:
            self.send(frame)

    def flush(self) -> None:
        """Write what is queued."""
        self._flush_scheduled = False
        unsent, self._unsent = self._unsent, []
        transport = self._transport
        if not unsent or transport.is_closing():
            return
        statistics = self._statistics
        statistics.messages_sent += len(unsent)
        if self.coalesce and len(unsent) > 1:
            unsent = _coalesced(unsent)
        data = text_frame(unsent[0]) if len(unsent) == 1 else b"".join(map(text_frame, unsent))
        statistics.bytes_sent += len(data)
        transport.write(data)
        buffered = transport.get_write_buffer_size()
        if buffered > self.limits.conflate_above_bytes and not self._congested:
            self._congested = True
            self.server.congested(self)
        if buffered > self.limits.max_unsent_bytes:
            self.close(CloseCode.SLOW_CONSUMER, f"{RejectCode.SLOW_CONSUMER.value} SLOW_CONSUMER")

    def send_raw(self, frame: bytes) -> None:
        """Write a control frame past the queue."""
        if not self.closing and not self._transport.is_closing():
            self._transport.write(frame)

    def check_congestion(self) -> bool:
        """Whether too much is still unsent; if not any more, market data goes on with the latest."""
        if self.closing:
            return False
        if self._transport.get_write_buffer_size() > self.limits.conflate_above_bytes // 2:
            return True
        self._congested = False
        stale, self._stale = self._stale, {}
        for subscription in stale:
            self.push_public(subscription)
        if self._caught_up is not None and not self._caught_up.done():
            self._caught_up.set_result(None)
        return False

    async def caught_up(self) -> None:
        """Wait until little is unsent: history is read no faster than the client takes it."""
        self.flush()
        while self._congested and not self.closing:
            if self._caught_up is None or self._caught_up.done():
                self._caught_up = self.server.loop.create_future()
            await asyncio.shield(self._caught_up)

    def forget_public(self, subscription: PublicSubscription) -> None:
        """No more news of a channel that was turned off."""
        self._stale.pop(subscription, None)

    # Ending.

    def close(self, code: CloseCode, reason: str) -> None:
        """Close from our side; what is queued is sent first, if the client takes it in time."""
        if self.closing:
            return
        self.closing = True
        self.flush()
        closed = self._statistics.closed
        closed[code.value] = closed.get(code.value, 0) + 1
        self.server.start_goodbye(self._say_goodbye(code, reason))

    async def _say_goodbye(self, code: CloseCode, reason: str) -> None:
        try:
            async with asyncio.timeout(self.limits.close_timeout_ms / 1000):
                await self._socket.close(code=code.value, message=reason.encode())
        except TimeoutError:
            pass
        finally:
            self._transport.abort()

    def ended(self) -> None:
        """The connection is gone: stop what is done for it alone."""
        self.closing = True
        for task in tuple(self._tasks):
            task.cancel()


def _render(
    submission: Submission, recorded: list[ev.Recorded], *, duplicate: bool = False
) -> msgspec.Struct | ErrorBody:
    """The answer that the events of a command give."""
    if recorded:
        event = recorded[0].event
        if isinstance(event, _REFUSALS):
            return error_body(event.code, event.message, ErrorData(seq=recorded[0].seq, duplicate=duplicate))
    return submission.render(recorded, duplicate)


def _coalesced(messages: list[bytes]) -> list[bytes]:
    """The messages as JSON arrays of bounded size."""
    arrays: list[bytes] = []
    group: list[bytes] = []
    size = 0
    for message in messages:
        if group and size + len(message) > MAX_COALESCED_BYTES:
            arrays.append(b"[" + b",".join(group) + b"]")
            group, size = [], 0
        group.append(message)
        size += len(message)
    arrays.append(b"[" + b",".join(group) + b"]")
    return arrays
