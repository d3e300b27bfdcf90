"""Real QuickFIX, with its own validation on, sends every message and gets every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.fix.fix_exchange import now, register, serving_fix
from tests.gateway.fix.quickfix_client import QuickFixClient
from tests.market import PROJECT, V19

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.fix.message import Fields
    from tests.gateway.exchange import RunningExchange


def order(cl_ord_id: str, side: str = "1", **more: str | int) -> Fields:
    """A limit order of 10 at 10.00; `more` by tag, such as `t44="9.99"`."""
    fields: Fields = {11: cl_ord_id, 55: PROJECT.symbol, 54: side, 60: now(), 38: "10", 40: "2", 44: "10.00"}
    fields |= {int(tag[1:]): str(value) for tag, value in more.items()}
    return {tag: value for tag, value in fields.items() if value != ""}


@pytest.mark.timeout(60)
async def test_every_message(exchange: RunningExchange, tmp_path: Path) -> None:
    """All messages to the venue are answered as they should be, and QuickFIX finds nothing wrong with the answers."""
    await register(exchange, "ALPHAFIX", "alpha")
    trader = await exchange.client("beta-key")
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        client = QuickFixClient("ALPHAFIX", tmp_path / "client", port)
        await client.start()
        try:
            await client.send("x", {320: "sl", 559: 4})
            assert "2" == (await client.next("y"))["393"]
            await client.send("c", {320: "sd", 321: 0, 55: PROJECT.symbol})
            assert "1" == (await client.next("d"))["323"]
            await client.send("c", {320: "sd2", 321: 0, 55: "NOTHING"})
            assert "3000" == (await client.next("d"))["20001"]
            await client.send("e", {324: "ss", 55: PROJECT.symbol, 263: 1})
            assert "17" == (await client.next("f"))["326"]
            await client.send("g", {335: "ts", 263: 0})
            assert "2" == (await client.next("h"))["340"]
            await client.send("BB", {909: "ci"})
            assert "3" == (await client.next("BG"))["945"]
            assert V19 == (await client.next("BA"))["20031"]
            market_data: Fields = {
                262: "md",
                263: 1,
                264: 5,
                265: 1,
                267: [{269: "0"}, {269: "1"}, {269: "2"}],
                146: [{55: PROJECT.symbol}],
            }
            await client.send("V", market_data)
            assert "0" == (await client.next("W"))["268"]
            await client.send("V", market_data | {262: "md2", 146: [{55: "NOTHING"}]})
            assert "0" == (await client.next("Y"))["281"]

            await client.send("D", order("o1"))
            assert "0" == (await client.next("8"))["150"]
            assert "10.00" == (await client.next("X"))["270"]
            await client.send("D", order("o1") | {38: "11"})
            assert ("8", "5001") == _of(await client.next("8"), 150, 20001)
            await client.send("G", order("o2", t41="o1", t44="10.05"))
            assert ("5", "o2", "o1") == _of(await client.next("8"), 150, 11, 41)
            await client.send("H", {11: "o2", 55: PROJECT.symbol, 54: "1", 790: "st"})
            assert ("I", "0", "st") == _of(await client.next("8"), 150, 39, 790)
            await trader.place_order(
                client_order_id="b1",
                instrument=PROJECT.symbol,
                side="sell",
                quantity=4,
                price="10.05",
                time_in_force="ioc",
            )
            traded = await client.next("8")
            assert ("F", "1", "4", "10.05", "6", "1") == _of(traded, 150, 39, 32, 31, 151, 851)
            assert ("0.05", "EUR", V19, "4", "20261123") == _of(traded, 137, 138, 20004, 20005, 20006)
            await client.send("F", {41: "o2", 11: "o3", 55: PROJECT.symbol, 54: "1", 60: now()})
            assert ("4", "o3", "o2") == _of(await client.next("8"), 150, 11, 41)
            await client.send("F", {41: "o2", 11: "o4", 55: PROJECT.symbol, 54: "1", 60: now()})
            assert ("1", "5000") == _of(await client.next("9"), 102, 20001)
            await client.send("G", order("o5", t41="o2"))
            assert ("2", "5000") == _of(await client.next("9"), 434, 20001)

            # Every kind of order.
            await client.send("D", order("k1", t40="1", t44="", t59="3"))
            assert "0" == (await client.next("8"))["150"]
            assert "C" == (await client.next("8"))["150"]
            await client.send("D", order("k2", t59="4"))
            assert ("0", "C") == ((await client.next("8"))["150"], (await client.next("8"))["150"])
            await client.send("D", order("k3", t59="1", t18="6", t111="4", t20015="2"))
            assert ("0", "6", "4", "2") == _of(await client.next("8"), 150, 18, 111, 20015)
            await client.send("D", order("k4", t59="6", t432="20261130", t44="9.90"))
            assert ("0", "20261130") == _of(await client.next("8"), 150, 432)
            await client.send("D", order("k5", "2", t44="10.10") | {20003: [{20004: V19, 20005: "10"}]})
            assert "0" == (await client.next("8"))["150"]
            await client.send("D", order("k6", t20010="Acme", t20011="flights", t44="9.80"))
            assert "0" == (await client.next("8"))["150"]
            await client.send("D", order("k7", t44="99.00"))
            assert ("8", "3003") == _of(await client.next("8"), 150, 20001)
            await client.send("AF", {584: "ms", 585: 7})
            reports = [await client.next("8") for _ in range(4)]
            assert ["k3", "k4", "k5", "k6"] == [report["11"] for report in reports]
            assert ("4", "Y") == _of(reports[-1], 911, 912)
            await client.send("q", {11: "mc", 530: "7", 60: now()})
            assert ["4"] * 4 == [(await client.next("8"))["150"] for _ in range(4)]
            assert ("7", "4") == _of(await client.next("r"), 531, 533)
            await client.send("q", {11: "mc2", 530: "1", 55: "NOTHING", 60: now()})
            assert ("0", "3000") == _of(await client.next("r"), 531, 20001)

            # Quotes and protection.
            await client.send(
                "U1", {20020: "p1", 55: PROJECT.symbol, 20021: 1, 20022: "5", 20023: 10, 20024: 60_000}
            )
            assert "1" == (await client.next("U2"))["20025"]
            await client.send("i", _quote("q1", "9.95", "10.05"))
            assert ["q1/e1/bid", "q1/e1/ask"] == [(await client.next("8"))["11"] for _ in range(2)]
            assert "0" == (await client.next("b"))["297"]
            await trader.place_order(
                client_order_id="b2",
                instrument=PROJECT.symbol,
                side="buy",
                quantity=6,
                price="10.05",
                time_in_force="ioc",
            )
            assert "F" == (await client.next("8"))["150"]
            assert "2" == (await client.next("U2"))["20025"]
            assert {"4"} == {(await client.next("8"))["150"] for _ in range(2)}
            await client.send("i", _quote("q2", "9.95", "10.05"))
            assert ("5", "5005") == _of(await client.next("b"), 297, 20001)
            await client.send("U1", {20020: "p2", 55: PROJECT.symbol, 20021: 2})
            assert "1" == (await client.next("U2"))["20025"]
            await client.send("i", _quote("q3", "9.95", "10.05"))
            assert "0" == (await client.next("b"))["297"]
            await client.send("Z", {117: "q3", 298: 4})
            assert "4" == (await client.next("b"))["297"]
            await client.send("V", market_data | {263: 2})
        finally:
            await client.stop()
    assert [] == client.sent_rejects
    assert [] == [text for text in client.admin if "|35=3|" in text]


def _of(fields: dict[str, str], *tags: int) -> tuple[str, ...]:
    return tuple(fields[str(tag)] for tag in tags)


def _quote(quote_id: str, bid: str, ask: str) -> Fields:
    entry: Fields = {299: "e1", 55: PROJECT.symbol, 132: bid, 133: ask, 134: "10", 135: "10"}
    return {117: quote_id, 301: 2, 296: [{302: "s1", 304: 1, 295: [entry]}]}
