"""A real `exchange up` in processes of its own, and commands against it."""

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Any, Self

import asyncpg
import psutil
from click.testing import CliRunner

from exchange.operations.cli import main
from tests.waiting import eventually

EXCHANGE = [sys.executable, "-c", "from exchange.operations.cli import main; main(prog_name='exchange')"]
START_LIMIT_S = 60


async def command(*arguments: str) -> tuple[int, str, str]:
    """Runs a command in a process of its own: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        *EXCHANGE, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stdout, stderr = await process.communicate()
    return process.returncode or 0, stdout.decode(), stderr.decode()


async def command_json(*arguments: str) -> Any:
    """Runs a command with --json in this process; answers the decoded object, demands success."""
    result = await asyncio.to_thread(CliRunner().invoke, main, [*arguments, "--json"])
    if result.exit_code:
        raise AssertionError(f"{arguments} ended with {result.exit_code}: {result.stderr}")
    return json.loads(result.stdout)


async def damage_log(dsn: str) -> None:
    """Changes event 2 of a venue's log, its name, as only somebody with the database in their hands can."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("ALTER TABLE event DISABLE TRIGGER ALL")
        await connection.execute(
            "UPDATE event SET payload = replace(convert_from(payload, 'UTF8'), 'Test', 'Best')::bytea WHERE seq = 2"
        )
    finally:
        await connection.close()


class RunningExchange:
    """One run of `exchange up`; `facts` is what it printed when it was ready."""

    def __init__(self, process: asyncio.subprocess.Process, data_dir: Path, facts: dict[str, Any]) -> None:
        self.process = process
        self.data_dir = data_dir
        self.facts = facts

    @classmethod
    async def start(cls, data_dir: Path, *options: str) -> Self:
        """Starts it on a free port and waits until everything is ready."""
        with (data_dir.parent / "up.stderr").open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(
                *EXCHANGE, "up", "--data-dir", str(data_dir), "--http", "127.0.0.1:0", "--json", *options,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
            )  # fmt: skip
        if process.stdout is None:
            raise RuntimeError("no pipe")
        async with asyncio.timeout(START_LIMIT_S):
            line = await process.stdout.readline()
        if not line:
            raise AssertionError(f"exchange up ended: {(data_dir.parent / 'up.stderr').read_text()}")
        return cls(process, data_dir, json.loads(line))

    async def stop(self) -> int:
        """Asks for an orderly end; answers the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_LIMIT_S):
            return await self.process.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def command_json(self, *arguments: str) -> Any:
        """Runs a command on this exchange."""
        return await command_json(*arguments, "--data-dir", str(self.data_dir))

    async def admit(self, participant: str) -> Any:
        """Admits a participant: the smallest change of the state."""
        return await self.command_json("admin", "participants", "admit", participant, "--name", participant)

    async def participants(self) -> list[str]:
        """Ids of the participants, the venue's own left out."""
        rows = await self.command_json("admin", "participants", "list")
        return [row["participant"] for row in rows if row["participant"] != "VENUE"]

    async def last_events(self, count: int) -> list[dict[str, Any]]:
        """The last events of the log."""
        options = ["log", "tail", "-n", str(count), "--json", "--data-dir", str(self.data_dir)]
        result = await asyncio.to_thread(CliRunner().invoke, main, options)
        return [json.loads(line) for line in result.stdout.splitlines()]

    async def tail(self) -> "FollowedLog":
        """Starts `log tail --follow`."""
        options = ["--follow", "--json", "--data-dir", str(self.data_dir)]
        return FollowedLog(
            await asyncio.create_subprocess_exec(
                *EXCHANGE, "log", "tail", *options, stdout=asyncio.subprocess.PIPE
            )
        )

    def descendants(self) -> list[psutil.Process]:
        """All processes that it started, Postgres' included."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, module: str) -> psutil.Process:
        """The process that runs a module of the operations room, such as `engine_process`."""
        (found,) = self.children(module)
        return found

    def children(self, module: str) -> list[psutil.Process]:
        """All processes that run a module."""
        found = []
        for child in self.descendants():
            # One may be gone, or wait to be reaped, by now.
            with contextlib.suppress(psutil.Error):
                if f"exchange.operations.{module}" in child.cmdline():
                    found.append(child)
        return found

    def postmaster(self) -> psutil.Process:
        """The first process of the embedded server."""
        return psutil.Process(
            int((self.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        )

    def log(self) -> list[dict[str, Any]]:
        """The log file so far."""
        lines = (self.data_dir / "exchange.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    async def logged(self, event: str, times: int = 1) -> None:
        """Waits until something was logged so many times."""
        await eventually(
            lambda: sum(event in str(line["event"]) for line in self.log()) >= times, f"{event!r} in the log"
        )


class FollowedLog:
    """A running `log tail --follow`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def kind(self) -> str:
        """The kind of the next event."""
        if self._process.stdout is None:
            raise RuntimeError("no pipe")
        async with asyncio.timeout(START_LIMIT_S):
            kind: str = json.loads(await self._process.stdout.readline())["kind"]
        return kind

    async def stop(self) -> int:
        """Presses Ctrl-C; answers the exit code."""
        self._process.send_signal(signal.SIGINT)
        return await self._process.wait()


def has_ended(process: psutil.Process) -> bool:
    """Whether a process is gone, or only waits to be reaped."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
