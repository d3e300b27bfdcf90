"""The tables of the dialect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from gateway.fix import msg_types, tags
from gateway.fix.dictionary import (
    FIELDS,
    FIELDS_BY_TAG,
    FROM_VENUE,
    HEADER,
    MESSAGES,
    SESSION_TYPES,
    TO_VENUE,
    TRAILER,
    Member,
)
from gateway.fix.dictionary_xml import quickfix_dictionary_xml
from gateway.fix.field_types import CHECKS
from gateway.fix.message_table import STANDARD_MSG_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


def constants(module: ModuleType) -> dict[str, object]:
    return {name: value for name, value in vars(module).items() if name.isupper()}


def constant_name(name: str) -> str:
    """`MD_REQ_ID` for `MDReqID`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", words).upper()


def walk(members: tuple[Member, ...]) -> Iterator[Member]:
    for member in members:
        yield member
        yield from walk(member.members)


def test_tags_are_those_of_the_table() -> None:
    """Every field has its constant, and nothing else has."""
    assert {constant_name(field.name): field.tag for field in FIELDS.values()} == constants(tags)


def test_message_types_are_those_of_the_table() -> None:
    """Every message has its constant, and nothing else has."""
    expected = {constant_name(form.name): form.msg_type for form in MESSAGES.values()}
    assert expected == constants(msg_types)


def test_tags_and_names_are_unique() -> None:
    """No line of the table hides another."""
    assert len(FIELDS) == len(FIELDS_BY_TAG) == len(constants(tags))


def test_types_are_known() -> None:
    """Every type of the table has a check, and no check is for nothing."""
    assert {field.type for field in FIELDS.values()} == set(CHECKS)


def test_every_field_is_used() -> None:
    """The table has no field that stands in no message."""
    used = {member.field.tag for form in MESSAGES.values() for member in walk(form.members)}
    used |= {member.field.tag for member in walk(HEADER + TRAILER)}
    assert set(FIELDS_BY_TAG) == used


def test_groups_and_data_are_marked() -> None:
    """A count has members, nothing else has; a length stands before its data, one tag below it."""
    for form in MESSAGES.values():
        for member in walk(form.members):
            assert bool(member.members) == (member.field.type == "NUMINGROUP")
            assert bool(member.field.length_tag) == (member.field.type == "DATA")
    for field in FIELDS.values():
        if field.length_tag:
            # QuickFIX looks for the length there.
            assert field.length_tag == field.tag - 1
            assert "LENGTH" == FIELDS_BY_TAG[field.length_tag].type


def test_first_field_of_a_group_is_required() -> None:
    """Nothing else could begin an entry."""
    for form in MESSAGES.values():
        for member in walk(form.members):
            assert not member.members or member.members[0].required


def test_no_field_stands_twice_at_one_level() -> None:
    """Nor in the header and the body."""
    header = {member.field.tag for member in HEADER}
    for form in MESSAGES.values():
        levels = [form.members, *(member.members for member in walk(form.members) if member.members)]
        for level in levels:
            level_tags = [member.field.tag for member in level]
            assert len(level_tags) == len(set(level_tags))
            assert not header & set(level_tags)


def test_no_field_stands_inside_and_outside_of_a_group() -> None:
    """Fields have no order, so behind a group nobody could tell where such a field belongs."""
    for form in MESSAGES.values():
        outside = {member.field.tag for member in form.members}
        inside = [member.field.tag for group in form.members for member in walk(group.members)]
        assert not outside & set(inside)
        assert len(inside) == len(set(inside))


def test_user_defined_fields_and_messages() -> None:
    """Our own fields lie in the range for that, our own messages begin with U."""
    assert all(tag < 1000 or tag >= 20001 for tag in FIELDS_BY_TAG)
    assert {"U1", "U2"} == set(MESSAGES) - STANDARD_MSG_TYPES
    assert set("012345A") == SESSION_TYPES


def test_messages_of_the_market_maker_are_all_there() -> None:
    """What a market maker may send, and what it may get."""
    assert set("012345Aj") | set("DFGqHiZVxceg") | {"AF", "BB", "U1"} == set(TO_VENUE)
    assert set("012345Aj") | set("89rbWXYydfh") | {"BG", "BA", "U2"} == set(FROM_VENUE)


def test_user_defined_fields_are_explained() -> None:
    """What the standard does not say, the table does, and the XML in a comment that breaks nothing."""
    xml = quickfix_dictionary_xml()
    for field in FIELDS.values():
        assert bool(field.meaning) == (field.tag >= 20001)
        assert "--" not in field.meaning
        assert not field.meaning or f"<!-- {field.name}: {field.meaning} -->" in xml


def test_xml_is_the_table() -> None:
    """The XML holds every field with type and values, and every message with its members and groups."""
    root = ET.fromstring(quickfix_dictionary_xml())
    assert ("FIX", "4", "4") == (root.get("type"), root.get("major"), root.get("minor"))
    fields = {
        int(field.attrib["number"]): (
            field.attrib["name"],
            field.attrib["type"],
            [value.attrib["enum"] for value in field],
        )
        for field in root.iterfind("fields/field")
    }
    expected = {tag: (field.name, field.type, list(field.values)) for tag, field in FIELDS_BY_TAG.items()}
    assert expected == fields

    def shown(parent: ET.Element) -> list[object]:
        return [(child.tag, child.attrib["name"], child.attrib["required"], shown(child)) for child in parent]

    def members(of: tuple[Member, ...]) -> list[object]:
        return [
            (
                "group" if member.members else "field",
                member.field.name,
                "Y" if member.required else "N",
                members(member.members),
            )
            for member in of
        ]

    header, trailer = root.find("header"), root.find("trailer")
    assert header is not None
    assert trailer is not None
    assert (members(HEADER), members(TRAILER)) == (shown(header), shown(trailer))
    assert [
        (
            form.name,
            form.msg_type,
            "admin" if form.msg_type in SESSION_TYPES else "app",
            members(form.members),
        )
        for form in MESSAGES.values()
    ] == [
        (message.attrib["name"], message.attrib["msgtype"], message.attrib["msgcat"], shown(message))
        for message in root.iterfind("messages/message")
    ]
