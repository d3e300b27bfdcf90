"""Frames of both directions as bytes: requests in, answers and pushes out, and which error a bad frame gets."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from exchange.domain.rejects import Reject, RejectCode
from gateway.rate_limits import Throttled
from gateway.results import ErrorBody, ErrorData
from gateway.websocket.request_forms import RequestId
from gateway.websocket.requests import METHODS, AnyRequest, Channel

encode = msgspec.json.Encoder().encode
_REQUEST_DECODER: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)
_decode_request = _REQUEST_DECODER.decode
_ERROR_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_NAMED_FIELD = re.compile(r"field `(?P<name>.*)`", re.DOTALL)
_MAX_ECHO = 200


class ResultFrame(msgspec.Struct, frozen=True, gc=False):
    """`{id, result}`."""

    id: RequestId
    result: Any


class ErrorFrame(msgspec.Struct, frozen=True):
    """`{id, error}`; the id is null when the frame had none that could be read."""

    id: RequestId | None
    error: ErrorBody


class BadFrame(Exception):  # noqa: N818 - it says what was received
    """A frame that is no request; `answer` says why."""

    def __init__(self, answer: ErrorFrame) -> None:
        super().__init__(answer)
        self.answer = answer


def decode_request(frame: bytes) -> AnyRequest:
    """The request in a text frame; raises BadFrame."""
    try:
        return _decode_request(frame)
    except msgspec.ValidationError as error:
        raise BadFrame(_explain(frame, str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadFrame(malformed("the frame is not JSON text")) from None


def malformed(message: str) -> ErrorFrame:
    """The answer to what is no request at all."""
    return ErrorFrame(None, error_body(RejectCode.MALFORMED_FRAME, message))


def error_body(code: RejectCode, message: str, data: ErrorData | None = None) -> ErrorBody:
    """A refusal as it goes over the wire."""
    return ErrorBody(code.value, code.name, message, data or ErrorData())


def reject_body(reject: Reject) -> ErrorBody:
    """The same from a refusal that was raised."""
    data = ErrorData(retry_after_ms=reject.retry_after_ms) if isinstance(reject, Throttled) else None
    return error_body(reject.code, reject.message, data)


def text_frame(payload: bytes) -> bytes:
    """A whole unmasked text frame of the websocket protocol (RFC 6455), as servers send it."""
    size = len(payload)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


PING_FRAME = b"\x89\x00"


def _explain(frame: bytes, error: str) -> ErrorFrame:
    """Look at a frame that is JSON but no valid request once more, to say what is wrong with it."""
    try:
        content = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return malformed("the frame is not JSON text")
    if not isinstance(content, dict):
        return malformed("a request is a JSON object")
    try:
        request_id = msgspec.convert(content.get("id"), RequestId)
    except msgspec.ValidationError:
        return malformed("a request has an `id`: a whole number up to 2^53, or a text of up to 64 characters")
    method = content.get("method")
    if not isinstance(method, str):
        return ErrorFrame(request_id, error_body(RejectCode.MALFORMED_FRAME, "a request has a `method`"))
    if method not in METHODS:
        message = f"there is no method {method[:64]!r}"
        return ErrorFrame(request_id, error_body(RejectCode.UNKNOWN_METHOD, message))
    problem, field = _place(error)
    code = RejectCode.INVALID_PARAMS
    if method == "subscribe" and field == "params.channel":
        code = RejectCode.UNKNOWN_CHANNEL
        problem = f"channels are {', '.join(channel.value for channel in Channel)}"
    where = f"{field}: " if field else ""
    return ErrorFrame(request_id, error_body(code, (where + problem)[:_MAX_ECHO], ErrorData(field=field)))


def _place(error: str) -> tuple[str, str]:
    """The problem, and the path of the field that has it, from the decoder's message."""
    found = _ERROR_PLACE.match(error)
    if found is None:
        return error, ""
    problem, path = found["problem"], found["path"] or ""
    named = _NAMED_FIELD.search(problem)
    if named:
        path = f"{path}.{named['name']}" if path else named["name"]
    return problem[:1].lower() + problem[1:], path[:_MAX_ECHO]
