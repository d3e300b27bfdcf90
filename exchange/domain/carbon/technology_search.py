"""Finding technologies that may be used freely, and what the public may know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from exchange.domain.state import State


class TechnologyUser(msgspec.Struct, frozen=True):
    """A project that uses a technology."""

    registry: str
    project: str
    name: str
    user: str


class PublishedTechnology(msgspec.Struct, frozen=True):
    """A technology, the terms of its pool, and who uses it."""

    technology: str
    name: str
    summary: str
    contributor: str
    patents: tuple[str, ...]
    pool: str
    pool_name: str
    permitted_purpose: str
    project_types: tuple[str, ...]
    """Types of projects that the purpose covers; empty: of every type."""
    members: tuple[str, ...]
    licensees: tuple[str, ...]
    """In the order in which they took the licence."""
    projects: tuple[TechnologyUser, ...]


def find_technologies(state: State, words: str = "") -> list[PublishedTechnology]:
    """Technologies by id; of those only the ones in whose description, pool or projects every word occurs, in any case."""
    users = _users(state)
    wanted = words.casefold().split()
    found = [
        _published(state, technology_id, tuple(users.get(technology_id, ())))
        for technology_id in sorted(state.carbon.technologies.technologies)
    ]
    return [one for one in found if all(word in _text(one) for word in wanted)]


def technologies_of(state: State, key: str) -> list[PublishedTechnology]:
    """What a project uses, in the order in which it names it."""
    use = state.carbon.technologies.uses.get(key)
    users = _users(state)
    return [_published(state, one, tuple(users[one])) for one in (use.technologies if use else ())]


def _users(state: State) -> dict[str, list[TechnologyUser]]:
    users: dict[str, list[TechnologyUser]] = {}
    for key, use in sorted(state.carbon.technologies.uses.items()):
        project = state.carbon.projects.descriptions[key][-1].project
        for technology_id in use.technologies:
            user = TechnologyUser(project.registry, project.project, project.name, use.user)
            users.setdefault(technology_id, []).append(user)
    return users


def _published(state: State, technology_id: str, users: tuple[TechnologyUser, ...]) -> PublishedTechnology:
    known = state.carbon.technologies
    technology = known.technologies[technology_id]
    pool = known.pools[technology.pool]
    return PublishedTechnology(
        technology_id,
        technology.name,
        technology.summary,
        technology.contributor,
        technology.patents,
        pool.pool,
        pool.name,
        pool.purpose,
        pool.project_types,
        pool.members,
        tuple(known.licences.get(pool.pool, ())),
        users,
    )


def _text(one: PublishedTechnology) -> str:
    texts = (
        *(one.technology, one.name, one.summary, one.contributor, *one.patents),
        *(one.pool, one.pool_name, one.permitted_purpose, *one.project_types, *one.members, *one.licensees),
        *(text for user in one.projects for text in (user.registry, user.project, user.name, user.user)),
    )
    return "\n".join(texts).casefold()
