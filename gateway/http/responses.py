"""Answers of HTTP: encoded once, tagged, refused with the status that belongs to the reject code."""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from aiohttp import ETag, web

from exchange.domain.rejects import Reject, RejectCode
from gateway.http.answers import ErrorAnswer
from gateway.http.parameters import InvalidQuery
from gateway.rate_limits import TryLater
from gateway.results import ErrorData
from gateway.websocket.frames import encode, error_body

if TYPE_CHECKING:
    import msgspec

_COMPRESS_ABOVE_BYTES = 1024

_STATUS_OF_CODE = {
    RejectCode.UNKNOWN_METHOD: 404,
    RejectCode.FRAME_TOO_LARGE: 413,
    RejectCode.NOT_LOGGED_ON: 401,
    RejectCode.NOT_PERMITTED: 403,
    RejectCode.RATE_LIMITED: 429,
    RejectCode.TOO_MANY_CONNECTIONS: 429,
    RejectCode.UNKNOWN_INSTRUMENT: 404,
    RejectCode.UNKNOWN_CLASS: 404,
    RejectCode.UNKNOWN_RETIREMENT: 404,
    RejectCode.UNKNOWN_SERIAL: 404,
    RejectCode.UNKNOWN_PROJECT: 404,
    RejectCode.BUSY: 503,
    RejectCode.UNAVAILABLE: 503,
    RejectCode.VENUE_NOT_OPEN: 503,
    RejectCode.CERTIFICATE_NOT_READY: 503,
}
"""All other codes are mistakes of the request: 400."""


def json_response(
    request: web.Request, answer: msgspec.Struct | dict[str, Any], cache_control: str
) -> web.Response:
    """The answer with an entity tag of its content, or 304 when the client has just that."""
    return tagged_response(request, encode(answer), "application/json", cache_control)


def tagged_response(request: web.Request, body: bytes, media_type: str, cache_control: str) -> web.Response:
    """The same for text of any kind."""
    # Weak: the same content may be sent compressed or not.
    tag = ETag(blake2b(body, digest_size=12).hexdigest(), is_weak=True)
    known = request.if_none_match or ()
    if any(other.value in {tag.value, "*"} for other in known):
        response = web.Response(status=304)
    else:
        response = web.Response(body=body, content_type=media_type, charset="utf-8")
        if len(body) > _COMPRESS_ABOVE_BYTES:
            response.enable_compression()
    response.etag = tag
    response.headers["Cache-Control"] = cache_control
    response.headers["Vary"] = "Accept-Encoding"
    return response


def refusal(reject: Reject, status: int | None = None) -> web.Response:
    """A refusal as JSON; by default with the HTTP status that belongs to its code."""
    data = ErrorData()
    headers = {"Cache-Control": "no-store"}
    if isinstance(reject, TryLater):
        data = ErrorData(retry_after_ms=reject.retry_after_ms)
        headers["Retry-After"] = str(math.ceil(reject.retry_after_ms / 1000))
    elif isinstance(reject, InvalidQuery):
        data = ErrorData(field=reject.field)
    return web.Response(
        status=status or _STATUS_OF_CODE.get(reject.code, 400),
        body=encode(ErrorAnswer(error_body(reject.code, reject.message, data))),
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )
