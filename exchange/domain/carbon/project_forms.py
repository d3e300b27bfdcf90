"""Projects: what is asked and what happened."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from exchange.domain.forms import CommandForm, Event


class Mitigation(StrEnum):
    """What a tonne of the project is: emissions that did not happen, carbon taken out of the air, or both."""

    REDUCTION = "reduction"
    REMOVAL = "removal"
    MIXED = "mixed"


class Crediting(StrEnum):
    """Whether credits are issued for what was verified, or for what is expected."""

    EX_POST = "ex_post"
    EX_ANTE = "ex_ante"


class Project(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A project as its registry describes it. Empty fields are not known."""

    registry: str
    """Such as `CAR`."""
    project: str
    """The registry's id of the project, as credit classes name it."""
    name: str
    country: str = ""
    """ISO 3166 alpha-2 code of the host country."""
    project_type: str = ""
    """In the registry's words, such as `Forestry`."""
    methodology: str = ""
    """In the registry's words, such as `VM0042`."""
    mitigation: Mitigation | None = None
    crediting: Crediting = Crediting.EX_POST
    owner: str = ""
    """Who answers for reversals."""

    @property
    def key(self) -> str:
        """What the project is found by."""
        return project_key(self.registry, self.project)


def project_key(registry: str, project: str) -> str:
    """Registry and project as one text, such as `CAR/CAR1343`: no registry's code has a slash."""
    return f"{registry}/{project}"


class RegisterProject(CommandForm, frozen=True):
    """Describe a project, or describe it anew: what was known before stays on the log."""

    by: str
    project: Project


class ProjectRegistered(Event, frozen=True):
    """A project has this description from now on."""

    kind: ClassVar[str] = "project_registered"
    by: str
    project: Project


ProjectCommand = RegisterProject
EVENT_TYPES: tuple[type[Event], ...] = (ProjectRegistered,)
