"""The quick starts of the README, and the page on the rules of carbon, do what they say on an exchange with the demo market."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from exchange.operations.cli import main
from tests.exchange.operations.running import RunningExchange

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CARBON = (ROOT / "exchange" / "domain" / "carbon" / "README.md").read_text(encoding="utf-8")
SHELL_BLOCKS: list[str] = re.findall(r"```bash\n(.*?)```", README + CARBON, re.DOTALL)
COMMANDS = [line for block in SHELL_BLOCKS for line in block.splitlines() if not line.startswith("deploy/")]
SHELL_SYNTAX = re.compile(r"[$|<>&;`]")
FIRST_ORDER, FIRST_QUOTE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


async def run(*arguments: str, shell: str = "") -> str:
    """Stdout of a command that must succeed."""
    pipe = asyncio.subprocess.PIPE
    if shell:
        process = await asyncio.create_subprocess_shell(shell, stdout=pipe, stderr=pipe, cwd=ROOT)
    else:
        process = await asyncio.create_subprocess_exec(*arguments, stdout=pipe, stderr=pipe, cwd=ROOT)
    stdout, stderr = await process.communicate()
    assert 0 == process.returncode, f"{shell or arguments}: {stderr.decode()}"
    return stdout.decode()


async def run_line(line: str) -> None:
    """Run a line as a shell would; a plain command of ours runs here, as starting Python a hundred times takes minutes."""
    words = shlex.split(line)
    if Path(words[0]).name != "exchange" or SHELL_SYNTAX.search(line):
        await run(shell=line)
        return
    result = await asyncio.to_thread(CliRunner().invoke, main, words[1:])
    assert 0 == result.exit_code, f"{line}: {result.output}"


@pytest.mark.timeout(480)
async def test_quick_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command and the program run as printed, but for the folder and the port."""
    monkeypatch.chdir(ROOT)
    async with await RunningExchange.start(tmp_path / "demo", "--demo", "--fix", "127.0.0.1:0") as exchange:

        def here(text: str) -> str:
            python = str(Path(sys.executable).parent)
            return (
                text.replace("/tmp/carbon-demo.jsonl", str(tmp_path / "log.jsonl"))
                .replace("/tmp/carbon-demo", str(exchange.data_dir))
                .replace("127.0.0.1:9000", exchange.facts["http"].removeprefix("http://"))
                .replace("127.0.0.1:9001", exchange.facts["fix"])
                .replace(".venv/bin", python)
            )

        program = tmp_path / "first_order.py"
        program.write_text(here(FIRST_ORDER), encoding="utf-8")
        first = (await run(sys.executable, str(program))).splitlines()
        again = (await run(sys.executable, str(program))).splitlines()
        (retirement,) = [line.split()[1] for line in first if line.startswith("retirement ")]
        for command in COMMANDS:
            await run_line(here(re.sub(r"\b742\b", retirement, command)))
        quoting = tmp_path / "first_quote.py"
        quoting.write_text(here(FIRST_QUOTE), encoding="utf-8")
        quoted = (await run(sys.executable, str(quoting))).splitlines()

    assert "filled 100 new" == first[0]
    assert "filled 100 duplicate" == again[0]
    assert first[-2:] == again[-2:]
    assert first[-1].startswith("3003 PRICE_OUTSIDE_BAND ")
    assert "logged on" == quoted[0]
    found = [re.findall(r"\|35=(\w)\|.*?\|(?:150|297)=(\w)\|", line) for line in quoted[1:]]
    assert [[("8", "0")], [("b", "0")], [("8", "4")], [("b", "4")]] == found
    assert (tmp_path / "log.jsonl").stat().st_size > 0
