"""What participants do in the demo's stories, each with a key of its own over the websocket: played once, whatever is started how often."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog

from exchange.domain.orders import Side, TimeInForce
from exchange.operations.demo.stories import (
    BLUE_BASKET,
    MANGROVE_CLASS,
    SALES_ACCOUNT,
    SEA_WALL_CLASS,
    THINNING_CLASS,
)
from gateway.websocket.client import ExchangeClient, RejectedError
from gateway.websocket.offset_requests import ActivityParams

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.websocket.client import SigningKey

_BUYER: Final = "ALDERWOOD-1"
_COMPANY: Final = "Towa City Buses"
_YEAR: Final = "FY2025"
_REFERENCE: Final = "demo-story"

log = structlog.get_logger()


async def play(url: str, keys: Mapping[str, SigningKey]) -> None:
    """Plays what was not played yet. What an operator has changed since may refuse a part of it; the market goes on without."""
    async with AsyncExitStack() as stack:

        async def client(account: str) -> ExchangeClient:
            key = keys[f"demo-{account.removesuffix('-1').lower()}"]
            return await stack.enter_async_context(await ExchangeClient.connect(url, key=key))

        seller, buyer = await client(SALES_ACCOUNT), await client(_BUYER)
        company, issuer = await client("TOWA-1"), await client("ENSHU-1")
        for scene in (
            partial(_sell_first, seller, buyer),
            partial(_offset, company),
            partial(_offer, seller, SALES_ACCOUNT, BLUE_BASKET, 1_000, "22.50"),
            partial(_offer, issuer, "ENSHU-1", SEA_WALL_CLASS.class_id, 500, "6.60"),
        ):
            try:
                await scene()
            except RejectedError as refusal:
                log.info("a scene of the demo was refused", why=str(refusal))


async def _sell_first(seller: ExchangeClient, buyer: ExchangeClient) -> None:
    """A block trade of the mangroves, whose proceeds are shared in it, and a retirement for the buyer."""
    known = await buyer.list_block_trades(_BUYER)
    if all(trade.trade_reference != _REFERENCE for trade in known.trades):
        terms: dict[str, Any] = {
            "trade_reference": _REFERENCE,
            "instrument": BLUE_BASKET,
            "price": "22.00",
            "quantity": 1_200,
        }
        await seller.key_block(counterparty=_BUYER, side=Side.SELL, account=SALES_ACCOUNT, **terms)
        await buyer.key_block(counterparty=SALES_ACCOUNT, side=Side.BUY, account=_BUYER, **terms)
    await buyer.retire(
        beneficiary="Alderwood Steel (demo)",
        purpose="Footprint of 2025",
        reference=_REFERENCE,
        credits={MANGROVE_CLASS.class_id: 300},
        account=_BUYER,
    )


async def _offset(company: ExchangeClient) -> None:
    """Know one's emissions, reduce them, offset the rest: 180.456 + 91.7 - 12.3 t need 260 units."""
    if (await company.offset_periods()).periods:
        return
    await company.open_offset_period(
        period=_YEAR, organisation=_COMPANY, first_day="2025-04-01", last_day="2026-03-31"
    )
    source = "invented for the demo"
    for entry, activity in (
        ("power", ActivityParams("electricity of the depots", 2, "412000", "kWh", "0.000438", source)),
        ("diesel", ActivityParams("diesel of the buses", 1, "35000", "L", "0.00262", source)),
    ):
        await company.record_activity(period=_YEAR, entry=entry, activity=activity)
    await company.record_reduction(
        period=_YEAR,
        entry="led",
        measure="LED in all depots",
        tonnes="12.3",
        source=source,
        in_activity=False,
    )
    units = {THINNING_CLASS.class_id: 260}
    retired = await company.retire(
        beneficiary=_COMPANY, purpose="Offset of FY2025", reference=_REFERENCE, credits=units
    )
    await company.allocate_retirement(
        period=_YEAR, entry="offset", retirement_id=retired.retirement_id, credits=units
    )


async def _offer(client: ExchangeClient, account: str, instrument: str, quantity: int, price: str) -> None:
    """An offer that rests until somebody takes it, such as the visitor."""
    await client.place_order(
        client_order_id=_REFERENCE,
        instrument=instrument,
        side=Side.SELL,
        quantity=quantity,
        price=price,
        account=account,
        time_in_force=TimeInForce.GTC,
    )
