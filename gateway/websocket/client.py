"""The Python client: typed requests, channels as async iterators, resumption after a reconnect.

    key = SigningKey.from_hex("alpha-key", "9d61b1...")
    async with await ExchangeClient.connect("ws://127.0.0.1:8000/ws", key=key) as client:
        report = await client.place_order(
            client_order_id="1", instrument="RIMBA-19", side="buy", quantity=10, price="9.95"
        )
        async for book in await client.book("RIMBA-19"):
            print(book.best_bid, book.best_ask)

Any number of requests may be in flight at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from exchange.domain.orders import Side
from exchange.registry.statement import Statement
from gateway import block_results, results
from gateway.websocket import block_requests, market_requests, pushes, requests
from gateway.websocket.client_connection import (
    NotConnected,
    OutcomeUnknown,
    RejectedError,
)
from gateway.websocket.offset_client import OffsetClient
from gateway.websocket.protection_client import ProtectionClient
from gateway.websocket.request_forms import AccountParams, Deliver, NamedSerials, NoParams
from gateway.websocket.signing_key import SigningKey
from gateway.websocket.streams import BookStream, Stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ExchangeClient", "NotConnected", "OutcomeUnknown", "RejectedError", "SigningKey"]


class ExchangeClient(OffsetClient, ProtectionClient):
    """All methods and channels, typed. Make it with `connect`."""

    # Requests about orders.

    async def place_order(
        self,
        *,
        client_order_id: str,
        instrument: str,
        side: Side | str,
        quantity: int,
        price: str | None = None,
        account: str = "",
        **terms: Any,
    ) -> results.OrderReport:
        """Place an order. `terms`: further fields of `OrderPlaceParams`. The answer comes when it is durable."""
        params = requests.OrderPlaceParams(
            client_order_id, instrument, Side(side), quantity, account, price, **terms
        )
        return await self.call(requests.OrderPlace, params, results.OrderReport)

    async def amend_order(
        self,
        *,
        order_id: int = 0,
        client_order_id: str = "",
        price: str | None = None,
        quantity: int | None = None,
        account: str = "",
    ) -> results.OrderReport:
        """Change a live order's limit, its total quantity, or both."""
        params = requests.OrderAmendParams(account, order_id, client_order_id, price, quantity)
        return await self.call(requests.OrderAmend, params, results.OrderReport)

    async def cancel_order(
        self, *, order_id: int = 0, client_order_id: str = "", account: str = ""
    ) -> results.OrderReport:
        """End a live order."""
        params = requests.OrderCancelParams(account, order_id, client_order_id)
        return await self.call(requests.OrderCancel, params, results.OrderReport)

    async def cancel_all(
        self, *, account: str = "", instrument: str = "", side: Side | str | None = None
    ) -> results.CancelledOrders:
        """End all live orders of an account, or those of an instrument, of a side, or of both."""
        params = requests.OrderCancelAllParams(account, instrument, None if side is None else Side(side))
        return await self.call(requests.OrderCancelAll, params, results.CancelledOrders)

    async def batch(
        self, items: Sequence[requests.BatchPlace | requests.BatchAmend | requests.BatchCancel]
    ) -> list[results.BatchOutcome]:
        """Several requests about orders in one; each has an outcome of its own."""
        params = requests.OrderBatchParams(list(items))
        return (await self.call(requests.OrderBatch, params, results.BatchResult)).outcomes

    async def order_status(
        self, *, order_id: int = 0, client_order_id: str = "", account: str = ""
    ) -> results.OrderState:
        """How an order stands; the way to learn what became of a request without an answer."""
        params = requests.OrderStatusParams(account, order_id, client_order_id)
        return await self.call(requests.GetOrderStatus, params, results.OrderState)

    async def open_orders(
        self, account: str = "", *, after_order_id: int = 0, limit: int = 1000
    ) -> results.OpenOrders:
        """A page of an account's live orders."""
        params = requests.OrdersOpenParams(account, after_order_id, limit)
        return await self.call(requests.OrdersOpen, params, results.OpenOrders)

    async def cancel_after(self, timeout_ms: int, account: str = "") -> results.CancelAfter:
        """Arm the dead-man timer; 0 turns it off."""
        params = requests.SessionCancelAfterParams(timeout_ms, account)
        return await self.call(requests.SessionCancelAfter, params, results.CancelAfter)

    # Requests about accounts.

    async def list_fills(self, account: str = "", *, after_seq: int = 0, limit: int = 100) -> results.Fills:
        """A page of an account's fills."""
        params = requests.FillsListParams(account, after_seq, limit)
        return await self.call(requests.FillsList, params, results.Fills)

    async def balances(self, account: str = "") -> results.Balances:
        """Cash of an account."""
        return await self.call(requests.AccountBalances, AccountParams(account), results.Balances)

    async def holdings(self, account: str = "") -> results.Holdings:
        """Units of an account."""
        return await self.call(requests.AccountHoldings, AccountParams(account), results.Holdings)

    async def retire(
        self,
        *,
        beneficiary: str,
        purpose: str,
        reference: str,
        credits: Mapping[str, int] | None = None,  # noqa: A002 - the field's name
        serials: Sequence[tuple[str, str]] = (),
        account: str = "",
        claim: requests.RetirementClaim | None = None,
    ) -> results.Retirement:
        """Take units out of circulation for ever: `credits` by class, or `serials` as pairs of class and text."""
        params = requests.CreditsRetireParams(
            beneficiary, purpose, reference, account, _deliver(credits), _named(serials), claim
        )
        return await self.call(requests.CreditsRetire, params, results.Retirement)

    async def serials(
        self, class_id: str, account: str = "", *, after: str = "", limit: int = 100
    ) -> results.SerialsPage:
        """A page of an account's serial blocks of a class."""
        params = requests.AccountSerialsParams(class_id, account, after, limit)
        return await self.call(requests.AccountSerials, params, results.SerialsPage)

    async def statement(
        self,
        account: str = "",
        *,
        date: str = "",
        from_date: str = "",
        seq: int = 0,
        after_seq: int = 0,
        limit: int = 1000,
    ) -> Statement:
        """An account's statement: of a business date, since another one, or up to an event."""
        params = requests.AccountStatementParams(account, date, from_date, seq, after_seq, limit)
        return await self.call(requests.AccountStatement, params, Statement)

    # Requests about block trades.

    async def key_block(
        self,
        *,
        trade_reference: str,
        counterparty: str,
        instrument: str,
        side: Side | str,
        price: str,
        quantity: int,
        account: str = "",
        deliver: Mapping[str, int] | None = None,
        serials: Sequence[tuple[str, str]] = (),
    ) -> block_results.KeyedBlock:
        """Key one side of a block trade. `deliver`: units by class; `serials`: pairs of class and text."""
        params = block_requests.BlockKeyParams(
            trade_reference,
            counterparty,
            instrument,
            Side(side),
            price,
            quantity,
            account,
            _deliver(deliver),
            _named(serials),
        )
        return await self.call(block_requests.BlockKey, params, block_results.KeyedBlock)

    async def withdraw_block(
        self, *, trade_reference: str, counterparty: str, account: str = ""
    ) -> block_results.WithdrawnBlock:
        """Take back a half that waits."""
        params = block_requests.BlockWithdrawParams(trade_reference, counterparty, account)
        return await self.call(block_requests.BlockWithdraw, params, block_results.WithdrawnBlock)

    async def block_halves(self, account: str = "") -> block_results.BlockHalves:
        """Halves that wait for a counterparty or for this account."""
        return await self.call(block_requests.BlockList, AccountParams(account), block_results.BlockHalves)

    async def list_block_trades(
        self, account: str = "", *, after_seq: int = 0, limit: int = 100
    ) -> block_results.BlockTrades:
        """A page of an account's block trades."""
        params = block_requests.BlockTradesParams(account, after_seq, limit)
        return await self.call(block_requests.ListBlockTrades, params, block_results.BlockTrades)

    # Requests about the market.

    async def instruments(self, instrument: str = "") -> results.Instruments:
        """One instrument or all."""
        params = market_requests.MarketInstrumentsParams(instrument)
        return await self.call(market_requests.MarketInstruments, params, results.Instruments)

    async def market_book(self, instrument: str, depth: int = 10) -> results.Book:
        """The book as it stands."""
        return await self.call(
            market_requests.MarketBook, market_requests.MarketBookParams(instrument, depth), results.Book
        )

    async def market_trades(
        self,
        instrument: str,
        *,
        after_trade_id: int | None = None,
        before_trade_id: int | None = None,
        limit: int = 100,
    ) -> results.Trades:
        """The newest trades, the first after a trade, or the last before one."""
        params = market_requests.MarketTradesParams(instrument, after_trade_id, before_trade_id, limit)
        return await self.call(market_requests.MarketTrades, params, results.Trades)

    async def market_candles(
        self,
        instrument: str,
        interval: market_requests.Interval | str,
        *,
        since: int | None = None,
        until: int | None = None,
        limit: int = 100,
    ) -> results.Candles:
        """The newest candles in `[since, until)` (nanoseconds UTC)."""
        params = market_requests.MarketCandlesParams(
            instrument, market_requests.Interval(interval), since, until, limit
        )
        return await self.call(market_requests.MarketCandles, params, results.Candles)

    async def ping(self) -> int:
        """Seq of the last durable event."""
        return (await self.call(requests.Ping, NoParams(), results.Pong)).seq

    async def logout(self) -> results.LoggedOut:
        """Close the session; the connection stays."""
        answer = await self.call(requests.SessionLogout, NoParams(), results.LoggedOut)
        self.logged_on = None
        self._key = None
        return answer

    # Channels.

    async def book(self, instrument: str, depth: int = 10) -> BookStream:
        """The book as a checked local copy, again after every change."""
        params = msgspec.convert(
            {"channel": "book", "instrument": instrument, "depth": depth}, requests.SubscribeParams
        )
        stream = BookStream(self, params)
        await self.subscribe(stream)
        return stream

    async def trades(self, instrument: str) -> Stream[pushes.TradesPush]:
        """New trades."""
        return await self._market_stream(requests.Channel.TRADES, instrument)

    async def ticker(self, instrument: str) -> Stream[pushes.TickerPush]:
        """Best prices, last price and volume, now and whenever they change."""
        return await self._market_stream(requests.Channel.TICKER, instrument)

    async def candles(
        self, instrument: str, interval: market_requests.Interval | str = "1m"
    ) -> Stream[pushes.CandlesPush]:
        """The present candle, now and with every trade."""
        return await self._market_stream(
            requests.Channel.CANDLES, instrument, market_requests.Interval(interval)
        )

    async def orders(self, account: str = "", *, from_seq: int | None = None) -> Stream[pushes.OrdersPush]:
        """What happens to the account's orders. `from_seq`: everything after that event, from the log first."""
        return await self._account_stream(requests.Channel.ORDERS, account, from_seq)

    async def fills(self, account: str = "", *, from_seq: int | None = None) -> Stream[pushes.FillsPush]:
        """The account's trades."""
        return await self._account_stream(requests.Channel.FILLS, account, from_seq)

    async def balance_changes(
        self, account: str = "", *, from_seq: int | None = None
    ) -> Stream[pushes.BalancesPush]:
        """Every change of the account's cash and units."""
        return await self._account_stream(requests.Channel.BALANCES, account, from_seq)

    async def retirements(
        self, account: str = "", *, from_seq: int | None = None
    ) -> Stream[pushes.RetirementsPush]:
        """The account's retirements."""
        return await self._account_stream(requests.Channel.RETIREMENTS, account, from_seq)

    async def block_trades(
        self, account: str = "", *, from_seq: int | None = None
    ) -> Stream[pushes.BlockTradesPush]:
        """Halves keyed by or for the account, their ends, and block trades."""
        return await self._account_stream(requests.Channel.BLOCK_TRADES, account, from_seq)

    async def settlements(
        self, account: str = "", *, from_seq: int | None = None
    ) -> Stream[pushes.SettlementsPush]:
        """Deferred trades of the account, on the day they settle."""
        return await self._account_stream(requests.Channel.SETTLEMENTS, account, from_seq)

    async def _market_stream(
        self,
        channel: requests.Channel,
        instrument: str,
        interval: market_requests.Interval = market_requests.Interval.MINUTE,
    ) -> Stream[Any]:
        stream: Stream[Any] = Stream(self, requests.SubscribeParams(channel, instrument, interval=interval))
        await self.subscribe(stream)
        return stream

    async def _account_stream(
        self, channel: requests.Channel, account: str, from_seq: int | None
    ) -> Stream[Any]:
        if not account and self.logged_on is not None and len(self.logged_on.accounts) == 1:
            account = self.logged_on.accounts[0]
        stream: Stream[Any] = Stream(
            self, requests.SubscribeParams(channel, account=account, from_seq=from_seq)
        )
        await self.subscribe(stream)
        return stream


def _deliver(units: Mapping[str, int] | None) -> tuple[Deliver, ...]:
    return tuple(Deliver(class_id, quantity) for class_id, quantity in (units or {}).items())


def _named(serials: Sequence[tuple[str, str]]) -> tuple[NamedSerials, ...]:
    return tuple(NamedSerials(class_id, serial) for class_id, serial in serials)
