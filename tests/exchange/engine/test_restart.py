"""The end of one engine and the beginning of the next: nothing is lost, and nobody stays logged on."""

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest

from exchange.domain import commands, snapshot
from exchange.domain.events import (
    CancelReason,
    Event,
    Fill,
    OrderCancelled,
    SessionClosed,
    SessionOpened,
    WriterStarted,
)
from exchange.domain.state import State
from exchange.engine.interface import EngineStopped
from exchange.log.reader import LogReader
from tests.exchange.engine.running import PROGRAM, HeldWriter, events_of, running
from tests.market import BETA
from tests.waiting import eventually

if TYPE_CHECKING:
    from exchange.domain.commands import Command


async def test_stopping_finishes_what_was_taken(log_dsn: str) -> None:
    """Commands at every stage are executed, committed and answered before the engine ends; later ones are refused."""
    async with running(log_dsn, writer_type=HeldWriter) as exchange:
        engine, writer, trader = exchange.engine, exchange.writer, await exchange.log_on()
        assert isinstance(writer, HeldWriter)
        writer.hold()
        in_flight = engine.submit(trader.place_command(trader.buy(1, 900)))
        await eventually(lambda: writer.batches, "the append begins")
        executed = engine.submit(trader.place_command(trader.buy(1, 900)))
        await eventually(lambda: not engine.waiting_commands, "the second is executed")
        waiting = [engine.submit(trader.place_command(trader.buy(1, 900))) for _ in range(200)]
        stopping = asyncio.create_task(engine.stop())
        await asyncio.sleep(0)
        with pytest.raises(EngineStopped):
            await engine.submit(trader.place_command(trader.buy(1, 900)))
        stopped_early = stopping.done()
        writer.release()
        async with asyncio.timeout(30):
            await stopping
            await engine.wait()
        answers = [future.result() for future in (in_flight, executed, *waiting)]

    assert not stopped_early
    log = await exchange.read_log()
    assert log[-len(answers) :] == [recorded for answer in answers for recorded in answer.events]


async def test_stopping_at_once_finishes_what_was_taken(log_dsn: str) -> None:
    """Commands that were not even looked at are executed and answered, also behind many that need no commit."""
    async with running(log_dsn) as exchange:
        trader = await exchange.log_on()
        order = trader.place_command(trader.buy(1, 900))
        await exchange.do(order)
        repeated = [exchange.engine.submit(order) for _ in range(200)]
        fresh = [exchange.engine.submit(trader.place_command(trader.buy(1, 900))) for _ in range(200)]
        async with asyncio.timeout(30):
            await exchange.engine.stop()

    log = await exchange.read_log()
    assert {log[-201].seq} == {answer.result().duplicate_of for answer in repeated}
    assert log[-200:] == [recorded for answer in fresh for recorded in answer.result().events]


async def test_the_next_engine_recovers_the_same_state(log_dsn: str) -> None:
    """After trading, with resting orders, holds, timers and refusals, the digest of the log's fold is that of the venue."""
    async with running(log_dsn) as exchange:
        alpha, beta = await exchange.log_on(), await exchange.log_on("beta-key", BETA)
        requests: list[Command] = [
            *(alpha.place_command(alpha.sell(7, 1000 + n % 5)) for n in range(60)),
            *(beta.place_command(beta.buy(5, 1002)) for n in range(40)),
            beta.place_command(beta.buy(10**6, 1002)),
            commands.SetCancelAfter(alpha.key_id, alpha.session, alpha.account, 10**13),
            commands.CancelAll(beta.key_id, beta.session, beta.account),
        ]
        answers = await asyncio.gather(*(exchange.engine.submit(command) for command in requests))
    digest, epoch = snapshot.digest(exchange.venue.state), exchange.engine.epoch
    assert 40 <= sum(isinstance(event, Fill) for answer in answers for event in events_of(answer))

    replayed = State()
    for recorded in await exchange.read_log():
        replayed.apply(recorded.seq, recorded.recorded_at, recorded.event)
    assert digest == snapshot.digest(replayed)
    replayed.ledger.check()
    async with running(log_dsn) as successor:
        assert epoch + 1 == successor.engine.epoch
        assert replayed.last_seq == successor.recovery.events_replayed


async def test_the_sessions_of_the_writer_before_end_first(log_dsn: str) -> None:
    """A new epoch begins with its writer, then ends every session, with the orders that were to go with theirs."""
    async with running(log_dsn) as exchange:
        stays = await exchange.log_on()
        goes = await exchange.log_on("beta-key", BETA, cancel_on_disconnect=True)
        left = await exchange.log_on("gamma-key", "gamma")
        await exchange.do(left.place_command(left.buy(1, 903)))
        await exchange.do(commands.CloseSession(left.session, "client left"))
        await exchange.do(stays.place_command(stays.buy(1, 901)))
        await exchange.do(goes.place_command(goes.buy(2, 902)))
        await exchange.do(goes.place_command(goes.sell(3, 1002)))
        end = exchange.engine.durable_seq
    async with running(log_dsn) as successor:
        began = [recorded.event for recorded in (await successor.read_log())[end:]]
        live = {order.account for order in successor.venue.state.orders.values()}
        sessions = successor.venue.state.sessions

    expected: list[Event] = [
        WriterStarted(PROGRAM),
        SessionClosed(stays.session, "engine restarted"),
        SessionClosed(goes.session, "engine restarted"),
    ]
    assert expected == began[:3]
    assert [(BETA, 2), (BETA, 3)] == [
        (event.account, event.quantity) for event in began[3:] if isinstance(event, OrderCancelled)
    ]
    assert {CancelReason.DISCONNECTED} == {
        event.reason for event in began[3:] if isinstance(event, OrderCancelled)
    }
    assert 5 == len(began)
    assert {"alpha", "gamma"} == live
    assert {} == sessions


async def test_many_sessions_end_in_few_batches(log_dsn: str) -> None:
    """A restart with hundreds of sessions does not wait for a commit for each."""
    async with running(log_dsn) as exchange:
        logons = [commands.OpenSession("alpha-key", "test-gateway", cancel_on_disconnect=True)] * 300
        answers = await asyncio.gather(*(exchange.engine.submit(logon) for logon in logons))
        assert all(isinstance(answer.events[0].event, SessionOpened) for answer in answers)
    async with running(log_dsn, writer_type=HeldWriter) as successor:
        assert isinstance(successor.writer, HeldWriter)
        batches = successor.writer.batches
        assert {} == successor.venue.state.sessions

    assert 301 == sum(len(batch) for batch in batches)
    assert len(batches) <= 6


async def test_every_row_carries_the_epoch_of_its_writer(log_dsn: str) -> None:
    """Three engines after another: the epochs of the log rise by one at each `writer_started`."""
    for _ in range(3):
        async with running(log_dsn) as exchange:
            await exchange.log_on()
    async with await LogReader.open(log_dsn) as reader:
        rows = [row async for page in reader.pages(verify=True) for row in page]

    starts = [row for row in rows if row.kind == WriterStarted.kind]
    assert [1, 2, 3] == [row.epoch for row in starts]
    assert [row.epoch for row in rows] == sorted(row.epoch for row in rows)
    assert all(
        row.kind == WriterStarted.kind
        for before, row in itertools.pairwise(rows)
        if row.epoch != before.epoch
    )
