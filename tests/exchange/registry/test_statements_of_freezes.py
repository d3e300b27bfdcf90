"""Statements of accounts whose serials were frozen: closed days stay as they were, and cancelled trades are told to both sides."""

from __future__ import annotations

import msgspec

from exchange.domain.carbon.freeze_forms import EndFreeze, FreezeCause, FreezeOutcome, FreezeUnits
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.serials import SerialBlock
from exchange.registry.statement import SerialChange
from tests.exchange.registry.reading import statement
from tests.exchange.registry.settled import SettledMarket
from tests.market import ALPHA, BETA, GAMMA, PROJECT, UNITS, Market

LATER = msgspec.structs.replace(PROJECT, symbol="LATER", settlement_days=3)


def freeze(market: Market, freeze_id: str, first: int, last: int) -> None:
    block = SerialBlock("VCS", "opening-2019", first, last)
    market.do(FreezeUnits(LOCAL_OPERATOR, freeze_id, FreezeCause.HOLD, "under review", (block,)))


async def test_closed_days_stay_and_cancelled_trades_are_told(dsn: str) -> None:
    """One trade gets other serials, another is cancelled, on the day after both were made."""
    settled = SettledMarket(dsn, Market())
    market = settled.market
    market.list_instrument(LATER)
    market.deposit_cash(ALPHA, 10**9)
    for seller, quantity in ((market.beta, 20), (market.gamma, UNITS)):
        seller.rest(seller.sell(quantity, 1000, LATER.symbol))
        market.alpha.place(market.alpha.buy(quantity, 1000, LATER.symbol))
    lost = market.state.last_seq
    market.close_day("2026-11-24")
    await settled.settle()
    before = [await statement(dsn, account, "2026-11-23") for account in (ALPHA, BETA, GAMMA)]

    freeze(market, "hold-1", 2 * UNITS + 1, 2 * UNITS + 5)
    freeze(market, "hold-2", 4 * UNITS, 4 * UNITS)
    market.close_day("2026-11-25")
    market.do(EndFreeze(LOCAL_OPERATOR, "hold-2", FreezeOutcome.CANCELLED, "confirmed"))
    market.close_day("2026-11-26")
    await settled.settle()
    await settled.check()

    assert before == [await statement(dsn, account, "2026-11-23") for account in (ALPHA, BETA, GAMMA)]
    bought = await statement(dsn, ALPHA, "2026-11-24")
    sold = await statement(dsn, GAMMA, "2026-11-24")
    for found in (bought, sold):
        (movement,) = found.movements
        assert ("trade_cancelled", lost, "its units were frozen") == (
            movement.kind,
            movement.trade,
            movement.reason,
        )
    assert [SerialChange.UNLOCKED] == [serial.change for serial in sold.movements[0].serials]
    (cash,) = bought.cash
    assert "200.40" == cash.locked
    assert UNITS == sum(
        block.quantity for block in sold.closing_serials if block.class_id.endswith("1340-2019")
    )
    (ended,) = (await statement(dsn, GAMMA, "2026-11-25", "2026-11-25")).movements
    assert ("units_cancelled", "confirmed") == (ended.kind, ended.reason)
