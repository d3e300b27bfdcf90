"""Two market makers over FIX and a trader over the websocket, while gateway, engine and Postgres are killed with -9."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from exchange.domain.events import Fill
from exchange.engine.client import EngineClient
from exchange.log.embedded import find_running
from exchange.log.reader import LogReader
from gateway.websocket.client import ExchangeClient, SigningKey
from tests.exchange.operations.running import RunningExchange
from tests.faults.fix_maker import Maker
from tests.faults.killing import kill_postgres
from tests.gateway.fix.fix_exchange import registration, reported, told
from tests.market import ALPHA, BETA, GAMMA, KEYS, PROJECT, opening_commands
from tests.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(300)]

SIGNING_KEYS = {key_id: SigningKey.generate(key_id) for key_id in KEYS}
TRADES_BETWEEN_KILLS = 15


async def take(client: ExchangeClient) -> None:
    """Take what the makers offer, for ever; outcomes that are not known do not matter."""
    number = 0
    while True:
        number += 1
        side, price = ("sell", "9.99") if number % 2 else ("buy", "10.01")
        with contextlib.suppress(Exception):
            await client.place_order(
                client_order_id=f"taker-{number}",
                instrument=PROJECT.symbol,
                side=side,
                quantity=30,
                price=price,
                time_in_force="ioc",
            )
        await asyncio.sleep(0.01)


async def open_market(socket: str) -> None:
    """What an operator does once."""
    public_keys = {key_id: key.public_hex for key_id, key in SIGNING_KEYS.items()}
    client = await EngineClient.connect(Path(socket))
    commands = [
        *opening_commands(public_keys),
        registration("MAKER1", ALPHA, cancels_on_disconnect=False),
        registration("MAKER2", BETA),
    ]
    await asyncio.gather(*(client.submit(command) for command in commands))
    await client.close()


async def test_makers_and_traders_lose_nothing(tmp_path: Path) -> None:
    """Everybody sees their trades in the order of the log, each once, whatever was killed in the middle."""
    data_dir = tmp_path / "data"
    async with await RunningExchange.start(data_dir, "--gateways", "1", "--fix", "127.0.0.1:0") as exchange:
        await open_market(exchange.facts["socket"])
        port = int(exchange.facts["fix"].rpartition(":")[2])
        makers = [Maker(comp_id, lambda: port) for comp_id in ("MAKER1", "MAKER2")]
        trader = await ExchangeClient.connect(
            exchange.facts["websocket"], key=SIGNING_KEYS["gamma-key"], reconnect=True
        )
        fills = await trader.fills(GAMMA, from_seq=0)
        heard: list[str] = []

        async def listen() -> None:
            async for push in fills:
                heard.append(str(push.data.trade_id))  # noqa: PERF401 - others look at it meanwhile

        making = [asyncio.create_task(maker.make()) for maker in makers]
        working = [*making, asyncio.create_task(take(trader)), asyncio.create_task(listen())]

        async def trade_on() -> None:
            enough = [len(maker.trades) + TRADES_BETWEEN_KILLS for maker in makers]
            await eventually(
                lambda: (
                    all(len(maker.trades) >= end for maker, end in zip(makers, enough, strict=True))
                    or any(task.done() for task in working)
                ),
                "both makers trade",
                limit_s=60,
            )
            for task in working:
                if task.done():
                    task.result()

        await trade_on()
        exchange.child("gateway_process").kill()
        await trade_on()
        exchange.child("engine_process").kill()
        await trade_on()
        kill_postgres(exchange.postmaster().pid)
        await trade_on()
        for task in [*making, working[2]]:
            task.cancel()
        await asyncio.gather(*making, working[2], return_exceptions=True)
        dsn = find_running(data_dir)
        assert dsn is not None
        async with await LogReader.open(dsn) as reader:
            events = {
                account: await reader.account_events(account, limit=1_000_000)
                for account in (ALPHA, BETA, GAMMA)
            }
            for maker, account in zip(makers, (ALPHA, BETA), strict=True):
                expected = reported(events[account], maker.comp_id)
                # The last answers are on their way.
                await eventually(lambda: len(told(maker.all)) >= len(expected), "all is reported")  # noqa: B023
                assert expected == told(maker.all)[: len(expected)]
                assert [] == maker.refused
        traded = [str(one.seq) for one in events[GAMMA] if isinstance(one.event, Fill)]
        await eventually(lambda: len(heard) >= len(traded), "all trades are heard")
        assert traded == heard[: len(traded)]
        common = [trade for trade in makers[0].trades if trade in set(heard)]
        assert common == [trade for trade in heard if trade in set(makers[0].trades)]
        working[-1].cancel()
        await trader.close()
        for maker in makers:
            maker.hang_up()
