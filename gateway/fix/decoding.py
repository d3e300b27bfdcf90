"""Reads a frame against the dictionary: fields, data, nested groups, and the first thing that is wrong with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from gateway.fix import tags
from gateway.fix.dictionary import (
    FIELDS_BY_TAG,
    HEADER_BLOCK,
    HEADER_TAGS,
    TRAILER_TAGS,
    Block,
    value_check,
)
from gateway.fix.field_types import CHECKS
from gateway.fix.message import Fields, Message, Problem, integer
from gateway.fix.message_table import STANDARD_MSG_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

SOH = "\x01"
_PLAIN = bytes(range(32, 127)) + SOH.encode()
"""Delimiters, and what may stand in a field that is no data: printable ASCII."""
_TAG = re.compile(r"[1-9][0-9]{0,8}")

# FIX 373 SessionRejectReason.
INVALID_TAG = 0
REQUIRED_TAG_MISSING = 1
TAG_NOT_DEFINED_FOR_MESSAGE = 2
TAG_WITHOUT_VALUE = 4
VALUE_INCORRECT = 5
INCORRECT_FORMAT = 6
COMP_ID_PROBLEM = 9
SENDING_TIME_PROBLEM = 10
INVALID_MSG_TYPE = 11
TAG_REPEATED = 13
TAG_OUT_OF_ORDER = 14
GROUP_OUT_OF_ORDER = 15
GROUP_COUNT_INCORRECT = 16
# FIX 380 BusinessRejectReason.
UNSUPPORTED_MESSAGE_TYPE = 3


class _Violation(Exception):  # noqa: N818 - ends the reading of one message
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


def decode(frame: bytes, blocks: Mapping[str, Block]) -> Message:
    """The message in a frame that a `Framer` gave; `blocks` is one side of the dictionary.

    Never raises: what is wrong is the message's `problem`. The header is complete as far as it can be read.
    """
    # One character for each byte: lengths count bytes, and no byte is refused here.
    pieces = frame.decode("latin-1").split(SOH)
    message = Message(pieces[2][3:], {})
    reader = _Reader(pieces)
    try:
        reader.read_header(message.header)
        block = blocks.get(message.msg_type)
        if block is None:
            _refuse_msg_type(message.msg_type)
        reader.read_body(block, message.fields)
        if frame.translate(None, _PLAIN):
            # Only data may hold such characters.
            _refuse_characters(message.header)
            _refuse_characters(message.fields)
    except _Violation as violation:
        message.problem = violation.problem
        _salvage(pieces, message.header, _SALVAGED_HEADER)
        _salvage(pieces, message.fields, _SALVAGED_BODY)
    message.number = integer(message.header, tags.MSG_SEQ_NUM)
    return message


class _Reader:
    """A place in the pieces of one message."""

    __slots__ = ("_end", "_pieces", "_position")

    def __init__(self, pieces: list[str]) -> None:
        self._pieces = pieces
        self._position = 3
        """The framer has looked at the first three fields, and at the last."""
        self._end = len(pieces) - 2

    def read_header(self, fields: Fields) -> None:
        """Read what stands before the body."""
        self._read_block(HEADER_BLOCK, fields)
        tag_text = self._tag_here()
        if tag_text in HEADER_BLOCK.rules:
            _refuse(TAG_REPEATED, "the field stands twice", int(tag_text))
        missing = _first_missing(HEADER_BLOCK, fields)
        if missing:
            if any(piece.startswith(f"{missing}=") for piece in self._pieces[self._position : self._end]):
                _refuse(TAG_OUT_OF_ORDER, "a field of the header stands in the body", missing)
            _refuse(REQUIRED_TAG_MISSING, "a required field is missing", missing)

    def read_body(self, block: Block, fields: Fields) -> None:
        """Read all the rest."""
        self._read_block(block, fields)
        if self._position < self._end:
            self._refuse_here(block, fields)
        _require(block, fields)

    def _tag_here(self) -> str:
        """The tag at the place; empty at the end."""
        if self._position == self._end:
            return ""
        return self._pieces[self._position].partition("=")[0]

    def _read_block(self, block: Block, fields: Fields) -> None:
        """Read fields as long as they belong to a block and are not there yet."""
        pieces, position, end = self._pieces, self._position, self._end
        rules = block.rules
        while position < end:
            tag_text, _, value = pieces[position].partition("=")
            rule = rules.get(tag_text)
            if rule is None:
                break
            tag, check, special = rule
            if tag in fields:
                break
            if not check(value):
                _refuse_value(tag, value)
            position += 1
            if special is None:
                fields[tag] = value
                continue
            self._position = position
            if isinstance(special, Block):
                fields[tag] = self._read_group(tag, int(value), special)
            elif special in fields:
                break
            else:
                fields[special] = self._read_data(special, int(value))
            position = self._position
        self._position = position

    def _read_group(self, count_tag: int, count: int, block: Block) -> list[Fields]:
        entries: list[Fields] = []
        first = block.first + "="
        while self._position < self._end and self._pieces[self._position].startswith(first):
            if len(entries) == count:
                _refuse(GROUP_COUNT_INCORRECT, f"there are more entries than {count}", count_tag)
            entry: Fields = {}
            self._read_block(block, entry)
            _require(block, entry)
            entries.append(entry)
            self._refuse_misplaced(block, entry)
        if len(entries) != count:
            self._refuse_misplaced(block, {})
            _refuse(GROUP_COUNT_INCORRECT, f"there are {len(entries)} entries, not {count}", count_tag)
        return entries

    def _refuse_misplaced(self, block: Block, entry: Fields) -> None:
        """Refuse a field of a group that is there twice, or that comes before the first one."""
        tag_text = self._tag_here()
        if tag_text == block.first or tag_text not in block.rules:
            return
        tag = block.rules[tag_text][0]
        if tag in entry:
            _refuse(TAG_REPEATED, "the field stands twice in an entry", tag)
        _refuse(GROUP_OUT_OF_ORDER, f"field {block.first} begins an entry", tag)

    def _read_data(self, tag: int, length: int) -> bytes:
        """Read a data field of so many bytes: delimiters in it have cut it into pieces."""
        start = f"{tag}="
        if self._position == self._end or not self._pieces[self._position].startswith(start):
            _refuse(REQUIRED_TAG_MISSING, "the data do not follow their length", tag)
        value = self._pieces[self._position][len(start) :]
        self._position += 1
        have = [value]
        have_length = len(value)
        while have_length < length and self._position < self._end:
            piece = self._pieces[self._position]
            have.append(piece)
            have_length += 1 + len(piece)
            self._position += 1
        if have_length != length:
            _refuse(INCORRECT_FORMAT, f"the data do not have {length} bytes", tag)
        if not length:
            _refuse(TAG_WITHOUT_VALUE, "there are no data", tag)
        return SOH.join(have).encode("latin-1")

    def _refuse_here(self, block: Block, fields: Fields) -> NoReturn:
        """Say why the field at the place does not belong there."""
        tag_text, _, value = self._pieces[self._position].partition("=")
        tag = int(tag_text) if _TAG.fullmatch(tag_text) else 0
        if tag not in FIELDS_BY_TAG:
            _refuse(INVALID_TAG, "no such field", tag)
        if not value:
            _refuse(TAG_WITHOUT_VALUE, "the field has no value", tag)
        if tag_text in block.rules or tag in fields:
            _refuse(TAG_REPEATED, "the field stands twice", tag)
        if tag_text in HEADER_TAGS:
            _refuse(TAG_OUT_OF_ORDER, "a field of the header stands in the body", tag)
        if tag_text in TRAILER_TAGS:
            _refuse(TAG_OUT_OF_ORDER, "the trailer ends the message", tag)
        if _in_a_group(tag, block) or _is_data_of(tag, block):
            _refuse(TAG_OUT_OF_ORDER, "the field stands without what comes before it", tag)
        _refuse(TAG_NOT_DEFINED_FOR_MESSAGE, "the field does not belong to this message", tag)


def _first_missing(block: Block, fields: Fields) -> int:
    """The first required field that is not there; 0: none."""
    if block.required_tags <= fields.keys():
        return 0
    return next(tag for tag in block.required if tag not in fields)


def _require(block: Block, fields: Fields) -> None:
    missing = _first_missing(block, fields)
    if missing:
        _refuse(REQUIRED_TAG_MISSING, "a required field is missing", missing)


def _in_a_group(tag: int, block: Block) -> bool:
    for _, _, special in block.rules.values():
        if isinstance(special, Block) and (str(tag) in special.rules or _in_a_group(tag, special)):
            return True
    return False


def _is_data_of(tag: int, block: Block) -> bool:
    return any(special == tag for _, _, special in block.rules.values())


def _refuse(reason: int, text: str, tag: int = 0) -> NoReturn:
    raise _Violation(Problem(reason, text, tag))


def _refuse_value(tag: int, value: str) -> NoReturn:
    field = FIELDS_BY_TAG[tag]
    if not value:
        _refuse(TAG_WITHOUT_VALUE, "the field has no value", tag)
    if not CHECKS[field.type](value):
        _refuse(INCORRECT_FORMAT, f"the value is no {field.type}", tag)
    _refuse(VALUE_INCORRECT, f"the value is not among {' '.join(field.values)}", tag)


def _refuse_characters(fields: Fields) -> None:
    """Refuse text that is not printable ASCII."""
    for tag, value in fields.items():
        if isinstance(value, list):
            for entry in value:
                _refuse_characters(entry)
        elif isinstance(value, str) and not (value.isascii() and value.isprintable()):
            _refuse(INCORRECT_FORMAT, f"the value is no {FIELDS_BY_TAG[tag].type}", tag)


def _refuse_msg_type(msg_type: str) -> NoReturn:
    if msg_type in STANDARD_MSG_TYPES:
        problem = Problem(UNSUPPORTED_MESSAGE_TYPE, "this venue does not take such messages", business=True)
        raise _Violation(problem)
    _refuse(INVALID_MSG_TYPE, "no such message type", tags.MSG_TYPE)


_SALVAGED_HEADER = (
    tags.MSG_SEQ_NUM,
    tags.POSS_DUP_FLAG,
    tags.SENDER_COMP_ID,
    tags.TARGET_COMP_ID,
    tags.SENDING_TIME,
    tags.ORIG_SENDING_TIME,
)
"""What the session needs to know even of a message that it refuses."""
_SALVAGED_BODY = (tags.USERNAME, tags.PASSWORD)
"""And of a Logon: who has proved who they are may learn what is wrong with it."""


def _salvage(pieces: list[str], fields: Fields, wanted: tuple[int, ...]) -> None:
    """Look for fields wherever they stand, unless they were read already."""
    missing = {str(tag): tag for tag in wanted if tag not in fields}
    for piece in pieces[3:]:
        tag_text, _, value = piece.partition("=")
        tag = missing.get(tag_text)
        if tag is not None and tag not in fields and value_check(FIELDS_BY_TAG[tag])(value):
            fields[tag] = value
