"""`exchange log export` and `import`: the same rows, in either form, with the same hashes."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from exchange.log.files import EventFile, FileForm, read_file
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.writer import LogWriter
from exchange.operations.cli import main
from exchange.operations.errors import ExitCode
from tests.exchange.log.test_verification import trading_day

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from exchange.log.record import StoredEvent

    MakeDsn = Callable[[], str]

FORMS = [form.value for form in FileForm]


def run(*arguments: str) -> Result:
    """Runs `exchange log`."""
    return CliRunner().invoke(main, ["log", *arguments])


async def read_log(dsn: str) -> list[StoredEvent]:
    """All rows."""
    async with await LogReader.open(dsn) as reader:
        return [row async for page in reader.pages(verify=True) for row in page]


@pytest.fixture
def source(make_dsn: MakeDsn) -> str:
    """Gives the address of a log of random trading."""
    dsn = make_dsn()

    async def write() -> None:
        await migrate(dsn)
        async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
            await writer.append(trading_day())

    asyncio.run(write())
    return dsn


@pytest.mark.parametrize("form", FORMS)
def test_an_import_of_an_export_is_the_same_log(
    make_dsn: MakeDsn, source: str, tmp_path: Path, form: str
) -> None:
    """Every row comes back with its request and its hash; the next writer's epoch lies above all of them."""
    target, file = make_dsn(), tmp_path / f"log.{form}"
    assert 0 == run("export", "--dsn", source, "--format", form, "-o", str(file)).exit_code

    result = run("import", str(file), "--dsn", target, "--json")

    rows = trading_day()
    assert {"imported": len(rows), "last_seq": len(rows), "hash": rows[-1].hash.hex()} == json.loads(
        result.stdout
    )
    assert rows == asyncio.run(read_log(target))

    async def next_epoch() -> int:
        async with await LogWriter.open(target, WriterIdentity.of_this_process()) as writer:
            return writer.epoch

    assert rows[-1].epoch < asyncio.run(next_epoch())
    assert "imported    0" in run("import", str(file), "--dsn", target).stdout


def test_an_import_goes_on_where_the_log_ends(make_dsn: MakeDsn, source: str, tmp_path: Path) -> None:
    """A log in parts comes together; a part that does not follow, or of another log, is refused."""
    target = make_dsn()
    parts = [tmp_path / name for name in ("first", "second", "third")]
    for part, first, last in zip(parts, (1, 90, 200), (100, 180, 220), strict=True):
        run("export", "--dsn", source, "--from", str(first), "--to", str(last), "-o", str(part))

    assert 0 == run("import", str(parts[0]), "--dsn", target).exit_code
    gap = run("import", str(parts[2]), "--dsn", target)
    assert 0 == run("import", str(parts[1]), "--dsn", target).exit_code

    assert ExitCode.USAGE == gap.exit_code
    assert "the log ends at event 100, the file goes on with event 200" in gap.stderr
    assert trading_day()[:180] == asyncio.run(read_log(target))


def test_a_file_of_another_log_is_refused(make_dsn: MakeDsn, source: str, tmp_path: Path) -> None:
    """A file that has nothing new must have the hashes of the log: that nothing came in does not mean that it fits."""
    target, file = make_dsn(), tmp_path / "log.jsonl"
    run("export", "--dsn", source, "--to", "40", "-o", str(file))
    run("import", str(file), "--dsn", target)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:29], re.sub(rb'"hash":"........', b'"hash":"00000000', lines[29])]))
    result = run("import", str(file), "--dsn", target)

    assert ExitCode.LOG_UNUSABLE == result.exit_code
    assert "event 30: the file has another hash for it" in result.stderr
    assert trading_day()[:40] == asyncio.run(read_log(target))


def test_a_damaged_file_is_refused(make_dsn: MakeDsn, source: str, tmp_path: Path) -> None:
    """A changed payload, a missing line and what is no event at all are named; nothing of the page is written."""
    target, file = make_dsn(), tmp_path / "log.jsonl"
    run("export", "--dsn", source, "-o", str(file))
    lines = file.read_bytes().splitlines(keepends=True)
    messages = []
    for changed in (
        [*lines[:40], lines[40].replace(b'"recorded_at":1', b'"recorded_at":2')],
        [*lines[:40], *lines[41:]],
        [*lines[:40], b"no event\n"],
    ):
        file.write_bytes(b"".join(changed))
        result = run("import", str(file), "--dsn", target)
        messages.append((result.exit_code, result.stderr.removeprefix("exchange: ").split(":")[0]))
    broken = (ExitCode.LOG_UNUSABLE, "the log is broken at event 41")
    assert [broken, broken, (ExitCode.USAGE, f"line 41 of {file} is no event")] == messages
    assert [] == asyncio.run(read_log(target))


def test_parquet_for_analysis(source: str, tmp_path: Path) -> None:
    """Times are times to the nanosecond, ids are columns, and what is no Parquet of events is refused."""
    file = tmp_path / "log.parquet"
    run("export", "--dsn", source, "--format", "parquet", "-o", str(file))
    table: Any = pq.read_table(file)

    assert len(trading_day()) == table.num_rows
    assert "timestamp[ns, tz=UTC]" == str(table.schema.field("recorded_at").type)
    assert [row.account for row in trading_day()] == table.column("account").to_pylist()
    file.write_bytes(b"PAR1 and no more")
    result = run("import", str(file), "--dsn", source)
    assert (ExitCode.USAGE, True) == (result.exit_code, "does not hold events" in result.stderr)


@pytest.mark.parametrize("form", list(FileForm))
def test_every_row_comes_back(tmp_path: Path, form: FileForm) -> None:
    """Pages of any size give the same rows; rows without a request or ids stay without."""
    rows = trading_day()
    path = tmp_path / "events"
    with path.open("wb") as file:
        events = EventFile(file, form)
        for begin in range(0, len(rows), 7):
            events.write(rows[begin : begin + 7])
        events.finish()

    assert rows == [row for page in read_file(path) for row in page]
    assert None in {row.request for row in rows}


def test_a_new_exchange_is_made_of_a_file(source: str, tmp_path: Path) -> None:
    """Into a data folder without an exchange the whole log comes, on an embedded server of its own; it verifies."""
    file, folder = tmp_path / "log.jsonl", str(tmp_path / "data")
    run("export", "--dsn", source, "-o", str(file))

    assert 0 == run("import", str(file), "--data-dir", folder).exit_code
    verified = CliRunner().invoke(main, ["verify", "--reexecute", "--data-dir", folder])
    assert (0, True) == (verified.exit_code, "verdict          good" in verified.stdout)
