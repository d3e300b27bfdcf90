"""Ex-ante credits over HTTP, for anybody: what was estimated from which evidence, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.ex_ante_overview import ExAnteClass, ex_ante_classes
from gateway.http.parameters import read_parameters
from gateway.http.resources import API_PREFIX, Resource
from gateway.http.responses import json_response
from gateway.websocket.request_forms import NoParams

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.core import Gateway

_CACHE = "public, max-age=60"


class ExAnteClasses(msgspec.Struct, frozen=True):
    """All ex-ante classes that were estimated, by id."""

    seq: int
    classes: list[ExAnteClass]


RESOURCES = (Resource("/ex-ante", NoParams, ExAnteClasses),)


class ExAnteResource:
    """The handler of the resource. It raises Reject."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Route it."""
        (resource,) = RESOURCES
        router.add_get(API_PREFIX + resource.path, self._classes)

    async def _classes(self, request: web.Request) -> web.Response:
        read_parameters(request, NoParams)
        state = self._gateway.replica.state
        return json_response(request, ExAnteClasses(state.last_seq, ex_ante_classes(state)), _CACHE)
