"""Logon, logout, the end of sessions, reconnection, and the end of the engine, over real sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR, Role
from exchange.domain.orders import OrderStatus, Side
from exchange.domain.rejects import RejectCode
from exchange.engine.interface import EngineStopped
from gateway.results import OrderReport
from gateway.websocket.client import ExchangeClient, NotConnected, OutcomeUnknown, RejectedError
from gateway.websocket.closing import CloseCode
from gateway.websocket.requests import OrderPlace, OrderPlaceParams
from gateway.websocket.streams import StreamEnded
from tests.gateway.exchange import SIGNING_KEYS, RunningExchange
from tests.market import ALPHA, ALPHA_2, BETA
from tests.waiting import eventually

if TYPE_CHECKING:
    from gateway.websocket.streams import Stream

RIMBA = "RIMBA-19"


def sessions(exchange: RunningExchange) -> dict[int, str]:
    """Keys of the venue's open sessions by their numbers."""
    return {number: session.key_id for number, session in exchange.venue.state.sessions.items()}


async def take(stream: Stream[Any], count: int) -> list[Any]:
    """The next pushes of a stream."""
    return [await asyncio.wait_for(anext(stream), 20) for _ in range(count)]


async def test_logon_opens_a_session(exchange: RunningExchange) -> None:
    """The answer names session, participant, role and accounts; the venue has the session until the client goes."""
    client = await exchange.client("alpha-key")
    logged_on = client.logged_on
    assert logged_on is not None
    assert ("alpha-key", "ALPHA", Role.TRADER, [ALPHA, ALPHA_2], exchange.venue.state.last_seq) == (
        logged_on.key_id,
        logged_on.participant,
        logged_on.role,
        logged_on.accounts,
        logged_on.session,
    )
    assert {logged_on.session: "alpha-key"} == sessions(exchange)
    await client.close()
    await eventually(lambda: not sessions(exchange), "the session was closed")


async def test_failed_logons(exchange: RunningExchange) -> None:
    """A wrong signature, an unknown key and the local operator get one and the same error and a fresh nonce."""
    raw, nonce = await exchange.raw()
    for key_id, signer in (("alpha-key", "beta-key"), ("nobody", "alpha-key"), (LOCAL_OPERATOR, "alpha-key")):
        error = await raw.error("session.logon", key_id=key_id, signature=SIGNING_KEYS[signer].sign(nonce))
        assert (RejectCode.LOGON_FAILED, True) == (error["code"], error["data"]["nonce"] != nonce)
        nonce = error["data"]["nonce"]
    assert "result" in await raw.log_on("alpha-key", nonce)
    assert 1 == len(sessions(exchange))


async def test_replayed_signature_fails(exchange: RunningExchange) -> None:
    """A signature recorded on one connection is worth nothing on another, nor on its own a second time."""
    first, nonce = await exchange.raw()
    second, _ = await exchange.raw()
    signature = SIGNING_KEYS["alpha-key"].sign(nonce)
    assert "session" in await first.result("session.logon", key_id="alpha-key", signature=signature)
    error = await second.error("session.logon", key_id="alpha-key", signature=signature)
    assert RejectCode.LOGON_FAILED == error["code"]
    error = await first.error("session.logon", key_id="alpha-key", signature=signature)
    assert RejectCode.ALREADY_LOGGED_ON == error["code"]
    await first.result("session.logout")
    error = await first.error("session.logon", key_id="alpha-key", signature=signature)
    assert RejectCode.LOGON_FAILED == error["code"]


async def test_logout_and_logon_again(exchange: RunningExchange) -> None:
    """After a logout the connection is as before its logon, and the nonce in the answer serves the next."""
    raw = await exchange.raw_trader("alpha-key")
    out = await raw.result("session.logout")
    assert {} == sessions(exchange)
    assert RejectCode.NOT_LOGGED_ON == (await raw.error("orders.open", account=ALPHA))["code"]
    assert RejectCode.NOT_LOGGED_ON == (await raw.error("session.logout"))["code"]
    assert "result" in await raw.log_on("beta-key", out["nonce"])
    assert ["beta-key"] == list(sessions(exchange).values())
    assert BETA == (await raw.result("orders.open"))["account"]


async def test_methods_that_need_a_session(exchange: RunningExchange) -> None:
    """Everything but market data, ping and logon is refused before a logon."""
    raw, _ = await exchange.raw()
    order = {"client_order_id": "a", "instrument": RIMBA, "side": "buy", "quantity": 1, "price": "9.00"}
    private: list[tuple[str, dict[str, Any]]] = [
        ("order.place", order),
        ("order.amend", {"order_id": 1, "quantity": 1}),
        ("order.cancel", {"order_id": 1}),
        ("order.cancel_all", {}),
        ("order.batch", {"items": [{"action": "cancel", "order_id": 1}]}),
        ("order.status", {"order_id": 1}),
        ("orders.open", {}),
        ("fills.list", {}),
        ("account.balances", {}),
        ("account.holdings", {}),
        (
            "credits.retire",
            {
                "credits": [{"class_id": "x", "quantity": 1}],
                "beneficiary": "x",
                "purpose": "x",
                "reference": "x",
            },
        ),
        ("account.serials", {"class_id": "x"}),
        (
            "block.key",
            {
                "trade_reference": "x",
                "counterparty": "x",
                "instrument": RIMBA,
                "side": "buy",
                "price": "1",
                "quantity": 1,
            },
        ),
        ("block.withdraw", {"trade_reference": "x", "counterparty": "x"}),
        ("block.list", {}),
        ("block.trades", {}),
        ("subscribe", {"channel": "orders"}),
        ("session.logout", {}),
        ("session.cancel_after", {"timeout_ms": 1}),
        ("protection.set", {"instrument": RIMBA, "window_ms": 0}),
        ("protection.reset", {"instrument": RIMBA}),
        ("protection.list", {}),
    ]
    for method, params in private:
        error = await raw.error(method, **params)
        assert (method, RejectCode.NOT_LOGGED_ON) == (method, error["code"])
    for method, params in (
        ("market.instruments", {}),
        ("market.book", {"instrument": RIMBA}),
        ("market.trades", {"instrument": RIMBA}),
        ("market.candles", {"instrument": RIMBA, "interval": "1h"}),
        ("subscribe", {"channel": "ticker", "instrument": RIMBA}),
        ("ping", {}),
    ):
        assert "result" in await raw.ask(method, **params), method


async def test_cancel_on_disconnect(exchange: RunningExchange) -> None:
    """Orders of a session that asked for it end with its connection, those of another stay."""
    leaving = await exchange.client("beta-key", cancel_on_disconnect=True)
    staying = await exchange.client("beta-key")
    for client, name in ((leaving, "a"), (staying, "b")):
        await client.place_order(client_order_id=name, instrument=RIMBA, side="buy", quantity=1, price="9.00")
    await leaving.close()

    async def cancelled() -> bool:
        return (await staying.order_status(client_order_id="a")).status is OrderStatus.CANCELLED

    await eventually(cancelled, "the order was cancelled")
    assert OrderStatus.OPEN is (await staying.order_status(client_order_id="b")).status


async def test_connection_that_goes_while_logging_on_leaves_no_session(exchange: RunningExchange) -> None:
    """A client that hangs up right after its logon request has no session afterwards."""
    for _ in range(10):
        raw, nonce = await exchange.raw()
        request = {"key_id": "beta-key", "signature": SIGNING_KEYS["beta-key"].sign(nonce)}
        await raw.send({"id": 1, "method": "session.logon", "params": request})
        raw.socket._response.connection.transport.abort()  # type: ignore[union-attr]
    await eventually(lambda: not exchange.gateway.statistics.connections, "all connections are gone")
    await eventually(lambda: not sessions(exchange), "all sessions were closed")
    assert 0 == exchange.gateway.statistics.sessions


async def test_revoked_key_ends_its_connections(exchange: RunningExchange) -> None:
    """When an operator revokes a key, its connection is closed with the code for that; others stay."""
    revoked, other = await exchange.raw_trader("alpha-key"), await exchange.client("beta-key")
    await exchange.do(commands.RevokeKey(LOCAL_OPERATOR, "alpha-key"))
    end = await revoked.closed()
    assert (CloseCode.SESSION_ENDED, "session ended: key revoked") == (end.code, end.reason)
    assert await other.ping()


async def test_roles(exchange: RunningExchange) -> None:
    """Auditors and operators read every account; an auditor does nothing else."""
    auditor = await exchange.client("auditor-key")
    assert BETA == (await auditor.balances(BETA)).account
    for work in (
        auditor.place_order(
            client_order_id="a", instrument=RIMBA, side="buy", quantity=1, price="9.00", account=BETA
        ),
        auditor.cancel_order(order_id=1, account=BETA),
        auditor.cancel_all(account=BETA),
        auditor.cancel_after(5, BETA),
    ):
        with pytest.raises(RejectedError) as caught:
            await work
        assert RejectCode.NOT_PERMITTED == caught.value.code


async def test_coalesced_answers(exchange: RunningExchange) -> None:
    """A client that opted in gets what is ready together in one frame, nothing missing and in order."""
    plain, packed = (
        await exchange.raw_trader("beta-key"),
        await exchange.raw_trader("beta-key", coalesce=True),
    )
    for client, prefix in ((plain, "p"), (packed, "c")):
        await client.result("subscribe", channel="orders")
        items = [
            {
                "action": "place",
                "client_order_id": f"{prefix}{number}",
                "instrument": RIMBA,
                "side": "buy",
                "quantity": 1,
                "price": "9.00",
            }
            for number in range(20)
        ]
        frames = client.frames
        await client.send({"id": "batch", "method": "order.batch", "params": {"items": items}})
        pushed = [(await client.push("orders"))["data"]["client_order_id"] for _ in range(20)]
        assert [f"{prefix}{number}" for number in range(20)] == pushed
        answer = await client.answer("batch")
        assert 20 == len(answer["result"]["outcomes"])
        if client is plain:
            assert 21 == client.frames - frames
        else:
            # Twenty pushes and an answer: one frame for each transaction that the orders fell into.
            assert client.frames - frames < 21


async def test_resumes_after_the_loss_of_its_connection(exchange: RunningExchange) -> None:
    """A client that may reconnect logs on again and goes on with every channel where it was."""
    beta = await exchange.client("beta-key", reconnect=True)
    gamma = await exchange.client("gamma-key")
    orders, book = await beta.orders(), await beta.book(RIMBA)
    first = beta.logged_on
    await beta.place_order(client_order_id="a", instrument=RIMBA, side="buy", quantity=1, price="9.00")
    assert beta._socket is not None
    beta._socket._response.connection.transport.abort()  # type: ignore[union-attr]
    await eventually(lambda: not beta._ready.is_set(), "the loss was noticed")
    # Meanwhile: somebody else trades with its order.
    await gamma.place_order(client_order_id="g", instrument=RIMBA, side="sell", quantity=1, price="9.00")
    await beta.place_order(client_order_id="b", instrument=RIMBA, side="buy", quantity=2, price="9.10")
    told = await take(orders, 3)
    assert ["a", None, "b"] == [getattr(push.data, "client_order_id", None) for push in told]
    assert [told[0].seq, told[1].seq] == [push.prev_seq for push in told[1:]]
    await eventually(lambda: [("9.10", 2)] == book.book.bids, "the book was taken anew")
    assert first is not None
    assert beta.logged_on is not None
    assert first.session != beta.logged_on.session


async def test_gives_up_when_its_key_is_gone(exchange: RunningExchange) -> None:
    """A client whose key was revoked does not try for ever: its channels end with the reason, requests are refused."""
    alpha = await exchange.client("alpha-key", reconnect=True)
    stream = await alpha.orders(ALPHA)
    await exchange.do(commands.RevokeKey(LOCAL_OPERATOR, "alpha-key"))
    with pytest.raises(StreamEnded) as caught:
        await asyncio.wait_for(anext(stream), 20)
    assert isinstance(caught.value.__cause__, RejectedError)
    assert RejectCode.LOGON_FAILED == caught.value.__cause__.code
    with pytest.raises(NotConnected):
        await alpha.ping()


async def test_channel_that_cannot_be_resumed_ends_alone(exchange: RunningExchange) -> None:
    """After a reconnect a channel that is refused ends with the refusal, the others go on."""
    beta = await exchange.client("beta-key", reconnect=True)
    orders, fills = await beta.orders(), await beta.fills()
    fills.seq = 10**9
    assert beta._socket is not None
    beta._socket._response.connection.transport.abort()  # type: ignore[union-attr]
    with pytest.raises(StreamEnded) as caught:
        await asyncio.wait_for(anext(fills), 20)
    assert isinstance(caught.value.__cause__, RejectedError)
    await beta.place_order(client_order_id="a", instrument=RIMBA, side="buy", quantity=1, price="9.00")
    assert ["a"] == [push.data.client_order_id for push in await take(orders, 1)]


async def test_request_in_flight_at_a_loss_has_an_unknown_outcome(exchange: RunningExchange) -> None:
    """Without an answer the outcome is unknown; the same request again, or its status, tells it."""
    beta = await exchange.client("beta-key")
    params = OrderPlaceParams("a", RIMBA, Side.BUY, 1, price="9.00")
    order = beta.send(OrderPlace, params, OrderReport)
    await beta.close()
    with pytest.raises(OutcomeUnknown):
        await order
    with pytest.raises(NotConnected):
        await beta.ping()
    again = await exchange.client("beta-key")
    report = await again.place_order(
        client_order_id="a", instrument=RIMBA, side="buy", quantity=1, price="9.00"
    )
    assert [report.order_id] == [order.order_id for order in (await again.open_orders()).orders]


async def test_stopped_engine(exchange: RunningExchange) -> None:
    """When the engine ends, waiting requests learn that their outcome is unknown, and connections close with 1012."""
    raw, other = await exchange.raw_trader("beta-key"), (await exchange.raw())[0]
    exchange.engine._fail(RuntimeError("the test stops the engine"))
    params = {"client_order_id": "a", "instrument": RIMBA, "side": "buy", "quantity": 1, "price": "9.00"}
    error = await raw.error("order.place", **params)
    assert (RejectCode.UNAVAILABLE, True) == (error["code"], "the outcome is unknown" in error["message"])
    for client in (raw, other):
        end = await client.closed()
        assert (CloseCode.SERVICE_RESTART, "the engine has stopped") == (end.code, end.reason)
    assert exchange.gateway.stopped.done()
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await exchange.raw()
    assert 503 == caught.value.status
    with pytest.raises(EngineStopped):
        await exchange.engine.submit(commands.FireTimers())


async def test_hello_and_heartbeats(exchange: RunningExchange) -> None:
    """The greeting names the venue and the limits; heartbeats carry the last durable seq."""
    client = await exchange.client()
    assert ("Test Venue", 1, 64) == (
        client.hello.venue,
        client.hello.protocol_version,
        len(client.hello.nonce),
    )
    assert exchange.gateway.replica.last_seq == client.hello.seq
    trader = await exchange.client("beta-key")
    assert isinstance(trader, ExchangeClient)
    assert trader.logged_on is not None
    assert trader.logged_on.seq == await client.ping()
