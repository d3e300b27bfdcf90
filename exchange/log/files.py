"""Events in files: JSON lines for every program, Parquet for analysis. Either holds whole rows, so that hashes can be checked.

A file has events without a gap. `read_file` gives back exactly the rows that were written; whether they are a log says
their chain.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from exchange.log.record import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import IO

_PAGE_EVENTS: Final = 10_000
_ROW_GROUP_PAGES: Final = 10

PARQUET_SCHEMA: Final = pa.schema(
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


class FileForm(StrEnum):
    """How events stand in a file."""

    JSONL = "jsonl"
    PARQUET = "parquet"


class FileUnusable(Exception):  # noqa: N818 - it says what is wrong with the file
    """A file does not hold events; the text says where."""


class EventLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of a file of JSON lines: a row of the log."""

    seq: int
    epoch: int
    command: int
    """Seq of the first event of the same command."""
    recorded_at: int
    """Nanoseconds UTC."""
    kind: str
    version: int
    payload: msgspec.Raw
    """The very bytes that were hashed."""
    hash: str
    """Hexadecimal text."""
    instrument: str | None = None
    account: str | None = None
    counterparty: str | None = None
    request: str | None = None
    """What was asked, in the first event of a command: JSON as text."""


class EventFile:
    """Writes rows, page by page, to an open file."""

    def __init__(self, file: IO[bytes], form: FileForm) -> None:
        self._file = file
        self._parquet = None
        self._pages: list[Sequence[StoredEvent]] = []
        if form is FileForm.PARQUET:
            self._parquet = pq.ParquetWriter(file, PARQUET_SCHEMA, compression="zstd")

    def write(self, page: Sequence[StoredEvent]) -> None:
        """Add rows that follow on those before."""
        if self._parquet is None:
            self._file.writelines(msgspec.json.encode(_line(row)) + b"\n" for row in page)
            return
        self._pages.append(page)
        if len(self._pages) == _ROW_GROUP_PAGES:
            self._write_row_group()

    def finish(self) -> None:
        """Write what is left. The file itself stays open."""
        if self._parquet is not None:
            self._write_row_group()
            self._parquet.close()

    def _write_row_group(self) -> None:
        rows = [row for page in self._pages for row in page]
        self._pages = []
        if self._parquet is not None and rows:
            columns = [
                pa.array([_cell(row, name) for row in rows], PARQUET_SCHEMA.field(name).type)
                for name in PARQUET_SCHEMA.names
            ]
            self._parquet.write_table(pa.Table.from_arrays(columns, schema=PARQUET_SCHEMA))


def read_file(path: Path) -> Iterator[list[StoredEvent]]:
    """The rows of a file of either form, in pages. Raises FileUnusable and OSError."""
    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    if is_parquet:
        yield from _read_parquet(path)
    else:
        yield from _read_lines(path)


def _read_lines(path: Path) -> Iterator[list[StoredEvent]]:
    decode = msgspec.json.Decoder(EventLine).decode
    page: list[StoredEvent] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                page.append(_row(decode(line)))
            except (msgspec.DecodeError, ValueError) as error:
                raise FileUnusable(f"line {number} of {path} is no event: {error}") from error
            if len(page) == _PAGE_EVENTS:
                yield page
                page = []
    if page:
        yield page


def _read_parquet(path: Path) -> Iterator[list[StoredEvent]]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_PAGE_EVENTS, columns=PARQUET_SCHEMA.names):
                # As whole nanoseconds: Python's own times have microseconds only.
                times = batch.column("recorded_at").cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64())
                columns = [
                    (times if name == "recorded_at" else batch.column(name)).to_pylist()
                    for name in StoredEvent.__struct_fields__
                ]
                yield [_from_cells(*cells) for cells in zip(*columns, strict=True)]
    except (pa.ArrowException, KeyError, TypeError, AttributeError) as error:
        raise FileUnusable(f"{path} does not hold events: {error}") from error


def _line(row: StoredEvent) -> EventLine:
    return EventLine(
        row.seq,
        row.epoch,
        row.command,
        row.recorded_at,
        row.kind,
        row.version,
        msgspec.Raw(row.payload),
        row.hash.hex(),
        row.instrument,
        row.account,
        row.counterparty,
        None if row.request is None else row.request.decode(),
    )


def _row(line: EventLine) -> StoredEvent:
    return StoredEvent(
        line.seq,
        line.epoch,
        line.command,
        line.recorded_at,
        line.kind,
        line.version,
        line.instrument,
        line.account,
        line.counterparty,
        bytes(line.payload),
        bytes.fromhex(line.hash),
        None if line.request is None else line.request.encode(),
    )


def _cell(row: StoredEvent, name: str) -> object:
    value = getattr(row, name)
    return value.decode() if name in ("payload", "request") and value is not None else value


def _from_cells(*cells: object) -> StoredEvent:
    fields = dict(zip(StoredEvent.__struct_fields__, cells, strict=True))
    for name in ("payload", "request"):
        text = fields[name]
        fields[name] = text.encode() if isinstance(text, str) else None
    return msgspec.convert(fields, StoredEvent)
