"""Block trades as their two accounts see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.orders import Side
from gateway import block_results
from gateway.rendering import cash_text, known_listing, render_delivery, render_serials

if TYPE_CHECKING:
    from exchange.domain import events as ev
    from exchange.domain.state import State


def render_half(state: State, seq: int, keyed: ev.BlockTradeKeyed) -> block_results.BlockHalf:
    """One side as keyed; its id is the seq of its event."""
    return block_results.BlockHalf(
        half_id=seq,
        account=keyed.account,
        counterparty=keyed.counterparty,
        trade_reference=keyed.trade_reference,
        instrument=keyed.instrument,
        side=keyed.side,
        price=known_listing(state, keyed.instrument).instrument.ticks_to_price(keyed.price),
        quantity=keyed.quantity,
        deliver=render_delivery(keyed.deliver),
        serials=render_serials(keyed.blocks),
    )


def render_halves(state: State, account: str) -> block_results.BlockHalves:
    """The halves that wait for this account's counterparties, or for it."""
    # The terms are shown to the named counterparty and to nobody else, as venues show an alleged trade: it can find a
    # slip of the other side, and only what it keys itself binds it.
    own: list[block_results.BlockHalf] = []
    alleged: list[block_results.BlockHalf] = []
    for half in state.block_halves.values():
        keyed = half.keyed
        if half.ended_on:
            continue
        if keyed.account == account:
            own.append(render_half(state, half.command, keyed))
        elif keyed.counterparty == account:
            alleged.append(render_half(state, half.command, keyed))
    return block_results.BlockHalves(account, state.last_seq, own, alleged)


def render_block_trade(
    state: State, account: str, seq: int, at: int, trade: ev.BlockTrade
) -> block_results.BlockTradeReport:
    """A trade as the buyer or the seller sees it; its id is the seq of its event."""
    side = Side.BUY if trade.buyer == account else Side.SELL
    return block_results.BlockTradeReport(
        trade_id=seq,
        account=account,
        counterparty=trade.seller if side is Side.BUY else trade.buyer,
        trade_reference=trade.trade_reference,
        instrument=trade.instrument,
        side=side,
        price=known_listing(state, trade.instrument).instrument.ticks_to_price(trade.price),
        quantity=trade.quantity,
        currency=trade.currency,
        amount=cash_text(trade.amount, trade.currency),
        fee=cash_text(trade.buyer_fee if side is Side.BUY else trade.seller_fee, trade.currency),
        delivered=render_delivery(trade.delivered),
        serials=render_serials(trade.blocks),
        settlement_date=trade.settlement_date,
        deferred=trade.deferred,
        time=at,
    )
