"""All methods: which function answers each request, and which rate it counts against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.websocket import (
    account_queries,
    block_requests,
    block_trades,
    market_queries,
    market_requests,
    offset_methods,
    offset_requests,
    protection_methods,
    protection_requests,
    requests,
    session_methods,
    subscribing,
    trading,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.websocket.request_forms import Request


class Method(NamedTuple):
    """How a request is handled.

    `handle(connection, request)` gives a `Submission` for the engine, a result, a coroutine that will give one, or None
    if it answers by itself; it raises Reject.
    """

    name: str
    handle: Callable[..., Any]
    has_own_rate: bool
    """It takes tokens for orders or cancels itself."""


def _method(request_type: type[Request], handle: Callable[..., Any], *, own_rate: bool = False) -> Method:
    return Method(requests.method_name(request_type), handle, own_rate)


HANDLERS: dict[type[Request], Method] = {
    requests.OrderPlace: _method(requests.OrderPlace, trading.place_order, own_rate=True),
    requests.OrderAmend: _method(requests.OrderAmend, trading.amend_order, own_rate=True),
    requests.OrderCancel: _method(requests.OrderCancel, trading.cancel_order, own_rate=True),
    requests.OrderCancelAll: _method(requests.OrderCancelAll, trading.cancel_all_orders, own_rate=True),
    requests.OrderBatch: _method(requests.OrderBatch, trading.batch_orders, own_rate=True),
    requests.CreditsRetire: _method(requests.CreditsRetire, trading.retire_credits, own_rate=True),
    block_requests.BlockKey: _method(block_requests.BlockKey, block_trades.key_half, own_rate=True),
    block_requests.BlockWithdraw: _method(
        block_requests.BlockWithdraw, block_trades.withdraw_half, own_rate=True
    ),
    block_requests.BlockList: _method(block_requests.BlockList, block_trades.list_halves),
    block_requests.ListBlockTrades: _method(block_requests.ListBlockTrades, block_trades.list_trades),
    requests.AccountSerials: _method(requests.AccountSerials, account_queries.account_serials),
    requests.AccountStatement: _method(requests.AccountStatement, account_queries.account_statement),
    requests.SessionCancelAfter: _method(requests.SessionCancelAfter, trading.cancel_after, own_rate=True),
    requests.GetOrderStatus: _method(requests.GetOrderStatus, account_queries.order_status),
    requests.OrdersOpen: _method(requests.OrdersOpen, account_queries.open_orders),
    requests.FillsList: _method(requests.FillsList, account_queries.list_fills),
    requests.AccountBalances: _method(requests.AccountBalances, account_queries.account_balances),
    requests.AccountHoldings: _method(requests.AccountHoldings, account_queries.account_holdings),
    market_requests.MarketInstruments: _method(market_requests.MarketInstruments, market_queries.instruments),
    market_requests.MarketBook: _method(market_requests.MarketBook, market_queries.book),
    market_requests.MarketTrades: _method(market_requests.MarketTrades, market_queries.trades),
    market_requests.MarketCandles: _method(market_requests.MarketCandles, market_queries.candles),
    requests.Subscribe: _method(requests.Subscribe, subscribing.subscribe),
    requests.Unsubscribe: _method(requests.Unsubscribe, subscribing.unsubscribe),
    requests.SessionLogon: _method(requests.SessionLogon, session_methods.logon),
    requests.SessionLogout: _method(requests.SessionLogout, session_methods.logout),
    offset_requests.OffsetOpenPeriod: _method(
        offset_requests.OffsetOpenPeriod, offset_methods.open_period, own_rate=True
    ),
    offset_requests.OffsetRecordActivity: _method(
        offset_requests.OffsetRecordActivity, offset_methods.record_activity, own_rate=True
    ),
    offset_requests.OffsetCorrectActivity: _method(
        offset_requests.OffsetCorrectActivity, offset_methods.correct_activity, own_rate=True
    ),
    offset_requests.OffsetRecordReduction: _method(
        offset_requests.OffsetRecordReduction, offset_methods.record_reduction, own_rate=True
    ),
    offset_requests.OffsetAllocate: _method(
        offset_requests.OffsetAllocate, offset_methods.allocate, own_rate=True
    ),
    offset_requests.OffsetPeriods: _method(offset_requests.OffsetPeriods, offset_methods.list_periods),
    offset_requests.GetOffsetStatement: _method(
        offset_requests.GetOffsetStatement, offset_methods.show_statement
    ),
    protection_requests.ProtectionSet: _method(
        protection_requests.ProtectionSet, protection_methods.set_protection, own_rate=True
    ),
    protection_requests.ProtectionReset: _method(
        protection_requests.ProtectionReset, protection_methods.reset_protection, own_rate=True
    ),
    protection_requests.ProtectionList: _method(
        protection_requests.ProtectionList, protection_methods.list_protections
    ),
    requests.Ping: _method(requests.Ping, market_queries.ping),
}
