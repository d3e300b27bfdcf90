"""Rows as CSV (RFC 4180), for spreadsheets and programs."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

SEPARATOR: Final = "; "
"""Between the items of a list in one field."""

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def csv_text(kind: type[msgspec.Struct], rows: Iterable[msgspec.Struct]) -> str:
    """A line of names, and a line for each row of a flat Struct.

    What spreadsheets would run as a formula gets an apostrophe in front: some texts were chosen by strangers.
    """
    names = kind.__struct_fields__
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(names)
    writer.writerows([csv_cell(getattr(row, name)) for name in names] for row in rows)
    return lines.getvalue()


def csv_cell(value: Any) -> Any:
    """What stands in one field; see `csv_text`."""
    if isinstance(value, tuple):
        value = SEPARATOR.join(str(item) for item in value)
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else str(value)
    return "" if value is None else value
