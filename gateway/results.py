"""What the gateway answers with, over the websocket and over HTTP.

Prices and cash are decimal text (`"12.50"`, cash with the decimals of its currency), quantities are integer units, times
integer nanoseconds UTC, dates ISO 8601. `seq` is the place in the log as of which an answer is true. Clients must ignore
fields that they do not know.
"""

from __future__ import annotations

import msgspec

from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.claim_forms import ClaimKind
from exchange.domain.carbon.corsia_forms import CorsiaPeriod
from exchange.domain.identity import Role
from exchange.domain.instruments import InstrumentState, Unit
from exchange.domain.orders import OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce

BookLevel = tuple[str, int]
"""`[price, visible quantity]`."""


class ErrorData(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a program may want to know about an error; only what applies is there."""

    field: str = ""
    """Path of the offending field, such as `params.quantity`."""
    retry_after_ms: int = 0
    seq: int = 0
    """Place of the recorded refusal in the log."""
    duplicate: bool = False
    """The same request was refused before, and this is that answer again."""
    nonce: str = ""
    """After a failed logon: the nonce for the next attempt."""


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A numbered refusal: 1xxx malformed, 2xxx identity and rights, 3xxx instrument and session, 4xxx funds and units, 5xxx book,
    6xxx rules of carbon.
    """

    code: int
    name: str
    """The code's stable text form, such as `INSUFFICIENT_FUNDS`."""
    message: str
    data: ErrorData = ErrorData()


# Market data.


class InstrumentInfo(msgspec.Struct, frozen=True):
    """Listing terms and present state of an instrument."""

    symbol: str
    name: str
    classes: tuple[str, ...]
    """Credit classes that deliver into it today."""
    rule: BasketRule | None
    """What a class must be to deliver; none: it is one of a list that does not change."""
    unit: Unit
    currency: str
    tick: str
    price_decimals: int
    lot: int
    minimum_quantity: int
    maximum_quantity: int
    reference_price: str
    lowest_price: str
    highest_price: str
    maker_fee_ppm: int
    taker_fee_ppm: int
    state: InstrumentState
    settlement_days: int
    """Business days from trade to settlement; 0: at once, with the trade."""
    calendar: str
    """Holiday calendar of those days; empty: Monday to Friday."""
    last_price: str | None
    last_trade_id: int
    """0: no trade is known, since there was none or the last one is archived."""


class Instruments(msgspec.Struct, frozen=True):
    """All listed instruments, by symbol."""

    seq: int
    business_date: str
    instruments: list[InstrumentInfo]


class Book(msgspec.Struct, frozen=True):
    """The best levels of a book, best first; the checksum is over the best ten of each side."""

    instrument: str
    seq: int
    bids: list[BookLevel]
    asks: list[BookLevel]
    checksum: int


class Trade(msgspec.Struct, frozen=True):
    """A trade as the public sees it; `side` is the taker's."""

    trade_id: int
    price: str
    quantity: int
    side: Side
    time: int


class Trades(msgspec.Struct, frozen=True):
    """Trades of an instrument, oldest first; of events that were archived there are none."""

    instrument: str
    trades: list[Trade]


class CandleBar(msgspec.Struct, frozen=True):
    """Trades in one interval from `start` on; intervals without trades have no candle."""

    start: int
    open: str
    high: str
    low: str
    close: str
    volume: int
    trades: int


class Candles(msgspec.Struct, frozen=True):
    """Candles of an instrument, oldest first; the last one may still grow. Trades of archived events are not in them."""

    instrument: str
    interval: str
    candles: list[CandleBar]


# Orders.


class OrderFill(msgspec.Struct, frozen=True):
    """A fill in the answer to an order. Cash in the instrument's currency."""

    trade_id: int
    price: str
    quantity: int
    amount: str
    fee: str


class OrderReport(msgspec.Struct, frozen=True):
    """What a request about one order did, and how the order stands."""

    order_id: int
    client_order_id: str
    account: str
    instrument: str
    side: Side
    status: OrderStatus
    price: str
    """The limit; of a market order the protection price."""
    quantity: int
    """Total quantity, filled included."""
    filled: int
    remaining: int
    fills: list[OrderFill]
    """Fills that this very request brought about."""
    seq: int
    time: int
    duplicate: bool = False
    """The same request was made before, and this is that answer again."""
    retirement_id: int = 0
    """The retirement that the fills of this request brought about (`retire_on_fill`); 0: none."""


class RetirementTerms(msgspec.Struct, frozen=True):
    """For whom and why the credits of an order's trades are retired."""

    beneficiary: str
    purpose: str


class OrderState(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order as it stands. Of an order that ended, price and quantity are those it was placed with."""

    order_id: int
    """0 for an order that was rejected."""
    client_order_id: str
    account: str
    instrument: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    status: OrderStatus
    price: str | None
    """None for a market order that ended and had named no protection price."""
    quantity: int
    filled: int
    remaining: int
    seq: int
    expire_date: str = ""
    post_only: bool = False
    display_quantity: int = 0
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_TAKER
    retire_on_fill: RetirementTerms | None = None
    reject: ErrorBody | None = None


class OpenOrders(msgspec.Struct, frozen=True):
    """A page of an account's live orders, oldest first."""

    account: str
    seq: int
    orders: list[OrderState]
    next_after_order_id: int | None
    """Ask with this `after_order_id` for the next page; none: there are no more as of `seq`."""


class CancelledOrders(msgspec.Struct, frozen=True):
    """Ids of the orders that a mass cancel ended, oldest first. `seq` is that of the last cancel, or 0."""

    account: str
    seq: int
    order_ids: list[int]


class BatchOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one item of a batch: either field is there."""

    result: OrderReport | None = None
    error: ErrorBody | None = None


class BatchResult(msgspec.Struct, frozen=True):
    """Outcomes in the order of the items."""

    outcomes: list[BatchOutcome]


# Accounts.


class Delivered(msgspec.Struct, frozen=True):
    """Units of a credit class."""

    class_id: str
    quantity: int


class Serials(msgspec.Struct, frozen=True):
    """A block of serial numbers as its registry writes it; of a form that is not known `TEXT [FIRST to LAST]`."""

    class_id: str
    serial: str
    quantity: int


class AccountFill(msgspec.Struct, frozen=True):
    """A trade as one of its two accounts sees it. Block trades are not among them: see `BlockTradeReport`."""

    trade_id: int
    account: str
    order_id: int
    instrument: str
    side: Side
    liquidity: str
    """`maker` or `taker`."""
    price: str
    quantity: int
    currency: str
    amount: str
    fee: str
    delivered: list[Delivered]
    settlement_date: str
    time: int
    deferred: bool
    """Cash and units stay held until the settlement date; the channel `settlements` tells when they changed hands."""


class Fills(msgspec.Struct, frozen=True):
    """A page of an account's fills, oldest first."""

    account: str
    seq: int
    fills: list[AccountFill]
    next_after_seq: int | None
    """Ask with this `after_seq` for the next page; none: there is nothing more as of `seq`."""


class CashBalance(msgspec.Struct, frozen=True):
    """Cash of one currency; `held` is what open buy orders may need."""

    currency: str
    total: str
    held: str
    available: str


class Balances(msgspec.Struct, frozen=True):
    """Cash of an account, by currency code."""

    account: str
    seq: int
    cash: list[CashBalance]


class UnitBalance(msgspec.Struct, frozen=True):
    """Units of one credit class; `held` is what open sell orders and unsettled trades may deliver."""

    class_id: str
    total: int
    held: int
    available: int
    locked: int
    """Units of those held that unsettled trades deliver on their settlement dates."""
    frozen: int
    """Units of those held that a recall, an over-issuance or a hold keeps from moving."""


class Holdings(msgspec.Struct, frozen=True):
    """Units of an account, by class id."""

    account: str
    seq: int
    units: list[UnitBalance]


class HeldSerials(msgspec.Struct, frozen=True):
    """Serial numbers of an account."""

    serial: str
    quantity: int
    locked_for: int
    """Id of the unsettled trade that delivers them; 0: they are free, or any of them stand behind sell orders."""
    frozen: bool


class SerialsPage(msgspec.Struct, frozen=True):
    """A page of an account's serial blocks of one class, in the order of registry, batch and number."""

    account: str
    class_id: str
    seq: int
    blocks: list[HeldSerials]
    next_after: str | None
    """Ask with this `after` for the next page; none: there are no more as of `seq`."""


class RetirementClaim(msgspec.Struct, frozen=True):
    """What a retirement claims."""

    kind: ClaimKind
    year: int
    """`ndc`: the calendar year for which the units were used; otherwise 0."""
    period: CorsiaPeriod | None
    """`corsia`: the compliance period."""
    party: str
    """`ndc`: the Party that used them, ISO 3166 alpha-3."""


class Retirement(msgspec.Struct, frozen=True):
    """Units that left circulation for ever."""

    retirement_id: int
    account: str
    credits: list[Delivered]
    """Classes and units of each."""
    quantity: int
    """Units of all classes together."""
    blocks: int
    """How many blocks of serial numbers they are."""
    serials: list[Serials]
    """The first hundred of them; the certificate names all."""
    beneficiary: str
    purpose: str
    reference: str
    order_id: int
    """The buy order whose trades it retired; 0: it was asked for by itself."""
    time: int
    duplicate: bool = False
    claim: RetirementClaim | None = None
    """What the retirement claims, if anything."""


class CancelAfter(msgspec.Struct, frozen=True):
    """The account's dead-man timer; `deadline` 0: it is off."""

    account: str
    deadline: int
    seq: int


# Sessions and subscriptions.


class LoggedOn(msgspec.Struct, frozen=True):
    """A session is open; its number is the seq of its first event."""

    session: int
    key_id: str
    participant: str
    role: Role
    accounts: list[str]
    """Accounts that may be traded or, for the venue's own keys, all that may be read."""
    seq: int


class LoggedOut(msgspec.Struct, frozen=True):
    """The session is closed; `nonce` serves the next logon on this connection."""

    session: int
    nonce: str


class Subscribed(msgspec.Struct, frozen=True):
    """A channel is on. The first push has `prev_seq` equal to `seq`, unless it is a snapshot (then 0)."""

    channel: str
    seq: int


class Unsubscribed(msgspec.Struct, frozen=True):
    """A channel is off; no push of it follows this answer."""

    channel: str


class Pong(msgspec.Struct, frozen=True):
    """Answer to a ping."""

    seq: int
