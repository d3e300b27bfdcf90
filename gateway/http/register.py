"""The public register over HTTP: projects, issuances, retirements, cancellations, provenance; as JSON or CSV, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from exchange.domain.rejects import Reject, RejectCode
from exchange.registry.csv_text import csv_text
from exchange.registry.provenance import ProvenanceStep, life_of_block, life_of_project, public_step
from exchange.registry.public_register import (
    Cursor,
    RegisteredCancellation,
    RegisteredIssuance,
    RegisteredProject,
    RegisteredRetirement,
    Selection,
    read_cancellations,
    read_issuances,
    read_projects,
    read_retirements,
)
from exchange.registry.serials import parse
from gateway.http.negotiation import choose
from gateway.http.parameters import read_parameters
from gateway.http.resources import API_PREFIX, Resource
from gateway.http.responses import tagged_response
from gateway.websocket.frames import encode
from gateway.websocket.request_forms import Identifier

if TYPE_CHECKING:
    from aiohttp import web

    from exchange.registry.view import RegistryView
    from gateway.core import Gateway

REGISTER_PATH: Final = "/register"
CSV_SUFFIX: Final = ".csv"

_CACHE: Final = "public, max-age=5"
_JSON, _CSV = "application/json", "text/csv"

CursorText = Annotated[str, Meta(max_length=30)]


class RegisterParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A page of a list: all of it, or what is about a registry, one of its projects, or a credit class."""

    registry: Identifier = ""
    project: Identifier = ""
    """With `registry`."""
    class_id: Identifier = ""
    after: CursorText = ""
    """Where the page before ended; follow its `next`."""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ProvenanceParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A page of what happened to serial numbers: to a block of them, or to those of a project or a credit class."""

    serial: Annotated[str, Meta(max_length=250)] = ""
    """A block as its registry writes it. One of a form that is not known, `TEXT [FIRST to LAST]`, needs `registry`."""
    registry: Identifier = ""
    project: Identifier = ""
    """With `registry`."""
    class_id: Identifier = ""
    after: CursorText = ""
    """Where the page before ended; follow its `next`."""
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class _Page(msgspec.Struct, frozen=True):
    as_of_seq: int
    """The last event of the log that is settled: the answer is as of it."""
    next: str | None
    """Path of the next page; null: there was nothing more as of then."""


class RegisteredProjects(_Page, frozen=True):
    """Projects with their units by place, in the order in which they became known."""

    rows: list[RegisteredProject]


class RegisteredIssuances(_Page, frozen=True):
    """Serial numbers as they came in, in the order of the log."""

    rows: list[RegisteredIssuance]


class RegisteredRetirements(_Page, frozen=True):
    """Serial numbers as they were retired, in the order of the log: one row for each block of a retirement."""

    rows: list[RegisteredRetirement]


class RegisteredCancellations(_Page, frozen=True):
    """Serial numbers as they ended here without being used, in the order of the log."""

    rows: list[RegisteredCancellation]


class Provenance(_Page, frozen=True):
    """Where serial numbers came from and what became of them, in the order of the log."""

    rows: list[ProvenanceStep]


RESOURCES = (
    Resource(f"{REGISTER_PATH}/projects", RegisterParams, RegisteredProjects),
    Resource(f"{REGISTER_PATH}/issuances", RegisterParams, RegisteredIssuances),
    Resource(f"{REGISTER_PATH}/retirements", RegisterParams, RegisteredRetirements),
    Resource(f"{REGISTER_PATH}/cancellations", RegisterParams, RegisteredCancellations),
    Resource(f"{REGISTER_PATH}/provenance", ProvenanceParams, Provenance),
)
"""Each of them also with `.csv` behind its name, or by `Accept: text/csv`."""

_LISTS: Any = {
    RegisteredProjects: (RegisteredProject, read_projects),
    RegisteredIssuances: (RegisteredIssuance, read_issuances),
    RegisteredRetirements: (RegisteredRetirement, read_retirements),
    RegisteredCancellations: (RegisteredCancellation, read_cancellations),
    Provenance: (ProvenanceStep, None),
}
"""The rows of each list, and who reads them."""


class Register:
    """The handlers of the resources. They raise Reject."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Route every resource, in both forms."""
        for resource in RESOURCES:
            handler = self._handler(resource)
            router.add_get(API_PREFIX + resource.path, handler)
            router.add_get(API_PREFIX + resource.path + CSV_SUFFIX, handler)

    def _handler(self, resource: Resource) -> Any:
        async def handle(request: web.Request) -> web.Response:
            params: Any = read_parameters(request, resource.parameters)
            media_type = _media_type(request)
            async with self._gateway.reading_register() as view:
                # One more than asked for tells whether there is a next page.
                rows = await _rows(view, resource.answer, params, params.limit + 1)
                as_of_seq = view.as_of_seq
            following = None
            if len(rows) > params.limit:
                rows = rows[: params.limit]
                following = _next_page(request.path, params, rows[-1])
            return _response(request, media_type, resource.answer, as_of_seq, following, rows)

        return handle


async def _rows(view: RegistryView, answer: type[msgspec.Struct], params: Any, limit: int) -> list[Any]:
    after = Cursor.parse(params.after)
    selection = Selection(params.registry, params.project, params.class_id)
    if answer is not Provenance:
        found: list[Any] = await _LISTS[answer][1](view, selection, after, limit)
        return found
    if not params.serial:
        return [public_step(step) for step in await life_of_project(view, selection, after, limit)]
    if params.project or params.class_id:
        raise Reject(RejectCode.INVALID_PARAMS, "give a serial number, or a project, or a credit class")
    block = parse(params.serial, params.registry).to_block()
    return [public_step(step) for step in await life_of_block(view, block, after, limit)]


def _media_type(request: web.Request) -> str:
    if request.path.endswith(CSV_SUFFIX):
        return _CSV
    return choose(request.headers.get("Accept", ""), (_JSON, _CSV)) or _JSON


def _next_page(path: str, params: msgspec.Struct, last: Any) -> str:
    # Of projects each has an event of its own; of the rest each has a number within its event.
    after = f"{last.seq}" if isinstance(last, RegisteredProject) else f"{last.seq}.{last.n}"
    query = msgspec.to_builtins(msgspec.structs.replace(params, after=after))
    return f"{path}?{urlencode(query)}"


def _response(
    request: web.Request,
    media_type: str,
    answer: Any,
    as_of_seq: int,
    following: str | None,
    rows: list[Any],
) -> web.Response:
    if media_type == _CSV:
        body = csv_text(_LISTS[answer][0], rows).encode()
    else:
        body = encode(answer(as_of_seq, following, rows))
    response = tagged_response(request, body, media_type, _CACHE)
    response.headers["Vary"] = "Accept, Accept-Encoding"
    response.headers["As-Of-Seq"] = str(as_of_seq)
    if following is not None:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response
