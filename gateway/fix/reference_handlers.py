"""What a market maker may ask: instruments, market data, states, and the balances of the account."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from exchange.domain.money import currency_exponent, render_decimal
from exchange.domain.order_entry import price_band
from exchange.domain.rejects import Reject
from gateway.fix import market_data as md
from gateway.fix import msg_types, tags
from gateway.fix.message import Message, text
from gateway.fix.order_handlers import maker_of
from gateway.fix.timestamps import render_timestamp
from gateway.fix.values import put_reject, put_text
from gateway.rendering import known_listing

if TYPE_CHECKING:
    from exchange.domain.instruments import Listing
    from exchange.domain.ledger import Balance
    from exchange.domain.state import State
    from gateway.fix.application import Application
    from gateway.fix.message import Fields
    from gateway.fix.peer import FixPeer

LISTED_AT_ONCE = 50
"""Instruments in one SecurityList; more come in several."""
_ALL_SECURITIES = "4"
_COMPLETED, _INQUIRY_REJECTED = 3, 4


def market_data(desk: Application, peer: FixPeer, message: Message) -> None:
    """MarketDataRequest."""
    try:
        desk.spend_request(peer)
        desk.market_data.request(peer, message)
    except Reject as reject:
        desk.count(reject)
        peer.send(md.request_reject(message, reject))
    peer.dealt_with(message)


def security_list(desk: Application, peer: FixPeer, message: Message) -> None:
    """SecurityListRequest: all instruments, or one by its symbol."""
    desk.spend_request(peer)
    fields = message.fields
    state = desk.gateway.replica.state
    symbols = sorted(state.listings)
    if text(fields, tags.SECURITY_LIST_REQUEST_TYPE) != _ALL_SECURITIES:
        symbols = [symbol for symbol in symbols if symbol == text(fields, tags.SYMBOL)]
    for start in range(0, max(1, len(symbols)), LISTED_AT_ONCE):
        listed = symbols[start : start + LISTED_AT_ONCE]
        answer: Fields = {
            tags.SECURITY_REQ_ID: fields[tags.SECURITY_REQ_ID],
            tags.SECURITY_RESPONSE_ID: f"{state.last_seq}.{message.number}.{start}",
            tags.SECURITY_REQUEST_RESULT: 0 if symbols else 2,
            tags.TOT_NO_RELATED_SYM: len(symbols),
            tags.LAST_FRAGMENT: "Y" if start + LISTED_AT_ONCE >= len(symbols) else "N",
        }
        if listed:
            answer[tags.NO_RELATED_SYM] = [_terms(state.listings[symbol]) for symbol in listed]
        answer[tags.VENUE_SEQ] = state.last_seq
        peer.send(Message(msg_types.SECURITY_LIST, answer), keep=False)
    peer.dealt_with(message)


def security_definition(desk: Application, peer: FixPeer, message: Message) -> None:
    """SecurityDefinitionRequest: the terms of one instrument."""
    fields = message.fields
    state = desk.gateway.replica.state
    answer: Fields = {
        tags.SECURITY_REQ_ID: fields[tags.SECURITY_REQ_ID],
        tags.SECURITY_RESPONSE_ID: f"{state.last_seq}.{message.number}",
    }
    try:
        desk.spend_request(peer)
        listing = known_listing(state, text(fields, tags.SYMBOL))
    except Reject as reject:
        desk.count(reject)
        answer[tags.SECURITY_RESPONSE_TYPE] = 5
        put_reject(answer, reject)
    else:
        answer |= {tags.SECURITY_RESPONSE_TYPE: 1} | _terms(listing)
    answer[tags.VENUE_SEQ] = state.last_seq
    peer.send(Message(msg_types.SECURITY_DEFINITION, answer), keep=False)
    peer.dealt_with(message)


def security_status(desk: Application, peer: FixPeer, message: Message) -> None:
    """SecurityStatusRequest."""
    desk.spend_request(peer)
    desk.status.security_status(peer, message)
    peer.dealt_with(message)


def trading_session_status(desk: Application, peer: FixPeer, message: Message) -> None:
    """TradingSessionStatusRequest."""
    desk.spend_request(peer)
    desk.status.trading_session(peer, message)
    peer.dealt_with(message)


def collateral(desk: Application, peer: FixPeer, message: Message) -> None:
    """CollateralInquiry: an acknowledgement, then the balances of the account in one report."""
    fields = message.fields
    acknowledgement: Fields = {tags.COLL_INQUIRY_ID: fields[tags.COLL_INQUIRY_ID]}
    try:
        desk.spend_request(peer)
        maker_of(peer).check_account(fields)
    except Reject as reject:
        desk.count(reject)
        acknowledgement |= {tags.COLL_INQUIRY_STATUS: _INQUIRY_REJECTED, tags.COLL_INQUIRY_RESULT: 4}
        put_reject(acknowledgement, reject)
        peer.send(Message(msg_types.COLLATERAL_INQUIRY_ACK, acknowledgement))
        peer.dealt_with(message)
        return
    acknowledgement |= {
        tags.COLL_INQUIRY_STATUS: _COMPLETED,
        tags.COLL_INQUIRY_RESULT: 0,
        tags.TOT_NUM_REPORTS: 1,
        tags.ACCOUNT: peer.account,
    }
    peer.send(Message(msg_types.COLLATERAL_INQUIRY_ACK, acknowledgement))
    state = desk.gateway.replica.state
    report: Fields = {
        tags.COLL_RPT_ID: f"{state.last_seq}.{message.number}",
        tags.COLL_INQUIRY_ID: fields[tags.COLL_INQUIRY_ID],
        tags.COLL_STATUS: 3,
        tags.TOT_NUM_REPORTS: 1,
        tags.LAST_RPT_REQUESTED: "Y",
        tags.ACCOUNT: peer.account,
        tags.TRANSACT_TIME: render_timestamp(time.time_ns()),
    }
    balances = _balances(state, peer.account)
    if balances:
        report[tags.NO_BALANCES] = balances
    report[tags.VENUE_SEQ] = state.last_seq
    peer.send(Message(msg_types.COLLATERAL_REPORT, report))
    peer.dealt_with(message)


def _balances(state: State, account: str) -> list[Fields]:
    """Cash by currency and units by class, of which there is any."""
    return [
        _balance(asset, balance, 0 if "-" in asset else currency_exponent(asset))
        for asset, balance in sorted(state.ledger.accounts.get(account, {}).items())
        if balance.total
    ]


def _balance(asset: str, balance: Balance, decimals: int) -> Fields:
    return {
        tags.ASSET_ID: asset,
        tags.TOTAL_QTY: render_decimal(balance.total, decimals),
        tags.HELD_QTY: render_decimal(balance.held, decimals),
        tags.AVAILABLE_QTY: render_decimal(balance.available, decimals),
    }


def _terms(listing: Listing) -> Fields:
    """Symbol and listing terms, in the order of the dictionary."""
    instrument = listing.instrument
    price = instrument.ticks_to_price
    low, high = price_band(listing)
    terms: Fields = {tags.SYMBOL: instrument.symbol}
    put_text(terms, instrument.name, tags.SECURITY_DESC, tags.ENCODED_SECURITY_DESC)
    terms |= {
        tags.CURRENCY: instrument.currency,
        tags.ROUND_LOT: instrument.lot,
        tags.MIN_TRADE_VOL: instrument.minimum_quantity,
        tags.MAX_TRADE_VOL: instrument.maximum_quantity,
        tags.TICK_SIZE: price(1),
        tags.QUANTITY_UNIT: instrument.unit.value,
        tags.SETTL_DAYS: instrument.settlement_days,
        tags.LOW_LIMIT_PRICE: price(low),
        tags.HIGH_LIMIT_PRICE: price(high),
        tags.REFERENCE_PRICE: price(listing.reference_price),
        tags.MAKER_FEE_PPM: instrument.maker_fee_ppm,
        tags.TAKER_FEE_PPM: instrument.taker_fee_ppm,
        tags.NO_DELIVERY_CLASSES: [{tags.DELIVERY_CLASS: class_id} for class_id in instrument.classes],
    }
    return terms
