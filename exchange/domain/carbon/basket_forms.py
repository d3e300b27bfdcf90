"""The rule of a basket: what a class must be to deliver into it."""

from __future__ import annotations

import msgspec

from exchange.domain.carbon.project_forms import Crediting, Mitigation


class BasketRule(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Every criterion that is given must be met; of several values one suffices, but of labels all are needed."""

    registries: tuple[str, ...] = ()
    project_types: tuple[str, ...] = ()
    methodologies: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    """ISO 3166 alpha-2 codes."""
    vintage_from: int = 0
    vintage_to: int = 0
    """Last vintage, included; 0: no limit."""
    labels: tuple[str, ...] = ()
    mitigation: Mitigation | None = None
    crediting: Crediting = Crediting.EX_POST
    """Verified tonnes and expected ones never share a basket."""

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing but the crediting."""
        return self == BasketRule(crediting=self.crediting)
