"""Requests of the offset account. Figures are decimal text; every entry has an id of the client's own, and is idempotent by it."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from gateway import offset_results
from gateway.websocket.request_forms import (
    AccountParams,
    Deliver,
    Identifier,
    IsoDate,
    NewIdentifier,
    Params,
    Request,
    Seq,
    Text,
)

Figure = Annotated[str, Meta(min_length=1, max_length=24)]


class OffsetOpenPeriodParams(Params, frozen=True):
    """A period to account for; the organisation's name is that of the beneficiary of its retirements."""

    period: NewIdentifier
    organisation: Text
    first_day: IsoDate
    last_day: IsoDate
    account: Identifier = ""


class ActivityParams(Params, frozen=True):
    """One source of emissions: `quantity` (at most 6 decimals) times `factor` (tCO2e per unit, at most 12)."""

    source: Text
    scope: int
    """1, 2 or 3 of the GHG Protocol."""
    quantity: Figure
    unit: Identifier
    factor: Figure
    factor_source: Text


class OffsetRecordActivityParams(Params, frozen=True):
    """A source's emissions in a period."""

    period: Identifier
    entry: NewIdentifier
    activity: ActivityParams
    account: Identifier = ""


class OffsetCorrectActivityParams(Params, frozen=True):
    """Another figure in the place of the entry `corrects`, which stays on the log."""

    period: Identifier
    entry: NewIdentifier
    corrects: Identifier
    activity: ActivityParams
    reason: Text
    account: Identifier = ""


class OffsetRecordReductionParams(Params, frozen=True):
    """What a measure saved in a period."""

    period: Identifier
    entry: NewIdentifier
    measure: Text
    tonnes: Figure
    """tCO2e, at most 6 decimals."""
    source: Text
    in_activity: bool
    """Whether the activity data were measured with the measure at work: then it is told, and not taken off."""
    account: Identifier = ""


class OffsetAllocateParams(Params, frozen=True):
    """Units of a retirement of the account that offset a period, and nothing else any more."""

    period: Identifier
    entry: NewIdentifier
    retirement_id: Seq
    credits: Annotated[tuple[Deliver, ...], Meta(max_length=100)]
    account: Identifier = ""


class OffsetStatementParams(Params, frozen=True):
    """A period of the account."""

    period: Identifier
    account: Identifier = ""


class OffsetOpenPeriod(Request, frozen=True, tag="offset.open_period"):
    """Begin to account for a period."""

    result: ClassVar[type[msgspec.Struct]] = offset_results.OffsetRecorded
    params: OffsetOpenPeriodParams


class OffsetRecordActivity(Request, frozen=True, tag="offset.record_activity"):
    """Know: record a source's emissions."""

    result: ClassVar[type[msgspec.Struct]] = offset_results.OffsetRecorded
    params: OffsetRecordActivityParams


class OffsetCorrectActivity(Request, frozen=True, tag="offset.correct_activity"):
    """Put another figure in the place of one that was recorded."""

    result: ClassVar[type[msgspec.Struct]] = offset_results.OffsetRecorded
    params: OffsetCorrectActivityParams


class OffsetRecordReduction(Request, frozen=True, tag="offset.record_reduction"):
    """Reduce: record what a measure saved."""

    result: ClassVar[type[msgspec.Struct]] = offset_results.OffsetRecorded
    params: OffsetRecordReductionParams


class OffsetAllocate(Request, frozen=True, tag="offset.allocate"):
    """Offset: let a retirement stand against what remains."""

    result: ClassVar[type[msgspec.Struct]] = offset_results.OffsetRecorded
    params: OffsetAllocateParams


class OffsetPeriods(Request, frozen=True, tag="offset.periods"):
    """Periods of an account."""

    result: ClassVar[type[msgspec.Struct]] = offset_results.OffsetPeriodList
    params: AccountParams = AccountParams()


class GetOffsetStatement(Request, frozen=True, tag="offset.statement"):
    """A period as it stands: figures, reductions, retirements, what remains."""

    result: ClassVar[type[msgspec.Struct]] = offset_results.OffsetStatement
    params: OffsetStatementParams
