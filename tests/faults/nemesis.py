"""What is done to two running exchanges, their database and their network, drawn by a seed.

Each fault is a coroutine that does its damage and, where that does not heal by itself, undoes it. What ends processes is not
done too often in a minute: `exchange up` gives up, on purpose, a process that ends again and again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from typing import TYPE_CHECKING

import psutil

from tests.exchange.engine.running import execute
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from random import Random

    from tests.faults.arena import Arena

    Fault = Callable[[], Awaitable[None]]

ENDING_SHARE = 0.4
"""Of the faults that end processes; the others pass."""
MOST_ENDS_A_MINUTE = 4
_MINUTE_S = 62.0


class Nemesis:
    """Strikes an arena, one fault at a time."""

    def __init__(self, arena: Arena, chance: Random) -> None:
        self._arena = arena
        self._chance = chance
        self._ends: deque[float] = deque()
        self.struck: Counter[str] = Counter()
        """How often each fault was done."""
        self._ending: list[Fault] = [
            self.kill_engine,
            self.kill_gateway,
            self.kill_settlement,
            self.kill_standby,
            self.kill_postgres,
            self.kill_exchange,
            self.cut_database,
            self.lose_answers,
            self.take_lease_from_paused_writer,
        ]
        self._passing: list[Fault] = [
            self.pause_engine,
            self.pause_gateway,
            self.pause_settlement,
            self.pause_standby,
            self.pause_postgres,
            self.cut_participants,
            self.slow_database,
            self.slow_participants,
            self.silence_database,
        ]

    async def strike(self) -> str:
        """Do one fault; answers its name."""
        ends = self._chance.random() < ENDING_SHARE
        fault = self._chance.choice(self._ending if ends else self._passing)
        if ends:
            await self._spare()
        await self.do(fault)
        return fault.__name__

    async def _spare(self) -> None:
        """Let them trade until there were few enough ends within a minute."""
        if len(self._ends) == MOST_ENDS_A_MINUTE:
            await asyncio.sleep(max(0.0, self._ends.popleft() + _MINUTE_S - time.monotonic()))
        self._ends.append(time.monotonic())

    async def do(self, fault: Fault) -> None:
        """Do this fault."""
        self.struck[fault.__name__] += 1
        await fault()

    # Ends of processes.

    async def kill_engine(self) -> None:
        """The engine that writes."""
        (await self._arena.writer_process()).kill()

    async def kill_gateway(self) -> None:
        """All gateways of both exchanges."""
        _kill(self._arena.processes("gateway_process"))

    async def kill_settlement(self) -> None:
        """Both settlement processes and both that take snapshots."""
        _kill([*self._arena.processes("settlement_process"), *self._arena.processes("snapshot_process")])

    async def kill_standby(self) -> None:
        """The engine that does not write."""
        _kill(await self._standbys())

    async def kill_postgres(self) -> None:
        """The server with all its processes."""
        await self._arena.kill_server()

    async def kill_exchange(self) -> None:
        """The whole exchange that the participants use; it comes back to stand by."""
        await self._arena.kill_site(self._arena.home)

    async def cut_database(self) -> None:
        """Every connection to the database is reset."""
        self._arena.database.cut()

    async def lose_answers(self) -> None:
        """The database hears what it is told, its answers are lost: commits of unknown outcome."""
        self._arena.database.hold_answers()
        await self._pause()
        self._arena.database.cut()
        self._arena.database.heal()

    async def take_lease_from_paused_writer(self) -> None:
        """The writer hangs, an operator takes its lease away, another writes, and the old one wakes up."""
        paused = await self._arena.writer_process()
        paused.suspend()
        try:
            dsn = self._arena.direct_dsn
            await execute(dsn, "SELECT pg_terminate_backend(backend_pid) FROM writer")

            async def another_writes() -> bool:
                return (await self._arena.writer_process()).pid != paused.pid

            await eventually(another_writes, "another engine writes", limit_s=60)
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                paused.resume()

    # What passes.

    async def pause_engine(self) -> None:
        """The engine that writes stands still for a while."""
        await self._stop_and_go([await self._arena.writer_process()])

    async def pause_gateway(self) -> None:
        """All gateways."""
        await self._stop_and_go(self._arena.processes("gateway_process"))

    async def pause_settlement(self) -> None:
        """Both settlement processes."""
        await self._stop_and_go(self._arena.processes("settlement_process"))

    async def pause_standby(self) -> None:
        """The engine that does not write."""
        await self._stop_and_go(await self._standbys())

    async def pause_postgres(self) -> None:
        """All processes of the server."""
        await self._stop_and_go(self._arena.postgres_processes())

    async def cut_participants(self) -> None:
        """Every participant's connection is reset."""
        self._arena.home.proxy.cut()

    async def slow_database(self) -> None:
        """Everything to and from the database takes longer."""
        self._arena.database.delay_s = self._chance.uniform(0.005, 0.05)
        await self._pause()
        self._arena.database.delay_s = 0.0

    async def slow_participants(self) -> None:
        """Everything to and from participants takes longer."""
        proxy = self._arena.home.proxy
        proxy.delay_s = self._chance.uniform(0.005, 0.1)
        await self._pause()
        proxy.delay_s = 0.0

    async def silence_database(self) -> None:
        """Nothing goes to or from the database for a while, and then everything that was held."""
        self._arena.database.go_silent()
        await self._pause()
        self._arena.database.heal()

    async def _standbys(self) -> list[psutil.Process]:
        writer = await self._arena.writer_process()
        engines = [*self._arena.processes("engine_process"), *self._arena.processes("standby_process")]
        return [process for process in engines if process.pid != writer.pid]

    async def _stop_and_go(self, processes: list[psutil.Process]) -> None:
        stopped = []
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
                stopped.append(process)
        try:
            await self._pause()
        finally:
            for process in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    async def _pause(self) -> None:
        """As long as the fault lasts: not to wait for anything, but to hold something up."""
        await asyncio.sleep(self._chance.uniform(0.1, 1.5))


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
