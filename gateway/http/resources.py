"""Resources of HTTP as the schema describes them."""

from __future__ import annotations

import msgspec

API_PREFIX = "/api/v1"


class Resource(msgspec.Struct, frozen=True):
    """A resource for the index of schemas: where it is, what it takes and answers."""

    path: str
    """Below `API_PREFIX`. A parameter in braces is part of the path, the others are in the query string."""
    parameters: type[msgspec.Struct]
    answer: type[msgspec.Struct]
