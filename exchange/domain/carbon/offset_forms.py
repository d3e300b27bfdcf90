"""The offset account: what is asked and what happened.

Figures are decimal text, so that a log shows what somebody wrote; their scales are in `exchange.domain.carbon.emissions`.
Every entry of a period has an id of its owner's own, and is idempotent by `(account, period, entry)`.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from exchange.domain.forms import CommandForm, Event
from exchange.domain.orders import Delivery


class Activity(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One source of emissions: its activity times its emission factor."""

    source: str
    """What emits, such as `electricity of the head office`."""
    scope: int
    """1, 2 or 3 of the GHG Protocol."""
    quantity: str
    """Activity data, at most 6 decimals."""
    unit: str
    """Of the activity, such as `kWh`."""
    factor: str
    """tCO2e for one unit of the activity, at most 12 decimals."""
    factor_source: str
    """Who published the factor, and when."""


class OpenOffsetPeriod(CommandForm, frozen=True):
    """Begin to account for a period of somebody's emissions."""

    by: str
    session: int
    account: str
    period: str
    """The owner's name for it, such as `FY2025`."""
    organisation: str
    """Whose emissions; retirements for this beneficiary offset them."""
    first_day: str
    last_day: str


class RecordActivity(CommandForm, frozen=True):
    """Know: one source's emissions in the period."""

    by: str
    session: int
    account: str
    period: str
    entry: str
    activity: Activity


class CorrectActivity(CommandForm, frozen=True):
    """Put another figure in the place of one that was recorded; both stay on the log."""

    by: str
    session: int
    account: str
    period: str
    entry: str
    corrects: str
    """The entry whose place this one takes."""
    activity: Activity
    reason: str


class RecordReduction(CommandForm, frozen=True):
    """Reduce: what a measure saved in the period."""

    by: str
    session: int
    account: str
    period: str
    entry: str
    measure: str
    tonnes: str
    """tCO2e, at most 6 decimals."""
    source: str
    """How it is known."""
    in_activity: bool
    """Whether the activity data were measured with the measure at work, so that it must not be taken off again."""


class AllocateRetirement(CommandForm, frozen=True):
    """Offset: units of a retirement stand against what remains of the period."""

    by: str
    session: int
    account: str
    period: str
    entry: str
    retirement: int
    """Seq of the `retired` event."""
    units: Delivery


class OffsetPeriodOpened(Event, frozen=True):
    """A period of somebody's emissions is accounted for."""

    kind: ClassVar[str] = "offset_period_opened"
    account: str
    period: str
    organisation: str
    first_day: str
    last_day: str


class ActivityRecorded(Event, frozen=True):
    """A source's emissions in a period."""

    kind: ClassVar[str] = "activity_recorded"
    account: str
    period: str
    entry: str
    activity: Activity
    tonnes: str
    """Activity times factor, exactly: at most 18 decimals."""


class ActivityCorrected(Event, frozen=True):
    """Another figure has taken the place of an entry's."""

    kind: ClassVar[str] = "activity_corrected"
    account: str
    period: str
    entry: str
    corrects: str
    activity: Activity
    tonnes: str
    reason: str


class ReductionRecorded(Event, frozen=True):
    """What a measure saved in a period."""

    kind: ClassVar[str] = "reduction_recorded"
    account: str
    period: str
    entry: str
    measure: str
    tonnes: str
    source: str
    in_activity: bool


class RetirementAllocated(Event, frozen=True):
    """Units of a retirement offset emissions of a period, and no others any more."""

    kind: ClassVar[str] = "retirement_allocated"
    account: str
    period: str
    entry: str
    retirement: int
    units: Delivery
    kilograms: int
    """What the units amount to."""


PeriodEntry = ActivityRecorded | ActivityCorrected | ReductionRecorded | RetirementAllocated
OffsetCommand = OpenOffsetPeriod | RecordActivity | CorrectActivity | RecordReduction | AllocateRetirement
EVENT_TYPES: tuple[type[Event], ...] = (
    OffsetPeriodOpened,
    ActivityRecorded,
    ActivityCorrected,
    ReductionRecorded,
    RetirementAllocated,
)
