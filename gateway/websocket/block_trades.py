"""Methods about block trades: key and withdraw a half, list what waits and what traded."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from exchange.domain import commands
from exchange.domain import events as ev
from gateway import block_results
from gateway.block_trade_rendering import render_block_trade, render_half, render_halves
from gateway.rendering import known_listing
from gateway.websocket.submission import Submission
from gateway.websocket.trading import (
    check_quantity,
    delivery,
    named_serials,
    sound_price,
    spend_cancel,
    spend_order,
)

if TYPE_CHECKING:
    import msgspec

    from exchange.domain.state import State
    from gateway.websocket import block_requests
    from gateway.websocket.connection import Connection


def key_half(connection: Connection, request: block_requests.BlockKey) -> Submission:
    """`block.key`."""
    params = request.params
    session = connection.session
    replica = connection.gateway.replica
    account = session.trading_account(replica, params.account)
    key = session.require_key()
    spend_order(connection)
    check_quantity(params.quantity, "quantity")
    instrument = known_listing(replica.state, params.instrument).instrument
    return Submission(
        commands.KeyBlockTrade(
            by=key.key_id,
            session=session.number,
            account=account,
            counterparty=params.counterparty,
            trade_reference=params.trade_reference,
            instrument=instrument.symbol,
            side=params.side,
            price=sound_price(instrument.price_to_ticks(params.price)),
            quantity=params.quantity,
            deliver=delivery(params.deliver),
            blocks=named_serials(replica.state.classes, params.serials),
        ),
        functools.partial(_render_keyed, replica.state),
    )


def withdraw_half(connection: Connection, request: block_requests.BlockWithdraw) -> Submission:
    """`block.withdraw`."""
    params = request.params
    session = connection.session
    account = session.trading_account(connection.gateway.replica, params.account)
    key = session.require_key()
    spend_cancel(connection)
    return Submission(
        commands.WithdrawBlockTrade(
            by=key.key_id,
            session=session.number,
            account=account,
            counterparty=params.counterparty,
            trade_reference=params.trade_reference,
        ),
        _render_withdrawn,
        lowers_risk=True,
    )


def list_halves(connection: Connection, request: block_requests.BlockList) -> block_results.BlockHalves:
    """`block.list`."""
    replica = connection.gateway.replica
    account = connection.session.readable_account(replica, request.params.account)
    return render_halves(replica.state, account)


async def list_trades(
    connection: Connection, request: block_requests.ListBlockTrades
) -> block_results.BlockTrades:
    """`block.trades`."""
    params = request.params
    gateway = connection.gateway
    account = connection.session.readable_account(gateway.replica, params.account)
    up_to = gateway.replica.last_seq
    found = await gateway.reader.account_events(
        account, params.after_seq, up_to, params.limit, (ev.BlockTrade.kind,)
    )
    state = gateway.replica.state
    trades = [
        render_block_trade(state, account, item.seq, item.recorded_at, item.event)
        for item in found
        if isinstance(item.event, ev.BlockTrade)
    ]
    next_after_seq = found[-1].seq if len(found) == params.limit else None
    return block_results.BlockTrades(account, up_to, trades, next_after_seq)


def _render_keyed(state: State, recorded: list[ev.Recorded], duplicate: bool) -> msgspec.Struct:  # noqa: FBT001
    first = recorded[0]
    if not isinstance(first.event, ev.BlockTradeKeyed):
        raise TypeError(f"the command of a block trade began with {first.event.kind}")
    trade = None
    for item in recorded[1:]:
        if isinstance(item.event, ev.BlockTrade):
            trade = render_block_trade(state, first.event.account, item.seq, item.recorded_at, item.event)
    return block_results.KeyedBlock(
        half=render_half(state, first.seq, first.event),
        trade=trade,
        seq=recorded[-1].seq,
        time=first.recorded_at,
        duplicate=duplicate,
    )


def _render_withdrawn(recorded: list[ev.Recorded], _duplicate: bool) -> msgspec.Struct:  # noqa: FBT001
    item = recorded[0]
    event = item.event
    if not isinstance(event, ev.BlockTradeEnded):
        raise TypeError(f"the command of a withdrawn half began with {event.kind}")
    return block_results.WithdrawnBlock(
        event.account, event.counterparty, event.trade_reference, item.seq, item.recorded_at
    )
