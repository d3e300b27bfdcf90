"""Participants who trade through crashes: they send, and send again what was not answered, until they know what became of it."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import msgspec

from exchange.domain import commands
from exchange.domain.events import OrderAccepted
from exchange.domain.orders import TimeInForce
from exchange.engine.client import EngineClient, EngineUnreachable
from tests.exchange.engine.running import market_for_ids
from tests.market import V19, Trader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from exchange.domain.commands import PlaceOrder, TradingCommand
    from exchange.engine.interface import EnginePort
    from tests.faults.history import History, Request

WORKERS = 4
"""Commands that one participant has open at a time."""


async def log_on(history: History, port: EnginePort, key_id: str, account: str) -> Trader | None:
    """Open a session; None when the engine is gone."""
    request = await history.ask(account, port, commands.OpenSession(key_id, "faults"))
    if request.answer is None:
        return None
    return Trader(market_for_ids, key_id, request.answer.events[0].seq, account)


async def place(history: History, port: EnginePort, command: PlaceOrder, trader: Trader) -> Request:
    """Send an order in the session that is open now."""
    return await history.ask(command.account, port, msgspec.structs.replace(command, session=trader.session))


class Participant:
    """Trades at random, through as many lives of the engine as it takes, and forgets nothing unanswered."""

    def __init__(self, key_id: str, account: str, history: History, chance: Random) -> None:
        self._key_id = key_id
        self._account = account
        self._history = history
        self._chance = chance
        self._unanswered: dict[int, TradingCommand] = {}
        """By number, oldest first; all can be sent again."""
        self._next_number = 0
        self._accepted: list[str] = []

    @property
    def unanswered(self) -> list[TradingCommand]:
        """What the participant does not know the outcome of."""
        return list(self._unanswered.values())

    async def trade(self, socket: Path, count: int | None = None) -> None:
        """Connect, send again what is unanswered, then `count` new commands or without end; returns when the engine is gone."""
        try:
            client = await EngineClient.connect(socket)
        except EngineUnreachable:
            return
        client.listen(self._history.new_feed())
        trader = await log_on(self._history, client, self._key_id, self._account)
        if trader is not None:
            await asyncio.gather(*(self._send(client, trader, number) for number in list(self._unanswered)))
            fresh: Iterator[object] = itertools.count() if count is None else iter(range(count))
            await asyncio.gather(*(self._work(client, trader, fresh) for _ in range(WORKERS)))
        await client.close()

    async def _work(self, client: EngineClient, trader: Trader, fresh: Iterator[object]) -> None:
        for _ in fresh:
            self._next_number += 1
            number = self._next_number
            self._unanswered[number] = self._command(trader, number)
            if not await self._send(client, trader, number):
                return

    async def _send(self, client: EngineClient, trader: Trader, number: int) -> bool:
        """Whether it was answered."""
        command = msgspec.structs.replace(self._unanswered[number], session=trader.session)
        request = await self._history.ask(self._account, client, command)
        if request.is_open:
            return False
        del self._unanswered[number]
        if request.answer is not None:
            self._accepted += [
                recorded.event.order.client_order_id
                for recorded in request.answer.events
                if isinstance(recorded.event, OrderAccepted)
            ]
        return True

    def _command(self, trader: Trader, number: int) -> TradingCommand:
        """An order close to the middle (four of five), a cancel of one of its own, or a retirement."""
        kind = self._chance.random()
        if kind < 0.15 and self._accepted:
            return commands.CancelOrder(
                trader.key_id, 0, self._account, client_order_id=self._chance.choice(self._accepted)
            )
        if kind < 0.2:
            return trader.retire_command(V19, self._chance.randint(1, 3), f"{self._account}-{number}")
        make = self._chance.choice((trader.buy, trader.sell))
        order = make(
            self._chance.randint(1, 20),
            self._chance.randint(995, 1005),
            client_order_id=f"{self._account}-{number}",
            time_in_force=self._chance.choice((TimeInForce.DAY, TimeInForce.DAY, TimeInForce.IOC)),
        )
        return trader.place_command(order)
