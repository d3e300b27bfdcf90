"""All commands and events of the rules of carbon, gathered from their topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon import (
    article6_forms,
    corsia_forms,
    ex_ante_forms,
    freeze_forms,
    issuance_forms,
    label_forms,
    offset_forms,
    party_forms,
    proceeds_forms,
    project_forms,
    reversal_forms,
    technology_forms,
)

if TYPE_CHECKING:
    from exchange.domain.forms import Event

CARBON_EVENT_TYPES: tuple[type[Event], ...] = (
    *project_forms.EVENT_TYPES,
    *issuance_forms.EVENT_TYPES,
    *reversal_forms.EVENT_TYPES,
    *freeze_forms.EVENT_TYPES,
    *label_forms.EVENT_TYPES,
    *party_forms.EVENT_TYPES,
    *article6_forms.EVENT_TYPES,
    *corsia_forms.EVENT_TYPES,
    *offset_forms.EVENT_TYPES,
    *ex_ante_forms.EVENT_TYPES,
    *proceeds_forms.EVENT_TYPES,
    *technology_forms.EVENT_TYPES,
)
CarbonCommand = (
    project_forms.ProjectCommand
    | issuance_forms.IssuanceCommand
    | reversal_forms.ReversalCommand
    | freeze_forms.FreezeCommand
    | label_forms.LabelCommand
    | party_forms.PartyCommand
    | article6_forms.Article6Command
    | corsia_forms.CorsiaCommand
    | offset_forms.OffsetCommand
    | ex_ante_forms.ExAnteCommand
    | proceeds_forms.ProceedsCommand
    | technology_forms.TechnologyCommand
)
