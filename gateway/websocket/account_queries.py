"""Methods that read an account: its orders, fills, cash and units."""

from __future__ import annotations

import heapq
from itertools import dropwhile, islice
from typing import TYPE_CHECKING, Final

from exchange.domain.events import Fill, OrderRejected
from exchange.domain.orders import OrderStatus
from exchange.domain.rejects import Reject, RejectCode
from exchange.registry.statement_reading import find_span, read_statement
from gateway import results
from gateway.rendering import (
    render_account_fill,
    render_balances,
    render_ended_order,
    render_holdings,
    render_open_order,
)
from gateway.serial_text import parse_serial, serial_text
from gateway.websocket.frames import error_body

if TYPE_CHECKING:
    from exchange.domain.orders import RememberedOrder
    from exchange.domain.serials import SerialBlock
    from exchange.registry.statement import Statement
    from gateway.websocket import requests
    from gateway.websocket.connection import Connection

MOST_BLOCKS: Final = 5_000
"""Serial blocks at the beginning of a statement, and as many at its end."""


def open_orders(connection: Connection, request: requests.OrdersOpen) -> results.OpenOrders:
    """`orders.open`."""
    params = request.params
    replica = connection.gateway.replica
    account = connection.session.readable_account(replica, params.account)
    state = replica.state
    after = params.after_order_id
    later = (order_id for order_id in state.account_orders.get(account, ()) if order_id > after)
    page = list(islice(later, params.limit))
    orders = [render_open_order(state, state.orders[order_id], state.last_seq) for order_id in page]
    next_after_order_id = page[-1] if next(later, None) is not None else None
    return results.OpenOrders(account, state.last_seq, orders, next_after_order_id)


async def order_status(connection: Connection, request: requests.GetOrderStatus) -> results.OrderState:
    """`order.status`. Somebody else's order is as unknown as one that never was."""
    params = request.params
    replica = connection.gateway.replica
    state = replica.state
    account = connection.session.readable_account(replica, params.account)
    remembered: RememberedOrder | None = None
    if params.order_id:
        found = replica.remembered_order(params.order_id)
        if found is not None and found[0] == account:
            remembered = found[1]
    else:
        remembered = state.remembered.get(account, {}).get(params.client_order_id)
    if remembered is None:
        named = params.order_id or repr(params.client_order_id)
        raise Reject(RejectCode.UNKNOWN_ORDER, f"the account has no order {named}")
    order = state.orders.get(remembered.order_id)
    if order is not None:
        return render_open_order(state, order, state.last_seq)
    reject: results.ErrorBody | None = None
    if remembered.status is OrderStatus.REJECTED:
        event = (await connection.gateway.reader.command(remembered.command))[0].event
        if isinstance(event, OrderRejected):
            reject = error_body(event.code, event.message, results.ErrorData(seq=remembered.command))
    return render_ended_order(state, account, remembered, reject)


async def list_fills(connection: Connection, request: requests.FillsList) -> results.Fills:
    """`fills.list`."""
    params = request.params
    gateway = connection.gateway
    account = connection.session.readable_account(gateway.replica, params.account)
    up_to = gateway.replica.last_seq
    found = await gateway.reader.account_events(account, params.after_seq, up_to, params.limit, (Fill.kind,))
    state = gateway.replica.state
    fills = [
        render_account_fill(state, account, item.seq, item.recorded_at, item.event)
        for item in found
        if isinstance(item.event, Fill)
    ]
    next_after_seq = found[-1].seq if len(found) == params.limit else None
    return results.Fills(account, up_to, fills, next_after_seq)


def account_balances(connection: Connection, request: requests.AccountBalances) -> results.Balances:
    """`account.balances`."""
    replica = connection.gateway.replica
    account = connection.session.readable_account(replica, request.params.account)
    return render_balances(replica.state, account)


def account_holdings(connection: Connection, request: requests.AccountHoldings) -> results.Holdings:
    """`account.holdings`."""
    replica = connection.gateway.replica
    account = connection.session.readable_account(replica, request.params.account)
    return render_holdings(replica.state, account)


def account_serials(connection: Connection, request: requests.AccountSerials) -> results.SerialsPage:
    """`account.serials`: free blocks, frozen ones and those that unsettled trades of the account will deliver, in one order."""
    params = request.params
    replica = connection.gateway.replica
    account = connection.session.readable_account(replica, params.account)
    state = replica.state
    credit_class = state.classes.get(params.class_id)
    if credit_class is None:
        raise Reject(RejectCode.UNKNOWN_CLASS, f"{params.class_id!r} is not a registered credit class")
    class_id = credit_class.class_id
    locked = sorted(
        (
            (block, trade, False)
            for trade, chosen in state.holdings.locked.items()
            if state.obligations[trade].settled.seller == account
            for named, block in chosen
            if named == class_id
        ),
        key=_place,
    )
    free = ((block, 0, False) for block in state.holdings.blocks(account, class_id))
    frozen = ((block, 0, True) for block in state.frozen.blocks(account, class_id))
    after = _place((parse_serial(params.after, credit_class), 0, False)) if params.after else ("", "", 0)
    later = dropwhile(lambda item: _place(item) <= after, heapq.merge(free, locked, frozen, key=_place))
    page = list(islice(later, params.limit))
    next_after = serial_text(page[-1][0]) if next(later, None) is not None else None
    shown = [
        results.HeldSerials(serial_text(block), block.quantity, trade, is_frozen)
        for block, trade, is_frozen in page
    ]
    return results.SerialsPage(account, class_id, state.last_seq, shown, next_after)


async def account_statement(connection: Connection, request: requests.AccountStatement) -> Statement:
    """`account.statement`."""
    params = request.params
    gateway = connection.gateway
    account = connection.session.readable_account(gateway.replica, params.account)
    async with gateway.reading_statements() as view:
        span = await find_span(view, params.date, params.from_date, params.seq, params.after_seq)
        return await read_statement(view, account, span, params.limit, MOST_BLOCKS)


def _place(item: tuple[SerialBlock, int, bool]) -> tuple[str, str, int]:
    """Where a block stands in the list: by its last number, so that one that has grown since is shown again."""
    block = item[0]
    return (block.registry, block.batch, block.last)
