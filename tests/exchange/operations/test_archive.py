"""`exchange archive`: old events in files, which stay part of the log for everything that reads it."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from exchange.domain import snapshot
from exchange.log import archive as archive_module
from exchange.log.archive import ArchiveDamaged, ArchiveMissing
from exchange.log.chain import ChainBroken
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.log.writer import LogWriter
from exchange.operations.cli import main
from exchange.operations.errors import ExitCode
from tests.exchange.log.test_verification import state_after, trading_day
from tests.market import ALPHA

if TYPE_CHECKING:
    from pathlib import Path

    from exchange.log.record import StoredEvent

UP_TO = 150
"""Archived in these tests."""


class Desk:
    """The command line on a log of random trading, which is settled and has a snapshot at its end."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        self.folder = folder

    def run(self, *arguments: str) -> Result:
        """Runs a command."""
        return CliRunner().invoke(main, [*arguments, "--dsn", self.dsn, "--data-dir", str(self.folder)])

    def archive(self, to_seq: int = UP_TO) -> Any:
        """Archives, which must succeed."""
        result = self.run("archive", "--to", str(to_seq), "--json")
        assert 0 == result.exit_code, result.stderr
        return json.loads(result.stdout)


@pytest.fixture
def desk(dsn: str, tmp_path: Path) -> Desk:
    """Gives the command line."""

    async def write() -> None:
        await migrate(dsn)
        async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
            await writer.append(trading_day())

    asyncio.run(write())
    desk = Desk(dsn, tmp_path)
    assert 0 == desk.run("settle").exit_code
    assert 0 == desk.run("snapshot", "take").exit_code
    return desk


def read(dsn: str, after_seq: int = 0, up_to: int | None = None) -> list[StoredEvent]:
    """Events as everybody reads them."""

    async def work() -> list[StoredEvent]:
        async with await LogReader.open(dsn) as reader:
            pages = reader.pages(after_seq, up_to, page_events=40, verify=True)
            return [row async for page in pages for row in page]

    return asyncio.run(work())


def test_the_log_is_read_on_from_files(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages, single events, commands and accounts are what they were; the table holds the rest only."""
    monkeypatch.setattr(archive_module, "FILE_EVENTS", 60)
    rows = trading_day()

    async def look() -> list[object]:
        async with await LogReader.open(desk.dsn) as reader:
            return [
                await reader.event(10),
                await reader.event(len(rows) + 1),
                await reader.hash_at(77),
                await reader.command(rows[30].command),
                await reader.command(rows[-1].command),
                await reader.account_events(ALPHA),
                await reader.account_events(ALPHA, 20, 140, 5),
                await reader.account_events(ALPHA, 100, None, 1000, ["fill", "order_accepted"]),
                (await reader.head()).last_seq,
            ]

    before = asyncio.run(look())
    done = desk.archive()

    assert (1, UP_TO) == (done["from_seq"], done["to_seq"])
    assert ["events-000000000001-000000000060.parquet", "events-000000000061-000000000120.parquet",
            "events-000000000121-000000000150.parquet"] == [path.rsplit("/", 1)[1] for path in done["files"]]  # fmt: skip
    assert rows == read(desk.dsn)
    assert rows[100:200] == read(desk.dsn, 100, 200)
    assert rows[20:30] == read(desk.dsn, 20, 30)
    assert before == asyncio.run(look())


def test_moments_that_are_times_lie_in_files(desk: Desk) -> None:
    """`replay --to TIME` shows the event that was the last one then, before and behind the end of what was archived."""
    rows = trading_day()
    desk.archive()

    for seq in (1, 70, UP_TO, UP_TO + 40):
        at_us = -(-rows[seq - 1].recorded_at // 1000)
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at_us)
        expected = max(row.seq for row in rows if row.recorded_at <= at_us * 1000)
        result = desk.run("replay", "--to", at.isoformat(), "--json")
        assert expected == json.loads(result.stdout)["seq"]


def test_verification_goes_over_files_and_table(desk: Desk) -> None:
    """Verify passes as before, also when it executes again; a file that was changed or is gone is found."""
    desk.archive(100)
    done = desk.archive()
    assert 101 == done["from_seq"]
    good = desk.run("verify", "--reexecute", "--json")
    assert (0, len(trading_day())) == (good.exit_code, json.loads(good.stdout)["checked_seq"])
    assert 0 == desk.run("settle", "--rebuild").exit_code
    assert "seq" in desk.run("log", "show", "7").stdout

    (path,) = desk.folder.glob("archive/*101-*.parquet")
    kept = path.read_bytes()
    path.write_bytes(kept[:-200] + bytes(200))
    damaged = desk.run("verify")
    assert 1 == damaged.exit_code
    assert f"event 101: chain: of the archive, {path} does not hold events" in damaged.stdout
    path.unlink()
    gone = desk.run("verify")
    assert 2 == gone.exit_code
    assert f"event 101 is in no file of {desk.folder}/archive" in gone.stderr


def test_a_flipped_bit_of_a_file_is_damage(desk: Desk) -> None:
    """Wherever a bit of a file flips, reading says that the file is damaged or breaks the chain, and nothing else."""
    desk.archive()
    (path,) = desk.folder.glob("archive/*")
    kept = path.read_bytes()
    found = set()
    for place in range(4, len(kept), len(kept) // 25):
        path.write_bytes(kept[:place] + bytes([kept[place] ^ 4]) + kept[place + 1 :])
        try:
            read(desk.dsn)
        except (ArchiveDamaged, ChainBroken) as error:
            found.add(type(error).__name__)

    assert {"ArchiveDamaged", "ChainBroken"} == found
    with path.open("r+b") as file:
        file.write(b"PAR0")
    code = desk.run("log", "export", "-o", str(desk.folder / "copy")).exit_code
    assert ExitCode.LOG_UNUSABLE == code


def test_a_missing_file_is_told_by_everybody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one of several files is gone, pages and accounts raise: nothing is left out silently."""
    monkeypatch.setattr(archive_module, "FILE_EVENTS", 60)
    desk.archive()
    paths = sorted(desk.folder.glob("archive/*"))

    async def look() -> list[str]:
        async with await LogReader.open(desk.dsn) as reader:
            said = []
            for reading in (reader.event(70), reader.account_events(ALPHA), reader.account_events(ALPHA, 65)):
                with pytest.raises(ArchiveMissing) as missing:
                    await reading
                said.append(str(missing.value))
            return said

    paths[1].unlink()
    assert ["event 70", "event 61", "event 66"] == [
        text.split(", and ")[1][:8] for text in asyncio.run(look())
    ]
    gone = desk.run("verify")
    assert (2, True) == (gone.exit_code, "event 61 is in no file" in gone.stderr)
    paths[0].unlink()
    assert "event 1 is in no file" in desk.run("verify").stderr


def test_all_files_are_in_one_folder(desk: Desk, tmp_path: Path) -> None:
    """Later files go where the earlier ones are; to another folder only once copies of the earlier ones are there."""
    first, second = tmp_path / "first", tmp_path / "second"
    assert 0 == desk.run("archive", "--to", "40", "--folder", str(first)).exit_code
    assert str(first) in desk.archive(80)["files"][0]
    refused = desk.run("archive", "--to", "120", "--folder", str(second))
    assert ExitCode.USAGE == refused.exit_code
    assert f"events 1 to 80 are archived in {first}: copy those files to {second} first" in refused.stderr
    shutil.copytree(first, second, dirs_exist_ok=True)
    assert 0 == desk.run("archive", "--to", "120", "--folder", str(second)).exit_code
    shutil.rmtree(first)

    assert trading_day() == read(desk.dsn)
    assert 0 == desk.run("verify").exit_code


def test_the_doctor_looks_for_the_files(desk: Desk) -> None:
    """Files that are gone are a danger with advice, and keep no other check from being made."""

    def archive_check() -> dict[str, str]:
        checks = {check["name"]: check for check in json.loads(desk.run("doctor", "--json").stdout)}
        assert "published heads" in checks
        return dict(checks["archive"])

    assert "nothing is archived" == archive_check()["found"]
    desk.archive()
    assert ("ok", f"events up to {UP_TO} in {desk.folder}/archive") == tuple(archive_check().values())[1:3]
    for path in desk.folder.glob("archive/*"):
        path.unlink()
    gone = archive_check()
    assert ("danger", True) == (gone["verdict"], "event 1 is in no file" in gone["found"])
    assert 1 == desk.run("doctor").exit_code


def test_a_start_needs_no_files(desk: Desk) -> None:
    """Recovery begins with the snapshot beyond the archive and gives the same state, files or not."""
    desk.archive()
    for path in desk.folder.glob("archive/*"):
        path.unlink()

    async def work() -> tuple[int, str]:
        async with await LogReader.open(desk.dsn) as reader:
            recovery = await recover(reader, SnapshotStore(desk.dsn))
            return recovery.snapshot_seq, snapshot.digest(recovery.state)

    rows = trading_day()
    assert (len(rows), snapshot.digest(state_after(rows, len(rows)))) == asyncio.run(work())


def test_an_interrupted_attempt_is_repeated(desk: Desk, tmp_path: Path) -> None:
    """Files of an attempt that ended before the table changed do no harm, whatever the next attempt takes."""
    rows = trading_day()

    async def write_only() -> None:
        async with await LogReader.open(desk.dsn) as reader:
            await archive_module.write_archive(reader, tmp_path / "archive", 0, 90)
            assert await reader.archived_up_to() == 0

    asyncio.run(write_only())
    desk.archive()

    async def of_alpha() -> list[int]:
        async with await LogReader.open(desk.dsn) as reader:
            return [item.seq for item in await reader.account_events(ALPHA, up_to=UP_TO)]

    expected = [row.seq for row in rows[:UP_TO] if ALPHA in (row.account, row.counterparty)]
    assert expected == asyncio.run(of_alpha())
    assert rows == read(desk.dsn)


def test_what_is_still_needed_stays(desk: Desk) -> None:
    """Without a later snapshot, or where settlement has not come yet, nothing is archived; nor is it twice."""
    last = len(trading_day())
    beyond = desk.run("archive", "--to", str(last))
    desk.archive()
    twice = desk.run("archive", "--to", "20")
    assert 0 == desk.run("snapshot", "prune", "--keep", "0").exit_code
    no_snapshot = desk.run("archive", "--to", str(UP_TO + 1))

    assert [ExitCode.USAGE] * 3 == [result.exit_code for result in (beyond, twice, no_snapshot)]
    assert f"no good snapshot lies beyond event {last}" in beyond.stderr
    assert f"events up to {UP_TO} are archived already" in twice.stderr
    assert "`exchange snapshot take` makes one" in no_snapshot.stderr


def test_settlement_comes_first(dsn: str, tmp_path: Path) -> None:
    """Events that are not settled stay in the table."""

    async def write() -> None:
        await migrate(dsn)
        async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
            await writer.append(trading_day())

    asyncio.run(write())
    desk = Desk(dsn, tmp_path)
    assert 0 == desk.run("snapshot", "take").exit_code
    result = desk.run("archive", "--to", "50")

    assert ExitCode.USAGE == result.exit_code
    assert "settlement is at event 0" in result.stderr
