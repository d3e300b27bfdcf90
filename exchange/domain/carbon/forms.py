"""All commands and events of the rules of carbon, gathered from their topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon import project_forms

if TYPE_CHECKING:
    from exchange.domain.forms import Event

CARBON_EVENT_TYPES: tuple[type[Event], ...] = (*project_forms.EVENT_TYPES,)
CarbonCommand = project_forms.ProjectCommand
