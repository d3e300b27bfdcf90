"""Market data over FIX: snapshots, and what changed since for those who subscribe.

A counterparty that does not keep up gets no more until it does, and then the latest in one message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.rejects import Reject, RejectCode
from gateway.book_feed import BookFeed, BookView, changed_levels
from gateway.fix import msg_types, tags
from gateway.fix.message import Message, entries, integer, text
from gateway.fix.timestamps import render_timestamp
from gateway.fix.values import SIDES, put_reject
from gateway.rendering import known_listing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.events import Recorded
    from exchange.domain.instruments import Instrument
    from gateway.book_feed import Levels
    from gateway.core import Gateway
    from gateway.fix.message import Fields
    from gateway.fix.peer import FixPeer
    from gateway.market_activity import Print

FULL_DEPTH = 1_000
"""Levels of each side that MarketDepth 0 stands for, and the most that may be asked for."""
SNAPSHOT_TRADES = 10
"""Trades in a snapshot."""

_BID, _OFFER, _TRADE = "0", "1", "2"
_NEW, _CHANGE, _DELETE = "0", "1", "2"
_SNAPSHOT, _SUBSCRIBE, _UNSUBSCRIBE = "0", "1", "2"

REQUEST_REASONS = {
    RejectCode.UNKNOWN_INSTRUMENT: "0",
    RejectCode.ALREADY_EXISTS: "1",
    RejectCode.RATE_LIMITED: "2",
    RejectCode.TOO_MANY_SUBSCRIPTIONS: "2",
    RejectCode.INVALID_PARAMS: "5",
}
"""FIX 281 MDReqRejReason."""


class _Stream(msgspec.Struct, eq=False):
    """One instrument of a subscription, as the counterparty has it."""

    feed: BookFeed
    view: BookView
    last_trade_id: int


class Subscription(msgspec.Struct, eq=False):
    """One MDReqID."""

    request_id: str
    entry_types: frozenset[str]
    incremental: bool
    streams: dict[str, _Stream]
    """By symbol."""


class MarketDataDesk:
    """Subscriptions of all sessions of a gateway; books that several look at to the same depth are looked at once."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._feeds: dict[tuple[str, int], BookFeed] = {}
        self._subscriptions: dict[FixPeer, dict[str, Subscription]] = {}
        self._behind: dict[FixPeer, None] = {}
        """Counterparties with news that waits until they have caught up."""

    def request(self, peer: FixPeer, message: Message) -> None:
        """MarketDataRequest; raises Reject."""
        fields = message.fields
        request_id = text(fields, tags.MD_REQ_ID)
        kind = text(fields, tags.SUBSCRIPTION_REQUEST_TYPE)
        subscriptions = self._subscriptions.setdefault(peer, {})
        if kind == _UNSUBSCRIBE:
            if subscriptions.pop(request_id, None) is None:
                raise Reject(RejectCode.NOT_SUBSCRIBED, f"there is no subscription {request_id!r}")
            self._drop_unused_feeds()
            return
        subscription = self._subscription(fields, request_id)
        if kind == _SUBSCRIBE:
            limit = self._gateway.limits.max_subscriptions
            if request_id in subscriptions:
                raise Reject(RejectCode.ALREADY_EXISTS, f"MDReqID {request_id!r} is a subscription already")
            if sum(len(one.streams) for one in subscriptions.values()) + len(subscription.streams) > limit:
                raise Reject(RejectCode.TOO_MANY_SUBSCRIPTIONS, f"a session has at most {limit}")
            subscriptions[request_id] = subscription
        for symbol, stream in subscription.streams.items():
            peer.send(self._snapshot(subscription, symbol, stream), keep=False)
        if kind == _SNAPSHOT:
            self._drop_unused_feeds()

    def drop(self, peer: FixPeer) -> None:
        """The counterparty has left."""
        if self._subscriptions.pop(peer, None):
            self._drop_unused_feeds()
        self._behind.pop(peer, None)

    def publish(self, batch: Iterable[Recorded]) -> None:
        """Tell the news of durable events."""
        if not self._feeds:
            return
        touched: dict[str, None] = {}
        for recorded in batch:
            event = recorded.event
            symbol = getattr(event, "instrument", None)
            if symbol is None and (order := getattr(event, "order", None)) is not None:
                symbol = order.instrument
            if isinstance(symbol, str):
                touched[symbol] = None
        seq = self._gateway.replica.last_seq
        for (symbol, _), feed in self._feeds.items():
            if symbol in touched:
                feed.refresh(seq)
        for peer, subscriptions in self._subscriptions.items():
            if subscriptions:
                self._tell(peer)

    def catch_up(self) -> None:
        """Look again at those who were behind."""
        for peer in tuple(self._behind):
            self._tell(peer)

    def _tell(self, peer: FixPeer) -> None:
        if peer.congested:
            self._behind[peer] = None
            return
        self._behind.pop(peer, None)
        for subscription in self._subscriptions.get(peer, {}).values():
            for symbol, stream in subscription.streams.items():
                news = self._news(subscription, symbol, stream)
                if news is not None:
                    peer.send(news, keep=False)

    def _subscription(self, fields: Fields, request_id: str) -> Subscription:
        state = self._gateway.replica.state
        depth = integer(fields, tags.MARKET_DEPTH)
        if not 0 <= depth <= FULL_DEPTH:
            raise Reject(RejectCode.INVALID_PARAMS, f"MarketDepth lies between 0 (all) and {FULL_DEPTH}")
        symbols = [text(entry, tags.SYMBOL) for entry in entries(fields, tags.NO_RELATED_SYM)]
        for symbol in symbols:
            known_listing(state, symbol)
        streams = {}
        for symbol in symbols:
            feed = self._feed(symbol, depth or FULL_DEPTH)
            streams[symbol] = _Stream(feed, feed.view, self._gateway.activity[symbol].last_trade_id)
        return Subscription(
            request_id=request_id,
            entry_types=frozenset(
                text(entry, tags.MD_ENTRY_TYPE) for entry in entries(fields, tags.NO_MD_ENTRY_TYPES)
            ),
            incremental=text(fields, tags.MD_UPDATE_TYPE) == "1",
            streams=streams,
        )

    def _feed(self, symbol: str, depth: int) -> BookFeed:
        feed = self._feeds.get((symbol, depth))
        if feed is None:
            state = self._gateway.replica.state
            feed = self._feeds[symbol, depth] = BookFeed(state.books[symbol], depth, state.last_seq)
        return feed

    def _drop_unused_feeds(self) -> None:
        used = {
            (symbol, stream.feed.depth)
            for subscriptions in self._subscriptions.values()
            for subscription in subscriptions.values()
            for symbol, stream in subscription.streams.items()
        }
        self._feeds = {key: feed for key, feed in self._feeds.items() if key in used}

    def _snapshot(self, subscription: Subscription, symbol: str, stream: _Stream) -> Message:
        """The whole of what was asked for."""
        instrument = self._gateway.replica.state.listings[symbol].instrument
        stream.view = stream.feed.view
        activity = self._gateway.activity[symbol]
        stream.last_trade_id = activity.last_trade_id
        found: list[Fields] = []
        for entry_type, levels in ((_BID, stream.view.bids), (_OFFER, stream.view.asks)):
            if entry_type in subscription.entry_types:
                found += [
                    _level(instrument, entry_type, ticks, quantity) | {tags.MD_ENTRY_POSITION_NO: position}
                    for position, (ticks, quantity) in enumerate(levels, 1)
                ]
        if _TRADE in subscription.entry_types:
            trades = list(activity.tape)[-SNAPSHOT_TRADES:]
            found += [_trade(instrument, trade) for trade in trades]
        return Message(
            msg_types.MARKET_DATA_SNAPSHOT_FULL_REFRESH,
            {
                tags.MD_REQ_ID: subscription.request_id,
                tags.SYMBOL: symbol,
                tags.VENUE_SEQ: self._gateway.replica.last_seq,
                tags.NO_MD_ENTRIES: found,
            },
        )

    def _news(self, subscription: Subscription, symbol: str, stream: _Stream) -> Message | None:
        """What changed since the counterparty was last told."""
        before, view = stream.view, stream.feed.view
        activity = self._gateway.activity[symbol]
        traded = _TRADE in subscription.entry_types and activity.last_trade_id != stream.last_trade_id
        if before is view and not traded:
            return None
        if not subscription.incremental:
            return self._snapshot(subscription, symbol, stream)
        instrument = self._gateway.replica.state.listings[symbol].instrument
        found: list[Fields] = []
        if traded:
            found += [
                {tags.MD_UPDATE_ACTION: _NEW} | _trade(instrument, trade) | {tags.SYMBOL: symbol}
                for trade in activity.trades_after(stream.last_trade_id)
            ]
        if _BID in subscription.entry_types:
            found += _changes(instrument, _BID, before.bids, view.bids)
        if _OFFER in subscription.entry_types:
            found += _changes(instrument, _OFFER, before.asks, view.asks)
        stream.view, stream.last_trade_id = view, activity.last_trade_id
        if not found:
            return None
        return Message(
            msg_types.MARKET_DATA_INCREMENTAL_REFRESH,
            {
                tags.MD_REQ_ID: subscription.request_id,
                tags.VENUE_SEQ: self._gateway.replica.last_seq,
                tags.NO_MD_ENTRIES: found,
            },
        )


def request_reject(message: Message, reject: Reject) -> Message:
    """MarketDataRequestReject."""
    fields: Fields = {
        tags.MD_REQ_ID: message.fields[tags.MD_REQ_ID],
        tags.MD_REQ_REJ_REASON: REQUEST_REASONS.get(reject.code, "4"),
    }
    put_reject(fields, reject)
    return Message(msg_types.MARKET_DATA_REQUEST_REJECT, fields)


def _level(instrument: Instrument, entry_type: str, ticks: int, quantity: int) -> Fields:
    """A level of a book. Its id lives as long as the level does."""
    return {
        tags.MD_ENTRY_TYPE: entry_type,
        tags.MD_ENTRY_PX: instrument.ticks_to_price(ticks),
        tags.MD_ENTRY_SIZE: quantity,
        tags.MD_ENTRY_ID: f"{entry_type}/{instrument.ticks_to_price(ticks)}",
    }


def _changes(instrument: Instrument, entry_type: str, before: Levels, after: Levels) -> list[Fields]:
    known = dict(before)
    return [
        {tags.MD_UPDATE_ACTION: _DELETE if not quantity else _CHANGE if ticks in known else _NEW}
        | _level(instrument, entry_type, ticks, quantity)
        | {tags.SYMBOL: instrument.symbol}
        for ticks, quantity in changed_levels(before, after)
    ]


def _trade(instrument: Instrument, trade: Print) -> Fields:
    day, _, time_of_day = render_timestamp(trade.at).partition("-")
    return {
        tags.MD_ENTRY_TYPE: _TRADE,
        tags.MD_ENTRY_PX: instrument.ticks_to_price(trade.price),
        tags.MD_ENTRY_SIZE: trade.quantity,
        tags.MD_ENTRY_DATE: day,
        tags.MD_ENTRY_TIME: time_of_day,
        tags.MD_ENTRY_ID: str(trade.trade_id),
        tags.TAKER_SIDE: SIDES[trade.taker_side],
    }
