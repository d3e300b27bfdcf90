"""The supervisor with small processes: restarts, giving up, the order of start and stop."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from exchange.operations import supervisor
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.logs import LogBook
from exchange.operations.supervisor import Plan, Supervisor
from tests.waiting import eventually

CHILD = """
import asyncio, builtins, os
import msgspec
from exchange.operations import child

class Work(msgspec.Struct):
    name: str
    journal: str
    failures: int = 0
    error: str = "RuntimeError"

async def main(work, parent):
    journal = open(work.journal, "a", buffering=1)
    print(f"{work.name} starts {os.getpid()}", file=journal)
    if open(work.journal).read().count(f"{work.name} starts") <= work.failures:
        raise getattr(builtins, work.error)(f"{work.name} fails")
    parent.report(child.Ready({"pid": os.getpid()}))
    await parent.stop.wait()
    print(f"{work.name} stops", file=journal)

child.run(Work, main)
"""


@pytest.fixture
def log(tmp_path: Path) -> LogBook:
    return LogBook(tmp_path / "exchange.log")


@pytest.fixture(autouse=True)
def quick_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_S", 0.02)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def plan(
    name: str,
    journal: Path,
    start: int = 1,
    stop: int = 1,
    failures: int = 0,
    *,
    error: type[Exception] = RuntimeError,
    essential: bool = True,
) -> Plan:
    """A plan for the small process above, which fails so many times, with this error, before it runs."""
    work = f'{{"name":"{name}","journal":"{journal}","failures":{failures},"error":"{error.__name__}"}}'
    return Plan(name, [sys.executable, "-c", CHILD], work.encode(), start, stop, (), essential)


def lines(journal: Path) -> list[str]:
    """What the processes wrote, without process ids."""
    return [" ".join(line.split()[:2]) for line in journal.read_text().splitlines()]


def process_ids(journal: Path) -> list[int]:
    return [int(line.split()[2]) for line in journal.read_text().splitlines() if " starts " in line]


def is_gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


async def test_stages_start_and_stop_in_their_own_order(log: LogBook, journal: Path) -> None:
    """A stage starts when the one before is ready, and stops when the one before has ended."""
    watched = Supervisor([plan("c", journal, 3, 1), plan("a", journal, 1, 3), plan("b", journal, 2, 2)], log)
    ready = await watched.start()
    await watched.stop()
    assert {"a", "b", "c"} == set(ready)
    assert ["a starts", "b starts", "c starts", "c stops", "b stops", "a stops"] == lines(journal)


async def test_a_process_that_is_killed_comes_back(log: LogBook, journal: Path) -> None:
    """A kill -9 of a process brings a new one; the stop then is orderly."""
    watched = Supervisor([plan("a", journal)], log)
    first = (await watched.start())["a"].facts["pid"]
    os.kill(first, 9)
    await eventually(lambda: ["a starts", "a starts"] == lines(journal), "a second start")
    await eventually(
        lambda: (
            "a is ready again" in (log_text := (journal.parent / "exchange.log").read_text()) and log_text
        ),
        "ready again",
    )
    await watched.stop()
    assert ["a starts", "a starts", "a stops"] == lines(journal)


async def test_a_process_that_never_stays_is_given_up(log: LogBook, journal: Path) -> None:
    """After too many ends within a minute the supervisor says which process, how often, and what it said last."""
    watched = Supervisor([plan("a", journal, failures=100)], log)
    with pytest.raises(OperationError, match=r"a ended 7 times within a minute(.|\n)*a fails") as raised:
        await watched.start()
    await watched.stop()
    assert ExitCode.GAVE_UP == raised.value.exit_code
    assert ["a starts"] * 7 == lines(journal)


async def test_a_process_whose_database_is_away_is_not_given_up(log: LogBook, journal: Path) -> None:
    """However often it ends for a lost connection within a minute, it is started again until it stays."""
    watched = Supervisor([plan("a", journal, failures=20, error=ConnectionResetError)], log)
    assert {"a"} == set(await watched.start())
    await watched.stop()
    assert [*["a starts"] * 21, "a stops"] == lines(journal)


async def test_the_others_go_on_without_a_process_that_is_not_essential(log: LogBook, journal: Path) -> None:
    """A process that is not essential is left alone when it is given up."""
    watched = Supervisor([plan("a", journal), plan("b", journal, 2, failures=100, essential=False)], log)
    ready = await watched.start()
    assert {"a"} == set(ready)
    await watched.stop()
    assert "a stops" == lines(journal)[-1]


async def test_a_stop_cuts_short_the_pause_before_a_restart(
    log: LogBook, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a process that would only be started again."""
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 1000.0)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_S", 1000.0)
    watched = Supervisor([plan("a", journal, failures=1)], log)
    starting = asyncio.create_task(watched.start())
    await eventually(lambda: "started again" in (journal.parent / "exchange.log").read_text(), "the pause")
    async with asyncio.timeout(10):
        await watched.stop()
    starting.cancel()
    assert ["a starts"] == lines(journal)


async def test_processes_end_with_their_parent(log: LogBook, journal: Path) -> None:
    """When the pipe from the parent ends, the process ends at once, without having been told to stop."""
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from exchange.operations.logs import LogBook\n"
        "from exchange.operations.supervisor import Plan, Supervisor\n"
        f'plan = Plan(\'a\', [sys.executable, \'-c\', {CHILD!r}], b\'{{"name":"a","journal":"{journal}"}}\', 1, 1)\n'
        "async def main():\n"
        f"    watched = Supervisor([plan], LogBook(Path({str(journal.parent / 'other.log')!r})))\n"
        "    await watched.start()\n"
        "    print('ready', flush=True)\n"
        "    await watched.wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    if parent.stdout is None:
        raise RuntimeError("no pipe")
    assert b"ready\n" == await parent.stdout.readline()
    parent.kill()
    await parent.wait()
    (child_id,) = process_ids(journal)
    await eventually(lambda: is_gone(child_id), "the child's end")
    assert ["a starts"] == lines(journal)
