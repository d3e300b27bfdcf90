"""The statement of a period: every figure that was ever recorded, what stands, what was offset by which retirements, what remains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.emissions import read_tonnes, tonnes_text
from exchange.domain.carbon.offset_forms import Activity
from exchange.domain.carbon.offset_periods import known_period
from exchange.domain.instruments import Unit
from exchange.domain.money import render_decimal

if TYPE_CHECKING:
    from exchange.domain.carbon.offset_periods import Allocation, Period
    from exchange.domain.instruments import CreditClass
    from exchange.domain.state import State

KILOGRAM_DECIMALS = 3


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class StatedFigure(_Part, frozen=True):
    """A source's emissions, as recorded or as a correction."""

    entry: str
    seq: int
    """Of its event in the log."""
    activity: Activity
    tonnes: str
    """Activity times factor, exactly."""
    corrects: str
    """The entry whose place it took; empty: none."""
    reason: str
    corrected_by: str
    """The entry that took its place; empty: it stands."""


class StatedReduction(_Part, frozen=True):
    """What a measure saved."""

    entry: str
    seq: int
    measure: str
    tonnes: str
    source: str
    in_activity: bool
    """The activity data show it already: it is told, and not taken off."""


class StatedCredits(_Part, frozen=True):
    """Retired units of a class."""

    class_id: str
    registry: str
    project: str
    name: str
    vintage: int
    country: str
    unit: Unit
    quantity: int


class StatedAllocation(_Part, frozen=True):
    """Retired units that offset the period, and nothing else."""

    entry: str
    seq: int
    retirement: int
    """Number of the retirement's certificate."""
    credits: tuple[StatedCredits, ...]
    tonnes: str


class ScopeTotal(_Part, frozen=True):
    """Emissions of a scope of the GHG Protocol."""

    scope: int
    tonnes: str


class OffsetStatement(_Part, frozen=True):
    """A period as it stands. All amounts are tCO2e as decimal text, exact."""

    account: str
    period: str
    organisation: str
    first_day: str
    last_day: str
    seq: int
    """Event of the log as of which this is true."""
    figures: tuple[StatedFigure, ...]
    """In the order of recording, those that were corrected included."""
    reductions: tuple[StatedReduction, ...]
    allocations: tuple[StatedAllocation, ...]
    scopes: tuple[ScopeTotal, ...]
    """Of the figures that stand."""
    emissions: str
    taken_off: str
    """Reductions that the activity data do not show already."""
    remaining: str
    """Emissions less those."""
    to_offset: str
    """The same, rounded up to whole tonnes."""
    offset: str
    left_to_offset: str
    surplus: str
    """Offset beyond what remains, after a correction."""


class PeriodSummary(_Part, frozen=True):
    """A period in a list."""

    period: str
    organisation: str
    first_day: str
    last_day: str
    emissions: str
    to_offset: str
    offset: str


def summaries(state: State, account: str) -> list[PeriodSummary]:
    """All periods of an account, in the order of opening."""
    periods = state.carbon.offset.periods.get(account, {})
    return [
        PeriodSummary(
            period.opened.period,
            period.opened.organisation,
            period.opened.first_day,
            period.opened.last_day,
            period.emissions,
            tonnes_of_kilograms(period.to_offset_kg),
            tonnes_of_kilograms(period.offset_kg),
        )
        for period in sorted(periods.values(), key=lambda period: period.seq)
    ]


def statement(state: State, account: str, name: str) -> OffsetStatement:
    """The statement of a period as of the state's last event; raises Reject."""
    period = known_period(state, account, name)
    opened = period.opened
    return OffsetStatement(
        account=account,
        period=name,
        organisation=opened.organisation,
        first_day=opened.first_day,
        last_day=opened.last_day,
        seq=state.last_seq,
        figures=_figures(period),
        reductions=_reductions(period),
        allocations=tuple(
            _allocation(state, entry, found)
            for entry, found in sorted(period.allocations.items(), key=lambda item: item[1].seq)
        ),
        scopes=_scopes(period),
        emissions=period.emissions,
        taken_off=period.taken_off,
        remaining=tonnes_text(period.remaining),
        to_offset=tonnes_of_kilograms(period.to_offset_kg),
        offset=tonnes_of_kilograms(period.offset_kg),
        left_to_offset=tonnes_of_kilograms(max(period.to_offset_kg - period.offset_kg, 0)),
        surplus=tonnes_of_kilograms(max(period.offset_kg - period.to_offset_kg, 0)),
    )


def _figures(period: Period) -> tuple[StatedFigure, ...]:
    return tuple(
        StatedFigure(
            entry, found.seq, found.activity, found.tonnes, found.corrects, found.reason, found.corrected_by
        )
        for entry, found in sorted(period.figures.items(), key=lambda item: item[1].seq)
    )


def _reductions(period: Period) -> tuple[StatedReduction, ...]:
    return tuple(
        StatedReduction(
            entry, found.seq, found.fact.measure, found.fact.tonnes, found.fact.source, found.fact.in_activity
        )
        for entry, found in sorted(period.reductions.items(), key=lambda item: item[1].seq)
    )


def _allocation(state: State, entry: str, allocation: Allocation) -> StatedAllocation:
    fact = allocation.fact
    stated = tuple(_credits(state.classes[class_id], quantity) for class_id, quantity in fact.units)
    return StatedAllocation(
        entry, allocation.seq, fact.retirement, stated, tonnes_of_kilograms(fact.kilograms)
    )


def _credits(known: CreditClass, quantity: int) -> StatedCredits:
    return StatedCredits(
        known.class_id,
        known.registry,
        known.project,
        known.name,
        known.vintage,
        known.country,
        known.unit,
        quantity,
    )


def _scopes(period: Period) -> tuple[ScopeTotal, ...]:
    totals: dict[int, int] = {}
    for figure in period.figures.values():
        if not figure.corrected_by:
            scope = figure.activity.scope
            totals[scope] = totals.get(scope, 0) + read_tonnes(figure.tonnes)
    return tuple(ScopeTotal(scope, tonnes_text(total)) for scope, total in sorted(totals.items()))


def tonnes_of_kilograms(kilograms: int) -> str:
    """Tonnes as decimal text, exact."""
    return render_decimal(kilograms, KILOGRAM_DECIMALS)
