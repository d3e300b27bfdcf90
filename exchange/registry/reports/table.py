"""Tables of a report and their bytes as JSON and CSV: the same report gives the same bytes."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import msgspec

from exchange.registry.csv_text import csv_cell

if TYPE_CHECKING:
    from collections.abc import Iterable

PERCENT_DECIMALS = 4
"""A share in millionths is a percentage with four decimals."""

Cell = str | int | bool | None
"""Dates are ISO 8601 text; None: not applicable or not known."""


class Table(msgspec.Struct, frozen=True):
    """One table: as many cells in each row as there are columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def records(self) -> list[dict[str, Cell]]:
        """Rows as objects, keyed by their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def to_json(tables: Iterable[Table], **about: Any) -> bytes:
    """One JSON object: what the report is about, then each table's records by its title. Ends with a line break."""
    report = {**about, **{table.title: table.records() for table in tables}}
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def to_csv(tables: Iterable[Table]) -> bytes:
    """CSV (RFC 4180, UTF-8); of several tables, each after a line with its title and before an empty one."""
    written = list(tables)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for number, table in enumerate(written):
        if len(written) > 1:
            writer.writerows(([], [table.title]) if number else ([table.title],))
        writer.writerow(table.columns)
        writer.writerows([csv_cell(cell) for cell in row] for row in table.rows)
    return text.getvalue().encode()
