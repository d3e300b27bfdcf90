"""`exchange up --standby`: a second exchange on the same database, which shows the market and takes over when the first ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import aiohttp
import psutil
import pytest
from click.testing import CliRunner

from exchange.domain.state import State
from exchange.domain.venue import Venue
from exchange.engine.engine import Engine
from exchange.engine.server import EngineServer
from exchange.engine.standby import Standby
from exchange.log.chain import GENESIS
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.writer import LogWriter
from exchange.operations.cli import main
from exchange.operations.engine_runtime import wait_for_engine
from exchange.operations.errors import ExitCode
from tests.exchange.operations.running import RunningExchange
from tests.gateway.fix.fix_exchange import FixClient
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults


class LookedAt(Standby):
    """A standby that counts who asks whether it is one."""

    looks = 0

    @property
    def standing_by(self) -> bool:
        """Whether another engine writes."""
        self.looks += 1
        return super().standing_by


async def participants(exchange: RunningExchange, dsn: str) -> int:
    """Admits one more participant through whoever writes; answers its seq."""
    seq: int = (
        await exchange.command_json(
            "admin", "participants", "admit", f"P{time.monotonic_ns()}", "--name", "One more", "--dsn", dsn
        )
    )["seq"]
    return seq


async def kill(exchange: RunningExchange) -> None:
    """`kill -9` of all its processes."""
    processes = exchange.descendants()
    exchange.process.kill()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    await exchange.process.wait()


async def test_a_standby_takes_over(tmp_path: Path, dsn: str) -> None:
    """The standby follows and answers market data; when the first exchange is killed, it writes, with nothing lost."""
    first = await RunningExchange.start(tmp_path / "first", "--dsn", dsn, "--gateways", "0")
    second = await RunningExchange.start(tmp_path / "second", "--dsn", dsn, "--gateways", "0", "--standby")
    async with second, aiohttp.ClientSession() as http:
        assert (False, True) == (first.facts["standby"], second.facts["standby"])
        await second.logged("signer: a standby signs with the key of the venue")
        assert not (second.data_dir / "keys" / "venue.pem").exists()
        seq = await participants(first, dsn)

        async def standby_seq() -> int:
            async with http.get(f"{second.facts['http']}/api/v1/instruments") as answer:
                found: int = (await answer.json())["seq"]
                return found

        async def has_followed() -> bool:
            return await standby_seq() == seq

        await eventually(has_followed, "the standby's following")
        await kill(first)
        assert seq + 2 == await participants(second, dsn)
        assert seq + 2 == await standby_seq()
        await second.logged("took over: this exchange writes the log now")
        (line,) = [line for line in second.log() if "took over" in line["event"]]
        assert (2, seq + 1) == (line["epoch"], line["seq"])
        assert 0 == await second.stop()


async def test_gateways_find_the_engine_that_writes(tmp_path: Path, dsn: str) -> None:
    """Gateways of the first exchange go on with the standby's engine when that one has taken the lease."""
    async with (
        await RunningExchange.start(tmp_path / "first", "--dsn", dsn, "--gateways", "1") as first,
        await RunningExchange.start(
            tmp_path / "second", "--dsn", dsn, "--gateways", "1", "--standby"
        ) as second,
        aiohttp.ClientSession() as http,
    ):
        first.child("engine_process").kill()
        await second.logged("took over: this exchange writes the log now")
        seq = await participants(second, dsn)

        async def serves() -> bool:
            try:
                async with http.get(f"{first.facts['http']}/api/v1/instruments") as answer:
                    return bool((await answer.json())["seq"] >= seq)
            except aiohttp.ClientError:
                return False

        await eventually(serves, "the first exchange's gateway with the other engine")


async def test_fix_goes_on_with_the_standby(tmp_path: Path, dsn: str) -> None:
    """A FIX session goes on at the exchange that took over, with its numbers; before, nobody listens there."""
    options = ("--dsn", dsn, "--gateways", "0", "--fix", "127.0.0.1:0")
    first = await RunningExchange.start(tmp_path / "first", *options)
    second = await RunningExchange.start(tmp_path / "second", *options, "--standby")
    async with second:
        for arguments in (
            ("participants", "admit", "MAKER", "--name", "Maker"),
            ("accounts", "open", "MAKER-1", "MAKER"),
        ):
            await first.command_json("admin", *arguments, "--dsn", dsn)
        created = await first.command_json(
            "admin", "fix", "create", "MAKERFIX", "--account", "MAKER-1", "--dsn", dsn
        )
        ports = [int(exchange.facts["fix"].rpartition(":")[2]) for exchange in (first, second)]
        client = FixClient("MAKERFIX", password=created["password"])
        with pytest.raises(OSError, match="Connect"):
            await client.connect(ports[1])
        await client.log_on(ports[0])
        client.send("BB", {909: "first"})
        assert 3 == (await client.next("BA")).number
        await kill(first)
        await client.gone()

        async def listens() -> bool:
            with contextlib.suppress(OSError):
                await client.log_on(ports[1])
                return True
            return False

        await eventually(listens, "FIX at the standby")
        client.send("BB", {909: "second"})
        assert 6 == (await client.next("BA")).number


async def test_gateways_do_not_go_to_a_standby_elsewhere(tmp_path: Path, dsn: str) -> None:
    """A lease that still names an exchange which is a standby by now leads nobody there: they wait for their own engine."""
    own, other = tmp_path / "own.sock", tmp_path / "other.sock"
    await migrate(dsn)
    async with (
        await LogWriter.open(dsn, WriterIdentity.of_this_process(str(other))) as writer,
        await LogReader.open(dsn) as reader,
    ):
        standby = LookedAt(State(), GENESIS, 0, reader)
        elsewhere = EngineServer(standby, other, "test")
        await elsewhere.start()
        waiting = asyncio.create_task(wait_for_engine(dsn, own, lambda _why: None))
        await eventually(lambda: standby.looks, "the look at the standby")
        engine = Engine(Venue(State()), writer, "test")
        await engine.start()
        ours = EngineServer(engine, own, "test")
        await ours.start()
        async with asyncio.timeout(20):
            client = await waiting
        assert (False, 1) == (client.standing_by, client.epoch)
        await client.close()
        for server in (elsewhere, ours):
            await server.close()
        await engine.stop()


def test_what_a_standby_needs(tmp_path: Path) -> None:
    """Without a server that both reach there is nothing to follow, and a standby has no demo market."""
    result = CliRunner().invoke(main, ["up", "--standby", "--data-dir", str(tmp_path)])
    assert ExitCode.USAGE == result.exit_code
    assert "--standby needs the --dsn of a server that both exchanges reach" in result.stderr
