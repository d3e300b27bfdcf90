"""The machines of a simulation: engines and gateways, made of the real classes, that die and are started again."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from exchange.domain.events import Fill
from exchange.domain.venue import Venue
from exchange.engine.client import EngineClient, EngineUnreachable
from exchange.engine.engine import Engine, LeaseLost, NotRecovered
from exchange.engine.interface import EngineStopped
from exchange.engine.server import EngineServer
from exchange.engine.standby import Standby
from exchange.log.lease import LeaseHeld, WriterIdentity
from exchange.log.recovery import recover
from exchange.log.writer import CommitUnknown, Fenced
from gateway.core import Gateway
from tests.exchange.log.memory_log import MemoryReader, MemorySnapshots, MemoryWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from exchange.domain.commands import Command
    from exchange.domain.events import Recorded
    from exchange.domain.state import State
    from exchange.engine.interface import Answer
    from tests.faults.simulation.world import World

PROGRAM = "simulated exchange"
LEASE_WAIT_S = 10.0

EXPECTED_ENDS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    Fenced,
    CommitUnknown,
    LeaseLost,
    # Another machine took over and wrote while this one recovered.
    NotRecovered,
    EngineStopped,
    EngineUnreachable,
)
"""What may end a process when others break. Whatever else ends one is a bug."""


class Host(ABC):
    """One machine. Its process is started again whenever it ends."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.lives = 0
        self.state: State | None = None
        """What its process knows of the venue; None while it does not."""
        self._process: asyncio.Task[None] | None = None

    @property
    def seq(self) -> int | None:
        """How far it knows the log."""
        return None if self.state is None else self.state.last_seq

    async def run(self) -> None:
        """For ever."""
        while True:
            self.lives += 1
            self.world.trace(f"{self.name} starts")
            self._process = asyncio.create_task(self._work())
            await asyncio.wait([self._process])
            self._vanish()
            error = None if self._process.cancelled() else self._process.exception()
            self.world.trace(f"{self.name} ended: {error!r}")
            if error is not None and not isinstance(error, EXPECTED_ENDS):
                self.world.wrong(f"{self.name} ended: {error!r}")
            await asyncio.sleep(self.world.chance.uniform(0.05, 0.5))

    def kill(self) -> None:
        """Between two callbacks, as `kill -9` does."""
        if self._process is not None and not self._process.done():
            self._vanish()
            self._process.cancel()

    @abstractmethod
    async def _work(self) -> None:
        """What the process does until it ends."""

    @abstractmethod
    def _vanish(self) -> None:
        """Nothing that the process began goes on, and others find their connections gone."""


class EngineHost(Host):
    """Runs `exchange up`, or its standby."""

    def __init__(self, world: World, name: str, *, stands_by: bool) -> None:
        super().__init__(world, name)
        self._stands_by = stands_by
        self.engine: Engine | None = None
        self._standby: Standby | None = None
        self._writer: MemoryWriter | None = None
        self._skew_ns = world.chance.randrange(-(10**9), 10**9)
        """Of this machine's clock."""

    @property
    def writer(self) -> MemoryWriter | None:
        return self._writer

    def clock(self) -> int:
        """Nanoseconds UTC, as this machine believes."""
        return self.world.now_ns() + self._skew_ns

    async def _work(self) -> None:
        if self._stands_by:
            await self._stand_by()
        else:
            await self._write()

    async def _write(self) -> None:
        """As `engine_process` does."""
        writer = await self._take_lease()
        recovery = await recover(MemoryReader(self.world.log), MemorySnapshots(self.world.log))
        self.state = recovery.state
        self.engine = Engine(Venue(self.state), writer, PROGRAM, self.clock)
        await self.engine.start()
        self._serve(EngineServer(self.engine, Path(self.name), PROGRAM))
        await self.engine.wait()

    async def _stand_by(self) -> None:
        """As `standby_process` does."""
        reader = MemoryReader(self.world.log)
        self.state = (await recover(reader, MemorySnapshots(self.world.log))).state
        epoch = (await reader.head()).epoch
        self._standby = standby = Standby(
            self.state, await reader.hash_at(self.state.last_seq), epoch, reader, self.clock
        )
        self._serve(EngineServer(standby, Path(self.name), PROGRAM))
        following = asyncio.create_task(standby.follow())
        try:
            writer = await self._take_lease()
        finally:
            following.cancel()
            await asyncio.wait([following])
        if not following.cancelled():
            following.result()
        self.engine = await standby.promote(writer, PROGRAM)
        await self.engine.wait()

    async def _take_lease(self) -> MemoryWriter:
        while True:
            try:
                writer = await MemoryWriter.open_log(
                    self.world.log, WriterIdentity(self.name, self.lives, self.name), LEASE_WAIT_S
                )
            except LeaseHeld:
                continue
            writer.copy_from_events = self.world.copy_from_events
            self._writer = writer
            return writer

    def _serve(self, server: EngineServer) -> None:
        self.world.network.listen(self.name, server._connect)

    def _vanish(self) -> None:
        # Another machine writes by now: mostly this one comes back as its standby.
        self._stands_by = self.world.chance.random() < 0.7
        self.world.network.vanish(self.name)
        # While it is promoted only the standby knows its engine.
        engine = self._standby._engine if self._standby else self.engine
        writer = self._writer
        self.engine = self._standby = self._writer = self.state = None
        if engine is not None:
            engine._fail(EngineStopped("killed"))
            if engine._lease_watch is not None:
                engine._lease_watch.cancel()
            engine._disarm_timer()
        if writer is not None:
            if self.world.chance.random() < 0.3:
                # The machine lost its power: the server learns of it by its keepalives.
                writer.session.cut(0.0, server_notices_s=self.world.chance.uniform(1, 30))
            else:
                writer.session.terminate()


class GatewayHost(Host):
    """Runs the real gateway on the real client of its machine's engine; its protocol is messages that stand alone."""

    def __init__(self, world: World, name: str, engine: str) -> None:
        super().__init__(world, name)
        self.engine_address = engine
        self.gateway: Gateway | None = None
        self._client: EngineClient | None = None
        self._streams: dict[str, FillStream] = {}
        """By account."""
        self._tasks: dict[asyncio.Task[None], None] = {}

    async def _work(self) -> None:
        """As `gateway_process` does."""
        self._client = client = await EngineClient.connect(Path(self.engine_address))
        client.listen(self.world.history.new_feed())
        reader = MemoryReader(self.world.log)
        gateway = Gateway(client, reader, None, name=self.name)  # type: ignore[arg-type]  # nothing of a registry is read

        async def recovered() -> State:
            return (await recover(reader, MemorySnapshots(self.world.log))).state

        await gateway.start(recovered)
        gateway.follow(self._push)
        self.gateway, self.state = gateway, gateway.replica.state
        await client.wait_lost()

    def _vanish(self) -> None:
        client = self._client
        self._client = self.gateway = self.state = None
        self._streams = {}
        for task in self._tasks:
            task.cancel()
        if client is not None and client._transport is not None:
            client._transport.die()  # type: ignore[attr-defined]  # a stream of the simulated network

    # Requests.

    def submit(self, command: Command, settle: Callable[[Answer | Exception], None]) -> None:
        """A request has come; without a gateway it is lost. `settle` sends what becomes of it."""
        if self.gateway is None:
            return
        life = self.lives

        def answered(done: asyncio.Future[Answer]) -> None:
            if self.lives != life or self.gateway is None:
                return
            error = done.exception()
            settle(done.result() if error is None else error)  # type: ignore[arg-type]

        self.gateway.engine.submit(command).add_done_callback(answered)

    def resume(self, account: str, after_seq: int, push: Callable[[int, Recorded], None]) -> None:
        """From now on push the fills of an account that come after a seq, each with the seq of the one before."""
        if self.gateway is None:
            return
        stream = self._streams[account] = FillStream(account, after_seq, push)
        self._start(self._replay(self.gateway, stream))

    async def _replay(self, gateway: Gateway, stream: FillStream) -> None:
        up_to = gateway.replica.last_seq
        found = await gateway.reader.account_events(stream.account, stream.last_seq, up_to, kinds=[Fill.kind])
        early, stream.early = stream.early, None
        for recorded in (*found, *(each for each in early or () if each.seq > up_to)):
            stream.push(recorded)

    def _push(self, batch: list[Recorded]) -> None:
        for recorded in batch:
            event = recorded.event
            if isinstance(event, Fill):
                for account in dict.fromkeys((event.buyer, event.seller)):
                    if account in self._streams:
                        self._streams[account].push(recorded)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)


class FillStream:
    """The fills of an account, as one subscriber gets them."""

    def __init__(self, account: str, last_seq: int, push: Callable[[int, Recorded], None]) -> None:
        self.account = account
        self.last_seq = last_seq
        self.early: list[Recorded] | None = []
        """What came while the past is read; None once it was."""
        self._push = push

    def push(self, recorded: Recorded) -> None:
        """Send one, or keep it until its turn comes."""
        if self.early is not None:
            self.early.append(recorded)
            return
        self._push(self.last_seq, recorded)
        self.last_seq = recorded.seq
