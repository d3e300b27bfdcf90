"""The offset account: know one's emissions, reduce them, offset what remains.

The three steps stand so in the guideline on carbon offsetting of Japan's Ministry of the Environment, which municipalities
teach to the companies of their towns. Emissions are activity data times emission factor (GHG Protocol, Corporate
Standard, chapter 6). A reduction that the activity data show already is told, not taken off a second time. Offset is what was
retired for the organisation and stands against this period alone; it never exceeds what remains, rounded up to whole tonnes.
A correction afterwards is a fact, too: where it lowers what remains below what was offset, the surplus shows as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.emissions import (
    check_size,
    kilograms,
    product,
    read_tonnes,
    saved,
    tonnes_text,
)
from exchange.domain.carbon.offset_forms import (
    ActivityCorrected,
    ActivityRecorded,
    AllocateRetirement,
    CorrectActivity,
    OffsetPeriodOpened,
    OpenOffsetPeriod,
    RecordActivity,
    RecordReduction,
    ReductionRecorded,
    RetirementAllocated,
)
from exchange.domain.carbon.offset_periods import Figure, known_period, period_item
from exchange.domain.deciding import DuplicateRequest, parse_date, require_trader
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.carbon.offset_forms import Activity, OffsetCommand, PeriodEntry
    from exchange.domain.carbon.offset_periods import Period, Unallocated
    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm

MAX_PERIODS = 200
"""Of one account."""
MAX_ENTRIES = 5000
"""Of one period."""
SCOPES = (1, 2, 3)


def open_period(venue: Deciding, command: OpenOffsetPeriod) -> None:
    """Begin to account for a period."""
    state = venue.state
    require_trader(state, command.by, command.session, command.account)
    check_id(command.period, "name of the period")
    event = OffsetPeriodOpened(
        command.account, command.period, command.organisation, command.first_day, command.last_day
    )
    periods = state.carbon.offset.periods.get(command.account, {})
    earlier = periods.get(command.period)
    if earlier is not None:
        if earlier.opened == event:
            raise DuplicateRequest(earlier.seq)
        raise Reject(RejectCode.REFERENCE_REUSED, f"period {command.period!r} was opened with other terms")
    if len(periods) >= MAX_PERIODS:
        raise Reject(RejectCode.TOO_MANY_OFFSET_ENTRIES, f"an account has at most {MAX_PERIODS} periods")
    if parse_date(command.last_day) < parse_date(command.first_day):
        raise Reject(RejectCode.INVALID_DATE, f"{command.last_day} is before {command.first_day}")
    _require_text(command.organisation, "the organisation whose emissions these are")
    venue.emit(event)


def record_activity(venue: Deciding, command: RecordActivity) -> None:
    """Know: add a source's emissions."""
    period = _period(venue, command)
    tonnes = _emissions(command.activity)
    event = ActivityRecorded(
        command.account, command.period, command.entry, command.activity, tonnes_text(tonnes)
    )
    _check_new(period, event)
    check_size(read_tonnes(period.emissions) + tonnes)
    venue.emit(event)


def correct_activity(venue: Deciding, command: CorrectActivity) -> None:
    """Put another figure in the place of one that stands."""
    period = _period(venue, command)
    tonnes = _emissions(command.activity)
    event = ActivityCorrected(
        command.account,
        command.period,
        command.entry,
        command.corrects,
        command.activity,
        tonnes_text(tonnes),
        command.reason,
    )
    _check_new(period, event)
    corrected = period.figures.get(command.corrects)
    if corrected is None:
        raise Reject(
            RejectCode.UNKNOWN_OFFSET_ENTRY, f"{command.corrects!r} is no activity of {command.period}"
        )
    if corrected.corrected_by:
        raise Reject(
            RejectCode.UNKNOWN_OFFSET_ENTRY,
            f"{command.corrects!r} does not stand any more: {corrected.corrected_by!r} corrected it",
        )
    _require_text(command.reason, "the reason of a correction")
    check_size(read_tonnes(period.emissions) - read_tonnes(corrected.tonnes) + tonnes)
    venue.emit(event)


def record_reduction(venue: Deciding, command: RecordReduction) -> None:
    """Reduce: tell what a measure saved."""
    period = _period(venue, command)
    tonnes = saved(command.tonnes)
    event = ReductionRecorded(
        command.account,
        command.period,
        command.entry,
        command.measure,
        tonnes_text(tonnes),
        command.source,
        command.in_activity,
    )
    _check_new(period, event)
    _require_text(command.measure, "the measure")
    _require_text(command.source, "how the reduction is known")
    if not command.in_activity and tonnes > period.remaining:
        raise Reject(
            RejectCode.REDUCTION_EXCEEDS_EMISSIONS,
            f"{tonnes_text(tonnes)} t are more than the {tonnes_text(period.remaining)} t that remain",
        )
    venue.emit(event)


def allocate_retirement(venue: Deciding, command: AllocateRetirement) -> None:
    """Offset: let units of a retirement stand against what remains, and against nothing else any more."""
    state = venue.state
    period = _period(venue, command)
    weight = sum(
        kilograms(quantity, state.classes[class_id].unit)
        for class_id, quantity in command.units
        if class_id in state.classes
    )
    event = RetirementAllocated(
        command.account, command.period, command.entry, command.retirement, command.units, weight
    )
    _check_new(period, event)
    retirement = state.carbon.offset.retirements.get(str(command.retirement))
    if retirement is None or retirement.account != command.account:
        raise Reject(
            RejectCode.UNKNOWN_RETIREMENT,
            f"{command.retirement} is no retirement of this account for compensation with units that offset nothing yet",
        )
    if retirement.beneficiary != period.opened.organisation:
        raise Reject(
            RejectCode.RETIREMENT_NOT_ALLOCABLE,
            f"retirement {command.retirement} was for {retirement.beneficiary!r},"
            f" the emissions are those of {period.opened.organisation!r}",
        )
    _check_units(command, retirement)
    left_kg = period.to_offset_kg - period.offset_kg
    if weight > left_kg:
        raise Reject(
            RejectCode.OFFSET_EXCEEDS_REMAINDER,
            f"{weight} kg are more than the {max(left_kg, 0)} kg that remain to be offset in {command.period}",
        )
    venue.emit(event)


def _check_units(command: AllocateRetirement, retirement: Unallocated) -> None:
    if not command.units or len(dict(command.units)) != len(command.units):
        raise Reject(RejectCode.INVALID_PARAMS, "an allocation names at least one class, each once")
    for class_id, quantity in command.units:
        left = retirement.units.get(class_id, 0)
        if not 0 < quantity <= left:
            raise Reject(
                RejectCode.RETIREMENT_NOT_ALLOCABLE,
                f"{quantity} units of {class_id}: {left} of retirement {command.retirement} offset nothing yet",
            )


def _period(venue: Deciding, command: OffsetCommand) -> Period:
    """The period that a command is about, for somebody who may change it."""
    state = venue.state
    require_trader(state, command.by, command.session, command.account)
    return known_period(state, command.account, command.period)


def _check_new(period: Period, event: PeriodEntry) -> None:
    check_id(event.entry, "id of the entry")
    earlier = period.entry(event.entry)
    if earlier is not None:
        if isinstance(earlier, Figure):
            earlier = msgspec.structs.replace(earlier, corrected_by="")
        if earlier == period_item(earlier.seq, event):
            raise DuplicateRequest(earlier.seq)
        raise Reject(
            RejectCode.REFERENCE_REUSED,
            f"entry {event.entry!r} of {event.period} was used for something else",
        )
    if len(period.figures) + len(period.reductions) + len(period.allocations) >= MAX_ENTRIES:
        raise Reject(RejectCode.TOO_MANY_OFFSET_ENTRIES, f"a period has at most {MAX_ENTRIES} entries")


def _emissions(activity: Activity) -> int:
    if activity.scope not in SCOPES:
        raise Reject(RejectCode.EMISSION_FIGURE_INVALID, "the scope of emissions is 1, 2 or 3")
    _require_text(activity.source, "the source of emissions")
    _require_text(activity.unit, "the unit of the activity")
    _require_text(activity.factor_source, "the source of the emission factor")
    return product(activity.quantity, activity.factor)


def _require_text(text: str, what: str) -> None:
    if not text.strip():
        raise Reject(RejectCode.INVALID_PARAMS, f"{what} must be named")


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    OpenOffsetPeriod: open_period,
    RecordActivity: record_activity,
    CorrectActivity: correct_activity,
    RecordReduction: record_reduction,
    AllocateRetirement: allocate_retirement,
}
