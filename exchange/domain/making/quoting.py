"""Two-sided quotes: a bid and an ask of one account in one instrument, replaced together.

The orders of a quote are ordinary day orders in everything else: they trade, are cancelled and expire like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.deciding import DuplicateRequest, require_trader, require_trader_or_operator
from exchange.domain.executions import cancel_orders
from exchange.domain.making.forms import CancelQuotes, ReplaceQuote
from exchange.domain.making.protection import require_not_frozen
from exchange.domain.order_entry import acceptance, amendment, change, check_request_id, enter, tradable
from exchange.domain.orders import OrderRequest
from exchange.domain.rejects import Reject, RejectCode
from matching.order import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm
    from exchange.domain.state import State

SIDE_NAMES = {Side.BUY: "bid", Side.SELL: "ask"}

_Step = ev.OrderAccepted | ev.OrderAmended | int
"""What is to be done to one side: enter an order, change one, or end one."""


def replace_quote(venue: Deciding, command: ReplaceQuote) -> None:
    """Check both sides of a quote, then bring the account's quote to them."""
    state, account, symbol = venue.state, command.account, command.instrument
    require_trader(state, command.by, command.session, account)
    for side in Side:
        _check_new(state, command, side)
    tradable(state, symbol)
    require_not_frozen(state, account, symbol)
    if command.bid_quantity > 0 and command.ask_quantity > 0 and command.bid_price >= command.ask_price:
        raise Reject(RejectCode.INVALID_PRICE, "the bid of a quote lies below its ask")
    steps = [(side, _step(state, command, side)) for side in Side]
    # The side that makes room moves first, so that a quote never meets itself.
    for side, step in reversed(steps) if _upward(state, command) else steps:
        if isinstance(step, ev.OrderAccepted):
            enter(venue, step)
        elif isinstance(step, ev.OrderAmended):
            change(venue, step)
        elif step:
            request_id = side_id(command.quote_id, side)
            cancel_orders(venue, [step], ev.CancelReason.REQUESTED, command.by, request_id)
        protection = state.making.protection(account, symbol)
        if protection is not None and protection.frozen:
            # The first side traded so much that the protection ended both.
            return


def cancel_quotes(venue: Deciding, command: CancelQuotes) -> None:
    """End quotes, oldest order first."""
    state = venue.state
    require_trader_or_operator(state, command.by, command.session, command.account)
    if command.instrument and command.instrument not in state.listings:
        raise Reject(RejectCode.UNKNOWN_INSTRUMENT, f"{command.instrument!r} is not listed")
    order_ids = [
        order_id
        for symbol, sides in state.making.quotes.get(command.account, {}).items()
        if command.instrument in ("", symbol)
        for order_id in sides.values()
    ]
    cancel_orders(venue, sorted(order_ids), ev.CancelReason.REQUESTED, command.by)


def side_id(quote_id: str, side: Side) -> str:
    """What names the order of one side of a quote."""
    return f"{quote_id}/{SIDE_NAMES[side]}"


def _order(command: ReplaceQuote, side: Side) -> OrderRequest:
    """One side as an order."""
    price, quantity = command.bid_price, command.bid_quantity
    if side is Side.SELL:
        price, quantity = command.ask_price, command.ask_quantity
    return OrderRequest(side_id(command.quote_id, side), command.instrument, side, quantity, price)


def _check_new(state: State, command: ReplaceQuote, side: Side) -> None:
    """Refuse an id that names something else; a side that entered the book under it makes the quote a duplicate."""
    order = _order(command, side)
    remembered = state.remembered.get(command.account, {}).get(order.client_order_id)
    if remembered is not None and remembered.request == order:
        raise DuplicateRequest(remembered.command)
    check_request_id(state, command.account, order.client_order_id)


def _step(state: State, command: ReplaceQuote, side: Side) -> _Step:
    """What brings one side from what is live to what is asked; raises Reject."""
    order_id = state.making.quote_order(command.account, command.instrument, side)
    order = _order(command, side)
    if order.quantity < 0:
        raise Reject(RejectCode.INVALID_QUANTITY, "a side of a quote has a quantity of at least 0")
    if not order.quantity:
        return order_id
    if order_id:
        price = command.bid_price if side is Side.BUY else command.ask_price
        live = state.orders[order_id]
        return amendment(state, live, price, live.filled + order.quantity, order.client_order_id)
    return acceptance(state, command.account, command.session, order, quote=True)


def _upward(state: State, command: ReplaceQuote) -> bool:
    """Whether the new bid would meet the account's own ask."""
    ask = state.orders.get(state.making.quote_order(command.account, command.instrument, Side.SELL))
    return ask is not None and command.bid_quantity > 0 and command.bid_price >= ask.price


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    ReplaceQuote: replace_quote,
    CancelQuotes: cancel_quotes,
}
