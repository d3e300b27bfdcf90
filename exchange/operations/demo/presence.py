"""Whether what a command of the demo's stories sets up is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exchange.domain import commands
from exchange.domain.carbon import (
    article6_forms,
    ex_ante_forms,
    issuance_forms,
    label_forms,
    party_forms,
    proceeds_forms,
    project_forms,
    technology_forms,
)
from exchange.domain.carbon.project_forms import project_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.commands import Command
    from exchange.domain.state import State


def is_there(state: State, command: Command) -> bool:
    """Whether giving the command once more would change nothing, or describe anew what somebody has described."""
    return _RULES[type(command)](state, command)


def _booked(state: State, command: Any) -> bool:
    return command.reference in state.references.get(command.account, {})


def _issued_shared(state: State, command: commands.IssueShared) -> bool:
    return all(command.reference in state.references.get(account, {}) for account, _ in command.shares)


def _issuance_recorded(state: State, command: issuance_forms.RecordIssuance) -> bool:
    known = state.carbon.issuances.of_class.get(command.class_id, ())
    return any(issuance.reference == command.reference for issuance in known)


def _target_set(state: State, command: article6_forms.SetJcmTarget) -> bool:
    targets = state.carbon.article6.targets
    return (command.party, command.fiscal_year) in [(one.party, one.fiscal_year) for one in targets]


def _safeguards_reported(state: State, command: article6_forms.ReportSafeguards) -> bool:
    reports = state.carbon.article6.safeguards
    return (command.party, command.approach_id) in [(one.party, one.approach_id) for one in reports]


def _licensed(state: State, command: technology_forms.GrantLicence) -> bool:
    return command.licensee in state.carbon.technologies.licences.get(command.pool, ())


_RULES: dict[type[Any], Callable[[State, Any], bool]] = {
    project_forms.RegisterProject: lambda state, one: (
        state.carbon.projects.current(one.project.key) is not None
    ),
    commands.RegisterClass: lambda state, one: one.credit_class.class_id in state.classes,
    commands.ListInstrument: lambda state, one: one.instrument.symbol in state.listings,
    commands.DepositUnits: _booked,
    commands.IssueUnits: _booked,
    commands.IssueShared: _issued_shared,
    issuance_forms.RecordIssuance: _issuance_recorded,
    proceeds_forms.NameProceeds: lambda state, one: (
        project_key(one.registry, one.project) in state.carbon.proceeds.terms
    ),
    label_forms.GiveLabel: lambda state, one: (
        one.label in state.carbon.labels.statements.get(one.class_id, {})
    ),
    party_forms.RegisterParty: lambda state, one: one.party.party in state.carbon.parties.known,
    party_forms.AssignParty: lambda state, one: one.participant in state.carbon.parties.of_participant,
    article6_forms.RegisterApproach: lambda state, one: (
        one.approach.approach_id in state.carbon.article6.approaches
    ),
    article6_forms.AuthoriseOutcomes: lambda state, one: (
        one.authorisation.authorisation_id in state.carbon.article6.authorisations
    ),
    article6_forms.SetJcmTarget: _target_set,
    article6_forms.ReportSafeguards: _safeguards_reported,
    ex_ante_forms.EstimateExAnte: lambda state, one: one.class_id in state.carbon.ex_ante.estimates,
    technology_forms.RegisterPool: lambda state, one: one.pool.pool in state.carbon.technologies.pools,
    technology_forms.RegisterTechnology: lambda state, one: (
        one.technology.technology in state.carbon.technologies.technologies
    ),
    technology_forms.GrantLicence: _licensed,
    technology_forms.NameTechnologies: lambda state, one: (
        project_key(one.registry, one.project) in state.carbon.technologies.uses
    ),
}
