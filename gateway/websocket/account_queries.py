"""Methods that read an account: its orders, fills, cash and units."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from exchange.domain.events import Fill, OrderRejected
from exchange.domain.orders import OrderStatus
from exchange.domain.rejects import Reject, RejectCode
from gateway import results
from gateway.rendering import (
    render_account_fill,
    render_balances,
    render_ended_order,
    render_holdings,
    render_open_order,
)
from gateway.websocket.frames import error_body

if TYPE_CHECKING:
    from exchange.domain.orders import RememberedOrder
    from gateway.websocket import requests
    from gateway.websocket.connection import Connection


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
