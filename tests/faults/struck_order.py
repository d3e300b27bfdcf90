"""One order that rests, one that trades with it and is struck on its way, and what a new engine says about it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from exchange.domain import snapshot
from exchange.domain.commands import PlaceOrder
from exchange.domain.events import Fill, OrderAccepted
from exchange.engine.client import EngineClient
from exchange.log.migrations import migrate
from tests.exchange.engine.running import events_of, running
from tests.faults.doomed_engine import Step, Strike
from tests.faults.history import History, Request, read_log, replay, violations
from tests.faults.trading import log_on, place
from tests.market import ALPHA, BETA, Trader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from exchange.log.record import StoredEvent

_COMMANDS_BEFORE = 4
"""`writer_started`, two sessions, and the order that rests; all but the first are acknowledged."""


def strike_at(step: Step, postmaster: int = 0) -> Strike:
    """Strike when the order that trades comes to a step."""
    acks_only = step in (Step.BEFORE_ACK, Step.AFTER_ACK)
    return Strike(step, _COMMANDS_BEFORE if acks_only else _COMMANDS_BEFORE + 1, postmaster)


async def set_up_market(dsn: str) -> None:
    """Write the log of a market that was set up, in epoch 1."""
    await migrate(dsn)
    async with running(dsn):
        pass


class StruckOrder:
    """The scene: what two participants asked and were told. The order is for all that the other one sells."""

    def __init__(self, sells: int = 1) -> None:
        self.history = History()
        self._sells = sells
        self._buyer: Trader | None = None

    @asynccontextmanager
    async def connected(self, socket: Path) -> AsyncIterator[EngineClient]:
        """Both participants over one connection; the orders to sell rest and are acknowledged."""
        client = await EngineClient.connect(socket)
        client.listen(self.history.new_feed())
        seller = await log_on(self.history, client, "alpha-key", ALPHA)
        self._buyer = await log_on(self.history, client, "beta-key", BETA)
        assert seller is not None
        sells = (
            place(self.history, client, seller.place_command(seller.sell(5, 1000)), seller)
            for _ in range(self._sells)
        )
        for request in await asyncio.gather(*sells):
            assert request.answer is not None
            assert [OrderAccepted] == [type(event) for event in events_of(request.answer)]
        try:
            yield client
        finally:
            await client.close()

    async def buy(self, client: EngineClient) -> Request:
        """Send the order that trades."""
        assert self._buyer is not None
        command = self._buyer.place_command(self._buyer.buy(5 * self._sells, 1000))
        return await place(self.history, client, command, self._buyer)

    async def send_again(self, dsn: str, struck: Request) -> list[StoredEvent]:
        """Send the order again, to a new engine, then hold the whole history against the log. Answers what the log was before.

        The order is in the log once, with all its trades, and is called a repetition exactly if it was there before.
        """
        async with running(dsn) as successor:
            recovered = await read_log(dsn)
            successor.engine.listen(self.history.new_feed())
            trader = await log_on(self.history, successor.engine, "beta-key", BETA)
            assert trader is not None
            assert isinstance(struck.command, PlaceOrder)
            again = await place(self.history, successor.engine, struck.command, trader)
        rows = await read_log(dsn)
        assert [] == violations(self.history, rows)
        assert snapshot.digest(replay(rows)) == snapshot.digest(successor.venue.state)
        assert 3 == successor.engine.epoch == rows[-1].epoch
        assert self._sells == fills(rows)
        assert again.answer is not None
        assert bool(fills(recovered)) is bool(again.answer.duplicate_of)
        return recovered


def fills(rows: list[StoredEvent]) -> int:
    """How many trades are in a log."""
    return sum(row.kind == Fill.kind for row in rows)
