"""The runbooks of operators do what they say: every command runs as printed, but for folders and numbers."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exchange.log.embedded import EmbeddedPostgres
from exchange.log.files import read_file
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.writer import LogWriter
from tests.exchange.log.conftest import tamper
from tests.exchange.log.test_requests import rows_of
from tests.market import PROJECT, Market

if TYPE_CHECKING:
    from collections.abc import Mapping

# Each command starts and stops a server.
pytestmark = pytest.mark.slow

RUNBOOKS = Path(__file__).parent.parent / "deploy" / "runbooks"
BAD_SEQ = 5


def blocks(name: str) -> list[list[str]]:
    """The commands of a runbook, block by block."""
    text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    return [block.splitlines() for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)]


class Desk:
    """Where an operator works: what stands for the folders of the runbooks."""

    def __init__(self, folder: Path, replaced: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.data_dir = folder / "exchange"
        self._replaced = replaced or {}
        (folder / "backup").mkdir()

    async def run(self, command: str, expected_code: int = 0) -> str:
        """Stdout of a command of a runbook, which must end with a code."""
        replaced = {
            "/srv": str(self.folder),
            "/backup": str(self.folder / "backup"),
            "/tmp/": f"{self.folder}/",
            **self._replaced,
        }
        # All at once: the new folders have parts that are replaced, too.
        pattern = "|".join(re.escape(old) for old in replaced)
        command = re.sub(pattern, lambda found: replaced[found[0]], command)
        python = Path(sys.executable).parent
        process = await asyncio.create_subprocess_shell(
            f'PATH="{python}:$PATH"; {command}',
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await process.communicate()
        assert expected_code == process.returncode, f"{command}: {stderr.decode()}"
        return stdout.decode()

    async def run_block(self, commands: list[str]) -> list[str]:
        """Stdout of each command."""
        return [await self.run(command) for command in commands]


async def trade(data_dir: Path, trades: int = 1) -> Market:
    """Makes an exchange with some trades in a folder."""
    market = Market()
    for _ in range(trades):
        market.alpha.place(market.alpha.sell(10, 1000))
        market.beta.place(market.beta.buy(10, 1000))
    async with EmbeddedPostgres(data_dir) as postgres:
        await migrate(postgres.dsn)
        async with await LogWriter.open(postgres.dsn, WriterIdentity.of_this_process()) as writer:
            await writer.append(rows_of(market))
    return market


@pytest.mark.timeout(240)
async def test_restore(tmp_path: Path) -> None:
    """A copy becomes an exchange again, good by its published heads."""
    desk = Desk(tmp_path)
    market = await trade(desk.data_dir)
    before, restore = blocks("restore")
    await desk.run_block(before)
    outputs = await desk.run_block(restore)

    last = market.state.last_seq
    assert f"last event  {last}" in outputs[0]
    assert "verdict          good" in outputs[1]
    assert "published heads  1 compared" in outputs[1]
    assert f"newest at event {last}, 0 events ago" in outputs[-1]


@pytest.mark.timeout(240)
async def test_damaged_log(tmp_path: Path) -> None:
    """The bad event is named, replaced from a copy, and the whole verifies against the published heads."""
    desk = Desk(tmp_path)
    market = await trade(desk.data_dir)
    await desk.run_block(blocks("restore")[0])
    async with EmbeddedPostgres(desk.data_dir) as postgres:
        await tamper(
            postgres.dsn, f"UPDATE event SET payload = set_byte(payload, 9, 33) WHERE seq = {BAD_SEQ}"
        )
    first, looking, mending, going_on = blocks("damaged-log")

    (verify,) = first
    assert f'"faults":[{{"check":"chain","seq":{BAD_SEQ}' in await desk.run(verify, expected_code=1)
    show, *_ = await desk.run_block(looking)
    assert f"seq            {BAD_SEQ}" in show
    outputs = await desk.run_block(mending)
    await desk.run_block(going_on)

    assert "verdict          good" in outputs[-1]
    assert [
        [f"imported    {BAD_SEQ - 1}", f"last event  {BAD_SEQ - 1}"],
        [f"imported    {market.state.last_seq - BAD_SEQ + 1}", f"last event  {market.state.last_seq}"],
        ["imported    0", f"last event  {market.state.last_seq}"],
    ] == [output.splitlines()[:2] for output in outputs[2:5]]
    assert rows_of(market) == [row for page in read_file(tmp_path / "backup" / "log.jsonl") for row in page]


@pytest.mark.timeout(240)
async def test_halt(tmp_path: Path) -> None:
    """An instrument is halted and opened again, keys are listed, and a stopped exchange says so."""
    desk = Desk(tmp_path, {"RENEWABLES": PROJECT.symbol})
    await trade(desk.data_dir)
    instrument, participant, everything = blocks("halt")
    await desk.run_block(instrument)
    (keys,) = await desk.run_block(participant)
    (status,) = await desk.run_block(everything)

    assert "gamma-key" in keys
    assert "running       no" in status


@pytest.mark.timeout(240)
async def test_replay(tmp_path: Path) -> None:
    """An order's story, the book before, what changed, what would be decided today, and what another fee had given."""
    market = await trade(tmp_path / "exchange")
    order_id = market.state.last_seq - 1
    desk = Desk(tmp_path, {"742": str(order_id), "741": str(order_id - 1), "RENEWABLES": PROJECT.symbol})
    story, *rest = [output for block in blocks("replay") for output in await desk.run_block(block)]

    assert ["order_accepted", "fill"] == [line.split()[2] for line in story.splitlines()]
    assert "verdict          good" in rest[-2]
    assert "as it would be" in rest[-1]


@pytest.mark.timeout(240)
async def test_fail_over(tmp_path: Path, dsn: str) -> None:
    """What an operator asks of the shared database is answered while nobody writes."""
    await migrate(dsn)
    async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
        await writer.append(rows_of(Market()))
    desk = Desk(tmp_path, {'"$EXCHANGE_DSN"': f"'{dsn}' --data-dir {tmp_path}"})
    outputs = [output for block in blocks("fail-over") for output in await desk.run_block(block)]

    assert "nobody writes the log" in outputs[0]
    assert "verdict          good" in outputs[1]


async def cut_off(data_dir: Path, last_seq: int) -> None:
    """Loses the events after one."""
    async with EmbeddedPostgres(data_dir) as postgres:
        await tamper(postgres.dsn, f"DELETE FROM event WHERE seq > {last_seq}")


@pytest.mark.timeout(240)
async def test_cut_off_log(tmp_path: Path) -> None:
    """The missing end is named and brought back from a copy; where nobody has it, the exchange goes on when people say so."""
    desk = Desk(tmp_path)
    market = await trade(desk.data_dir)
    await desk.run_block(blocks("restore")[0])
    await desk.run("exchange snapshot take --data-dir /srv/exchange")
    await desk.run("exchange settle --data-dir /srv/exchange")
    (verify, tail), bringing_back, giving_up, (verify_again,) = blocks("cut-off-log")
    last_seq = market.state.last_seq
    await cut_off(desk.data_dir, last_seq - 2)

    found = await desk.run(verify, expected_code=1)
    assert f'{{"check":"snapshots","seq":{last_seq - 1}' in found
    assert f'{{"check":"heads","seq":{last_seq - 1}' in found
    await desk.run(tail)
    imported, good = await desk.run_block(bringing_back)
    assert ["imported    2", f"last event  {last_seq}"] == imported.splitlines()[:2]
    assert "verdict          good" in good

    await cut_off(desk.data_dir, last_seq - 2)
    *witnesses, rebuild = giving_up
    await desk.run_block(witnesses)
    await desk.run(rebuild, expected_code=8)
    assert "verdict          good" in await desk.run(verify_again)
    admit = "exchange admin participants admit NEW --name New --data-dir /srv/exchange"
    assert "admitted NEW" in await desk.run(admit)
