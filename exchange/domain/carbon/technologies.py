"""Technologies under royalty-free pools, and the projects that use them.

Owners of patents open them for a purpose without asking royalties, as in the Low-Carbon Patent Pledge (2021: low-carbon energy)
or the Eco-Patent Commons (World Business Council for Sustainable Development, 2008). Who takes the licence may use all
technologies of the pool for its purpose; the pool's members may anyway. A project names those it uses, so that whoever judges it
can see what it rests on, and others can do the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.project_forms import project_key
from exchange.domain.carbon.technology_forms import (
    GrantLicence,
    LicenceGranted,
    NameTechnologies,
    PoolRegistered,
    RegisterPool,
    RegisterTechnology,
    TechnologiesNamed,
    Technology,
    TechnologyPool,
    TechnologyRegistered,
)
from exchange.domain.deciding import parse_date, require_operator
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.carbon.project_forms import Project
    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.state import State


class TechnologyUse(msgspec.Struct, frozen=True):
    """What a project says that it uses."""

    seq: int
    user: str
    technologies: tuple[str, ...]


class Technologies(msgspec.Struct, eq=False):
    """Pools, technologies, licences and uses as they are known now."""

    pools: dict[str, TechnologyPool] = {}
    licences: dict[str, dict[str, str]] = {}
    """By pool: licensees and the date since when they are."""
    technologies: dict[str, Technology] = {}
    uses: dict[str, TechnologyUse] = {}
    """By project; none is empty."""

    def may_use(self, pool: str, user: str) -> bool:
        """Whether somebody is a member or a licensee of a pool."""
        return user in self.pools[pool].members or user in self.licences.get(pool, ())


def register_pool(venue: Deciding, command: RegisterPool) -> None:
    """Describe a pool."""
    require_operator(venue.state, command.by)
    pool = command.pool
    check_id(pool.pool, "pool id")
    if not (pool.name.strip() and pool.purpose.strip()):
        raise Reject(RejectCode.INVALID_PARAMS, "a pool has a name and a permitted purpose")
    if not pool.members:
        raise Reject(RejectCode.INVALID_PARAMS, "a pool has members")
    _check_distinct(pool.members, "member")
    _check_distinct(pool.project_types, "project type")
    if venue.state.carbon.technologies.pools.get(pool.pool) == pool:
        raise Reject(RejectCode.ALREADY_EXISTS, f"pool {pool.pool} is described so already")
    venue.emit(PoolRegistered(command.by, pool))


def register_technology(venue: Deciding, command: RegisterTechnology) -> None:
    """Describe a technology that a member brings into a pool."""
    known = venue.state.carbon.technologies
    require_operator(venue.state, command.by)
    technology = command.technology
    check_id(technology.technology, "technology id")
    if not technology.name.strip():
        raise Reject(RejectCode.INVALID_PARAMS, "a technology has a name")
    _check_distinct(technology.patents, "patent")
    pool = _known_pool(known, technology.pool)
    if technology.contributor not in pool.members:
        raise Reject(
            RejectCode.NOT_A_POOL_MEMBER, f"{technology.contributor!r} is not a member of pool {pool.pool}"
        )
    earlier = known.technologies.get(technology.technology)
    if earlier == technology:
        raise Reject(RejectCode.ALREADY_EXISTS, f"technology {technology.technology} is described so already")
    if earlier is not None and earlier.pool != technology.pool:
        # Licences and uses rest on it.
        raise Reject(
            RejectCode.INVALID_PARAMS, f"technology {technology.technology} stays in pool {earlier.pool}"
        )
    venue.emit(TechnologyRegistered(command.by, technology))


def grant_licence(venue: Deciding, command: GrantLicence) -> None:
    """Note that somebody took a pool's licence."""
    known = venue.state.carbon.technologies
    require_operator(venue.state, command.by)
    pool = _known_pool(known, command.pool)
    parse_date(command.granted_on)
    _check_distinct((command.licensee,), "licensee")
    if known.may_use(pool.pool, command.licensee):
        raise Reject(
            RejectCode.ALREADY_EXISTS, f"{command.licensee!r} is a member or a licensee of pool {pool.pool}"
        )
    venue.emit(LicenceGranted(command.by, pool.pool, command.licensee, command.granted_on))


def name_technologies(venue: Deciding, command: NameTechnologies) -> None:
    """Say what a project uses."""
    state = venue.state
    known = state.carbon.technologies
    require_operator(state, command.by)
    key = project_key(command.registry, command.project)
    project = state.carbon.projects.current(key)
    if project is None:
        raise Reject(RejectCode.UNKNOWN_PROJECT, f"project {key} is not known")
    _check_distinct(command.technologies, "technology")
    for technology_id in command.technologies:
        technology = known.technologies.get(technology_id)
        if technology is None:
            raise Reject(RejectCode.UNKNOWN_TECHNOLOGY, f"technology {technology_id!r} is not known")
        _check_permitted(known, known.pools[technology.pool], project, command.user)
    use = known.uses.get(key)
    said = (command.user, command.technologies)
    if (use.user, use.technologies) == said if use else not command.technologies:
        raise Reject(RejectCode.ALREADY_EXISTS, f"project {key} names these technologies already")
    venue.emit(
        TechnologiesNamed(command.by, command.registry, command.project, command.user, command.technologies)
    )


def _check_permitted(known: Technologies, pool: TechnologyPool, project: Project, user: str) -> None:
    if not known.may_use(pool.pool, user):
        raise Reject(
            RejectCode.NOT_LICENSED, f"{user!r} is neither a member nor a licensee of pool {pool.pool}"
        )
    if pool.project_types and project.project_type not in pool.project_types:
        raise Reject(
            RejectCode.PURPOSE_NOT_PERMITTED,
            f"pool {pool.pool} is free for projects of type {', '.join(pool.project_types)}"
            f", not for {project.project_type or 'one of no known type'}",
        )


def _known_pool(known: Technologies, pool_id: str) -> TechnologyPool:
    pool = known.pools.get(pool_id)
    if pool is None:
        raise Reject(RejectCode.UNKNOWN_TECHNOLOGY_POOL, f"technology pool {pool_id!r} is not known")
    return pool


def _check_distinct(names: tuple[str, ...], what: str) -> None:
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise Reject(RejectCode.INVALID_PARAMS, f"each {what} has a name and is named once")


def _pool_registered(state: State, _seq: int, event: PoolRegistered) -> None:
    state.carbon.technologies.pools[event.pool.pool] = event.pool


def _technology_registered(state: State, _seq: int, event: TechnologyRegistered) -> None:
    state.carbon.technologies.technologies[event.technology.technology] = event.technology


def _licence_granted(state: State, _seq: int, event: LicenceGranted) -> None:
    state.carbon.technologies.licences.setdefault(event.pool, {})[event.licensee] = event.granted_on


def _technologies_named(state: State, seq: int, event: TechnologiesNamed) -> None:
    uses = state.carbon.technologies.uses
    uses.pop(project_key(event.registry, event.project), None)
    if event.technologies:
        use = TechnologyUse(seq, event.user, event.technologies)
        uses[project_key(event.registry, event.project)] = use


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    RegisterPool: register_pool,
    RegisterTechnology: register_technology,
    GrantLicence: grant_licence,
    NameTechnologies: name_technologies,
}
RECORDERS: dict[type[Event], Callable[..., None]] = {
    PoolRegistered: _pool_registered,
    TechnologyRegistered: _technology_registered,
    LicenceGranted: _licence_granted,
    TechnologiesNamed: _technologies_named,
}
