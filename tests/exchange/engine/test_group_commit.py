"""Group commit: one transaction in flight, and what arrives meanwhile makes the next one."""

import asyncio

import pytest

from exchange.domain.commands import Command
from exchange.engine import engine as engine_module
from tests.exchange.engine.running import HeldWriter, Running, running
from tests.market import Trader
from tests.waiting import eventually


def held_writer(exchange: Running) -> HeldWriter:
    assert isinstance(exchange.writer, HeldWriter)
    return exchange.writer


def orders(trader: Trader, count: int) -> list[Command]:
    """Orders that rest: one event each."""
    return [trader.place_command(trader.buy(1, 900)) for _ in range(count)]


async def test_what_arrives_during_a_commit_makes_the_next_batch(log_dsn: str) -> None:
    """One command is on its way alone; all that come until it is committed are committed together, in their order."""
    async with running(log_dsn, writer_type=HeldWriter) as exchange:
        writer, trader = held_writer(exchange), await exchange.log_on()
        writer.hold()
        first, *others = orders(trader, 151)
        answers = [exchange.engine.submit(first)]
        await eventually(lambda: len(writer.batches) == 1, "the first append begins")
        answers += [exchange.engine.submit(command) for command in others]
        await eventually(lambda: not exchange.engine.waiting_commands, "all are executed")
        batches_while_held = len(writer.batches)
        writer.release()
        seqs = [answer.events[0].seq for answer in await asyncio.gather(*answers)]

    assert 1 == batches_while_held
    assert [[seqs[0]], seqs[1:]] == writer.batches
    assert seqs == sorted(seqs)


async def test_a_batch_stops_growing_at_its_limit(log_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands beyond the limit wait outside, and each batch that leaves makes room: while it is on its way."""
    monkeypatch.setattr(engine_module, "MAX_BATCH_EVENTS", 100)
    slice_commands = engine_module.SLICE_COMMANDS
    async with running(log_dsn, writer_type=HeldWriter) as exchange:
        writer, trader = held_writer(exchange), await exchange.log_on()
        writer.hold()
        answers = [exchange.engine.submit(orders(trader, 1)[0])]
        await eventually(lambda: len(writer.batches) == 1, "the first append begins")
        answers += [exchange.engine.submit(command) for command in orders(trader, 500)]
        outside = 500 - 2 * slice_commands
        await eventually(lambda: exchange.engine.waiting_commands == outside, "the batch is full")
        for _ in range(10):
            await asyncio.sleep(0)
        assert outside == exchange.engine.waiting_commands

        writer.let_one_pass()
        await eventually(lambda: len(writer.batches) == 2, "the full batch is on its way")
        outside -= 2 * slice_commands
        await eventually(lambda: exchange.engine.waiting_commands == outside, "the next batch is executed")
        writer.release()
        await asyncio.gather(*answers)

    assert [1, 128, 128, 128, 116] == [len(batch) for batch in writer.batches]


async def test_repetitions_fill_a_batch_too(log_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands without events are kept until the commit as well, so they are bounded as well."""
    monkeypatch.setattr(engine_module, "MAX_BATCH_EVENTS", 100)
    async with running(log_dsn, writer_type=HeldWriter) as exchange:
        writer, trader = held_writer(exchange), await exchange.log_on()
        order = trader.place_command(trader.buy(1, 900))
        original = await exchange.engine.submit(order)
        writer.hold()
        other = exchange.engine.submit(orders(trader, 1)[0])
        await eventually(lambda: len(writer.batches) == 1, "the append begins")
        answers = [exchange.engine.submit(order) for _ in range(500)]
        outside = 500 - 2 * engine_module.SLICE_COMMANDS
        await eventually(lambda: exchange.engine.waiting_commands == outside, "the batch is full")
        for _ in range(10):
            await asyncio.sleep(0)
        assert outside == exchange.engine.waiting_commands
        writer.release()
        repeated = await asyncio.gather(*answers)
        await other

    assert {original.events[0].seq} == {answer.duplicate_of for answer in repeated}


async def test_a_turn_of_the_loop_executes_a_slice_at_most(log_dsn: str) -> None:
    """However many commands wait, other work of the loop gets its turn after each slice."""
    async with running(log_dsn) as exchange:
        trader = await exchange.log_on()
        answers = [exchange.engine.submit(command) for command in orders(trader, 1000)]
        executed_in_turn: list[int] = []
        waiting = exchange.engine.waiting_commands
        while waiting:
            await asyncio.sleep(0)
            executed_in_turn.append(waiting - exchange.engine.waiting_commands)
            waiting = exchange.engine.waiting_commands
        await asyncio.gather(*answers)

    assert 1000 == sum(executed_in_turn)
    assert engine_module.SLICE_COMMANDS == max(executed_in_turn)
