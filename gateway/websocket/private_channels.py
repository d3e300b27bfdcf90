"""Private channels: which events of the log concern an account, and what each says on each channel.

The data of a push is made of the event and of listing terms that never change, so a replay from the log gives the same
pushes as the live feed gave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.carbon.ex_ante_forms import UnitsConverted, UnitsExpired
from exchange.domain.carbon.freeze_forms import TradeCancelled, UnitsFrozen, UnitsReleased
from exchange.domain.carbon.proceeds_forms import ProceedsPaid
from exchange.domain.entries import entries
from exchange.domain.ledger import Hold
from exchange.domain.orders import Side
from gateway.block_trade_rendering import render_block_trade, render_half
from gateway.rendering import cash_text, render_account_fill, render_delivery, render_retirement
from gateway.results import AccountFill, Retirement
from gateway.websocket import pushes
from gateway.websocket.requests import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.state import State

PrivateData = (
    pushes.OrderData
    | AccountFill
    | pushes.BalancesData
    | Retirement
    | pushes.BlockTradesData
    | pushes.SettlementData
)

_ORDER_EVENTS = (
    ev.OrderAccepted,
    ev.OrderRejected,
    ev.OrderAmended,
    ev.OrderCancelled,
    ev.OrdersDecremented,
    ev.Fill,
)
_BALANCE_EVENTS = (
    ev.OrderAccepted,
    ev.OrderAmended,
    ev.OrderCancelled,
    ev.OrdersDecremented,
    ev.Fill,
    ev.CashDeposited,
    ev.CashWithdrawn,
    ev.UnitsDeposited,
    ev.UnitsWithdrawn,
    ev.UnitsIssued,
    ev.UnitsCancelled,
    ev.UnitsMoved,
    ev.Retired,
    ev.BlockTrade,
    ev.TradeSettled,
    UnitsConverted,
    UnitsExpired,
    UnitsFrozen,
    UnitsReleased,
    TradeCancelled,
    ProceedsPaid,
)
_BLOCK_TRADE_EVENTS = (ev.BlockTradeKeyed, ev.BlockTradeEnded, ev.BlockTrade)

EVENT_TYPES: dict[Channel, tuple[type[ev.Event], ...]] = {
    Channel.ORDERS: _ORDER_EVENTS,
    Channel.FILLS: (ev.Fill,),
    Channel.BALANCES: _BALANCE_EVENTS,
    Channel.RETIREMENTS: (ev.Retired,),
    Channel.BLOCK_TRADES: _BLOCK_TRADE_EVENTS,
    Channel.SETTLEMENTS: (ev.TradeSettled, TradeCancelled),
}
"""What each private channel is made of."""

PRIVATE_CHANNELS = frozenset(EVENT_TYPES)

_PUSHES: dict[Channel, Callable[..., pushes.PrivatePush]] = {
    Channel.ORDERS: pushes.OrdersPush,
    Channel.FILLS: pushes.FillsPush,
    Channel.BALANCES: pushes.BalancesPush,
    Channel.RETIREMENTS: pushes.RetirementsPush,
    Channel.BLOCK_TRADES: pushes.BlockTradesPush,
    Channel.SETTLEMENTS: pushes.SettlementsPush,
}


def accounts_concerned(event: ev.Event) -> tuple[str, ...]:
    """The accounts that an event concerns on some private channel."""
    kind = type(event)
    if kind in _OF_BUYER_AND_SELLER:
        return (event.buyer, event.seller) if event.buyer != event.seller else (event.buyer,)  # type: ignore[attr-defined]
    if kind in _OF_ACCOUNT_AND_COUNTERPARTY:
        return tuple({event.account: None, event.counterparty: None})  # type: ignore[attr-defined]
    return (event.account,) if kind in _OF_ONE_ACCOUNT else ()  # type: ignore[attr-defined]


_OF_BUYER_AND_SELLER = frozenset(
    (ev.Fill, ev.OrdersDecremented, ev.BlockTrade, ev.TradeSettled, TradeCancelled)
)
_OF_ACCOUNT_AND_COUNTERPARTY = frozenset((ev.BlockTradeKeyed, ev.BlockTradeEnded, ProceedsPaid))
_OF_ONE_ACCOUNT = (
    (frozenset(_ORDER_EVENTS) | frozenset(_BALANCE_EVENTS))
    - _OF_BUYER_AND_SELLER
    - _OF_ACCOUNT_AND_COUNTERPARTY
)


def render_private(channel: Channel, state: State, account: str, recorded: ev.Recorded) -> PrivateData | None:
    """What an event says to an account on a channel; None: nothing."""
    if type(recorded.event) not in EVENT_TYPES[channel]:
        return None
    return _RENDERERS[channel](state, account, recorded)


def private_push(channel: Channel, seq: int, prev_seq: int, data: PrivateData) -> pushes.EventPush:
    """The push around it."""
    return pushes.EventPush(_PUSHES[channel](seq, prev_seq, data))


def _orders(state: State, account: str, recorded: ev.Recorded) -> PrivateData | None:
    return _ORDER_RENDERERS[type(recorded.event)](state, account, recorded, recorded.event)


def _fills(state: State, account: str, recorded: ev.Recorded) -> PrivateData | None:
    event = recorded.event
    if not isinstance(event, ev.Fill):
        return None
    return render_account_fill(state, account, recorded.seq, recorded.recorded_at, event)


def _retirements(_state: State, _account: str, recorded: ev.Recorded) -> PrivateData | None:
    event = recorded.event
    if not isinstance(event, ev.Retired):
        return None
    return render_retirement(recorded.seq, recorded.recorded_at, event)


def _block_trades(state: State, account: str, recorded: ev.Recorded) -> PrivateData | None:
    event = recorded.event
    if isinstance(event, ev.BlockTradeKeyed):
        return pushes.BlockKeyedData(account, render_half(state, recorded.seq, event), recorded.recorded_at)
    if isinstance(event, ev.BlockTradeEnded):
        return pushes.BlockEndedData(
            account=account,
            keyed_by=event.account,
            counterparty=event.counterparty,
            trade_reference=event.trade_reference,
            reason=event.reason,
            time=recorded.recorded_at,
        )
    if isinstance(event, ev.BlockTrade):
        trade = render_block_trade(state, account, recorded.seq, recorded.recorded_at, event)
        return pushes.BlockTradedData(account, trade)
    return None


def _settlements(_state: State, account: str, recorded: ev.Recorded) -> PrivateData | None:
    event = recorded.event
    if not isinstance(event, ev.TradeSettled | TradeCancelled):
        return None
    side = Side.BUY if event.buyer == account else Side.SELL
    fee, reason = 0, ""
    if isinstance(event, TradeCancelled):
        reason = event.reason
    else:
        fee = event.buyer_fee if side is Side.BUY else event.seller_fee
    return pushes.SettlementData(
        trade_id=event.trade,
        account=account,
        side=side,
        currency=event.currency,
        amount=cash_text(event.amount, event.currency),
        fee=cash_text(fee, event.currency),
        delivered=render_delivery(event.delivered),
        time=recorded.recorded_at,
        outcome=pushes.SettlementOutcome.CANCELLED if reason else pushes.SettlementOutcome.SETTLED,
        reason=reason,
    )


def _balances(_state: State, account: str, recorded: ev.Recorded) -> PrivateData | None:
    """The ledger's entries for the account, summed by asset."""
    changes: dict[str, list[int]] = {}
    for entry in entries(recorded.event):
        if isinstance(entry, Hold):
            if entry.account == account:
                changes.setdefault(entry.asset, [0, 0])[1] += entry.change
            continue
        if entry.source == account:
            change = changes.setdefault(entry.asset, [0, 0])
            change[0] -= entry.amount
            if entry.from_hold:
                change[1] -= entry.amount
        if entry.target == account:
            changes.setdefault(entry.asset, [0, 0])[0] += entry.amount
    if not changes:
        return None
    cash = [
        pushes.CashChange(asset, cash_text(total, asset), cash_text(held, asset))
        for asset, (total, held) in changes.items()
        if "-" not in asset
    ]
    units = [
        pushes.UnitChange(asset, total, held) for asset, (total, held) in changes.items() if "-" in asset
    ]
    return pushes.BalancesData(account, recorded.event.kind, cash, units, recorded.recorded_at)


_RENDERERS: dict[Channel, Callable[[State, str, ev.Recorded], PrivateData | None]] = {
    Channel.ORDERS: _orders,
    Channel.FILLS: _fills,
    Channel.BALANCES: _balances,
    Channel.RETIREMENTS: _retirements,
    Channel.BLOCK_TRADES: _block_trades,
    Channel.SETTLEMENTS: _settlements,
}


# The channel `orders`, by type of event.


def _price(state: State, symbol: str, ticks: int) -> str:
    return state.listings[symbol].instrument.ticks_to_price(ticks)


def _accepted(state: State, account: str, recorded: ev.Recorded, event: ev.OrderAccepted) -> PrivateData:
    request = event.order
    return pushes.OrderAcceptedData(
        account=account,
        order_id=recorded.seq,
        client_order_id=request.client_order_id,
        instrument=request.instrument,
        side=request.side,
        order_type=request.order_type,
        time_in_force=request.time_in_force,
        price=_price(state, request.instrument, event.price),
        quantity=request.quantity,
        time=recorded.recorded_at,
    )


def _rejected(_state: State, account: str, recorded: ev.Recorded, event: ev.OrderRejected) -> PrivateData:
    return pushes.OrderRejectedData(
        account=account,
        client_order_id=event.order.client_order_id,
        instrument=event.order.instrument,
        code=event.code.value,
        name=event.code.name,
        message=event.message,
        time=recorded.recorded_at,
    )


def _amended(state: State, account: str, recorded: ev.Recorded, event: ev.OrderAmended) -> PrivateData:
    return pushes.OrderAmendedData(
        account=account,
        order_id=event.order_id,
        instrument=event.instrument,
        price=_price(state, event.instrument, event.price),
        quantity=event.quantity,
        keeps_priority=event.keeps_priority,
        time=recorded.recorded_at,
    )


def _cancelled(_state: State, account: str, recorded: ev.Recorded, event: ev.OrderCancelled) -> PrivateData:
    return pushes.OrderCancelledData(
        account=account,
        order_id=event.order_id,
        instrument=event.instrument,
        quantity=event.quantity,
        reason=event.reason,
        time=recorded.recorded_at,
    )


def _decremented(
    _state: State, account: str, recorded: ev.Recorded, event: ev.OrdersDecremented
) -> PrivateData:
    return pushes.OrdersDecrementedData(
        account=account,
        maker_order_id=event.maker_order_id,
        taker_order_id=event.taker_order_id,
        instrument=event.instrument,
        quantity=event.quantity,
        time=recorded.recorded_at,
    )


def _filled(state: State, account: str, recorded: ev.Recorded, event: ev.Fill) -> PrivateData:
    side = Side.BUY if event.buyer == account else Side.SELL
    return pushes.OrderFilledData(
        account=account,
        order_id=event.taker_order_id if side is event.taker_side else event.maker_order_id,
        instrument=event.instrument,
        side=side,
        trade_id=recorded.seq,
        price=_price(state, event.instrument, event.price),
        quantity=event.quantity,
        time=recorded.recorded_at,
    )


_ORDER_RENDERERS: dict[type[ev.Event], Callable[..., PrivateData]] = {
    ev.OrderAccepted: _accepted,
    ev.OrderRejected: _rejected,
    ev.OrderAmended: _amended,
    ev.OrderCancelled: _cancelled,
    ev.OrdersDecremented: _decremented,
    ev.Fill: _filled,
}
