"""The published JSON Schemas."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from gateway.websocket.requests import METHODS
from gateway.websocket.schemas import websocket_schema
from tests.gateway.conftest import problems

RESULTLESS = {"id": 1, "error": {"code": 1000, "name": "MALFORMED_FRAME", "message": "x"}}


def test_document_is_a_valid_schema() -> None:
    """The document conforms to its dialect and all its references lead somewhere."""
    document = websocket_schema()
    Draft202012Validator.check_schema(document)
    names = {f"#/$defs/{name}" for name in document["$defs"]}
    assert set() == set(references(document)) - names


def references(part: Any) -> list[str]:
    """All `$ref`s of a document."""
    if isinstance(part, dict):
        found = [part["$ref"]] if "$ref" in part else []
        return found + [name for value in part.values() for name in references(value)]
    if isinstance(part, list):
        return [name for value in part for name in references(value)]
    return []


def test_every_method_is_described() -> None:
    """Each method has a request, an answer and a word about it."""
    methods = websocket_schema()["methods"]
    assert list(METHODS) == list(methods)
    for name, method in methods.items():
        assert {"description", "request", "answer"} == set(method), name
        assert method["description"], name


@pytest.mark.parametrize(
    ("definition", "frame", "conforms"),
    [
        ("ClientFrame", {"id": 1, "method": "ping"}, True),
        ("ClientFrame", {"id": 1, "method": "ping", "extra": 1}, False),
        ("ClientFrame", {"id": 1, "method": "nonsense"}, False),
        ("ClientFrame", {"id": 1, "method": "order.cancel", "params": {"order_id": "5"}}, False),
        ("ServerFrame", RESULTLESS, True),
        ("ServerFrame", [RESULTLESS, RESULTLESS], True),
        ("ServerFrame", [], False),
        ("ServerFrame", {"id": 1, "result": {"seq": 5}, "new": 1}, True),
        ("ServerFrame", {"id": 1, "result": {"seq": "5"}}, False),
        ("ServerFrame", {"method": "heartbeat", "params": {"seq": 5}}, True),
        ("ServerFrame", {"method": "heartbeat", "params": {}}, False),
    ],
)
def test_schemas_tell_right_from_wrong(definition: str, frame: Any, conforms: bool) -> None:
    """Unknown fields are refused of clients and allowed of servers; types and required fields count."""
    assert conforms is (problems(definition, msgspec.json.encode(frame)) == [])
