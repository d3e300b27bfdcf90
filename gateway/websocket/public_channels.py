"""Market-data channels: one object per stream, shared by all who subscribe to it.

Each has a cursor: what a subscriber that is up to date has got. `push_since(cursor)` is the frame that brings a subscriber
from any earlier cursor up to date, so a slow one is given the latest when it has caught up, and nothing that is superseded.
Subscribers with the same cursor share one encoded frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.book_feed import BookFeed, changed_levels, checksum
from gateway.market_activity import INTERVALS_NS
from gateway.rendering import render_candle, render_levels, render_print
from gateway.websocket.frames import encode
from gateway.websocket.pushes import (
    BookData,
    BookPush,
    BookUpdate,
    CandlesData,
    CandlesPush,
    EventPush,
    TickerData,
    TickerPush,
    TradesData,
    TradesPush,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.instruments import Instrument
    from exchange.domain.state import State
    from gateway.book_feed import BookView
    from gateway.market_activity import MarketActivity

_DAY_NS = INTERVALS_NS["1d"]


class PublicChannel(Protocol):
    """One stream of market data."""

    @property
    def cursor(self) -> object:
        """What a subscriber that is up to date has got; compared by identity or value."""

    @property
    def seq(self) -> int:
        """Seq of the latest news."""

    def refresh(self, seq: int) -> bool:
        """Look at the market after the event `seq`; answers whether there is news."""

    def first(self) -> bytes | None:
        """The frame that a new subscriber gets, if any."""

    def push_since(self, cursor: object) -> bytes:
        """The frame for a subscriber that is not up to date."""


class _SharedFrame:
    """The last frame made, for subscribers who stand where the one before stood."""

    __slots__ = ("_frame", "_news", "_since")

    def __init__(self) -> None:
        self._since: object = None
        self._news: object = None
        self._frame = b""

    def get(self, since: object, news: object, make: Callable[[], bytes]) -> bytes:
        if self._since is not since or self._news is not news:
            self._frame = make()
            self._since, self._news = since, news
        return self._frame


class BookChannel:
    """The book of an instrument at one depth."""

    def __init__(self, state: State, symbol: str, depth: int) -> None:
        self._instrument: Instrument = state.listings[symbol].instrument
        self._feed = BookFeed(state.books[symbol], depth, state.last_seq)
        self._shared = _SharedFrame()

    @property
    def cursor(self) -> BookView:
        """The view that the last push led to."""
        return self._feed.view

    @property
    def seq(self) -> int:
        """Seq of the view."""
        return self._feed.view.seq

    def refresh(self, seq: int) -> bool:
        """Whether anything within the depth has changed."""
        return self._feed.refresh(seq)

    def first(self) -> bytes:
        """A snapshot."""
        view = self._feed.view
        return self._encode(BookUpdate.SNAPSHOT, view, view.bids, view.asks, prev_seq=0)

    def push_since(self, cursor: object) -> bytes:
        """The difference between an earlier view and this one."""
        view = self._feed.view
        return self._shared.get(cursor, view, lambda: self._delta(cursor, view))  # type: ignore[arg-type]

    def _delta(self, before: BookView, view: BookView) -> bytes:
        return self._encode(
            BookUpdate.DELTA,
            view,
            changed_levels(before.bids, view.bids),
            changed_levels(before.asks, view.asks),
            prev_seq=before.seq,
        )

    def _encode(
        self,
        update: BookUpdate,
        view: BookView,
        bids: list[tuple[int, int]],
        asks: list[tuple[int, int]],
        *,
        prev_seq: int,
    ) -> bytes:
        instrument = self._instrument
        data = BookData(
            instrument=instrument.symbol,
            type=update,
            bids=render_levels(instrument, bids),
            asks=render_levels(instrument, asks),
            checksum=checksum(instrument, view),
        )
        return encode(EventPush(BookPush(view.seq, prev_seq, data)))


class TradesChannel:
    """The tape of an instrument. Its cursor is the id of the last trade pushed."""

    def __init__(self, state: State, symbol: str, activity: MarketActivity) -> None:
        self._instrument = state.listings[symbol].instrument
        self._activity = activity
        self.cursor: int = activity.last_trade_id
        self._shared = _SharedFrame()

    @property
    def seq(self) -> int:
        """Id of the last trade."""
        return self.cursor

    def refresh(self, seq: int) -> bool:  # noqa: ARG002 - the tape knows its own ids
        """Whether there is a new trade."""
        last_trade_id = self._activity.last_trade_id
        if last_trade_id == self.cursor:
            return False
        self.cursor = last_trade_id
        return True

    def first(self) -> None:
        """Earlier trades are there to be asked for."""

    def push_since(self, cursor: object) -> bytes:
        """The trades since; one who fell behind by more than the tape holds sees the gap in `prev_seq`."""
        return self._shared.get(cursor, self.cursor, lambda: self._new_trades(cursor))  # type: ignore[arg-type]

    def _new_trades(self, since: int) -> bytes:
        instrument = self._instrument
        trades = [render_print(instrument, trade) for trade in self._activity.trades_after(since)]
        prev_seq = max(since, self._activity.dropped_seq)
        return encode(EventPush(TradesPush(self.cursor, prev_seq, TradesData(instrument.symbol, trades))))


class TickerChannel:
    """Best prices, last price and volume of an instrument. Its cursor is the last push as data and seq."""

    def __init__(self, state: State, symbol: str, activity: MarketActivity) -> None:
        self._state = state
        self._symbol = symbol
        self._activity = activity
        self._shared = _SharedFrame()
        self.cursor: tuple[int, TickerData] = (state.last_seq, self._look())

    @property
    def seq(self) -> int:
        """Seq of the last change."""
        return self.cursor[0]

    def refresh(self, seq: int) -> bool:
        """Whether anything in the ticker has changed."""
        data = self._look()
        if data == self.cursor[1]:
            return False
        self.cursor = (seq, data)
        return True

    def first(self) -> bytes:
        """The ticker as it stands."""
        seq, data = self.cursor
        return encode(EventPush(TickerPush(seq, 0, data)))

    def push_since(self, cursor: object) -> bytes:
        """The ticker as it stands."""
        return self._shared.get(cursor, self.cursor, lambda: self._push(cursor))  # type: ignore[arg-type]

    def _push(self, before: tuple[int, TickerData]) -> bytes:
        seq, data = self.cursor
        return encode(EventPush(TickerPush(seq, before[0], data)))

    def _look(self) -> TickerData:
        state = self._state
        listing = state.listings[self._symbol]
        book = state.books[self._symbol]
        price = listing.instrument.ticks_to_price
        bid, ask = book.bids.best, book.asks.best
        return TickerData(
            instrument=self._symbol,
            state=listing.state,
            best_bid=price(bid.price) if bid else None,
            best_bid_quantity=bid.visible if bid else 0,
            best_ask=price(ask.price) if ask else None,
            best_ask_quantity=ask.visible if ask else 0,
            last_price=price(listing.last_price) if listing.last_price else None,
            volume=self._activity.volume_since(state.last_at - state.last_at % _DAY_NS),
        )


class CandlesChannel:
    """Candles of an instrument at one interval. Its cursor is the id of the last trade in them."""

    def __init__(self, state: State, symbol: str, activity: MarketActivity, interval: str) -> None:
        self._instrument = state.listings[symbol].instrument
        self._interval = interval
        self._candles = activity.candles[INTERVALS_NS[interval]]
        self.cursor: int = self._last_seq()
        self._shared = _SharedFrame()

    @property
    def seq(self) -> int:
        """Id of the last trade in the candles."""
        return self.cursor

    def refresh(self, seq: int) -> bool:  # noqa: ARG002 - candles know their own last trade
        """Whether there was a trade."""
        last_seq = self._last_seq()
        if last_seq == self.cursor:
            return False
        self.cursor = last_seq
        return True

    def first(self) -> bytes | None:
        """The candle of the present interval, if there is one."""
        if not self._candles:
            return None
        return self._encode(self.cursor, 0, self._candles[-1].seq - 1)

    def push_since(self, cursor: object) -> bytes:
        """The candles that changed since."""
        return self._shared.get(
            cursor,
            self.cursor,
            lambda: self._encode(self.cursor, cursor, cursor),  # type: ignore[arg-type]
        )

    def _encode(self, seq: int, prev_seq: int, since: int) -> bytes:
        instrument = self._instrument
        changed = [render_candle(instrument, candle) for candle in self._candles if candle.seq > since]
        data = CandlesData(instrument.symbol, self._interval, changed)
        return encode(EventPush(CandlesPush(seq, prev_seq, data)))

    def _last_seq(self) -> int:
        return self._candles[-1].seq if self._candles else 0
