"""What the data types of FIX 4.4 look like: for each a check of a value's text, which is printable ASCII by then.

Every check refuses the empty value. Numbers are short enough for a 64-bit integer or the venue's decimals.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.fix.timestamps import parse_date, parse_time_of_day, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{0,15})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_WORDS = re.compile(r"[^ ]( [^ ])*")


def _is_character(text: str) -> bool:
    return len(text) == 1


def _is_timestamp(text: str) -> bool:
    return parse_timestamp(text) is not None


def _is_time_of_day(text: str) -> bool:
    return parse_time_of_day(text) is not None


def _is_date(text: str) -> bool:
    return parse_date(text) is not None


DATA = "DATA"
"""Any bytes, counted by a length field before them."""
MULTIPLE_VALUES = "MULTIPLEVALUESTRING"
"""Several values of one character with spaces between them."""
GROUP = "NUMINGROUP"
"""The number of entries that follow."""

CHECKS: dict[str, Callable[[str], object]] = {
    "AMT": _DECIMAL.fullmatch,
    "BOOLEAN": frozenset({"Y", "N"}).__contains__,
    "CHAR": _is_character,
    "CURRENCY": _CURRENCY.fullmatch,
    DATA: str.__len__,
    "INT": _INTEGER.fullmatch,
    "LENGTH": _NUMBER.fullmatch,
    "LOCALMKTDATE": _is_date,
    MULTIPLE_VALUES: _WORDS.fullmatch,
    GROUP: _NUMBER.fullmatch,
    "PRICE": _DECIMAL.fullmatch,
    "QTY": _DECIMAL.fullmatch,
    "SEQNUM": _NUMBER.fullmatch,
    "STRING": str.__len__,
    "UTCDATEONLY": _is_date,
    "UTCTIMEONLY": _is_time_of_day,
    "UTCTIMESTAMP": _is_timestamp,
}
