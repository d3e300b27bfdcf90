"""Repeated requests: answered with the original's place in the log, wherever the original is at that moment."""

import asyncio

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.events import OrderAccepted, OrderRejected
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import RejectCode
from exchange.engine.interface import Answer
from tests.exchange.engine.running import LogLocked, Running, running
from tests.market import ALPHA
from tests.waiting import eventually


@pytest.mark.parametrize("price", [900, 1], ids=["accepted", "rejected"])
async def test_a_repetition_in_the_same_batch(log_dsn: str, price: int) -> None:
    """An order and its repetition, executed before either is durable: one order, and both callers are told so."""
    async with running(log_dsn) as exchange:
        alpha = await exchange.log_on()
        order = alpha.place_command(alpha.buy(1, price))
        original, repeated = await asyncio.gather(
            exchange.engine.submit(order), exchange.engine.submit(order)
        )

    assert [OrderAccepted if price == 900 else OrderRejected] == [type(r.event) for r in original.events]
    assert Answer([], duplicate_of=original.events[0].seq) == repeated
    assert original.events == (await exchange.read_log())[-1:]


async def test_a_repetition_while_the_original_is_on_its_way(log_dsn: str) -> None:
    """The repetition has no events of its own, and is not answered before the original is durable all the same."""
    async with running(log_dsn) as exchange:
        alpha = await exchange.log_on()
        order = alpha.place_command(alpha.buy(1, 900))
        async with LogLocked(log_dsn) as lock:
            original = exchange.engine.submit(order)
            await eventually(lock.append_waits, "the append waits in Postgres")
            repeated = exchange.engine.submit(order)
            await eventually(lambda: not exchange.engine.waiting_commands, "the repetition is executed")
            answered_early = repeated.done()

        assert not answered_early
        assert Answer([], (await original).events[0].seq) == await repeated


async def test_a_repetition_alone_is_answered_without_a_commit(log_dsn: str) -> None:
    """What needs no event needs no transaction: it is answered though nothing else is going on."""
    async with running(log_dsn) as exchange:
        alpha = await exchange.log_on()
        order = alpha.place_command(alpha.buy(1, 900))
        original = await exchange.engine.submit(order)
        durable_seq = exchange.engine.durable_seq
        repeated = await exchange.engine.submit(order)

    assert Answer([], original.events[0].seq) == repeated
    assert durable_seq == exchange.engine.durable_seq


async def test_a_repetition_after_a_restart(log_dsn: str) -> None:
    """The next engine knows the orders of the one before, in another session too; and another body is refused."""
    async with running(log_dsn) as exchange:
        alpha = await exchange.log_on()
        request = alpha.buy(1, 900)
        original = await exchange.engine.submit(alpha.place_command(request))
    async with running(log_dsn) as exchange:
        alpha = await exchange.log_on()
        repeated = await exchange.engine.submit(alpha.place_command(request))
        (other,) = await exchange.do(alpha.place_command(msgspec.structs.replace(request, quantity=2)))

    assert Answer([], original.events[0].seq) == repeated
    assert isinstance(other, OrderRejected)
    assert RejectCode.CLIENT_ORDER_ID_REUSED == other.code
    assert 1 == await live_orders(exchange)


async def test_a_payment_happens_once(log_dsn: str) -> None:
    """What moves cash is repeated by its reference, before and after a restart."""
    payment = commands.DepositCash(LOCAL_OPERATOR, ALPHA, "EUR", 500, "wire-1")
    async with running(log_dsn) as exchange:
        before = exchange.venue.state.ledger.balance(ALPHA, "EUR").total
        original, first = await asyncio.gather(
            exchange.engine.submit(payment), exchange.engine.submit(payment)
        )
    async with running(log_dsn) as exchange:
        second = await exchange.engine.submit(payment)
        after = exchange.venue.state.ledger.balance(ALPHA, "EUR").total

    assert [Answer([], original.events[0].seq)] * 2 == [first, second]
    assert before + 500 == after


async def live_orders(exchange: Running) -> int:
    return len(exchange.venue.state.account_orders.get(ALPHA, {}))
