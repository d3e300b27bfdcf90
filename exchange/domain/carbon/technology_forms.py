"""Technology pools: what is asked and what happened."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from exchange.domain.forms import CommandForm, Event


class TechnologyPool(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Owners of technologies who let others use them for a purpose and ask no royalties for it."""

    pool: str
    """Id."""
    name: str
    purpose: str
    """What use is free, in the pool's own words."""
    members: tuple[str, ...]
    """Legal entities that bring technologies in; they may use all of them."""
    project_types: tuple[str, ...] = ()
    """Types of projects that the purpose covers, in the registries' words; empty: of every type."""


class Technology(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What may be used freely under a pool."""

    technology: str
    """Id."""
    pool: str
    name: str
    contributor: str
    """The member of the pool that brought it in."""
    summary: str = ""
    patents: tuple[str, ...] = ()
    """Publication numbers, such as `EP 1234567 B1`; empty: know-how without patents."""


class RegisterPool(CommandForm, frozen=True):
    """Describe a pool, or describe it anew."""

    by: str
    pool: TechnologyPool


class PoolRegistered(Event, frozen=True):
    """A pool has this description from now on."""

    kind: ClassVar[str] = "technology_pool_registered"
    by: str
    pool: TechnologyPool


class RegisterTechnology(CommandForm, frozen=True):
    """Describe a technology, or describe it anew."""

    by: str
    technology: Technology


class TechnologyRegistered(Event, frozen=True):
    """A technology has this description from now on."""

    kind: ClassVar[str] = "technology_registered"
    by: str
    technology: Technology


class GrantLicence(CommandForm, frozen=True):
    """Note that somebody took a pool's licence."""

    by: str
    pool: str
    licensee: str
    granted_on: str


class LicenceGranted(Event, frozen=True):
    """A legal entity may use a pool's technologies for its purpose, royalty-free."""

    kind: ClassVar[str] = "technology_licence_granted"
    by: str
    pool: str
    licensee: str
    granted_on: str


class NameTechnologies(CommandForm, frozen=True):
    """Say which technologies a project uses; what was said before counts no more."""

    by: str
    registry: str
    project: str
    user: str
    """The member or licensee of each pool that uses them for the project."""
    technologies: tuple[str, ...]
    """Empty: none any more."""


class TechnologiesNamed(Event, frozen=True):
    """A project uses these technologies from now on."""

    kind: ClassVar[str] = "technologies_named"
    by: str
    registry: str
    project: str
    user: str
    technologies: tuple[str, ...]


TechnologyCommand = RegisterPool | RegisterTechnology | GrantLicence | NameTechnologies
EVENT_TYPES: tuple[type[Event], ...] = (
    PoolRegistered,
    TechnologyRegistered,
    LicenceGranted,
    TechnologiesNamed,
)
