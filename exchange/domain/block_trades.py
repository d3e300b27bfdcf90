"""Deciders of block trades: agreed off the book, keyed by both sides, accepted only when the halves agree in everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.carbon.obstacles import check_buyer, check_not_frozen
from exchange.domain.carbon.proceeds import share_out
from exchange.domain.deciding import DuplicateRequest, require_trader
from exchange.domain.executions import settlement_date
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.instruments import PPM
from exchange.domain.order_entry import (
    available_units,
    check_price,
    check_quantity,
    require_cash,
    tradable,
)
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import check_named, units_by_class
from exchange.domain.well_formed import check_id
from matching.order import Side

if TYPE_CHECKING:
    from exchange.domain.commands import KeyBlockTrade, WithdrawBlockTrade
    from exchange.domain.deciding import Deciding
    from exchange.domain.instruments import Listing
    from exchange.domain.orders import Delivery
    from exchange.domain.state import State

_TERMS = ("instrument", "price", "quantity", "deliver", "blocks")


def key_block_trade(venue: Deciding, command: KeyBlockTrade) -> None:
    """Keep a half until its other half comes; trade when it does."""
    state = venue.state
    require_trader(state, command.by, command.session, command.account)
    check_id(command.trade_reference, "trade reference")
    keyed = ev.BlockTradeKeyed(
        account=command.account,
        session=command.session,
        counterparty=command.counterparty,
        trade_reference=command.trade_reference,
        instrument=command.instrument,
        side=command.side,
        price=command.price,
        quantity=command.quantity,
        deliver=command.deliver,
        blocks=command.blocks,
    )
    earlier = state.block_halves.get((command.account, command.counterparty, command.trade_reference))
    if earlier is not None:
        if _same_terms(earlier.keyed, keyed) and earlier.keyed.side is keyed.side:
            raise DuplicateRequest(earlier.command)
        raise Reject(
            RejectCode.REFERENCE_REUSED,
            f"trade reference {command.trade_reference!r} was used for another block trade with this counterparty",
        )
    listing = tradable(state, command.instrument)
    _check_terms(state, listing, keyed)
    other = state.block_halves.get((command.counterparty, command.account, command.trade_reference))
    if other is None or other.ended_on:
        venue.emit(keyed)
        return
    trade = _trade(state, listing, keyed, other.keyed)
    venue.emit(keyed)
    seq = venue.emit(trade)
    if not trade.deferred:
        share_out(venue, seq, trade, trade.delivered)


def withdraw_block_trade(venue: Deciding, command: WithdrawBlockTrade) -> None:
    """Take back a half that waits."""
    state = venue.state
    require_trader(state, command.by, command.session, command.account)
    half = state.block_halves.get((command.account, command.counterparty, command.trade_reference))
    if half is None or half.ended_on:
        raise Reject(
            RejectCode.UNKNOWN_BLOCK_TRADE,
            f"no half of yours with reference {command.trade_reference!r} waits for {command.counterparty!r}",
        )
    end_half(venue, half.keyed, ev.CancelReason.REQUESTED)


def end_half(venue: Deciding, keyed: ev.BlockTradeKeyed, reason: ev.CancelReason) -> None:
    """Emit the end of a half without its other half."""
    venue.emit(ev.BlockTradeEnded(keyed.account, keyed.counterparty, keyed.trade_reference, reason))


def _same_terms(first: ev.BlockTradeKeyed, second: ev.BlockTradeKeyed) -> bool:
    return all(getattr(first, term) == getattr(second, term) for term in _TERMS)


def _check_terms(state: State, listing: Listing, keyed: ev.BlockTradeKeyed) -> None:
    """Refuse terms that could never trade."""
    instrument = listing.instrument
    counterparty = state.accounts.get(keyed.counterparty)
    if counterparty is None or counterparty == state.accounts[keyed.account]:
        raise Reject(
            RejectCode.UNKNOWN_ACCOUNT, f"{keyed.counterparty!r} is not an account of another participant"
        )
    if keyed.side is Side.BUY:
        check_buyer(state, keyed.account)
    # A block may be larger than the book's orders.
    check_quantity(listing, keyed.quantity, up_to_maximum=False)
    check_price(listing, keyed.price)
    if keyed.deliver and keyed.blocks:
        raise Reject(RejectCode.DELIVERY_MISMATCH, "a block trade names classes or serials, not both")
    if keyed.blocks:
        check_named(state.classes, keyed.blocks)
    named = keyed.deliver or units_by_class(keyed.blocks)
    for class_id, _ in named:
        if class_id not in listing.deliverable:
            raise Reject(
                RejectCode.CLASS_NOT_DELIVERABLE, f"{class_id!r} does not deliver into {instrument.symbol}"
            )
    if not named:
        return
    total = sum(units for _, units in named)
    once = len({class_id for class_id, _ in named}) == len(named)
    if not once or total != keyed.quantity or min(units for _, units in named) < 1:
        raise Reject(
            RejectCode.DELIVERY_MISMATCH,
            f"what is to be delivered adds up to {total} units (each class once, at least 1), not {keyed.quantity}",
        )


def _trade(
    state: State, listing: Listing, keyed: ev.BlockTradeKeyed, other: ev.BlockTradeKeyed
) -> ev.BlockTrade:
    """The trade of two halves; refused when they differ or one side is not covered. Only then is anything held."""
    for term in _TERMS:
        if getattr(keyed, term) != getattr(other, term):
            raise Reject(
                RejectCode.BLOCK_TRADE_DIFFERS, f"the counterparty keyed another {term}; nothing was accepted"
            )
    if keyed.side is other.side:
        raise Reject(
            RejectCode.BLOCK_TRADE_DIFFERS, "the counterparty keyed the same side; nothing was accepted"
        )
    buyer, seller = (keyed, other) if keyed.side is Side.BUY else (other, keyed)
    amount = listing.notional(keyed.price, keyed.quantity)
    # Nobody took liquidity from the book: both pay the maker's rate.
    fee = -(-amount * listing.instrument.maker_fee_ppm // PPM)
    currency = listing.instrument.currency
    try:
        require_cash(state, buyer.account, currency, amount + fee)
        delivered = _delivered(state, listing, seller)
    except Reject as reject:
        short = buyer if reject.code is RejectCode.INSUFFICIENT_FUNDS else seller
        if short is keyed:
            raise
        raise Reject(
            RejectCode.COUNTERPARTY_NOT_COVERED, "the counterparty cannot cover its side now"
        ) from None
    settles_on = settlement_date(state, listing)
    return ev.BlockTrade(
        instrument=keyed.instrument,
        trade_reference=keyed.trade_reference,
        price=keyed.price,
        quantity=keyed.quantity,
        buyer=buyer.account,
        seller=seller.account,
        currency=currency,
        amount=amount,
        buyer_fee=fee,
        seller_fee=fee,
        delivered=delivered,
        rule=LOWEST_SERIAL,
        settlement_date=settles_on,
        blocks=keyed.blocks,
        deferred=settles_on > state.business_date,
    )


def _delivered(state: State, listing: Listing, seller: ev.BlockTradeKeyed) -> Delivery:
    """The classes that the seller delivers, all free now."""
    account = seller.account
    if not seller.deliver and not seller.blocks:
        return available_units(state, account, listing.deliverable, seller.quantity)
    for class_id, block in seller.blocks:
        if not state.holdings.holds(account, class_id, block):
            check_not_frozen(state, (block,))
            raise Reject(
                RejectCode.SERIAL_BLOCK_NOT_HELD,
                f"{block.batch} {block.first} to {block.last} is not wholly free with the seller as {class_id}",
            )
    named = seller.deliver or units_by_class(seller.blocks)
    for class_id, units in named:
        available_units(state, account, (class_id,), units)
    return named
