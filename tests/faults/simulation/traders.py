"""Clients of a simulation: each asks until it knows, and follows its fills without a gap."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import msgspec

from exchange.domain import commands
from exchange.domain.events import OrderAccepted, RequestRefused
from exchange.domain.orders import OrderRequest, Side, TimeInForce
from exchange.domain.rejects import Reject, RejectCode
from exchange.engine.interface import Answer, EngineStopped
from tests.market import PROJECT, V19

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.commands import Command
    from exchange.domain.events import Recorded
    from tests.faults.history import Request
    from tests.faults.simulation.hosts import GatewayHost
    from tests.faults.simulation.world import World

PATIENCE_S = 1.0
"""So long a client waits for an answer before it asks again, perhaps elsewhere."""
WORKERS = 2
"""Commands that a client has open at a time."""


class SimulatedTrader:
    """One key and one account."""

    def __init__(self, world: World, key_id: str, account: str, orders: int) -> None:
        self.key_id = key_id
        self.account = account
        self.fills: list[int] = []
        """Seqs, as they came."""
        self._world = world
        self._chance = Random(f"{world.seed} {account}")
        self._orders = iter(range(orders))
        self._session = 0
        self._accepted: list[str] = []
        self._news = asyncio.Event()

    async def trade(self) -> None:
        """Everything that it wants; afterwards it knows what became of it."""
        await asyncio.gather(*(self._work() for _ in range(WORKERS)))

    async def follow_fills(self) -> None:
        """For ever: go on after the last one wherever a gateway answers."""
        while True:
            self._resume(self._gateway(), self.fills[-1] if self.fills else 0)
            self._news.clear()
            await self._quiet()

    def _resume(self, gateway: GatewayHost, after_seq: int) -> None:
        self._send(
            f"{self.account} resumes after {after_seq}",
            lambda: gateway.resume(self.account, after_seq, self._push_from),
        )

    async def _quiet(self) -> None:
        """Until nothing was heard for a while; then it may be that something was lost."""
        while True:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._news.wait()
            except TimeoutError:
                return
            self._news.clear()

    # Fills.

    def _push_from(self, previous_seq: int, recorded: Recorded) -> None:
        self._send(f"fill {recorded.seq} to {self.account}", lambda: self._heard(previous_seq, recorded))

    def _heard(self, previous_seq: int, recorded: Recorded) -> None:
        self._world.demand_durable(self.account, [recorded])
        if previous_seq == (self.fills[-1] if self.fills else 0):
            self.fills.append(recorded.seq)
            self._news.set()

    # Orders.

    async def _work(self) -> None:
        for number in self._orders:
            await asyncio.sleep(self._chance.expovariate(10))
            await self._ask_until_known(self._command(number))

    def _command(self, number: int) -> Command:
        chance = self._chance
        kind = chance.random()
        if kind < 0.12 and self._accepted:
            return commands.CancelOrder(
                self.key_id, 0, self.account, client_order_id=chance.choice(self._accepted)
            )
        if kind < 0.17:
            return commands.Retire(
                self.key_id, 0, self.account, "Acme", "flights", f"{self.account}-{number}", ((V19, 1),)
            )
        if kind < 0.2:
            return commands.SetCancelAfter(self.key_id, 0, self.account, chance.choice((0, 2 * 10**9)))
        order = OrderRequest(
            client_order_id=f"{self.account}-{number}",
            instrument=PROJECT.symbol,
            side=chance.choice((Side.BUY, Side.SELL)),
            quantity=chance.randint(1, 20),
            price=chance.randint(997, 1003),
            time_in_force=chance.choice((TimeInForce.DAY, TimeInForce.DAY, TimeInForce.IOC)),
        )
        return commands.PlaceOrder(self.key_id, 0, self.account, order)

    async def _ask_until_known(self, command: Command) -> None:
        while True:
            if not self._session:
                await self._log_on()
            request = await self._ask(msgspec.structs.replace(command, session=self._session))
            answer = request.answer
            if answer is None:
                await asyncio.sleep(self._chance.uniform(0, 0.2))
            elif _not_logged_on(answer):
                self._session = 0
            else:
                self._remember(answer)
                return

    async def _log_on(self) -> None:
        request = await self._ask(
            commands.OpenSession(self.key_id, "simulation", self._chance.random() < 0.3)
        )
        if request.answer is not None:
            self._session = request.answer.events[0].seq

    def _remember(self, answer: Answer) -> None:
        for recorded in answer.events:
            if isinstance(recorded.event, OrderAccepted):
                self._accepted.append(recorded.event.order.client_order_id)

    async def _ask(self, command: Command) -> Request:
        """Send once; the answer may come, or not in time."""
        request = self._world.history.sent(self.account, command)
        known = asyncio.Event()

        def heard(outcome: Answer | Exception) -> None:
            if not request.is_open:
                return
            if isinstance(outcome, Answer):
                self._world.demand_durable(self.account, outcome.events, outcome.duplicate_of)
                self._world.history.answered(request, outcome)
            elif isinstance(outcome, Reject):
                self._world.history.refused(request, outcome.code)
            elif not isinstance(outcome, EngineStopped):
                self._world.wrong(f"{self.account} was told {outcome!r}")
            known.set()

        def settle(outcome: Answer | Exception) -> None:
            self._send(f"answer to {self.account}: {outcome!r}", lambda: heard(outcome))

        gateway = self._gateway()
        self._send(f"{self.account} asks {command!r}", lambda: gateway.submit(command, settle))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await known.wait()
        except TimeoutError:
            pass
        return request

    def _gateway(self) -> GatewayHost:
        return self._chance.choice(self._world.gateways)

    def _send(self, what: str, deliver: Callable[[], None]) -> None:
        self._world.network.post(what, deliver)


def _not_logged_on(answer: Answer) -> bool:
    events = [recorded.event for recorded in answer.events]
    return any(
        isinstance(event, RequestRefused) and event.code is RejectCode.UNKNOWN_SESSION for event in events
    )
