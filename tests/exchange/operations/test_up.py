"""`exchange up` as operators run it: whole processes on real files, stopped and killed."""

import asyncio
import signal
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from exchange.log.embedded import EmbeddedPostgres
from exchange.operations import listening
from exchange.operations.cli import main
from exchange.operations.errors import ExitCode
from tests.exchange.operations.running import EXCHANGE, RunningExchange, command, damage_log, has_ended
from tests.waiting import eventually

pytestmark = pytest.mark.faults


async def test_a_start_an_orderly_stop_and_a_second_start(tmp_path: Path) -> None:
    """The first start opens a venue; a stop leaves a snapshot of everything; the second start goes on from it."""
    data_dir = tmp_path / "data"
    async with await RunningExchange.start(data_dir) as exchange:
        assert (1, 2, None) == tuple(exchange.facts[name] for name in ("epoch", "seq", "demo"))
        tail = await exchange.tail()
        assert ["writer_started", "venue_opened"] == [await tail.kind(), await tail.kind()]
        assert 3 == (await exchange.admit("ACME"))["seq"]
        assert "participant_admitted" == await tail.kind()
        assert 0 == await tail.stop()
        found = await exchange.command_json("status")
        assert (True, exchange.process.pid, 1, 3, "Carbon Exchange") == tuple(
            found[name] for name in ("running", "pid", "epoch", "seq", "venue")
        )
        assert exchange.child("engine_process").pid == found["writer"]["pid"]
        assert exchange.facts["http"] == f"http://{found['http']}"

        code, _, stderr = await command("up", "--data-dir", str(data_dir))
        assert ExitCode.ALREADY_RUNNING == code
        assert f"runs already: process {exchange.process.pid}" in stderr

        processes = exchange.descendants()
        assert 0 == await exchange.stop()
        first, *between, last = [line["event"] for line in exchange.log()][-4:]
        assert ("stopping", {"settled", "snapshot saved"}, "stopped") == (first, set(between), last)
        await eventually(lambda: all(map(has_ended, processes)), "the end of all processes")

    # Nothing runs: the server is started for the time that a command needs it, and an engine for a change.
    stopped = await exchange.command_json("status")
    assert (False, None, None, 3) == tuple(
        stopped[name] for name in ("running", "pid", "http", "snapshot_seq")
    )
    assert 5 == (await exchange.admit("LATER"))["seq"]

    async with await RunningExchange.start(data_dir) as exchange:
        assert "snapshot at 3, 2 events replayed" in exchange.facts["recovery"]
        assert (3, 6) == (exchange.facts["epoch"], exchange.facts["seq"])
        assert ["ACME", "LATER"] == await exchange.participants()


async def test_whatever_is_killed_comes_back(tmp_path: Path) -> None:
    """After a kill -9 of the engine, of the snapshots' process and of Postgres, changes are taken again and none is lost."""
    async with await RunningExchange.start(tmp_path / "data", "--gateways", "0") as exchange:
        await exchange.admit("A")
        exchange.child("engine_process").kill()
        assert "A" in await exchange.participants()
        await exchange.admit("B")
        exchange.child("snapshot_process").kill()
        await exchange.logged("snapshots is ready again")
        await exchange.admit("C")
        exchange.postmaster().kill()
        await exchange.logged("everything runs again")
        await exchange.admit("D")
        assert ["A", "B", "C", "D"] == await exchange.participants()
        assert 3 == (await exchange.command_json("status"))["epoch"]


async def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    """After a kill -9 of `exchange up` itself all its processes end, Postgres too; a new start finds everything.

    The data folder lies so deep that sockets must lie elsewhere, closed to others; commands find them.
    """
    data_dir = tmp_path / ("deep-" * 20) / "data"
    data_dir.parent.mkdir()
    exchange = await RunningExchange.start(data_dir, "--gateways", "2")
    path = Path(exchange.facts["socket"])
    assert len(str(path)) <= 100
    assert 0o700 == path.parent.stat().st_mode & 0o777
    await exchange.admit("A")
    processes = exchange.descendants()
    assert len(processes) > 5
    exchange.process.kill()
    await exchange.process.wait()
    await eventually(lambda: all(map(has_ended, processes)), "the end of all processes")
    async with await RunningExchange.start(data_dir) as again:
        assert ["A"] == await again.participants()


async def test_a_second_ctrl_c_ends_everything_at_once(tmp_path: Path) -> None:
    """A process that does not react holds up an orderly end; asked again, `exchange up` kills it and ends."""
    exchange = await RunningExchange.start(tmp_path / "data")
    processes = exchange.descendants()
    exchange.child("engine_process").suspend()
    exchange.process.send_signal(signal.SIGINT)
    await exchange.logged("stopping")
    exchange.process.send_signal(signal.SIGINT)
    assert 0 == await exchange.process.wait()
    await eventually(lambda: all(map(has_ended, processes)), "the end of all processes")


def test_a_taken_port_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another program listens, nothing is started and the way out is named."""
    monkeypatch.setattr(listening, "TAKEN_LIMIT_S", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = CliRunner().invoke(main, ["up", "--data-dir", str(tmp_path / "data"), "--http", address])
    assert ExitCode.NOT_AVAILABLE == result.exit_code
    assert f"cannot listen at {address}" in result.stderr


async def test_two_exchanges_on_one_database_take_turns(tmp_path: Path, dsn: str) -> None:
    """The second waits and says for whom; when the first ends, it takes over with the next epoch."""
    first = await RunningExchange.start(tmp_path / "first", "--dsn", dsn)
    second = asyncio.create_task(RunningExchange.start(tmp_path / "second", "--dsn", dsn))
    waiting = f"engine waits: the log is written by process {first.child('engine_process').pid}"
    log = tmp_path / "second" / "exchange.log"
    await eventually(lambda: log.exists() and waiting in log.read_text(), "the second one's wait")
    assert 0 == await first.stop()
    async with await second as exchange:
        assert 2 == exchange.facts["epoch"]


async def test_a_wrong_database_is_not_tried_again(tmp_path: Path, postgres: EmbeddedPostgres) -> None:
    """What waiting cannot help ends `exchange up` at once, with the reason."""
    options = ["--dsn", postgres.dsn_of("missing"), "--data-dir", str(tmp_path), "--http", "127.0.0.1:0"]
    code, _, stderr = await command("up", *options)
    assert ExitCode.USAGE == code
    assert 'exchange: engine: the database cannot be used: database "missing" does not exist' in stderr


async def test_a_damaged_log_is_not_traded_on(tmp_path: Path, venue_dsn: str) -> None:
    """The hash chain is checked on the way up; an event that was changed ends `exchange up` at once."""
    await damage_log(venue_dsn)
    options = ["--dsn", venue_dsn, "--data-dir", str(tmp_path), "--http", "127.0.0.1:0"]
    code, _, stderr = await command("up", *options)
    assert ExitCode.LOG_UNUSABLE == code
    assert "exchange: engine: the log is broken at event 2" in stderr


async def test_a_database_that_does_not_answer_is_waited_for(tmp_path: Path) -> None:
    """A server that is down for now is waited for; an orderly end is possible meanwhile."""
    options = [
        "--dsn",
        "postgresql://127.0.0.1:1/exchange",
        "--data-dir",
        str(tmp_path),
        "--http",
        "127.0.0.1:0",
    ]
    process = await asyncio.create_subprocess_exec(*EXCHANGE, "up", *options)
    log = tmp_path / "exchange.log"
    await eventually(
        lambda: log.exists() and "engine waits: the database does not answer" in log.read_text(), "the wait"
    )
    process.terminate()
    assert 0 == await process.wait()
