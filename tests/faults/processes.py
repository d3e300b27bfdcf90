"""Processes of the exchange that tests start and kill."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from exchange.operations.child import EXIT_FAILED, EXIT_LOST_ELSEWHERE, Failed, Ready, Waiting
from exchange.operations.work import EngineWork, SettlementWork
from tests.faults.doomed_engine import Ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.doomed_engine import Strike

REPOSITORY = Path(__file__).resolve().parents[2]
LIMIT_S = 60
ENDED_BY_ITSELF = {EXIT_FAILED, EXIT_LOST_ELSEWHERE}
"""Exit codes of a process that neither was killed nor ended for good; drivers have many words for a database that died."""
_REPORT = msgspec.json.Decoder(Waiting | Ready | Failed | Ended)


class ChildProcess:
    """A process as `exchange up` starts it. It dies with the test at the latest."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.reports: list[Waiting | Ready | Failed | Ended] = []

    @classmethod
    async def spawn(cls, work: msgspec.Struct, module: str, *arguments: str) -> Self:
        """Start one; see `ready`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", module, *arguments),
            cwd=REPOSITORY,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(work) + b"\n")
        return cls(process)

    @property
    def id(self) -> int:
        """The process id."""
        return self._process.pid

    async def ready(self) -> bool:
        """Returns when the process does its work: True; or when it ended without having come so far: False."""
        async with asyncio.timeout(LIMIT_S):
            while await self._next_report():
                if isinstance(self.reports[-1], Ready):
                    return True
        return False

    async def ended(self) -> int:
        """Returns when the process has ended: its exit code, minus the number of the signal that ended it."""
        async with asyncio.timeout(LIMIT_S):
            while await self._next_report():
                pass
            return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kills the process if it still runs."""
        if self._process.returncode is None:
            self._process.kill()

    async def _next_report(self) -> bool:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if line:
            self.reports.append(_REPORT.decode(line))
        return bool(line)


class EngineProcess(ChildProcess):
    """The engine's process."""

    @classmethod
    async def start(cls, dsn: str, socket: Path, strike: Strike | None = None) -> Self:
        """Start one; it takes commands when it is `ready`."""
        strikes = () if strike is None else (msgspec.json.encode(strike).decode(),)
        work = EngineWork(dsn, str(socket), "Test Venue", None)
        return await cls.spawn(work, "tests.faults.doomed_engine", *strikes)

    async def stop(self) -> Ended:
        """Asks for an orderly end; what the engine was in the end."""
        self.signal(signal.SIGTERM)
        assert 0 == await self.ended()
        last = self.reports[-1]
        assert isinstance(last, Ended)
        return last


class SettlementProcess(ChildProcess):
    """The process that settles."""

    @classmethod
    async def start(cls, dsn: str) -> Self:
        """Start one."""
        return await cls.spawn(SettlementWork(dsn), "exchange.operations.settlement_process")

    async def stop(self) -> None:
        """Asks for an orderly end; the whole log is settled then."""
        self.signal(signal.SIGTERM)
        assert 0 == await self.ended()


@asynccontextmanager
async def engine_process(
    dsn: str, socket: Path, strike: Strike | None = None
) -> AsyncIterator[EngineProcess]:
    """An engine's process that was started, not waited for."""
    process = await EngineProcess.start(dsn, socket, strike)
    try:
        yield process
    finally:
        process.kill()
        await process.ended()
