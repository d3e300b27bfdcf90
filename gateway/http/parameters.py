"""Query strings as the parameters of a method: the same Structs, with the same limits, as over the websocket."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from aiohttp import web

Params = TypeVar("Params", bound=msgspec.Struct)

MAX_QUERY_CHARACTERS = 1000

_PROBLEM = re.compile(r"^(?P<problem>.*?)(?: - at `\$\.?(?P<field>.*)`)?$", re.DOTALL)
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MAX_ECHO = 200


class InvalidQuery(Reject):
    """A query string that is not what the resource takes; `field` names the offending parameter, if one does."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(RejectCode.INVALID_PARAMS, message[:_MAX_ECHO])
        self.field = field[:_MAX_ECHO]


def read_parameters(request: web.Request, kind: type[Params]) -> Params:
    """The parameters in the path and query string of a request; raises InvalidQuery."""
    if len(request.query_string) > MAX_QUERY_CHARACTERS:
        raise InvalidQuery(f"a query string has at most {MAX_QUERY_CHARACTERS} characters")
    content: dict[str, str] = {}
    for name, value in request.query.items():
        if name in content:
            raise InvalidQuery(f"{name} is given twice", name)
        content[name] = value
    for name, value in request.match_info.items():
        if name in content:
            raise InvalidQuery(f"{name} is named by the path", name)
        content[name] = value
    for name, value in content.items():
        # The database takes no text with a NUL, and no name has any other of them.
        if _CONTROL_CHARACTER.search(value):
            raise InvalidQuery(f"{name}: control characters are not allowed", name)
    try:
        # Not strict: numbers come as text.
        return msgspec.convert(content, kind, strict=False)
    except msgspec.ValidationError as error:
        found = _PROBLEM.match(str(error))
        problem, field = (found["problem"], found["field"] or "") if found else (str(error), "")
        raise InvalidQuery(f"{field}: {problem}" if field else problem, field) from None
