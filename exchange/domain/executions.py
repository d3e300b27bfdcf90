"""What an order book did, as events of the venue, one by one, so that each sees the state that it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.calendars import add_business_days
from exchange.domain.carbon.proceeds import share_out
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.instruments import PPM
from exchange.domain.making.protection import trips
from exchange.domain.orders import take_back, take_front
from matching.events import Cancelled, Decremented, Filled
from matching.order import Side

if TYPE_CHECKING:
    from exchange.domain.deciding import Deciding
    from exchange.domain.instruments import Listing
    from exchange.domain.orders import OpenOrder
    from exchange.domain.state import State
    from matching.events import BookEvent

RETIRED_ON_FILL = "retired-on-fill/"
"""References that the venue gives itself begin so."""


def cancel_orders(
    venue: Deciding, order_ids: list[int], reason: ev.CancelReason, by: str = "", request_id: str = ""
) -> None:
    """Take live orders off their books and emit their cancels in the order given."""
    for order_id in order_ids:
        order = venue.state.orders[order_id]
        venue.state.books[order.instrument].cancel(order_id)
        emit_cancelled(venue, order_id, reason, by, request_id)


def emit_cancelled(
    venue: Deciding, order_id: int, reason: ev.CancelReason, by: str = "", request_id: str = ""
) -> None:
    """Emit the end of an order that has left its book."""
    order = venue.state.orders[order_id]
    venue.emit(
        ev.OrderCancelled(
            order_id=order_id,
            account=order.account,
            instrument=order.instrument,
            quantity=order.remaining,
            reason=reason,
            currency=venue.state.listings[order.instrument].instrument.currency,
            by=by,
            release_cash=order.hold_cash,
            release_units=order.deliver,
            request_id=request_id,
        )
    )


def emit_book_events(venue: Deciding, listing: Listing, book_events: list[BookEvent]) -> None:
    """Turn what the book did into events of the venue, one by one, so that each sees the state that it changes."""
    retirements: dict[int, ev.Retired] = {}
    protected: dict[str, None] = {}
    """Accounts that traded, while anybody is protected."""
    for book_event in book_events:
        if isinstance(book_event, Filled):
            fill = _fill(venue.state, listing, book_event)
            _retire_on_fill(venue.state, fill, retirements)
            seq = venue.emit(fill)
            if not fill.deferred:
                share_out(venue, seq, fill, fill.delivered)
            if venue.state.making.protections:
                protected.update({fill.buyer: None, fill.seller: None})
        elif isinstance(book_event, Cancelled):
            emit_cancelled(venue, book_event.order_id, ev.CancelReason(book_event.reason.value))
        elif isinstance(book_event, Decremented):
            venue.emit(_decremented(venue.state, listing, book_event))
        else:
            raise TypeError(f"the book answered {book_event} to a checked request")
    for retired in retirements.values():
        venue.emit(retired)
    for tripped in trips(venue.state, tuple(protected), listing.instrument.symbol):
        venue.emit(tripped)
        order_ids = live_orders(venue.state, tripped.account, tripped.instrument)
        cancel_orders(venue, order_ids, ev.CancelReason.PROTECTION)


def live_orders(state: State, account: str, instrument: str) -> list[int]:
    """Ids of an account's live orders in an instrument, oldest first."""
    return [
        order_id
        for order_id in state.account_orders.get(account, ())
        if state.orders[order_id].instrument == instrument
    ]


def _retire_on_fill(state: State, fill: ev.Fill, retirements: dict[int, ev.Retired]) -> None:
    """Add what a fill will deliver to the retirement that its buy order asked for, if it did; one per order."""
    order_id = fill.taker_order_id if fill.taker_side is Side.BUY else fill.maker_order_id
    terms = state.orders[order_id].request.retire_on_fill
    if terms is None or fill.deferred:
        return
    delivered = tuple(
        (class_id, block)
        for class_id, units in fill.delivered
        for block in state.holdings.lowest(fill.seller, class_id, units)
    )
    earlier = retirements.get(order_id)
    retirements[order_id] = ev.Retired(
        account=fill.buyer,
        credits=(*(earlier.credits if earlier else ()), *delivered),
        beneficiary=terms.beneficiary,
        purpose=terms.purpose,
        reference=earlier.reference if earlier else f"{RETIRED_ON_FILL}{order_id}/{state.last_seq + 1}",
        rule=LOWEST_SERIAL,
        order_id=order_id,
    )


def settlement_date(state: State, listing: Listing) -> str:
    """When a trade of today settles."""
    instrument = listing.instrument
    holidays = state.calendars.get(instrument.calendar, ())
    return add_business_days(state.business_date, instrument.settlement_days, holidays)


def _fill(state: State, listing: Listing, filled: Filled) -> ev.Fill:
    maker, taker = state.orders[filled.maker_id], state.orders[filled.taker_id]
    buyer, seller = (taker, maker) if taker.side is Side.BUY else (maker, taker)
    quantity = filled.quantity
    amount = listing.notional(filled.price, quantity)
    maker_fee = maker.fee_for(amount, maker.maker_fee_ppm)
    taker_fee = taker.fee_for(amount, taker.taker_fee_ppm)
    buyer_fee, seller_fee = (taker_fee, maker_fee) if buyer is taker else (maker_fee, taker_fee)
    buyer_rate_ppm = buyer.taker_fee_ppm if buyer is taker else buyer.maker_fee_ppm
    settles_on = settlement_date(state, listing)
    return ev.Fill(
        instrument=maker.instrument,
        maker_order_id=filled.maker_id,
        taker_order_id=filled.taker_id,
        taker_side=taker.side,
        price=filled.price,
        quantity=quantity,
        buyer=buyer.account,
        seller=seller.account,
        currency=listing.instrument.currency,
        amount=amount,
        buyer_fee=buyer_fee,
        seller_fee=seller_fee,
        buyer_release=_released_by_fill(listing, buyer, quantity, amount, buyer_rate_ppm, buyer_fee),
        delivered=take_front(seller.deliver, quantity)[0],
        rule=LOWEST_SERIAL,
        settlement_date=settles_on,
        deferred=settles_on > state.business_date,
    )


def _released_by_fill(
    listing: Listing, buyer: OpenOrder, quantity: int, amount: int, rate_ppm: int, fee: int
) -> int:
    """What the buyer's order holds beyond the fill and what it still needs: price improvement and unused fee."""
    open_notional = listing.notional(buyer.price, buyer.remaining - quantity)
    highest_ppm = max(buyer.maker_fee_ppm, buyer.taker_fee_ppm)
    numerator = buyer.fee_numerator + amount * rate_ppm + open_notional * highest_ppm
    needed = open_notional + -(-numerator // PPM) - (buyer.fee_charged + fee)
    return buyer.hold_cash - amount - fee - needed


def _decremented(state: State, listing: Listing, decremented: Decremented) -> ev.OrdersDecremented:
    maker, taker = state.orders[decremented.maker_id], state.orders[decremented.taker_id]
    buyer, seller = (taker, maker) if taker.side is Side.BUY else (maker, taker)
    open_notional = listing.notional(buyer.price, buyer.remaining - decremented.quantity)
    return ev.OrdersDecremented(
        instrument=maker.instrument,
        maker_order_id=decremented.maker_id,
        taker_order_id=decremented.taker_id,
        quantity=decremented.quantity,
        buyer=buyer.account,
        seller=seller.account,
        currency=listing.instrument.currency,
        buyer_release=buyer.hold_cash - buyer.needed_cash(open_notional),
        release_units=take_back(seller.deliver, decremented.quantity)[0],
    )
