"""A whole exchange in one event loop with made-up time: every seed is another story, the same seed the same story."""

from __future__ import annotations

import asyncio
import functools
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

import msgspec
from structlog.testing import capture_logs

from exchange.domain import snapshot
from exchange.domain.events import Fill, Retired
from exchange.domain.ledger import LedgerError
from exchange.log.chain import GENESIS, ChainBroken, check_chain
from exchange.log.record import seal
from exchange.log.recovery import recover
from exchange.log.snapshots import Snapshot
from tests.exchange.log.memory_log import MemoryLog, MemoryReader, MemorySnapshots
from tests.faults.history import History, replay, violations
from tests.faults.simulation.hosts import PROGRAM, EngineHost, GatewayHost
from tests.faults.simulation.network import Network
from tests.faults.simulation.traders import SimulatedTrader
from tests.faults.simulation.virtual_time import NothingLeft, VirtualLoop
from tests.market import ALPHA, BETA, GAMMA, V19, Market

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from exchange.domain.events import Recorded
    from exchange.domain.state import State
    from exchange.log.record import StoredEvent
    from tests.exchange.log.memory_log import MemorySession

ORDERS = 12
"""Commands of each trader."""
FAULTS_UNTIL_S = 4.0
"""Faults begin before this time; then the weather calms."""
LIMIT_S = 120.0
"""Of made-up time, by which everybody must know everything."""
SECOND_NS = 10**9


class Story(msgspec.Struct, frozen=True):
    """What became of a seed."""

    seed: int
    digest: str
    """Of everything that happened, in order, with its times."""
    wrong: list[str]
    """What must not be, one sentence each."""
    fills: int
    lives: int
    """Of all processes."""
    epochs: int
    lost_statements: int
    lost_answers: int
    """Of writers, before and after the database had done what was asked."""
    faults: list[str]


class World:
    """All machines, the network, the log, and what must hold."""

    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.seed = seed
        self.chance = Random(f"world {seed}")
        self.network = loop.network = Network(loop, f"network {seed}")
        self.network.trace = self.trace
        self.history = History()
        self.copy_from_events = self.chance.choice((3, 500))
        self._loop = loop
        self._trace = sha256()
        self._wrong: list[str] = []
        self._faults: list[str] = []
        latency = Random(f"latency {seed}")
        self.database_s = self.chance.choice((0.0005, 0.01))
        self.log = MemoryLog(
            lambda: latency.expovariate(1 / self.database_s), lambda: latency.expovariate(1 / self.database_s)
        )
        self.log.rows += opening_rows()
        self.log.epoch = 1
        self.log.on_commit = self._committed
        self._start_ns = self.log.rows[-1].recorded_at + 10 * SECOND_NS
        self.engines = [
            EngineHost(self, "engine-a", stands_by=False),
            EngineHost(self, "engine-b", stands_by=True),
        ]
        self.gateways = [
            GatewayHost(self, "gateway-a", "engine-a"),
            GatewayHost(self, "gateway-b", "engine-b"),
        ]
        keys = (("alpha-key", ALPHA), ("beta-key", BETA), ("gamma-key", GAMMA))
        self.traders = [SimulatedTrader(self, key_id, account, ORDERS) for key_id, account in keys]

    # What others need.

    def now_ns(self) -> int:
        """Nanoseconds UTC."""
        return self._start_ns + round(self._loop.time() * SECOND_NS)

    def trace(self, line: str) -> None:
        """Something happened."""
        self._trace.update(f"{self._loop.time()!r} {line}\n".encode())

    def wrong(self, what: str) -> None:
        """Something that must not be was seen."""
        self.trace(f"WRONG: {what}")
        self._wrong.append(what)

    def demand_durable(self, who: str, told: Sequence[Recorded], duplicate_of: int = 0) -> None:
        """Whatever reaches a client stands in the log in that moment."""
        rows = self.log.rows
        for recorded in told:
            if recorded.seq > len(rows) or rows[recorded.seq - 1].to_recorded() != recorded:
                self.wrong(f"{who} was told {recorded}, which is not durable")
        if duplicate_of > len(rows):
            self.wrong(f"{who} was told of event {duplicate_of}, which is not durable")

    def _committed(self, rows: list[StoredEvent]) -> None:
        self.trace(
            f"committed {rows[0].seq} to {rows[-1].seq} in epoch {rows[0].epoch}: {rows[-1].hash.hex()}"
        )
        before = self.log.rows[rows[0].seq - 2]
        try:
            check_chain(before.hash, rows)
        except ChainBroken as broken:
            self.wrong(str(broken))
        if {row.epoch for row in rows} != {self.log.epoch}:
            self.wrong(f"event {rows[0].seq} of epoch {rows[0].epoch} was written in epoch {self.log.epoch}")

    # The story.

    async def run(self) -> Story:
        """From the first start until everybody knows everything, or the time is up."""
        self._loop.set_exception_handler(self._callback_failed)
        machines = [
            asyncio.create_task(work)
            for work in (
                *(host.run() for host in (*self.engines, *self.gateways)),
                *(trader.follow_fills() for trader in self.traders),
            )
        ]
        faults = asyncio.create_task(self._break_things())
        try:
            async with asyncio.timeout(LIMIT_S):
                await asyncio.gather(faults, *(trader.trade() for trader in self.traders))
                while self._behind():
                    await asyncio.sleep(0.5)
        except TimeoutError:
            self.wrong(f"after {LIMIT_S:.0f} s not everybody knows everything: {self._behind()}")
        self._check_the_end()
        for task in machines:
            task.cancel()
        return Story(
            self.seed,
            self._trace.hexdigest(),
            self._wrong,
            sum(row.kind == Fill.kind for row in self.log.rows),
            sum(host.lives for host in (*self.engines, *self.gateways)),
            self.log.epoch,
            self.log.lost_statements,
            self.log.lost_answers,
            self._faults,
        )

    def _callback_failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # Other messages come from the collector of garbage, about what was dropped when a process died.
        if "handle" in context or "protocol" in context:
            self.wrong(f"{context['message']}: {context.get('exception')!r}")

    async def _break_things(self) -> None:
        moments = sorted(self.chance.uniform(0, FAULTS_UNTIL_S) for _ in range(self.chance.randint(1, 8)))
        for moment in moments:
            await asyncio.sleep(max(0.0, moment - self._loop.time()))
            name, strike = self.chance.choice(self._possible_faults())
            self.trace(f"fault: {name}")
            self._faults.append(f"{self._loop.time():.3f} s: {name}")
            outcome = strike()
            if outcome is not None:
                await outcome
        await asyncio.sleep(max(0.0, FAULTS_UNTIL_S - self._loop.time()))
        self.network.weather.calm()
        self.database_s = 0.0005

    def _possible_faults(self) -> list[tuple[str, Any]]:
        chance = self.chance
        engine, gateway = chance.choice(self.engines), chance.choice(self.gateways)
        faults: list[tuple[str, Any]] = [
            (f"{engine.name} is killed", engine.kill),
            (f"{gateway.name} is killed", gateway.kill),
            (f"a connection to {engine.name} is cut", lambda: self.network.cut(engine.name, chance)),
            ("a snapshot is taken", self._take_snapshot),
            ("the database is slow", lambda: setattr(self, "database_s", 0.1)),
        ]
        if engine.writer is not None:
            session = engine.writer.session
            faults += [
                (f"the database ends the session of {engine.name}", session.end_by_server),
                (
                    f"{engine.name} is cut off from the database",
                    lambda: session.cut(chance.uniform(0, 3), chance.uniform(0, 3)),
                ),
                (f"{engine.name} loses the lease and is not told", lambda: self._steal_lease(session)),
            ]
        return faults

    async def _take_snapshot(self) -> None:
        """As the process of snapshots does: of a state that was folded from the log."""
        store = MemorySnapshots(self.log)
        state = (await recover(MemoryReader(self.log), store)).state
        last = self.log.rows[state.last_seq - 1]
        await store.save(Snapshot(last.seq, last.hash, PROGRAM, snapshot.dump(state)))

    def _steal_lease(self, session: MemorySession) -> None:
        self.log.lease.release(session)
        self._loop.call_later(self.chance.uniform(0, 5), session.end_by_server)

    # What must hold.

    def _behind(self) -> list[str]:
        """Who does not know all of the log."""
        last_seq = len(self.log.rows)
        writing = self._writing()
        if writing is None:
            return ["nobody writes"]
        behind = [host.name for host in (*self.engines, *self._serving()) if host.seq not in {last_seq, None}]
        behind += [host.name for host in self._serving() if host.seq is None]
        return behind + [each.account for each in self.traders if each.fills != self._fills_of(each)]

    def _serving(self) -> list[GatewayHost]:
        """Gateways whose engine writes or stands by; others wait for theirs."""
        return [host for host in self.gateways if self.network.listens(host.engine_address)]

    def _writing(self) -> EngineHost | None:
        holder = self.log.lease.holder
        for host in self.engines:
            if host.engine is not None and host.writer is not None and host.writer.session is holder:
                return host
        return None

    def _fills_of(self, trader: SimulatedTrader) -> list[int]:
        return [
            row.seq
            for row in self.log.rows
            if row.kind == Fill.kind and trader.account in (row.account, row.counterparty)
        ]

    def _check_the_end(self) -> None:
        rows = self.log.rows
        self._wrong += violations(self.history, rows)
        try:
            check_chain(GENESIS, rows)
            state = replay(rows)
            state.check()
        except (ChainBroken, LedgerError) as error:
            self.wrong(repr(error))
            return
        digests = {
            host.name: snapshot.digest(host.state)
            for host in (*self.engines, *self._serving())
            if host.state is not None
        }
        digests["replay"] = snapshot.digest(state)
        if len(set(digests.values())) > 1:
            self.wrong(f"states differ: {digests}")
        for trader in self.traders:
            if trader.fills != self._fills_of(trader):
                self.wrong(
                    f"{trader.account} heard of fills {trader.fills}, the log has {self._fills_of(trader)}"
                )
        self._check_conservation(state)

    def _check_conservation(self, state: State) -> None:
        opening = replay(opening_rows()).ledger.supply
        # Each retirement of the traders is of one unit.
        retired = sum(row.kind == Retired.kind for row in self.log.rows)
        expected = {asset: total - (retired if asset == V19 else 0) for asset, total in opening.items()}
        for asset, total in expected.items():
            owned = sum(
                balances[asset].total for balances in state.ledger.accounts.values() if asset in balances
            )
            if owned != total:
                self.wrong(f"accounts own {owned} of {asset}, it must be {total}")


@functools.cache
def opening_rows() -> tuple[StoredEvent, ...]:
    """The log of a market that was set up, with nobody logged on."""
    market = Market()
    return tuple(seal(market.recorded, 1, GENESIS))


def tell(seed: int) -> Story:
    """Run a seed."""
    loop = VirtualLoop()
    try:
        with capture_logs():
            world = World(seed, loop)
            try:
                return loop.run_until_complete(world.run())
            except NothingLeft:
                raise AssertionError(f"seed {seed}: everybody waits for ever") from None
            finally:
                cancel_all(loop)
    finally:
        loop.close()


def cancel_all(loop: VirtualLoop) -> None:
    """Nobody of a story that is over goes on."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
