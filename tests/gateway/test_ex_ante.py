"""Ex-ante credits over real websockets: traded like others, refused for retirement, and what holders hear when they change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import pytest

from exchange.domain.carbon.ex_ante_forms import ConvertExAnte, ExpireExAnte
from exchange.domain.carbon.ex_ante_model import run
from exchange.domain.carbon.ex_ante_overview import ExAnteClass, ex_ante_classes
from exchange.domain.events import CancelReason
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import RejectCode
from gateway.websocket import pushes
from gateway.websocket.client import RejectedError
from tests.exchange.domain.carbon.potential import (
    INSTRUMENT,
    POTENTIAL,
    REPORT_SHA256,
    UNITS,
    VERIFIED,
    issuing,
)
from tests.gateway.http.conftest import HttpClient, http_address
from tests.market import BETA, GAMMA

if TYPE_CHECKING:
    from gateway.websocket.streams import Stream
    from tests.gateway.exchange import RunningExchange

EX_ANTE, EX_POST = POTENTIAL.class_id, VERIFIED.class_id


async def changes(stream: Stream[pushes.BalancesPush], cause: str) -> dict[str, int]:
    """What the next push of a cause says of units."""
    while True:
        push = await asyncio.wait_for(anext(stream), 20)
        if push.data.cause == cause:
            return {change.class_id: change.total_change for change in push.data.units}


async def test_what_holders_hear(exchange: RunningExchange) -> None:
    """A sell order ends, balances change with the reason, and a replay from the log says the same."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    await exchange.do(*issuing(BETA, 100))
    began = await gamma.ping()
    balances, orders = await gamma.balance_changes(), await gamma.orders()
    for client, side in ((beta, "sell"), (gamma, "buy")):
        await client.place_order(
            client_order_id="o-1", instrument=INSTRUMENT.symbol, side=side, quantity=40, price="5.00"
        )
    offer = await gamma.place_order(
        client_order_id="o-2", instrument=INSTRUMENT.symbol, side="sell", quantity=10, price="6.00"
    )
    await exchange.do(ConvertExAnte(LOCAL_OPERATOR, EX_ANTE, EX_POST, 50, REPORT_SHA256, "v-1"))
    await exchange.do(ExpireExAnte(LOCAL_OPERATOR, EX_ANTE, 50, "not verified", "e-1"))
    assert {EX_ANTE: -20, EX_POST: 20} == await changes(balances, "units_converted")
    assert {EX_ANTE: -20} == await changes(balances, "units_expired")
    async for push in orders:
        if isinstance(push.data, pushes.OrderCancelledData):
            assert (offer.order_id, CancelReason.CLASS_CHANGED) == (push.data.order_id, push.data.reason)
            break
    again = await (await exchange.client("gamma-key")).balance_changes(from_seq=began)
    assert {EX_ANTE: -20, EX_POST: 20} == await changes(again, "units_converted")
    assert {EX_POST: 20} == {
        unit.class_id: unit.total for unit in (await gamma.holdings(GAMMA)).units if "WALL" in unit.class_id
    }


async def test_the_public_sees_estimates(exchange: RunningExchange) -> None:
    """Evidence, figures and digests over HTTP, enough to compute the estimate again; and what became of the units."""
    await exchange.do(*issuing(BETA, 100))
    await exchange.do(ConvertExAnte(LOCAL_OPERATOR, EX_ANTE, EX_POST, 60, REPORT_SHA256, "v-1"))
    await exchange.do(ExpireExAnte(LOCAL_OPERATOR, EX_ANTE, 10, "not verified", "e-1"))
    async with aiohttp.ClientSession(http_address(exchange)) as session:
        answer = await HttpClient(session).json("/api/v1/ex-ante", "ExAnteClasses")
    found = msgspec.convert(answer["classes"], list[ExAnteClass])
    assert ex_ante_classes(exchange.venue.state) == found
    (shown,) = found
    assert (UNITS, 100, 30, 60, 10) == (
        shown.estimated,
        shown.issued,
        shown.outstanding,
        shown.converted,
        shown.expired,
    )
    (published,) = shown.estimates
    again = run(published.evidence, published.evidence_sha256)
    assert (again.years, again.units, again.sha256()) == (
        published.years,
        published.units,
        published.run_sha256,
    )


async def test_expectations_cannot_be_retired(exchange: RunningExchange) -> None:
    """Neither directly nor on a fill: a numbered refusal, and nothing changes."""
    beta = await exchange.client("beta-key")
    await exchange.do(*issuing(BETA, 100))
    codes = []
    for asking in (
        beta.retire(beneficiary="Acme", purpose="x", reference="r-1", credits={EX_ANTE: 1}),
        beta.place_order(
            client_order_id="o-1",
            instrument=INSTRUMENT.symbol,
            side="buy",
            quantity=1,
            price="5.00",
            retire_on_fill={"beneficiary": "Acme"},
        ),
    ):
        with pytest.raises(RejectedError) as refused:
            await asking
        codes.append(refused.value.code)
    assert [RejectCode.EX_ANTE_NOT_RETIRABLE] * 2 == codes
