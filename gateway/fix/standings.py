"""How an account's orders stand after each event: what execution reports say besides the event itself.

A standing and its event give the same report at any time, so a report can be made again from the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.orders import OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.orders import OpenOrder, OrderRequest
    from gateway.replica import Replica

REPORTED: tuple[type[ev.Event], ...] = (
    ev.OrderAccepted,
    ev.OrderRejected,
    ev.OrderAmended,
    ev.OrderCancelled,
    ev.OrdersDecremented,
    ev.Fill,
)
"""Events that execution reports are made of."""
REPORTED_KINDS = tuple(event_type.kind for event_type in REPORTED)


class Standing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An order as of an event. Prices in ticks."""

    order_id: int
    """0: it was refused."""
    client_order_id: str
    """Of the order, or of the request that the event answers."""
    former_id: str
    """What the order was called before, in the report of a change or a cancel that was asked for."""
    instrument: str
    side: Side
    status: OrderStatus
    price: int
    quantity: int
    filled: int = 0
    traded: int = 0
    """Sum of price times quantity over the fills."""
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.DAY
    expire_date: str = ""
    post_only: bool = False
    display_quantity: int = 0
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_TAKER

    @property
    def live(self) -> bool:
        """Whether anything may still happen to the order."""
        return self.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)

    @property
    def remaining(self) -> int:
        """Open quantity."""
        return self.quantity - self.filled if self.live else 0


class Standings:
    """The live orders of one account, each as of the last event folded."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.live: dict[int, Standing] = {}

    def fold(self, seq: int, event: ev.Event) -> list[Standing]:
        """The orders of the account that an event is about, as they stand after it."""
        folder = _FOLDERS.get(type(event))
        changed = folder(self, seq, event) if folder else []
        for standing in changed:
            if standing.live:
                self.live[standing.order_id] = standing
            else:
                self.live.pop(standing.order_id, None)
        return changed

    def _accepted(self, seq: int, event: ev.OrderAccepted) -> list[Standing]:
        return [_of_request(event.order, seq, event.price, OrderStatus.OPEN)]

    def _rejected(self, _seq: int, event: ev.OrderRejected) -> list[Standing]:
        return [_of_request(event.order, 0, event.order.price or 0, OrderStatus.REJECTED)]

    def _amended(self, _seq: int, event: ev.OrderAmended) -> list[Standing]:
        standing = self.live[event.order_id]
        return [_asked(standing, event.request_id, price=event.price, quantity=event.quantity)]

    def _cancelled(self, _seq: int, event: ev.OrderCancelled) -> list[Standing]:
        standing = self.live[event.order_id]
        return [_asked(standing, event.request_id, status=OrderStatus.CANCELLED)]

    def _decremented(self, _seq: int, event: ev.OrdersDecremented) -> list[Standing]:
        changed = []
        for order_id in (event.maker_order_id, event.taker_order_id):
            standing = self.live.get(order_id)
            if standing is not None:
                quantity = standing.quantity - event.quantity
                status = standing.status if quantity > standing.filled else OrderStatus.CANCELLED
                changed.append(_asked(standing, "", quantity=quantity, status=status))
        return changed

    def _filled(self, _seq: int, event: ev.Fill) -> list[Standing]:
        changed = []
        for order_id in (event.maker_order_id, event.taker_order_id):
            standing = self.live.get(order_id)
            if standing is not None:
                filled = standing.filled + event.quantity
                complete = filled == standing.quantity
                changed.append(
                    _asked(
                        standing,
                        "",
                        filled=filled,
                        traded=standing.traded + event.price * event.quantity,
                        status=OrderStatus.FILLED if complete else OrderStatus.PARTIALLY_FILLED,
                    )
                )
        return changed


_FOLDERS: dict[type[ev.Event], Callable[..., list[Standing]]] = {
    ev.OrderAccepted: Standings._accepted,  # noqa: SLF001 - the table is part of the class
    ev.OrderRejected: Standings._rejected,  # noqa: SLF001
    ev.OrderAmended: Standings._amended,  # noqa: SLF001
    ev.OrderCancelled: Standings._cancelled,  # noqa: SLF001
    ev.OrdersDecremented: Standings._decremented,  # noqa: SLF001
    ev.Fill: Standings._filled,  # noqa: SLF001
}


def accounts_of(event: ev.Event) -> tuple[str, ...]:
    """The accounts whose orders an event is about; such events are of the types `REPORTED`."""
    if type(event) is ev.Fill or type(event) is ev.OrdersDecremented:
        return (event.buyer, event.seller) if event.buyer != event.seller else (event.buyer,)
    return (event.account,)  # type: ignore[attr-defined]  # all others have one


def order_ids_of(account: str, event: ev.Event) -> tuple[int, ...]:
    """Orders that must be known before an event can be folded for an account."""
    if isinstance(event, ev.Fill):
        of_buyer, of_seller = event.maker_order_id, event.taker_order_id
        if event.taker_side is Side.BUY:
            of_buyer, of_seller = of_seller, of_buyer
        return (of_buyer,) if event.buyer == account else (of_seller,)
    if isinstance(event, ev.OrdersDecremented):
        return (event.maker_order_id, event.taker_order_id)
    return (event.order_id,) if isinstance(event, ev.OrderAmended | ev.OrderCancelled) else ()


def find_standing(replica: Replica, account: str, client_order_id: str) -> Standing | None:
    """How an order stands that is live or remembered, by its first id or its present one."""
    state = replica.state
    remembered = state.remembered.get(account, {}).get(client_order_id)
    if remembered is None:
        found = replica.remembered_order(state.order_named(account, client_order_id))
        if found is None:
            return None
        remembered = found[1]
    order = state.orders.get(remembered.order_id)
    if order is not None:
        return standing_of(order, remembered.name)
    standing = _of_request(
        remembered.request, remembered.order_id, remembered.request.price or 0, remembered.status
    )
    return msgspec.structs.replace(
        standing,
        client_order_id=remembered.name or client_order_id,
        quantity=max(standing.quantity, remembered.filled),
        filled=remembered.filled,
        traded=remembered.traded,
    )


def standing_of(order: OpenOrder, name: str) -> Standing:
    """A live order that is called `name`."""
    standing = _of_request(order.request, order.order_id, order.price, order.status)
    return msgspec.structs.replace(
        standing,
        client_order_id=name or order.request.client_order_id,
        quantity=order.quantity,
        filled=order.filled,
        traded=order.traded,
    )


def _of_request(request: OrderRequest, order_id: int, price: int, status: OrderStatus) -> Standing:
    return Standing(
        order_id=order_id,
        client_order_id=request.client_order_id,
        former_id="",
        instrument=request.instrument,
        side=request.side,
        status=status,
        price=price,
        quantity=request.quantity,
        order_type=request.order_type,
        time_in_force=request.time_in_force,
        expire_date=request.expire_date,
        post_only=request.post_only,
        display_quantity=request.display_quantity,
        self_trade_prevention=request.self_trade_prevention,
    )


def _asked(standing: Standing, request_id: str, **changes: object) -> Standing:
    """The standing after a change; the request that asked for it, if one did, gives the order its name."""
    if request_id:
        changes |= {"client_order_id": request_id, "former_id": standing.client_order_id}
    else:
        changes["former_id"] = ""
    return msgspec.structs.replace(standing, **changes)
