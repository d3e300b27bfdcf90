"""Messages of a market maker as commands of the venue. All of these raise Reject."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import commands
from exchange.domain.making.forms import CancelQuotes, ReplaceQuote, ResetProtection, SetProtection
from exchange.domain.orders import OrderRequest, RetirementTerms
from exchange.domain.rejects import Reject, RejectCode
from gateway.fix import tags
from gateway.fix.message import data, entries, integer, text
from gateway.fix.timestamps import parse_date
from gateway.fix.values import (
    ORDER_TYPE_OF,
    POST_ONLY,
    SELF_TRADE_PREVENTION_OF,
    SIDE_OF,
    TIME_IN_FORCE_OF,
    price,
    quantity,
)
from gateway.rendering import known_listing

if TYPE_CHECKING:
    from exchange.domain.instruments import Instrument
    from exchange.domain.orders import Delivery, OpenOrder
    from exchange.domain.state import State
    from gateway.fix.message import Fields, Message

_NS_PER_MS = 1_000_000
_WHOLE_INSTRUMENT = "1"
"""MassCancelRequestType, QuoteCancelType: one instrument instead of everything."""


class Maker(msgspec.Struct, frozen=True):
    """Who sends: a FIX session that is logged on."""

    comp_id: str
    """Of the counterparty; it is the key that acts."""
    session: int
    account: str

    def check_account(self, fields: Fields) -> None:
        """Refuse a message that names another account than the session's."""
        named = text(fields, tags.ACCOUNT)
        if named and named != self.account:
            raise Reject(RejectCode.UNKNOWN_ACCOUNT, f"this session trades for {self.account}, not {named!r}")


def place_order(maker: Maker, state: State, message: Message) -> commands.PlaceOrder:
    """NewOrderSingle."""
    fields = message.fields
    maker.check_account(fields)
    instrument = known_listing(state, text(fields, tags.SYMBOL)).instrument
    display = quantity(fields, tags.MAX_FLOOR)
    order = OrderRequest(
        client_order_id=text(fields, tags.CL_ORD_ID),
        instrument=instrument.symbol,
        side=SIDE_OF[text(fields, tags.SIDE)],
        quantity=quantity(fields, tags.ORDER_QTY),
        price=price(fields, tags.PRICE, instrument),
        order_type=ORDER_TYPE_OF[text(fields, tags.ORD_TYPE)],
        time_in_force=TIME_IN_FORCE_OF[text(fields, tags.TIME_IN_FORCE) or "0"],
        expire_date=parse_date(text(fields, tags.EXPIRE_DATE)) or "",
        post_only=POST_ONLY in text(fields, tags.EXEC_INST).split(),
        display_quantity=display,
        self_trade_prevention=SELF_TRADE_PREVENTION_OF[text(fields, tags.SELF_TRADE_PREVENTION) or "1"],
        deliver=_delivery(fields),
        retire_on_fill=_retirement(fields),
    )
    return commands.PlaceOrder(maker.comp_id, maker.session, maker.account, order)


def amend_order(maker: Maker, state: State, message: Message) -> commands.AmendOrder:
    """OrderCancelReplaceRequest: price and total quantity may change, and nothing else."""
    fields = message.fields
    maker.check_account(fields)
    instrument = known_listing(state, text(fields, tags.SYMBOL)).instrument
    former_id = text(fields, tags.ORIG_CL_ORD_ID)
    order = state.orders.get(state.order_named(maker.account, former_id))
    if order is not None:
        _check_same_terms(order, fields, instrument)
    return commands.AmendOrder(
        maker.comp_id,
        maker.session,
        maker.account,
        client_order_id=former_id,
        price=price(fields, tags.PRICE, instrument),
        quantity=quantity(fields, tags.ORDER_QTY),
        request_id=text(fields, tags.CL_ORD_ID),
    )


def cancel_order(maker: Maker, _state: State, message: Message) -> commands.CancelOrder:
    """OrderCancelRequest."""
    fields = message.fields
    maker.check_account(fields)
    return commands.CancelOrder(
        maker.comp_id,
        maker.session,
        maker.account,
        client_order_id=text(fields, tags.ORIG_CL_ORD_ID),
        request_id=text(fields, tags.CL_ORD_ID),
    )


def cancel_all(maker: Maker, _state: State, message: Message) -> commands.CancelAll:
    """OrderMassCancelRequest."""
    fields = message.fields
    maker.check_account(fields)
    symbol = text(fields, tags.SYMBOL)
    if text(fields, tags.MASS_CANCEL_REQUEST_TYPE) == _WHOLE_INSTRUMENT:
        if not symbol:
            raise Reject(RejectCode.UNKNOWN_INSTRUMENT, "cancelling for a security needs its symbol")
    else:
        symbol = ""
    side = text(fields, tags.SIDE)
    return commands.CancelAll(
        maker.comp_id,
        maker.session,
        maker.account,
        symbol,
        SIDE_OF[side] if side else None,
        text(fields, tags.CL_ORD_ID),
    )


def replace_quote(maker: Maker, state: State, quote_id: str, entry: Fields) -> ReplaceQuote:
    """One entry of a MassQuote. A side without price and size is withdrawn."""
    instrument = known_listing(state, text(entry, tags.SYMBOL)).instrument
    bid, ask = quantity(entry, tags.BID_SIZE), quantity(entry, tags.OFFER_SIZE)
    bid_price, ask_price = price(entry, tags.BID_PX, instrument), price(entry, tags.OFFER_PX, instrument)
    if (bid and bid_price is None) or (ask and ask_price is None):
        raise Reject(RejectCode.INVALID_PRICE, "a side of a quote with a size has a price")
    return ReplaceQuote(
        maker.comp_id,
        maker.session,
        maker.account,
        f"{quote_id}/{text(entry, tags.QUOTE_ENTRY_ID)}",
        instrument.symbol,
        bid_price or 0,
        bid,
        ask_price or 0,
        ask,
    )


def cancel_quotes(maker: Maker, message: Message) -> list[CancelQuotes]:
    """QuoteCancel: one command for each instrument named, or one for all."""
    fields = message.fields
    maker.check_account(fields)
    symbols = [""]
    if text(fields, tags.QUOTE_CANCEL_TYPE) == _WHOLE_INSTRUMENT:
        symbols = [text(entry, tags.SYMBOL) for entry in entries(fields, tags.NO_QUOTE_ENTRIES)]
        if not symbols:
            raise Reject(RejectCode.UNKNOWN_INSTRUMENT, "cancelling for securities needs their symbols")
    return [
        CancelQuotes(maker.comp_id, maker.session, maker.account, instrument=symbol) for symbol in symbols
    ]


def protect(maker: Maker, message: Message) -> SetProtection | ResetProtection:
    """ProtectionRequest that sets or resets."""
    fields = message.fields
    maker.check_account(fields)
    who = (maker.comp_id, maker.session, maker.account, text(fields, tags.SYMBOL))
    if text(fields, tags.PROTECTION_ACTION) == "2":
        return ResetProtection(*who)
    return SetProtection(
        *who,
        window_ns=integer(fields, tags.PROTECTION_WINDOW) * _NS_PER_MS,
        quantity=quantity(fields, tags.PROTECTION_QTY),
        fills=integer(fields, tags.PROTECTION_FILLS),
    )


def _check_same_terms(order: OpenOrder, fields: Fields, instrument: Instrument) -> None:
    """Refuse a replacement that says something else about what cannot change; what it leaves out stays as it is."""
    request = order.request
    told = (
        (tags.SIDE, SIDE_OF.get(text(fields, tags.SIDE)), request.side),
        (tags.ORD_TYPE, ORDER_TYPE_OF.get(text(fields, tags.ORD_TYPE)), request.order_type),
        (tags.TIME_IN_FORCE, TIME_IN_FORCE_OF.get(text(fields, tags.TIME_IN_FORCE)), request.time_in_force),
        (tags.EXPIRE_DATE, parse_date(text(fields, tags.EXPIRE_DATE)), request.expire_date),
        (tags.MAX_FLOOR, quantity(fields, tags.MAX_FLOOR), request.display_quantity),
        (
            tags.SELF_TRADE_PREVENTION,
            SELF_TRADE_PREVENTION_OF.get(text(fields, tags.SELF_TRADE_PREVENTION)),
            request.self_trade_prevention,
        ),
        (tags.EXEC_INST, POST_ONLY in text(fields, tags.EXEC_INST).split(), request.post_only),
    )
    if instrument.symbol != order.instrument:
        raise Reject(RejectCode.ORDER_TERMS_CONFLICT, f"the order is one of {order.instrument}")
    for tag, asked, stands in told:
        if tag in fields and asked != stands:
            raise Reject(
                RejectCode.ORDER_TERMS_CONFLICT,
                f"field {tag} cannot change: a replacement changes price and quantity only",
            )


def _delivery(fields: Fields) -> Delivery:
    return tuple(
        (text(entry, tags.DELIVERY_CLASS), quantity(entry, tags.DELIVERY_QTY))
        for entry in entries(fields, tags.NO_DELIVERY_CLASSES)
    )


def _retirement(fields: Fields) -> RetirementTerms | None:
    beneficiary = _words(fields, tags.RETIREMENT_BENEFICIARY, tags.ENCODED_RETIREMENT_BENEFICIARY)
    purpose = _words(fields, tags.RETIREMENT_PURPOSE, tags.ENCODED_RETIREMENT_PURPOSE)
    return RetirementTerms(beneficiary, purpose) if beneficiary or purpose else None


def _words(fields: Fields, tag: int, encoded_tag: int) -> str:
    """A text of the maker's; its encoded form, UTF-8, goes before the plain one."""
    encoded = data(fields, encoded_tag)
    if not encoded:
        return text(fields, tag)
    try:
        found = encoded.decode()
    except UnicodeDecodeError:
        found = ""
    if not found.isprintable() or not found:
        raise Reject(RejectCode.INVALID_PARAMS, f"field {encoded_tag} is no printable UTF-8 text")
    return found
