"""Freezes over real websockets: traders hear what became of their orders, trades and serials; a basket by rule shows who is in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from exchange.domain import commands
from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.freeze_forms import EndFreeze, FreezeCause, FreezeOutcome, FreezeUnits
from exchange.domain.carbon.label_forms import GiveLabel
from exchange.domain.events import CancelReason
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.serials import SerialBlock
from gateway import results
from gateway.websocket import pushes
from tests.market import BASKET, BETA, GAMMA, PROJECT, UNITS, V19

if TYPE_CHECKING:
    from gateway.websocket.client import ExchangeClient
    from tests.gateway.exchange import RunningExchange

LATER = msgspec.structs.replace(PROJECT, symbol="RIMBA-T2", settlement_days=2)
GAMMA_FIRST = 3 * UNITS + 1


async def units_of(client: ExchangeClient) -> results.UnitBalance:
    return next(one for one in (await client.holdings()).units if one.class_id == V19)


async def test_what_traders_hear_of_a_freeze(exchange: RunningExchange) -> None:
    """An order that was covered ends, an unsettled trade is cancelled, balances and serials show what is frozen."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    await exchange.do(commands.ListInstrument(LOCAL_OPERATOR, LATER))
    await exchange.do(commands.DepositCash(LOCAL_OPERATOR, BETA, "EUR", 10**9, "more"))
    orders, balances = await gamma.orders(), await gamma.balance_changes()
    settlements = await beta.settlements()
    later = {"instrument": LATER.symbol, "price": "10.00"}
    await gamma.place_order(client_order_id="g1", side="sell", quantity=UNITS - 10, **later)
    await beta.place_order(client_order_id="b1", side="buy", quantity=UNITS - 10, **later)
    resting = await gamma.place_order(
        client_order_id="g2", instrument=PROJECT.symbol, side="sell", quantity=10, price="10.00"
    )
    block = SerialBlock("VCS", "opening-2019", GAMMA_FIRST, GAMMA_FIRST + 19)

    await exchange.do(FreezeUnits(LOCAL_OPERATOR, "recall-1", FreezeCause.RECALL, "error", (block,)))

    async with asyncio.timeout(20):
        cancelled = await anext(
            push.data async for push in orders if isinstance(push.data, pushes.OrderCancelledData)
        )
        undone = await anext(settlements)
        causes: list[str] = []
        while "units_frozen" not in causes:
            causes.append((await anext(balances)).data.cause)
    assert (resting.order_id, CancelReason.UNITS_FROZEN) == (cancelled.order_id, cancelled.reason)
    assert (pushes.SettlementOutcome.CANCELLED, "its units were frozen", "0.00") == (
        undone.data.outcome,
        undone.data.reason,
        undone.data.fee,
    )
    assert ["order_cancelled", "trade_cancelled", "units_frozen"] == causes[-3:]
    assert results.UnitBalance(V19, UNITS, 20, UNITS - 20, 0, 20) == await units_of(gamma)
    page = await gamma.serials(V19)
    assert [(20, True), (UNITS - 20, False)] == [(one.quantity, one.frozen) for one in page.blocks]
    await exchange.do(EndFreeze(LOCAL_OPERATOR, "recall-1", FreezeOutcome.CANCELLED, "confirmed"))
    assert results.UnitBalance(V19, UNITS - 20, 0, UNITS - 20, 0, 0) == await units_of(gamma)


async def test_a_basket_shows_its_rule_and_members(exchange: RunningExchange) -> None:
    """The listing tells the rule, and the classes that meet it today."""
    client = await exchange.client("gamma-key")
    rule = BasketRule(registries=("VCS",), labels=("CCP",))
    basket = msgspec.structs.replace(BASKET, symbol="CCP", classes=(), rule=rule)
    await exchange.do(commands.ListInstrument(LOCAL_OPERATOR, basket))
    (info,) = (await client.instruments("CCP")).instruments
    assert ((), rule) == (info.classes, info.rule)

    await exchange.do(GiveLabel(LOCAL_OPERATOR, V19, "CCP", "2026-01-01"))

    (info,) = (await client.instruments("CCP")).instruments
    assert (V19,) == info.classes
    answer = await client.place_order(
        client_order_id="g1", instrument="CCP", side="sell", quantity=1, price="10.00"
    )
    assert answer.order_id
    assert GAMMA == answer.account
