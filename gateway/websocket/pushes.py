"""What the server sends on its own: hello, heartbeats, and the events of subscribed channels.

A push is `{"method": "event", "params": {"channel", "seq", "prev_seq", "data"}}`. `seq` is the place in the log as of which
the data is true; `prev_seq` is the `seq` of the push before on the same channel, so a client sees that it missed nothing.
Pushes about a request may come before its answer.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from exchange.domain.events import CancelReason
from exchange.domain.instruments import InstrumentState
from exchange.domain.orders import OrderType, Side, TimeInForce
from gateway.block_results import BlockHalf, BlockTradeReport
from gateway.results import (
    AccountFill,
    BookLevel,
    CandleBar,
    Delivered,
    Retirement,
    Trade,
)

PROTOCOL_VERSION = 1


# Market data.


class BookUpdate(StrEnum):
    """How to use the levels of a push."""

    SNAPSHOT = "snapshot"
    DELTA = "delta"


class BookData(msgspec.Struct, frozen=True):
    """A snapshot replaces the book; a delta sets the levels that it names, and quantity 0 removes one.

    A level that leaves the subscribed depth is removed like one that is gone. `checksum` is over the best ten levels of
    each side afterwards; see `gateway.book_feed`.
    """

    instrument: str
    type: BookUpdate
    bids: list[BookLevel]
    asks: list[BookLevel]
    checksum: int


class TradesData(msgspec.Struct, frozen=True):
    """New trades, oldest first."""

    instrument: str
    trades: list[Trade]


class TickerData(msgspec.Struct, frozen=True):
    """The latest of an instrument. `volume`: units traded in the UTC day of the venue's last event."""

    instrument: str
    state: InstrumentState
    best_bid: str | None
    best_bid_quantity: int
    best_ask: str | None
    best_ask_quantity: int
    last_price: str | None
    volume: int


class CandlesData(msgspec.Struct, frozen=True):
    """Candles that changed, oldest first, each as it stands now."""

    instrument: str
    interval: str
    candles: list[CandleBar]


# Accounts: every event of the log that concerns the account makes one push, in live and in replay the same.


class OrderAcceptedData(msgspec.Struct, frozen=True, tag_field="kind", tag="accepted"):
    """An order is live."""

    account: str
    order_id: int
    client_order_id: str
    instrument: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: str
    quantity: int
    time: int


class OrderRejectedData(msgspec.Struct, frozen=True, tag_field="kind", tag="rejected"):
    """An order was refused."""

    account: str
    client_order_id: str
    instrument: str
    code: int
    name: str
    message: str
    time: int


class OrderAmendedData(msgspec.Struct, frozen=True, tag_field="kind", tag="amended"):
    """An order has a new limit and total quantity."""

    account: str
    order_id: int
    instrument: str
    price: str
    quantity: int
    keeps_priority: bool
    time: int


class OrderCancelledData(msgspec.Struct, frozen=True, tag_field="kind", tag="cancelled"):
    """The open quantity of an order ended without a trade."""

    account: str
    order_id: int
    instrument: str
    quantity: int
    reason: CancelReason
    time: int


class OrdersDecrementedData(msgspec.Struct, frozen=True, tag_field="kind", tag="decremented"):
    """Self-trade prevention took the same quantity off two orders of the participant."""

    account: str
    maker_order_id: int
    taker_order_id: int
    instrument: str
    quantity: int
    time: int


class OrderFilledData(msgspec.Struct, frozen=True, tag_field="kind", tag="filled"):
    """An order traded; the channel `fills` has the money."""

    account: str
    order_id: int
    instrument: str
    side: Side
    trade_id: int
    price: str
    quantity: int
    time: int


OrderData = (
    OrderAcceptedData
    | OrderRejectedData
    | OrderAmendedData
    | OrderCancelledData
    | OrdersDecrementedData
    | OrderFilledData
)


class CashChange(msgspec.Struct, frozen=True):
    """Signed changes of a currency's balance, in decimal text."""

    currency: str
    total_change: str
    held_change: str


class UnitChange(msgspec.Struct, frozen=True):
    """Signed changes of a credit class's balance, in units."""

    class_id: str
    total_change: int
    held_change: int


class BalancesData(msgspec.Struct, frozen=True):
    """What one event did to an account's balances; `cause` is the kind of the event in the log."""

    account: str
    cause: str
    cash: list[CashChange]
    units: list[UnitChange]
    time: int


class BlockKeyedData(msgspec.Struct, frozen=True, tag_field="kind", tag="keyed"):
    """A half was keyed, by the account or by one that names it as the counterparty."""

    account: str
    """Whose channel it is."""
    half: BlockHalf
    time: int


class BlockEndedData(msgspec.Struct, frozen=True, tag_field="kind", tag="ended"):
    """A half was withdrawn or expired without its other half."""

    account: str
    """Whose channel it is."""
    keyed_by: str
    counterparty: str
    trade_reference: str
    reason: CancelReason
    time: int


class BlockTradedData(msgspec.Struct, frozen=True, tag_field="kind", tag="traded"):
    """Both halves agreed."""

    account: str
    trade: BlockTradeReport


BlockTradesData = BlockKeyedData | BlockEndedData | BlockTradedData


class SettlementOutcome(StrEnum):
    """What became of a deferred trade."""

    SETTLED = "settled"
    CANCELLED = "cancelled"


class SettlementData(msgspec.Struct, frozen=True):
    """Cash and units of a deferred trade changed hands, or will not. Cash in the trade's currency."""

    trade_id: int
    """Of a fill or a block trade."""
    account: str
    side: Side
    currency: str
    amount: str
    fee: str
    """Of a cancelled trade: none."""
    delivered: list[Delivered]
    """Of a cancelled trade: what was to be delivered."""
    time: int
    outcome: SettlementOutcome
    reason: str
    """Why the trade was cancelled."""


# Pushes.


class BookPush(msgspec.Struct, frozen=True, tag_field="channel", tag="book"):
    """Channel `book`. A snapshot has `prev_seq` 0."""

    seq: int
    prev_seq: int
    data: BookData


class TradesPush(msgspec.Struct, frozen=True, tag_field="channel", tag="trades"):
    """Channel `trades`; `seq` is the id of the last trade."""

    seq: int
    prev_seq: int
    data: TradesData


class TickerPush(msgspec.Struct, frozen=True, tag_field="channel", tag="ticker"):
    """Channel `ticker`."""

    seq: int
    prev_seq: int
    data: TickerData


class CandlesPush(msgspec.Struct, frozen=True, tag_field="channel", tag="candles"):
    """Channel `candles`; `seq` is the id of the last trade in them."""

    seq: int
    prev_seq: int
    data: CandlesData


class OrdersPush(msgspec.Struct, frozen=True, tag_field="channel", tag="orders"):
    """Channel `orders`."""

    seq: int
    prev_seq: int
    data: OrderData


class FillsPush(msgspec.Struct, frozen=True, tag_field="channel", tag="fills"):
    """Channel `fills`."""

    seq: int
    prev_seq: int
    data: AccountFill


class BalancesPush(msgspec.Struct, frozen=True, tag_field="channel", tag="balances"):
    """Channel `balances`."""

    seq: int
    prev_seq: int
    data: BalancesData


class RetirementsPush(msgspec.Struct, frozen=True, tag_field="channel", tag="retirements"):
    """Channel `retirements`."""

    seq: int
    prev_seq: int
    data: Retirement


class BlockTradesPush(msgspec.Struct, frozen=True, tag_field="channel", tag="block_trades"):
    """Channel `block_trades`."""

    seq: int
    prev_seq: int
    data: BlockTradesData


class SettlementsPush(msgspec.Struct, frozen=True, tag_field="channel", tag="settlements"):
    """Channel `settlements`."""

    seq: int
    prev_seq: int
    data: SettlementData


PublicPush = BookPush | TradesPush | TickerPush | CandlesPush
PrivatePush = OrdersPush | FillsPush | BalancesPush | RetirementsPush | BlockTradesPush | SettlementsPush


class EventPush(msgspec.Struct, frozen=True, tag_field="method", tag="event"):
    """News of a channel."""

    params: PublicPush | PrivatePush


class HelloParams(msgspec.Struct, frozen=True):
    """Where the client has come to, and the nonce for its logon (see `gateway.logon`)."""

    venue: str
    protocol_version: int
    nonce: str
    seq: int
    heartbeat_ms: int
    idle_ms: int
    """The server closes a connection from which nothing came for so long."""
    max_frame_bytes: int


class Hello(msgspec.Struct, frozen=True, tag_field="method", tag="hello"):
    """The first frame on every connection."""

    params: HelloParams


class HeartbeatParams(msgspec.Struct, frozen=True):
    """`seq` is that of the last durable event."""

    seq: int


class Heartbeat(msgspec.Struct, frozen=True, tag_field="method", tag="heartbeat"):
    """The server is alive."""

    params: HeartbeatParams


Push = EventPush | Hello | Heartbeat
