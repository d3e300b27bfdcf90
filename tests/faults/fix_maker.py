"""A market maker over FIX that trades through crashes: it comes back, and sends on where its session left off."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from gateway.fix.message import text
from tests.gateway.fix.fix_exchange import FixClient, Gone, new_order, now
from tests.market import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable

LOGON_LIMIT_S = 10
CL_ORD_ID, TRD_MATCH_ID = 11, 880


class Maker(FixClient):
    """Quotes by single orders, comes back whenever the connection is lost, and sends what it did not get answered."""

    def __init__(self, comp_id: str, port: Callable[[], int]) -> None:
        super().__init__(comp_id)
        self._port = port
        self._orders = 0

    @property
    def trades(self) -> list[str]:
        """Ids of its trades in the order of the messages' numbers."""
        by_number = {message.number: message.fields for message in self.all}
        return [
            text(by_number[number], TRD_MATCH_ID)
            for number in sorted(by_number)
            if TRD_MATCH_ID in by_number[number]
        ]

    async def come_back(self) -> None:
        """Log on, as often as it takes."""
        while True:
            with contextlib.suppress(OSError, TimeoutError):
                await self.connect(self._port())
                async with asyncio.timeout(LOGON_LIMIT_S):
                    await self._answered()
                if self.logged_on.is_set():
                    return
            self.hang_up()
            await asyncio.sleep(0.1)

    async def make(self) -> None:
        """Bid and offer around the middle, for ever."""
        while True:
            await self.come_back()
            with contextlib.suppress(Gone, TimeoutError):
                while True:
                    self._orders += 1
                    side, price = ("1", "9.99") if self._orders % 2 else ("2", "10.01")
                    order = f"{self.comp_id}-{self._orders}"
                    self.send("D", new_order(order, side, price))
                    # No more than this on its way: while a resend goes on the venue lets only so many messages wait.
                    while text((await self.next("8")).fields, CL_ORD_ID) != order:
                        pass
                    # So that the book stays thin and both makers have their turn.
                    old = f"{self.comp_id}-{self._orders - 4}"
                    self.send("F", {41: old, 11: f"end-{old}", 55: PROJECT.symbol, 54: side, 60: now()})
                    await asyncio.sleep(0.01)
            # Where no answer came in time the connection may be half open.
            self.hang_up()
            await self.gone()

    async def _answered(self) -> None:
        waiting = [asyncio.ensure_future(event.wait()) for event in (self.logged_on, self.lost)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
