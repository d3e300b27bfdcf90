"""What a retirement claims."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from exchange.domain.carbon.corsia_forms import CorsiaPeriod


class ClaimKind(StrEnum):
    """What somebody says when they retire units."""

    NDC = "ndc"
    """Use towards a Party's nationally determined contribution."""
    CORSIA = "corsia"
    """Use by an aeroplane operator towards its offsetting requirements."""
    COMPENSATION = "compensation"
    """The units offset emissions of the beneficiary: nobody else counts them."""
    CONTRIBUTION = "contribution"
    """The beneficiary paid for mitigation, whoever counts it: nothing is offset."""


class Claim(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """What a retirement claims. Which fields are given depends on the kind."""

    kind: ClaimKind
    year: int = 0
    """NDC: the calendar year for which the units are used."""
    period: CorsiaPeriod | None = None
    """CORSIA: the compliance period."""
    party: str = ""
    """NDC: the Party, which is that of the account; the venue enters it."""
