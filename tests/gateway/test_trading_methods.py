"""Orders, retirement and the dead-man timer over a real websocket, engine and Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.orders import OrderStatus

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange


async def test_placed_order_rests(exchange: RunningExchange) -> None:
    """An order that does not trade is answered as open, with its id and nothing filled."""
    client = await exchange.client("beta-key")
    report = await client.place_order(
        client_order_id="a", instrument="RIMBA-19", side="buy", quantity=10, price="9.5"
    )
    assert OrderStatus.OPEN is report.status
    assert ("9.50", 10, 0, 10, []) == (
        report.price,
        report.quantity,
        report.filled,
        report.remaining,
        report.fills,
    )
