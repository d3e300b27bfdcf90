"""Events as the tests expect them, with what goes without saying filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.events import (
    CancelReason,
    Fill,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    RequestRefused,
)
from exchange.domain.holdings import LOWEST_SERIAL
from matching.order import Side, TimeInForce
from tests.market import BUSINESS_DATE, PROJECT, V19

if TYPE_CHECKING:
    from exchange.domain.orders import Delivery, OrderRequest
    from exchange.domain.rejects import RejectCode
    from tests.market import Trader


def accepted(
    trader: Trader,
    order: OrderRequest,
    *,
    hold_cash: int = 0,
    deliver: Delivery | None = None,
    price: int | None = None,
    currency: str = "EUR",
    fees_ppm: tuple[int, int] = (1000, 2000),
    expiry: str | None = None,
) -> OrderAccepted:
    """An accepted order. By default a sell order holds vintage 2019; day orders end on the opening date."""
    limit = order.price if price is None else price
    assert limit is not None
    expiries = {TimeInForce.GTC: "", TimeInForce.GTD: order.expire_date}
    sells = ((V19, order.quantity),) if order.side is Side.SELL else ()
    return OrderAccepted(
        account=trader.account,
        session=trader.session,
        order=order,
        price=limit,
        expiry=expiries.get(order.time_in_force, BUSINESS_DATE) if expiry is None else expiry,
        currency=currency,
        maker_fee_ppm=fees_ppm[0],
        taker_fee_ppm=fees_ppm[1],
        hold_cash=hold_cash,
        deliver=sells if deliver is None else deliver,
    )


def rejected(trader: Trader, order: OrderRequest, code: RejectCode, message: str) -> OrderRejected:
    """A refused order that is remembered."""
    return OrderRejected(trader.account, trader.session, order, code, message)


def refused(
    trader: Trader,
    command: str,
    code: RejectCode,
    message: str,
    *,
    order_id: int = 0,
    client_order_id: str = "",
) -> RequestRefused:
    """A refused request on the trader's own account."""
    return RequestRefused(command, trader.key_id, trader.account, code, message, order_id, client_order_id)


def cancelled(
    trader: Trader,
    order_id: int,
    quantity: int,
    reason: CancelReason = CancelReason.REQUESTED,
    *,
    instrument: str = PROJECT.symbol,
    release_cash: int = 0,
    release_units: Delivery = (),
    currency: str = "EUR",
    by: str | None = None,
) -> OrderCancelled:
    """An order that ended. Who asked is known for the cancels that somebody asked for."""
    asked = reason in {CancelReason.REQUESTED, CancelReason.MASS_CANCEL}
    return OrderCancelled(
        order_id=order_id,
        account=trader.account,
        instrument=instrument,
        quantity=quantity,
        reason=reason,
        currency=currency,
        by=by if by is not None else trader.key_id if asked else "",
        release_cash=release_cash,
        release_units=release_units,
    )


def fill(
    maker: int,
    taker: int,
    taker_side: Side,
    price: int,
    quantity: int,
    *,
    buyer: Trader,
    seller: Trader,
    buyer_fee: int,
    seller_fee: int,
    buyer_release: int = 0,
    amount: int | None = None,
    delivered: Delivery | None = None,
    instrument: str = PROJECT.symbol,
    currency: str = "EUR",
    settlement_date: str = BUSINESS_DATE,
) -> Fill:
    """A trade; by default at a lot of one and a tick of a cent, delivering vintage 2019."""
    return Fill(
        instrument=instrument,
        maker_order_id=maker,
        taker_order_id=taker,
        taker_side=taker_side,
        price=price,
        quantity=quantity,
        buyer=buyer.account,
        seller=seller.account,
        currency=currency,
        amount=price * quantity if amount is None else amount,
        buyer_fee=buyer_fee,
        seller_fee=seller_fee,
        buyer_release=buyer_release,
        delivered=((V19, quantity),) if delivered is None else delivered,
        rule=LOWEST_SERIAL,
        settlement_date=settlement_date,
    )
