"""Facts and state of the venue as answers: ticks become prices, minor units become cash."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.money import currency_exponent, render_decimal
from exchange.domain.order_entry import price_band
from exchange.domain.orders import OrderStatus, Side
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import units_by_class
from gateway import results
from gateway.book_feed import checksum
from gateway.serial_text import serial_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.carbon.claim_forms import Claim
    from exchange.domain.instruments import Instrument, Listing
    from exchange.domain.orders import Delivery, OpenOrder, OrderRequest, RememberedOrder
    from exchange.domain.serials import ClassBlock
    from exchange.domain.state import State
    from gateway.book_feed import BookView, Levels
    from gateway.market_activity import LiveCandle, Print
    from gateway.replica import Replica


SERIALS_SHOWN = 100
"""Blocks of serial numbers in the answer about one retirement."""


def cash_text(amount: int, currency: str) -> str:
    """Decimal text of an amount in minor units."""
    return render_decimal(amount, currency_exponent(currency))


def known_listing(state: State, symbol: str) -> Listing:
    """The listing of an instrument; raises Reject."""
    listing = state.listings.get(symbol)
    if listing is None:
        raise Reject(RejectCode.UNKNOWN_INSTRUMENT, f"{symbol!r} is not listed")
    return listing


# Market data.


def render_instrument(listing: Listing, last_trade_id: int) -> results.InstrumentInfo:
    """Listing terms, present band and state."""
    instrument = listing.instrument
    price = instrument.ticks_to_price
    lowest, highest = price_band(listing)
    return results.InstrumentInfo(
        symbol=instrument.symbol,
        name=instrument.name,
        classes=instrument.classes or listing.deliverable,
        rule=instrument.rule,
        unit=instrument.unit,
        currency=instrument.currency,
        tick=price(1),
        price_decimals=instrument.price_decimals,
        lot=instrument.lot,
        minimum_quantity=instrument.minimum_quantity,
        maximum_quantity=instrument.maximum_quantity,
        reference_price=price(listing.reference_price),
        lowest_price=price(lowest),
        highest_price=price(highest),
        maker_fee_ppm=instrument.maker_fee_ppm,
        taker_fee_ppm=instrument.taker_fee_ppm,
        state=listing.state,
        settlement_days=instrument.settlement_days,
        calendar=instrument.calendar,
        last_price=price(listing.last_price) if listing.last_price else None,
        last_trade_id=last_trade_id,
    )


def render_levels(instrument: Instrument, levels: Levels) -> list[results.BookLevel]:
    """Levels with decimal prices."""
    price = instrument.ticks_to_price
    return [(price(ticks), quantity) for ticks, quantity in levels]


def render_book(instrument: Instrument, view: BookView) -> results.Book:
    """A view of a book."""
    return results.Book(
        instrument=instrument.symbol,
        seq=view.seq,
        bids=render_levels(instrument, view.bids),
        asks=render_levels(instrument, view.asks),
        checksum=checksum(instrument, view),
    )


def render_print(instrument: Instrument, trade: Print) -> results.Trade:
    """A trade on the tape."""
    price = instrument.ticks_to_price(trade.price)
    return results.Trade(trade.trade_id, price, trade.quantity, trade.taker_side, trade.at)


def render_candle(instrument: Instrument, candle: LiveCandle) -> results.CandleBar:
    """A candle as it stands."""
    price = instrument.ticks_to_price
    return results.CandleBar(
        start=candle.start,
        open=price(candle.open),
        high=price(candle.high),
        low=price(candle.low),
        close=price(candle.close),
        volume=candle.volume,
        trades=candle.trades,
    )


# Orders.


def render_open_order(state: State, order: OpenOrder, seq: int) -> results.OrderState:
    """A live order."""
    request = order.request
    return results.OrderState(
        order_id=order.order_id,
        client_order_id=request.client_order_id,
        account=order.account,
        instrument=request.instrument,
        side=request.side,
        order_type=request.order_type,
        time_in_force=request.time_in_force,
        status=order.status,
        price=state.listings[request.instrument].instrument.ticks_to_price(order.price),
        quantity=order.quantity,
        filled=order.filled,
        remaining=order.remaining,
        seq=seq,
        expire_date=request.expire_date,
        post_only=request.post_only,
        display_quantity=request.display_quantity,
        self_trade_prevention=request.self_trade_prevention,
        retire_on_fill=_retirement_terms(request),
    )


def render_ended_order(
    state: State, account: str, remembered: RememberedOrder, reject: results.ErrorBody | None
) -> results.OrderState:
    """An order that ended or was rejected, as far as it is remembered."""
    request = remembered.request
    listing = state.listings.get(request.instrument)
    price = None
    if listing is not None and request.price is not None:
        price = listing.instrument.ticks_to_price(request.price)
    return results.OrderState(
        order_id=remembered.order_id,
        client_order_id=request.client_order_id,
        account=account,
        instrument=request.instrument,
        side=request.side,
        order_type=request.order_type,
        time_in_force=request.time_in_force,
        status=remembered.status,
        price=price,
        quantity=request.quantity,
        filled=remembered.filled,
        remaining=0,
        seq=state.last_seq,
        expire_date=request.expire_date,
        post_only=request.post_only,
        display_quantity=request.display_quantity,
        self_trade_prevention=request.self_trade_prevention,
        retire_on_fill=_retirement_terms(request),
        reject=reject,
    )


def _retirement_terms(request: OrderRequest) -> results.RetirementTerms | None:
    terms = request.retire_on_fill
    return None if terms is None else results.RetirementTerms(terms.beneficiary, terms.purpose)


def render_placed(
    state: State, recorded: list[ev.Recorded], *, duplicate: bool = False
) -> results.OrderReport:
    """What placing an order did, from the events of its command alone."""
    accepted = recorded[0].event
    if not isinstance(accepted, ev.OrderAccepted):
        raise TypeError(f"an order's command began with {accepted.kind}")
    return _report(
        state,
        recorded,
        order_id=recorded[0].seq,
        account=accepted.account,
        request=accepted.order,
        price=accepted.price,
        quantity=accepted.order.quantity,
        filled=0,
        duplicate=duplicate,
    )


def render_changed(replica: Replica, recorded: list[ev.Recorded]) -> results.OrderReport:
    """What amending or cancelling an order did, as of its command."""
    changed = recorded[0].event
    order, filled = replica.order_changed_by(recorded[0].seq)
    if isinstance(changed, ev.OrderAmended):
        price, quantity = changed.price, changed.quantity
    elif isinstance(changed, ev.OrderCancelled):
        price, quantity = order.price, order.quantity
    else:
        raise TypeError(f"the command of an amend or a cancel began with {changed.kind}")
    return _report(
        replica.state,
        recorded,
        order_id=order.order_id,
        account=order.account,
        request=order.request,
        price=price,
        quantity=quantity,
        filled=filled,
        duplicate=False,
    )


def _report(
    state: State,
    recorded: list[ev.Recorded],
    *,
    order_id: int,
    account: str,
    request: OrderRequest,
    price: int,
    quantity: int,
    filled: int,
    duplicate: bool,
) -> results.OrderReport:
    """How an order stands after a command, given how it stood and all events of the command."""
    instrument = state.listings[request.instrument].instrument
    fills: list[results.OrderFill] = []
    ended = False
    retirement_id = 0
    for item in recorded:
        event = item.event
        if isinstance(event, ev.Fill):
            filled += event.quantity
            fills.append(_order_fill(instrument, item.seq, event, request.side))
        elif isinstance(event, ev.OrderCancelled):
            ended = ended or event.order_id == order_id
        elif isinstance(event, ev.OrdersDecremented):
            quantity -= event.quantity
            # As in the state: an order whose rest self-trade prevention took off is cancelled, not filled.
            ended = ended or quantity == filled
        elif isinstance(event, ev.Retired) and event.order_id == order_id:
            retirement_id = item.seq
    if ended:
        status = OrderStatus.CANCELLED
    elif filled == quantity:
        status = OrderStatus.FILLED
    else:
        status = OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.OPEN
    return results.OrderReport(
        order_id=order_id,
        client_order_id=request.client_order_id,
        account=account,
        instrument=request.instrument,
        side=request.side,
        status=status,
        price=instrument.ticks_to_price(price),
        quantity=quantity,
        filled=filled,
        remaining=0 if ended else quantity - filled,
        fills=fills,
        seq=recorded[-1].seq,
        time=recorded[0].recorded_at,
        duplicate=duplicate,
        retirement_id=retirement_id,
    )


def _order_fill(instrument: Instrument, seq: int, fill: ev.Fill, side: Side) -> results.OrderFill:
    fee = fill.buyer_fee if side is Side.BUY else fill.seller_fee
    return results.OrderFill(
        trade_id=seq,
        price=instrument.ticks_to_price(fill.price),
        quantity=fill.quantity,
        amount=cash_text(fill.amount, fill.currency),
        fee=cash_text(fee, fill.currency),
    )


# Accounts.


def render_account_fill(state: State, account: str, seq: int, at: int, fill: ev.Fill) -> results.AccountFill:
    """A trade as the buyer or the seller sees it."""
    side = Side.BUY if fill.buyer == account else Side.SELL
    took = side is fill.taker_side
    return results.AccountFill(
        trade_id=seq,
        account=account,
        order_id=fill.taker_order_id if took else fill.maker_order_id,
        instrument=fill.instrument,
        side=side,
        liquidity="taker" if took else "maker",
        price=state.listings[fill.instrument].instrument.ticks_to_price(fill.price),
        quantity=fill.quantity,
        currency=fill.currency,
        amount=cash_text(fill.amount, fill.currency),
        fee=cash_text(fill.buyer_fee if side is Side.BUY else fill.seller_fee, fill.currency),
        delivered=render_delivery(fill.delivered),
        settlement_date=fill.settlement_date,
        time=at,
        deferred=fill.deferred,
    )


def render_delivery(delivery: Delivery) -> list[results.Delivered]:
    """Classes and units of each."""
    return [results.Delivered(class_id, units) for class_id, units in delivery]


def render_serials(blocks: Iterable[ClassBlock]) -> list[results.Serials]:
    """Serial blocks as their registries write them."""
    return [results.Serials(class_id, serial_text(block), block.quantity) for class_id, block in blocks]


def _claim(claim: Claim | None) -> results.RetirementClaim | None:
    if claim is None:
        return None
    return results.RetirementClaim(claim.kind, claim.year, claim.period, claim.party)


def render_retirement(
    seq: int, at: int, retired: ev.Retired, *, duplicate: bool = False
) -> results.Retirement:
    """A retirement; its id is the seq of its event."""
    return results.Retirement(
        retirement_id=seq,
        account=retired.account,
        credits=render_delivery(units_by_class(retired.credits)),
        quantity=sum(block.quantity for _, block in retired.credits),
        blocks=len(retired.credits),
        serials=render_serials(islice(retired.credits, SERIALS_SHOWN)),
        beneficiary=retired.beneficiary,
        purpose=retired.purpose,
        reference=retired.reference,
        order_id=retired.order_id,
        claim=_claim(retired.claim),
        time=at,
        duplicate=duplicate,
    )


def render_balances(state: State, account: str) -> results.Balances:
    """Cash of an account."""
    balances = state.ledger.accounts.get(account, {})
    cash = [
        results.CashBalance(
            currency=asset,
            total=cash_text(balance.total, asset),
            held=cash_text(balance.held, asset),
            available=cash_text(balance.available, asset),
        )
        for asset, balance in sorted(balances.items())
        if "-" not in asset
    ]
    return results.Balances(account, state.last_seq, cash)


def render_holdings(state: State, account: str) -> results.Holdings:
    """Units of an account; classes of which it has none any more are left out."""
    balances = state.ledger.accounts.get(account, {})
    locked: dict[str, int] = {}
    for obligation in state.obligations.values():
        if obligation.settled.seller == account:
            for class_id, quantity in obligation.settled.delivered:
                locked[class_id] = locked.get(class_id, 0) + quantity
    units = [
        results.UnitBalance(
            asset,
            balance.total,
            balance.held,
            balance.available,
            locked.get(asset, 0),
            state.frozen.units(account, asset),
        )
        for asset, balance in sorted(balances.items())
        if "-" in asset and balance.total
    ]
    return results.Holdings(account, state.last_seq, units)
