"""What a fold is given of a long log: every event once and in order, whatever becomes of the process that reads ahead."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

import msgspec
import psutil
import pytest

from exchange.log import replaying
from exchange.log.chain import ChainBroken
from exchange.log.reading_process import Fact, Stretch
from exchange.log.replaying import checked_pages
from tests.exchange.log.conftest import append, tamper
from tests.exchange.log.samples import mixed

if TYPE_CHECKING:
    from pathlib import Path

    from exchange.log.reader import LogReader
    from exchange.log.record import StoredEvent
    from exchange.log.writer import LogWriter

EVENTS, MEANWHILE = 40, 10


@pytest.fixture
async def rows(writer: LogWriter, monkeypatch: pytest.MonkeyPatch) -> list[StoredEvent]:
    """Gives the rows of a log that counts as long."""
    monkeypatch.setattr(replaying, "LONG_EVENTS", EVENTS)
    monkeypatch.setattr(replaying, "_MEANWHILE_EVENTS", MEANWHILE)
    return await append(writer, mixed(EVENTS))


async def folded(reader: LogReader, after_seq: int = 0, up_to: int | None = None) -> list[Fact]:
    """What a fold is given."""
    return [
        Fact(row.seq, row.recorded_at, row.kind, row.version, row.payload)
        async for page in checked_pages(reader, after_seq, up_to)
        for row in page
    ]


def facts(rows: list[StoredEvent]) -> list[Fact]:
    return [Fact(row.seq, row.recorded_at, row.kind, row.version, row.payload) for row in rows]


async def test_another_process_reads_ahead(rows: list[StoredEvent], reader: LogReader) -> None:
    """The first events are read here while it starts, the others come from it."""
    pages = [page async for page in checked_pages(reader, 0)]

    assert facts(rows) == await folded(reader)
    assert [MEANWHILE, EVENTS - MEANWHILE] == [len(page) for page in pages]
    assert [False, True] == [isinstance(page[0], Fact) for page in pages]


async def test_a_short_stretch(rows: list[StoredEvent], reader: LogReader) -> None:
    """No process is started for a few events."""
    pages = [page async for page in checked_pages(reader, 3, 9)]

    assert [rows[3:9]] == pages


async def test_damage_is_found_where_it_is(rows: list[StoredEvent], reader: LogReader, log_dsn: str) -> None:
    """What the other process cannot take is met again here, and named."""
    assert EVENTS == len(rows)
    await tamper(log_dsn, "UPDATE event SET recorded_at = recorded_at + 1 WHERE seq = 31")

    with pytest.raises(ChainBroken, match="the log is broken at event 31"):
        await folded(reader)


@pytest.mark.parametrize("script", ["exit 1", r"printf '\000\000\003\000half'"])
async def test_a_process_that_fails(
    script: str, rows: list[StoredEvent], reader: LogReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it does not start or dies in the middle of a page: the rest is read here, and nothing is lost or doubled."""
    failing = tmp_path / "python"
    failing.write_text(f"#!/bin/sh\n{script}\n")
    failing.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(failing))

    assert facts(rows) == await folded(reader)


async def test_a_fold_that_stops(rows: list[StoredEvent], reader: LogReader) -> None:
    """The process ends with the one that reads it."""
    before = set(psutil.Process().children())
    async with contextlib.aclosing(checked_pages(reader, 0)) as pages:
        assert rows[:MEANWHILE] == await anext(pages)
        assert 1 == len(set(psutil.Process().children()) - before)

    assert before == set(psutil.Process().children())


async def test_nobody_reads_any_more(rows: list[StoredEvent], reader: LogReader) -> None:
    """A process whose reader was killed ends by itself, and quietly."""
    read_end, write_end = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "exchange.log.reading_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=write_end,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(write_end)
    os.close(read_end)
    _, errors = await process.communicate(msgspec.json.encode(Stretch(reader.dsn, 0, len(rows))))

    assert (0, b"") == (process.returncode, errors)
