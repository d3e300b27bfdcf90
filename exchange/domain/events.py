"""What happened: facts with stable kinds and versions. A fact is never changed; a new form is a new version.

Each event carries all that its effects need: `exchange.domain.entries` and the state's fold read nothing
but the event and the state, never a clock or a configuration.
Prices are in ticks, cash in minor units, quantities in units, times in nanoseconds UTC, dates ISO 8601.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from exchange.domain.carbon.claim_forms import Claim
from exchange.domain.carbon.forms import CARBON_EVENT_TYPES
from exchange.domain.forms import Event as Event  # noqa: PLC0414 - readers find it beside the events
from exchange.domain.identity import Role
from exchange.domain.instruments import CreditClass, Instrument, InstrumentState
from exchange.domain.making.forms import MAKING_EVENT_TYPES
from exchange.domain.orders import Delivery, OrderRequest
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import ClassBlock, SerialBlock
from matching.order import Side


class CancelReason(StrEnum):
    """Why an open quantity ended without a trade. The first six are the book's own reasons."""

    REQUESTED = "requested"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"
    SELF_TRADE = "self_trade"
    AMENDED_BELOW_FILLED = "amended_below_filled"
    EXPIRED = "expired"
    MASS_CANCEL = "mass_cancel"
    DISCONNECTED = "disconnected"
    DEAD_MAN = "dead_man"
    INSTRUMENT_CLOSED = "instrument_closed"
    UNITS_FROZEN = "units_frozen"
    NOT_DELIVERABLE = "not_deliverable"
    """A class that the order was to deliver left the basket."""
    PROTECTION = "protection"
    CLASS_CHANGED = "class_changed"


class WriterStarted(Event, frozen=True):
    """An engine took over the log; the epoch stands in the envelope."""

    kind: ClassVar[str] = "writer_started"
    program: str


class VenueOpened(Event, frozen=True):
    """The log begins: the venue's name and first business date."""

    kind: ClassVar[str] = "venue_opened"
    by: str
    name: str
    business_date: str


class ParticipantAdmitted(Event, frozen=True):
    """A legal entity may open accounts and register keys."""

    kind: ClassVar[str] = "participant_admitted"
    by: str
    participant: str
    name: str


class AccountOpened(Event, frozen=True):
    """An account exists."""

    kind: ClassVar[str] = "account_opened"
    by: str
    account: str
    participant: str


class KeyRegistered(Event, frozen=True):
    """A key may log on."""

    kind: ClassVar[str] = "key_registered"
    by: str
    key_id: str
    participant: str
    role: Role
    public_key: str


class KeyRevoked(Event, frozen=True):
    """A key may not log on any more."""

    kind: ClassVar[str] = "key_revoked"
    by: str
    key_id: str


class ClassRegistered(Event, frozen=True):
    """A credit class is known."""

    kind: ClassVar[str] = "class_registered"
    by: str
    credit_class: CreditClass


class InstrumentListed(Event, frozen=True):
    """An instrument trades, in state open."""

    kind: ClassVar[str] = "instrument_listed"
    by: str
    instrument: Instrument


class InstrumentStateChanged(Event, frozen=True):
    """An instrument was opened, halted or closed."""

    kind: ClassVar[str] = "instrument_state_changed"
    by: str
    instrument: str
    state: InstrumentState
    reason: str


class FeesChanged(Event, frozen=True):
    """Orders accepted from now on pay these rates."""

    kind: ClassVar[str] = "fees_changed"
    by: str
    instrument: str
    maker_fee_ppm: int
    taker_fee_ppm: int


class CashDeposited(Event, frozen=True):
    """Cash came in from outside."""

    kind: ClassVar[str] = "cash_deposited"
    by: str
    account: str
    currency: str
    amount: int
    reference: str


class CashWithdrawn(Event, frozen=True):
    """Cash went out."""

    kind: ClassVar[str] = "cash_withdrawn"
    by: str
    account: str
    currency: str
    amount: int
    reference: str


class UnitsDeposited(Event, frozen=True):
    """Serial blocks came into custody for an account."""

    kind: ClassVar[str] = "units_deposited"
    by: str
    account: str
    class_id: str
    quantity: int
    blocks: tuple[SerialBlock, ...]
    reference: str


class UnitsWithdrawn(Event, frozen=True):
    """Serial blocks left custody."""

    kind: ClassVar[str] = "units_withdrawn"
    by: str
    account: str
    class_id: str
    quantity: int
    blocks: tuple[SerialBlock, ...]
    reference: str


class SessionOpened(Event, frozen=True):
    """A key logged on; the session's number is this event's seq."""

    kind: ClassVar[str] = "session_opened"
    by: str
    gateway: str
    cancel_on_disconnect: bool


class SessionClosed(Event, frozen=True):
    """A session ended."""

    kind: ClassVar[str] = "session_closed"
    session: int
    reason: str


class CancelAfterSet(Event, frozen=True):
    """The account's dead-man timer runs until the deadline; 0: it is off."""

    kind: ClassVar[str] = "cancel_after_set"
    account: str
    session: int
    deadline: int


class CancelAfterFired(Event, frozen=True):
    """The account's dead-man timer ran out; the cancels of its orders follow."""

    kind: ClassVar[str] = "cancel_after_fired"
    account: str


class OrderAccepted(Event, frozen=True):
    """An order is live (its id is this event's seq) and what it may need is held."""

    kind: ClassVar[str] = "order_accepted"
    account: str
    session: int
    order: OrderRequest
    price: int
    """The limit, or a market order's protection price."""
    expiry: str
    """Last business date of the order; empty: good till cancelled."""
    currency: str
    maker_fee_ppm: int
    taker_fee_ppm: int
    hold_cash: int = 0
    deliver: Delivery = ()
    quote: bool = False
    """It is a side of the account's quote."""


class OrderRejected(Event, frozen=True):
    """An order was refused; the same request gets the same answer again."""

    kind: ClassVar[str] = "order_rejected"
    account: str
    session: int
    order: OrderRequest
    code: RejectCode
    message: str


class OrderAmended(Event, frozen=True):
    """An order has a new limit and total quantity; changes of its holds are signed."""

    kind: ClassVar[str] = "order_amended"
    order_id: int
    account: str
    instrument: str
    price: int
    quantity: int
    keeps_priority: bool
    currency: str
    hold_cash_change: int = 0
    hold_units: Delivery = ()
    """Sell orders: units newly held."""
    release_units: Delivery = ()
    """Sell orders: units no longer held."""
    request_id: str = ""
    """The request's own id, which names the order from now on."""


class OrderCancelled(Event, frozen=True):
    """What was open of an order ended, and its holds with it."""

    kind: ClassVar[str] = "order_cancelled"
    order_id: int
    account: str
    instrument: str
    quantity: int
    reason: CancelReason
    currency: str
    by: str = ""
    """The key that asked, where somebody did."""
    release_cash: int = 0
    release_units: Delivery = ()
    request_id: str = ""
    """The id of the request that asked, where it had one."""


class OrdersDecremented(Event, frozen=True):
    """Self-trade prevention took the same quantity off two orders of one participant."""

    kind: ClassVar[str] = "orders_decremented"
    instrument: str
    maker_order_id: int
    taker_order_id: int
    quantity: int
    buyer: str
    seller: str
    currency: str
    buyer_release: int
    release_units: Delivery


class Fill(Event, frozen=True):
    """A trade: units against cash in one event. The trade's id is this event's seq."""

    kind: ClassVar[str] = "fill"
    instrument: str
    maker_order_id: int
    taker_order_id: int
    taker_side: Side
    price: int
    quantity: int
    buyer: str
    seller: str
    currency: str
    amount: int
    """Cash for the units, before fees."""
    buyer_fee: int
    seller_fee: int
    buyer_release: int
    """Cash that the buyer's order need not hold any more."""
    delivered: Delivery
    rule: str
    """Which serials of the delivered classes change hands: a rule of `exchange.domain.holdings`."""
    settlement_date: str
    deferred: bool = False
    """Cash and units stay locked until a `trade_settled` on the settlement date."""


class BlockTradeKeyed(Event, frozen=True):
    """One half of a trade agreed off the book waits for the other until the day ends."""

    kind: ClassVar[str] = "block_trade_keyed"
    account: str
    session: int
    counterparty: str
    trade_reference: str
    instrument: str
    side: Side
    price: int
    quantity: int
    deliver: Delivery = ()
    blocks: tuple[ClassBlock, ...] = ()


class BlockTradeEnded(Event, frozen=True):
    """A half was withdrawn or expired without its other half."""

    kind: ClassVar[str] = "block_trade_ended"
    account: str
    counterparty: str
    trade_reference: str
    reason: CancelReason


class BlockTrade(Event, frozen=True):
    """Both halves agree: units against cash in one event. The trade's id is this event's seq."""

    kind: ClassVar[str] = "block_trade"
    instrument: str
    trade_reference: str
    price: int
    quantity: int
    buyer: str
    seller: str
    currency: str
    amount: int
    """Cash for the units, before fees."""
    buyer_fee: int
    seller_fee: int
    delivered: Delivery
    rule: str
    settlement_date: str
    blocks: tuple[ClassBlock, ...] = ()
    """The serials, where the halves named them; otherwise the rule chooses."""
    deferred: bool = False


class TradeSettled(Event, frozen=True):
    """The settlement date of a deferred trade came: cash and units that were locked change hands."""

    kind: ClassVar[str] = "trade_settled"
    trade: int
    """Seq of the `fill` or `block_trade`."""
    buyer: str
    seller: str
    currency: str
    amount: int
    buyer_fee: int
    seller_fee: int
    delivered: Delivery


class Retired(Event, frozen=True):
    """Units left circulation for ever, for somebody."""

    kind: ClassVar[str] = "retired"
    account: str
    credits: tuple[ClassBlock, ...]
    beneficiary: str
    purpose: str
    reference: str
    rule: str = ""
    """The rule that chose the serials; empty where they were named."""
    order_id: int = 0
    """The buy order whose trades asked for it, if one did."""
    claim: Claim | None = None
    """What the retirement claims, if anything."""


class UnitsIssued(Event, frozen=True):
    """The venue's own registry issued serials to an account."""

    kind: ClassVar[str] = "units_issued"
    by: str
    account: str
    class_id: str
    block: SerialBlock
    reference: str
    buffer: SerialBlock | None = None
    """Serials of the same class that went into the buffer pool."""


class UnitsCancelled(Event, frozen=True):
    """Serials ended without being used for anybody."""

    kind: ClassVar[str] = "units_cancelled"
    by: str
    account: str
    class_id: str
    blocks: tuple[SerialBlock, ...]
    reason: str
    reference: str


class UnitsMoved(Event, frozen=True):
    """Serials were cancelled in one registry and issued in another for the same account, unit for unit."""

    kind: ClassVar[str] = "units_moved"
    by: str
    account: str
    class_id: str
    blocks: tuple[SerialBlock, ...]
    to_class_id: str
    to_blocks: tuple[SerialBlock, ...]
    reference: str


class CalendarSet(Event, frozen=True):
    """A holiday calendar has these holidays from now on."""

    kind: ClassVar[str] = "calendar_set"
    by: str
    calendar: str
    holidays: tuple[str, ...]


class RequestRefused(Event, frozen=True):
    """A sequenced request was refused and is not remembered; nothing changed. Orders have `order_rejected`, mostly."""

    kind: ClassVar[str] = "request_refused"
    command: str
    by: str
    account: str
    """Empty unless who asked may act on it."""
    code: RejectCode
    message: str
    order_id: int = 0
    client_order_id: str = ""
    request_id: str = ""


class DayClosed(Event, frozen=True):
    """A business date ended. `references`: the new reference price of each instrument, in ticks."""

    kind: ClassVar[str] = "day_closed"
    by: str
    date: str
    next_date: str
    references: tuple[tuple[str, int], ...]


EVENT_TYPES: tuple[type[Event], ...] = (
    WriterStarted,
    VenueOpened,
    ParticipantAdmitted,
    AccountOpened,
    KeyRegistered,
    KeyRevoked,
    ClassRegistered,
    InstrumentListed,
    InstrumentStateChanged,
    FeesChanged,
    CashDeposited,
    CashWithdrawn,
    UnitsDeposited,
    UnitsWithdrawn,
    SessionOpened,
    SessionClosed,
    CancelAfterSet,
    CancelAfterFired,
    OrderAccepted,
    OrderRejected,
    OrderAmended,
    OrderCancelled,
    OrdersDecremented,
    Fill,
    BlockTradeKeyed,
    BlockTradeEnded,
    BlockTrade,
    TradeSettled,
    Retired,
    UnitsIssued,
    UnitsCancelled,
    UnitsMoved,
    CalendarSet,
    RequestRefused,
    DayClosed,
    *CARBON_EVENT_TYPES,
    *MAKING_EVENT_TYPES,
)


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An event with its place in the log."""

    seq: int
    command: int
    """Seq of the first event of the same command."""
    recorded_at: int
    """Nanoseconds UTC, from the sequencer."""
    event: Event
