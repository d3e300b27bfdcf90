"""What values of each type look like."""

from __future__ import annotations

import pytest

from gateway.fix.dictionary import FIELDS, value_check
from gateway.fix.field_types import CHECKS

LONG = "1" * 19


@pytest.mark.parametrize(
    ("type_name", "good", "bad"),
    [
        ("AMT", ["0", "-1.50", "00023.23", "23."], ["", ".", "1,5", "1e3", "+1", "--1", LONG, "1.2.3", " 1"]),
        ("BOOLEAN", ["Y", "N"], ["", "y", "1", "YES"]),
        ("CHAR", ["a", "1", " "], ["", "ab"]),
        ("CURRENCY", ["EUR"], ["", "eur", "EURO", "E1R"]),
        ("INT", ["0", "-7", "007"], ["", "-", "1.0", "+1", LONG]),
        ("LENGTH", ["0", "12"], ["", "-1", LONG]),
        ("LOCALMKTDATE", ["20261123", "20240229"], ["", "20260229", "2026-11-23", "261123"]),
        ("MULTIPLEVALUESTRING", ["6", "6 G"], ["", "6G", "6  G", " 6", "6 "]),
        ("NUMINGROUP", ["0", "3"], ["", "-1", "x", LONG]),
        ("PRICE", ["10.25", "-0.01"], ["", "ten", "10.1234567890123456"]),
        ("QTY", ["100", "100.00"], ["", "1_000"]),
        ("SEQNUM", ["1", "999999999999999999"], ["", "0x1", LONG]),
        ("STRING", ["a", " ", "=|="], [""]),
        ("UTCDATEONLY", ["20261123"], ["", "20261301"]),
        ("UTCTIMEONLY", ["09:30:00", "09:30:00.125"], ["", "24:00:00", "09:30", "09:30:00.1"]),
        ("UTCTIMESTAMP", ["19700101-00:00:00", "20261123-09:30:00.125"], ["", "20261123", "09:30:00"]),
        ("DATA", ["x"], [""]),
    ],
)
def test_values_of_a_type(type_name: str, good: list[str], bad: list[str]) -> None:
    """Each type takes its own and refuses the rest; the empty value is none."""
    check = CHECKS[type_name]
    assert good == [text for text in good + bad if check(text)]


def test_permitted_values() -> None:
    """Where values are listed nothing else is taken; several at once where the type says so."""
    side, instructions = value_check(FIELDS["Side"]), value_check(FIELDS["ExecInst"])
    assert ["1", "2"] == [text for text in ("1", "2", "3", "", "1 2") if side(text)]
    assert ["6", "6 6"] == [text for text in ("6", "6 6", "G", "6 G", "", "66") if instructions(text)]
