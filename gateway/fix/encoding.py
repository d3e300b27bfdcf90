"""Writes messages: fields as text, data with their length, groups with their count, body length and check sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.fix.checksum import TRAILERS, checksum
from gateway.fix.dictionary import FIELDS

if TYPE_CHECKING:
    from gateway.fix.message import Fields

BEGIN_STRING = "FIX.4.4"
SOH = "\x01"
MESSAGE_ENCODING = "347=UTF-8\x01"
LENGTH_TAGS = {field.tag: field.length_tag for field in FIELDS.values() if field.length_tag}
"""Tags of length fields by the tags of their data."""


def encode(msg_type: str, header: str, fields: Fields) -> bytes:
    """A whole message. `header` is the text of its header after MsgType, each field with its delimiter.

    Data fields hold text in UTF-8, and the header says so. Raises ValueError for text that no field can hold: it is not ASCII, or has a delimiter in it.
    """
    parts: list[str] = []
    binary = _render(fields, parts)
    parts.append("")
    body = SOH.join(parts)
    if binary:
        header += MESSAGE_ENCODING
    if not (_is_text(fields) if binary else body.count(SOH) == len(parts) - 1 and body.isascii()):
        raise ValueError(f"a field of message {msg_type!r} holds what only data may hold: {fields!r}")
    return frame_message(f"35={msg_type}\x01{header}{body}")


def _is_text(fields: Fields) -> bool:
    """Whether all values but data are text for a field."""
    for value in fields.values():
        if isinstance(value, list):
            if not all(_is_text(entry) for entry in value):
                return False
        elif isinstance(value, str) and (SOH in value or not value.isascii()):
            return False
    return True


def frame_message(content: str) -> bytes:
    """A whole message of what lies between BodyLength and CheckSum, one character for each byte."""
    counted = f"8={BEGIN_STRING}\x019={len(content)}\x01{content}".encode("latin-1")
    return counted + TRAILERS[checksum(counted)]


def _render(fields: Fields, parts: list[str]) -> bool:
    """Append fields as `tag=value`; whether there were data among them, one character for each byte."""
    binary = False
    for tag, value in fields.items():
        if type(value) is list:
            parts.append(f"{tag}={len(value)}")
            for entry in value:
                binary = _render(entry, parts) or binary
        elif isinstance(value, bytes):
            parts.append(f"{LENGTH_TAGS[tag]}={len(value)}")
            parts.append(f"{tag}={value.decode('latin-1')}")
            binary = True
        else:
            parts.append(f"{tag}={value}")
    return binary
