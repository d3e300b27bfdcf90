"""JSON Schema of everything on the websocket, made from the Structs that encode and decode it."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from gateway.websocket.frames import ErrorFrame
from gateway.websocket.pushes import EventPush, Heartbeat, Hello
from gateway.websocket.request_forms import RequestId
from gateway.websocket.requests import METHODS, REQUEST_TYPES

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PUSHES = (EventPush, Hello, Heartbeat)


@cache
def websocket_schema() -> dict[str, Any]:
    """One JSON Schema document (2020-12).

    `$defs` has every Struct by name, `ClientFrame`, `ServerFrame` (one message, or an array of them for clients that
    coalesce), and for each request type `<Name>Answer`. `methods` says by name of the method which of them it uses.
    """
    result_types = tuple(dict.fromkeys(request_type.result for request_type in REQUEST_TYPES))
    (request_id, *_), definitions = msgspec.json.schema_components(
        (RequestId, *REQUEST_TYPES, *result_types, ErrorFrame, *_PUSHES)
    )
    methods: dict[str, Any] = {}
    answers: list[dict[str, str]] = []
    for name, request_type in METHODS.items():
        answer = f"{request_type.__name__}Answer"
        definitions[answer] = {
            "title": answer,
            "description": f"Answer to `{name}`.",
            "type": "object",
            "properties": {"id": request_id, "result": _ref(request_type.result.__name__)},
            "required": ["id", "result"],
        }
        answers.append(_ref(answer))
        methods[name] = {
            "description": request_type.__doc__,
            "request": _ref(request_type.__name__),
            "answer": _ref(answer),
        }
    definitions["ClientFrame"] = {"anyOf": [_ref(request_type.__name__) for request_type in REQUEST_TYPES]}
    definitions["ServerMessage"] = {
        "anyOf": [_ref("ErrorFrame"), *(_ref(push.__name__) for push in _PUSHES), *answers]
    }
    definitions["ServerFrame"] = {
        "anyOf": [_ref("ServerMessage"), {"type": "array", "items": _ref("ServerMessage"), "minItems": 1}]
    }
    document = {
        "$schema": _DIALECT,
        "title": "Messages of the websocket",
        "anyOf": [_ref("ClientFrame"), _ref("ServerFrame")],
        "methods": methods,
        "$defs": definitions,
    }
    # As it will be read: JSON has no tuples.
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return plain


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}
