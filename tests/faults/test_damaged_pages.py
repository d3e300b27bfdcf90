"""Damage of the files of a database: `exchange verify` names the first event, nothing starts, and the runbook leads out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import asyncpg
import pytest

from exchange.log.embedded import EmbeddedPostgres
from exchange.operations.errors import ExitCode
from tests.test_runbooks import Desk, blocks, trade

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(300)]

PAGE_BYTES = 8192
BAD_PAGE = 1
EARLY_SEQ = 7
EARLY = "2026-11-23T00:00:00.000007"
"""When that event was recorded, which lies before the damage."""


def flip_a_bit(pages: bytearray) -> None:
    """A disk that rots; page checksums tell."""
    pages[BAD_PAGE * PAGE_BYTES + 5000] ^= 1


def empty_a_page(pages: bytearray) -> None:
    """A page that was never written: to the server it is good and holds no rows."""
    pages[BAD_PAGE * PAGE_BYTES : (BAD_PAGE + 1) * PAGE_BYTES] = bytes(PAGE_BYTES)


def cut_off_pages(pages: bytearray) -> None:
    """A file that lost its end."""
    del pages[BAD_PAGE * PAGE_BYTES :]


async def first_on_bad_page(data_dir: Path) -> tuple[int, Path]:
    """The first event of the page that is to be damaged, and the file."""
    async with EmbeddedPostgres(data_dir) as postgres:
        connection = await asyncpg.connect(postgres.dsn)
        try:
            assert "on" == await connection.fetchval("SHOW data_checksums")
            path: str = await connection.fetchval("SELECT pg_relation_filepath('event')")
            seq: int = await connection.fetchval(
                "SELECT min(seq) FROM event WHERE (ctid::text::point)[0] = $1", BAD_PAGE
            )
        finally:
            await connection.close()
    return seq, data_dir / "postgres" / path


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (flip_a_bit, f"the database cannot read it: invalid page in block {BAD_PAGE}"),
        (empty_a_page, "it is missing, event"),
        (cut_off_pages, "the database cannot read it: could not read blocks"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_a_damaged_page(damage: Callable[[bytearray], None], what: str, tmp_path: Path) -> None:
    """Rotten, emptied or gone: the first event of the page is named, and a copy gives everything back."""
    desk = Desk(tmp_path)
    market = await trade(desk.data_dir, trades=20)
    await desk.run_block(blocks("restore")[0])
    bad_seq, file = await first_on_bad_page(desk.data_dir)
    pages = bytearray(file.read_bytes())
    assert len(pages) > (BAD_PAGE + 1) * PAGE_BYTES
    damage(pages)
    with file.open("r+b") as opened:
        opened.truncate(0)
        opened.write(pages)

    verify = "exchange verify --json --data-dir /srv/exchange"
    assert f'"faults":[{{"check":"chain","seq":{bad_seq},"what":"{what}' in await desk.run(
        verify, expected_code=1
    )
    up = "exchange up --http 127.0.0.1:0 --gateways 0 --json --data-dir /srv/exchange"
    assert "" == await desk.run(up, expected_code=ExitCode.LOG_UNUSABLE)

    (_, (_, _, replay), (export, _, import_before, import_copy, _, verify_mended), _) = blocks("damaged-log")
    before = await desk.run(replay.replace("--to 4", f"--to {bad_seq - 1} --json"))
    assert bad_seq - 1 == json.loads(before)["seq"]
    early = await desk.run(replay.replace("--to 4", f"--to {EARLY} --json"))
    assert EARLY_SEQ == json.loads(early)["seq"]
    for beyond in (bad_seq, "2026-12-31"):
        await desk.run(replay.replace("--to 4", f"--to {beyond}"), expected_code=ExitCode.LOG_UNUSABLE)
    await desk.run(export.replace("--to 4", f"--to {bad_seq - 1}"))
    await desk.run(import_before)
    imported = await desk.run(import_copy)
    assert f"last event  {market.state.last_seq}" in imported
    assert "verdict          good" in await desk.run(verify_mended)
