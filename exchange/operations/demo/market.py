"""The demo market in motion: which of its participants does what, when. A few requests a second, never more."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import TYPE_CHECKING, Final

import structlog

from exchange.domain.identity import Role
from exchange.operations.demo.catalogue import VISITOR
from exchange.operations.demo.strategy import Limits, Walk
from exchange.operations.demo.traders import DemoTrader
from gateway.websocket.client import ExchangeClient, NotConnected, OutcomeUnknown, RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exchange.domain.instruments import Instrument
    from exchange.operations.demo.catalogue import Catalogue
    from gateway.results import InstrumentInfo
    from gateway.websocket.client import SigningKey

STEADY_PAUSE_S: Final = 0.7
"""Between two actions; an action is one request, of at most six orders."""
QUICK_PAUSE_S: Final = 0.05
"""While a market without trades gets its first quotes and a little history."""
QUICK_ACTIONS: Final = 300

_REFRESH_S: Final = 60.0
_BUSY_SHARE: Final = 0.6
"""Share of the actions that concern the busiest instruments."""
_BUSIEST: Final = 6

log = structlog.get_logger()


class DemoMarket:
    """Market makers and traders on all instruments of the catalogue. `start`, then `run`, then `close`."""

    def __init__(self, catalogue: Catalogue, seed: int, run: str) -> None:
        self._catalogue = catalogue
        self._run = run
        self._random = Random(seed)
        self._instruments = {instrument.symbol: instrument for instrument in catalogue.instruments}
        self._symbols = [*self._instruments][::-1]
        """The baskets first, which are the busiest."""
        self._walks: dict[str, Walk] = {}
        self._makers: list[DemoTrader] = []
        self._takers: list[DemoTrader] = []
        self._public: ExchangeClient | None = None
        self._quick_actions = 0

    async def start(self, url: str, keys: Mapping[str, SigningKey]) -> None:
        """Connects all participants but the visitor, and quotes every instrument."""
        self._public = await ExchangeClient.connect(url, reconnect=True)
        infos = (await self._public.instruments()).instruments
        for info in infos:
            if (instrument := self._instruments.get(info.symbol)) is not None:
                start = instrument.price_to_ticks(info.last_price or info.reference_price)
                self._walks[info.symbol] = Walk(start, _limits(instrument, info), self._random)
        if not any(info.last_price for info in infos):
            self._quick_actions = QUICK_ACTIONS
        for participant in self._catalogue.participants:
            if participant.id == VISITOR:
                continue
            client = await ExchangeClient.connect(url, key=keys[participant.key_id], reconnect=True)
            trader = DemoTrader(client, participant, self._catalogue, self._run, self._random)
            (self._makers if participant.role is Role.MARKET_MAKER else self._takers).append(trader)
            await trader.start()
        for symbol in self._symbols:
            for maker in self._makers:
                await maker.requote(symbol, self._walks[symbol])
                await asyncio.sleep(QUICK_PAUSE_S / 4)

    async def run(self, on_date: Callable[[str], None]) -> None:
        """Trades for ever. `on_date` hears the business date, now and then."""
        refreshing = asyncio.create_task(self._refresh(on_date))
        try:
            while True:
                quick = self._quick_actions > 0
                self._quick_actions -= quick
                await asyncio.sleep(
                    QUICK_PAUSE_S if quick else STEADY_PAUSE_S * self._random.uniform(0.5, 1.5)
                )
                try:
                    await self._act()
                except (NotConnected, OutcomeUnknown, RejectedError) as error:
                    # The client connects again; its order channel tells what became of the request.
                    log.info("a request of the demo failed", why=str(error))
        finally:
            refreshing.cancel()

    async def close(self) -> None:
        """Disconnects everybody. Orders stay in the book until the next start."""
        for trader in (*self._makers, *self._takers):
            await trader.close()
        if self._public is not None:
            await self._public.close()

    async def _act(self) -> None:
        random = self._random
        busy = random.random() < _BUSY_SHARE
        symbol = random.choice(self._symbols[:_BUSIEST] if busy else self._symbols)
        walk = self._walks[symbol]
        for trader in (*self._makers, *self._takers):
            trader.check()
        chance = random.random()
        if chance < 0.55:
            walk.step()
            await random.choice(self._makers).requote(symbol, walk)
        elif chance < 0.9:
            walk.step(await random.choice(self._takers).take(symbol, walk))
        else:
            await random.choice(self._takers).rest(symbol, walk)

    async def _refresh(self, on_date: Callable[[str], None]) -> None:
        """Keeps up with what operators change: reference prices, and the date."""
        while self._public is not None:
            with contextlib.suppress(NotConnected, OutcomeUnknown, RejectedError):
                answer = await self._public.instruments()
                for info in answer.instruments:
                    if (instrument := self._instruments.get(info.symbol)) is not None:
                        self._walks[info.symbol].limits = _limits(instrument, info)
                on_date(answer.business_date)
            await asyncio.sleep(_REFRESH_S)


def _limits(instrument: Instrument, info: InstrumentInfo) -> Limits:
    ticks = instrument.price_to_ticks
    return Limits(ticks(info.reference_price), ticks(info.lowest_price), ticks(info.highest_price))
