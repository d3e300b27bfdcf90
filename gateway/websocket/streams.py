"""Channels as a client reads them: async iterators that check the order of what comes and survive a reconnect."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from gateway.websocket.local_book import BookMismatch, LocalBook
from gateway.websocket.pushes import (
    BalancesPush,
    BlockTradesPush,
    BookPush,
    CandlesPush,
    FillsPush,
    OrdersPush,
    RetirementsPush,
    SettlementsPush,
    TickerPush,
    TradesPush,
)
from gateway.websocket.requests import Channel, SubscribeParams, UnsubscribeParams

if TYPE_CHECKING:
    from gateway.websocket.pushes import PrivatePush, PublicPush

AnyPush = (
    BookPush
    | TradesPush
    | TickerPush
    | CandlesPush
    | OrdersPush
    | FillsPush
    | BalancesPush
    | RetirementsPush
    | BlockTradesPush
    | SettlementsPush
)
StreamKey = tuple[str, str, str]
"""Channel, instrument or account, interval."""

Item = TypeVar("Item")
PushType = TypeVar("PushType", bound=AnyPush)

MAX_UNREAD = 100_000
"""Pushes that a stream keeps for a reader that does not read."""


class StreamEnded(Exception):  # noqa: N818 - it says what happened
    """The stream gives no more; `__cause__` says why, if it was not closed on purpose."""


class Owner(Protocol):
    """The client of a stream."""

    async def end_stream(self, stream: Stream[AnyPush] | BookStream) -> None:
        """Turn the channel off."""

    def renew_stream(self, stream: Stream[AnyPush] | BookStream) -> None:
        """Turn the channel off and on again: what came does not fit."""


class _Reading(Generic[Item]):
    """What both kinds of streams share: waking their reader, and their end."""

    def __init__(self, owner: Owner, params: SubscribeParams) -> None:
        self.owner = owner
        self.params = params
        self.seq = 0
        """Place in the log of the last push, or where the subscription began."""
        self._waiter: asyncio.Future[None] | None = None
        self._end: StreamEnded | None = None
        self._in_sync = False
        """Pushes fit; otherwise they are passed over until the channel has been turned on again."""

    def subscribed(self, seq: int) -> None:
        """The server turned the channel on as of a place in the log."""
        self.seq = seq
        self._in_sync = True

    def interrupted(self) -> None:
        """Nothing fits until the channel is turned on again."""
        self._in_sync = False

    def __aiter__(self) -> Self:
        return self

    def end(self, cause: BaseException | None = None) -> None:
        """No more comes; what came is still there to be read."""
        if self._end is None:
            self._end = StreamEnded()
            self._end.__cause__ = cause
        self._wake()

    def unsubscribe_params(self) -> UnsubscribeParams:
        """What turns the channel off."""
        params = self.params
        return UnsubscribeParams(params.channel, params.instrument, params.interval, params.account)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        """Wait for news; raises StopAsyncIteration at a wanted end and StreamEnded at another."""
        if self._end is not None:
            if self._end.__cause__ is None:
                raise StopAsyncIteration
            raise self._end
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter


class Stream(_Reading[PushType]):
    """Pushes in their order. On private channels none is missing, across reconnects too."""

    def __init__(self, owner: Owner, params: SubscribeParams) -> None:
        super().__init__(owner, params)
        self._unread: deque[PushType] = deque()

    async def __anext__(self) -> PushType:
        while not self._unread:
            await self._wait()
        return self._unread.popleft()

    async def close(self) -> None:
        """Turn the channel off."""
        await self.owner.end_stream(self)  # type: ignore[arg-type]  # any push type will do

    @property
    def is_private(self) -> bool:
        """Whether the log can replay it."""
        return bool(self.params.account)

    def subscribe_params(self) -> SubscribeParams:
        """What turns the channel on again where it was left."""
        params = self.params
        return SubscribeParams(
            params.channel,
            params.instrument,
            interval=params.interval,
            account=params.account,
            from_seq=self.seq if self.is_private else None,
        )

    def take(self, push: PushType) -> None:
        """A push came."""
        if not self._in_sync:
            return
        if self.is_private and push.prev_seq != self.seq:
            self._in_sync = False
            self.owner.renew_stream(self)  # type: ignore[arg-type]
            return
        self.seq = push.seq
        if len(self._unread) >= MAX_UNREAD:
            self.end(OverflowError(f"{MAX_UNREAD} pushes were not read"))
            return
        self._unread.append(push)
        self._wake()


class BookStream(_Reading[LocalBook]):
    """The local copy of a book, after every change that the reader has time to see."""

    def __init__(self, owner: Owner, params: SubscribeParams) -> None:
        super().__init__(owner, params)
        self.book = LocalBook(params.instrument)
        self.mismatches = 0
        """How often the copy had to be taken anew."""
        self._fresh = False

    async def __anext__(self) -> LocalBook:
        while not self._fresh:
            await self._wait()
        self._fresh = False
        return self.book

    async def close(self) -> None:
        """Turn the channel off."""
        await self.owner.end_stream(self)

    def subscribe_params(self) -> SubscribeParams:
        """What turns the channel on again."""
        return self.params

    def take(self, push: BookPush) -> None:
        """A push came. One that does not fit makes the client take a new snapshot."""
        if not self._in_sync:
            return
        try:
            self.book.apply(push)
        except BookMismatch:
            self._in_sync = False
            self.mismatches += 1
            self.owner.renew_stream(self)
            return
        self.seq = push.seq
        self._fresh = True
        self._wake()


def stream_key(params: SubscribeParams, account: str) -> StreamKey:
    """Where the pushes of a subscription are looked for."""
    interval = params.interval.value if params.channel is Channel.CANDLES else ""
    return (params.channel.value, params.instrument or account, interval)


def push_key(push: PublicPush | PrivatePush) -> StreamKey:
    """The stream that a push belongs to."""
    data = push.data
    if isinstance(push, BookPush | TradesPush | TickerPush):
        return (_CHANNEL_OF[type(push)], push.data.instrument, "")
    if isinstance(push, CandlesPush):
        return (_CHANNEL_OF[type(push)], push.data.instrument, push.data.interval)
    return (_CHANNEL_OF[type(push)], data.account, "")  # type: ignore[union-attr]  # all private data has one


_CHANNEL_OF: dict[type[AnyPush], str] = {
    push_type: str(push_type.__struct_config__.tag)
    for push_type in (
        BookPush,
        TradesPush,
        TickerPush,
        CandlesPush,
        OrdersPush,
        FillsPush,
        BalancesPush,
        RetirementsPush,
        BlockTradesPush,
        SettlementsPush,
    )
}
