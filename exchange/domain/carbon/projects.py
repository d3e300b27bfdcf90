"""Projects: every credit class belongs to one.

Registries publish for each project its id, name, host country, type and methodology, and ICVCM's Core Carbon
Principle 3 (tracking) asks that a credit be traced to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon import baskets
from exchange.domain.carbon.project_forms import (
    Crediting,
    Project,
    ProjectRegistered,
    RegisterProject,
    project_key,
)
from exchange.domain.deciding import require_operator
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.events import ClassRegistered
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.instruments import CreditClass
    from exchange.domain.state import State


class Description(msgspec.Struct, frozen=True):
    """A project as it was known from an event on."""

    seq: int
    recorded_on: str
    """Business date of the event, ISO 8601."""
    project: Project


class Projects(msgspec.Struct, eq=False):
    """All projects, by key, with every description they ever had, oldest first."""

    descriptions: dict[str, list[Description]] = {}

    def current(self, key: str) -> Project | None:
        """A project as it is known now."""
        known = self.descriptions.get(key)
        return known[-1].project if known else None

    def of_class(self, credit_class: CreditClass) -> Project:
        """The project of a registered class; there always is one."""
        return self.descriptions[project_key(credit_class.registry, credit_class.project)][-1].project

    def is_ex_ante(self, credit_class: CreditClass) -> bool:
        """Whether a registered class is issued for what is expected: by its own word, or else by its project's."""
        crediting = credit_class.crediting or self.of_class(credit_class).crediting
        return crediting is Crediting.EX_ANTE


def register_project(venue: Deciding, command: RegisterProject) -> None:
    """Describe a project."""
    require_operator(venue.state, command.by)
    project = command.project
    check_id(project.registry, "registry")
    check_id(project.project, "project id")
    if "/" in project.registry:
        raise Reject(RejectCode.INVALID_PARAMS, "the code of a registry has no slash")
    if not project.name.strip():
        raise Reject(RejectCode.INVALID_PARAMS, "a project has a name")
    if venue.state.carbon.projects.current(project.key) == project:
        raise Reject(RejectCode.ALREADY_EXISTS, f"project {project.key} is described so already")
    venue.emit(ProjectRegistered(command.by, project))
    baskets.expel(venue)


def _project_registered(state: State, seq: int, event: ProjectRegistered) -> None:
    _describe(state, seq, event.project)
    baskets.project_described(state, event.project)


def class_registered(state: State, seq: int, event: ClassRegistered) -> None:
    """A class whose project nobody described brings what it says of it itself."""
    known = event.credit_class
    if state.carbon.projects.current(project_key(known.registry, known.project)) is None:
        _describe(state, seq, Project(known.registry, known.project, known.name, known.country))


def _describe(state: State, seq: int, project: Project) -> None:
    described = state.carbon.projects.descriptions.setdefault(project.key, [])
    described.append(Description(seq, state.business_date, project))


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {RegisterProject: register_project}
RECORDERS: dict[type[Event], Callable[..., None]] = {ProjectRegistered: _project_registered}
