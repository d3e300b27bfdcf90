"""Periods of somebody's emissions as the state knows them, and what events add to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.claim_forms import ClaimKind
from exchange.domain.carbon.emissions import KILOGRAMS_PER_TONNE, read_tonnes, tonnes_text, whole_tonnes
from exchange.domain.carbon.offset_forms import (
    Activity,
    ActivityCorrected,
    ActivityRecorded,
    OffsetPeriodOpened,
    PeriodEntry,
    ReductionRecorded,
    RetirementAllocated,
)
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import units_by_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.events import Retired
    from exchange.domain.forms import Event
    from exchange.domain.state import State


class Figure(msgspec.Struct, frozen=True):
    """A source's emissions in a period, as recorded or as a correction."""

    seq: int
    activity: Activity
    tonnes: str
    corrects: str = ""
    """The entry whose place this one took."""
    reason: str = ""
    corrected_by: str = ""
    """The entry that took this one's place."""


class Reduction(msgspec.Struct, frozen=True):
    """What a measure saved in a period."""

    seq: int
    fact: ReductionRecorded


class Allocation(msgspec.Struct, frozen=True):
    """Retired units that offset a period."""

    seq: int
    fact: RetirementAllocated


PeriodItem = Figure | Reduction | Allocation


class Period(msgspec.Struct, eq=False):
    """A period of somebody's emissions, its entries by their owner's ids. Sums are kept: deciding never adds up entries."""

    seq: int
    opened: OffsetPeriodOpened
    figures: dict[str, Figure] = {}
    reductions: dict[str, Reduction] = {}
    allocations: dict[str, Allocation] = {}
    emissions: str = "0"
    """Tonnes of all figures that stand, decimal text."""
    taken_off: str = "0"
    """Tonnes of those reductions that the activity data do not show already."""
    offset_kg: int = 0

    def entry(self, entry: str) -> PeriodItem | None:
        """What has an id."""
        return self.figures.get(entry) or self.reductions.get(entry) or self.allocations.get(entry)

    @property
    def remaining(self) -> int:
        """Emissions less reductions, in units of 10**-18 t."""
        return max(read_tonnes(self.emissions) - read_tonnes(self.taken_off), 0)

    @property
    def to_offset_kg(self) -> int:
        """What remains, rounded up to whole tonnes, whether offset already or not."""
        return whole_tonnes(self.remaining) * KILOGRAMS_PER_TONNE


class Unallocated(msgspec.Struct, eq=False):
    """What of a retirement does not stand against any period yet."""

    account: str
    beneficiary: str
    units: dict[str, int]


class OffsetAccounts(msgspec.Struct, eq=False):
    """All periods of all accounts, and the retirements that can offset them."""

    periods: dict[str, dict[str, Period]] = {}
    """By account and the owner's name of the period."""
    retirements: dict[str, Unallocated] = {}
    """By seq of the `retired` event as text; those that are used up are gone."""


def known_period(state: State, account: str, period: str) -> Period:
    """A period of an account; raises Reject."""
    found = state.carbon.offset.periods.get(account, {}).get(period)
    if found is None:
        raise Reject(RejectCode.UNKNOWN_OFFSET_PERIOD, f"the account has not opened a period {period!r}")
    return found


def retired(state: State, seq: int, event: Retired) -> None:
    """Units that were retired can offset something from now on, unless they were for something else."""
    if event.claim is not None and event.claim.kind is not ClaimKind.COMPENSATION:
        return
    units = dict(units_by_class(event.credits))
    state.carbon.offset.retirements[str(seq)] = Unallocated(event.account, event.beneficiary, units)


def _period_opened(state: State, seq: int, event: OffsetPeriodOpened) -> None:
    state.carbon.offset.periods.setdefault(event.account, {})[event.period] = Period(seq, event)


def period_item(seq: int, event: PeriodEntry) -> PeriodItem:
    """What the state keeps of an entry."""
    if isinstance(event, ReductionRecorded):
        return Reduction(seq, event)
    if isinstance(event, RetirementAllocated):
        return Allocation(seq, event)
    return _figure(seq, event)


def _figure(seq: int, event: ActivityRecorded | ActivityCorrected) -> Figure:
    if isinstance(event, ActivityCorrected):
        return Figure(seq, event.activity, event.tonnes, event.corrects, event.reason)
    return Figure(seq, event.activity, event.tonnes)


def _activity_recorded(state: State, seq: int, event: ActivityRecorded) -> None:
    period = _known(state, event)
    period.figures[event.entry] = _figure(seq, event)
    period.emissions = _sum(period.emissions, event.tonnes)


def _activity_corrected(state: State, seq: int, event: ActivityCorrected) -> None:
    period = _known(state, event)
    corrected = period.figures[event.corrects]
    period.figures[event.corrects] = msgspec.structs.replace(corrected, corrected_by=event.entry)
    period.figures[event.entry] = _figure(seq, event)
    others = read_tonnes(period.emissions) - read_tonnes(corrected.tonnes)
    period.emissions = _sum(tonnes_text(others), event.tonnes)


def _reduction_recorded(state: State, seq: int, event: ReductionRecorded) -> None:
    period = _known(state, event)
    period.reductions[event.entry] = Reduction(seq, event)
    if not event.in_activity:
        period.taken_off = _sum(period.taken_off, event.tonnes)


def _retirement_allocated(state: State, seq: int, event: RetirementAllocated) -> None:
    period = _known(state, event)
    period.allocations[event.entry] = Allocation(seq, event)
    period.offset_kg += event.kilograms
    retirements = state.carbon.offset.retirements
    units = retirements[str(event.retirement)].units
    for class_id, quantity in event.units:
        units[class_id] -= quantity
        if not units[class_id]:
            del units[class_id]
    if not units:
        del retirements[str(event.retirement)]


def _known(state: State, event: PeriodEntry) -> Period:
    return state.carbon.offset.periods[event.account][event.period]


def _sum(first: str, second: str) -> str:
    return tonnes_text(read_tonnes(first) + read_tonnes(second))


RECORDERS: dict[type[Event], Callable[..., None]] = {
    OffsetPeriodOpened: _period_opened,
    ActivityRecorded: _activity_recorded,
    ActivityCorrected: _activity_corrected,
    ReductionRecorded: _reduction_recorded,
    RetirementAllocated: _retirement_allocated,
}
