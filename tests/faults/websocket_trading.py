"""Participants at the websocket who trade through crashes: they reconnect, send again, and listen without a gap."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from exchange.domain.orders import Side
from exchange.domain.rejects import RejectCode
from gateway.websocket.client import ExchangeClient, NotConnected, OutcomeUnknown, RejectedError
from tests.market import PROJECT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from random import Random

    from gateway.results import OrderReport
    from gateway.websocket.client import SigningKey
    from gateway.websocket.pushes import FillsPush, OrdersPush
    from tests.faults.websocket_history import AskedOrder, WebsocketHistory

WORKERS = 4
"""Orders that one participant has open at a time."""
PAUSE_S = 0.02
"""Before a participant asks again who was told to come back later."""

COME_BACK_LATER = {
    RejectCode.UNAVAILABLE,
    RejectCode.BUSY,
    RejectCode.RATE_LIMITED,
    RejectCode.NOT_LOGGED_ON,
    RejectCode.READ_ONLY,
}


class WebsocketParticipant:
    """Trades at random until it is told to stop; knows then what became of everything."""

    def __init__(self, key: SigningKey, account: str, history: WebsocketHistory, chance: Random) -> None:
        self._key = key
        self._account = account
        self._history = history
        self._chance = chance
        self._accepted: list[AskedOrder] = []
        self._orders = 0
        self._stopping = False
        self._client: ExchangeClient
        self._readers: list[asyncio.Task[None]] = []

    async def connect(self, url: str) -> None:
        """Log on, and subscribe to the account's channels from the beginning of the log."""
        self._client = await ExchangeClient.connect(url, key=self._key, reconnect=True)
        fills = await self._client.fills(self._account, from_seq=0)
        orders = await self._client.orders(self._account, from_seq=0)
        self._readers = [
            asyncio.create_task(_read(fills, self._history.fills.setdefault(self._account, []))),
            asyncio.create_task(_read(orders, self._history.order_events.setdefault(self._account, []))),
        ]

    def move_to(self, url: str) -> None:
        """Reconnect there from now on: the exchange was started again."""
        self._client.url = url

    async def trade(self) -> None:
        """Send orders and cancels until `stop`, and all of them again that were not answered."""
        await asyncio.gather(*(self._work() for _ in range(WORKERS)))

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping = True

    async def close(self) -> None:
        """Hang up."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        await self._client.close()

    async def _work(self) -> None:
        while not self._stopping:
            if self._accepted and self._chance.random() < 0.15:
                await self._cancel(self._chance.choice(self._accepted))
            else:
                await self._place()

    async def _place(self) -> None:
        self._orders += 1
        order = self._history.ask(
            self._account,
            f"ws-{self._orders}",
            self._chance.choice((Side.BUY, Side.SELL)),
            # One in fifty is beyond all means, and refused.
            10**9 if self._chance.random() < 0.02 else self._chance.randint(1, 20),
            self._chance.randint(995, 1005),
        )
        while True:
            try:
                report = await self._client.place_order(
                    client_order_id=order.client_order_id,
                    instrument=PROJECT.symbol,
                    side=order.side,
                    quantity=order.quantity,
                    price=PROJECT.ticks_to_price(order.price_ticks),
                    account=order.account,
                )
            except (OutcomeUnknown, NotConnected):
                self._history.unknowns += 1
                await asyncio.sleep(PAUSE_S)
            except RejectedError as error:
                if error.code not in COME_BACK_LATER:
                    self._history.rejected(order, error.data.seq)
                    return
                await asyncio.sleep(PAUSE_S)
            else:
                self._history.reported(order, report)
                self._accepted.append(order)
                return

    async def _cancel(self, order: AskedOrder) -> None:
        order.cancel_asked = True
        try:
            report: OrderReport = await self._client.cancel_order(
                client_order_id=order.client_order_id, account=order.account
            )
        except (OutcomeUnknown, NotConnected, RejectedError):
            # Ended in the meantime, or nobody knows: a cancel need not be sent again to be safe.
            await asyncio.sleep(PAUSE_S)
        else:
            self._history.cancelled(order, report)


async def _read(channel: AsyncIterator[FillsPush] | AsyncIterator[OrdersPush], heard: list[int]) -> None:
    async for push in channel:
        heard.append(push.seq)  # noqa: PERF401 - others look at the list meanwhile
