"""The exchange as it is run, `exchange up --gateways 0` in processes of its own, with a market for load tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.domain import commands
from exchange.domain.events import RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR, Role
from exchange.domain.making.forms import RegisterFixSession
from exchange.domain.orders import Side, TimeInForce
from exchange.domain.serials import SerialBlock
from exchange.engine.client import EngineClient
from exchange.log import lease
from exchange.operations.errors import Refused
from gateway.fix.passwords import hash_password, new_password
from gateway.websocket.client import ExchangeClient, SigningKey
from loadtest import fix_maker, order_mix

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchange.domain.commands import Command
    from loadtest.fix_maker import FixMaker

COMMAND: Final = "exchange up --gateways 0"
_PROGRAM: Final = "from exchange.operations.cli import main; main(prog_name='exchange')"
_START_LIMIT_S: Final = 120
_STOP_LIMIT_S: Final = 60
_CASH: Final = 10**14
_UNITS: Final = 10**11


class _Facts(msgspec.Struct):
    """What `exchange up --json` says about itself; it says more."""

    websocket: str
    fix: str
    socket: str


class ExchangeUnderTest:
    """A running exchange."""

    def __init__(
        self, url: str, fix: str, engine_socket: Path, process_id: int, engine_process_id: int
    ) -> None:
        self.url = url
        """Of the websocket."""
        self.fix = fix
        """HOST:PORT of FIX, where it is served."""
        self.process_id = process_id
        """Of `exchange up` itself, the parent of all its processes."""
        self.engine_process_id = engine_process_id
        """Of the process that engine and gateway share."""
        self._engine_socket = engine_socket
        self._traders = 0

    async def admit_trader(self) -> SigningKey:
        """Gives the key of a new participant with one account, cash and units in plenty.

        The key is a market maker's, and new, so that its rate limits begin with a full bucket.
        """
        self._traders += 1
        name = f"trader-{self._traders}"
        key = SigningKey.generate(f"{name}-key")
        credit_class = order_mix.CREDIT_CLASS
        block = SerialBlock(credit_class.registry, name, 1, _UNITS)
        await self.operate(
            commands.AdmitParticipant(LOCAL_OPERATOR, name, name),
            commands.OpenAccount(LOCAL_OPERATOR, name, name),
            commands.RegisterKey(LOCAL_OPERATOR, key.key_id, name, Role.MARKET_MAKER, key.public_hex),
            commands.DepositCash(LOCAL_OPERATOR, name, order_mix.INSTRUMENT.currency, _CASH, "cash"),
            commands.DepositUnits(LOCAL_OPERATOR, name, credit_class.class_id, _UNITS, (block,), "units"),
        )
        return key

    async def connect_fix_maker(self) -> FixMaker:
        """A new participant's FIX session, logged on; its orders end with it."""
        await self.admit_trader()
        account = f"trader-{self._traders}"
        comp_id, password = f"FIX-{self._traders}", new_password()
        await self.operate(
            RegisterFixSession(LOCAL_OPERATOR, comp_id, account, Role.MARKET_MAKER, hash_password(password))
        )
        return await fix_maker.connect(self.fix, comp_id, password)

    async def connect_trader(self) -> ExchangeClient:
        """A new participant's connection, logged on."""
        return await ExchangeClient.connect(self.url, key=await self.admit_trader())

    async def operate(self, *given: Command) -> None:
        """Carries out operators' commands; raises Refused."""
        # Connected no longer than that: the engine sends all events to everybody on its socket.
        engine = await EngineClient.connect(self._engine_socket)
        try:
            answers = await asyncio.gather(*(engine.submit(command) for command in given))
        finally:
            await engine.close()
        for answer in answers:
            for recorded in answer.events:
                if isinstance(recorded.event, RequestRefused):
                    raise Refused(recorded.event.code, recorded.event.message)


@contextlib.asynccontextmanager
async def running_exchange(dsn: str, *options: str) -> AsyncIterator[ExchangeUnderTest]:
    """Runs an exchange on an empty database until the block is left; its market is open and quoted.

    `options`: further ones of `exchange up`.
    """
    with tempfile.TemporaryDirectory() as folder:
        process = await _start(Path(folder), dsn, options)
        try:
            facts = await _facts(process, Path(folder))
            holder = await lease.current(dsn)
            if holder is None:
                raise RuntimeError("no engine writes the log")
            exchange = ExchangeUnderTest(
                facts.websocket, facts.fix, Path(facts.socket), process.pid, holder.writer.pid
            )
            await _open_market(exchange)
            yield exchange
        finally:
            await _stop(process)


@contextlib.asynccontextmanager
async def standing_by(dsn: str, *options: str) -> AsyncIterator[str]:
    """Runs a standby of the exchange that writes a database until the block is left; gives the URL of its websocket."""
    with tempfile.TemporaryDirectory() as folder:
        process = await _start(Path(folder), dsn, ("--standby", *options))
        try:
            yield (await _facts(process, Path(folder))).websocket
        finally:
            await _stop(process)


async def _start(folder: Path, dsn: str, options: tuple[str, ...]) -> asyncio.subprocess.Process:
    with (folder / "stderr").open("wb") as stderr:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", _PROGRAM, "up", "--gateways", "0"),
            *("--http", "127.0.0.1:0", "--data-dir", str(folder / "data"), "--json", *options),
            # Not on the command line, where every user of the machine could read a password in it.
            env={**os.environ, "EXCHANGE_DSN": dsn},
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )


async def _facts(process: asyncio.subprocess.Process, folder: Path) -> _Facts:
    if process.stdout is None:
        raise RuntimeError("exchange up has no stdout")
    async with asyncio.timeout(_START_LIMIT_S):
        line = await process.stdout.readline()
    if not line:
        raise RuntimeError(f"exchange up ended: {(folder / 'stderr').read_text()}")
    return msgspec.json.decode(line, type=_Facts)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_LIMIT_S):
            await process.wait()
    except TimeoutError:
        process.kill()


async def _open_market(exchange: ExchangeUnderTest) -> None:
    """Lists the instrument and quotes it; the quoter's orders stay when its connection ends."""
    await exchange.operate(
        commands.RegisterClass(LOCAL_OPERATOR, order_mix.CREDIT_CLASS),
        commands.ListInstrument(LOCAL_OPERATOR, order_mix.INSTRUMENT),
    )
    async with await exchange.connect_trader() as quoter:
        for side, price_ticks in ((Side.BUY, order_mix.BID_TICKS), (Side.SELL, order_mix.ASK_TICKS)):
            await quoter.place_order(
                client_order_id=f"quote-{side.value}",
                instrument=order_mix.INSTRUMENT.symbol,
                side=side,
                quantity=order_mix.QUOTED,
                price=order_mix.INSTRUMENT.ticks_to_price(price_ticks),
                time_in_force=TimeInForce.GTC,
            )
