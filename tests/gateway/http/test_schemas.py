"""The published JSON Schemas are valid, complete, and the same on every machine."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
from jsonschema import Draft202012Validator

from gateway.http.resources import API_PREFIX
from gateway.http.schemas import RESOURCES, http_schema, schema_index
from gateway.websocket.schemas import websocket_schema

if TYPE_CHECKING:
    from tests.gateway.http.conftest import HttpClient


async def test_index_names_every_document(http: HttpClient) -> None:
    """The index leads to documents that are served, valid, and have the definitions that it names."""
    _, body = await http.get("/schemas/")
    index = msgspec.json.decode(body)
    assert schema_index() == index
    served = {}
    for entry in index["schemas"]:
        _, document_body = await http.get(entry["url"])
        document = served[entry["url"]] = msgspec.json.decode(document_body)
        Draft202012Validator.check_schema(document)
        assert (entry["title"], entry["definitions"]) == (document["title"], sorted(document["$defs"]))
    expected = {"/schemas/websocket.json": websocket_schema(), "/schemas/http.json": http_schema()}
    assert expected == served


def test_every_resource_is_described() -> None:
    """The schema of HTTP says of each resource which definitions are its parameters and its answer."""
    schema = http_schema()
    assert [*(API_PREFIX + resource.path for resource in RESOURCES), "/health"] == list(schema["resources"])
    for described in schema["resources"].values():
        for reference in described.values():
            assert reference["$ref"].removeprefix("#/$defs/") in schema["$defs"]


def test_schemas_do_not_depend_on_hashes() -> None:
    """Two processes with other hash seeds publish the same bytes, so that entity tags agree between gateways."""
    program = (
        "import sys, msgspec; from gateway.http.schemas import http_schema, websocket_schema;"
        "sys.stdout.buffer.write(msgspec.json.encode([http_schema(), websocket_schema()]))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert 1 == len(outputs)
