"""Parties to the Paris Agreement: what is asked and what happened."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from exchange.domain.forms import CommandForm, Event


class Party(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A Party that takes part in cooperative approaches."""

    party: str
    """ISO 3166 alpha-3 code, such as `JPN`."""
    name: str
    country: str
    """ISO 3166 alpha-2 code, as credit classes name it."""
    registry_id: str
    """Its ITMO registry: the alpha-3 code of who runs it, and two digits."""
    ndc_first_year: int
    ndc_last_year: int
    """The implementation period of its nationally determined contribution, both years included."""
    jcm_order: int = 0
    """It joined the Joint Crediting Mechanism as the n-th partner of Japan; 0: it did not."""


class RegisterParty(CommandForm, frozen=True):
    """Describe a Party, or describe it anew: what was known before stays on the log."""

    by: str
    party: Party


class PartyRegistered(Event, frozen=True):
    """A Party has this description from now on."""

    kind: ClassVar[str] = "party_registered"
    by: str
    party: Party


class AssignParty(CommandForm, frozen=True):
    """Say in which Party's ITMO registry a participant's accounts stand."""

    by: str
    participant: str
    party: str


class PartyAssigned(Event, frozen=True):
    """The accounts of a participant, present and future, stand in the registry of this Party."""

    kind: ClassVar[str] = "party_assigned"
    by: str
    participant: str
    party: str


PartyCommand = RegisterParty | AssignParty
EVENT_TYPES: tuple[type[Event], ...] = (PartyRegistered, PartyAssigned)
