"""Execution reports: an event, an order as it stands after it, and listing terms that never change, as one message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.orders import OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce
from exchange.domain.rejects import Reject
from gateway.fix import msg_types, tags
from gateway.fix.message import Message
from gateway.fix.reasons import cancel_reason, order_reason
from gateway.fix.timestamps import render_date, render_timestamp
from gateway.fix.values import (
    ORDER_TYPES,
    POST_ONLY,
    SELF_TRADE_PREVENTIONS,
    SIDES,
    STATUSES,
    TIMES_IN_FORCE,
    average_price,
    put_reject,
)
from gateway.rendering import cash_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exchange.domain.instruments import Listing
    from gateway.fix.message import Fields
    from gateway.fix.standings import Standing

NO_ORDER = "NONE"
"""OrderID where there is no order."""
_EXPIRED = "C"
_ENDED_BY_TIME = (ev.CancelReason.EXPIRED, ev.CancelReason.IMMEDIATE_OR_CANCEL, ev.CancelReason.FILL_OR_KILL)
_PARTIAL_DECLINE = 5


def execution_report(
    listings: Mapping[str, Listing], account: str, recorded: ev.Recorded, standing: Standing
) -> Message:
    """What an event did to an order: `standing` is how it stands afterwards."""
    event = recorded.event
    fields = _identified(standing, f"{recorded.seq}.{standing.order_id}")
    exec_type, ord_status, details = _ABOUT[type(event)](listings, recorded, event, standing)
    fields[tags.EXEC_TYPE] = exec_type
    fields[tags.ORD_STATUS] = ord_status
    _put_order(fields, listings, account, standing)
    fields[tags.TRANSACT_TIME] = render_timestamp(recorded.recorded_at)
    fields.update(details)
    fields[tags.VENUE_SEQ] = recorded.seq
    return Message(msg_types.EXECUTION_REPORT, fields)


def status_report(
    listings: Mapping[str, Listing], account: str, standing: Standing, seq: int, exec_id: str
) -> Message:
    """How an order stands as of an event, for somebody who asked."""
    fields = _identified(standing, exec_id)
    fields[tags.EXEC_TYPE] = "I"
    fields[tags.ORD_STATUS] = STATUSES[standing.status]
    _put_order(fields, listings, account, standing)
    fields[tags.VENUE_SEQ] = seq
    return Message(msg_types.EXECUTION_REPORT, fields)


def order_reject(request: Fields, account: str, reject: Reject, exec_id: str, at: int) -> Message:
    """A new order that the venue never sequenced: it could not be read, or came too quickly."""
    fields: Fields = {
        tags.ORDER_ID: NO_ORDER,
        tags.CL_ORD_ID: request[tags.CL_ORD_ID],
        tags.EXEC_ID: exec_id,
        tags.EXEC_TYPE: "8",
        tags.ORD_STATUS: "8",
        tags.ORD_REJ_REASON: order_reason(reject.code),
        tags.ACCOUNT: account,
        tags.SYMBOL: request[tags.SYMBOL],
        tags.SIDE: request[tags.SIDE],
        tags.LEAVES_QTY: "0",
        tags.CUM_QTY: "0",
        tags.AVG_PX: "0",
        tags.TRANSACT_TIME: render_timestamp(at),
    }
    put_reject(fields, reject)
    return Message(msg_types.EXECUTION_REPORT, fields)


def cancel_reject(
    account: str,
    client_order_id: str,
    former_id: str,
    standing: Standing | None,
    reject: Reject,
    at: int,
    *,
    replacing: bool,
    seq: int = 0,
) -> Message:
    """A cancel or a replacement was refused; `standing` is how the order stands, if there is one."""
    fields: Fields = {
        tags.ORDER_ID: str(standing.order_id) if standing and standing.order_id else NO_ORDER,
        tags.CL_ORD_ID: client_order_id,
        tags.ORIG_CL_ORD_ID: former_id or NO_ORDER,
        tags.ORD_STATUS: STATUSES[standing.status] if standing else "8",
        tags.ACCOUNT: account,
        tags.TRANSACT_TIME: render_timestamp(at),
        tags.CXL_REJ_RESPONSE_TO: "2" if replacing else "1",
        tags.CXL_REJ_REASON: cancel_reason(reject.code),
    }
    put_reject(fields, reject)
    if seq:
        fields[tags.VENUE_SEQ] = seq
    return Message(msg_types.ORDER_CANCEL_REJECT, fields)


def _identified(standing: Standing, exec_id: str) -> Fields:
    fields: Fields = {
        tags.ORDER_ID: str(standing.order_id) if standing.order_id else NO_ORDER,
        tags.CL_ORD_ID: standing.client_order_id,
    }
    if standing.former_id:
        fields[tags.ORIG_CL_ORD_ID] = standing.former_id
    fields[tags.EXEC_ID] = exec_id
    return fields


def _put_order(fields: Fields, listings: Mapping[str, Listing], account: str, standing: Standing) -> None:
    """The order's terms and quantities. A refused order may name an instrument that is not listed."""
    listing = listings.get(standing.instrument)
    fields[tags.ACCOUNT] = account
    fields[tags.SYMBOL] = standing.instrument
    fields[tags.SIDE] = SIDES[standing.side]
    fields[tags.ORDER_QTY] = standing.quantity
    fields[tags.ORD_TYPE] = ORDER_TYPES[standing.order_type]
    if listing is not None:
        if standing.price and standing.order_type is OrderType.LIMIT:
            fields[tags.PRICE] = listing.instrument.ticks_to_price(standing.price)
        fields[tags.CURRENCY] = listing.instrument.currency
    fields[tags.TIME_IN_FORCE] = TIMES_IN_FORCE[standing.time_in_force]
    if standing.time_in_force is TimeInForce.GTD and standing.expire_date:
        fields[tags.EXPIRE_DATE] = render_date(standing.expire_date)
    if standing.post_only:
        fields[tags.EXEC_INST] = POST_ONLY
    if standing.display_quantity:
        fields[tags.MAX_FLOOR] = standing.display_quantity
    fields[tags.LEAVES_QTY] = standing.remaining
    fields[tags.CUM_QTY] = standing.filled
    average = average_price(listing.instrument, standing.traded, standing.filled) if listing else "0"
    fields[tags.AVG_PX] = average
    if standing.self_trade_prevention is not SelfTradePrevention.CANCEL_TAKER:
        fields[tags.SELF_TRADE_PREVENTION] = SELF_TRADE_PREVENTIONS[standing.self_trade_prevention]


# What each type of event adds: ExecType, OrdStatus and further fields.

_About = tuple[str, str, "Fields"]


def _accepted(
    _listings: Mapping[str, Listing], _recorded: ev.Recorded, _event: ev.OrderAccepted, _standing: Standing
) -> _About:
    return "0", "0", {}


def _rejected(
    _listings: Mapping[str, Listing], _recorded: ev.Recorded, event: ev.OrderRejected, _standing: Standing
) -> _About:
    details: Fields = {tags.ORD_REJ_REASON: order_reason(event.code)}
    put_reject(details, Reject(event.code, event.message))
    return "8", "8", details


def _amended(
    _listings: Mapping[str, Listing], _recorded: ev.Recorded, _event: ev.OrderAmended, standing: Standing
) -> _About:
    return "5", STATUSES[standing.status], {}


def _cancelled(
    _listings: Mapping[str, Listing], _recorded: ev.Recorded, event: ev.OrderCancelled, _standing: Standing
) -> _About:
    ended = _EXPIRED if event.reason in _ENDED_BY_TIME else "4"
    return ended, ended, {tags.TEXT: event.reason.value}


def _decremented(
    _listings: Mapping[str, Listing], _recorded: ev.Recorded, _event: ev.OrdersDecremented, standing: Standing
) -> _About:
    text: Fields = {tags.TEXT: ev.CancelReason.SELF_TRADE.value}
    if standing.live:
        return "D", STATUSES[standing.status], {tags.EXEC_RESTATEMENT_REASON: _PARTIAL_DECLINE, **text}
    return "4", "4", text


def _filled(
    listings: Mapping[str, Listing], recorded: ev.Recorded, event: ev.Fill, standing: Standing
) -> _About:
    took = standing.order_id == event.taker_order_id
    fee = event.buyer_fee if standing.side is Side.BUY else event.seller_fee
    details: Fields = {
        tags.SETTL_DATE: render_date(event.settlement_date),
        tags.LAST_QTY: event.quantity,
        tags.LAST_PX: listings[event.instrument].instrument.ticks_to_price(event.price),
        tags.LAST_LIQUIDITY_IND: "2" if took else "1",
        tags.GROSS_TRADE_AMT: cash_text(event.amount, event.currency),
        tags.TRD_MATCH_ID: str(recorded.seq),
    }
    if fee:
        details[tags.NO_MISC_FEES] = [
            {
                tags.MISC_FEE_AMT: cash_text(fee, event.currency),
                tags.MISC_FEE_CURR: event.currency,
                tags.MISC_FEE_TYPE: "4",
            }
        ]
    details[tags.NO_DELIVERY_CLASSES] = [
        {tags.DELIVERY_CLASS: class_id, tags.DELIVERY_QTY: units} for class_id, units in event.delivered
    ]
    details[tags.SERIAL_SETTL_DATE] = render_date(event.settlement_date)
    if event.deferred:
        details[tags.DELIVERY_DEFERRED] = "Y"
    return "F", "2" if standing.status is OrderStatus.FILLED else "1", details


_ABOUT: dict[type[ev.Event], Callable[..., _About]] = {
    ev.OrderAccepted: _accepted,
    ev.OrderRejected: _rejected,
    ev.OrderAmended: _amended,
    ev.OrderCancelled: _cancelled,
    ev.OrdersDecremented: _decremented,
    ev.Fill: _filled,
}
