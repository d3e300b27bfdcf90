"""What projects disclose, and the technologies that anybody may use freely, over HTTP for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.proceeds_forms import ShareRole
from exchange.domain.carbon.project_forms import Crediting, Mitigation, project_key
from exchange.domain.carbon.technology_search import (
    PublishedTechnology,
    find_technologies,
    technologies_of,
)
from exchange.domain.rejects import Reject, RejectCode
from gateway.http.parameters import read_parameters
from gateway.http.resources import API_PREFIX, Resource
from gateway.http.responses import json_response
from gateway.websocket.request_forms import NewIdentifier, Params, Text

if TYPE_CHECKING:
    from aiohttp import web

    from exchange.domain.state import State
    from gateway.core import Gateway

_CACHE = "public, max-age=5"


class TechnologiesParams(Params, frozen=True):
    """Words that all occur in a technology's description, its pool or its projects; none: all technologies."""

    words: Text = ""


class TechnologiesFound(msgspec.Struct, frozen=True):
    """Technologies by id."""

    seq: int
    technologies: list[PublishedTechnology]


class DisclosureParams(Params, frozen=True):
    """A project."""

    registry: NewIdentifier
    project: NewIdentifier


class DisclosedShare(msgspec.Struct, frozen=True):
    """As what somebody shares in the primary sales of a project; who it is, is nobody's business."""

    role: ShareRole
    ppm: int
    """Millionths of what a sale brings."""


class ProjectDisclosure(msgspec.Struct, frozen=True):
    """A project as it is described now, how its proceeds are shared, and what it uses. Empty texts are not known."""

    seq: int
    registry: str
    project: str
    name: str
    country: str
    project_type: str
    methodology: str
    mitigation: Mitigation | None
    crediting: Crediting
    owner: str
    proceeds: list[DisclosedShare]
    """Empty: nothing is shared here."""
    technologies: list[PublishedTechnology]


RESOURCES = (
    Resource("/technologies", TechnologiesParams, TechnologiesFound),
    Resource("/register/projects/{registry}/{project}", DisclosureParams, ProjectDisclosure),
)


class DisclosureResources:
    """The handlers of the resources. They raise Reject."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Route both resources."""
        for resource, handler in zip(RESOURCES, (self._technologies, self._project), strict=True):
            router.add_get(API_PREFIX + resource.path, handler)

    async def _technologies(self, request: web.Request) -> web.Response:
        params = read_parameters(request, TechnologiesParams)
        state = self._gateway.replica.state
        answer = TechnologiesFound(state.last_seq, find_technologies(state, params.words))
        return json_response(request, answer, _CACHE)

    async def _project(self, request: web.Request) -> web.Response:
        params = read_parameters(request, DisclosureParams)
        key = project_key(params.registry, params.project)
        return json_response(request, _disclosure(self._gateway.replica.state, key), _CACHE)


def _disclosure(state: State, key: str) -> ProjectDisclosure:
    project = state.carbon.projects.current(key)
    if project is None:
        raise Reject(RejectCode.UNKNOWN_PROJECT, f"project {key} is not known")
    terms = state.carbon.proceeds.terms.get(key)
    return ProjectDisclosure(
        state.last_seq,
        project.registry,
        project.project,
        project.name,
        project.country,
        project.project_type,
        project.methodology,
        project.mitigation,
        project.crediting,
        project.owner,
        [DisclosedShare(share.role, share.ppm) for share in terms[-1].shares] if terms else [],
        technologies_of(state, key),
    )
