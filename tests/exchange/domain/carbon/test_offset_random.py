"""Random entries of an offset account: kept sums are those of the entries, and no retired unit offsets anything twice."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from exchange.domain.carbon.offset_forms import (
    Activity,
    ActivityCorrected,
    ActivityRecorded,
    AllocateRetirement,
    CorrectActivity,
    OpenOffsetPeriod,
    RecordActivity,
    RecordReduction,
    ReductionRecorded,
    RetirementAllocated,
)
from exchange.domain.carbon.offset_statement import statement
from exchange.domain.events import Retired
from exchange.registry.offset_certificate import wrong_sums
from tests.exchange.domain.audit import Auditor
from tests.market import ALPHA, V18, V20, Market

PERIODS = ("FY2024", "FY2025")


class RandomAccounting:
    """Draws entries that fit, or nearly fit, what the account has."""

    def __init__(self, market: Market, random: Random) -> None:
        self.market = market
        self.random = random
        self.by = (market.alpha.key_id, market.alpha.session, ALPHA)
        self.number = 0
        for period in PERIODS:
            market.do(OpenOffsetPeriod(*self.by, period, "Acme", "2025-04-01", "2026-03-31"))

    def act(self) -> None:
        """One random command."""
        draw = self.random.choices(
            (self._record, self._correct, self._reduce, self._retire, self._allocate), (3, 3, 2, 3, 5)
        )[0]
        self.number += 1
        draw(self.random.choice(PERIODS), f"e-{self.number}")

    def _activity(self) -> Activity:
        quantity, factor = self.random.randint(0, 10**9), self.random.randint(0, 10**10)
        return Activity(
            "x", self.random.randint(1, 3), f"{quantity / 10**6:.6f}", "l", f"0.{factor:012}", "y"
        )

    def _record(self, period: str, entry: str) -> None:
        self.market.execute(RecordActivity(*self.by, period, entry, self._activity()))

    def _correct(self, period: str, entry: str) -> None:
        known = list(self.market.state.carbon.offset.periods[ALPHA][period].figures) or ["none"]
        self.market.execute(
            CorrectActivity(*self.by, period, entry, self.random.choice(known), self._activity(), "wrong")
        )

    def _reduce(self, period: str, entry: str) -> None:
        tonnes = f"{self.random.randint(1, 2 * 10**6) / 10**6:.6f}"
        self.market.execute(
            RecordReduction(*self.by, period, entry, "m", tonnes, "s", in_activity=self.random.random() < 0.5)
        )

    def _retire(self, _period: str, entry: str) -> None:
        class_id = self.random.choice((V18, V20))
        self.market.execute(self.market.alpha.retire_command(class_id, self.random.randint(1, 9), entry))

    def _allocate(self, period: str, entry: str) -> None:
        retirements = self.market.state.carbon.offset.retirements
        if not retirements:
            return
        retirement = self.random.choice(list(retirements))
        units = tuple(
            (class_id, self.random.randint(1, left + 1))
            for class_id, left in retirements[retirement].units.items()
        )
        self.market.execute(AllocateRetirement(*self.by, period, entry, int(retirement), units))


@pytest.mark.parametrize("seed", range(4))
def test_sums_are_those_of_the_entries(seed: int) -> None:
    """After every command the audit holds, every sum of both statements follows from their entries, and units count once."""
    market = Market()
    accounting = RandomAccounting(market, Random(seed))
    auditor = Auditor(market)
    for _ in range(200):
        accounting.act()
        auditor.check()
        for period in PERIODS:
            assert [] == wrong_sums(statement(market.state, ALPHA, period))
    allocated: Counter[int] = Counter()
    for item in market.recorded:
        if isinstance(item.event, RetirementAllocated):
            allocated[item.event.retirement] += sum(units for _, units in item.event.units)
    for retirement, units in allocated.items():
        event = market.recorded[retirement - 1].event
        assert isinstance(event, Retired)
        assert units <= sum(block.quantity for _, block in event.credits)
    kinds = {type(item.event) for item in market.recorded}
    assert {ActivityRecorded, ActivityCorrected, ReductionRecorded, RetirementAllocated} <= kinds
