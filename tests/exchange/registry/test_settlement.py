"""Settlement is the log, once, and nothing but the log: what the tables say after every kind of movement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.orders import RetirementTerms
from exchange.domain.serials import SerialBlock
from exchange.registry.store import ReconciliationFailed, RegistryDamaged
from matching.order import Side
from tests.exchange.registry.settled import SettledMarket, execute, rebuilt, settle
from tests.market import ALPHA, BETA, PROJECT, V19, V20, Market

if TYPE_CHECKING:
    from collections.abc import Callable

LATER = msgspec.structs.replace(PROJECT, symbol="RIMBA-T2", settlement_days=2)


@pytest.fixture
def settled(dsn: str) -> SettledMarket:
    """A market whose log is settled when the test says so."""
    return SettledMarket(dsn, Market())


def trade(market: Market, quantity: int, instrument: str = PROJECT.symbol, **terms: object) -> None:
    """Beta sells, alpha buys."""
    market.beta.rest(market.beta.sell(quantity, 1000, instrument))
    market.alpha.place(market.alpha.buy(quantity, 1000, instrument, **terms))


def block_trade(market: Market, block: SerialBlock) -> None:
    """Beta sells alpha named serials."""
    for trader, counterparty, side in ((market.alpha, BETA, Side.BUY), (market.beta, ALPHA, Side.SELL)):
        market.do(
            commands.KeyBlockTrade(
                trader.key_id,
                trader.session,
                trader.account,
                counterparty,
                "deal-1",
                PROJECT.symbol,
                side,
                1000,
                block.quantity,
                (),
                ((V19, block),),
            )
        )


async def test_every_kind_of_movement(settled: SettledMarket) -> None:
    """After each step every serial has one place, and tables, venue and ledger agree; a rebuild is the same."""
    market = settled.market
    market.list_instrument(LATER)
    steps: list[Callable[[], object]] = [
        lambda: trade(market, 30),
        lambda: trade(market, 20, retire_on_fill=RetirementTerms("Acme", "2026")),
        lambda: trade(market, 10, LATER.symbol),
        lambda: block_trade(market, SerialBlock("VCS", "opening-2019", 250_001, 250_100)),
        lambda: market.do(market.alpha.retire_command(V19, 25, "certificate-1")),
        lambda: market.do(
            commands.CancelUnits(
                LOCAL_OPERATOR, ALPHA, V19, (SerialBlock("VCS", "opening-2019", 60, 69),), "error", "end-1"
            )
        ),
        lambda: market.do(
            commands.WithdrawUnits(
                LOCAL_OPERATOR, ALPHA, V19, 5, (SerialBlock("VCS", "opening-2019", 80, 84),), "out-1"
            )
        ),
        lambda: market.do(
            commands.MoveUnits(
                LOCAL_OPERATOR,
                ALPHA,
                V19,
                (SerialBlock("VCS", "opening-2019", 90, 99),),
                V20,
                (SerialBlock("GS", "moved-in", 1, 10),),
                "move-1",
            )
        ),
        lambda: market.close_day("2026-11-24"),
        lambda: market.close_day("2026-11-25"),
    ]
    for step in steps:
        step()
        await settled.settle()
        await settled.check()

    found = await rebuilt(settled.dsn)
    assert found.identical, found


async def test_settling_again_changes_nothing(settled: SettledMarket) -> None:
    """A process that starts anew goes on at the checkpoint: nothing is booked twice."""
    trade(settled.market, 30)
    await settled.settle()
    before = [await settled.rows(table) for table in ("movement", "holding", "posting", "balance")]

    await settle(settled.dsn)

    assert before == [await settled.rows(table) for table in ("movement", "holding", "posting", "balance")]


async def test_settled_in_pieces_or_at_once(settled: SettledMarket) -> None:
    """Where the checkpoints fell is not to be seen in the rows."""
    for _ in range(5):
        trade(settled.market, 30)
    await settled.log()
    for seq in range(10, settled.market.state.last_seq, 7):
        await settle(settled.dsn, seq)
    await settle(settled.dsn)

    await settled.check()
    assert (await rebuilt(settled.dsn)).identical


async def test_a_changed_movement_is_found(settled: SettledMarket) -> None:
    """A rebuild names what somebody changed in the tables."""
    trade(settled.market, 30)
    await settled.settle()
    await execute(settled.dsn, "UPDATE registry.movement SET to_account = 'mallory' WHERE kind = 'fill'")

    found = await rebuilt(settled.dsn)

    assert not found.identical
    assert {"movement"} == {difference.table for difference in found.differences}


async def test_a_changed_holding_stops_settlement(settled: SettledMarket) -> None:
    """What the tables say must be what the ledger of the log says, or nothing more is settled."""
    trade(settled.market, 30)
    await settled.settle()
    await execute(settled.dsn, "DELETE FROM registry.holding WHERE account = 'alpha' AND place = 'held'")
    trade(settled.market, 5)
    await settled.log()

    with pytest.raises((RegistryDamaged, ReconciliationFailed)):
        await settle(settled.dsn)


async def test_the_database_refuses_an_overlap(settled: SettledMarket) -> None:
    """Not even a program that is wrong can put a serial number in two places."""
    await settled.settle()

    with pytest.raises(asyncpg.ExclusionViolationError):
        await execute(
            settled.dsn,
            "INSERT INTO registry.holding (batch_id, first, last, class_id, place, account)"
            " SELECT batch_id, first + 1, last, class_id, place, 'mallory' FROM registry.holding LIMIT 1",
        )
