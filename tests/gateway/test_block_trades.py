"""Block trades over real websockets: both halves, what each side sees of the other, refusals, and deferred settlement."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import gateway.replica
from exchange.domain import commands
from exchange.domain.events import CancelReason
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.orders import Side
from exchange.domain.rejects import RejectCode
from gateway import block_results, results
from gateway.websocket import pushes
from gateway.websocket.client import RejectedError
from tests.market import ALPHA, BETA, GAMMA, PROJECT, V18, V19, V20

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gateway.websocket.client import ExchangeClient
    from gateway.websocket.streams import Stream
    from tests.gateway.exchange import RunningExchange

LATER = msgspec.structs.replace(PROJECT, symbol="RIMBA-T2", settlement_days=2)
"""Settles two business days after the trade."""
GAMMAS = "opening-2019 [300001 to 300050]"
"""Serials of vintage 2019 that gamma has."""
TERMS = {"trade_reference": "desk-7", "instrument": PROJECT.symbol, "price": "10.00", "quantity": 50}


async def buys(client: ExchangeClient, **changes: Any) -> block_results.KeyedBlock:
    """Beta's half."""
    return await client.key_block(**{"counterparty": GAMMA, "side": "buy", **TERMS, **changes})


async def sells(client: ExchangeClient, **changes: Any) -> block_results.KeyedBlock:
    """Gamma's half."""
    return await client.key_block(**{"counterparty": BETA, "side": "sell", **TERMS, **changes})


async def code_of(work: Awaitable[object]) -> RejectCode:
    """The code of the refusal that a request must get."""
    with pytest.raises(RejectedError) as caught:
        await work
    return RejectCode(caught.value.code)


async def take(stream: Stream[Any], count: int) -> list[Any]:
    """The next pushes of a stream."""
    return [await asyncio.wait_for(anext(stream), 20) for _ in range(count)]


async def test_both_halves_trade(exchange: RunningExchange) -> None:
    """The first half waits, the second trades: units against cash, and a page of trades for both sides."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    waiting = await buys(beta)
    assert waiting.trade is None
    assert waiting.half.half_id == waiting.seq
    done = await sells(gamma)
    assert done.trade is not None
    expected = block_results.BlockTradeReport(
        trade_id=done.seq,
        account=GAMMA,
        counterparty=BETA,
        trade_reference="desk-7",
        instrument=PROJECT.symbol,
        side=Side.SELL,
        price="10.00",
        quantity=50,
        currency="EUR",
        amount="500.00",
        fee="0.50",
        delivered=[results.Delivered(V19, 50)],
        serials=[],
        settlement_date="2026-11-23",
        deferred=False,
        time=done.time,
    )
    assert expected == done.trade
    assert [expected] == (await gamma.list_block_trades()).trades
    assert [(BETA, GAMMA, Side.BUY)] == [
        (trade.account, trade.counterparty, trade.side) for trade in (await beta.list_block_trades()).trades
    ]
    assert "99499.50" == (await beta.balances()).cash[0].total
    assert 100_050 == next(one for one in (await beta.holdings()).units if one.class_id == V19).total


async def test_half_repeated_is_a_duplicate(exchange: RunningExchange) -> None:
    """The same half again gets its first answer; with other terms it is refused."""
    beta = await exchange.client("beta-key")
    first, again = await buys(beta), await buys(beta)
    assert (False, True) == (first.duplicate, again.duplicate)
    assert msgspec.structs.replace(first, duplicate=True) == again
    assert RejectCode.REFERENCE_REUSED is await code_of(buys(beta, quantity=51))


async def test_half_is_shown_to_the_named_counterparty_only(exchange: RunningExchange) -> None:
    """Its account and the account that it names see a half; nobody else does, and withdrawn it is gone."""
    beta, gamma, alpha = [await exchange.client(f"{name}-key") for name in ("beta", "gamma", "alpha")]
    half = (await buys(beta)).half
    mine, alleged, others = (
        await beta.block_halves(),
        await gamma.block_halves(),
        await alpha.block_halves(ALPHA),
    )
    assert ([half], []) == (mine.own, mine.alleged)
    assert ([], [half]) == (alleged.own, alleged.alleged)
    assert ([], []) == (others.own, others.alleged)
    await beta.withdraw_block(trade_reference="desk-7", counterparty=GAMMA)
    assert [] == (await gamma.block_halves()).alleged
    again = beta.withdraw_block(trade_reference="desk-7", counterparty=GAMMA)
    assert RejectCode.UNKNOWN_BLOCK_TRADE is await code_of(again)


async def test_halves_that_differ(exchange: RunningExchange) -> None:
    """Any other term is refused by number, the first half stays, and the right half trades after all."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    await buys(beta)
    for change in ({"price": "10.01"}, {"quantity": 49}, {"instrument": "NATURE"}, {"side": "buy"}):
        assert RejectCode.BLOCK_TRADE_DIFFERS is await code_of(sells(gamma, **change)), change
    assert 1 == len((await gamma.block_halves()).alleged)
    assert (await sells(gamma)).trade is not None


async def test_half_that_cannot_be(exchange: RunningExchange) -> None:
    """Bad prices, accounts, serials and uncovered sides each have their number; nothing waits afterwards."""
    beta = await exchange.client("beta-key")
    cases: list[tuple[dict[str, Any], RejectCode]] = [
        ({"price": "10.001"}, RejectCode.PRICE_OFF_TICK),
        ({"price": "20.00"}, RejectCode.PRICE_OUTSIDE_BAND),
        ({"quantity": 0}, RejectCode.INVALID_QUANTITY),
        ({"instrument": "NOPE"}, RejectCode.UNKNOWN_INSTRUMENT),
        ({"counterparty": "nobody"}, RejectCode.UNKNOWN_ACCOUNT),
        ({"counterparty": BETA}, RejectCode.UNKNOWN_ACCOUNT),
        ({"account": GAMMA}, RejectCode.UNKNOWN_ACCOUNT),
        ({"deliver": {V20: 50}}, RejectCode.CLASS_NOT_DELIVERABLE),
        ({"deliver": {V19: 49}}, RejectCode.DELIVERY_MISMATCH),
        ({"serials": [("NOPE-1", GAMMAS)]}, RejectCode.UNKNOWN_CLASS),
        ({"serials": [(V19, "no serial")]}, RejectCode.SERIAL_BLOCK_INVALID),
        ({"serials": [(V19, "opening-2019 [9 to 1]")]}, RejectCode.SERIAL_BLOCK_INVALID),
        ({"serials": [(V19, GAMMAS), (V19, GAMMAS)], "quantity": 100}, RejectCode.SERIAL_BLOCK_OVERLAPS),
    ]
    assert [code for _, code in cases] == [await code_of(buys(beta, **change)) for change, _ in cases]
    assert [] == (await beta.block_halves()).own


async def test_uncovered_sides(exchange: RunningExchange) -> None:
    """Whoever cannot pay learns so; of the other side one learns only that it is not covered."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    await buys(beta, quantity=90_000)
    assert RejectCode.COUNTERPARTY_NOT_COVERED is await code_of(sells(gamma, quantity=90_000))
    await sells(gamma, trade_reference="desk-8", quantity=90_000)
    poor = buys(beta, trade_reference="desk-8", quantity=90_000)
    assert RejectCode.INSUFFICIENT_FUNDS is await code_of(poor)


async def test_named_serials_change_hands(exchange: RunningExchange) -> None:
    """Both halves name serial numbers; exactly those are with the buyer afterwards, page by page."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    serials = [(V19, GAMMAS)]
    await buys(beta, serials=serials)
    assert RejectCode.BLOCK_TRADE_DIFFERS is await code_of(sells(gamma))
    done = await sells(gamma, serials=serials)
    assert done.trade is not None
    assert [results.Serials(V19, GAMMAS, 50)] == done.trade.serials
    first = await beta.serials(V19, limit=1)
    assert [results.HeldSerials("opening-2019 [200001 to 300050]", 100_050, 0, frozen=False)] == first.blocks
    assert first.next_after is None
    await sells(
        beta, trade_reference="back", counterparty=GAMMA, serials=[(V19, "opening-2019 [200101 to 200150]")]
    )
    await buys(
        gamma, trade_reference="back", counterparty=BETA, serials=[(V19, "opening-2019 [200101 to 200150]")]
    )
    first = await beta.serials(V19, limit=1)
    second = await beta.serials(V19, limit=1, after=first.next_after or "")
    assert [
        ("opening-2019 [200001 to 200100]", "opening-2019 [200001 to 200100]"),
        ("opening-2019 [200151 to 300050]", None),
    ] == [(page.blocks[0].serial, page.next_after) for page in (first, second)]


async def test_deferred_block_trade(exchange: RunningExchange) -> None:
    """Units and cash of a trade at T+2 are locked until its day, and the channel tells both sides when it settles."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    await exchange.do(commands.ListInstrument(LOCAL_OPERATOR, LATER))
    (info,) = (await beta.instruments(LATER.symbol)).instruments
    assert (2, "") == (info.settlement_days, info.calendar)
    settlements = await beta.settlements()
    await buys(beta, instrument=LATER.symbol)
    trade = (await sells(gamma, instrument=LATER.symbol)).trade
    assert trade is not None
    assert ("2026-11-25", True) == (trade.settlement_date, trade.deferred)
    units = next(one for one in (await gamma.holdings()).units if one.class_id == V19)
    assert results.UnitBalance(V19, 100_000, 50, 99_950, 50, 0) == units
    page = await gamma.serials(V19)
    assert [(50, trade.trade_id), (99_950, 0)] == [(one.quantity, one.locked_for) for one in page.blocks]
    assert RejectCode.UNITS_LOCKED is await code_of(
        gamma.retire(
            serials=[(V19, "opening-2019 [300001 to 300001]")], beneficiary="A", purpose="p", reference="r"
        )
    )
    for day in ("2026-11-24", "2026-11-25"):
        await exchange.do(commands.CloseDay(LOCAL_OPERATOR, day))
    (push,) = await take(settlements, 1)
    assert (trade.trade_id, BETA, Side.BUY, "500.00", "0.50", [results.Delivered(V19, 50)]) == (
        push.data.trade_id,
        push.data.account,
        push.data.side,
        push.data.amount,
        push.data.fee,
        push.data.delivered,
    )
    assert 100_050 == next(one for one in (await beta.holdings()).units if one.class_id == V19).total


@pytest.mark.parametrize("from_memory", [True, False], ids=["memory", "log"])
async def test_channel_tells_both_sides_everything(
    exchange: RunningExchange, from_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keyed, traded, withdrawn and expired come to both sides, without a gap, the same live and from the log."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    start = exchange.gateway.replica.last_seq
    live = await gamma.block_trades()
    await buys(beta)
    await sells(gamma)
    await buys(beta, trade_reference="withdrawn")
    await beta.withdraw_block(trade_reference="withdrawn", counterparty=GAMMA)
    await sells(gamma, trade_reference="forgotten")
    await exchange.do(commands.CloseDay(LOCAL_OPERATOR, "2026-11-24"))
    told = await take(live, 7)
    assert [
        (pushes.BlockKeyedData, BETA),
        (pushes.BlockKeyedData, GAMMA),
        (pushes.BlockTradedData, None),
        (pushes.BlockKeyedData, BETA),
        (pushes.BlockEndedData, BETA),
        (pushes.BlockKeyedData, GAMMA),
        (pushes.BlockEndedData, GAMMA),
    ] == [
        (
            type(push.data),
            push.data.half.account if hasattr(push.data, "half") else getattr(push.data, "keyed_by", None),
        )
        for push in told
    ]
    assert [CancelReason.REQUESTED, CancelReason.EXPIRED] == [told[4].data.reason, told[6].data.reason]
    assert [start, *(push.seq for push in told[:-1])] == [push.prev_seq for push in told]
    url = exchange.url
    if not from_memory:
        monkeypatch.setattr(gateway.replica, "RECENT_EVENTS", 1)
        _, url = await exchange.another_gateway()
    late = await exchange.client("gamma-key", url=url)
    replayed = await take(await late.block_trades(from_seq=start), 7)
    assert [msgspec.json.encode(push) for push in told] == [msgspec.json.encode(push) for push in replayed]


async def test_block_trade_on_the_balances_channel(exchange: RunningExchange) -> None:
    """Cash and units of a block trade are told as one change, like those of a fill."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    changes = await beta.balance_changes()
    await buys(beta, instrument="NATURE", deliver={V18: 50})
    await sells(gamma, instrument="NATURE", deliver={V18: 50})
    (push,) = await take(changes, 1)
    assert (
        "block_trade",
        [pushes.CashChange("EUR", "-500.50", "0.00")],
        [pushes.UnitChange(V18, 50, 0)],
    ) == (
        push.data.cause,
        push.data.cash,
        push.data.units,
    )
