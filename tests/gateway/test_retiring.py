"""Retirement over real websockets: several classes, named serials, on fill, and what is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon.claim_forms import ClaimKind
from exchange.domain.carbon.corsia_forms import CorsiaPeriod
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import OWN_REGISTRY
from gateway import results
from gateway.websocket import requests
from gateway.websocket.client import RejectedError
from tests.market import BETA, PROJECT, V18, V19

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.gateway.exchange import RunningExchange

WISH: dict[str, Any] = {"beneficiary": "Acme Ltd", "purpose": "2026 footprint", "reference": "r1"}
LATER = msgspec.structs.replace(PROJECT, symbol="RIMBA-T1", settlement_days=1)
OWN = CreditClass("EXC-7-2026", OWN_REGISTRY, "7", "Mangroves", 2026, country="MX")


async def code_of(work: Awaitable[object]) -> RejectCode:
    """The code of the refusal that a request must get."""
    with pytest.raises(RejectedError) as caught:
        await work
    return RejectCode(caught.value.code)


async def test_several_classes_in_one_retirement(exchange: RunningExchange) -> None:
    """One retirement takes the lowest serials of several classes, and names them."""
    client = await exchange.client("beta-key")
    done = await client.retire(credits={V19: 40, V18: 2}, **WISH)
    assert ([results.Delivered(V19, 40), results.Delivered(V18, 2)], 42, 2, 0) == (
        done.credits,
        done.quantity,
        done.blocks,
        done.order_id,
    )
    assert [
        results.Serials(V19, "opening-2019 [200001 to 200040]", 40),
        results.Serials(V18, "opening-2018 [200001 to 200002]", 2),
    ] == done.serials


async def test_named_serials_are_retired(exchange: RunningExchange) -> None:
    """Exactly the named serials go, those of the venue's own registry too; nobody can retire them again."""
    client = await exchange.client("beta-key")
    await exchange.do(
        commands.RegisterClass(LOCAL_OPERATOR, OWN),
        commands.IssueUnits(LOCAL_OPERATOR, BETA, OWN.class_id, 100, "issue-1"),
    )
    issued = await client.serials(OWN.class_id)
    assert [results.HeldSerials("EXC-7-2026-1 to 100", 100, 0, frozen=False)] == issued.blocks
    named = [(V19, "opening-2019 [200011 to 200020]"), (OWN.class_id, "EXC-7-2026-5 to 8")]
    done = await client.retire(serials=named, **WISH)
    assert named == [(block.class_id, block.serial) for block in done.serials]
    again = client.retire(serials=named[:1], **{**WISH, "reference": "r2"})
    assert RejectCode.SERIAL_BLOCK_NOT_HELD is await code_of(again)
    assert ["EXC-7-2026-1 to 4", "EXC-7-2026-9 to 100"] == [
        block.serial for block in (await client.serials(OWN.class_id)).blocks
    ]


async def test_retirements_that_cannot_be(exchange: RunningExchange) -> None:
    """Nothing named, both forms, a class twice, foreign and unreadable serials, and no beneficiary have their numbers."""
    client = await exchange.client("beta-key")
    gammas, reversed_block = "opening-2019 [300001 to 300002]", "opening-2019 [200002 to 200001]"
    cases: list[tuple[dict[str, Any], RejectCode]] = [
        ({}, RejectCode.INVALID_PARAMS),
        ({"credits": {V19: 1}, "serials": [(V19, gammas)]}, RejectCode.INVALID_PARAMS),
        ({"credits": {V19: 1}, "beneficiary": " "}, RejectCode.BENEFICIARY_REQUIRED),
        ({"credits": {V19: 1}, "purpose": "a\nb"}, RejectCode.INVALID_PARAMS),
        ({"credits": {V19: 1}, "reference": "retired-on-fill/9"}, RejectCode.INVALID_PARAMS),
        ({"credits": {V19: 0}}, RejectCode.INVALID_QUANTITY),
        ({"serials": [(V19, gammas)]}, RejectCode.SERIAL_BLOCK_NOT_HELD),
        ({"serials": [(V19, reversed_block)]}, RejectCode.SERIAL_BLOCK_INVALID),
        ({"serials": [(V19, "something")]}, RejectCode.SERIAL_BLOCK_INVALID),
    ]
    seen = [await code_of(client.retire(**{**WISH, **change})) for change, _ in cases]
    assert [code for _, code in cases] == seen
    raw = await exchange.raw_trader("beta-key")
    twice = [{"class_id": V19, "quantity": 1}] * 2
    assert RejectCode.DELIVERY_MISMATCH == (await raw.error("credits.retire", credits=twice, **WISH))["code"]


async def test_retire_on_fill(exchange: RunningExchange) -> None:
    """What the order buys is retired with its trades; the answer names the retirement, the channel tells it."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    retirements = await beta.retirements()
    await gamma.place_order(
        client_order_id="s", instrument=PROJECT.symbol, side="sell", quantity=10, price="10.00"
    )
    terms = {"beneficiary": "Acme Ltd", "purpose": "flights"}
    report = await beta.place_order(
        client_order_id="b",
        instrument=PROJECT.symbol,
        side="buy",
        quantity=15,
        price="10.00",
        retire_on_fill=terms,
    )
    push = await asyncio.wait_for(anext(retirements), 20)
    assert (report.retirement_id, report.order_id, 10, "Acme Ltd", "flights") == (
        push.data.retirement_id,
        push.data.order_id,
        push.data.quantity,
        push.data.beneficiary,
        push.data.purpose,
    )
    assert ["opening-2019 [300001 to 300010]"] == [block.serial for block in push.data.serials]
    assert (
        results.RetirementTerms("Acme Ltd", "flights")
        == (await beta.order_status(client_order_id="b")).retire_on_fill
    )
    sold = await gamma.place_order(
        client_order_id="s2", instrument=PROJECT.symbol, side="sell", quantity=5, price="10.00"
    )
    assert 0 == sold.retirement_id
    assert 5 == (await asyncio.wait_for(anext(retirements), 20)).data.quantity


async def test_retire_on_fill_is_for_buyers(exchange: RunningExchange) -> None:
    """A sell order cannot retire what it gets, and a buy order names a beneficiary."""
    client = await exchange.client("beta-key")
    order: dict[str, Any] = {"instrument": PROJECT.symbol, "quantity": 1, "price": "10.00"}
    acme = {"beneficiary": "Acme"}
    sell = client.place_order(client_order_id="a", side="sell", retire_on_fill=acme, **order)
    assert RejectCode.ORDER_TERMS_CONFLICT is await code_of(sell)
    nobody = client.place_order(client_order_id="b", side="buy", retire_on_fill={"beneficiary": " "}, **order)
    assert RejectCode.BENEFICIARY_REQUIRED is await code_of(nobody)


async def test_retire_on_fill_at_settlement(exchange: RunningExchange) -> None:
    """A deferred trade is retired on the day it settles; its fill says that it is deferred."""
    beta, gamma = await exchange.client("beta-key"), await exchange.client("gamma-key")
    await exchange.do(commands.ListInstrument(LOCAL_OPERATOR, LATER))
    retirements = await beta.retirements()
    order: dict[str, Any] = {"instrument": LATER.symbol, "quantity": 10, "price": "10.00"}
    await gamma.place_order(client_order_id="s", side="sell", **order)
    report = await beta.place_order(
        client_order_id="b", side="buy", retire_on_fill={"beneficiary": "Acme"}, **order
    )
    assert 0 == report.retirement_id
    (fill,) = (await beta.list_fills()).fills
    assert ("2026-11-24", True) == (fill.settlement_date, fill.deferred)
    await exchange.do(commands.CloseDay(LOCAL_OPERATOR, "2026-11-24"))
    push = await asyncio.wait_for(anext(retirements), 20)
    assert (report.order_id, 10) == (push.data.order_id, push.data.quantity)


async def test_a_retirement_states_what_it_claims(exchange: RunningExchange) -> None:
    """The claim stands in the answer and in the stream; one that the units do not support has its number."""
    client = await exchange.client("beta-key")
    stream = await client.retirements(BETA)
    contribution = requests.RetirementClaim(ClaimKind.CONTRIBUTION)

    done = await client.retire(credits={V19: 4}, claim=contribution, **WISH)

    claimed = results.RetirementClaim(ClaimKind.CONTRIBUTION, 0, None, "")
    assert (claimed, claimed) == (done.claim, (await anext(stream)).data.claim)
    cases = [
        (requests.RetirementClaim(ClaimKind.NDC), RejectCode.CLAIM_INCOMPLETE),
        (requests.RetirementClaim(ClaimKind.NDC, 2026), RejectCode.CLAIM_NOT_OF_PARTY),
        (
            requests.RetirementClaim(ClaimKind.CORSIA, period=CorsiaPeriod.FIRST),
            RejectCode.CLAIM_NOT_ELIGIBLE,
        ),
    ]
    assert [code for _, code in cases] == [
        await code_of(client.retire(credits={V19: 1}, claim=claim, **{**WISH, "reference": "r2"}))
        for claim, _ in cases
    ]
    other = client.retire(credits={V19: 4}, **WISH)
    assert RejectCode.REFERENCE_REUSED is await code_of(other)
