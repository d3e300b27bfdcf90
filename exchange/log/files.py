"""Events in files: JSON lines for every program, Parquet for analysis. Either holds whole rows, so that hashes can be checked.

A file has events without a gap. `read_file` gives back exactly the rows that were written; whether they are a log says
their chain.
"""

from __future__ import annotations

import contextlib
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.log.record import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from exchange.log.parquet import ParquetWriter

_PAGE_EVENTS: Final = 10_000


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
        self._parquet: ParquetWriter | None = None
        if form is FileForm.PARQUET:
            from exchange.log.parquet import ParquetWriter  # large, and seldom needed

            self._parquet = ParquetWriter(file)

    def write(self, page: Sequence[StoredEvent]) -> None:
        """Add rows that follow on those before."""
        if self._parquet is None:
            self._file.writelines(msgspec.json.encode(_line(row)) + b"\n" for row in page)
        else:
            self._parquet.write(page)

    def finish(self) -> None:
        """Write what is left. The file itself stays open."""
        if self._parquet is not None:
            self._parquet.finish()


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


def read_account(path: Path, account: str, after_seq: int, up_to: int) -> list[StoredEvent]:
    """The rows of a Parquet file after a seq, to `up_to`, with the account on either side. Raises FileUnusable and OSError."""
    from exchange.log import parquet  # as above

    with _naming_damage(path):
        return parquet.read_account(path, account, after_seq, up_to)


@contextlib.contextmanager
def _naming_damage(path: Path) -> Iterator[None]:
    """Turns what reading a Parquet file raises where it is damaged into FileUnusable."""
    from exchange.log import parquet  # as above

    try:
        yield
    except parquet.Unreadable as error:
        raise FileUnusable(f"{path} does not hold events: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        # The library's word for bytes that cannot be decompressed.
        raise FileUnusable(f"{path} is damaged: {error}") from error


def _read_parquet(path: Path) -> Iterator[list[StoredEvent]]:
    from exchange.log import parquet  # as above

    with _naming_damage(path):
        yield from parquet.read(path)


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
