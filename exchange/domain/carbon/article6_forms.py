"""Cooperative approaches of Article 6.2 of the Paris Agreement: what is asked and what happened."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from exchange.domain.forms import CommandForm, Event


class Mechanism(StrEnum):
    """What two or more Parties cooperate by."""

    JCM = "jcm"
    """The Joint Crediting Mechanism of Japan and a partner country."""
    BILATERAL = "bilateral"


class Purpose(StrEnum):
    """What mitigation outcomes are authorised for (decision 2/CMA.3 annex para 1(d) and (f))."""

    NDC = "ndc"
    """Use towards a nationally determined contribution."""
    OIMP = "oimp"
    """Other international mitigation purposes, such as CORSIA."""


class FirstTransfer(StrEnum):
    """What counts as the first transfer of outcomes authorised for OIMP (decision 2/CMA.3 annex para 2(b))."""

    AUTHORISATION = "authorisation"
    ISSUANCE = "issuance"
    USE_OR_CANCELLATION = "use_or_cancellation"


class CooperativeApproach(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What Parties cooperate in."""

    approach_id: str
    """`CA` and four digits."""
    name: str
    mechanism: Mechanism
    parties: tuple[str, ...]


class Authorisation(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A Party's authorisation of mitigation outcomes.

    Units of one class are fungible, so classes are authorised as a whole: what comes in later, too.
    """

    authorisation_id: str
    approach_id: str
    party: str
    """Where the outcomes occur: the first transferring Party."""
    purposes: tuple[Purpose, ...]
    classes: tuple[str, ...]
    authorised_on: str
    """ISO 8601."""
    first_transfer: FirstTransfer | None = None
    """Given where the outcomes are authorised for OIMP, and only there."""
    oimp: str = ""
    """The one other international mitigation purpose that is authorised, such as `CORSIA`; empty: any."""
    entities: tuple[str, ...] = ()
    """Participants that are authorised to use the outcomes; empty: any."""
    sectors: str = ""
    activity_types: str = ""
    terms: str = ""


class RegisterApproach(CommandForm, frozen=True):
    """Make a cooperative approach known."""

    by: str
    approach: CooperativeApproach


class ApproachRegistered(Event, frozen=True):
    """A cooperative approach is known."""

    kind: ClassVar[str] = "cooperative_approach_registered"
    by: str
    approach: CooperativeApproach


class AuthoriseOutcomes(CommandForm, frozen=True):
    """Book a Party's authorisation."""

    by: str
    authorisation: Authorisation


class OutcomesAuthorised(Event, frozen=True):
    """A Party authorised mitigation outcomes."""

    kind: ClassVar[str] = "outcomes_authorised"
    by: str
    authorisation: Authorisation


class ReportSafeguards(CommandForm, frozen=True):
    """Book that a Party reported the safeguards of a cooperative approach."""

    by: str
    party: str
    approach_id: str
    reported_on: str
    document: str


class SafeguardsReported(Event, frozen=True):
    """A Party reported how an approach keeps environmental integrity, human rights and sustainable development."""

    kind: ClassVar[str] = "safeguards_reported"
    by: str
    party: str
    approach_id: str
    reported_on: str
    document: str


class SetJcmTarget(CommandForm, frozen=True):
    """Set how much a Party wants to reach through the Joint Crediting Mechanism by the end of a fiscal year."""

    by: str
    party: str
    fiscal_year: int
    quantity: int
    document: str


class JcmTargetSet(Event, frozen=True):
    """A Party's cumulative target: tonnes by the end of a fiscal year (of Japan: 31 March of the next year)."""

    kind: ClassVar[str] = "jcm_target_set"
    by: str
    party: str
    fiscal_year: int
    quantity: int
    document: str


Article6Command = RegisterApproach | AuthoriseOutcomes | ReportSafeguards | SetJcmTarget
EVENT_TYPES: tuple[type[Event], ...] = (
    ApproachRegistered,
    OutcomesAuthorised,
    SafeguardsReported,
    JcmTargetSet,
)
