"""What every command must be before anything is decided: texts and numbers that the log and its readers can carry.

Gateways check what people send them; this is the last line, so that no text or number of a client can stop the engine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TEXT_LENGTH = 256
MAX_ITEMS = 1000
"""Longest list in a command, such as the serial blocks of a deposit."""
MAX_INTEGER = 2**63 - 1
MAX_ID_LENGTH = 64

_STRUCT = type(msgspec.Struct)
"""The type of struct types: asking for it is quicker than isinstance, and most fields are no structs."""
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def flaw(fields: Iterable[object]) -> str:
    """What is wrong with the fields of a command, however deep; empty when all are well formed."""
    for value in fields:
        kind = type(value)
        if kind is str:
            text: str = value  # type: ignore[assignment]
            if len(text) > MAX_TEXT_LENGTH:
                return f"a text has at most {MAX_TEXT_LENGTH} characters"
            if not text.isprintable() and _CONTROL_CHARACTER.search(text):
                return "a text has no control characters"
        elif kind is int:
            number: int = value  # type: ignore[assignment]
            if not -MAX_INTEGER <= number <= MAX_INTEGER:
                return f"a number lies between -{MAX_INTEGER} and {MAX_INTEGER}"
        elif kind is tuple:
            items: tuple[object, ...] = value  # type: ignore[assignment]
            if len(items) > MAX_ITEMS:
                return f"a list has at most {MAX_ITEMS} items"
            if found := flaw(items):
                return found
        elif type(kind) is _STRUCT and (found := flaw(msgspec.structs.astuple(value))):  # type: ignore[arg-type]
            return found
    return ""


def check_id(text: str, what: str) -> None:
    """Refuse what cannot name something: ids are plain ASCII, so that they look the same to everybody."""
    if not (0 < len(text) <= MAX_ID_LENGTH and text.isascii() and text.isprintable()) or " " in text:
        raise Reject(
            RejectCode.INVALID_PARAMS,
            f"the {what} needs 1 to {MAX_ID_LENGTH} printable ASCII characters and no blanks",
        )
