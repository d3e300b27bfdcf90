"""Statements of accounts over the websocket, with the Python client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import RejectCode
from exchange.registry.statement import SerialChange, SerialMovement, StatementBlock, StatementCash
from gateway.websocket import account_queries
from gateway.websocket.client import RejectedError
from tests.exchange.registry.settled import rebuilt, settle
from tests.market import ALPHA, ALPHA_2, BETA, UNITS, V19

if TYPE_CHECKING:
    from exchange.registry.statement import Statement
    from gateway.websocket.client import ExchangeClient
    from tests.gateway.exchange import RunningExchange


@pytest.fixture
async def beta(exchange: RunningExchange) -> ExchangeClient:
    """Gives a trader that sold on the first date and retired on the second; settled."""
    client = await exchange.client("beta-key")
    buyer = await exchange.client("gamma-key")
    await client.place_order(
        client_order_id="s", instrument="RIMBA-19", side="sell", quantity=30, price="10.00"
    )
    await buyer.place_order(
        client_order_id="b", instrument="RIMBA-19", side="buy", quantity=30, price="10.00"
    )
    await exchange.do(commands.CloseDay(LOCAL_OPERATOR, "2026-11-24"))
    await client.retire(credits={V19: 5}, beneficiary="Ada", purpose="Flights", reference="footprint")
    await settle(exchange.dsn)
    return client


async def test_a_date_that_has_ended(beta: ExchangeClient) -> None:
    """Cash, serial blocks and movements with their serial numbers and seqs; asked again, the same."""
    found = await beta.statement(date="2026-11-23")
    assert (BETA, "2026-11-23", True, None) == (
        found.account,
        found.date,
        found.complete,
        found.next_after_seq,
    )
    assert [StatementCash("EUR", "0.00", "100299.70", "0.00", "100299.70", "0.00")] == found.cash
    sold = found.movements[-1]
    assert [SerialMovement(V19, "opening-2019 [200001 to 200030]", 30, SerialChange.OUT)] == sold.serials
    fills = await beta.list_fills()
    assert (fills.fills[0].trade_id, "10.00", "300.00", "0.30") == (
        sold.seq,
        sold.price,
        sold.amount,
        sold.fee,
    )
    assert StatementBlock(V19, "opening-2019 [200031 to 300000]", UNITS - 30, 0) in found.closing_serials
    assert found == await beta.statement(date="2026-11-23")


async def test_the_present_date_follows_settlement(exchange: RunningExchange, beta: ExchangeClient) -> None:
    """It is as of the last settled event, which it names; what was settled since is in the next answer."""
    before = await beta.statement()
    assert ("2026-11-24", False, exchange.engine.durable_seq) == (
        before.date,
        before.complete,
        before.as_of_seq,
    )
    assert ["retired"] == [one.kind for one in before.movements]
    await beta.retire(credits={V19: 2}, beneficiary="Ada", purpose="Trains", reference="more")
    assert before == await beta.statement()
    await settle(exchange.dsn)
    after = await beta.statement()
    assert ["Flights", "Trains"] == [one.purpose for one in after.movements]
    whole = await beta.statement(from_date="2026-11-23")
    first = await beta.statement(date="2026-11-23")
    assert first.movements + after.movements == whole.movements
    assert first == await beta.statement(seq=first.as_of_seq)


async def test_parts_of_a_busy_date(beta: ExchangeClient) -> None:
    """Page by page, each a statement of its own."""
    parts: list[Statement] = [await beta.statement(date="2026-11-23", limit=2)]
    while parts[-1].next_after_seq is not None:
        parts.append(await beta.statement(date="2026-11-23", limit=2, after_seq=parts[-1].next_after_seq))
    whole = await beta.statement(date="2026-11-23")
    assert whole.movements == [one for part in parts for one in part.movements]
    assert [2, 2, 1] == [len(part.movements) for part in parts]


async def test_the_right_to_read(exchange: RunningExchange, beta: ExchangeClient) -> None:
    """Traders read their own accounts, operators and auditors any, strangers none."""
    alpha = await exchange.client("alpha-key")
    assert [ALPHA, ALPHA_2] == [(await alpha.statement(account)).account for account in (ALPHA, ALPHA_2)]
    auditor = await exchange.client("auditor-key")
    mine = await beta.statement()
    assert mine == await auditor.statement(BETA)
    stranger = await exchange.client()
    for client, account, code in (
        (beta, ALPHA, RejectCode.UNKNOWN_ACCOUNT),
        (alpha, "", RejectCode.UNKNOWN_ACCOUNT),
        (stranger, BETA, RejectCode.NOT_LOGGED_ON),
    ):
        with pytest.raises(RejectedError) as refusal:
            await client.statement(account)
        assert code == refusal.value.code


async def test_what_cannot_be_answered(
    exchange: RunningExchange, beta: ExchangeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A date that has not begun, what is not settled, two ends, and too many blocks for one frame are refused with the reason."""
    end = exchange.engine.durable_seq
    for asked, code, words in (
        ({"date": "2026-11-25"}, RejectCode.INVALID_DATE, "2026-11-25 has not begun"),
        ({"seq": end + 1}, RejectCode.UNAVAILABLE, f"settled up to event {end}"),
        ({"seq": end, "date": "2026-11-23"}, RejectCode.INVALID_PARAMS, "not with both"),
    ):
        with pytest.raises(RejectedError, match=words) as refusal:
            await beta.statement(**asked)
        assert code == refusal.value.code
    monkeypatch.setattr(account_queries, "MOST_BLOCKS", 2)
    with pytest.raises(RejectedError, match="more than 2 blocks"):
        await beta.statement()


async def test_rebuilt_it_is_the_same_to_the_byte(exchange: RunningExchange, beta: ExchangeClient) -> None:
    """Before and after settlement's tables were dropped and built again from event 1."""

    async def frames() -> list[bytes]:
        return [
            msgspec.json.encode(await beta.statement(date=date, limit=limit))
            for date in ("2026-11-23", "2026-11-24")
            for limit in (1000, 1)
        ]

    before = await frames()
    assert (await rebuilt(exchange.dsn)).identical
    assert before == await frames()
