"""The demo's participants at work. Each is an ordinary client of the websocket, with a key and an account."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import msgspec
import structlog

from exchange.domain.orders import Side, TimeInForce
from exchange.domain.rejects import RejectCode
from exchange.operations.demo import strategy
from exchange.operations.demo.strategy import Stock
from gateway.websocket.client import ExchangeClient, RejectedError
from gateway.websocket.pushes import OrderAcceptedData, OrderAmendedData, OrderCancelledData, OrderFilledData
from gateway.websocket.requests import BatchAmend, BatchCancel, BatchPlace

if TYPE_CHECKING:
    from random import Random

    from exchange.domain.instruments import Instrument
    from exchange.operations.demo.catalogue import Catalogue, DemoParticipant
    from exchange.operations.demo.strategy import Quote, Walk
    from gateway.websocket.pushes import OrderData

_RESTING_ORDERS = 4
"""Orders that a trader leaves in the book at most."""
_EXPECTED = {
    RejectCode.INSUFFICIENT_FUNDS,
    RejectCode.INSUFFICIENT_UNITS,
    RejectCode.INSTRUMENT_HALTED,
    RejectCode.INSTRUMENT_CLOSED,
    RejectCode.PRICE_OUTSIDE_BAND,
    RejectCode.UNKNOWN_ORDER,
    RejectCode.NOTHING_TO_AMEND,
    RejectCode.RATE_LIMITED,
    RejectCode.BUSY,
}
"""What may happen to anybody on a live market; the next decision is made on fresh facts."""

log = structlog.get_logger()


class LiveOrder(msgspec.Struct):
    """An order in the book, as its owner knows it; price in ticks."""

    order_id: int
    instrument: str
    side: Side
    price: int
    quantity: int
    """Total, what was filled included."""
    remaining: int


class DemoTrader:
    """A participant: its connection, its surplus of units, its live orders."""

    def __init__(
        self,
        client: ExchangeClient,
        participant: DemoParticipant,
        catalogue: Catalogue,
        run: str,
        random: Random,
    ) -> None:
        self._client = client
        self._account = participant.account
        self._instruments = {instrument.symbol: instrument for instrument in catalogue.instruments}
        self._delivers = catalogue.delivers
        self._ids = (f"{run}-{number}" for number in itertools.count(1))
        self._random = random
        self._totals: dict[str, int] = {}
        self._held: dict[str, int] = {}
        """Units that orders hold, by class."""
        self._wanted = {
            class_id: sum(block.quantity for block in blocks) * participant.units_share // 100
            for class_id, blocks in catalogue.blocks.items()
        }
        self._live: dict[int, LiveOrder] = {}
        self._following: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins with an empty slate: what an earlier run left in the book is cancelled."""
        await self._client.cancel_all(account=self._account)
        orders = await self._client.orders(self._account)
        changes = await self._client.balance_changes(self._account)
        holdings = await self._client.holdings(self._account)
        self._totals = {units.class_id: units.total for units in holdings.units}
        self._held = {units.class_id: units.held for units in holdings.units}

        async def follow_orders() -> None:
            async for push in orders:
                self._take_order_data(push.data)

        async def follow_balances() -> None:
            async for push in changes:
                if push.seq > holdings.seq:
                    for change in push.data.units:
                        class_id = change.class_id
                        self._totals[class_id] = self._totals.get(class_id, 0) + change.total_change
                        self._held[class_id] = self._held.get(class_id, 0) + change.held_change

        self._following = [asyncio.create_task(follow_orders()), asyncio.create_task(follow_balances())]

    def check(self) -> None:
        """Raises what ended the channels, if anything did: blind trading would be worse than none."""
        for task in self._following:
            if task.done():
                task.result()
                raise RuntimeError("a channel of the demo ended")

    async def close(self) -> None:
        """Ends the connection; orders stay in the book."""
        for task in self._following:
            task.cancel()
        await self._client.close()

    async def requote(self, symbol: str, walk: Walk) -> None:
        """Moves the quotes of an instrument to where they should be now."""
        instrument = self._instruments[symbol]
        wanted = strategy.quotes(instrument, walk, self._stock(instrument), self._random)
        items: list[BatchPlace | BatchAmend | BatchCancel] = []
        for side in (Side.SELL, Side.BUY):
            best_first = sorted(
                (order for order in self._live.values() if order.instrument == symbol and order.side is side),
                key=lambda order: order.price if order.side is Side.SELL else -order.price,
            )
            targets = [quote for quote in wanted if quote.side is side]
            for order, quote in itertools.zip_longest(best_first, targets):
                if quote is None:
                    items.append(BatchCancel(account=self._account, order_id=order.order_id))
                elif order is None or order.price != quote.price:
                    items.append(self._item(instrument, order, quote))
        if not items:
            return
        # Prices that rise move the asks first, or the bids would meet them; prices that fall, the bids.
        best_bid = max((quote.price for quote in wanted if quote.side is Side.BUY), default=0)
        bids_before = [
            order.price
            for order in self._live.values()
            if order.instrument == symbol and order.side is Side.BUY
        ]
        falls = best_bid < max(bids_before, default=0)
        for outcome in await self._client.batch(items[::-1] if falls else items):
            if outcome.error is not None and outcome.error.code not in _EXPECTED:
                log.warning(
                    "quote refused", instrument=symbol, code=outcome.error.code, why=outcome.error.message
                )

    async def take(self, symbol: str, walk: Walk) -> float:
        """Takes what is offered; answers the push on the price: 1 for a purchase, -1 for a sale, 0 for nothing."""
        instrument = self._instruments[symbol]
        wanted = strategy.take(instrument, walk, self._stock(instrument), self._random)
        filled = await self._place(instrument, wanted.side, wanted.quantity, wanted.price, TimeInForce.IOC)
        if not filled:
            return 0.0
        return 1.0 if wanted.side is Side.BUY else -1.0

    async def rest(self, symbol: str, walk: Walk) -> None:
        """Leaves an order a little off the price, or takes the oldest one back when there are enough."""
        if len(self._live) >= _RESTING_ORDERS:
            oldest = min(self._live)
            try:
                await self._client.cancel_order(order_id=oldest, account=self._account)
            except RejectedError as refusal:
                self._tell(refusal, symbol)
            return
        instrument = self._instruments[symbol]
        wanted = strategy.take(instrument, walk, self._stock(instrument), self._random)
        away = walk.price * self._random.uniform(0.004, 0.015)
        price = round(walk.price - away if wanted.side is Side.BUY else walk.price + away)
        if walk.limits.lowest <= price <= walk.limits.highest:
            await self._place(instrument, wanted.side, wanted.quantity, price, TimeInForce.GTC)

    async def _place(
        self, instrument: Instrument, side: Side, quantity: int, price: int, time_in_force: TimeInForce
    ) -> int:
        """Places an order; answers what was filled at once."""
        try:
            report = await self._client.place_order(
                client_order_id=next(self._ids),
                instrument=instrument.symbol,
                side=side,
                quantity=quantity,
                price=instrument.ticks_to_price(price),
                account=self._account,
                time_in_force=time_in_force,
            )
        except RejectedError as refusal:
            self._tell(refusal, instrument.symbol)
            return 0
        return report.filled

    def _item(self, instrument: Instrument, order: LiveOrder | None, quote: Quote) -> BatchPlace | BatchAmend:
        price = instrument.ticks_to_price(quote.price)
        if order is not None:
            return BatchAmend(account=self._account, order_id=order.order_id, price=price)
        return BatchPlace(
            client_order_id=next(self._ids),
            instrument=instrument.symbol,
            side=quote.side,
            quantity=quote.quantity,
            account=self._account,
            price=price,
            time_in_force=TimeInForce.GTC,
        )

    def _stock(self, instrument: Instrument) -> Stock:
        """What this participant has of the instrument's classes."""
        classes = self._delivers[instrument.symbol]
        wanted = sum(self._wanted.get(class_id, 0) for class_id in classes)
        total = sum(self._totals.get(class_id, 0) for class_id in classes)
        held = sum(self._held.get(class_id, 0) for class_id in classes)
        return Stock(max(-1.0, min(1.0, (total - wanted) / max(1, wanted))), total - held, total)

    def _take_order_data(self, data: OrderData) -> None:
        if isinstance(data, OrderAcceptedData):
            ticks = self._instruments[data.instrument].price_to_ticks(data.price)
            self._live[data.order_id] = LiveOrder(
                data.order_id, data.instrument, data.side, ticks, data.quantity, data.quantity
            )
        elif isinstance(data, OrderCancelledData):
            self._live.pop(data.order_id, None)
        elif isinstance(data, OrderAmendedData):
            order = self._live[data.order_id]
            order.price = self._instruments[data.instrument].price_to_ticks(data.price)
            order.remaining += data.quantity - order.quantity
            order.quantity = data.quantity
        elif isinstance(data, OrderFilledData):
            order = self._live[data.order_id]
            order.remaining -= data.quantity
            if not order.remaining:
                del self._live[data.order_id]

    @staticmethod
    def _tell(refusal: RejectedError, symbol: str) -> None:
        if refusal.code not in _EXPECTED:
            log.warning("order refused", instrument=symbol, code=refusal.code, why=refusal.message)
