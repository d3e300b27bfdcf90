"""The dictionary of the dialect, read from its tables: which fields, values and messages there are, and the decoder's rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from gateway.fix import tags
from gateway.fix.field_table import FIELD_TABLE
from gateway.fix.field_types import CHECKS, GROUP, MULTIPLE_VALUES
from gateway.fix.message_table import HEADER_FIELDS, MESSAGE_TABLE, TRAILER_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Direction = Literal["session", "both", "to-venue", "from-venue"]


class Field(msgspec.Struct, frozen=True):
    """A field of the dialect."""

    tag: int
    name: str
    type: str
    values: dict[str, str]
    """Permitted values with their names; empty: any of the type."""
    length_tag: int = 0
    """Data fields: the field before them that counts their bytes."""
    meaning: str = ""
    """Of user-defined fields; the others' is in the standard."""


class Member(msgspec.Struct, frozen=True):
    """A field's place in a message, the header or an entry of a group."""

    field: Field
    required: bool
    members: tuple[Member, ...] = ()
    """Groups: what an entry consists of."""


class MessageForm(msgspec.Struct, frozen=True):
    """A message of the dialect."""

    msg_type: str
    name: str
    direction: Direction
    members: tuple[Member, ...]


# Reading the tables.


def _read_fields(table: str) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    for line in table.strip().splitlines():
        definition, _, meaning = line.partition(" ; ")
        tag, name, type_name, *rest = definition.split()
        attributes = dict(word.split("=", 1) for word in rest)
        length_tag = int(attributes.pop("length", "0"))
        fields[name] = Field(int(tag), name, type_name, attributes, length_tag, meaning)
    return fields


_TOKEN = re.compile(r"(?P<name>[A-Za-z]+)(?P<required>!?)(?P<opens>\()?|(?P<closes>\))")


def _read_members(words: Iterator[re.Match[str]]) -> tuple[Member, ...]:
    """Members up to the closing parenthesis or the end."""
    members: list[Member] = []
    for word in words:
        if word["closes"]:
            break
        field = FIELDS[word["name"]]
        if field.length_tag:
            members.append(Member(FIELDS_BY_TAG[field.length_tag], required=bool(word["required"])))
        group = _read_members(words) if word["opens"] else ()
        members.append(Member(field, bool(word["required"]), group))
    return tuple(members)


def _read_messages(table: str) -> Iterator[MessageForm]:
    for paragraph in table.strip().split("\n\n"):
        head, _, body = paragraph.partition("\n")
        msg_type, name, direction = head.split()
        yield MessageForm(
            msg_type, name, msgspec.convert(direction, Direction), _read_members(_TOKEN.finditer(body))
        )


FIELDS = _read_fields(FIELD_TABLE)
"""All fields by name."""
FIELDS_BY_TAG = {field.tag: field for field in FIELDS.values()}
HEADER = _read_members(_TOKEN.finditer(HEADER_FIELDS))
TRAILER = _read_members(_TOKEN.finditer(TRAILER_FIELDS))
MESSAGES = {form.msg_type: form for form in _read_messages(MESSAGE_TABLE)}
"""All messages by type."""


# What the decoder works with: tables by the text of a tag, as it stands in a message.


class Block:
    """The rules of the fields of one level: a header, a body, or an entry of a group."""

    __slots__ = ("first", "required", "required_tags", "rules")

    def __init__(self, members: tuple[Member, ...]) -> None:
        self.rules: dict[str, Rule] = {}
        """What may stand here, by tag text."""
        data_fields = {member.field.length_tag: member.field for member in members if member.field.length_tag}
        for member in members:
            field = member.field
            if field.length_tag:
                continue  # read together with its length
            special: Special = None
            if field.type == GROUP:
                special = Block(member.members)
            elif field.tag in data_fields:
                special = data_fields[field.tag].tag
            self.rules[str(field.tag)] = field.tag, value_check(field), special
        self.required = tuple(
            member.field.tag for member in members if member.required and member.field.tag not in data_fields
        )
        self.required_tags = frozenset(self.required)
        self.first = str(members[0].field.tag) if members else ""
        """The tag that begins each entry of a group."""


Special: TypeAlias = "Block | int | None"
"""Groups: the rules of an entry. Lengths: the data field that follows. Else None."""
Rule: TypeAlias = "tuple[int, Callable[[str], object], Special]"
"""Tag, check of the value, and how to go on."""


def value_check(field: Field) -> Callable[[str], object]:
    """The check of a field's value: its type, and the permitted values where they are listed."""
    values = field.values
    if not values:
        return CHECKS[field.type]
    if field.type == MULTIPLE_VALUES:
        return lambda text: all(value in values for value in text.split(" "))
    return frozenset(values).__contains__


FIRST_TAGS = frozenset({tags.BEGIN_STRING, tags.BODY_LENGTH, tags.MSG_TYPE})
"""The first three fields of every message; the framer has checked them."""

HEADER_BLOCK = Block(tuple(member for member in HEADER if member.field.tag not in FIRST_TAGS))
TRAILER_TAGS = frozenset(str(member.field.tag) for member in TRAILER)
HEADER_TAGS = frozenset(str(member.field.tag) for member in HEADER)


def _blocks(*directions: Direction) -> dict[str, Block]:
    return {form.msg_type: Block(form.members) for form in MESSAGES.values() if form.direction in directions}


TO_VENUE = _blocks("session", "both", "to-venue")
"""What a venue takes, by message type."""
FROM_VENUE = _blocks("session", "both", "from-venue")
"""What a client takes."""
SESSION_TYPES = frozenset(form.msg_type for form in MESSAGES.values() if form.direction == "session")
