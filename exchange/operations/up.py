"""`exchange up`: Postgres, engine, gateways, settlement, snapshots and the demo market, kept running until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from exchange.log.embedded import EmbeddedPostgres
from exchange.operations import listening
from exchange.operations.data_folder import Running
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.finding import without_password
from exchange.operations.logs import LogBook
from exchange.operations.options import json_option, run_async, settings_options
from exchange.operations.output import print_facts, print_json
from exchange.operations.supervisor import RESTARTS_A_MINUTE, Plan, Supervisor
from exchange.operations.work import (
    DemoWork,
    EngineWork,
    FixWork,
    GatewayWork,
    SettlementWork,
    SignerWork,
    SnapshotWork,
)

if TYPE_CHECKING:
    import socket

    from exchange.operations.child import Ready
    from exchange.operations.data_folder import RunLock
    from exchange.operations.finding import Exchange

_MINUTE_S: Final = 60.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Up(msgspec.Struct, frozen=True):
    """Where everything is. With --json, `up` prints this object when all is ready."""

    pid: int
    venue_page: str
    http: str
    websocket: str
    fix: str
    """HOST:PORT of FIX; empty: it is not served."""
    socket: str
    """The engine's unix socket, for operators of this machine."""
    dsn: str
    """Address of the database, without its password."""
    data_dir: str
    log: str
    gateways: int
    """Gateway processes; 0: the gateway runs in the engine's process."""
    standby: bool
    """Whether another exchange writes the log, until this one takes over."""
    epoch: int
    seq: int
    """Of the last event when the engine was ready."""
    recovery: str
    demo: dict[str, Any] | None
    """What one needs to trade on the demo market: `url`, `account`, `key_id`, `private_key_file`, `instruments`, `snippet`."""


@click.command()
@click.option(
    "--http",
    metavar="HOST:PORT",
    help="Where HTTP and websocket listen; port 0 picks a free one. Default: 127.0.0.1:8080.",
)
@click.option(
    "--gateways",
    type=int,
    metavar="N",
    help="Gateway processes; 0: in the engine's process. Default: 0 on one or two cores, more above.",
)
@click.option(
    "--standby",
    is_flag=True,
    default=None,
    help="Follow the exchange that writes the database of --dsn, show its market, and take over when it ends.",
)
@click.option(
    "--fix", metavar="HOST:PORT", help="Where FIX 4.4 listens; port 0 picks a free one. Default: nowhere."
)
@click.option("--demo", is_flag=True, default=None, help="Run the demo market with real projects.")
@click.option("--demo-seed", type=int, metavar="N", help="Start of the demo market's random numbers.")
@json_option
@settings_options("http", "gateways", "standby", "fix", "demo", "demo_seed")
def up(exchange: Exchange, *, as_json: bool) -> None:
    """Start the exchange and keep it running until Ctrl-C (or SIGTERM).

    A process that ends is started again. A second Ctrl-C ends everything at once; that loses nothing either.
    """
    settings = exchange.settings
    if settings.standby and (settings.demo or not settings.dsn):
        raise OperationError(
            "--standby needs the --dsn of a server that both exchanges reach, and no --demo", ExitCode.USAGE
        )
    if settings.standby and settings.fix and settings.gateways:
        raise OperationError("--standby serves FIX with --gateways 0 only", ExitCode.USAGE)
    folder = exchange.folder
    folder.make()
    with folder.run_lock() as lock:
        log = LogBook(folder.log_path)
        try:
            sockets = listening.bind(settings.http, max(1, settings.gateways))
            fix = listening.bind(settings.fix, 1)[0] if settings.fix else None
            run_async(_Run(exchange, lock, log, sockets, fix, as_json=as_json).run())
        finally:
            log.close()


class _Run:
    """One run of `exchange up`."""

    def __init__(
        self,
        exchange: Exchange,
        lock: RunLock,
        log: LogBook,
        sockets: list[socket.socket],
        fix: socket.socket | None,
        *,
        as_json: bool,
    ) -> None:
        self._settings = exchange.settings
        self._folder = exchange.folder
        self._lock = lock
        self._log = log
        self._sockets = sockets
        self._fix = fix
        self._as_json = as_json
        self._http = listening.address_of(sockets[0])
        """For people and programs of this machine."""
        self._socket = str(exchange.folder.socket_path())
        self._signer_socket = str(exchange.folder.signer_socket_path())
        self._announced = False
        self._running = Running(
            pid=os.getpid(),
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            gateways=self._settings.gateways,
            demo=self._settings.demo,
        )
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Runs until the end is asked for. Raises OperationError when something essential cannot be kept running."""
        self._lock.tell(self._running)
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._asked_to_stop)
        if self._settings.dsn:
            await self._run_on(self._settings.dsn, None)
        else:
            await self._run_embedded()
        with contextlib.suppress(OSError):
            # Where it lies outside of the data folder nobody else would remove it.
            Path(self._socket).parent.rmdir()
        self._log.tell("stopped")

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def _run_embedded(self) -> None:
        """Runs on the embedded server, which is started again when it ends."""
        ends: deque[float] = deque()
        while not self._stop.is_set():
            postgres = EmbeddedPostgres(self._folder.path)
            first = "" if self._folder.has_server else "; its files are made first"
            self._log.tell(f"starting Postgres in {self._folder.path}{first}")
            starting = asyncio.create_task(postgres.start())
            if not await self._unless_stopped(starting):
                return
            starting.result()
            try:
                ended = await self._run_on(postgres.dsn, postgres)
            finally:
                await postgres.stop()
            if ended:
                now = time.monotonic()
                ends.append(now)
                while ends[0] < now - _MINUTE_S:
                    ends.popleft()
                if len(ends) > RESTARTS_A_MINUTE:
                    raise OperationError(
                        f"Postgres ended {len(ends)} times within a minute; it said last:\n{ended}",
                        ExitCode.GAVE_UP,
                    )
                self._log.tell("Postgres ended and is started again", "warning", said=ended.splitlines()[-1:])

    async def _run_on(self, dsn: str, postgres: EmbeddedPostgres | None) -> str:
        """Runs all processes on a database until the end is asked for; answers "" then.

        When the embedded server ends before, answers the last lines of its log.
        """
        supervisor = Supervisor(self._plans(dsn), self._log)
        serving = asyncio.create_task(self._serve(supervisor, dsn))
        stopping = asyncio.create_task(self._stop.wait())
        watching = asyncio.create_task(postgres.wait()) if postgres else None
        try:
            await asyncio.wait(
                [serving, stopping, *([watching] if watching else [])], return_when=asyncio.FIRST_COMPLETED
            )
            if watching is not None and watching.done() and not self._stop.is_set():
                # What they have not heard of is not in the log; what is, they read again.
                await supervisor.kill()
                return watching.result() or "(nothing)"
            failure = serving.exception() if serving.done() else None
            self._log.tell("stopping")
            await self._stop_in_order(supervisor)
            if failure is not None:
                raise failure
            return ""
        finally:
            for task in (serving, stopping, watching):
                if task is not None:
                    task.cancel()
            await asyncio.gather(serving, stopping, *([watching] if watching else []), return_exceptions=True)
            await supervisor.kill()

    async def _serve(self, supervisor: Supervisor, dsn: str) -> None:
        ready = await supervisor.start()
        if self._announced:
            self._log.tell("everything runs again")
        else:
            self._announced = True
            self._lock.tell(msgspec.structs.replace(self._running, http=self._http))
            self._announce(dsn, ready)
        await supervisor.wait()

    async def _stop_in_order(self, supervisor: Supervisor) -> None:
        stopping = asyncio.create_task(supervisor.stop())
        hurrying = asyncio.create_task(self._hurry.wait())
        await asyncio.wait([stopping, hurrying], return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            self._log.tell("ending everything at once", "warning")
            await supervisor.kill()
        hurrying.cancel()
        await asyncio.gather(stopping, hurrying, return_exceptions=True)

    async def _unless_stopped(self, work: asyncio.Task[None]) -> bool:
        """Waits for work; cancels it when the end is asked for, and answers False then."""
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if work.done():
            return True
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        return False

    def _plans(self, dsn: str) -> list[Plan]:
        """What to run.

        Stages of the start: engine, then who reads from it, then the demo; the stop has gateways before
        the engine, and snapshots and settlement after it, so that they hold everything.
        """
        settings, fds = self._settings, [bound.fileno() for bound in self._sockets]
        in_engine = settings.gateways == 0
        fix = None
        if self._fix is not None:
            fix = FixWork(self._fix.fileno(), settings.fix_tls_certificate, settings.fix_tls_key)
        fix_fds = [fix.listening_fd] if fix else []
        engine_module = "standby_process" if settings.standby else "engine_process"
        engine = EngineWork(
            dsn,
            self._socket,
            settings.venue_name,
            fds[0] if in_engine else None,
            self._signer_socket,
            fix if in_engine else None,
            str(self._folder.heads_path),
        )
        signer = SignerWork(
            dsn,
            self._signer_socket,
            str(self._folder.venue_key_path()),
            str(self._folder.heads_path),
            makes_key=not settings.standby,
        )
        plans = [
            _plan("engine", engine_module, engine, (1, 3), fds=[*fds[:1], *fix_fds] if in_engine else []),
            _plan("snapshots", "snapshot_process", SnapshotWork(dsn, settings.snapshot_every_events), (2, 4)),
            # A registry that cannot be settled is no reason to stop trading: the log has everything.
            _plan("settlement", "settlement_process", SettlementWork(dsn), (2, 4), essential=False),
            # Nor are certificates that cannot be issued.
            _plan("signer", "signer_process", signer, (2, 4), essential=False),
        ]
        for number in range(settings.gateways):
            # Where only one socket can be had for a port, all gateways share it.
            fd = fds[number % len(fds)]
            name = f"gateway-{number + 1}"
            # Numbers of FIX sessions have one keeper.
            served = fix if number == 0 else None
            gateway = GatewayWork(dsn, self._socket, name, fd, self._signer_socket, served)
            plans.append(
                _plan(name, "gateway_process", gateway, (2, 2), fds=[fd, *(fix_fds if served else [])])
            )
        if settings.demo:
            url, keys_dir = f"ws://{self._http}/ws", str(self._folder.make_keys_folder())
            demo = DemoWork(dsn, self._socket, url, keys_dir, settings.demo_seed)
            plans.append(_plan("demo", "demo.demo_process", demo, (3, 1), essential=False))
        return plans

    def _announce(self, dsn: str, ready: dict[str, Ready]) -> None:
        engine = ready["engine"].facts
        demo = ready.get("demo")
        facts = Up(
            pid=os.getpid(),
            venue_page=f"http://{self._http}/",
            http=f"http://{self._http}",
            websocket=f"ws://{self._http}/ws",
            fix=listening.address_of(self._fix) if self._fix else "",
            socket=self._socket,
            dsn=without_password(dsn),
            data_dir=str(self._folder.path),
            log=str(self._folder.log_path),
            gateways=self._settings.gateways,
            standby=self._settings.standby,
            epoch=engine["epoch"],
            seq=engine["seq"],
            recovery=engine["recovery"],
            demo=demo.facts if demo else None,
        )
        if self._as_json:
            print_json(facts)
            return
        doing = "is standing by" if facts.standby else "is running"
        click.echo(click.style(f"\n{self._settings.venue_name} {doing}.", bold=True))
        print_facts(
            [
                ("page", facts.venue_page),
                ("websocket", facts.websocket),
                ("HTTP", facts.http),
                ("FIX", facts.fix or "not served"),
                ("engine socket", facts.socket),
                ("Postgres", facts.dsn),
                ("data folder", facts.data_dir),
                ("log file", facts.log),
                ("gateways", facts.gateways or "in the engine's process"),
                ("recovery", facts.recovery),
            ]
        )
        if facts.demo:
            click.echo(_how_to_trade(facts.demo))
        where = f" --dsn '{facts.dsn}'" if self._settings.dsn else f" --data-dir {facts.data_dir}"
        click.echo(f"\nStop with Ctrl-C. In another terminal: {sys.argv[0]} status{where}\n")


def _plan(
    name: str,
    module: str,
    work: msgspec.Struct,
    stages: tuple[int, int],
    *,
    fds: list[int] | None = None,
    essential: bool = True,
) -> Plan:
    return Plan(
        name=name,
        # -P: no module of the folder that we happen to be started in.
        command=[sys.executable, "-P", "-m", f"exchange.operations.{module}"],
        work=msgspec.json.encode(work),
        start_stage=stages[0],
        stop_stage=stages[1],
        pass_fds=tuple(fds or ()),
        essential=essential,
    )


def _how_to_trade(demo: dict[str, Any]) -> str:
    snippet = "".join(f"    {line}\n" for line in demo["snippet"].splitlines())
    return (
        f"\nTrade on the demo market as account {demo['account']} with the key {demo['key_id']}. Its private half is in\n"
        f"  {demo['private_key_file']}\n"
        f"Log on with it at the page, or in Python ({sys.executable}):\n\n{snippet}"
    )
