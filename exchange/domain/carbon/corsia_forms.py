"""CORSIA, ICAO's scheme for international aviation: what is asked and what happened."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from exchange.domain.forms import CommandForm, Event


class CorsiaPeriod(StrEnum):
    """A compliance period: the pilot phase, the first phase, and the three periods of the second phase."""

    PILOT = "2021-2023"
    FIRST = "2024-2026"
    SECOND_A = "2027-2029"
    SECOND_B = "2030-2032"
    SECOND_C = "2033-2035"


class CorsiaProgramme(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """ICAO's Council found the units of a programme eligible for a compliance period."""

    registry: str
    period: CorsiaPeriod
    first_vintage: int
    last_vintage: int
    decided_on: str
    document: str


class AdmitCorsiaProgramme(CommandForm, frozen=True):
    """Book a decision of ICAO's Council on a programme and a compliance period; a later one replaces it."""

    by: str
    programme: CorsiaProgramme


class CorsiaProgrammeAdmitted(Event, frozen=True):
    """Units of a programme are eligible for a compliance period, as this decision says."""

    kind: ClassVar[str] = "corsia_programme_admitted"
    by: str
    programme: CorsiaProgramme


class ReportAdjustment(CommandForm, frozen=True):
    """Book that the host Party's report shows the corresponding adjustment for a class."""

    by: str
    class_id: str
    adjusted_on: str
    document: str


class AdjustmentReported(Event, frozen=True):
    """The host Party completed the corresponding adjustment for a class."""

    kind: ClassVar[str] = "adjustment_reported"
    by: str
    class_id: str
    adjusted_on: str
    document: str


class RecordDeed(CommandForm, frozen=True):
    """Book an accounting deed: if the host Party does not adjust, who signs replaces the units, and is insured for it."""

    by: str
    class_id: str
    signed_by: str
    insurer: str
    policy: str
    valid_from: str
    valid_until: str


class DeedRecorded(Event, frozen=True):
    """An accounting deed with insurance stands for a class, between two dates, both included."""

    kind: ClassVar[str] = "accounting_deed_recorded"
    by: str
    class_id: str
    signed_by: str
    insurer: str
    policy: str
    valid_from: str
    valid_until: str


CorsiaCommand = AdmitCorsiaProgramme | ReportAdjustment | RecordDeed
EVENT_TYPES: tuple[type[Event], ...] = (CorsiaProgrammeAdmitted, AdjustmentReported, DeedRecorded)
