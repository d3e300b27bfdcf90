"""Methods `subscribe` and `unsubscribe`, and the way of a private channel from the log into the live feed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from exchange.domain.identity import VENUE
from exchange.domain.rejects import Reject, RejectCode
from gateway import results
from gateway.rendering import known_listing
from gateway.websocket.private_channels import EVENT_TYPES, PRIVATE_CHANNELS
from gateway.websocket.requests import Channel
from gateway.websocket.subscriptions import PrivateSubscription

if TYPE_CHECKING:
    from gateway.websocket import requests
    from gateway.websocket.connection import Connection

REPLAY_PAGE_EVENTS = 500


def subscribe(connection: Connection, request: requests.Subscribe) -> None:
    """`subscribe`."""
    params = request.params
    limit = connection.limits.max_subscriptions
    if len(connection.public) + len(connection.private) >= limit:
        raise Reject(RejectCode.TOO_MANY_SUBSCRIPTIONS, f"a connection has at most {limit} subscriptions")
    if params.channel in PRIVATE_CHANNELS:
        _subscribe_private(connection, request)
    else:
        _subscribe_public(connection, request)


def unsubscribe(connection: Connection, request: requests.Unsubscribe) -> results.Unsubscribed:
    """`unsubscribe`."""
    params = request.params
    channel = params.channel
    if channel in PRIVATE_CHANNELS:
        account = connection.session.readable_account(connection.gateway.replica, params.account)
        found = (channel, account) in connection.private
        if found:
            end_private(connection, (channel, account))
    else:
        public_key = _public_key(params)
        found = public_key in connection.public
        if found:
            end_public(connection, public_key)
    if not found:
        raise Reject(RejectCode.NOT_SUBSCRIBED, f"the channel {channel.value} is not on")
    return results.Unsubscribed(channel.value)


def end_public(connection: Connection, key: tuple[str, str, str]) -> None:
    """Turn a public channel off."""
    subscription = connection.public.pop(key)
    connection.server.subscriptions.remove_public(subscription)
    connection.forget_public(subscription)


def end_private(connection: Connection, key: tuple[str, str]) -> None:
    """Turn a private channel off."""
    connection.server.subscriptions.remove_private(connection.private.pop(key))
    replay = connection.replays.pop(key, None)
    if replay is not None:
        replay.cancel()


def _public_key(params: requests.SubscribeParams | requests.UnsubscribeParams) -> tuple[str, str, str]:
    """What tells the public channels of a connection apart: it has one book of an instrument, at any depth."""
    interval = params.interval.value if params.channel is Channel.CANDLES else ""
    return (params.channel, params.instrument, interval)


def _subscribe_public(connection: Connection, request: requests.Subscribe) -> None:
    params = request.params
    if params.from_seq is not None:
        raise Reject(RejectCode.INVALID_PARAMS, "params.from_seq: only private channels are resumed")
    known_listing(connection.gateway.replica.state, params.instrument)
    key = _public_key(params)
    if key in connection.public:
        raise Reject(RejectCode.ALREADY_EXISTS, f"the channel {params.channel.value} is on already")
    variant = str(params.depth) if params.channel is Channel.BOOK else key[2]
    subscription = connection.server.subscriptions.add_public(
        connection, params.channel, params.instrument, variant
    )
    connection.public[key] = subscription
    connection.answer(request.id, results.Subscribed(params.channel.value, subscription.channel.seq))
    first = subscription.channel.first()
    if first is not None:
        connection.send(first)


def _subscribe_private(connection: Connection, request: requests.Subscribe) -> None:
    params = request.params
    replica = connection.gateway.replica
    account = connection.session.readable_account(replica, params.account)
    if account == VENUE and params.channel is Channel.BALANCES:
        raise Reject(
            RejectCode.INVALID_PARAMS,
            "params.account: the venue's own account takes a fee with every trade; ask for account.balances",
        )
    key = (params.channel, account)
    if key in connection.private:
        raise Reject(RejectCode.ALREADY_EXISTS, f"the channel {params.channel.value} is on already")
    after_seq = replica.last_seq if params.from_seq is None else params.from_seq
    if after_seq > replica.last_seq:
        # Whoever has seen a later event has seen another log.
        raise Reject(RejectCode.INVALID_PARAMS, f"params.from_seq: the log ends at {replica.last_seq}")
    subscription = PrivateSubscription(connection, params.channel, account, after_seq)
    connection.private[key] = subscription
    connection.server.subscriptions.add_private(subscription)
    connection.answer(request.id, results.Subscribed(params.channel.value, after_seq))
    if not _go_live(connection, subscription, after_seq):
        connection.gateway.statistics.channels_resumed += 1
        task = asyncio.create_task(_replay(connection, subscription, after_seq))
        connection.watch(task)
        connection.replays[key] = task


def _go_live(connection: Connection, subscription: PrivateSubscription, after_seq: int) -> bool:
    """Push what is still in memory and go over to the live feed; False if the log must be read first."""
    replica = connection.gateway.replica
    recent = replica.recent
    if after_seq < replica.last_seq:
        if not recent or recent[0].seq > after_seq + 1:
            return False
        push = connection.server.subscriptions.push_private
        newer = []
        for recorded in reversed(recent):
            if recorded.seq <= after_seq:
                break
            newer.append(recorded)
        for recorded in reversed(newer):
            push(subscription, recorded)
    subscription.live = True
    return True


async def _replay(connection: Connection, subscription: PrivateSubscription, after_seq: int) -> None:
    """Read the log page by page, no faster than the client takes it, until the rest is in memory."""
    gateway = connection.gateway
    kinds = [event_type.kind for event_type in EVENT_TYPES[subscription.channel]]
    push = connection.server.subscriptions.push_private
    while not _go_live(connection, subscription, after_seq):
        up_to = gateway.replica.last_seq
        page = await gateway.reader.account_events(
            subscription.account, after_seq, up_to, REPLAY_PAGE_EVENTS, kinds
        )
        for recorded in page:
            push(subscription, recorded)
        after_seq = page[-1].seq if len(page) == REPLAY_PAGE_EVENTS else up_to
        await connection.caught_up()
    connection.replays.pop((subscription.channel, subscription.account), None)
