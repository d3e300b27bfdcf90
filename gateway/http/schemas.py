"""JSON Schemas (2020-12), made from the Structs that encode and decode: for the websocket, for HTTP, and an index."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.http import carbon_register, cooperation, disclosure, ex_ante, market, register, signed
from gateway.http.answers import ErrorAnswer, Health
from gateway.http.resources import API_PREFIX
from gateway.http.responses import json_response
from gateway.websocket.schemas import websocket_schema

if TYPE_CHECKING:
    from aiohttp import web

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_CACHE = "public, max-age=300"

RESOURCES = (
    *market.RESOURCES,
    *register.RESOURCES,
    *carbon_register.RESOURCES,
    *cooperation.RESOURCES,
    *ex_ante.RESOURCES,
    *disclosure.RESOURCES,
    *signed.RESOURCES,
)


@cache
def http_schema() -> dict[str, Any]:
    """One document: `$defs` has every Struct by name, `resources` says which of them each resource takes and answers with."""
    answers: list[type[msgspec.Struct]] = [resource.answer for resource in RESOURCES]
    answers += [Health, ErrorAnswer]
    parameters = dict.fromkeys(resource.parameters for resource in RESOURCES)
    _, definitions = msgspec.json.schema_components((*answers, *parameters))
    resources: dict[str, Any] = {
        API_PREFIX + resource.path: {
            "parameters": _ref(resource.parameters),
            "answer": _ref(resource.answer),
            "refusal": _ref(ErrorAnswer),
        }
        for resource in RESOURCES
    }
    resources["/health"] = {"answer": _ref(Health)}
    document = {
        "$schema": _DIALECT,
        "title": "Answers of HTTP",
        "anyOf": [_ref(answer) for answer in answers],
        "resources": resources,
        "$defs": definitions,
    }
    # As it will be read: JSON has no tuples.
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return plain


@cache
def schema_index() -> dict[str, Any]:
    """Which documents there are."""
    documents = {"/schemas/websocket.json": websocket_schema(), "/schemas/http.json": http_schema()}
    return {
        "schemas": [
            {"url": url, "title": document["title"], "definitions": sorted(document["$defs"])}
            for url, document in documents.items()
        ]
    }


def add_schema_routes(router: web.UrlDispatcher) -> None:
    """Serve the documents."""
    router.add_get("/schemas/", _serve_index)
    router.add_get("/schemas/index.json", _serve_index)
    router.add_get("/schemas/websocket.json", _serve_websocket)
    router.add_get("/schemas/http.json", _serve_http)


async def _serve_index(request: web.Request) -> web.Response:
    return json_response(request, schema_index(), _CACHE)


async def _serve_websocket(request: web.Request) -> web.Response:
    return json_response(request, websocket_schema(), _CACHE)


async def _serve_http(request: web.Request) -> web.Response:
    return json_response(request, http_schema(), _CACHE)


def _ref(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": f"#/$defs/{kind.__name__}"}
