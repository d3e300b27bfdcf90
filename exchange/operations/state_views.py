"""What operators look at in a state: the venue in short, a book, an account, what is held and for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import snapshot
from exchange.domain.money import currency_exponent, render_decimal
from exchange.domain.orders import OrderStatus, OrderType, Side, TimeInForce
from exchange.operations.errors import ExitCode, OperationError

if TYPE_CHECKING:
    from exchange.domain.orders import OpenOrder
    from exchange.domain.state import State
    from matching.book import OrderBook


class VenueView(msgspec.Struct, frozen=True):
    """With --json and no view chosen, `replay` prints this object."""

    seq: int
    recorded_at: int
    """Nanoseconds UTC."""
    venue: str
    business_date: str
    participants: int
    accounts: int
    sessions: int
    live_orders: int
    unsettled_trades: int
    digest: str
    """SHA-256 of the whole state."""


class LevelView(msgspec.Struct, frozen=True):
    """One price of a book."""

    price: str
    quantity: int
    """Visible units."""
    orders: int


class BookView(msgspec.Struct, frozen=True):
    """With --json, `replay --book` prints this object; best prices first."""

    seq: int
    recorded_at: int
    instrument: str
    state: str
    last_price: str | None
    reference_price: str
    bids: list[LevelView]
    asks: list[LevelView]


class OrderView(msgspec.Struct, frozen=True):
    """A live order and what it holds."""

    order_id: int
    account: str
    client_order_id: str
    instrument: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: str
    quantity: int
    filled: int
    status: OrderStatus
    hold_cash: str
    """With its currency; empty where none is held."""
    hold_units: list[tuple[str, int]]


class CashView(msgspec.Struct, frozen=True):
    """Cash of an account in one currency, as decimals."""

    currency: str
    total: str
    held: str


class UnitsView(msgspec.Struct, frozen=True):
    """Units of an account in one class."""

    class_id: str
    total: int
    held: int
    frozen: int
    """Of those held: by a recall, an over-issuance or a hold."""


class FrozenView(msgspec.Struct, frozen=True):
    """Units of an account in one class that are kept from moving."""

    account: str
    class_id: str
    units: int


class AccountView(msgspec.Struct, frozen=True):
    """With --json, `replay --account` prints this object."""

    seq: int
    recorded_at: int
    account: str
    participant: str
    cash: list[CashView]
    units: list[UnitsView]
    orders: list[OrderView]
    unsettled_trades: list[int]
    """Seqs of deferred trades of the account."""


class HoldsView(msgspec.Struct, frozen=True):
    """With --json, `replay --holds` prints this object."""

    seq: int
    recorded_at: int
    orders: list[OrderView]
    unsettled_trades: list[int]
    frozen: list[FrozenView]


View = VenueView | BookView | AccountView | HoldsView


def view_venue(state: State) -> VenueView:
    """The venue in short."""
    return VenueView(
        state.last_seq,
        state.last_at,
        state.name,
        state.business_date,
        len(state.participants),
        len(state.accounts),
        len(state.sessions),
        len(state.orders),
        len(state.obligations),
        snapshot.digest(state),
    )


def view_book(state: State, symbol: str) -> BookView:
    """All levels of a book. Raises OperationError for an instrument that was not listed then."""
    listing = state.listings.get(symbol)
    if listing is None:
        raise OperationError(f"{symbol!r} was not listed at event {state.last_seq}", ExitCode.USAGE)
    price = listing.instrument.ticks_to_price
    return BookView(
        state.last_seq,
        state.last_at,
        symbol,
        listing.state.value,
        price(listing.last_price) if listing.last_price else None,
        price(listing.reference_price),
        *(_levels(state, symbol, state.books[symbol], side) for side in (Side.BUY, Side.SELL)),
    )


def view_account(state: State, account: str) -> AccountView:
    """Balances and live orders. Raises OperationError for an account that was not open then."""
    if account not in state.accounts:
        raise OperationError(f"there was no account {account!r} at event {state.last_seq}", ExitCode.USAGE)
    balances = state.ledger.accounts.get(account, {})
    return AccountView(
        state.last_seq,
        state.last_at,
        account,
        state.accounts[account],
        [
            CashView(asset, render_cash(asset, balance.total), render_cash(asset, balance.held))
            for asset, balance in sorted(balances.items())
            if asset not in state.classes
        ],
        [
            UnitsView(asset, balance.total, balance.held, state.frozen.units(account, asset))
            for asset, balance in sorted(balances.items())
            if asset in state.classes
        ],
        [_order(state, state.orders[order_id]) for order_id in sorted(state.account_orders.get(account, {}))],
        [
            trade
            for trade, obligation in sorted(state.obligations.items())
            if account in (obligation.settled.buyer, obligation.settled.seller)
        ],
    )


def view_holds(state: State) -> HoldsView:
    """Everything that is held, and for what."""
    return HoldsView(
        state.last_seq,
        state.last_at,
        [_order(state, order) for _, order in sorted(state.orders.items())],
        sorted(state.obligations),
        [
            FrozenView(account, class_id, state.frozen.units(account, class_id))
            for account, class_id in state.frozen.accounts()
        ],
    )


def render_cash(currency: str, amount: int) -> str:
    """Minor units as a decimal of the currency."""
    return render_decimal(amount, currency_exponent(currency))


def _levels(state: State, symbol: str, book: OrderBook, side: Side) -> list[LevelView]:
    price = state.listings[symbol].instrument.ticks_to_price
    return [LevelView(price(ticks), quantity, orders) for ticks, quantity, orders in book.depth(side)]


def _order(state: State, order: OpenOrder) -> OrderView:
    instrument = state.listings[order.instrument].instrument
    request = order.request
    return OrderView(
        order.order_id,
        order.account,
        request.client_order_id,
        order.instrument,
        order.side,
        request.order_type,
        request.time_in_force,
        instrument.ticks_to_price(order.price),
        order.quantity,
        order.filled,
        order.status,
        f"{render_cash(instrument.currency, order.hold_cash)} {instrument.currency}"
        if order.hold_cash
        else "",
        list(order.deliver),
    )
