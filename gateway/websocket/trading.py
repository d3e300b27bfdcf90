"""Methods that become commands: orders, retirement, the dead-man timer."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from exchange.domain import commands
from exchange.domain import events as ev
from exchange.domain.carbon.claim_forms import Claim
from exchange.domain.money import MAX_AMOUNT
from exchange.domain.orders import OrderRequest, RetirementTerms
from exchange.domain.rejects import Reject, RejectCode
from gateway import results
from gateway.rendering import known_listing, render_changed, render_placed, render_retirement
from gateway.serial_text import parse_serial
from gateway.websocket import requests
from gateway.websocket.frames import reject_body
from gateway.websocket.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

    from exchange.domain.instruments import CreditClass
    from exchange.domain.orders import Delivery
    from exchange.domain.serials import ClassBlock
    from gateway.core import Gateway
    from gateway.websocket.connection import Connection
    from gateway.websocket.request_forms import Deliver, NamedSerials, RequestId

_NS_PER_MS = 1_000_000


def place_order(connection: Connection, request: requests.OrderPlace) -> Submission:
    """`order.place`."""
    return _place(connection, request.params)


def amend_order(connection: Connection, request: requests.OrderAmend) -> Submission:
    """`order.amend`."""
    return _amend(connection, request.params)


def cancel_order(connection: Connection, request: requests.OrderCancel) -> Submission:
    """`order.cancel`."""
    return _cancel(connection, request.params)


def cancel_all_orders(connection: Connection, request: requests.OrderCancelAll) -> Submission:
    """`order.cancel_all`."""
    params = request.params
    session = connection.session
    account = session.cancelling_account(connection.gateway.replica, params.account)
    key = session.require_key()
    spend_cancel(connection)
    return Submission(
        commands.CancelAll(
            by=key.key_id,
            session=session.number,
            account=account,
            instrument=params.instrument,
            side=params.side,
        ),
        functools.partial(_render_cancelled_orders, account),
        lowers_risk=True,
    )


def batch_orders(connection: Connection, request: requests.OrderBatch) -> None:
    """`order.batch`: the items go to the engine in their order; the answer comes when all have theirs."""
    items = request.params.items
    limit = connection.limits.max_batch
    if not 0 < len(items) <= limit:
        raise Reject(RejectCode.BATCH_TOO_LARGE, f"a batch has 1 to {limit} items")
    connection.session.require_key()
    batch = _Batch(connection, request.id, len(items))
    for index, item in enumerate(items):
        settle = functools.partial(batch.settle, index)
        try:
            if isinstance(item, requests.BatchPlace):
                submission = _place(connection, item)
            elif isinstance(item, requests.BatchAmend):
                submission = _amend(connection, item)
            else:
                submission = _cancel(connection, item)
        except Reject as reject:
            settle(reject_body(reject))
        else:
            connection.execute(submission, settle)


def retire_credits(connection: Connection, request: requests.CreditsRetire) -> Submission:
    """`credits.retire`."""
    params = request.params
    session = connection.session
    account = session.trading_account(connection.gateway.replica, params.account)
    key = session.require_key()
    spend_order(connection)
    for name in ("beneficiary", "purpose", "reference"):
        _check_printable(getattr(params, name), name)
    classes = connection.gateway.replica.state.classes
    claimed = params.claim
    return Submission(
        commands.Retire(
            by=key.key_id,
            session=session.number,
            account=account,
            credits=delivery(params.credits),
            blocks=named_serials(classes, params.serials),
            beneficiary=params.beneficiary,
            purpose=params.purpose,
            reference=params.reference,
            claim=None if claimed is None else Claim(claimed.kind, claimed.year, claimed.period),
        ),
        _render_retired,
    )


def cancel_after(connection: Connection, request: requests.SessionCancelAfter) -> Submission:
    """`session.cancel_after`."""
    params = request.params
    session = connection.session
    account = session.trading_account(connection.gateway.replica, params.account)
    key = session.require_key()
    spend_cancel(connection)
    return Submission(
        commands.SetCancelAfter(
            by=key.key_id,
            session=session.number,
            account=account,
            timeout_ns=params.timeout_ms * _NS_PER_MS,
        ),
        _render_cancel_after,
        lowers_risk=True,
    )


class _Batch:
    """Collects the outcomes of a batch and answers when the last one is there."""

    def __init__(self, connection: Connection, request_id: RequestId, size: int) -> None:
        self._connection = connection
        self._request_id = request_id
        self._outcomes = [results.BatchOutcome()] * size
        self._missing = size

    def settle(self, index: int, outcome: msgspec.Struct) -> None:
        if isinstance(outcome, results.ErrorBody):
            self._outcomes[index] = results.BatchOutcome(error=outcome)
        elif isinstance(outcome, results.OrderReport):
            self._outcomes[index] = results.BatchOutcome(result=outcome)
        self._missing -= 1
        if not self._missing:
            self._connection.answer(self._request_id, results.BatchResult(self._outcomes))


# Single orders, alone or in a batch.


def _place(connection: Connection, params: requests.OrderPlaceParams) -> Submission:
    gateway = connection.gateway
    session = connection.session
    account = session.trading_account(gateway.replica, params.account)
    key = session.require_key()
    spend_order(connection)
    client_order_id = params.client_order_id
    if not (client_order_id.isascii() and client_order_id.isprintable()):
        raise Reject(RejectCode.INVALID_PARAMS, "params.client_order_id: printable ASCII characters only")
    check_quantity(params.quantity, "quantity")
    if params.display_quantity:
        check_quantity(params.display_quantity, "display quantity")
    instrument = known_listing(gateway.replica.state, params.instrument).instrument
    price = params.price
    retiring = params.retire_on_fill
    if retiring is not None:
        _check_printable(retiring.beneficiary, "retire_on_fill.beneficiary")
        _check_printable(retiring.purpose, "retire_on_fill.purpose")
    order = OrderRequest(
        client_order_id=client_order_id,
        instrument=instrument.symbol,
        side=params.side,
        quantity=params.quantity,
        price=None if price is None else sound_price(instrument.price_to_ticks(price)),
        order_type=params.order_type,
        time_in_force=params.time_in_force,
        expire_date=params.expire_date,
        post_only=params.post_only,
        display_quantity=params.display_quantity,
        self_trade_prevention=params.self_trade_prevention,
        deliver=delivery(params.deliver) if params.deliver else (),
        retire_on_fill=None if retiring is None else RetirementTerms(retiring.beneficiary, retiring.purpose),
    )
    connection.placing[account, client_order_id] = instrument
    return Submission(
        commands.PlaceOrder(key.key_id, session.number, account, order),
        functools.partial(_render_placed, gateway),
        placing=(account, client_order_id),
    )


def _amend(connection: Connection, params: requests.OrderAmendParams) -> Submission:
    gateway = connection.gateway
    session = connection.session
    account = session.trading_account(gateway.replica, params.account)
    key = session.require_key()
    spend_order(connection)
    price = None
    if params.quantity is not None:
        check_quantity(params.quantity, "quantity")
    if params.price is not None:
        price = sound_price(_ticks_of_order(connection, account, params))
    return Submission(
        commands.AmendOrder(
            by=key.key_id,
            session=session.number,
            account=account,
            order_id=params.order_id,
            client_order_id=params.client_order_id,
            price=price,
            quantity=params.quantity,
        ),
        functools.partial(_render_changed, gateway),
    )


def _cancel(connection: Connection, params: requests.OrderCancelParams) -> Submission:
    gateway = connection.gateway
    session = connection.session
    account = session.cancelling_account(gateway.replica, params.account)
    key = session.require_key()
    spend_cancel(connection)
    return Submission(
        commands.CancelOrder(
            by=key.key_id,
            session=session.number,
            account=account,
            order_id=params.order_id,
            client_order_id=params.client_order_id,
        ),
        functools.partial(_render_changed, gateway),
        lowers_risk=True,
    )


def _ticks_of_order(connection: Connection, account: str, params: requests.OrderAmendParams) -> int:
    """The new price in ticks of the order's instrument. An order that is not there is refused as the venue would."""
    state = connection.gateway.replica.state
    order_id = params.order_id
    remembered = state.remembered.get(account, {}).get(params.client_order_id)
    if not order_id and remembered is not None:
        order_id = remembered.order_id
    order = state.orders.get(order_id)
    instrument = None
    if order is not None and order.account == account:
        instrument = state.listings[order.instrument].instrument
    elif not params.order_id:
        # A client need not wait for the answer to an order before it amends it.
        instrument = connection.placing.get((account, params.client_order_id))
    if instrument is None or params.price is None:
        named = params.order_id or repr(params.client_order_id)
        raise Reject(RejectCode.UNKNOWN_ORDER, f"the account has no live order {named}")
    return instrument.price_to_ticks(params.price)


def delivery(deliver: tuple[Deliver, ...]) -> Delivery:
    """Classes and units of each, as the venue takes them; raises Reject."""
    for item in deliver:
        check_quantity(item.quantity, "delivered quantity")
    return tuple((item.class_id, item.quantity) for item in deliver)


def named_serials(
    classes: Mapping[str, CreditClass], named: tuple[NamedSerials, ...]
) -> tuple[ClassBlock, ...]:
    """The blocks that a request names; raises Reject."""
    found: list[ClassBlock] = []
    for item in named:
        credit_class = classes.get(item.class_id)
        if credit_class is None:
            raise Reject(RejectCode.UNKNOWN_CLASS, f"{item.class_id!r} is not a registered credit class")
        found.append((item.class_id, parse_serial(item.serial, credit_class)))
    return tuple(found)


def _check_printable(text: str, name: str) -> None:
    if not text.isprintable():
        raise Reject(RejectCode.INVALID_PARAMS, f"params.{name}: control characters are not allowed")


def check_quantity(quantity: int, what: str) -> None:
    """Refuse what no instrument takes and no log should carry."""
    if not 0 < quantity <= MAX_AMOUNT:
        raise Reject(RejectCode.INVALID_QUANTITY, f"a {what} lies between 1 and {MAX_AMOUNT}")


def sound_price(ticks: int) -> int:
    """The same for prices."""
    if not 0 < ticks <= MAX_AMOUNT:
        raise Reject(RejectCode.INVALID_PRICE, f"a price lies between 1 and {MAX_AMOUNT} ticks")
    return ticks


def spend_order(connection: Connection) -> None:
    """Count the request against the key's rate for orders; raises Reject."""
    if connection.key_buckets is not None:
        connection.key_buckets.orders.demand(connection.received_ns, "orders")


def spend_cancel(connection: Connection) -> None:
    """The same for what only lowers risk."""
    if connection.key_buckets is not None:
        connection.key_buckets.cancels.demand(connection.received_ns, "cancels")


# Results.


def _render_placed(gateway: Gateway, recorded: list[ev.Recorded], duplicate: bool) -> msgspec.Struct:  # noqa: FBT001
    return render_placed(gateway.replica.state, recorded, duplicate=duplicate)


def _render_changed(gateway: Gateway, recorded: list[ev.Recorded], _duplicate: bool) -> msgspec.Struct:  # noqa: FBT001
    return render_changed(gateway.replica, recorded)


def _render_cancelled_orders(
    account: str,
    recorded: list[ev.Recorded],
    _duplicate: bool,  # noqa: FBT001
) -> msgspec.Struct:
    order_ids = [item.event.order_id for item in recorded if isinstance(item.event, ev.OrderCancelled)]
    return results.CancelledOrders(account, recorded[-1].seq if recorded else 0, order_ids)


def _render_retired(recorded: list[ev.Recorded], duplicate: bool) -> msgspec.Struct:  # noqa: FBT001
    item = recorded[0]
    if not isinstance(item.event, ev.Retired):
        raise TypeError(f"a retirement's command began with {item.event.kind}")
    return render_retirement(item.seq, item.recorded_at, item.event, duplicate=duplicate)


def _render_cancel_after(recorded: list[ev.Recorded], _duplicate: bool) -> msgspec.Struct:  # noqa: FBT001
    item = recorded[0]
    if not isinstance(item.event, ev.CancelAfterSet):
        raise TypeError(f"the command of a dead-man timer began with {item.event.kind}")
    return results.CancelAfter(item.event.account, item.event.deadline, item.seq)
