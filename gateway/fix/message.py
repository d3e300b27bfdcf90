"""One message: its type and its fields by tag, and short ways to read them."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from gateway.fix import tags

Value: TypeAlias = "str | int | bytes | list[Fields]"
"""Text of a field; bytes of a data field; the entries of a repeating group. Numbers only in messages that we make."""
Fields: TypeAlias = dict[int, Value]
"""Values by tag, in the order of the message. Length fields of data are left out: they follow from the data."""


class Problem(msgspec.Struct, frozen=True):
    """Why a message is refused."""

    reason: int
    """FIX 373 SessionRejectReason, or 380 BusinessRejectReason when `business` is set."""
    text: str
    tag: int = 0
    """The field that is wrong; 0: none in particular, or its tag is no number."""
    business: bool = False
    """A message that is valid FIX 4.4, but not of this dialect."""


class Message:
    """A message received, or one to be sent, which has no header yet."""

    __slots__ = ("fields", "header", "msg_type", "number", "problem")

    def __init__(self, msg_type: str, fields: Fields) -> None:
        self.msg_type = msg_type
        self.fields = fields
        """The body."""
        self.header: Fields = {}
        """Fields of the header after the first three."""
        self.number = 0
        """Its MsgSeqNum; 0: it has none, or has not got one yet."""
        self.problem: Problem | None = None
        """The first thing that is wrong; what comes after it was not read."""

    @property
    def poss_dup(self) -> bool:
        """It may have been received before, under the same number."""
        return self.header.get(tags.POSS_DUP_FLAG) == "Y"

    @property
    def poss_resend(self) -> bool:
        """It may have been received before, under another number."""
        return self.header.get(tags.POSS_RESEND) == "Y"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.msg_type, self.fields, self.header, self.problem) == (
            other.msg_type,
            other.fields,
            other.header,
            other.problem,
        )

    __hash__ = None  # type: ignore[assignment]  # its fields may change

    def __repr__(self) -> str:
        problem = f", {self.problem}" if self.problem else ""
        shown = self.header | self.fields
        if tags.PASSWORD in shown:
            shown[tags.PASSWORD] = "..."
        return f"Message({self.msg_type!r}, {shown}{problem})"


def text(fields: Fields, tag: int) -> str:
    """Text of a field; empty when it is absent."""
    value = fields.get(tag, "")
    if not isinstance(value, str):
        raise TypeError(f"field {tag} is no text")
    return value


def integer(fields: Fields, tag: int, default: int = 0) -> int:
    """Value of a field of a whole-number type."""
    value = fields.get(tag, default)
    if isinstance(value, bytes | list):
        raise TypeError(f"field {tag} is no number")
    return int(value)


def data(fields: Fields, tag: int) -> bytes:
    """Bytes of a data field; empty when it is absent."""
    value = fields.get(tag, b"")
    if not isinstance(value, bytes):
        raise TypeError(f"field {tag} is no data")
    return value


def entries(fields: Fields, tag: int) -> list[Fields]:
    """Entries of a repeating group; none when it is absent."""
    value = fields.get(tag)
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"field {tag} is no repeating group")
    return value
