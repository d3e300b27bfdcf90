"""What somebody asks the venue. Every command names the key that asks (`by`); most name its session.

Prices are in ticks, cash in minor units, quantities in units, times in nanoseconds UTC, dates ISO 8601.
"""

from __future__ import annotations

from exchange.domain.carbon.claim_forms import Claim
from exchange.domain.carbon.forms import CarbonCommand
from exchange.domain.forms import CommandForm
from exchange.domain.identity import Role
from exchange.domain.instruments import CreditClass, Instrument, InstrumentState
from exchange.domain.making.forms import MakingOperatorCommand, MakingTradingCommand
from exchange.domain.orders import Delivery, OrderRequest
from exchange.domain.serials import ClassBlock, SerialBlock
from matching.order import Side


class PlaceOrder(CommandForm, frozen=True, gc=False):
    """A new order. Idempotent by `(account, client_order_id)`."""

    by: str
    session: int
    account: str
    order: OrderRequest


class AmendOrder(CommandForm, frozen=True):
    """A new limit, a new total quantity (filled included), or both, for a live order."""

    by: str
    session: int
    account: str
    order_id: int = 0
    client_order_id: str = ""
    price: int | None = None
    quantity: int | None = None
    request_id: str = ""
    """Makes it idempotent by `(account, request_id)` and names the order from then on."""


class CancelOrder(CommandForm, frozen=True):
    """End a live order, named by either id."""

    by: str
    session: int
    account: str
    order_id: int = 0
    client_order_id: str = ""
    request_id: str = ""
    """Makes it idempotent by `(account, request_id)`."""


class CancelAll(CommandForm, frozen=True):
    """End all live orders of an account, or those of an instrument, of a side, or of both."""

    by: str
    session: int
    account: str
    instrument: str = ""
    side: Side | None = None
    request_id: str = ""


class Retire(CommandForm, frozen=True):
    """Take units out of circulation for ever, for somebody. Idempotent by `(account, reference)`."""

    by: str
    session: int
    account: str
    beneficiary: str
    purpose: str
    reference: str
    credits: Delivery = ()
    """Classes and units of each; the rule chooses the serials."""
    blocks: tuple[ClassBlock, ...] = ()
    """Or the serials themselves."""
    claim: Claim | None = None
    """What the retirement claims, if anything: refused unless the units support it."""


class KeyBlockTrade(CommandForm, frozen=True):
    """One half of a trade agreed off the book. Idempotent by `(account, counterparty, trade_reference)`.

    It trades when the counterparty keys the other half with the same reference and the same terms.
    """

    by: str
    session: int
    account: str
    counterparty: str
    """The other side's account."""
    trade_reference: str
    instrument: str
    side: Side
    price: int
    quantity: int
    deliver: Delivery = ()
    """Classes and units of each; empty: the seller's oldest vintages."""
    blocks: tuple[ClassBlock, ...] = ()
    """Or the serials themselves."""


class WithdrawBlockTrade(CommandForm, frozen=True):
    """Take back a half that has not met its other half."""

    by: str
    session: int
    account: str
    counterparty: str
    trade_reference: str


class SetCancelAfter(CommandForm, frozen=True):
    """Dead-man timer: cancel the account's orders unless it is set again within the time; 0 disarms."""

    by: str
    session: int
    account: str
    timeout_ns: int


class FireTimers(CommandForm, frozen=True):
    """The engine's clock passed a dead-man deadline."""


class OpenSession(CommandForm, frozen=True):
    """A key logged on at a gateway."""

    by: str
    gateway: str
    cancel_on_disconnect: bool = False


class CloseSession(CommandForm, frozen=True):
    """A session ended; its orders are cancelled if it asked for that."""

    session: int
    reason: str


class StartWriter(CommandForm, frozen=True):
    """An engine took over the log: the first command of each epoch."""

    program: str


class OpenVenue(CommandForm, frozen=True):
    """The first command of a new venue."""

    by: str
    name: str
    business_date: str


class AdmitParticipant(CommandForm, frozen=True):
    """Admit a legal entity."""

    by: str
    participant: str
    name: str


class OpenAccount(CommandForm, frozen=True):
    """Open an account of a participant."""

    by: str
    account: str
    participant: str


class RegisterKey(CommandForm, frozen=True):
    """Let a key log on for a participant."""

    by: str
    key_id: str
    participant: str
    role: Role
    public_key: str


class RevokeKey(CommandForm, frozen=True):
    """Forget a key; its sessions end."""

    by: str
    key_id: str


class RegisterClass(CommandForm, frozen=True):
    """Make a credit class known."""

    by: str
    credit_class: CreditClass


class ListInstrument(CommandForm, frozen=True):
    """Admit an instrument to trading, open."""

    by: str
    instrument: Instrument


class ChangeInstrumentState(CommandForm, frozen=True):
    """Open, halt or close an instrument; closing cancels its orders."""

    by: str
    instrument: str
    state: InstrumentState
    reason: str


class ChangeFees(CommandForm, frozen=True):
    """New fee rates for orders accepted from now on."""

    by: str
    instrument: str
    maker_fee_ppm: int
    taker_fee_ppm: int


class DepositCash(CommandForm, frozen=True):
    """Cash arrived for an account. Idempotent by `(account, reference)`."""

    by: str
    account: str
    currency: str
    amount: int
    reference: str


class WithdrawCash(CommandForm, frozen=True):
    """Cash leaves an account. Idempotent by `(account, reference)`."""

    by: str
    account: str
    currency: str
    amount: int
    reference: str


class DepositUnits(CommandForm, frozen=True):
    """Serial blocks were immobilised for an account. Idempotent by `(account, reference)`."""

    by: str
    account: str
    class_id: str
    quantity: int
    blocks: tuple[SerialBlock, ...]
    reference: str


class WithdrawUnits(CommandForm, frozen=True):
    """Serial blocks go back to the registry. Idempotent by `(account, reference)`."""

    by: str
    account: str
    class_id: str
    quantity: int
    blocks: tuple[SerialBlock, ...]
    reference: str


class IssueUnits(CommandForm, frozen=True):
    """Issue units of a class of the venue's own registry. Idempotent by `(account, reference)`."""

    by: str
    account: str
    class_id: str
    quantity: int
    reference: str
    buffer: int = 0
    """Units that are issued beyond the quantity, into the buffer pool."""


class IssueShared(CommandForm, frozen=True):
    """Issue units of a class of the venue's own registry, shared between accounts as one fact.

    Idempotent by `(account, reference)` of all accounts together.
    """

    by: str
    class_id: str
    shares: Delivery
    """Accounts and the units of each, in the order in which they are numbered."""
    reference: str


class CancelUnits(CommandForm, frozen=True):
    """Cancel serials: they are gone, for nobody. Idempotent by `(account, reference)`."""

    by: str
    account: str
    class_id: str
    blocks: tuple[SerialBlock, ...]
    reason: str
    reference: str


class MoveUnits(CommandForm, frozen=True):
    """Move serials to another registry: cancelled there, issued here, as one fact. Idempotent by `(account, reference)`."""

    by: str
    account: str
    class_id: str
    blocks: tuple[SerialBlock, ...]
    to_class_id: str
    to_blocks: tuple[SerialBlock, ...]
    reference: str


class SetCalendar(CommandForm, frozen=True):
    """Give a holiday calendar its holidays, replacing those it had."""

    by: str
    calendar: str
    holidays: tuple[str, ...]


class CloseDay(CommandForm, frozen=True):
    """End the business date: day orders and due GTD orders expire, references move to the last prices."""

    by: str
    next_date: str


TradingCommand = (
    PlaceOrder
    | AmendOrder
    | CancelOrder
    | CancelAll
    | Retire
    | SetCancelAfter
    | KeyBlockTrade
    | WithdrawBlockTrade
    | MakingTradingCommand
)
SystemCommand = StartWriter | FireTimers | OpenSession | CloseSession
OperatorCommand = (
    OpenVenue
    | AdmitParticipant
    | OpenAccount
    | RegisterKey
    | RevokeKey
    | RegisterClass
    | ListInstrument
    | ChangeInstrumentState
    | ChangeFees
    | DepositCash
    | WithdrawCash
    | DepositUnits
    | WithdrawUnits
    | IssueUnits
    | IssueShared
    | CancelUnits
    | MoveUnits
    | SetCalendar
    | CloseDay
    | MakingOperatorCommand
)
Command = TradingCommand | SystemCommand | OperatorCommand | CarbonCommand
