"""What the venue knows by the rules of carbon: one field per topic."""

from __future__ import annotations

import msgspec

from exchange.domain.carbon.projects import Projects


class CarbonState(msgspec.Struct, eq=False, forbid_unknown_fields=True):
    """The carbon part of the state. Every topic brings a struct that JSON carries and brings back exactly."""

    projects: Projects = msgspec.field(default_factory=Projects)
