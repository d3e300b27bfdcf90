"""Which units an aeroplane operator may use under CORSIA, and until when.

Sources: ICAO document "CORSIA Eligible Emissions Units" (programmes and vintages by compliance period, and from the first
phase on: the host country's authorisation, and what stands for its adjustment), "CORSIA Emissions Unit Eligibility
Criteria" 3.7 (counted once), and Annex 16 Volume IV Appendix 1 (dates).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.article6 import check_document, check_past
from exchange.domain.carbon.article6_forms import Purpose
from exchange.domain.carbon.corsia_forms import (
    AdjustmentReported,
    AdmitCorsiaProgramme,
    CorsiaPeriod,
    CorsiaProgramme,
    CorsiaProgrammeAdmitted,
    DeedRecorded,
    RecordDeed,
    ReportAdjustment,
)
from exchange.domain.carbon.parties import FIRST_YEAR_OF_ITMOS
from exchange.domain.deciding import parse_date, require_operator
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.state import State

CORSIA = "CORSIA"
"""The OIMP that an authorisation names when it is for aviation alone."""
CANCELLED_BY: dict[CorsiaPeriod, str] = {
    CorsiaPeriod.PILOT: "2025-01-31",
    CorsiaPeriod.FIRST: "2028-01-31",
    CorsiaPeriod.SECOND_A: "2031-01-31",
    CorsiaPeriod.SECOND_B: "2034-01-31",
    CorsiaPeriod.SECOND_C: "2037-01-31",
}
"""Units for a period are cancelled by this date (Annex 16 Volume IV Appendix 1)."""


class Corsia(msgspec.Struct, eq=False):
    """ICAO's decisions, adjustments and deeds, oldest first."""

    programmes: list[CorsiaProgramme] = []
    adjustments: dict[str, list[AdjustmentReported]] = {}
    """By class."""
    deeds: dict[str, list[DeedRecorded]] = {}
    """By class."""


def obstacles(state: State, class_id: str, period: CorsiaPeriod, on: str) -> list[str]:
    """Why units of a registered class cannot be used for a compliance period on a date (ISO 8601); none: they can."""
    found = [_programme_obstacle(state, class_id, period, on)]
    if on > CANCELLED_BY[period]:
        found.append(f"units for {period.value} were to be cancelled by {CANCELLED_BY[period]}")
    if state.classes[class_id].vintage >= FIRST_YEAR_OF_ITMOS:
        found.append(_authorisation_obstacle(state, class_id, on))
        if not is_adjusted(state, class_id, on):
            found.append(
                f"on {on} neither is the corresponding adjustment for {class_id} completed,"
                " nor does an accounting deed with insurance stand for it"
            )
    return [obstacle for obstacle in found if obstacle]


def is_adjusted(state: State, class_id: str, on: str) -> bool:
    """Whether nobody else counts the units: the adjustment is completed, or an insured deed stands for it."""
    corsia = state.carbon.corsia
    return any(report.adjusted_on <= on for report in corsia.adjustments.get(class_id, ())) or any(
        deed.valid_from <= on <= deed.valid_until for deed in corsia.deeds.get(class_id, ())
    )


def _programme_obstacle(state: State, class_id: str, period: CorsiaPeriod, on: str) -> str:
    credit_class = state.classes[class_id]
    decisions = [
        programme
        for programme in state.carbon.corsia.programmes
        if (programme.registry, programme.period) == (credit_class.registry, period)
        and programme.decided_on <= on
    ]
    if not decisions:
        return f"{credit_class.registry} is no programme that is eligible for {period.value} on {on}"
    decided = max(enumerate(decisions), key=lambda item: (item[1].decided_on, item[0]))[1]
    if not decided.first_vintage <= credit_class.vintage <= decided.last_vintage:
        return (
            f"{class_id} is of {credit_class.vintage}; eligible for {period.value}"
            f" are vintages {decided.first_vintage} to {decided.last_vintage}"
        )
    return ""


def _authorisation_obstacle(state: State, class_id: str, on: str) -> str:
    authorisation = state.carbon.article6.authorisation(class_id)
    if authorisation is None or authorisation.authorised_on > on:
        return f"on {on} the host Party has not authorised {class_id}"
    if Purpose.OIMP not in authorisation.purposes or authorisation.oimp not in {"", CORSIA}:
        return f"authorisation {authorisation.authorisation_id} is not for {CORSIA}"
    return ""


def admit_programme(venue: Deciding, command: AdmitCorsiaProgramme) -> None:
    """Book what ICAO's Council decided on a programme."""
    require_operator(venue.state, command.by)
    programme = command.programme
    check_id(programme.registry, "registry")
    check_past(venue.state, programme.decided_on)
    check_document(programme.document)
    if programme.first_vintage > programme.last_vintage:
        raise Reject(RejectCode.INVALID_PARAMS, "the first vintage comes before the last")
    venue.emit(CorsiaProgrammeAdmitted(command.by, programme))


def report_adjustment(venue: Deciding, command: ReportAdjustment) -> None:
    """Book an adjustment that the host Party reported in its structured summary (decision 18/CMA.1 annex para 77(d))."""
    state = venue.state
    require_operator(state, command.by)
    check_past(state, command.adjusted_on)
    check_document(command.document)
    if state.carbon.article6.authorisation(command.class_id) is None:
        raise Reject(
            RejectCode.INVALID_AUTHORISATION,
            f"no authorisation covers {command.class_id!r}, so there is nothing to adjust for",
        )
    venue.emit(AdjustmentReported(command.by, command.class_id, command.adjusted_on, command.document))


def record_deed(venue: Deciding, command: RecordDeed) -> None:
    """Book an accounting deed and its insurance."""
    state = venue.state
    require_operator(state, command.by)
    if command.class_id not in state.classes:
        raise Reject(RejectCode.UNKNOWN_CLASS, f"{command.class_id!r} is not a registered credit class")
    if not (command.signed_by.strip() and command.insurer.strip() and command.policy.strip()):
        raise Reject(RejectCode.INVALID_PARAMS, "a deed names who signed it, its insurer and its policy")
    if parse_date(command.valid_from) > parse_date(command.valid_until):
        raise Reject(RejectCode.INVALID_DATE, "a deed begins before it ends")
    venue.emit(
        DeedRecorded(
            command.by,
            command.class_id,
            command.signed_by,
            command.insurer,
            command.policy,
            command.valid_from,
            command.valid_until,
        )
    )


def _programme_admitted(state: State, _seq: int, event: CorsiaProgrammeAdmitted) -> None:
    state.carbon.corsia.programmes.append(event.programme)


def _adjustment_reported(state: State, _seq: int, event: AdjustmentReported) -> None:
    state.carbon.corsia.adjustments.setdefault(event.class_id, []).append(event)


def _deed_recorded(state: State, _seq: int, event: DeedRecorded) -> None:
    state.carbon.corsia.deeds.setdefault(event.class_id, []).append(event)


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    AdmitCorsiaProgramme: admit_programme,
    ReportAdjustment: report_adjustment,
    RecordDeed: record_deed,
}
RECORDERS: dict[type[Event], Callable[..., None]] = {
    CorsiaProgrammeAdmitted: _programme_admitted,
    AdjustmentReported: _adjustment_reported,
    DeedRecorded: _deed_recorded,
}
