"""Deciders of orders: place, amend, cancel. Funds and units are held before the book sees an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.carbon.obstacles import check_buyer, check_retirement_on_fill
from exchange.domain.deciding import (
    DuplicateRequest,
    parse_date,
    require_trader,
    require_trader_or_operator,
)
from exchange.domain.executions import cancel_orders, emit_book_events
from exchange.domain.instruments import PPM, InstrumentState
from exchange.domain.making.protection import require_not_frozen
from exchange.domain.orders import OrderType, take_back
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.well_formed import check_id
from matching.order import Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.commands import AmendOrder, CancelAll, CancelOrder, PlaceOrder
    from exchange.domain.deciding import Deciding
    from exchange.domain.instruments import Listing
    from exchange.domain.orders import Delivery, OpenOrder, OrderRequest
    from exchange.domain.state import State

IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)
MAX_OPEN_ORDERS = 50_000
"""Live orders of one account."""
MAX_NAMED_CLASSES = 100
"""Classes that one order may name for delivery."""


def place(venue: Deciding, command: PlaceOrder) -> None:
    """Accept an order with its holds, then let it trade; or refuse it."""
    state, account, request = venue.state, command.account, command.order
    require_trader(state, command.by, command.session, account)
    check_id(request.client_order_id, "client order id")
    if len(request.deliver) > MAX_NAMED_CLASSES:
        raise Reject(RejectCode.INVALID_PARAMS, f"an order names at most {MAX_NAMED_CLASSES} classes")
    remembered = state.remembered.get(account, {}).get(request.client_order_id)
    if remembered is not None and remembered.request == request:
        raise DuplicateRequest(remembered.command)
    enter(venue, acceptance(state, account, command.session, request))


def amend(venue: Deciding, command: AmendOrder) -> None:
    """Change a live order's limit or total quantity."""
    state = venue.state
    require_trader(state, command.by, command.session, command.account)
    check_request_id(state, command.account, command.request_id)
    order = _live_order(state, command)
    if command.price is None and command.quantity is None:
        raise Reject(RejectCode.NOTHING_TO_AMEND, "neither a price nor a quantity was given")
    price = order.price if command.price is None else command.price
    quantity = order.quantity if command.quantity is None else command.quantity
    if quantity > order.filled:
        change(venue, amendment(state, order, price, quantity, command.request_id))
        return
    tradable(state, order.instrument)
    if quantity < 1:
        raise Reject(RejectCode.INVALID_QUANTITY, "a quantity is at least 1; use a cancel to end the order")
    cancel_orders(
        venue, [order.order_id], ev.CancelReason.AMENDED_BELOW_FILLED, request_id=command.request_id
    )


def cancel(venue: Deciding, command: CancelOrder) -> None:
    """End one live order; taken in every state of the instrument."""
    state = venue.state
    require_trader_or_operator(state, command.by, command.session, command.account)
    check_request_id(state, command.account, command.request_id)
    order_id = _live_order(state, command).order_id
    cancel_orders(venue, [order_id], ev.CancelReason.REQUESTED, command.by, command.request_id)


def cancel_all(venue: Deciding, command: CancelAll) -> None:
    """End the live orders of an account that match, oldest first."""
    state = venue.state
    require_trader_or_operator(state, command.by, command.session, command.account)
    check_request_id(state, command.account, command.request_id)
    if command.instrument and command.instrument not in state.listings:
        raise Reject(RejectCode.UNKNOWN_INSTRUMENT, f"{command.instrument!r} is not listed")
    order_ids = [
        order_id
        for order_id in state.account_orders.get(command.account, ())
        if command.instrument in ("", state.orders[order_id].instrument)
        and command.side in (None, state.orders[order_id].side)
    ]
    cancel_orders(venue, order_ids, ev.CancelReason.MASS_CANCEL, command.by, command.request_id)


# Orders and quotes enter the book, and change, in the same way: first everything is checked, then it is done.


def acceptance(
    state: State, account: str, session: int, request: OrderRequest, *, quote: bool = False
) -> ev.OrderAccepted:
    """The acceptance of a new order with what it holds, or a refusal. Nothing has happened yet."""
    _check_unused(state, account, request.client_order_id)
    if len(state.account_orders.get(account, ())) >= MAX_OPEN_ORDERS:
        raise Reject(
            RejectCode.TOO_MANY_OPEN_ORDERS,
            f"the account has {MAX_OPEN_ORDERS} live orders, the most it may have",
        )
    listing = tradable(state, request.instrument)
    instrument = listing.instrument
    require_not_frozen(state, account, instrument.symbol)
    check_quantity(listing, request.quantity)
    price = _effective_price(listing, request)
    _check_terms(listing, request)
    expiry = _expiry(state, request)
    if request.post_only and state.books[instrument.symbol].crosses(request.side, price):
        raise Reject(RejectCode.POST_ONLY_WOULD_TRADE, "the order would trade at once")
    hold_cash = 0
    deliver: Delivery = ()
    if request.side is Side.BUY:
        check_buyer(state, account)
        notional = listing.notional(price, request.quantity)
        rate_ppm = max(instrument.maker_fee_ppm, instrument.taker_fee_ppm)
        hold_cash = notional - (-notional * rate_ppm // PPM)
        require_cash(state, account, instrument.currency, hold_cash)
        if request.retire_on_fill is not None:
            check_retirement_on_fill(state, listing)
    else:
        deliver = _deliverable(state, account, listing, request)
    return ev.OrderAccepted(
        account=account,
        session=session,
        order=request,
        price=price,
        expiry=expiry,
        currency=instrument.currency,
        maker_fee_ppm=instrument.maker_fee_ppm,
        taker_fee_ppm=instrument.taker_fee_ppm,
        hold_cash=hold_cash,
        deliver=deliver,
        quote=quote,
    )


def enter(venue: Deciding, accepted: ev.OrderAccepted) -> None:
    """Let an accepted order enter the book and trade."""
    state = venue.state
    order_id = venue.emit(accepted)
    listing, book = state.listings[accepted.order.instrument], state.books[accepted.order.instrument]
    emit_book_events(venue, listing, book.submit(state.book_order(order_id, accepted)))


def amendment(
    state: State, order: OpenOrder, price: int, quantity: int, request_id: str = ""
) -> ev.OrderAmended:
    """The change of a live order to a limit and a total quantity above what is filled, or a refusal."""
    listing = tradable(state, order.instrument)
    check_quantity(listing, quantity)
    if price != order.price or quantity > order.quantity:
        # It enters the book anew.
        check_price(listing, price)
    if (
        order.request.post_only
        and price != order.price
        and state.books[order.instrument].crosses(order.side, price)
    ):
        raise Reject(RejectCode.POST_ONLY_WOULD_TRADE, "the amended order would trade at once")
    return _amended(state, listing, order, price, quantity, request_id)


def change(venue: Deciding, amended: ev.OrderAmended) -> None:
    """Change an order in its book and let it trade."""
    book_events = venue.state.books[amended.instrument].amend(
        amended.order_id, amended.price, amended.quantity
    )
    # The book's own `Amended` comes first; the venue's carries the holds as well.
    venue.emit(amended)
    del book_events[0]
    emit_book_events(venue, venue.state.listings[amended.instrument], book_events)


def check_request_id(state: State, account: str, request_id: str) -> None:
    """Refuse an id that cannot be one or names an order; a request of this id that was answered is a duplicate."""
    if not request_id:
        return
    answered = state.requests.find(account, request_id)
    if answered:
        raise DuplicateRequest(answered)
    check_id(request_id, "request id")
    _check_unused(state, account, request_id)


def _check_unused(state: State, account: str, client_order_id: str) -> None:
    """Orders, and requests about them, share their ids: an order takes that of the request that amended it."""
    if (
        client_order_id in state.remembered.get(account, ())
        or client_order_id in state.names.get(account, ())
        or state.requests.find(account, client_order_id)
    ):
        raise Reject(
            RejectCode.CLIENT_ORDER_ID_REUSED,
            f"client order id {client_order_id!r} was used for another order",
        )


# Shared with the other deciders.


def tradable(state: State, symbol: str) -> Listing:
    """The listing of an instrument that takes orders now."""
    listing = state.listings.get(symbol)
    if listing is None:
        raise Reject(RejectCode.UNKNOWN_INSTRUMENT, f"{symbol!r} is not listed")
    if listing.state is InstrumentState.HALTED:
        raise Reject(RejectCode.INSTRUMENT_HALTED, f"{symbol} is halted and takes cancels only")
    if listing.state is InstrumentState.CLOSED:
        raise Reject(RejectCode.INSTRUMENT_CLOSED, f"{symbol} is closed")
    return listing


def check_quantity(listing: Listing, quantity: int, *, up_to_maximum: bool = True) -> None:
    """Refuse quantities outside the instrument's limits."""
    instrument = listing.instrument
    if quantity < 1:
        raise Reject(RejectCode.INVALID_QUANTITY, "a quantity is at least 1")
    if quantity < instrument.minimum_quantity:
        raise Reject(RejectCode.QUANTITY_BELOW_MINIMUM, f"the minimum is {instrument.minimum_quantity}")
    if up_to_maximum and quantity > instrument.maximum_quantity:
        raise Reject(RejectCode.QUANTITY_ABOVE_MAXIMUM, f"the maximum is {instrument.maximum_quantity}")
    if quantity % instrument.lot:
        raise Reject(RejectCode.QUANTITY_OFF_LOT, f"{quantity} is not a multiple of the lot {instrument.lot}")


def price_band(listing: Listing) -> tuple[int, int]:
    """Lowest and highest price in ticks that an order may have now."""
    reference, band_ppm = listing.reference_price, listing.instrument.band_ppm
    # At least a tick either way, or a low price could never move again.
    low = min(-(-reference * (PPM - band_ppm) // PPM), reference - 1)
    high = max(reference * (PPM + band_ppm) // PPM, reference + 1)
    return max(low, 1), high


def check_price(listing: Listing, price: int) -> None:
    """Refuse prices outside the band around the reference price."""
    low, high = price_band(listing)
    if not low <= price <= high:
        show = listing.instrument.ticks_to_price
        raise Reject(
            RejectCode.PRICE_OUTSIDE_BAND, f"{show(price)} lies outside the band {show(low)} to {show(high)}"
        )


def require_cash(state: State, account: str, currency: str, amount: int) -> None:
    """Refuse what the account cannot hold in cash."""
    available = state.ledger.balance(account, currency).available
    if amount > available:
        raise Reject(
            RejectCode.INSUFFICIENT_FUNDS, f"{amount} minor units of {currency} needed, {available} available"
        )


def available_units(state: State, account: str, class_ids: Iterable[str], quantity: int) -> Delivery:
    """As many units as needed of those available to the account, class by class in the order given."""
    deliver: list[tuple[str, int]] = []
    missing = quantity
    for class_id in class_ids:
        units = min(missing, state.ledger.balance(account, class_id).available)
        if units > 0:
            deliver.append((class_id, units))
            missing -= units
    if missing:
        raise Reject(
            RejectCode.INSUFFICIENT_UNITS,
            f"{quantity} deliverable units needed, {quantity - missing} available",
        )
    return tuple(deliver)


# Parts of placing an order.


def _effective_price(listing: Listing, request: OrderRequest) -> int:
    if request.order_type is OrderType.LIMIT:
        if request.price is None:
            raise Reject(RejectCode.INVALID_PRICE, "a limit order needs a price")
        check_price(listing, request.price)
        return request.price
    low, high = price_band(listing)
    if request.price is None:
        return high if request.side is Side.BUY else low
    if request.price < 1:
        raise Reject(RejectCode.INVALID_PRICE, "a protection price is positive")
    return min(request.price, high) if request.side is Side.BUY else max(request.price, low)


def _check_terms(listing: Listing, request: OrderRequest) -> None:
    problem = ""
    immediate = request.time_in_force in IMMEDIATE or request.order_type is OrderType.MARKET
    display = request.display_quantity
    if request.order_type is OrderType.MARKET and request.time_in_force in (TimeInForce.GTC, TimeInForce.GTD):
        problem = "a market order never rests, so it cannot be good till cancelled or till a date"
    elif immediate and request.post_only:
        problem = "an order that never rests cannot be post-only"
    elif immediate and display:
        problem = "an order that never rests has no display quantity"
    elif not 0 <= display <= request.quantity or display % listing.instrument.lot:
        problem = "the display quantity is a multiple of the lot and not above the quantity"
    elif bool(request.expire_date) != (request.time_in_force is TimeInForce.GTD):
        problem = "an expire date and time in force GTD go together"
    elif request.deliver and request.side is Side.BUY:
        problem = "only a sell order names the classes that it delivers"
    elif request.retire_on_fill and request.side is Side.SELL:
        problem = "only a buy order retires what it gets"
    elif request.retire_on_fill and not request.retire_on_fill.beneficiary.strip():
        raise Reject(RejectCode.BENEFICIARY_REQUIRED, "a retirement names its beneficiary")
    if problem:
        raise Reject(RejectCode.ORDER_TERMS_CONFLICT, problem)


def _expiry(state: State, request: OrderRequest) -> str:
    if request.time_in_force is TimeInForce.GTC:
        return ""
    if request.time_in_force is not TimeInForce.GTD:
        return state.business_date
    if parse_date(request.expire_date) < parse_date(state.business_date):
        raise Reject(
            RejectCode.EXPIRY_IN_THE_PAST,
            f"{request.expire_date} is before the business date {state.business_date}",
        )
    return request.expire_date


def _deliverable(state: State, account: str, listing: Listing, request: OrderRequest) -> Delivery:
    """The classes that a sell order holds: those it names, or the oldest vintages."""
    if not request.deliver:
        return available_units(state, account, listing.deliverable, request.quantity)
    named = [class_id for class_id, _ in request.deliver]
    for class_id in named:
        if class_id not in listing.deliverable:
            raise Reject(
                RejectCode.CLASS_NOT_DELIVERABLE,
                f"{class_id!r} does not deliver into {listing.instrument.symbol}",
            )
    total = sum(units for _, units in request.deliver)
    if (
        len(set(named)) != len(named)
        or total != request.quantity
        or min(units for _, units in request.deliver) < 1
    ):
        raise Reject(
            RejectCode.DELIVERY_MISMATCH,
            f"the classes to deliver add up to {total} units (each class once, at least 1), not {request.quantity}",
        )
    for class_id, units in request.deliver:
        available = state.ledger.balance(account, class_id).available
        if units > available:
            raise Reject(
                RejectCode.INSUFFICIENT_UNITS, f"{units} units of {class_id} needed, {available} available"
            )
    return request.deliver


# Parts of amending one.


def _live_order(state: State, command: AmendOrder | CancelOrder) -> OpenOrder:
    """The account's live order that a command names by either id."""
    order_id = command.order_id
    if not order_id and command.client_order_id:
        order_id = state.order_named(command.account, command.client_order_id)
    order = state.orders.get(order_id)
    if order is None or order.account != command.account:
        named = command.order_id or repr(command.client_order_id)
        raise Reject(RejectCode.UNKNOWN_ORDER, f"the account has no live order {named}")
    return order


def _amended(
    state: State, listing: Listing, order: OpenOrder, price: int, quantity: int, request_id: str
) -> ev.OrderAmended:
    """The event of an amend that leaves the order live, with the change of its holds; refused without cover."""
    currency = listing.instrument.currency
    change = 0
    hold_units: Delivery = ()
    release_units: Delivery = ()
    more = quantity - order.quantity
    if order.side is Side.BUY:
        change = order.needed_cash(listing.notional(price, quantity - order.filled)) - order.hold_cash
        require_cash(state, order.account, currency, change)
    elif more > 0:
        # An order that named its classes delivers no others, however much it grows.
        class_ids = [class_id for class_id, _ in order.request.deliver] or listing.deliverable
        hold_units = available_units(state, order.account, class_ids, more)
    elif more < 0:
        release_units, _ = take_back(order.deliver, -more)
    return ev.OrderAmended(
        order_id=order.order_id,
        account=order.account,
        instrument=order.instrument,
        price=price,
        quantity=quantity,
        keeps_priority=price == order.price and more <= 0,
        currency=currency,
        hold_cash_change=change,
        hold_units=hold_units,
        release_units=release_units,
        request_id=request_id,
    )
