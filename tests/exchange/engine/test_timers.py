"""Time: stamped by the engine's clock, never running backwards; dead-man timers fire by it."""

import asyncio

from exchange.domain import commands
from exchange.domain.events import (
    CancelAfterFired,
    CancelReason,
    Event,
    OrderCancelled,
    SessionClosed,
    WriterStarted,
)
from exchange.engine import engine as engine_module
from tests.exchange.engine.running import ManualClock, Running, events_of, running
from tests.market import BETA, START_NS, Trader
from tests.waiting import eventually

SECOND = 10**9
MILLISECOND = 10**6


def set_timer(trader: Trader, timeout_ns: int) -> commands.SetCancelAfter:
    return commands.SetCancelAfter(trader.key_id, trader.session, trader.account, timeout_ns)


async def events_after(exchange: Running, seq: int) -> list[Event]:
    return [recorded.event for recorded in (await exchange.read_log())[seq:]]


async def test_orders_are_cancelled_at_the_deadline(log_dsn: str) -> None:
    """With nothing else going on, a timer that runs out cancels the account's orders, oldest first, and nobody else's."""
    clock = ManualClock(START_NS)
    async with running(log_dsn, clock=clock) as exchange:
        alpha, beta = await exchange.log_on(), await exchange.log_on("beta-key", BETA)
        await exchange.do(alpha.place_command(alpha.buy(1, 900)))
        await exchange.do(alpha.place_command(alpha.sell(2, 1100)))
        await exchange.do(beta.place_command(beta.buy(3, 900)))
        await exchange.do(set_timer(alpha, 5 * MILLISECOND))
        seq = exchange.engine.durable_seq
        clock.now_ns += 5 * MILLISECOND
        await eventually(lambda: exchange.engine.durable_seq == seq + 3, "the timer fires")

    events = await events_after(exchange, seq)
    assert CancelAfterFired("alpha") == events[0]
    assert [(1, CancelReason.DEAD_MAN), (2, CancelReason.DEAD_MAN)] == [
        (event.quantity, event.reason) for event in events[1:] if isinstance(event, OrderCancelled)
    ]


async def test_a_clock_that_is_late_only_delays_the_timer(log_dsn: str) -> None:
    """The loop wakes the engine, but its clock decides: before the deadline by that clock nothing is cancelled."""
    clock = ManualClock(START_NS)
    async with running(log_dsn, clock=clock) as exchange:
        alpha = await exchange.log_on()
        await exchange.do(alpha.place_command(alpha.buy(1, 900)))
        await exchange.do(set_timer(alpha, MILLISECOND))
        seq = exchange.engine.durable_seq
        woken: list[int] = []
        fire = exchange.engine._fire_timers

        def wake() -> None:
            woken.append(clock.now_ns)
            fire()

        exchange.engine._fire_timers = wake  # type: ignore[method-assign]  # what the loop calls
        await eventually(lambda: len(woken) >= 3, "the loop wakes the engine several times")
        assert seq == exchange.engine.durable_seq
        clock.now_ns += MILLISECOND
        await eventually(lambda: exchange.engine.durable_seq == seq + 2, "the timer fires")

    assert [CancelAfterFired, OrderCancelled] == [type(event) for event in await events_after(exchange, seq)]


async def test_nobody_trades_with_a_dead_man_after_his_deadline(log_dsn: str) -> None:
    """A command stamped at or after a deadline finds the orders cancelled, though the loop had not woken the engine yet."""
    clock = ManualClock(START_NS)
    async with running(log_dsn, clock=clock) as exchange:
        alpha, beta = await exchange.log_on(), await exchange.log_on("beta-key", BETA)
        await exchange.do(alpha.place_command(alpha.sell(4, 1000)))
        await exchange.do(set_timer(alpha, 3600 * SECOND))
        clock.now_ns += 3600 * SECOND - 1
        before = await exchange.engine.submit(beta.place_command(beta.buy(1, 1000)))
        clock.now_ns += 1
        after = await exchange.engine.submit(beta.place_command(beta.buy(1, 1000)))
        log = await exchange.read_log()

    assert 2 == len(before.events)
    assert 1 == len(after.events)
    between = log[before.events[-1].seq : after.events[0].seq - 1]
    assert [CancelAfterFired, OrderCancelled] == [type(recorded.event) for recorded in between]
    assert {START_NS + 3600 * SECOND} == {recorded.recorded_at for recorded in between}


async def test_a_timer_that_is_set_again_or_switched_off(log_dsn: str) -> None:
    """A sign of life prolongs the time, and 0 ends it: the deadlines before mean nothing any more."""
    clock = ManualClock(START_NS)
    async with running(log_dsn, clock=clock) as exchange:
        alpha, beta = await exchange.log_on(), await exchange.log_on("beta-key", BETA)
        await exchange.do(alpha.place_command(alpha.buy(1, 900)))
        await exchange.do(beta.place_command(beta.buy(1, 900)))
        for _ in range(5):
            await exchange.do(set_timer(alpha, 2 * SECOND))
            await exchange.do(set_timer(beta, 2 * SECOND))
            clock.now_ns += SECOND
        await exchange.do(set_timer(beta, 0))
        seq = exchange.engine.durable_seq
        clock.now_ns += SECOND
        # Any command: it comes after what is due.
        await exchange.log_on()
        clock.now_ns += 100 * SECOND
        await exchange.log_on()

    fired, cancelled, *_ = await events_after(exchange, seq)
    assert CancelAfterFired("alpha") == fired
    assert isinstance(cancelled, OrderCancelled)
    assert 4 == len(await events_after(exchange, seq))


async def test_a_deadline_that_passed_while_no_engine_ran(log_dsn: str) -> None:
    """The next engine fires the timer right after it has ended the old sessions, before anybody can trade."""
    clock = ManualClock(START_NS)
    async with running(log_dsn, clock=clock) as exchange:
        alpha = await exchange.log_on()
        await exchange.do(alpha.place_command(alpha.buy(1, 900)))
        await exchange.do(set_timer(alpha, SECOND))
        end = exchange.engine.durable_seq
    clock.now_ns += SECOND
    async with running(log_dsn, clock=clock) as successor:
        await eventually(lambda: successor.engine.durable_seq == end + 4, "the timer fires")

    assert [WriterStarted, SessionClosed, CancelAfterFired, OrderCancelled] == [
        type(event) for event in await events_after(successor, end)
    ]


async def test_a_timer_runs_on_over_a_restart(log_dsn: str) -> None:
    """A deadline that has not passed is kept by the next engine."""
    clock = ManualClock(START_NS)
    async with running(log_dsn, clock=clock) as exchange:
        alpha = await exchange.log_on()
        await exchange.do(alpha.place_command(alpha.buy(1, 900)))
        await exchange.do(set_timer(alpha, 10 * MILLISECOND))
    clock.now_ns += 9 * MILLISECOND
    async with running(log_dsn, clock=clock) as successor:
        await successor.log_on()
        seq = successor.engine.durable_seq
        assert {"alpha": START_NS + 10 * MILLISECOND} == successor.venue.state.cancel_after
        clock.now_ns += MILLISECOND
        await eventually(lambda: successor.engine.durable_seq == seq + 2, "the timer fires")

    assert [CancelAfterFired, OrderCancelled] == [type(event) for event in await events_after(successor, seq)]


async def test_a_timer_fires_though_new_work_is_refused(log_dsn: str) -> None:
    """A dead man's orders go when others have filled the queue."""
    clock = ManualClock(START_NS)
    async with running(log_dsn, clock=clock) as exchange:
        alpha, beta = await exchange.log_on(), await exchange.log_on("beta-key", BETA)
        await exchange.do(alpha.place_command(alpha.buy(1, 900)))
        await exchange.do(set_timer(alpha, SECOND))
        orders = [
            beta.place_command(beta.buy(1, 900, client_order_id=f"flood-{number}"))
            for number in range(engine_module.MAX_WAITING_COMMANDS)
        ]
        flood = [exchange.engine.submit(order) for order in orders]
        clock.now_ns += SECOND
        refused = exchange.engine.submit(beta.place_command(beta.buy(1, 900)))
        assert refused.done()
        assert refused.exception() is not None
        first = (await flood[0]).events[0]
        await asyncio.gather(*flood)
        log = await exchange.read_log()

    assert CancelAfterFired("alpha") == log[first.seq - 3].event


async def test_time_stands_still_while_the_clock_is_behind(log_dsn: str) -> None:
    """A clock that is set back, also between two engines, gives events the time of the last one, until it has caught up."""
    clock = ManualClock(START_NS)
    async with running(log_dsn, clock=clock) as exchange:
        await exchange.log_on()
        clock.now_ns -= 3600 * SECOND
        await exchange.log_on()
        end = exchange.engine.durable_seq
    clock.now_ns -= 3600 * SECOND
    async with running(log_dsn, clock=clock) as successor:
        await successor.log_on()
        clock.now_ns = START_NS + 1
        await successor.log_on()

    log = await successor.read_log()
    assert [recorded.recorded_at for recorded in log] == [START_NS] * (len(log) - 1) + [START_NS + 1]
    assert end < len(log)


async def test_the_events_of_one_command_have_one_time(log_dsn: str) -> None:
    """A clock that moves with every look stamps commands, not events."""
    moving = ManualClock(START_NS)

    def clock() -> int:
        moving.now_ns += 1
        return moving.now_ns

    async with running(log_dsn, clock=clock) as exchange:
        alpha, beta = await exchange.log_on(), await exchange.log_on("beta-key", BETA)
        await exchange.do(alpha.place_command(alpha.sell(1, 1000)))
        await exchange.do(alpha.place_command(alpha.sell(1, 1001)))
        swept = await exchange.engine.submit(beta.place_command(beta.buy(2, 1001)))

    assert 3 == len(events_of(swept))
    log = await exchange.read_log()
    times = [recorded.recorded_at for recorded in log]
    assert times == sorted(times)
    assert len({recorded.command for recorded in log}) == len(set(times))
