"""Rows of the log as Parquet. Only commands that read or write such files import this: the library takes 60 MB of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exchange.log.record import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import IO

_PAGE_EVENTS: Final = 10_000
_ROW_GROUP_PAGES: Final = 10

SCHEMA: Final = pa.schema(
    [
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("epoch", pa.int64(), nullable=False),
        pa.field("command", pa.int64(), nullable=False),
        pa.field("recorded_at", pa.timestamp("ns", tz="UTC"), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("version", pa.int16(), nullable=False),
        pa.field("instrument", pa.string()),
        pa.field("account", pa.string()),
        pa.field("counterparty", pa.string()),
        pa.field("payload", pa.string(), nullable=False),
        pa.field("hash", pa.binary(32), nullable=False),
        pa.field("request", pa.string()),
    ]
)
"""Columns as those of the table `event`; payload and request are JSON."""

Unreadable: Final = (pa.ArrowException, KeyError, TypeError, AttributeError, ValueError)
"""What reading raises on a file that does not hold events."""


class ParquetWriter:
    """Writes rows to an open file, some pages to a row group."""

    def __init__(self, file: IO[bytes]) -> None:
        self._writer = pq.ParquetWriter(file, SCHEMA, compression="zstd")
        self._pages: list[Sequence[StoredEvent]] = []

    def write(self, page: Sequence[StoredEvent]) -> None:
        """Add rows."""
        self._pages.append(page)
        if len(self._pages) == _ROW_GROUP_PAGES:
            self._write_row_group()

    def finish(self) -> None:
        """Write what is left, and the end of the file."""
        self._write_row_group()
        self._writer.close()

    def _write_row_group(self) -> None:
        rows = [row for page in self._pages for row in page]
        self._pages = []
        if rows:
            columns = [
                pa.array([_cell(row, name) for row in rows], SCHEMA.field(name).type) for name in SCHEMA.names
            ]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))


def read(path: Path) -> Iterator[list[StoredEvent]]:
    """All rows, in pages. Raises `Unreadable` and OSError."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_PAGE_EVENTS, columns=SCHEMA.names):
            yield _rows(batch)


def read_account(path: Path, account: str, after_seq: int, up_to: int) -> list[StoredEvent]:
    """The rows after a seq, to `up_to`, with the account on either side. Raises `Unreadable` and OSError."""
    seqs = (pc.field("seq") > after_seq) & (pc.field("seq") <= up_to)
    sides = (pc.field("account") == account) | (pc.field("counterparty") == account)
    table = pq.read_table(path, schema=SCHEMA, filters=seqs & sides)
    return [row for batch in table.to_batches() for row in _rows(batch)]


def _rows(batch: Any) -> list[StoredEvent]:
    # Times as whole nanoseconds: Python's own have microseconds only.
    times = batch.column("recorded_at").cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64())
    columns = [
        (times if name == "recorded_at" else batch.column(name)).to_pylist()
        for name in StoredEvent.__struct_fields__
    ]
    return [_row(*cells) for cells in zip(*columns, strict=True)]


def _cell(row: StoredEvent, name: str) -> object:
    value = getattr(row, name)
    return value.decode() if name in ("payload", "request") and value is not None else value


def _row(*cells: object) -> StoredEvent:
    fields = dict(zip(StoredEvent.__struct_fields__, cells, strict=True))
    for name in ("payload", "request"):
        text = fields[name]
        fields[name] = text.encode() if isinstance(text, str) else None
    return msgspec.convert(fields, StoredEvent)
