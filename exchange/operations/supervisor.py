"""Starts processes, restarts those that end, and stops all of them in order. What they do is not its affair."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import signal
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from exchange.operations.child import EXIT_FOR_GOOD, EXIT_LOST_ELSEWHERE, Failed, Ready, Report, Waiting
from exchange.operations.errors import ExitCode, OperationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchange.operations.logs import LogBook

RESTARTS_A_MINUTE: Final = 6
"""A process that ends more often than this within a minute is given up. Ends for a database or an engine that went
away do not count: it comes back, and whoever gave up meanwhile would have to be started by hand."""
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
"""Pauses before restarts double from the first to the longest."""
STOP_LIMIT_S: Final = 30.0
"""A process that was asked to stop and has not ended after this time is killed."""

_MINUTE_S: Final = 60.0
_LINE_LIMIT_BYTES: Final = 1024 * 1024
_LAST_LINES: Final = 8


class Plan(msgspec.Struct, frozen=True):
    """A process to keep running."""

    name: str
    command: list[str]
    work: bytes
    """The line for its stdin; see `exchange.operations.child`."""
    start_stage: int
    """Stages start one after the other, each when the one before is ready."""
    stop_stage: int
    """Stages stop one after the other."""
    pass_fds: tuple[int, ...] = ()
    essential: bool = True
    """Whether everything stops when this process is given up."""


class _Process:
    """One process that is kept running: its present incarnation and the memory of the ones before."""

    def __init__(self, plan: Plan, log: LogBook) -> None:
        self.plan = plan
        self.ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        """Done when it was ready for the first time."""
        self._log = log
        self._running: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._failed: Failed | None = None
        self._ends: collections.deque[float] = collections.deque()
        self._last_lines: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Keeps the process running from now on; the task ends when it was stopped, or raises when it is given up."""
        self._keeper = asyncio.create_task(self._keep(), name=self.plan.name)
        return self._keeper

    async def settled(self) -> None:
        """Returns when the process was ready for the first time, or will never be."""
        if self._keeper is not None:
            both: list[asyncio.Future[Any]] = [self.ready, self._keeper]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self) -> None:
        """Asks the process to end, and waits; kills it if it takes too long."""
        self._stopping.set()
        if self._keeper is None:
            return
        self.signal(signal.SIGTERM)
        done, _ = await asyncio.wait([self._keeper], timeout=STOP_LIMIT_S)
        if not done:
            self._log.tell("does not end in time and is killed", "warning", name=self.plan.name)
            await self.kill()

    async def kill(self) -> None:
        """Ends the process at once."""
        self._stopping.set()
        self.signal(signal.SIGKILL)
        if self._keeper is not None:
            await asyncio.wait([self._keeper])

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process, if it runs."""
        if self._running is not None and self._running.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._running.send_signal(number)

    async def _keep(self) -> None:
        quick_ends = 0
        while not self._stopping.is_set():
            began_at = time.monotonic()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            now = time.monotonic()
            self._judge(code, now)
            quick_ends = 0 if now - began_at > _MINUTE_S else quick_ends + 1
            pause_s = min(FIRST_PAUSE_S * 2 ** max(0, quick_ends - 1), LONGEST_PAUSE_S)
            self._log.tell(
                f"{self.plan.name} ended ({_how_ended(code)}) and is started again",
                "warning",
                pause_s=pause_s,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()

    async def _run_once(self) -> int:
        running = self._running = await asyncio.create_subprocess_exec(
            *self.plan.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT_BYTES,
            pass_fds=self.plan.pass_fds,
            # Away from the terminal: Ctrl-C is for the supervisor.
            start_new_session=True,
        )
        if running.stdin is None or running.stdout is None or running.stderr is None:
            raise RuntimeError("a process was started without its pipes")
        if self._stopping.is_set():
            running.kill()
        with contextlib.suppress(ConnectionError):
            running.stdin.write(self.plan.work + b"\n")
            await running.stdin.drain()
        await asyncio.gather(self._read_reports(running.stdout), self._read_log(running.stderr))
        return await running.wait()

    async def _read_reports(self, stream: asyncio.StreamReader) -> None:
        while line := await _line(stream):
            try:
                report: Report = msgspec.json.decode(line, type=Report)
            except msgspec.DecodeError:
                # A library that prints.
                self._log.take(self.plan.name, line)
                continue
            if isinstance(report, Failed):
                self._failed = report
            elif isinstance(report, Waiting):
                self._log.tell(f"{self.plan.name} waits: {report.why}", "warning")
            elif not self.ready.done():
                self.ready.set_result(report)
            else:
                self._log.tell(f"{self.plan.name} is ready again", **report.facts)

    async def _read_log(self, stream: asyncio.StreamReader) -> None:
        while line := await _line(stream):
            self._last_lines.append(line.decode(errors="replace").rstrip())
            self._log.take(self.plan.name, line)

    def _judge(self, code: int, now: float) -> None:
        """Raises OperationError when there is no point in starting again."""
        if code == EXIT_FOR_GOOD and self._failed is not None:
            raise OperationError(f"{self.plan.name}: {self._failed.message}", self._failed.exit_code)
        if code == EXIT_LOST_ELSEWHERE:
            return
        self._ends.append(now)
        while self._ends[0] < now - _MINUTE_S:
            self._ends.popleft()
        if len(self._ends) > RESTARTS_A_MINUTE:
            said = "".join(f"\n  {line}" for line in self._last_lines)
            raise OperationError(
                f"{self.plan.name} ended {len(self._ends)} times within a minute, the last time"
                f" with {_how_ended(code)}; it said last:{said}",
                ExitCode.GAVE_UP,
            )


class Supervisor:
    """Keeps the processes of some plans running. `start`, then `wait`, then `stop` or `kill`."""

    def __init__(self, plans: Sequence[Plan], log: LogBook) -> None:
        self._log = log
        self._processes = [_Process(plan, log) for plan in plans]
        self._keepers: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self) -> dict[str, Ready]:
        """Starts all processes, stage by stage; answers what each said when it was ready, by name.

        Raises OperationError when an essential one is given up before it is ready.
        """
        for stage in sorted({process.plan.start_stage for process in self._processes}):
            members = [process for process in self._processes if process.plan.start_stage == stage]
            for process in members:
                keeper = process.start()
                self._keepers.add(keeper)
                keeper.add_done_callback(functools.partial(self._ended, process))
            settled = asyncio.gather(*(process.settled() for process in members))
            either: list[asyncio.Future[Any]] = [settled, self._failure]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._failure.done():
                settled.cancel()
                self._failure.result()
        return {
            process.plan.name: process.ready.result() for process in self._processes if process.ready.done()
        }

    async def wait(self) -> None:
        """Returns never; raises OperationError when an essential process is given up."""
        await asyncio.shield(self._failure)

    async def stop(self) -> None:
        """Stops all processes in the order of their stages."""
        for stage in sorted({process.plan.stop_stage for process in self._processes}):
            members = [process for process in self._processes if process.plan.stop_stage == stage]
            await asyncio.gather(*(process.stop() for process in members))
        self._forget()

    async def kill(self) -> None:
        """Ends all processes at once."""
        await asyncio.gather(*(process.kill() for process in self._processes))
        self._forget()

    def _ended(self, process: _Process, keeper: asyncio.Task[None]) -> None:
        self._keepers.discard(keeper)
        error = None if keeper.cancelled() else keeper.exception()
        if error is None:
            return
        if isinstance(error, OperationError) and not process.plan.essential:
            self._log.tell(f"{error.message}; it is left alone", "error")
        elif not self._failure.done():
            self._failure.set_exception(error)

    def _forget(self) -> None:
        if self._failure.done():
            # Whoever stops us does not have to look.
            self._failure.exception()


def _how_ended(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line, or nothing at the end; a line beyond all measure is cut."""
    try:
        return await stream.readline()
    except ValueError:
        return b'{"level":"warning","event":"a line too long to keep"}\n'
