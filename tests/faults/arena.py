"""Two exchanges on one Postgres, one of them standing by, with participants at their websockets and a network that can break.

Everything is real: `exchange up` twice in processes of its own, a Postgres of its own, sockets. Between the exchanges and the
database, and between participants and gateways, stand proxies.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import psutil

from exchange.domain import snapshot
from exchange.domain.events import Fill
from exchange.domain.state import State
from exchange.engine.client import EngineClient
from exchange.log import lease
from exchange.log.postgres_cluster import DATABASE
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.reexecution import Reexecution
from exchange.log.snapshots import SnapshotStore
from gateway.websocket.client import SigningKey
from tests.exchange.operations.running import RunningExchange, has_ended
from tests.exchange.registry.settled import check, check_checkpoint, rebuilt, settle
from tests.faults.conftest import BreakableServer
from tests.faults.fix_maker import Maker
from tests.faults.history import read_log, replay
from tests.faults.priority import PriorityCheck
from tests.faults.tcp_proxy import FaultProxy
from tests.faults.websocket_history import ORDER_KINDS, WebsocketHistory, violations
from tests.faults.websocket_trading import WebsocketParticipant
from tests.gateway.fix.fix_exchange import registration, reported, told
from tests.market import ALPHA, ALPHA_2, BETA, GAMMA, KEYS, opening_commands
from tests.waiting import eventually

if TYPE_CHECKING:
    from exchange.log.record import StoredEvent

ACCOUNTS = (ALPHA, BETA, GAMMA)
MAKER = "MAKER1"
"""Trades over FIX for an account of its own."""
ANSWERS_BETWEEN_FAULTS = 40
TRADE_LIMIT_S = 120
SNAPSHOT_EVERY_EVENTS = 500


class Site:
    """One of the two exchanges: where it runs, and the proxy before its gateways."""

    def __init__(
        self, data_dir: Path, exchange: RunningExchange, proxy: FaultProxy, *, stands_by: bool
    ) -> None:
        self.data_dir = data_dir
        self.exchange = exchange
        self.proxy = proxy
        self.stands_by = stands_by
        """Whether it was started with --standby: it can have become the writer since."""

    @property
    def url(self) -> str:
        """Where participants connect."""
        return self.proxy.dsn.replace("@", "")


class Arena:
    """The two exchanges, `home` being the one whose gateways the participants use."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._keys = {key_id: SigningKey.generate(key_id) for key_id in KEYS}
        self._stack = contextlib.AsyncExitStack()
        self.history = WebsocketHistory()
        self.server = BreakableServer(folder / "server")
        self.crowd = [
            WebsocketParticipant(
                self._keys[key_id], account, self.history, random.Random(f"{seed} {account}")
            )
            for key_id, account in zip(("alpha-key", "beta-key", "gamma-key"), ACCOUNTS, strict=True)
        ]
        self.maker = Maker(MAKER, lambda: int(self.home.exchange.facts["fix"].rpartition(":")[2]))
        self.history.elsewhere = {ALPHA_2}
        self.database: FaultProxy
        self.sites: list[Site] = []
        self.home: Site
        self._trading: list[asyncio.Task[None]] = []
        self._making: asyncio.Task[None] | None = None

    @property
    def direct_dsn(self) -> str:
        """The database without the proxy."""
        return self.server.dsn_of(DATABASE)

    async def start(self) -> None:
        """Start everything, and trading."""
        await self.server.start()
        self.database = await self._stack.enter_async_context(FaultProxy(self.direct_dsn))
        self.sites = [await self._start_site("first")]
        self.home = self.sites[0]
        await self._open_market()
        self.sites.append(await self._start_site("second", "--standby"))
        for participant in self.crowd:
            await participant.connect(self.home.url)
        self._trading = [asyncio.create_task(participant.trade()) for participant in self.crowd]
        self._making = asyncio.create_task(self.maker.make())

    async def _start_site(self, name: str, *options: str) -> Site:
        data_dir = self._folder / name / "data"
        data_dir.parent.mkdir(exist_ok=True)
        (data_dir.parent / "exchange.toml").write_text(f"snapshot_every_events = {SNAPSHOT_EVERY_EVENTS}\n")
        # A standby serves FIX in its engine's process.
        gateways = "0" if options else "1"
        exchange = await RunningExchange.start(
            data_dir, "--dsn", self.database.dsn, "--gateways", gateways, "--fix", "127.0.0.1:0",
            "--config", str(data_dir.parent / "exchange.toml"), *options,
        )  # fmt: skip
        proxy = await self._stack.enter_async_context(FaultProxy(exchange.facts["websocket"]))
        return Site(data_dir, exchange, proxy, stands_by=bool(options))

    async def _open_market(self) -> None:
        public_keys = {key_id: key.public_hex for key_id, key in self._keys.items()}
        client = await EngineClient.connect(Path(self.home.exchange.facts["socket"]))
        commands = [*opening_commands(public_keys), registration(MAKER, ALPHA_2, cancels_on_disconnect=False)]
        await asyncio.gather(*(client.submit(command) for command in commands))
        await client.close()

    async def trade_on(self) -> None:
        """Return when orders are answered: everything that is needed for trading runs again.

        Participants move to the exchange that writes when theirs only stands by.
        """
        enough = self.history.answers + ANSWERS_BETWEEN_FAULTS

        async def answered() -> bool:
            if self.history.answers < enough and self.home.stands_by:
                await self._follow_the_writer()
            return self.history.answers >= enough or any(task.done() for task in self._trading)

        await eventually(answered, "orders are answered", limit_s=TRADE_LIMIT_S)
        for task in (*self._trading, self._making):
            if task is not None and task.done():
                task.result()

    async def _follow_the_writer(self) -> None:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with asyncio.timeout(5):
                holder = await lease.current(self.direct_dsn)
            if holder is not None:
                (writer,) = [s for s in self.sites if s.exchange.facts["socket"] == holder.writer.socket]
                if writer is not self.home:
                    self.move_to(writer)

    def move_to(self, site: Site) -> None:
        """Everybody connects there instead."""
        left, self.home = self.home, site
        for participant in self.crowd:
            participant.move_to(site.url)
        left.proxy.cut()
        self.maker.hang_up()

    async def writer_process(self) -> psutil.Process:
        """The engine that holds the lease."""
        found: list[psutil.Process] = []

        async def is_there() -> bool:
            holder = await lease.current(self.direct_dsn)
            if holder is not None:
                found.append(psutil.Process(holder.writer.pid))
            return bool(found)

        await eventually(is_there, "somebody writes")
        return found[0]

    def other(self, site: Site) -> Site:
        """The exchange that is not this one."""
        return self.sites[1 - self.sites.index(site)]

    def processes(self, module: str) -> list[psutil.Process]:
        """All processes of both exchanges that run a module."""
        return [process for site in self.sites for process in site.exchange.children(module)]

    def postgres_processes(self) -> list[psutil.Process]:
        """The server's first process and all others."""
        postmaster = psutil.Process(self.server.postmaster_id)
        return [postmaster, *postmaster.children(recursive=True)]

    async def kill_site(self, site: Site) -> None:
        """`kill -9` of a whole exchange: the other one writes, and this one is started again to stand by."""
        processes = site.exchange.descendants()
        site.exchange.process.kill()
        await site.exchange.process.wait()
        await eventually(lambda: all(map(has_ended, processes)), "all processes have ended with it")
        if site is self.home:
            self.move_to(self.other(site))
            await self.trade_on()
        place = self.sites.index(site)
        self.sites[place] = await self._start_site(site.data_dir.parent.name, "--standby")

    async def kill_server(self) -> None:
        """`kill -9` of Postgres, which is started again at another port."""
        self.server.kill()
        await self.server.start_again()
        self.database.retarget(self.direct_dsn)

    async def finish(self) -> list[StoredEvent]:
        """Let everybody learn what became of everything, stop both exchanges, and hold the whole history against the log."""
        for participant in self.crowd:
            participant.stop()

        async def all_done() -> bool:
            if self.home.stands_by:
                await self._follow_the_writer()
            return all(task.done() for task in self._trading)

        await eventually(all_done, "nothing is unanswered", limit_s=TRADE_LIMIT_S)
        await asyncio.gather(*self._trading)
        await self._stop_making()
        await self._hear_everything()
        for participant in self.crowd:
            await participant.close()
        for site in (self.other(self.home), self.home):
            assert 0 == await site.exchange.stop()
        return await self._check()

    async def _stop_making(self) -> None:
        """The maker comes back once more, and must have been told all that concerns it, each event once and in order."""
        assert self._making is not None
        self._making.cancel()
        await asyncio.gather(self._making, return_exceptions=True)
        self.maker.hang_up()
        await self.maker.come_back()
        async with await LogReader.open(self.direct_dsn) as reader:
            expected = reported(await reader.account_events(ALPHA_2, limit=1_000_000), MAKER)
        await eventually(lambda: len(told(self.maker.all)) >= len(expected), "all is reported to the maker")
        assert expected == told(self.maker.all)[: len(expected)]
        self.maker.hang_up()

    async def _hear_everything(self) -> None:
        rows = await read_log(self.direct_dsn)
        lasts = [
            (seqs[account], [row.seq for row in rows if row.kind in kinds and _concerns(row, account)][-1:])
            for seqs, kinds in ((self.history.fills, (Fill.kind,)), (self.history.order_events, ORDER_KINDS))
            for account in ACCOUNTS
        ]

        def heard() -> bool:
            return all(seqs[-1:] == last for seqs, last in lasts)

        await eventually(heard, "all is heard on the channels")

    async def _check(self) -> list[StoredEvent]:
        dsn = self.direct_dsn
        rows = await read_log(dsn)
        async with await LogReader.open(dsn) as reader:
            recovery = await recover(reader, SnapshotStore(dsn))
        assert [] == violations(self.history, rows)
        assert snapshot.digest(replay(rows)) == snapshot.digest(recovery.state)
        assert () == recovery.problems
        again = Reexecution(State())
        assert (None, None, 0) == (again.feed(rows), again.finish(), again.replayed)
        priority = PriorityCheck()
        priority.feed(row.to_recorded() for row in rows)
        assert [] == priority.violations
        assert 0 < priority.trades
        # Whoever settled may have been given up, having died too often: what is missing follows now.
        await settle(dsn)
        await check_checkpoint(dsn)
        await check(dsn, recovery.state)
        assert (await rebuilt(dsn)).identical
        return rows

    async def close(self) -> None:
        """End everything; does nothing the second time."""
        tasks = [*self._trading, *([self._making] if self._making else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.maker.hang_up()
        for participant in self.crowd:
            with contextlib.suppress(AttributeError):
                await participant.close()
        for site in self.sites:
            with contextlib.suppress(ProcessLookupError):
                site.exchange.process.kill()
            await site.exchange.process.wait()
        await self._stack.aclose()
        await self.server.stop()


def _concerns(row: StoredEvent, account: str) -> bool:
    return account in (row.account, row.counterparty)
