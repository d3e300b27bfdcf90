"""Everything is bounded, and every bound has its number: rates, sizes, counts, idle and slow clients."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from exchange.domain.rejects import RejectCode
from gateway.limits import Limits, Rate
from gateway.websocket.closing import CloseCode
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.gateway.conftest import StartExchange

RIMBA = "RIMBA-19"


def order(name: str, price: str = "9.00") -> dict[str, Any]:
    """Params of a small order."""
    return {"client_order_id": name, "instrument": RIMBA, "side": "buy", "quantity": 1, "price": price}


async def test_order_rate_is_per_key_and_cancels_have_their_own(start_exchange: StartExchange) -> None:
    """Orders of a key are limited over all its connections; its cancels and other keys go on."""
    slow = Rate(per_s=1, burst=3)
    exchange = await start_exchange(Limits(orders=slow, cancels=Rate(1, 5), market_maker_factor=2))
    first, second = await exchange.raw_trader("beta-key"), await exchange.raw_trader("beta-key")
    for client, name in ((first, "a"), (second, "b"), (first, "c")):
        assert "result" in await client.ask("order.place", **order(name))
    error = await second.error("order.place", **order("d"))
    assert (RejectCode.RATE_LIMITED, True) == (error["code"], 0 < error["data"]["retry_after_ms"] <= 1000)
    assert "result" in await second.ask("order.cancel", client_order_id="a")
    other = await exchange.raw_trader("gamma-key")
    for name in "abcdef":
        assert "result" in await other.ask("order.place", **order(name))
    assert RejectCode.RATE_LIMITED == (await other.error("order.place", **order("g")))["code"]
    batch = [{"action": "cancel", "client_order_id": name} for name in "bcxyz"]
    outcomes = (await first.result("order.batch", items=batch))["outcomes"]
    assert [None, None, RejectCode.UNKNOWN_ORDER, RejectCode.UNKNOWN_ORDER, RejectCode.RATE_LIMITED] == [
        outcome.get("error", {}).get("code") for outcome in outcomes
    ]


async def test_messages_before_logon_are_limited(start_exchange: StartExchange) -> None:
    """An anonymous connection has a small rate of its own, for bad frames too; one that goes on is closed."""
    exchange = await start_exchange(Limits(before_logon=Rate(1, 5), refusals=Rate(1, 20)))
    flooder, (other, _) = (await exchange.raw())[0], await exchange.raw()
    codes = [(await flooder.ask("ping")).get("error", {}).get("code") for _ in range(7)]
    assert [None] * 5 + [RejectCode.RATE_LIMITED] * 2 == codes
    for _ in range(30):
        await flooder.send(b"{")
    end = await flooder.closed()
    assert (CloseCode.RATE_LIMITED, "2005 RATE_LIMITED") == (end.code, end.reason)
    assert "result" in await other.ask("ping")


async def test_queries_are_limited(start_exchange: StartExchange) -> None:
    """After logon, what is neither order nor cancel has its own rate."""
    exchange = await start_exchange(Limits(requests=Rate(1, 3)))
    client = await exchange.raw_trader("beta-key")
    codes = [(await client.ask("orders.open")).get("error", {}).get("code") for _ in range(4)]
    assert [None, None, None, RejectCode.RATE_LIMITED] == codes
    assert "result" in await client.ask("order.place", **order("a"))


async def test_pending_requests_are_limited(start_exchange: StartExchange) -> None:
    """More orders at once than a connection may have waiting are refused as busy; cancels are still taken."""
    exchange = await start_exchange(Limits(max_pending=4))
    client = await exchange.raw_trader("beta-key")
    items = [{"action": "place", **order(f"o{number}")} for number in range(6)]
    items += [{"action": "cancel", "client_order_id": f"o{number}"} for number in range(2)]
    outcomes = (await client.result("order.batch", items=items))["outcomes"]
    assert [None] * 4 + [RejectCode.BUSY] * 2 + [None] * 2 == [
        outcome.get("error", {}).get("code") for outcome in outcomes
    ]


async def test_subscriptions_are_limited(start_exchange: StartExchange) -> None:
    """A connection has so many subscriptions and no more."""
    exchange = await start_exchange(Limits(max_subscriptions=2))
    client, _ = await exchange.raw()
    for channel in ("book", "trades"):
        await client.result("subscribe", channel=channel, instrument=RIMBA)
    error = await client.error("subscribe", channel="ticker", instrument=RIMBA)
    assert RejectCode.TOO_MANY_SUBSCRIPTIONS == error["code"]
    await client.result("unsubscribe", channel="trades", instrument=RIMBA)
    await client.result("subscribe", channel="ticker", instrument=RIMBA)


@pytest.mark.parametrize(
    ("limits", "status"),
    [(Limits(max_connections=2), 503), (Limits(max_connections_per_address=2), 429)],
    ids=["total", "address"],
)
async def test_connections_are_limited(start_exchange: StartExchange, limits: Limits, status: int) -> None:
    """A connection too many is refused at the handshake with a numbered error; when one goes another may come."""
    exchange = await start_exchange(limits)
    first, _ = (await exchange.raw())[0], await exchange.raw()
    url = exchange.url.replace("ws://", "http://")
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert status == response.status
        assert RejectCode.TOO_MANY_CONNECTIONS == (await response.json())["error"]["code"]
    assert 1 == exchange.gateway.statistics.connections_refused
    await first.socket.close()
    await eventually(lambda: exchange.gateway.statistics.connections == 1, "the first is gone")
    assert "result" in await (await exchange.raw())[0].ask("ping")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("own", True),
        ("https://desk.example", True),
        ("https://evil.example", False),
        ("null", False),
        ("https://desk.example.evil.example", False),
    ],
)
async def test_origin(start_exchange: StartExchange, origin: str | None, allowed: bool) -> None:
    """Native clients, pages of the gateway itself and listed origins may connect, other pages may not."""
    exchange = await start_exchange(Limits(allowed_origins=("https://desk.example",)))
    if origin == "own":
        origin = exchange.url.replace("ws://", "http://").removesuffix("/ws")
    headers = {} if origin is None else {"Origin": origin}
    if allowed:
        client, _ = await exchange.raw(headers=headers)
        assert "result" in await client.ask("ping")
    else:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await exchange.raw(headers=headers)
        assert 403 == caught.value.status


async def test_large_frame(start_exchange: StartExchange) -> None:
    """A frame above the limit gets its number, then the connection closes; one at the limit is read."""
    exchange = await start_exchange(Limits(max_frame_bytes=1000))
    client, _ = await exchange.raw()
    request = b'{"id":1,"method":"ping"}'
    await client.send(request + b" " * (1000 - len(request)))
    assert "result" in await client.answer(1)
    await client.send(request + b" " * 2000)
    error = (await client.answer(None))["error"]
    assert (RejectCode.FRAME_TOO_LARGE, CloseCode.MESSAGE_TOO_BIG) == (
        error["code"],
        (await client.closed()).code,
    )


async def test_idle_connection_is_closed(start_exchange: StartExchange) -> None:
    """A client that does not even answer pings is closed; one that answers them stays, and hears heartbeats."""
    exchange = await start_exchange(Limits(heartbeat_ms=50, idle_ms=400))
    dead, _ = await exchange.raw(autoping=False)
    alive, _ = await exchange.raw()
    heard: list[int] = []

    async def listen() -> None:
        while True:
            message = await alive.message()
            if message.get("method") == "heartbeat":
                heard.append(message["params"]["seq"])

    listening = asyncio.create_task(listen())
    end = await dead.socket.receive(timeout=20)
    while end.type is not aiohttp.WSMsgType.CLOSE:
        end = await dead.socket.receive(timeout=20)
    assert (CloseCode.IDLE, "nothing was received for too long") == (end.data, end.extra)
    await eventually(lambda: len(heard) >= 10, "heartbeats came")
    assert not listening.done()
    listening.cancel()
    assert {exchange.gateway.replica.last_seq} == set(heard)


async def test_slow_consumer_gets_the_latest_market_data(start_exchange: StartExchange) -> None:
    """Market data waits while a client does not read, then brings it up to date in one push per channel."""
    fast = Rate(10**6, 10**6)
    exchange = await start_exchange(
        Limits(before_logon=fast, conflate_above_bytes=20_000, max_unsent_bytes=10**9)
    )
    trader, slow = await exchange.raw_trader("beta-key"), await exchange.stuck_client()
    await slow.result("subscribe", channel="book", instrument=RIMBA)
    first = await slow.push("book")
    await slow.result("subscribe", channel="ticker", instrument=RIMBA)
    await slow.stop_and_fill(40_000)
    for number in range(50):
        await trader.result("order.place", **order(f"o{number}", f"9.{number:02}"))
    await trader.result("order.cancel_all")
    last = await trader.result("order.place", **order("last", "8.00"))
    slow.go_on_reading()
    push = await slow.push("book")
    assert ("delta", first["seq"], last["seq"], [["8.00", 1]], []) == (
        push["data"]["type"],
        push["prev_seq"],
        push["seq"],
        push["data"]["bids"],
        push["data"]["asks"],
    )


async def test_slow_consumer_is_closed_past_its_budget(start_exchange: StartExchange) -> None:
    """A client that does not read is closed with its own code; nobody else notices."""
    fast = Rate(10**6, 10**6)
    exchange = await start_exchange(
        Limits(
            before_logon=fast, conflate_above_bytes=20_000, max_unsent_bytes=200_000, close_timeout_ms=20_000
        )
    )
    trader, slow = await exchange.raw_trader("beta-key"), await exchange.stuck_client()
    await slow.result("subscribe", channel="book", instrument=RIMBA)
    await slow.stop_and_fill(200_000)
    assert "result" in await trader.ask("order.place", **order("a"))
    slow.go_on_reading()
    end = await slow.closed()
    assert (CloseCode.SLOW_CONSUMER, "2011 SLOW_CONSUMER") == (end.code, end.reason)
    assert {CloseCode.SLOW_CONSUMER.value: 1} == exchange.gateway.statistics.closed
    await eventually(lambda: exchange.gateway.statistics.connections == 1, "it is gone")


async def test_slow_consumer_that_never_reads_is_cut_off(start_exchange: StartExchange) -> None:
    """One that does not even take the goodbye is cut off in time."""
    fast = Rate(10**6, 10**6)
    exchange = await start_exchange(
        Limits(before_logon=fast, conflate_above_bytes=20_000, max_unsent_bytes=200_000, close_timeout_ms=100)
    )
    slow = await exchange.stuck_client()
    await slow.result("subscribe", channel="book", instrument=RIMBA)
    await slow.stop_and_fill(200_000)
    await eventually(lambda: not exchange.gateway.statistics.connections, "it was cut off")


async def test_private_messages_are_not_conflated(start_exchange: StartExchange) -> None:
    """However slow a client reads within its budget, every private push arrives, in order."""
    fast = Rate(10**6, 10**6)
    exchange = await start_exchange(
        Limits(before_logon=fast, requests=fast, conflate_above_bytes=20_000, max_unsent_bytes=10**9)
    )
    trader = await exchange.raw_trader("beta-key")
    slow = await exchange.stuck_client()
    await slow.log_on("auditor-key", slow.nonce)
    await slow.result("subscribe", channel="orders", account="beta")
    await slow.stop_and_fill(40_000)
    ids = [(await trader.result("order.place", **order(f"o{number}")))["order_id"] for number in range(50)]
    slow.go_on_reading()
    told = [await slow.push("orders") for _ in range(50)]
    assert ids == [push["data"]["order_id"] for push in told]
    assert ids[:-1] == [push["prev_seq"] for push in told[1:]]


async def test_history_is_read_no_faster_than_the_client_takes_it(
    start_exchange: StartExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resumption from the log waits for a client that does not read, and is whole when it does."""
    monkeypatch.setattr("gateway.websocket.subscribing.REPLAY_PAGE_EVENTS", 20)
    fast = Rate(10**6, 10**6)
    exchange = await start_exchange(
        Limits(
            before_logon=fast, requests=fast, orders=fast, conflate_above_bytes=20_000, max_unsent_bytes=10**9
        )
    )
    trader = await exchange.client("beta-key")
    start = await trader.ping()
    reports = await asyncio.gather(
        *(
            trader.place_order(
                client_order_id=f"o{number}", instrument=RIMBA, side="buy", quantity=1, price="9.00"
            )
            for number in range(400)
        )
    )
    exchange.gateway.replica.recent.clear()
    slow = await exchange.stuck_client()
    await slow.log_on("auditor-key", slow.nonce)
    await slow.result("subscribe", channel="book", instrument=RIMBA)
    await slow.stop_and_fill(40_000)
    await slow.send(
        {
            "id": "history",
            "method": "subscribe",
            "params": {"channel": "orders", "account": "beta", "from_seq": start},
        }
    )
    connection = slow.connection

    def place_reached() -> int:
        return max((found.prev_seq for found in connection.private.values()), default=0)

    await eventually(lambda: place_reached() == reports[19].order_id, "the first page was pushed")
    # Others are served meanwhile, and the replay has not gone on.
    for _ in range(20):
        await trader.market_trades(RIMBA, before_trade_id=1)
    assert reports[19].order_id == place_reached()
    slow.go_on_reading()
    told = [await slow.push("orders") for _ in range(400)]
    assert [report.order_id for report in reports] == [push["data"]["order_id"] for push in told]


async def test_reads_of_one_connection_are_limited(start_exchange: StartExchange) -> None:
    """Requests that wait for the log are refused as busy beyond their number; all others are answered."""
    exchange = await start_exchange(Limits(max_reads=2))
    client, _ = await exchange.raw()
    for number in range(5):
        params = {"instrument": RIMBA, "interval": "1h"}
        await client.send({"id": number, "method": "market.candles", "params": params})
    answers = [await client.message() for _ in range(5)]
    assert {RejectCode.BUSY: 3} == exchange.gateway.statistics.errors
    assert [0, 1, 2, 3, 4] == sorted(answer["id"] for answer in answers)
    assert "result" in await client.ask("market.candles", instrument=RIMBA, interval="1h")


async def test_long_coalesced_output_comes_in_several_frames(
    start_exchange: StartExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An array has a bounded size; nothing is lost between two of them."""
    monkeypatch.setattr("gateway.websocket.connection.MAX_COALESCED_BYTES", 1000)
    exchange = await start_exchange()
    client = await exchange.raw_trader("beta-key", coalesce=True)
    frames = client.frames
    for number in range(20):
        await client.send({"id": number, "method": "ping"})
        await client.send({"id": 100 + number, "method": "market.book", "params": {"instrument": RIMBA}})
    answers = [await client.message() for _ in range(40)]
    assert [*range(20), *range(100, 120)] == sorted(answer["id"] for answer in answers)
    assert client.frames - frames > 1


async def test_busy_engine(start_exchange: StartExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the engine's queue is full, orders and logons are refused with 3012; an ended session is closed all the same."""
    exchange = await start_exchange()
    client = await exchange.raw_trader("beta-key")
    late, nonce = await exchange.raw()
    with monkeypatch.context() as patched:
        patched.setattr("exchange.engine.engine.MAX_WAITING_COMMANDS", 0)
        assert RejectCode.BUSY == (await client.error("order.place", **order("a")))["code"]
        error = (await late.log_on("gamma-key", nonce))["error"]
        assert RejectCode.BUSY == error["code"]
        await client.socket.close()
        await eventually(lambda: not exchange.venue.state.sessions, "the session was closed")
    assert 0 == exchange.gateway.statistics.sessions
