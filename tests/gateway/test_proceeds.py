"""Primary sales over the websocket: the answers of trades, and what those who share in them hear, live and from the log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import gateway.replica
from exchange.domain.commands import DepositUnits
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.serials import SerialBlock
from gateway.websocket.client import ExchangeClient, RejectedError, SigningKey
from gateway.websocket.pushes import CashChange
from tests.exchange.domain.carbon.primary_sales import COMMUNITY, FOREST, KEY, SELLER, SPOT, opening
from tests.market import ALPHA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.websocket.streams import Stream
    from tests.gateway.exchange import RunningExchange


@pytest.fixture
async def forest(exchange: RunningExchange) -> AsyncIterator[ExchangeClient]:
    """Gives the client of the forest, whose sales account has 1,000 units."""
    key = SigningKey.generate(KEY)
    block = SerialBlock("CAR", "forest-1", 1, 1000)
    await exchange.do(
        *opening(key.public_hex),
        DepositUnits(LOCAL_OPERATOR, SELLER, FOREST.class_id, 1000, (block,), "forest-1"),
    )
    async with await ExchangeClient.connect(exchange.url, key=key) as client:
        yield client


async def sell(exchange: RunningExchange, forest: ExchangeClient) -> tuple[int, int]:
    """Sell 7 units on the book and 100 as a block; answers the ids of the trades."""
    alpha = await exchange.client("alpha-key")
    await forest.place_order(
        client_order_id="s1",
        account=SELLER,
        instrument=SPOT.symbol,
        side="sell",
        quantity=7,
        price="10.03",
    )
    bought = await alpha.place_order(
        client_order_id="b1",
        account=ALPHA,
        instrument=SPOT.symbol,
        side="buy",
        quantity=7,
        price="10.03",
    )
    terms: dict[str, Any] = {
        "trade_reference": "block-1",
        "instrument": SPOT.symbol,
        "price": "10.00",
        "quantity": 100,
    }
    await forest.key_block(counterparty=ALPHA, side="sell", account=SELLER, **terms)
    keyed = await alpha.key_block(counterparty=SELLER, side="buy", account=ALPHA, **terms)
    assert keyed.trade is not None
    assert (keyed.seq, 100) == (keyed.trade.trade_id + 3, keyed.trade.quantity)
    (fill,) = bought.fills
    return fill.trade_id, keyed.trade.trade_id


async def cash_heard(stream: Stream[Any], count: int) -> list[tuple[int, str, list[CashChange]]]:
    """The next changes of cash that a stream tells."""
    pushes = [await asyncio.wait_for(anext(stream), 20) for _ in range(count)]
    return [(push.seq, push.data.cause, push.data.cash) for push in pushes]


@pytest.mark.parametrize("from_memory", [True, False], ids=["memory", "log"])
async def test_who_shares_hears_of_it(
    exchange: RunningExchange, forest: ExchangeClient, from_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The community hears its part of each sale, live and again from the log; the seller hears what went on to others."""
    start = exchange.gateway.replica.last_seq
    live = await forest.balance_changes(COMMUNITY)
    fill, block = await sell(exchange, forest)
    if not from_memory:
        monkeypatch.setattr(gateway.replica, "RECENT_EVENTS", 1)
    url = exchange.url if from_memory else (await exchange.another_gateway())[1]
    late = await exchange.client("auditor-key", url=url)

    expected = [
        (fill + 1, "proceeds_paid", [CashChange("EUR", "42.08", "0.00")]),
        (block + 1, "proceeds_paid", [CashChange("EUR", "599.40", "0.00")]),
    ]
    assert expected == await cash_heard(live, 2)
    assert expected == await cash_heard(await late.balance_changes(COMMUNITY, from_seq=start), 2)
    of_seller = await late.balance_changes(SELLER, from_seq=fill - 1)
    assert [
        (fill, "fill", [CashChange("EUR", "70.13", "0.00")]),
        (fill + 1, "proceeds_paid", [CashChange("EUR", "-42.08", "0.00")]),
        (fill + 3, "proceeds_paid", [CashChange("EUR", "-1.05", "0.00")]),
    ] == await cash_heard(of_seller, 3)
    (cash,) = (await forest.balances(COMMUNITY)).cash
    assert "641.48" == cash.total


async def test_a_sales_account_does_not_buy(forest: ExchangeClient) -> None:
    """An order to buy is refused with the reason."""
    with pytest.raises(RejectedError, match="6301 SALES_ACCOUNT_ONLY_SELLS"):
        await forest.place_order(
            client_order_id="b1",
            account=SELLER,
            instrument=SPOT.symbol,
            side="buy",
            quantity=1,
            price="10.00",
        )
