"""Private channels: what each event says, the same live and from the log; resumption without gap or double."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import gateway.replica
from exchange.domain import commands
from exchange.domain.events import CancelReason
from exchange.domain.identity import LOCAL_OPERATOR, VENUE
from exchange.domain.orders import Side
from exchange.domain.rejects import RejectCode
from gateway.websocket import pushes, subscribing
from gateway.websocket.client import RejectedError
from tests.market import ALPHA, ALPHA_2, BETA, V19

if TYPE_CHECKING:
    from gateway.websocket.client import ExchangeClient
    from gateway.websocket.streams import Stream
    from tests.gateway.exchange import RunningExchange

RIMBA = "RIMBA-19"
CHANNELS = ("orders", "fills", "balance_changes", "retirements")


async def take(stream: Stream[Any], count: int) -> list[Any]:
    """The next pushes of a stream."""
    return [await asyncio.wait_for(anext(stream), 20) for _ in range(count)]


async def take_until(stream: Stream[Any], seq: int) -> list[Any]:
    """The pushes of a stream up to that of an event."""
    taken: list[Any] = []
    while not taken or taken[-1].seq < seq:
        taken += await take(stream, 1)
    assert seq == taken[-1].seq
    return taken


async def trade_a_little(exchange: RunningExchange) -> tuple[ExchangeClient, ExchangeClient]:
    """Give the accounts beta and gamma something of every kind to hear of; the last event is a retirement of beta."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    await gamma.place_order(client_order_id="g1", instrument=RIMBA, side="sell", quantity=10, price="10.00")
    await beta.place_order(client_order_id="b1", instrument=RIMBA, side="buy", quantity=4, price="10.00")
    await beta.place_order(client_order_id="b2", instrument=RIMBA, side="buy", quantity=4, price="9.00")
    await beta.amend_order(client_order_id="b2", price="9.10")
    await beta.place_order(client_order_id="b3", instrument=RIMBA, side="sell", quantity=4, price="12.00")
    with pytest.raises(RejectedError):
        await beta.place_order(
            client_order_id="b4", instrument=RIMBA, side="buy", quantity=900_000, price="10.00"
        )
    await beta.place_order(
        client_order_id="b5",
        instrument=RIMBA,
        side="sell",
        quantity=1,
        price="9.05",
        self_trade_prevention="decrement",
    )
    await beta.cancel_order(client_order_id="b2")
    await exchange.do(
        commands.DepositCash(LOCAL_OPERATOR, BETA, "EUR", 12_345, "more"),
        commands.WithdrawCash(LOCAL_OPERATOR, BETA, "EUR", 45, "less"),
    )
    await beta.retire(credits={V19: 3}, beneficiary="Acme Ltd", purpose="2026 footprint", reference="r")
    return beta, gamma


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("from_memory", [True, False], ids=["memory", "log"])
async def test_replay_equals_live(
    exchange: RunningExchange, channel: str, from_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a channel pushes live it pushes again, byte for byte, to one who resumes from the past."""
    watcher = await exchange.client("auditor-key")
    start = exchange.gateway.replica.last_seq
    live = await getattr(watcher, channel)(BETA)
    await trade_a_little(exchange)
    url = exchange.url
    if not from_memory:
        monkeypatch.setattr(gateway.replica, "RECENT_EVENTS", 1)
        _, url = await exchange.another_gateway()
    late = await exchange.client("auditor-key", url=url)
    replayed = await getattr(late, channel)(BETA, from_seq=start)
    # A last event on every channel, which both see live.
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    await gamma.place_order(client_order_id="x", instrument=RIMBA, side="sell", quantity=1, price="9.90")
    await beta.place_order(client_order_id="y", instrument=RIMBA, side="buy", quantity=1, price="9.90")
    last = (
        await beta.retire(credits={V19: 1}, beneficiary="Acme", purpose="end", reference="end")
    ).retirement_id
    if channel in {"orders", "fills"}:
        last -= 1
    expected, actual = await take_until(live, last), await take_until(replayed, last)
    assert [msgspec.json.encode(push) for push in expected] == [msgspec.json.encode(push) for push in actual]
    assert [start, *(push.seq for push in actual[:-1])] == [push.prev_seq for push in actual]


async def test_orders_channel(exchange: RunningExchange) -> None:
    """Every event of an account's orders is told, with its own fields."""
    beta = await exchange.client("beta-key")
    stream = await beta.orders()
    await trade_a_little(exchange)
    told = [push.data for push in await take(stream, 9)]
    assert [
        pushes.OrderAcceptedData,
        pushes.OrderFilledData,
        pushes.OrderAcceptedData,
        pushes.OrderAmendedData,
        pushes.OrderAcceptedData,
        pushes.OrderRejectedData,
        pushes.OrderAcceptedData,
        pushes.OrdersDecrementedData,
        pushes.OrderCancelledData,
    ] == [type(data) for data in told]
    accepted, filled, _, amended, _, rejected, _, decremented, cancelled = told
    assert ("b1", Side.BUY, "10.00", 4) == (
        accepted.client_order_id,
        accepted.side,
        accepted.price,
        accepted.quantity,
    )
    assert (accepted.order_id, "10.00", 4) == (filled.order_id, filled.price, filled.quantity)
    assert ("9.10", 4, False) == (amended.price, amended.quantity, amended.keeps_priority)
    assert (RejectCode.INSUFFICIENT_FUNDS, "b4") == (rejected.code, rejected.client_order_id)
    assert (amended.order_id, 1) == (decremented.maker_order_id, decremented.quantity)
    assert (amended.order_id, 3, CancelReason.REQUESTED) == (
        cancelled.order_id,
        cancelled.quantity,
        cancelled.reason,
    )


async def test_balances_channel_adds_up(exchange: RunningExchange) -> None:
    """Opening balances plus all changes pushed are the closing balances, in cash and in units."""
    beta = await exchange.client("beta-key")
    cash_before, units_before = await beta.balances(), await beta.holdings()
    stream = await beta.balance_changes()
    await trade_a_little(exchange)
    told = [push.data for push in await take_until(stream, exchange.venue.state.last_seq)]
    cash = {row.currency: [cents(row.total), cents(row.held)] for row in cash_before.cash}
    units = {row.class_id: [row.total, row.held] for row in units_before.units}
    for data in told:
        for change in data.cash:
            cash[change.currency][0] += cents(change.total_change)
            cash[change.currency][1] += cents(change.held_change)
        for moved in data.units:
            units[moved.class_id][0] += moved.total_change
            units[moved.class_id][1] += moved.held_change
    after = await beta.balances()
    assert {row.currency: [cents(row.total), cents(row.held)] for row in after.cash} == cash
    assert {row.class_id: [row.total, row.held] for row in (await beta.holdings()).units} == units
    assert ["order_accepted", "fill", "order_accepted", "order_amended"] == [data.cause for data in told[:4]]
    assert {"cash_deposited", "cash_withdrawn", "retired"} <= {data.cause for data in told}


def cents(text: str) -> int:
    """Minor units of an amount in EUR."""
    return int(text.replace(".", ""))


async def test_fills_and_retirements_channels(exchange: RunningExchange) -> None:
    """The fills channel has what `fills.list` has, and retirements what the answer had."""
    beta = await exchange.client("beta-key")
    fills, retirements = await beta.fills(), await beta.retirements()
    await trade_a_little(exchange)
    (fill,), (retired,) = await take(fills, 1), await take(retirements, 1)
    assert [fill.data] == (await beta.list_fills()).fills
    assert (3, "Acme Ltd", "r") == (retired.data.quantity, retired.data.beneficiary, retired.data.reference)


async def test_accounts_of_others_are_unknown(exchange: RunningExchange) -> None:
    """A trader hears of own accounts only, must name one of several, and needs to be logged on."""
    alpha, public = await exchange.client("alpha-key"), await exchange.client()
    for account in (BETA, VENUE, "nobody", ""):
        with pytest.raises(RejectedError) as caught:
            await alpha.orders(account)
        assert RejectCode.UNKNOWN_ACCOUNT == caught.value.code
    with pytest.raises(RejectedError) as caught:
        await public.orders(BETA)
    assert RejectCode.NOT_LOGGED_ON == caught.value.code
    first, second = await alpha.orders(ALPHA), await alpha.orders(ALPHA_2)
    for name, account in (("a", ALPHA), ("b", ALPHA_2)):
        await alpha.place_order(
            client_order_id=name, instrument=RIMBA, side="buy", quantity=1, price="9.00", account=account
        )
    assert ["a", "b"] == [(await take(stream, 1))[0].data.client_order_id for stream in (first, second)]


async def test_refused_subscriptions(exchange: RunningExchange) -> None:
    """A place beyond the end of the log, one on a public channel, and fees as balance changes are refused."""
    raw = await exchange.raw_trader("auditor-key")
    for params, text in (
        ({"channel": "orders", "account": BETA, "from_seq": 10**9}, "the log ends at"),
        ({"channel": "trades", "instrument": RIMBA, "from_seq": 0}, "only private channels"),
        ({"channel": "balances", "account": VENUE}, "account.balances"),
    ):
        error = await raw.error("subscribe", **params)
        assert (RejectCode.INVALID_PARAMS, True) == (error["code"], text in error["message"])
    assert "seq" in await raw.result("subscribe", channel="orders", account=VENUE)
    fees = await raw.result("account.balances", account=VENUE)
    assert [] == fees["cash"]


async def test_resumption_while_trading_goes_on(
    exchange: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the log in small pages into the live feed, with orders coming all the while: no gap and no double."""
    monkeypatch.setattr(subscribing, "REPLAY_PAGE_EVENTS", 7)
    beta = await exchange.client("beta-key")
    start = exchange.gateway.replica.last_seq

    async def place(first: int, count: int) -> list[int]:
        reports = await asyncio.gather(
            *(
                beta.place_order(
                    client_order_id=f"o{number}", instrument=RIMBA, side="buy", quantity=1, price="9.00"
                )
                for number in range(first, first + count)
            )
        )
        return [report.order_id for report in reports]

    ids = await place(0, 60)
    # Without recent events in memory everything must come from the log.
    exchange.gateway.replica.recent.clear()
    trading = asyncio.create_task(place(60, 60))
    watcher = await exchange.client("auditor-key")
    stream = await watcher.orders(BETA, from_seq=start)
    ids += await trading
    ids += await place(120, 10)
    told = await take_until(stream, ids[-1])
    assert ids == [push.data.order_id for push in told]
    assert [start, *ids[:-1]] == [push.prev_seq for push in told]
    assert 1 == exchange.gateway.statistics.channels_resumed


async def test_unsubscribed_and_logged_out_channels_are_silent(exchange: RunningExchange) -> None:
    """After `unsubscribe`, and after `session.logout`, nothing private comes any more."""
    raw = await exchange.raw_trader("beta-key")
    beta = await exchange.client("beta-key")
    await raw.result("subscribe", channel="orders")
    await raw.result("subscribe", channel="fills")
    await raw.result("unsubscribe", channel="orders")
    error = await raw.error("unsubscribe", channel="orders")
    assert RejectCode.NOT_SUBSCRIBED == error["code"]
    await raw.result("subscribe", channel="orders")
    await raw.result("session.logout")
    await beta.place_order(client_order_id="a", instrument=RIMBA, side="buy", quantity=1, price="9.00")
    await raw.send({"id": "end", "method": "ping"})
    assert "end" == (await raw.message())["id"]


async def test_client_resumes_when_a_push_is_missing(exchange: RunningExchange) -> None:
    """A private stream that sees a gap asks for everything since its last push, and its reader misses nothing."""
    beta = await exchange.client("beta-key")
    stream = await beta.orders()
    ids = [
        (
            await beta.place_order(
                client_order_id=f"o{number}", instrument=RIMBA, side="buy", quantity=1, price="9.00"
            )
        ).order_id
        for number in range(2)
    ]
    assert ids == [push.seq for push in await take(stream, 2)]
    stream.seq = ids[0]
    stream._unread.clear()
    ids.append(
        (
            await beta.place_order(
                client_order_id="last", instrument=RIMBA, side="buy", quantity=1, price="9.00"
            )
        ).order_id
    )
    assert ids[1:] == [push.seq for push in await take(stream, 2)]


async def test_streams_end_with_their_client(exchange: RunningExchange) -> None:
    """A closed channel ends its iterator; a second subscription to an open one is a mistake of the caller."""
    beta = await exchange.client("beta-key")
    orders, fills, ticker = await beta.orders(), await beta.fills(), await beta.ticker(RIMBA)
    with pytest.raises(ValueError, match="on already"):
        await beta.orders()
    await take(ticker, 1)
    await orders.close()
    assert [] == [push async for push in orders]
    again = await beta.orders()
    await beta.close()
    for stream in (again, fills, ticker):
        assert [] == [push async for push in stream]
