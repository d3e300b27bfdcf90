"""What clients send: one Struct per method, decoded straight from the frame. Unknown fields are refused.

A frame is `{"id": ..., "method": ..., "params": {...}}`. Prices are decimal text, quantities integer units, dates ISO 8601.
`account` may be left out by a participant that has exactly one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from exchange.domain.carbon.claim_forms import ClaimKind
from exchange.domain.carbon.corsia_forms import CorsiaPeriod
from exchange.domain.orders import OrderType, SelfTradePrevention, Side, TimeInForce
from exchange.registry.statement import Statement
from gateway import results
from gateway.websocket.block_requests import BlockKey, BlockList, BlockWithdraw, ListBlockTrades
from gateway.websocket.market_requests import (
    Depth,
    Interval,
    MarketBook,
    MarketCandles,
    MarketInstruments,
    MarketTrades,
)
from gateway.websocket.offset_requests import (
    GetOffsetStatement,
    OffsetAllocate,
    OffsetCorrectActivity,
    OffsetOpenPeriod,
    OffsetPeriods,
    OffsetRecordActivity,
    OffsetRecordReduction,
)
from gateway.websocket.protection_requests import ProtectionList, ProtectionReset, ProtectionSet
from gateway.websocket.request_forms import (
    AccountParams,
    Deliver,
    Identifier,
    IsoDate,
    NamedSerials,
    NewIdentifier,
    NoParams,
    OrderId,
    Params,
    PriceText,
    Request,
    Seq,
    Text,
)


class Channel(StrEnum):
    """What can be subscribed to."""

    BOOK = "book"
    TRADES = "trades"
    TICKER = "ticker"
    CANDLES = "candles"
    ORDERS = "orders"
    FILLS = "fills"
    BALANCES = "balances"
    RETIREMENTS = "retirements"
    BLOCK_TRADES = "block_trades"
    SETTLEMENTS = "settlements"


# Parameters.


class RetireOnFill(Params, frozen=True, gc=False):
    """For whom and why what the order buys is retired."""

    beneficiary: Text
    purpose: Text = ""


class OrderPlaceParams(Params, frozen=True, gc=False):
    """A new order. Idempotent by account and `client_order_id`: the same body again gets the same answer."""

    client_order_id: NewIdentifier
    instrument: Identifier
    side: Side
    quantity: int
    account: Identifier = ""
    price: PriceText | None = None
    """Limit; of a market order the protection price."""
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.DAY
    expire_date: IsoDate = ""
    post_only: bool = False
    display_quantity: int = 0
    """Largest quantity shown at a time; 0 shows all."""
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_TAKER
    deliver: Annotated[tuple[Deliver, ...], Meta(max_length=100)] = ()
    """Sell orders in a basket: classes to deliver; by default the oldest vintages."""
    retire_on_fill: RetireOnFill | None = None
    """Buy orders: retire what each trade delivers, with the trade or at its settlement."""


class OrderAmendParams(Params, frozen=True, gc=False):
    """A new limit, a new total quantity (filled included), or both, for a live order named by either id."""

    account: Identifier = ""
    order_id: OrderId = 0
    client_order_id: Identifier = ""
    price: PriceText | None = None
    quantity: int | None = None


class OrderCancelParams(Params, frozen=True, gc=False):
    """The live order to end, named by either id."""

    account: Identifier = ""
    order_id: OrderId = 0
    client_order_id: Identifier = ""


class OrderCancelAllParams(Params, frozen=True):
    """All live orders of an account, or those of an instrument, of a side, or of both."""

    account: Identifier = ""
    instrument: Identifier = ""
    side: Side | None = None


class BatchPlace(OrderPlaceParams, frozen=True, tag_field="action", tag="place"):
    """Place, as an item of a batch."""


class BatchAmend(OrderAmendParams, frozen=True, tag_field="action", tag="amend"):
    """Amend, as an item of a batch."""


class BatchCancel(OrderCancelParams, frozen=True, tag_field="action", tag="cancel"):
    """Cancel, as an item of a batch."""


class OrderBatchParams(Params, frozen=True):
    """Items to be carried out in their order; each has an outcome of its own."""

    items: list[BatchPlace | BatchAmend | BatchCancel]


class OrderStatusParams(Params, frozen=True):
    """An order, named by either id. Ended orders are known until the second day end after their end."""

    account: Identifier = ""
    order_id: OrderId = 0
    client_order_id: Identifier = ""


class OrdersOpenParams(Params, frozen=True):
    """A page of an account's live orders."""

    account: Identifier = ""
    after_order_id: Seq = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000


class FillsListParams(Params, frozen=True):
    """A page of an account's fills."""

    account: Identifier = ""
    after_seq: Seq = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class RetirementClaim(Params, frozen=True, gc=False):
    """What a retirement claims."""

    kind: ClaimKind
    year: Annotated[int, Meta(ge=0, le=9999)] = 0
    """`ndc`: the calendar year for which the units are used."""
    period: CorsiaPeriod | None = None
    """`corsia`: the compliance period."""


class CreditsRetireParams(Params, frozen=True):
    """Units to take out of circulation for ever: of classes, or named serials. Idempotent by account and `reference`."""

    beneficiary: Text
    purpose: Text
    reference: NewIdentifier
    account: Identifier = ""
    credits: Annotated[tuple[Deliver, ...], Meta(max_length=100)] = ()
    """Each class once; its lowest serials are retired."""
    serials: Annotated[tuple[NamedSerials, ...], Meta(max_length=100)] = ()
    """Or the serials themselves."""
    claim: RetirementClaim | None = None
    """What the retirement claims; refused unless the units support it."""


class AccountStatementParams(Params, frozen=True):
    """The statement of a business date or of several, up to now, or up to an event."""

    account: Identifier = ""
    date: IsoDate = ""
    """By default the present business date: up to the last event that is settled."""
    from_date: IsoDate = ""
    """By default the same date."""
    seq: Seq = 0
    """Up to this event, instead of a date."""
    after_seq: Seq = 0
    """Begin after this event of the dates: that of `next_after_seq` of the part before."""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000
    """Most movements; where there are more, the statement ends with the last of them."""


class AccountSerialsParams(Params, frozen=True):
    """A page of an account's serial blocks of a class."""

    class_id: Identifier
    account: Identifier = ""
    after: Annotated[str, Meta(max_length=250)] = ""
    """The last block of the page before, from its `next_after`."""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class SubscribeParams(Params, frozen=True):
    """A channel: market data of an instrument, or facts about an account."""

    channel: Channel
    instrument: Identifier = ""
    depth: Depth = 10
    interval: Interval = Interval.MINUTE
    account: Identifier = ""
    from_seq: Seq | None = None
    """Private channels: push everything after this seq, from the log first."""


class UnsubscribeParams(Params, frozen=True):
    """The channel as it was subscribed to."""

    channel: Channel
    instrument: Identifier = ""
    interval: Interval = Interval.MINUTE
    account: Identifier = ""


class SessionLogonParams(Params, frozen=True):
    """See `gateway.logon` for what is signed."""

    key_id: Identifier
    signature: Annotated[str, Meta(max_length=128)]
    """Ed25519, 128 hexadecimal digits."""
    cancel_on_disconnect: bool = False
    coalesce: bool = False
    """Messages that are ready together come in one frame, as a JSON array."""


class SessionCancelAfterParams(Params, frozen=True):
    """Cancel the account's orders unless this is sent again within the time; 0 turns the timer off."""

    timeout_ms: Annotated[int, Meta(ge=0, le=86_400_000)]
    account: Identifier = ""


# Requests.


class OrderPlace(Request, frozen=True, tag="order.place"):
    """Place an order; the answer comes when it is durable."""

    result: ClassVar[type[msgspec.Struct]] = results.OrderReport
    params: OrderPlaceParams


class OrderAmend(Request, frozen=True, tag="order.amend"):
    """Amend a live order."""

    result: ClassVar[type[msgspec.Struct]] = results.OrderReport
    params: OrderAmendParams


class OrderCancel(Request, frozen=True, tag="order.cancel"):
    """Cancel a live order."""

    result: ClassVar[type[msgspec.Struct]] = results.OrderReport
    params: OrderCancelParams


class OrderCancelAll(Request, frozen=True, tag="order.cancel_all"):
    """Cancel an account's live orders."""

    result: ClassVar[type[msgspec.Struct]] = results.CancelledOrders
    params: OrderCancelAllParams = OrderCancelAllParams()


class OrderBatch(Request, frozen=True, tag="order.batch"):
    """Place, amend and cancel several orders in one request."""

    result: ClassVar[type[msgspec.Struct]] = results.BatchResult
    params: OrderBatchParams


class GetOrderStatus(Request, frozen=True, tag="order.status"):
    """How an order stands."""

    result: ClassVar[type[msgspec.Struct]] = results.OrderState
    params: OrderStatusParams


class OrdersOpen(Request, frozen=True, tag="orders.open"):
    """Live orders of an account."""

    result: ClassVar[type[msgspec.Struct]] = results.OpenOrders
    params: OrdersOpenParams = OrdersOpenParams()


class FillsList(Request, frozen=True, tag="fills.list"):
    """Fills of an account from the log."""

    result: ClassVar[type[msgspec.Struct]] = results.Fills
    params: FillsListParams = FillsListParams()


class AccountBalances(Request, frozen=True, tag="account.balances"):
    """Cash of an account."""

    result: ClassVar[type[msgspec.Struct]] = results.Balances
    params: AccountParams = AccountParams()


class AccountHoldings(Request, frozen=True, tag="account.holdings"):
    """Units of an account."""

    result: ClassVar[type[msgspec.Struct]] = results.Holdings
    params: AccountParams = AccountParams()


class AccountStatement(Request, frozen=True, tag="account.statement"):
    """Cash, units, serial numbers and movements of an account, as the registry has settled them."""

    result: ClassVar[type[msgspec.Struct]] = Statement
    params: AccountStatementParams = AccountStatementParams()


class CreditsRetire(Request, frozen=True, tag="credits.retire"):
    """Retire units."""

    result: ClassVar[type[msgspec.Struct]] = results.Retirement
    params: CreditsRetireParams


class AccountSerials(Request, frozen=True, tag="account.serials"):
    """Serial numbers of an account."""

    result: ClassVar[type[msgspec.Struct]] = results.SerialsPage
    params: AccountSerialsParams


class Subscribe(Request, frozen=True, tag="subscribe"):
    """Turn a channel on."""

    result: ClassVar[type[msgspec.Struct]] = results.Subscribed
    params: SubscribeParams


class Unsubscribe(Request, frozen=True, tag="unsubscribe"):
    """Turn a channel off."""

    result: ClassVar[type[msgspec.Struct]] = results.Unsubscribed
    params: UnsubscribeParams


class SessionLogon(Request, frozen=True, tag="session.logon"):
    """Prove a key and open a session."""

    result: ClassVar[type[msgspec.Struct]] = results.LoggedOn
    params: SessionLogonParams


class SessionLogout(Request, frozen=True, tag="session.logout"):
    """Close the session; the connection stays, its private channels end."""

    result: ClassVar[type[msgspec.Struct]] = results.LoggedOut
    params: NoParams = NoParams()


class SessionCancelAfter(Request, frozen=True, tag="session.cancel_after"):
    """Arm, prolong or turn off the account's dead-man timer."""

    result: ClassVar[type[msgspec.Struct]] = results.CancelAfter
    params: SessionCancelAfterParams


class Ping(Request, frozen=True, tag="ping"):
    """Ask for the last seq; any frame keeps a connection alive."""

    result: ClassVar[type[msgspec.Struct]] = results.Pong
    params: NoParams = NoParams()


AnyRequest = (
    OrderPlace
    | OrderAmend
    | OrderCancel
    | OrderCancelAll
    | OrderBatch
    | GetOrderStatus
    | OrdersOpen
    | FillsList
    | AccountBalances
    | AccountHoldings
    | AccountSerials
    | AccountStatement
    | CreditsRetire
    | BlockKey
    | BlockWithdraw
    | BlockList
    | ListBlockTrades
    | MarketInstruments
    | MarketBook
    | MarketTrades
    | MarketCandles
    | Subscribe
    | Unsubscribe
    | SessionLogon
    | SessionLogout
    | SessionCancelAfter
    | OffsetOpenPeriod
    | OffsetRecordActivity
    | OffsetCorrectActivity
    | OffsetRecordReduction
    | OffsetAllocate
    | OffsetPeriods
    | GetOffsetStatement
    | ProtectionSet
    | ProtectionReset
    | ProtectionList
    | Ping
)

REQUEST_TYPES: tuple[type[Request], ...] = AnyRequest.__args__


def method_name(request_type: type[Request]) -> str:
    """The method's name on the wire."""
    return str(request_type.__struct_config__.tag)


METHODS: dict[str, type[Request]] = {
    method_name(request_type): request_type for request_type in REQUEST_TYPES
}
