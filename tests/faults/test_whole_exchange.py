"""The whole of `exchange up` with participants at its websocket, while one process after the other is killed with -9."""

from __future__ import annotations

import asyncio
import random
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exchange.domain import snapshot
from exchange.domain.events import CancelReason, Fill, OrderCancelled
from exchange.domain.orders import Side
from exchange.engine.client import EngineClient
from exchange.log.embedded import EmbeddedPostgres, find_running
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from gateway.websocket.client import ExchangeClient, SigningKey
from tests.exchange.operations.running import RunningExchange, has_ended
from tests.exchange.registry.settled import check, check_checkpoint, rebuilt, settle
from tests.faults.history import read_log, replay
from tests.faults.killing import kill_postgres
from tests.faults.websocket_history import ORDER_KINDS, WebsocketHistory, violations
from tests.faults.websocket_trading import WebsocketParticipant
from tests.market import ALPHA, BETA, GAMMA, KEYS, PROJECT, opening_commands
from tests.waiting import eventually

if TYPE_CHECKING:
    from exchange.log.record import StoredEvent

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

SIGNING_KEYS = {key_id: SigningKey.generate(key_id) for key_id in KEYS}


ANSWERS_BETWEEN_KILLS = 80
STANDSTILL_S = 15


def last_pushes(rows: list[StoredEvent], account: str) -> tuple[int, int]:
    """Seqs of the last fill and of the last event of an order that concern an account."""
    ours = [row for row in rows if account in (row.account, row.counterparty)]
    fills = [row.seq for row in ours if row.kind == Fill.kind]
    return fills[-1], [row.seq for row in ours if row.kind in ORDER_KINDS][-1]


async def open_market(socket: str) -> None:
    """What an operator does once."""
    public_keys = {key_id: key.public_hex for key_id, key in SIGNING_KEYS.items()}
    client = await EngineClient.connect(Path(socket))
    await asyncio.gather(*(client.submit(command) for command in opening_commands(public_keys)))
    await client.close()


class Victim(StrEnum):
    """What is killed."""

    ALL_GATEWAYS = "all gateways"
    GATEWAY = "a gateway"
    ENGINE = "the engine"
    POSTGRES = "Postgres"
    SNAPSHOTS = "the snapshots' process"
    SETTLEMENT = "the settlement process"
    EVERYTHING = "everything"


class Scene:
    """An exchange, its participants, and what they were told; the exchange may be started several times."""

    def __init__(self, data_dir: Path, seed: int, gateways: int) -> None:
        self.history = WebsocketHistory()
        self.data_dir = data_dir
        self._options = ("--gateways", str(gateways))
        self._chance = random.Random(seed)
        self._exchange: RunningExchange
        self._crowd = [
            WebsocketParticipant(
                SIGNING_KEYS[key_id], account, self.history, random.Random(f"{seed} {account}")
            )
            for key_id, account in (("alpha-key", ALPHA), ("beta-key", BETA), ("gamma-key", GAMMA))
        ]
        self._trading: list[asyncio.Task[None]] = []
        self._leaver: ExchangeClient | None = None
        self._closed = False

    async def start(self) -> None:
        """Start the exchange, and trading."""
        self._exchange = await RunningExchange.start(self.data_dir, *self._options)
        await open_market(self._exchange.facts["socket"])
        for participant in self._crowd:
            await participant.connect(self.url)
        self._trading = [asyncio.create_task(participant.trade()) for participant in self._crowd]

    @property
    def url(self) -> str:
        """The websocket's address; another one after everything was killed."""
        url: str = self._exchange.facts["websocket"]
        return url

    async def trade_on(self) -> None:
        """Return when orders are answered, so that everything must be running again."""
        enough = self.history.answers + ANSWERS_BETWEEN_KILLS
        await eventually(
            lambda: self.history.answers >= enough or any(task.done() for task in self._trading),
            "orders are answered",
            limit_s=90,
        )
        for task in self._trading:
            if task.done():
                task.result()

    async def stand_still(self) -> None:
        """Return when nothing has been answered for some seconds, or `exchange up` has given up."""
        answers, since = self.history.answers, time.monotonic()

        def stands() -> bool:
            nonlocal answers, since
            if self.history.answers != answers:
                answers, since = self.history.answers, time.monotonic()
            return self._exchange.process.returncode is not None or time.monotonic() - since > STANDSTILL_S

        await eventually(stands, "nothing is answered any more", limit_s=90)

    async def start_again_if_ended(self) -> None:
        """What a service manager does."""
        if self._exchange.process.returncode is not None:
            await self._start_again()

    async def _start_again(self) -> None:
        self._exchange = await RunningExchange.start(self.data_dir, *self._options)
        for participant in self._crowd:
            participant.move_to(self.url)

    async def kill(self, victim: Victim) -> None:
        """`kill -9`."""
        exchange = self._exchange
        if victim is Victim.EVERYTHING:
            processes = exchange.descendants()
            exchange.process.kill()
            await exchange.process.wait()
            await eventually(lambda: all(map(has_ended, processes)), "all processes have ended with it")
            await self._start_again()
        elif victim is Victim.POSTGRES:
            kill_postgres(exchange.postmaster().pid)
        elif victim is Victim.GATEWAY:
            self._chance.choice(exchange.children("gateway_process")).kill()
        else:
            module = {
                Victim.ALL_GATEWAYS: "gateway_process",
                Victim.ENGINE: "engine_process",
                Victim.SNAPSHOTS: "snapshot_process",
                Victim.SETTLEMENT: "settlement_process",
            }[victim]
            for process in exchange.children(module):
                process.kill()

    async def stop(self) -> list[StoredEvent]:
        """Let everybody finish, stop the exchange in order, and read its log.

        It must be what everybody was told, and the registry must be what the log says.
        """
        for participant in self._crowd:
            participant.stop()
        async with asyncio.timeout(90):
            await asyncio.gather(*self._trading)
        dsn = find_running(self.data_dir)
        assert dsn is not None
        rows = await read_log(dsn)
        ends = {account: last_pushes(rows, account) for account in (ALPHA, BETA, GAMMA)}
        heard = (self.history.fills, self.history.order_events)
        await eventually(
            lambda: all(
                seqs[account][-1] >= end
                for account in ends
                for seqs, end in zip(heard, ends[account], strict=True)
            ),
            "all is heard on the channels",
        )
        await self.close()
        async with EmbeddedPostgres(self.data_dir) as server:
            rows = await read_log(server.dsn)
            async with await LogReader.open(server.dsn) as reader:
                recovery = await recover(reader, SnapshotStore(server.dsn))
            # Killed shortly before the end, settlement may not have come to it.
            await settle(server.dsn)
            await check_checkpoint(server.dsn)
            await check(server.dsn, recovery.state)
            assert (await rebuilt(server.dsn)).identical
        assert [] == violations(self.history, rows)
        # With whatever snapshots were taken between the deaths.
        assert snapshot.digest(replay(rows)) == snapshot.digest(recovery.state)
        assert () == recovery.problems
        return rows

    async def close(self) -> None:
        """Hang up and stop the exchange; does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        for task in self._trading:
            task.cancel()
        await asyncio.gather(*self._trading, return_exceptions=True)
        for participant in self._crowd:
            await participant.close()
        if self._leaver is not None:
            await self._leaver.close()
        assert 0 == await self._exchange.stop()

    async def leave_an_order(self) -> int:
        """Somebody trades without reconnecting, whose orders are to go when the connection does. Answers the order's id."""
        order = self.history.ask(GAMMA, "leaver", Side.BUY, 1, 600)
        self._leaver = await ExchangeClient.connect(
            self.url, key=SIGNING_KEYS["gamma-key"], cancel_on_disconnect=True
        )
        report = await self._leaver.place_order(
            client_order_id="leaver", instrument=PROJECT.symbol, side=Side.BUY, quantity=1, price="6.00"
        )
        self.history.reported(order, report)
        return report.order_id


async def test_processes_are_killed_one_after_the_other(tmp_path: Path) -> None:
    """Gateways, engine, settlement and Postgres die under trading participants.

    Each finds everything as it was told, every channel gapless, and the registry what the log says.
    """
    scene = Scene(tmp_path / "data", random.randrange(10**6), gateways=2)
    await scene.start()
    try:
        await scene.trade_on()
        left = await scene.leave_an_order()
        for victim in (
            Victim.ALL_GATEWAYS,
            Victim.ENGINE,
            Victim.SETTLEMENT,
            Victim.GATEWAY,
            Victim.POSTGRES,
        ):
            await scene.kill(victim)
            await scene.trade_on()
        rows = await scene.stop()
    finally:
        await scene.close()

    ends = [
        row.to_recorded().event for row in rows if row.kind == OrderCancelled.kind and row.account == GAMMA
    ]
    assert [CancelReason.DISCONNECTED] == [
        event.reason for event in ends if isinstance(event, OrderCancelled) and event.order_id == left
    ]
    # The engine was started for the market, after its own death and after that of Postgres.
    assert 3 == rows[-1].epoch


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("gateways", [0, 2])
async def test_many_processes_are_killed(gateways: int, tmp_path: Path) -> None:
    """Twenty deaths by the seed that pytest prints, three of them of the whole exchange at once."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    others = [Victim.ENGINE, Victim.POSTGRES, Victim.SNAPSHOTS, Victim.SETTLEMENT]
    if gateways:
        others += [Victim.ALL_GATEWAYS, Victim.GATEWAY]
    victims = [victim for _ in range(4) for victim in (*chance.choices(others, k=4), Victim.EVERYTHING)][:-1]
    print(f"seed {seed}: {[victim.value for victim in victims]}")  # noqa: T201 - shown when the test fails
    scene = Scene(tmp_path / "data", seed, gateways)
    await scene.start()
    try:
        await scene.trade_on()
        for victim in victims:
            await scene.kill(victim)
            await scene.trade_on()
        await scene.stop()
    finally:
        await scene.close()
