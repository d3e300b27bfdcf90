"""Programs come and go, the log stays: what an older one wrote is read for ever, what a newer one wrote is refused in words."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from exchange.domain import snapshot
from exchange.domain.events import Fill
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import SCHEMA_VERSION, migrate
from exchange.log.reader import LogReader
from exchange.log.record import StoredEvent
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.log.writer import LogWriter
from exchange.operations.cli import main
from gateway.core import Gateway
from tests.exchange.engine.running import execute, log_on, running
from tests.exchange.log.samples import rehashed
from tests.exchange.operations.older_log import FILE, older_rows, restore_older_log
from tests.faults.history import read_log, replay
from tests.market import ALPHA, BETA, GAMMA

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from exchange.domain.state import State

LAST_SEQ = 260
NEWER_KIND = ("teleported", 1, "this program does not know the kind")
NEWER_VERSION = ("fill", 99, "this program knows versions 1 to 1")
READING_COMMANDS = (
    "log tail",
    "log head",
    "log show 260",
    "log export",
    "replay",
    "diff 200 261",
    "snapshot take",
    "snapshot list",
    "settle",
    "what-if RIMBA-19 --tick 5",
    "statement alpha",
    "report issuances",
    "provenance VCS-1340-2019",
    "status",
    "doctor",
)
FOLDING_COMMANDS = (
    "replay",
    "diff 200 261",
    "snapshot take",
    "settle",
    "what-if RIMBA-19 --tick 5",
    "report issuances",
    "status",
    "doctor",
)
"""Those that must understand every event; the others show rows as they are, or what was made of them before."""


@pytest.fixture
async def older_dsn(dsn: str) -> str:
    """Gives a database as an older program left it."""
    await restore_older_log(dsn)
    return dsn


def invoke(dsn: str, data_dir: Path, command: str) -> Result:
    """Run a command on a database."""
    return CliRunner().invoke(main, [*command.split(), "--dsn", dsn, "--data-dir", str(data_dir)])


async def ran(dsn: str, data_dir: Path, command: str) -> Result:
    """The same from a test that is a coroutine: commands have loops of their own."""
    return await asyncio.to_thread(invoke, dsn, data_dir, command)


async def start_up(dsn: str, data_dir: Path) -> tuple[int | None, str]:
    """Run `exchange up` until it gives up: its exit code and what it said."""
    starting = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from exchange.operations.cli import main; main()", "up"),
        *("--dsn", dsn, "--data-dir", str(data_dir)),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            _, said = await starting.communicate()
    finally:
        if starting.returncode is None:
            starting.kill()
    return starting.returncode, said.decode()


async def test_an_older_log_waits_for_its_upgrade(older_dsn: str, tmp_path: Path) -> None:
    """Reading changes no schema: it says that the exchange must be started on it first."""
    result = await ran(older_dsn, tmp_path, "replay")

    assert 7 == result.exit_code
    assert "has version 1 of the schema" in result.stderr
    assert "start the exchange on it first" in result.stderr


async def test_an_older_log_is_verified(older_dsn: str, tmp_path: Path) -> None:
    """After the upgrade every hash fits, every command with a recorded request gives the same bytes, every byte is exported."""
    await migrate(older_dsn)

    verified = await ran(older_dsn, tmp_path, "verify --reexecute")
    exported = await ran(older_dsn, tmp_path, f"log export --output {tmp_path / 'log.jsonl'}")

    assert (0, 0) == (verified.exit_code, exported.exit_code)
    assert "commands         87 run again, 149 without a recorded request" in verified.stdout
    assert "verdict          good" in verified.stdout
    assert FILE.read_bytes() == (tmp_path / "log.jsonl").read_bytes()


async def test_an_older_log_is_recovered(older_dsn: str) -> None:
    """It means what it meant: who owned how much when the older program ended."""
    await migrate(older_dsn)

    async with await LogReader.open(older_dsn) as reader:
        state = (await recover(reader, SnapshotStore(older_dsn))).state

    state.check()
    assert {
        "EUR": 40_022_130,
        "VCS-1340-2018": 400_022,
        "VCS-1340-2019": 400_040,
        "GS-7548-2020": 400_048,
    } == state.ledger.supply
    assert [10_019_320, 10_005_919, 10_014_396] == [
        state.ledger.balance(account, "EUR").total for account in (ALPHA, BETA, GAMMA)
    ]
    assert (LAST_SEQ, 3, "2026-11-23") == (state.last_seq, len(state.orders), state.business_date)


async def test_an_older_log_is_served(older_dsn: str) -> None:
    """The exchange starts on it and goes on: a gateway shows it, and people trade on top of what was."""
    await migrate(older_dsn)
    async with running(older_dsn) as exchange, await LogReader.open(older_dsn) as reader:
        gateway = Gateway(exchange.engine, reader, None)  # type: ignore[arg-type]  # nothing of a registry is read

        async def recovered() -> State:
            return (await recover(reader, SnapshotStore(older_dsn))).state

        await gateway.start(recovered)
        seller = await log_on(exchange.engine, "alpha-key", ALPHA)
        buyer = await log_on(exchange.engine, "gamma-key", GAMMA)
        await exchange.do(seller.place_command(seller.sell(5, 990, client_order_id="of-today-1")))
        await exchange.do(buyer.place_command(buyer.buy(5, 1010, client_order_id="of-today-2")))
        served = snapshot.digest(gateway.replica.state)
    rows = await read_log(older_dsn)

    assert older_rows() == rows[:LAST_SEQ]
    assert Fill.kind in {row.kind for row in rows[LAST_SEQ:]}
    assert all(row.request is None for row in rows[:LAST_SEQ])
    assert served == snapshot.digest(replay(rows))


async def test_a_newer_schema_is_refused(older_dsn: str, tmp_path: Path) -> None:
    """By start-up and by each command that reads: nothing is guessed of a database that this program does not know."""
    await migrate(older_dsn)
    await execute(older_dsn, f"INSERT INTO schema_version (version) VALUES ({SCHEMA_VERSION + 1})")

    code, said = await start_up(older_dsn, tmp_path)
    results = {command: await ran(older_dsn, tmp_path, command) for command in READING_COMMANDS}
    verified = await ran(older_dsn, tmp_path, "verify")

    assert (7, True) == (code, "use a newer program" in said), said
    assert dict.fromkeys(READING_COMMANDS, 7) == {
        command: result.exit_code for command, result in results.items()
    }
    assert [] == [
        command for command, result in results.items() if "use a newer program" not in result.stderr
    ]
    assert (2, True) == (verified.exit_code, "use a newer program" in verified.stderr)


@pytest.mark.parametrize(("kind", "version", "why"), [NEWER_KIND, NEWER_VERSION], ids=["kind", "version"])
async def test_a_newer_event_is_refused(
    kind: str, version: int, why: str, older_dsn: str, tmp_path: Path
) -> None:
    """By start-up and by each command that must understand it; its neighbours can still be looked at."""
    await migrate(older_dsn)
    await _append_newer_event(older_dsn, kind, version)

    code, said = await start_up(older_dsn, tmp_path)
    results = {command: await ran(older_dsn, tmp_path, command) for command in FOLDING_COMMANDS}
    verified = await ran(older_dsn, tmp_path, "verify")
    before = await ran(older_dsn, tmp_path, "replay --to 260")
    row = await ran(older_dsn, tmp_path, "log show 261")

    message = f"event {kind} version {version}: "
    assert (7, True) == (code, f"{message}{why}: use a newer program" in said), said
    assert dict.fromkeys(FOLDING_COMMANDS, 7) == {
        command: result.exit_code for command, result in results.items()
    }
    assert [] == [
        command
        for command, result in results.items()
        if message not in result.stderr or "use a newer program" not in result.stderr
    ]
    assert (2, True) == (
        verified.exit_code,
        "a newer program can check it" in verified.stdout + verified.stderr,
    )
    assert (0, 0) == (before.exit_code, row.exit_code)


async def _append_newer_event(dsn: str, kind: str, version: int) -> None:
    """As a newer program would, its hash in order."""
    async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
        rows = older_rows()
        newer = StoredEvent(
            LAST_SEQ + 1, 2, LAST_SEQ + 1, rows[-1].recorded_at, kind, version, None, None, None, b"{}", b""
        )
        await writer.append(rehashed([*rows, newer], LAST_SEQ)[LAST_SEQ:])
