"""Random trading while serials are frozen, labelled and reclassified: venue, ledger and registry agree after every command."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.carbon.baskets import obstacles
from exchange.domain.carbon.freeze_forms import LockReplaced, TradeCancelled, UnitsFrozen, UnitsReleased
from exchange.domain.carbon.label_forms import UnitsReclassified
from exchange.registry.projection import SHOWN_KINDS, Projection
from exchange.registry.rows import Place
from tests.exchange.domain.audit import Auditor
from tests.exchange.registry.carbon_trading import RULED, CarbonTrading, carbon_market
from tests.exchange.registry.settled import SettledMarket, rebuilt

if TYPE_CHECKING:
    from exchange.domain.holdings import Holdings
    from exchange.domain.serials import SerialBlock


def free_blocks(holdings: Holdings) -> list[tuple[str, str, SerialBlock]]:
    return [
        (account, class_id, block)
        for account, class_id in holdings.accounts()
        for block in holdings.blocks(account, class_id)
    ]


def traded(seed: int) -> list[ev.Event]:
    """The events of a market after 400 random commands, each of which was audited."""
    market = carbon_market()
    trading, auditor, projection = CarbonTrading(market, Random(seed)), Auditor(market), Projection()
    followed = 0
    for _ in range(400):
        market.execute(trading.command())
        auditor.check()
        for recorded in market.recorded[followed:]:
            if recorded.event.kind in SHOWN_KINDS:
                projection.apply(recorded.seq, recorded.recorded_at, recorded.event)
            if isinstance(recorded.event, ev.Fill) and recorded.event.instrument == RULED.symbol:
                day = market.state.business_date
                for class_id, _ in recorded.event.delivered:
                    assert [] == obstacles(market.state, RULED, class_id, day)
        followed = len(market.recorded)
        assert free_blocks(market.state.holdings) == free_blocks(projection.places._at[Place.HELD])
        assert free_blocks(market.state.frozen) == free_blocks(projection.places._at[Place.FROZEN])
    return [recorded.event for recorded in market.recorded]


def test_random_carbon() -> None:
    """Everything adds up, no fill delivers what is outside the basket, and the registry has every serial where the venue has it."""
    events = [event for seed in range(3) for event in traded(seed)]

    happened = {type(event) for event in events}
    assert {UnitsFrozen, UnitsReleased, UnitsReclassified, ev.Fill, ev.UnitsCancelled} <= happened
    assert {LockReplaced, TradeCancelled} <= happened
    reasons = {event.reason for event in events if isinstance(event, ev.OrderCancelled)}
    assert {ev.CancelReason.UNITS_FROZEN, ev.CancelReason.NOT_DELIVERABLE} <= reasons


async def test_settled_in_tables(dsn: str) -> None:
    """The tables have every serial where the venue has it, also after a restart in the middle, and rebuild to the same rows."""
    market = carbon_market()
    trading = CarbonTrading(market, Random(4))
    settled = SettledMarket(dsn, market)
    for _ in range(3):
        for _ in range(150):
            market.execute(trading.command())
        await settled.settle()
        await settled.check()
    assert await settled.rows("movement")
    assert [] == (await rebuilt(dsn)).differences
