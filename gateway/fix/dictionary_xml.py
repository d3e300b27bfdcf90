"""The dictionary of the dialect as QuickFIX engines read it: exactly what is supported, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from gateway.fix.dictionary import FIELDS_BY_TAG, HEADER, MESSAGES, TRAILER

if TYPE_CHECKING:
    from gateway.fix.dictionary import Member


def quickfix_dictionary_xml() -> str:
    """A data dictionary for QuickFIX, as the text of an XML document; comments explain user-defined fields."""
    root = ET.Element("fix", {"type": "FIX", "major": "4", "minor": "4"})
    _append_members(ET.SubElement(root, "header"), HEADER)
    messages = ET.SubElement(root, "messages")
    for form in MESSAGES.values():
        category = "admin" if form.direction == "session" else "app"
        attributes = {"name": form.name, "msgtype": form.msg_type, "msgcat": category}
        _append_members(ET.SubElement(messages, "message", attributes), form.members)
    _append_members(ET.SubElement(root, "trailer"), TRAILER)
    ET.SubElement(root, "components")
    fields = ET.SubElement(root, "fields")
    for tag, field in sorted(FIELDS_BY_TAG.items()):
        if field.meaning:
            fields.append(ET.Comment(f" {field.name}: {field.meaning} "))
        element = ET.SubElement(fields, "field", {"number": str(tag), "name": field.name, "type": field.type})
        for value, name in field.values.items():
            ET.SubElement(element, "value", {"enum": value, "description": name})
    ET.indent(root, " ")
    return ET.tostring(root, "unicode", xml_declaration=False) + "\n"


def _append_members(parent: ET.Element, members: tuple[Member, ...]) -> None:
    for member in members:
        kind = "group" if member.members else "field"
        attributes = {"name": member.field.name, "required": "Y" if member.required else "N"}
        _append_members(ET.SubElement(parent, kind, attributes), member.members)
