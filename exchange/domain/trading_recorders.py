"""What the events of orders and trades mean for the state, outside the order books."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.making import protection
from exchange.domain.open_trades import BlockHalf, Obligation
from exchange.domain.orders import (
    OpenOrder,
    OrderStatus,
    RememberedOrder,
    merge_delivery,
    take_back,
    take_front,
)
from matching.order import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.serials import ClassBlock
    from exchange.domain.state import State

# Looking a member up in its class costs more than what is done with it.
_BUY = Side.BUY
_OPEN, _FILLED, _CANCELLED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELLED


def _order_accepted(state: State, seq: int, event: ev.OrderAccepted) -> None:
    account, request = event.account, event.order
    state.orders[seq] = OpenOrder(
        order_id=seq,
        account=account,
        session=event.session,
        request=request,
        price=event.price,
        quantity=request.quantity,
        maker_fee_ppm=event.maker_fee_ppm,
        taker_fee_ppm=event.taker_fee_ppm,
        hold_cash=event.hold_cash,
        deliver=event.deliver,
    )
    state.account_orders.setdefault(account, {})[seq] = None
    remembered = RememberedOrder(seq, request, seq, _OPEN)
    state.remembered.setdefault(account, {})[request.client_order_id] = remembered
    if event.quote:
        state.making.quote_entered(account, request.instrument, request.side, seq)


def _order_rejected(state: State, seq: int, event: ev.OrderRejected) -> None:
    remembered = state.remembered.setdefault(event.account, {})
    client_order_id = event.order.client_order_id
    # A reused id is refused too, and that refusal must not displace the order that owns the id.
    named = client_order_id in state.names.get(event.account, ())
    if client_order_id not in remembered and not named:
        remembered[client_order_id] = RememberedOrder(seq, event.order, 0, OrderStatus.REJECTED)
        state.ended_today.append((event.account, client_order_id))


def _order_amended(state: State, seq: int, event: ev.OrderAmended) -> None:
    order = state.orders[event.order_id]
    if event.request_id:
        state.requests.remember(event.account, event.request_id, seq)
        _rename(state, order, event.request_id)
    order.price = event.price
    order.quantity = event.quantity
    order.hold_cash += event.hold_cash_change
    if event.hold_units:
        order.deliver = merge_delivery(order.deliver, event.hold_units)
    if event.release_units:
        order.deliver = take_back(order.deliver, sum(units for _, units in event.release_units))[1]


def _order_cancelled(state: State, seq: int, event: ev.OrderCancelled) -> None:
    if event.request_id:
        state.requests.remember(event.account, event.request_id, seq)
    _end(state, state.orders[event.order_id], _CANCELLED)


def _request_refused(state: State, seq: int, event: ev.RequestRefused) -> None:
    if event.request_id and event.account:
        state.requests.remember(event.account, event.request_id, seq)


def _orders_decremented(state: State, _seq: int, event: ev.OrdersDecremented) -> None:
    for order_id in (event.maker_order_id, event.taker_order_id):
        order = state.orders[order_id]
        order.quantity -= event.quantity
        if order.side is _BUY:
            order.hold_cash -= event.buyer_release
        else:
            order.deliver = take_back(order.deliver, event.quantity)[1]
        if not order.remaining:
            _end(state, order, _CANCELLED)


def _fill(state: State, seq: int, event: ev.Fill) -> None:
    maker = state.orders[event.maker_order_id]
    taker = state.orders[event.taker_order_id]
    amount, price, quantity = event.amount, event.price, event.quantity
    maker.fee_numerator += amount * maker.maker_fee_ppm
    taker.fee_numerator += amount * taker.taker_fee_ppm
    buyer, seller = (taker, maker) if event.taker_side is _BUY else (maker, taker)
    buyer.fee_charged += event.buyer_fee
    buyer.hold_cash -= amount + event.buyer_fee + event.buyer_release
    seller.fee_charged += event.seller_fee
    seller.deliver = take_front(seller.deliver, quantity)[1]
    state.listings[event.instrument].last_price = price
    if event.deferred:
        chosen = state.holdings.choose(event.rule, event.seller, event.delivered)
        _lock(state, seq, event, chosen, buyer)
    else:
        state.holdings.pass_on(event.rule, event.seller, event.buyer, event.delivered)
    if state.making.protections:
        for account in (event.buyer, event.seller):
            protection.count_trade(state, account, event.instrument, quantity)
    for order in (maker, taker):
        order.filled += quantity
        order.traded += price * quantity
        if order.filled == order.quantity:
            _end(state, order, _FILLED)


def _lock(
    state: State,
    seq: int,
    event: ev.Fill | ev.BlockTrade,
    chosen: tuple[ClassBlock, ...],
    order: OpenOrder | None = None,
) -> None:
    """Keep a deferred trade's serials for its buyer until it settles."""
    state.holdings.locked[seq] = chosen
    settled = ev.TradeSettled(
        seq,
        event.buyer,
        event.seller,
        event.currency,
        event.amount,
        event.buyer_fee,
        event.seller_fee,
        event.delivered,
    )
    order_id = order.order_id if order else 0
    terms = order.request.retire_on_fill if order else None
    state.obligations[seq] = Obligation(event.settlement_date, settled, order_id, terms, event.delivered)


def _trade_settled(state: State, _seq: int, event: ev.TradeSettled) -> None:
    del state.obligations[event.trade]
    state.holdings.hand_over(event.buyer, state.holdings.locked.pop(event.trade))


def _block_trade_keyed(state: State, seq: int, event: ev.BlockTradeKeyed) -> None:
    key = (event.account, event.counterparty, event.trade_reference)
    state.block_halves[key] = BlockHalf(seq, event)


def _block_trade_ended(state: State, _seq: int, event: ev.BlockTradeEnded) -> None:
    _end_half(state, (event.account, event.counterparty, event.trade_reference))


def _block_trade(state: State, seq: int, event: ev.BlockTrade) -> None:
    _end_half(state, (event.buyer, event.seller, event.trade_reference))
    _end_half(state, (event.seller, event.buyer, event.trade_reference))
    chosen = state.holdings.choose(event.rule, event.seller, event.delivered, event.blocks)
    if event.deferred:
        _lock(state, seq, event, chosen)
    else:
        state.holdings.hand_over(event.buyer, chosen)


def _end_half(state: State, key: tuple[str, str, str]) -> None:
    half = state.block_halves[key]
    state.block_halves[key] = msgspec.structs.replace(half, ended_on=state.business_date)


def _rename(state: State, order: OpenOrder, name: str) -> None:
    remembered = state.remembered[order.account][order.request.client_order_id]
    names = state.names.setdefault(order.account, {})
    names.pop(remembered.name, None)
    names[name] = order.order_id
    remembered.name = name


def _end(state: State, order: OpenOrder, status: OrderStatus) -> None:
    order_id, account, client_order_id = order.order_id, order.account, order.request.client_order_id
    del state.orders[order_id]
    del state.account_orders[account][order_id]
    remembered = state.remembered[account][client_order_id]
    remembered.status = status
    remembered.filled = order.filled
    remembered.traded = order.traded
    if state.making.quotes:
        state.making.order_ended(account, order.instrument, order.side, order_id)
    state.ended_today.append((account, client_order_id))


RECORDERS: dict[type[ev.Event], Callable[..., None]] = {
    ev.BlockTradeKeyed: _block_trade_keyed,
    ev.BlockTradeEnded: _block_trade_ended,
    ev.BlockTrade: _block_trade,
    ev.TradeSettled: _trade_settled,
    ev.OrderAccepted: _order_accepted,
    ev.OrderRejected: _order_rejected,
    ev.OrderAmended: _order_amended,
    ev.OrderCancelled: _order_cancelled,
    ev.RequestRefused: _request_refused,
    ev.OrdersDecremented: _orders_decremented,
    ev.Fill: _fill,
}
"""What an event means for the state, given the state, the event's seq and the event."""
