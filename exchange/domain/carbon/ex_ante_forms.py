"""Ex-ante credits: the evidence of an estimate, what is asked and what happened.

Figures are decimal text of the scales in `exchange.domain.carbon.ex_ante_model`; digests are SHA-256 as 64 lower-case
hexadecimal digits.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from exchange.domain.forms import CommandForm, Event
from exchange.domain.serials import SerialBlock


class EvidenceDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that the figures come from, such as a hazard map; the file itself stays with its owner."""

    title: str
    sha256: str


class HazardYear(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is expected of one year."""

    year: int
    probability: str
    """That the hazard strikes in the year, 0 to 1."""
    damage: str
    """What it would destroy without the measure, in the evidence's unit of damage."""
    reduction_rate: str
    """The share of that damage which the measure prevents, 0 to 1."""
    emission_factor: str
    """tCO2e of rebuilding one unit of damage."""


class ExAnteEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that an estimate is computed from."""

    project: str
    measure: str
    """What prevents damage, such as a sea wall or early warning."""
    damage_unit: str
    """Such as `m2 of floor`."""
    base_year: int
    """The present, to which the years are discounted."""
    discount_rate: str
    """Per year, 0 to 1."""
    years: tuple[HazardYear, ...]
    documents: tuple[EvidenceDocument, ...]


class YearEstimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Emissions that are expected not to happen in a year."""

    year: int
    tonnes: str
    """In that year."""
    present_tonnes: str
    """Discounted to the base year."""


class EstimateExAnte(CommandForm, frozen=True):
    """Put an estimate on record; the venue computes it. Idempotent by class and digest of the evidence."""

    by: str
    class_id: str
    evidence: ExAnteEvidence
    evidence_sha256: str
    """Of the file that the evidence was read from."""


class ConvertExAnte(CommandForm, frozen=True):
    """So many tonnes were verified: as many units become ex-post ones. Idempotent by class and reference."""

    by: str
    class_id: str
    to_class_id: str
    quantity: int
    report_sha256: str
    """Of the verification report."""
    reference: str


class ExpireExAnte(CommandForm, frozen=True):
    """So many tonnes will not come: as many units end. Idempotent by class and reference."""

    by: str
    class_id: str
    quantity: int
    reason: str
    reference: str


class ExAnteEstimated(Event, frozen=True):
    """An estimate, its evidence and the run that computed it. The newest one of a class limits its issuance."""

    kind: ClassVar[str] = "ex_ante_estimated"
    by: str
    class_id: str
    model: str
    evidence: ExAnteEvidence
    evidence_sha256: str
    years: tuple[YearEstimate, ...]
    units: int
    """Whole tonnes of all years together, discounted."""
    run_sha256: str
    """Of the model run: `exchange.domain.carbon.ex_ante_model.ModelRun`."""


class ExAnteVerified(Event, frozen=True):
    """So many tonnes were verified; the conversions of everybody's units follow in the same command."""

    kind: ClassVar[str] = "ex_ante_verified"
    by: str
    class_id: str
    to_class_id: str
    quantity: int
    report_sha256: str
    rule: str
    """Which units of whom: `exchange.domain.carbon.ex_ante_shares`."""
    reference: str


class UnitsConverted(Event, frozen=True):
    """Verified units of one holder became ex-post ones, one to one."""

    kind: ClassVar[str] = "units_converted"
    account: str
    """Who has the units; of a trade that has not settled, its seller."""
    class_id: str
    blocks: tuple[SerialBlock, ...]
    to_class_id: str
    to_block: SerialBlock
    verification: int
    """Seq of the `ex_ante_verified`."""
    reference: str
    trade: int = 0
    """Seq of the trade that the units are locked for; 0: they are free."""


class ExAnteExpired(Event, frozen=True):
    """So many tonnes did not come, or were not verified; everybody's expiries follow in the same command."""

    kind: ClassVar[str] = "ex_ante_expired"
    by: str
    class_id: str
    quantity: int
    reason: str
    rule: str
    reference: str


class UnitsExpired(Event, frozen=True):
    """Units of one holder ended, for nobody's use."""

    kind: ClassVar[str] = "units_expired"
    account: str
    class_id: str
    blocks: tuple[SerialBlock, ...]
    expiry: int
    """Seq of the `ex_ante_expired`."""
    trade: int = 0


ExAnteCommand = EstimateExAnte | ConvertExAnte | ExpireExAnte
EVENT_TYPES: tuple[type[Event], ...] = (
    ExAnteEstimated,
    ExAnteVerified,
    UnitsConverted,
    ExAnteExpired,
    UnitsExpired,
)
