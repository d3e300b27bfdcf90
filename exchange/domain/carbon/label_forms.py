"""Labels of credit classes: what is asked and what happened.

A label is a text such as `CCP` (Core Carbon Principles), `CORSIA-PHASE-1`, `ARTICLE-6-AUTHORISED`,
`CORRESPONDINGLY-ADJUSTED` or `SDG-13` (a co-benefit): whatever registries and standards give, and take back.
"""

from __future__ import annotations

from typing import ClassVar

from exchange.domain.forms import CommandForm, Event
from exchange.domain.serials import SerialBlock


class GiveLabel(CommandForm, frozen=True):
    """A class has a label on the days from `valid_from` to `valid_until`; empty: for good."""

    by: str
    class_id: str
    label: str
    valid_from: str
    valid_until: str = ""
    """Last day, included."""
    evidence: str = ""
    """Where the label was published."""


class WithdrawLabel(CommandForm, frozen=True):
    """A class does not have a label on the days from `valid_from` to `valid_until`; empty: for good."""

    by: str
    class_id: str
    label: str
    valid_from: str
    valid_until: str = ""
    reason: str = ""


class ReclassifyUnits(CommandForm, frozen=True):
    """Serials of a class become units of another one of the same project and vintage. Idempotent by the reference.

    Where a registry labels part of what is one class here, that part stops being fungible with the rest.
    """

    by: str
    class_id: str
    to_class_id: str
    blocks: tuple[SerialBlock, ...]
    reason: str
    reference: str


class LabelGiven(Event, frozen=True):
    """The class has the label on these days, as far as is known from now on."""

    kind: ClassVar[str] = "label_given"
    by: str
    class_id: str
    label: str
    valid_from: str
    valid_until: str = ""
    evidence: str = ""


class LabelWithdrawn(Event, frozen=True):
    """The class does not have the label on these days, as far as is known from now on."""

    kind: ClassVar[str] = "label_withdrawn"
    by: str
    class_id: str
    label: str
    valid_from: str
    valid_until: str = ""
    reason: str = ""


class UnitsReclassified(Event, frozen=True):
    """Serials are another class's. For each holder a withdrawal and a deposit of the same serials follow."""

    kind: ClassVar[str] = "units_reclassified"
    by: str
    class_id: str
    to_class_id: str
    blocks: tuple[SerialBlock, ...]
    reason: str
    reference: str


LabelCommand = GiveLabel | WithdrawLabel | ReclassifyUnits
EVENT_TYPES: tuple[type[Event], ...] = (LabelGiven, LabelWithdrawn, UnitsReclassified)
