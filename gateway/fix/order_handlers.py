"""Orders: placing, changing, cancelling them, and asking how they stand."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.rejects import Reject, RejectCode
from gateway.fix import msg_types, requests, tags
from gateway.fix.message import Message, text
from gateway.fix.reasons import order_reason
from gateway.fix.reports import NO_ORDER, cancel_reject, order_reject, status_report
from gateway.fix.standings import find_standing, standing_of
from gateway.fix.timestamps import render_timestamp
from gateway.fix.values import SIDE_OF, put_reject

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.commands import Command
    from exchange.domain.events import Recorded
    from exchange.domain.state import State
    from gateway.fix.application import Application
    from gateway.fix.message import Fields
    from gateway.fix.peer import FixPeer
    from gateway.fix.requests import Maker
    from gateway.fix.standings import Standing

_REUSED = Reject(RejectCode.CLIENT_ORDER_ID_REUSED, "this ClOrdID was used before")
_FOR_ONE_SECURITY = "1"


def place(desk: Application, peer: FixPeer, message: Message) -> None:
    """NewOrderSingle. With PossResend, an order that is known is not placed again: its status is the answer."""

    def refused(reject: Reject) -> None:
        desk.count(reject)
        now_ns = time.time_ns()
        peer.send(order_reject(message.fields, peer.account, reject, _exec_id(message, now_ns), now_ns))
        peer.dealt_with(message)

    def answered(_events: list[Recorded], duplicate: bool) -> None:  # noqa: FBT001
        _answer_change(desk, peer, message, refused, duplicate=duplicate)

    known = find_standing(desk.gateway.replica, peer.account, text(message.fields, tags.CL_ORD_ID))
    if message.poss_resend and known is not None:
        _send_status(desk, peer, message, known)
        peer.dealt_with(message)
        return
    try:
        desk.spend_order(peer)
        command = requests.place_order(maker_of(peer), desk.gateway.replica.state, message)
    except Reject as reject:
        refused(reject)
    else:
        desk.execute(peer, message, command, answered, refused)


def replace(desk: Application, peer: FixPeer, message: Message) -> None:
    """OrderCancelReplaceRequest."""
    _change(
        desk, peer, message, requests.amend_order, functools.partial(desk.spend_order, peer), replacing=True
    )


def cancel(desk: Application, peer: FixPeer, message: Message) -> None:
    """OrderCancelRequest."""
    _change(
        desk,
        peer,
        message,
        requests.cancel_order,
        functools.partial(desk.spend_cancel, peer),
        replacing=False,
    )


def mass_cancel(desk: Application, peer: FixPeer, message: Message) -> None:
    """OrderMassCancelRequest: each order gets a report of its own, and then all of them one."""

    def answered(events: list[Recorded], _duplicate: bool) -> None:  # noqa: FBT001
        cancelled = [recorded for recorded in events if isinstance(recorded.event, ev.OrderCancelled)]
        peer.send(_mass_cancel_report(peer, message, cancelled))
        peer.dealt_with(message)

    def refused(reject: Reject) -> None:
        desk.count(reject)
        peer.send(_mass_cancel_reject(peer, message, reject))
        peer.dealt_with(message)

    try:
        desk.spend_cancel(peer)
        command = requests.cancel_all(maker_of(peer), desk.gateway.replica.state, message)
    except Reject as reject:
        refused(reject)
    else:
        desk.execute(peer, message, command, answered, refused)


def status(desk: Application, peer: FixPeer, message: Message) -> None:
    """OrderStatusRequest."""
    desk.spend_request(peer)
    maker_of(peer).check_account(message.fields)
    standing = find_standing(desk.gateway.replica, peer.account, text(message.fields, tags.CL_ORD_ID))
    if standing is None:
        peer.send(_unknown_order(peer, message))
    else:
        _send_status(desk, peer, message, standing)
    peer.dealt_with(message)


def mass_status(desk: Application, peer: FixPeer, message: Message) -> None:
    """OrderMassStatusRequest: one report for each live order, the last one marked."""
    desk.spend_request(peer)
    fields = message.fields
    maker_of(peer).check_account(fields)
    state = desk.gateway.replica.state
    symbol = text(fields, tags.SYMBOL)
    if text(fields, tags.MASS_STATUS_REQ_TYPE) == _FOR_ONE_SECURITY and symbol not in state.listings:
        raise Reject(RejectCode.UNKNOWN_INSTRUMENT, f"{symbol!r} is not listed")
    side = SIDE_OF.get(text(fields, tags.SIDE))
    standings = [
        standing
        for standing in _live_standings(state, peer.account)
        if symbol in ("", standing.instrument) and side in (None, standing.side)
    ]
    request_id = fields[tags.MASS_STATUS_REQ_ID]
    now_ns = time.time_ns()
    for number, standing in enumerate(standings, 1):
        report = status_report(
            state.listings, peer.account, standing, state.last_seq, f"{_exec_id(message, now_ns)}.{number}"
        )
        report.fields[tags.MASS_STATUS_REQ_ID] = request_id
        report.fields[tags.TOT_NUM_REPORTS] = len(standings)
        report.fields[tags.LAST_RPT_REQUESTED] = "Y" if number == len(standings) else "N"
        peer.send(report)
    if not standings:
        nothing = _unknown_order(peer, message)
        nothing.fields[tags.MASS_STATUS_REQ_ID] = request_id
        nothing.fields[tags.TOT_NUM_REPORTS] = 0
        nothing.fields[tags.LAST_RPT_REQUESTED] = "Y"
        peer.send(nothing)
    peer.dealt_with(message)


def _change(
    desk: Application,
    peer: FixPeer,
    message: Message,
    make: Callable[[Maker, State, Message], Command],
    spend: Callable[[], None],
    *,
    replacing: bool,
) -> None:
    """Cancel or replace; `reporting` tells what the venue did or refused."""
    fields = message.fields
    former_id = text(fields, tags.ORIG_CL_ORD_ID)

    def refused(reject: Reject) -> None:
        desk.count(reject)
        peer.send(
            cancel_reject(
                peer.account,
                text(fields, tags.CL_ORD_ID),
                former_id,
                find_standing(desk.gateway.replica, peer.account, former_id),
                reject,
                time.time_ns(),
                replacing=replacing,
            )
        )
        peer.dealt_with(message)

    def answered(_events: list[Recorded], duplicate: bool) -> None:  # noqa: FBT001
        _answer_change(desk, peer, message, refused, duplicate=duplicate)

    try:
        spend()
        command = make(maker_of(peer), desk.gateway.replica.state, message)
    except Reject as reject:
        refused(reject)
    else:
        desk.execute(peer, message, command, answered, refused)


def _answer_change(
    desk: Application, peer: FixPeer, message: Message, refused: Callable[[Reject], None], *, duplicate: bool
) -> None:
    """What happened is reported from the log; a repetition gets a status if it may be one, and is refused if not."""
    if duplicate and not (message.poss_dup or message.poss_resend):
        refused(_REUSED)
        return
    if duplicate and message.poss_resend:
        replica = desk.gateway.replica
        for tag in (tags.CL_ORD_ID, tags.ORIG_CL_ORD_ID):
            standing = find_standing(replica, peer.account, text(message.fields, tag))
            if standing is not None:
                _send_status(desk, peer, message, standing)
                break
    peer.dealt_with(message)


def maker_of(peer: FixPeer) -> Maker:
    """Who sends; raises Reject when the venue has ended the session."""
    maker = peer.maker
    if maker is None:
        raise Reject(RejectCode.NOT_LOGGED_ON, "the session has ended")
    return maker


def _exec_id(message: Message, now_ns: int) -> str:
    """An ExecID for what is in no event."""
    return f"{now_ns}.{message.number}"


def _send_status(desk: Application, peer: FixPeer, message: Message, standing: Standing) -> None:
    state = desk.gateway.replica.state
    report = status_report(
        state.listings, peer.account, standing, state.last_seq, _exec_id(message, time.time_ns())
    )
    if tags.ORD_STATUS_REQ_ID in message.fields:
        report.fields[tags.ORD_STATUS_REQ_ID] = message.fields[tags.ORD_STATUS_REQ_ID]
    peer.send(report)


def _live_standings(state: State, account: str) -> list[Standing]:
    orders = [state.orders[order_id] for order_id in state.account_orders.get(account, ())]
    remembered = state.remembered.get(account, {})
    return [standing_of(order, remembered[order.request.client_order_id].name) for order in orders]


def _unknown_order(peer: FixPeer, message: Message) -> Message:
    """A status report about no order."""
    fields = message.fields
    reject = Reject(RejectCode.UNKNOWN_ORDER, "the account has no such order")
    report: Fields = {tags.ORDER_ID: NO_ORDER}
    for tag in (tags.CL_ORD_ID, tags.ORD_STATUS_REQ_ID):
        if tag in fields:
            report[tag] = fields[tag]
    report |= {
        tags.EXEC_ID: _exec_id(message, time.time_ns()),
        tags.EXEC_TYPE: "I",
        tags.ORD_STATUS: "8",
        tags.ORD_REJ_REASON: order_reason(reject.code),
        tags.ACCOUNT: peer.account,
        tags.SYMBOL: fields.get(tags.SYMBOL, NO_ORDER),
        tags.SIDE: fields.get(tags.SIDE, "1"),
        tags.LEAVES_QTY: 0,
        tags.CUM_QTY: 0,
        tags.AVG_PX: 0,
    }
    put_reject(report, reject)
    return Message(msg_types.EXECUTION_REPORT, report)


def _mass_cancel_report(peer: FixPeer, message: Message, cancelled: list[Recorded]) -> Message:
    fields = _mass_cancel_fields(peer, message, text(message.fields, tags.MASS_CANCEL_REQUEST_TYPE))
    fields[tags.TOTAL_AFFECTED_ORDERS] = len(cancelled)
    if cancelled:
        fields[tags.VENUE_SEQ] = cancelled[-1].seq
    return Message(msg_types.ORDER_MASS_CANCEL_REPORT, fields)


def _mass_cancel_reject(peer: FixPeer, message: Message, reject: Reject) -> Message:
    fields = _mass_cancel_fields(peer, message, "0")
    unknown = reject.code is RejectCode.UNKNOWN_INSTRUMENT
    fields[tags.MASS_CANCEL_REJECT_REASON] = 1 if unknown else 99
    put_reject(fields, reject)
    return Message(msg_types.ORDER_MASS_CANCEL_REPORT, fields)


def _mass_cancel_fields(peer: FixPeer, message: Message, response: str) -> Fields:
    now_ns = time.time_ns()
    fields: Fields = {
        tags.CL_ORD_ID: message.fields[tags.CL_ORD_ID],
        tags.ORDER_ID: _exec_id(message, now_ns),
        tags.MASS_CANCEL_REQUEST_TYPE: message.fields[tags.MASS_CANCEL_REQUEST_TYPE],
        tags.MASS_CANCEL_RESPONSE: response,
        tags.ACCOUNT: peer.account,
    }
    for tag in (tags.SYMBOL, tags.SIDE):
        if tag in message.fields:
            fields[tag] = message.fields[tag]
    fields[tags.TRANSACT_TIME] = render_timestamp(now_ns)
    return fields
