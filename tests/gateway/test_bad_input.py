"""Bad input over the real socket: a numbered error each, nothing in the log that should not be, others unharmed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aiohttp import WSMsgType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.domain.orders import OrderStatus
from exchange.domain.rejects import RejectCode
from exchange.domain.snapshot import digest
from gateway.websocket.closing import CloseCode
from gateway.websocket.frames import BadFrame, decode_request
from gateway.websocket.requests import METHODS
from tests.market import V19
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.gateway.exchange import RunningExchange

RIMBA = "RIMBA-19"
HUGE = 10**30


def place(**changes: Any) -> dict[str, Any]:
    """Params of an order, some of them changed; None leaves a field out."""
    params = {"client_order_id": "x", "instrument": RIMBA, "side": "buy", "quantity": 1, "price": "9.00"}
    return {name: value for name, value in (params | changes).items() if value is not None}


@pytest.fixture
async def guarded(exchange: RunningExchange) -> AsyncIterator[RunningExchange]:
    """Gives an exchange where somebody else has an order and listens; both must be as they were at the end."""
    other = await exchange.client("gamma-key")
    report = await other.place_order(
        client_order_id="guard", instrument=RIMBA, side="sell", quantity=5, price="12.00"
    )
    book = await other.book(RIMBA)
    yield exchange
    assert OrderStatus.OPEN is (await other.order_status(client_order_id="guard")).status
    assert [("12.00", 5)] == book.book.asks
    assert report.order_id in exchange.venue.state.orders
    # A test's connections may just be closing, and their sessions with them.
    await eventually(
        lambda: digest(exchange.venue.state) == digest(exchange.gateway.replica.state),
        "the gateway's copy is the venue's state",
    )
    exchange.venue.state.ledger.check()


FRAMES: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"hello",
    "cut off": b'{"id":1,"method":"ping"',
    "two objects": b'{"id":1,"method":"ping"}{"id":2,"method":"ping"}',
    "array": b'[{"id":1,"method":"ping"}]',
    "number": b"1",
    "null": b"null",
    "no id": b'{"method":"ping"}',
    "null id": b'{"id":null,"method":"ping"}',
    "object id": b'{"id":{},"method":"ping"}',
    "fractional id": b'{"id":1.5,"method":"ping"}',
    "huge id": b'{"id":1' + b"0" * 40 + b',"method":"ping"}',
    "long id": b'{"id":"' + b"x" * 65 + b'","method":"ping"}',
    "not UTF-8": b'{"id":"\xff","method":"ping"}',
    "not UTF-8 deep": b'{"id":1,"method":"market.book","params":{"instrument":"\xff"}}',
    "lone surrogate": b'{"id":1,"method":"market.book","params":{"instrument":"\\ud800"}}',
    "not a number": b'{"id":1,"method":"ping","params":NaN}',
    "deeply nested": b'{"id":1,"method":"ping","params":' + b"[" * 20_000,
    "deeply nested and whole": b'{"id":1,"method":"ping","params":{"x":'
    + b"[" * 20_000
    + b"]" * 20_000
    + b"}}",
}


async def test_frames_that_are_no_requests(guarded: RunningExchange) -> None:
    """Each gets the error 1000 with a null id, and the connection goes on."""
    raw, _ = await guarded.raw()
    got: dict[str, tuple[int, bool]] = {}
    for name, frame in FRAMES.items():
        await raw.socket.send_frame(frame, WSMsgType.TEXT)
        code = (await raw.answer(None))["error"]["code"]
        got[name] = (code, "result" in await raw.ask("ping"))
    assert dict.fromkeys(FRAMES, (RejectCode.MALFORMED_FRAME, True)) == got


async def test_binary_frame(guarded: RunningExchange) -> None:
    """Binary frames are refused with 1000 and the connection goes on."""
    raw, _ = await guarded.raw()
    await raw.socket.send_bytes(b'{"id":1,"method":"ping"}')
    assert RejectCode.MALFORMED_FRAME == (await raw.answer(None))["error"]["code"]
    assert "result" in await raw.ask("ping")


async def test_bytes_that_are_no_websocket_frames(guarded: RunningExchange) -> None:
    """One who breaks the websocket protocol is told so and closed; the next connection works."""
    raw, _ = await guarded.raw()
    raw.socket._response.connection.transport.write(b"\xf1\x80\x00\x00\x00\x00")  # type: ignore[union-attr]
    assert RejectCode.MALFORMED_FRAME == (await raw.answer(None))["error"]["code"]
    assert 1002 == (await raw.closed()).code
    assert "result" in await (await guarded.raw())[0].ask("ping")


REQUESTS: dict[str, tuple[dict[str, Any], RejectCode, str]] = {
    "unknown method": ({"method": "order.steal"}, RejectCode.UNKNOWN_METHOD, ""),
    "method of another kind": ({"method": "Order.Place", "params": place()}, RejectCode.UNKNOWN_METHOD, ""),
    "unknown frame field": ({"method": "ping", "extra": 1}, RejectCode.INVALID_PARAMS, "extra"),
    "params no object": ({"method": "ping", "params": [1]}, RejectCode.INVALID_PARAMS, "params"),
    "params missing": ({"method": "market.book"}, RejectCode.INVALID_PARAMS, "params"),
    "unknown field": (
        {"method": "order.place", "params": place(colour="red")},
        RejectCode.INVALID_PARAMS,
        "params.colour",
    ),
    "field missing": (
        {"method": "order.place", "params": place(side=None)},
        RejectCode.INVALID_PARAMS,
        "params.side",
    ),
    "unknown side": (
        {"method": "order.place", "params": place(side="hold")},
        RejectCode.INVALID_PARAMS,
        "params.side",
    ),
    "price as number": (
        {"method": "order.place", "params": place(price=9.5)},
        RejectCode.INVALID_PARAMS,
        "params.price",
    ),
    "quantity as text": (
        {"method": "order.place", "params": place(quantity="1")},
        RejectCode.INVALID_PARAMS,
        "params.quantity",
    ),
    "quantity with a fraction": (
        {"method": "order.place", "params": place(quantity=1.0)},
        RejectCode.INVALID_PARAMS,
        "params.quantity",
    ),
    "quantity true": (
        {"method": "order.place", "params": place(quantity=True)},
        RejectCode.INVALID_PARAMS,
        "params.quantity",
    ),
    "empty id": (
        {"method": "order.place", "params": place(client_order_id="")},
        RejectCode.INVALID_PARAMS,
        "params.client_order_id",
    ),
    "long id": (
        {"method": "order.place", "params": place(client_order_id="x" * 65)},
        RejectCode.INVALID_PARAMS,
        "params.client_order_id",
    ),
    "unknown action": (
        {"method": "order.batch", "params": {"items": [{"action": "steal"}]}},
        RejectCode.INVALID_PARAMS,
        "params.items[0].action",
    ),
    "item of another action": (
        {"method": "order.batch", "params": {"items": [{"action": "cancel", "price": "1"}]}},
        RejectCode.INVALID_PARAMS,
        "params.items[0].price",
    ),
    "unknown channel": (
        {"method": "subscribe", "params": {"channel": "gossip"}},
        RejectCode.UNKNOWN_CHANNEL,
        "params.channel",
    ),
    "depth between": (
        {"method": "subscribe", "params": {"channel": "book", "instrument": RIMBA, "depth": 11}},
        RejectCode.INVALID_PARAMS,
        "params.depth",
    ),
    "negative depth": (
        {"method": "market.book", "params": {"instrument": RIMBA, "depth": -1}},
        RejectCode.INVALID_PARAMS,
        "params.depth",
    ),
    "limit too high": (
        {"method": "fills.list", "params": {"limit": 1001}},
        RejectCode.INVALID_PARAMS,
        "params.limit",
    ),
    "negative seq": (
        {"method": "fills.list", "params": {"after_seq": -1}},
        RejectCode.INVALID_PARAMS,
        "params.after_seq",
    ),
    "huge seq": (
        {"method": "fills.list", "params": {"after_seq": HUGE}},
        RejectCode.INVALID_PARAMS,
        "params.after_seq",
    ),
    "negative order id": (
        {"method": "order.cancel", "params": {"order_id": -5}},
        RejectCode.INVALID_PARAMS,
        "params.order_id",
    ),
    "endless timer": (
        {"method": "session.cancel_after", "params": {"timeout_ms": HUGE}},
        RejectCode.INVALID_PARAMS,
        "params.timeout_ms",
    ),
    "endless window": (
        {"method": "protection.set", "params": {"instrument": RIMBA, "window_ms": HUGE}},
        RejectCode.INVALID_PARAMS,
        "params.window_ms",
    ),
    "unknown interval": (
        {"method": "market.candles", "params": {"instrument": RIMBA, "interval": "7m"}},
        RejectCode.INVALID_PARAMS,
        "params.interval",
    ),
    "long signature": (
        {"method": "session.logon", "params": {"key_id": "a", "signature": "0" * 129}},
        RejectCode.INVALID_PARAMS,
        "params.signature",
    ),
}


async def test_requests_that_do_not_decode(guarded: RunningExchange) -> None:
    """Each gets its number and the path of the offending field, and nothing reaches the engine."""
    raw = await guarded.raw_trader("beta-key")
    seq = guarded.venue.state.last_seq
    got: dict[str, tuple[int, str, str]] = {}
    for name, (request, _, _) in REQUESTS.items():
        await raw.send({"id": name, **request})
        error = (await raw.answer(name))["error"]
        got[name] = (error["code"], error["name"], error.get("data", {}).get("field", ""))
    assert {name: (code, code.name, field) for name, (_, code, field) in REQUESTS.items()} == got
    assert seq == (await raw.result("ping"))["seq"] == guarded.venue.state.last_seq


AT_THE_GATE: dict[str, tuple[dict[str, Any], RejectCode]] = {
    "no quantity": (place(quantity=0), RejectCode.INVALID_QUANTITY),
    "negative quantity": (place(quantity=-1), RejectCode.INVALID_QUANTITY),
    "huge quantity": (place(quantity=HUGE), RejectCode.INVALID_QUANTITY),
    "quantity beyond 64 bits": (place(quantity=2**64), RejectCode.INVALID_QUANTITY),
    "negative display": (place(display_quantity=-1), RejectCode.INVALID_QUANTITY),
    "no price": (place(price="0"), RejectCode.INVALID_PRICE),
    "negative price": (place(price="-9.00"), RejectCode.INVALID_PRICE),
    "price of words": (place(price="nine"), RejectCode.INVALID_PRICE),
    "price with an exponent": (place(price="9e2"), RejectCode.INVALID_PRICE),
    "price in other digits": (place(price="\u0669"), RejectCode.INVALID_PRICE),
    "huge price": (place(price="9" * 20), RejectCode.INVALID_PRICE),
    "off tick": (place(price="9.001"), RejectCode.PRICE_OFF_TICK),
    "unknown instrument": (place(instrument="NOPE"), RejectCode.UNKNOWN_INSTRUMENT),
    "control characters in the id": (place(client_order_id="a\u0000b"), RejectCode.INVALID_PARAMS),
    "other letters in the id": (place(client_order_id="\u00e4"), RejectCode.INVALID_PARAMS),
    "other people's account": (place(account="gamma"), RejectCode.UNKNOWN_ACCOUNT),
    "negative delivery": (
        place(side="sell", deliver=[{"class_id": V19, "quantity": -1}]),
        RejectCode.INVALID_QUANTITY,
    ),
}

IN_THE_VENUE: dict[str, tuple[dict[str, Any], RejectCode]] = {
    "above the maximum": (place(quantity=1_000_001), RejectCode.QUANTITY_ABOVE_MAXIMUM),
    "outside the band": (place(price="15.01"), RejectCode.PRICE_OUTSIDE_BAND),
    "limit order without a price": (place(price=None), RejectCode.INVALID_PRICE),
    "beyond funds": (place(quantity=900_000), RejectCode.INSUFFICIENT_FUNDS),
    "beyond units": (place(side="sell", quantity=900_000), RejectCode.INSUFFICIENT_UNITS),
    "post-only and immediate": (
        place(post_only=True, time_in_force="ioc"),
        RejectCode.ORDER_TERMS_CONFLICT,
    ),
    "no date": (place(time_in_force="gtd", expire_date="soon"), RejectCode.INVALID_DATE),
    "date in the past": (
        place(time_in_force="gtd", expire_date="2020-01-01"),
        RejectCode.EXPIRY_IN_THE_PAST,
    ),
    "display above quantity": (place(display_quantity=5), RejectCode.ORDER_TERMS_CONFLICT),
    "delivery of a strange class": (
        place(side="sell", deliver=[{"class_id": "X-1-2020", "quantity": 1}]),
        RejectCode.CLASS_NOT_DELIVERABLE,
    ),
    "delivery that does not add up": (
        place(side="sell", deliver=[{"class_id": V19, "quantity": 2}]),
        RejectCode.DELIVERY_MISMATCH,
    ),
}


async def test_orders_that_cannot_be(guarded: RunningExchange) -> None:
    """What is malformed never reaches the log; what the venue refuses is recorded there, and the answer says where."""
    raw = await guarded.raw_trader("beta-key")
    for cases, recorded in ((AT_THE_GATE, False), (IN_THE_VENUE, True)):
        got: dict[str, tuple[int, str, bool]] = {}
        for number, (name, (params, _)) in enumerate(cases.items()):
            seq = guarded.venue.state.last_seq
            if params["client_order_id"] == "x":
                params["client_order_id"] = f"x{number}-{recorded}"
            error = await raw.error("order.place", **params)
            recorded_at = error.get("data", {}).get("seq", 0)
            got[name] = (error["code"], error["name"], recorded_at == seq + 1)
            assert max(seq, recorded_at) == guarded.venue.state.last_seq
        assert {name: (code, code.name, recorded) for name, (_, code) in cases.items()} == got


async def test_retirements_that_cannot_be(guarded: RunningExchange) -> None:
    """Negative, huge, uncovered and unknown retirements each have their number."""
    raw = await guarded.raw_trader("beta-key")
    wish: dict[str, Any] = {
        "credits": [{"class_id": V19, "quantity": 1}],
        "beneficiary": "Acme",
        "purpose": "x",
        "reference": "r",
    }
    codes = [
        (await raw.error("credits.retire", **(wish | change)))["code"]
        for change in (
            {"credits": [{"class_id": V19, "quantity": -1}]},
            {"credits": [{"class_id": V19, "quantity": HUGE}]},
            {"credits": [{"class_id": V19, "quantity": 10**9}]},
            {"credits": [{"class_id": "NOPE-1", "quantity": 1}]},
            {"beneficiary": "  "},
            {"beneficiary": "a\u0000"},
            {"beneficiary": "x" * 201},
        )
    ]
    assert [
        RejectCode.INVALID_QUANTITY,
        RejectCode.INVALID_QUANTITY,
        RejectCode.INSUFFICIENT_UNITS,
        RejectCode.UNKNOWN_CLASS,
        RejectCode.BENEFICIARY_REQUIRED,
        RejectCode.INVALID_PARAMS,
        RejectCode.INVALID_PARAMS,
    ] == codes


async def test_flood_of_garbage_harms_nobody(guarded: RunningExchange) -> None:
    """While many connections flood with garbage until they are shown out, a trader's orders are served."""
    trader = await guarded.client("beta-key")

    async def flood() -> int | None:
        raw, _ = await guarded.raw()
        writing = asyncio.create_task(send_much(raw))
        end = await raw.closed()
        writing.cancel()
        return end.code

    async def send_much(raw: Any) -> None:
        while True:
            await raw.socket.send_frame(b'{"id":1,"method":"nonsense"}', WSMsgType.TEXT)
            await asyncio.sleep(0)

    floods = [asyncio.create_task(flood()) for _ in range(3)]
    for number in range(20):
        report = await trader.place_order(
            client_order_id=f"o{number}", instrument=RIMBA, side="buy", quantity=1, price="9.00"
        )
        assert OrderStatus.OPEN is report.status
    assert [CloseCode.RATE_LIMITED] * 3 == await asyncio.gather(*floods)
    assert 20 == len((await trader.open_orders()).orders)


async def test_internal_error_ends_one_connection_only(
    guarded: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of ours closes the connection that met it, with no word of where it is; others go on."""
    unlucky, other = (await guarded.raw())[0], await guarded.client()

    def broken(*_: object) -> object:
        raise ZeroDivisionError("secret detail")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.queries.render_instrument", broken)
        await unlucky.send({"id": 1, "method": "market.instruments"})
        end = await unlucky.closed()
    assert (CloseCode.INTERNAL_ERROR, "internal error") == (end.code, end.reason)
    assert b"secret" not in b"".join(guarded.tap.received)
    assert 2 == len((await other.instruments()).instruments)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
fields = st.sampled_from(
    ["account", "quantity", "price", "side", "items", "channel", "order_id", "limit", "interval", "deliver"]
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.binary(max_size=200),
        json_values.map(msgspec.json.encode),
        st.builds(
            lambda request_id, method, params: msgspec.json.encode(
                {"id": request_id, "method": method, "params": params}
            ),
            json_values,
            st.sampled_from(sorted(METHODS)),
            st.dictionaries(fields, json_values, max_size=4),
        ),
    )
)
def test_any_frame_decodes_or_has_a_numbered_error(frame: bytes) -> None:
    """Whatever comes, it is a request or gets an error of the range 1xxx; no other exception is possible."""
    error = None
    try:
        decode_request(frame)
    except BadFrame as bad:
        error = bad.answer.error
    assert error is None or (1000 <= error.code < 1100 and len(error.message) <= 200)
