"""What a FIX client needs, over HTTP: the QuickFIX data dictionary and an example configuration."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from gateway.fix.dictionary_xml import quickfix_dictionary_xml
from gateway.fix.example_configuration import example_configuration
from gateway.http.responses import tagged_response

if TYPE_CHECKING:
    from aiohttp import web

_CACHE = "public, max-age=300"


def add_fix_client_routes(router: web.UrlDispatcher) -> None:
    """Serve the files."""
    router.add_get("/fix/dictionary.xml", _serve_dictionary)
    router.add_get("/fix/client.cfg", _serve_configuration)


@cache
def _dictionary() -> bytes:
    return quickfix_dictionary_xml().encode()


async def _serve_dictionary(request: web.Request) -> web.Response:
    return tagged_response(request, _dictionary(), "application/xml", _CACHE)


async def _serve_configuration(request: web.Request) -> web.Response:
    configuration = example_configuration("YOUR-COMPID", "127.0.0.1", "9878")
    return tagged_response(request, configuration.encode(), "text/plain", _CACHE)
