"""Who gets which pushes: public channels shared by their subscribers, private ones by account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from exchange.domain import events as ev
from gateway.websocket.frames import encode
from gateway.websocket.private_channels import accounts_concerned, private_push, render_private
from gateway.websocket.public_channels import BookChannel, CandlesChannel, TickerChannel, TradesChannel
from gateway.websocket.requests import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core import Gateway
    from gateway.websocket.public_channels import PublicChannel

StreamKey = tuple[Channel, str, str]
"""Channel, instrument, and what tells streams of one instrument apart: depth or interval."""


class Receiver(Protocol):
    """A connection, as pushes see it."""

    def send(self, payload: bytes) -> None:
        """Queue a message that must not be dropped."""

    def push_public(self, subscription: PublicSubscription) -> None:
        """There is news on a public channel."""


class _Stream:
    """A public channel and who has it on."""

    __slots__ = ("channel", "subscriptions")

    def __init__(self, channel: PublicChannel) -> None:
        self.channel = channel
        self.subscriptions: dict[PublicSubscription, None] = {}


class PublicSubscription:
    """One connection's place in a public stream."""

    __slots__ = ("channel", "cursor", "key", "receiver")

    def __init__(self, receiver: Receiver, channel: PublicChannel, key: StreamKey) -> None:
        self.receiver = receiver
        self.channel = channel
        self.key = key
        self.cursor: object = channel.cursor

    def catch_up(self) -> bytes | None:
        """The frame that brings the connection up to date, or None when it is."""
        channel = self.channel
        if self.cursor is channel.cursor:
            return None
        frame = channel.push_since(self.cursor)
        self.cursor = channel.cursor
        return frame


class PrivateSubscription:
    """One connection's place in the facts about an account. Until it is live, the log is read for it."""

    __slots__ = ("account", "channel", "live", "prev_seq", "receiver")

    def __init__(self, receiver: Receiver, channel: Channel, account: str, after_seq: int) -> None:
        self.receiver = receiver
        self.channel = channel
        self.account = account
        self.prev_seq = after_seq
        """Seq of the last push, or where the subscription began."""
        self.live = False


class Subscriptions:
    """All subscriptions of a gateway; `publish` hands the news of a batch to those whom it concerns."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._streams: dict[StreamKey, _Stream] = {}
        self._streams_of: dict[str, dict[StreamKey, _Stream]] = {}
        """By instrument."""
        self._private: dict[str, list[PrivateSubscription]] = {}
        """By account."""

    def add_public(
        self, receiver: Receiver, channel: Channel, symbol: str, variant: str
    ) -> PublicSubscription:
        """Subscribe to a stream; the instrument must be listed."""
        key = (channel, symbol, variant)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _Stream(self._open_channel(key))
            self._streams_of.setdefault(symbol, {})[key] = stream
        subscription = PublicSubscription(receiver, stream.channel, key)
        stream.subscriptions[subscription] = None
        return subscription

    def remove_public(self, subscription: PublicSubscription) -> None:
        """End it; a stream that nobody has on any more is forgotten."""
        key = subscription.key
        stream = self._streams[key]
        del stream.subscriptions[subscription]
        if not stream.subscriptions:
            del self._streams[key]
            streams = self._streams_of[key[1]]
            del streams[key]
            if not streams:
                del self._streams_of[key[1]]

    def add_private(self, subscription: PrivateSubscription) -> None:
        """Let a subscription hear of its account once it is live."""
        self._private.setdefault(subscription.account, []).append(subscription)

    def remove_private(self, subscription: PrivateSubscription) -> None:
        """End it."""
        subscription.live = False
        subscriptions = self._private[subscription.account]
        subscriptions.remove(subscription)
        if not subscriptions:
            del self._private[subscription.account]

    def push_private(self, subscription: PrivateSubscription, recorded: ev.Recorded) -> None:
        """Push an event to one subscription, if it concerns its account and says something on its channel."""
        if subscription.account not in accounts_concerned(recorded.event):
            return
        state = self._gateway.replica.state
        data = render_private(subscription.channel, state, subscription.account, recorded)
        if data is None:
            return
        push = private_push(subscription.channel, recorded.seq, subscription.prev_seq, data)
        subscription.prev_seq = recorded.seq
        subscription.receiver.send(encode(push))

    def publish(self, batch: list[ev.Recorded]) -> None:
        """Push what a batch of durable events means; the replica has folded it."""
        if self._private:
            for recorded in batch:
                for account in accounts_concerned(recorded.event):
                    if account in self._private:
                        self._push_account(account, recorded)
        if self._streams_of and batch:
            self._publish_market(batch)

    def _push_account(self, account: str, recorded: ev.Recorded) -> None:
        """Push an event to all who follow an account; those who stand at the same place share one frame."""
        shared: dict[tuple[Channel, int], bytes] = {}
        state = self._gateway.replica.state
        seq = recorded.seq
        # A copy: a slow consumer that is closed on the way takes its subscriptions off.
        for subscription in tuple(self._private[account]):
            if not subscription.live:
                continue
            key = (subscription.channel, subscription.prev_seq)
            frame = shared.get(key)
            if frame is None:
                data = render_private(subscription.channel, state, account, recorded)
                if data is None:
                    continue
                frame = encode(private_push(subscription.channel, seq, subscription.prev_seq, data))
                shared[key] = frame
            subscription.prev_seq = seq
            subscription.receiver.send(frame)

    def _publish_market(self, batch: list[ev.Recorded]) -> None:
        touched: dict[str, None] = {}
        for recorded in batch:
            event = recorded.event
            find = _INSTRUMENT_CONCERNED.get(type(event))
            if find:
                touched[find(event)] = None
        seq = batch[-1].seq
        for symbol in touched:
            for stream in tuple(self._streams_of.get(symbol, {}).values()):
                if stream.channel.refresh(seq):
                    for subscription in tuple(stream.subscriptions):
                        subscription.receiver.push_public(subscription)

    def _open_channel(self, key: StreamKey) -> PublicChannel:
        channel, symbol, variant = key
        state = self._gateway.replica.state
        activity = self._gateway.activity[symbol]
        if channel is Channel.BOOK:
            return BookChannel(state, symbol, int(variant))
        if channel is Channel.TRADES:
            return TradesChannel(state, symbol, activity)
        if channel is Channel.TICKER:
            return TickerChannel(state, symbol, activity)
        return CandlesChannel(state, symbol, activity, variant)


def _own(event: ev.Event) -> str:
    return event.instrument  # type: ignore[attr-defined,no-any-return]


def _of_order(event: ev.Event) -> str:
    return event.order.instrument  # type: ignore[attr-defined,no-any-return]


_INSTRUMENT_CONCERNED: dict[type[ev.Event], Callable[[ev.Event], str]] = {
    ev.OrderAccepted: _of_order,
    ev.OrderAmended: _own,
    ev.OrderCancelled: _own,
    ev.OrdersDecremented: _own,
    ev.Fill: _own,
    ev.InstrumentStateChanged: _own,
}
