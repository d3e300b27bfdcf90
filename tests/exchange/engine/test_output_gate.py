"""The output gate: nothing leaves the engine before it is durable, and then in one order."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from exchange.domain.events import Fill, OrderAccepted, Recorded
from exchange.log.record import StoredEvent
from tests.exchange.engine.running import HeldWriter, LogLocked, events_of, running
from tests.market import ALPHA, BETA, UNITS, V19
from tests.waiting import eventually


async def test_nothing_leaves_before_the_commit(log_dsn: str) -> None:
    """While Postgres works, the venue has traded already and nobody has heard of it."""
    async with running(log_dsn) as exchange:
        engine, heard = exchange.engine, list[object]()
        alpha, beta = await exchange.log_on(), await exchange.log_on("beta-key", BETA)
        durable_seq = engine.durable_seq
        engine.listen(heard.append)
        engine.listen_stored(heard.append)
        async with LogLocked(log_dsn) as lock:
            sell = engine.submit(alpha.place_command(alpha.sell(5, 1000)))
            await eventually(lock.append_waits, "the append waits in Postgres")
            buy = engine.submit(beta.place_command(beta.buy(5, 1000)))
            await eventually(lambda: not engine.waiting_commands, "all is executed")
            traded = exchange.venue.state.ledger.balance(BETA, V19).total
            during = (list(heard), sell.done(), buy.done(), engine.durable_seq)
        await asyncio.gather(sell, buy)

    assert UNITS + 5 == traded
    assert ([], False, False, durable_seq) == during
    assert [OrderAccepted, OrderAccepted, Fill] == [
        type(event) for answer in (await sell, await buy) for event in events_of(answer)
    ]


async def test_whoever_hears_of_an_event_finds_it_in_the_log(log_dsn: str) -> None:
    """At the moment a listener is called, any other session reads the whole batch."""

    async def last_seq() -> int:
        connection = await asyncpg.connect(log_dsn)
        try:
            seq: int = await connection.fetchval("SELECT last_seq FROM log_head")
            return seq
        finally:
            await connection.close()

    seen: list[tuple[int, int]] = []

    def look(batch: list[Recorded]) -> None:
        # In another thread, while this loop stands still.
        seen.append((batch[-1].seq, pool.submit(asyncio.run, last_seq()).result(timeout=30)))

    with ThreadPoolExecutor(1) as pool:
        async with running(log_dsn) as exchange:
            trader = await exchange.log_on()
            exchange.engine.listen(look)
            for _ in range(3):
                await exchange.do(trader.place_command(trader.buy(1, 900)))

    assert 3 == len(seen)
    assert all(announced <= committed for announced, committed in seen), seen


async def test_listeners_hear_of_a_batch_before_anybody_gets_an_answer(log_dsn: str) -> None:
    """First the encoded form, then the events, then the answers in the order of the commands; and only then the next batch.

    A listener that asks how far the log is durable is told: to the end of its batch.
    """
    order: list[str] = []

    def heard(what: str, batch: list[Recorded] | list[StoredEvent]) -> None:
        order.extend(f"{what} {event.seq}" for event in batch)
        assert exchange.engine.durable_seq == batch[-1].seq

    async with running(log_dsn, writer_type=HeldWriter) as exchange:
        engine, writer, trader = exchange.engine, exchange.writer, await exchange.log_on()
        assert isinstance(writer, HeldWriter)
        engine.listen(lambda batch: heard("event", batch))
        engine.listen_stored(lambda batch: heard("stored", batch))

        async def place() -> None:
            answer = await engine.submit(trader.place_command(trader.buy(1, 900)))
            order.append(f"answer {answer.events[0].seq}")

        writer.hold()
        places = [asyncio.create_task(place()) for _ in range(3)]
        await eventually(lambda: writer.batches, "the first batch is on its way")
        places += [asyncio.create_task(place()) for _ in range(2)]
        await eventually(lambda: not engine.waiting_commands, "all is executed")
        writer.release()
        await asyncio.gather(*places)

    (a, b, c), (d, e) = writer.batches
    assert order == [
        *(f"stored {seq}" for seq in (a, b, c)),
        *(f"event {seq}" for seq in (a, b, c)),
        *(f"answer {seq}" for seq in (a, b, c)),
        *(f"stored {seq}" for seq in (d, e)),
        *(f"event {seq}" for seq in (d, e)),
        *(f"answer {seq}" for seq in (d, e)),
    ]


async def test_the_feed_is_the_log(log_dsn: str) -> None:
    """A listener that was there from some point on gets exactly the log from there, in both forms."""
    async with running(log_dsn) as exchange:
        events: list[Recorded] = []
        stored: list[StoredEvent] = []
        after_seq = exchange.engine.durable_seq
        exchange.engine.listen(events.extend)
        exchange.engine.listen_stored(stored.extend)
        alpha, beta = await exchange.log_on(), await exchange.log_on("beta-key", BETA)
        sells = [alpha.place_command(alpha.sell(2, 1000 + n % 7)) for n in range(100)]
        buys = [beta.place_command(beta.buy(3, 1003)) for _ in range(50)]
        await asyncio.gather(*(exchange.engine.submit(command) for command in (*sells, *buys)))

    log = await exchange.read_log()
    assert log[after_seq:] == events
    assert log[after_seq:] == [row.to_recorded() for row in stored]
    assert exchange.engine.durable_seq == log[-1].seq


async def test_a_listener_may_end_itself(log_dsn: str) -> None:
    """Nobody misses a batch because somebody else stopped listening during it."""
    async with running(log_dsn) as exchange:
        once: list[Recorded] = []
        always: list[Recorded] = []

        def listen_once(batch: list[Recorded]) -> None:
            once.extend(batch)
            unlisten()

        unlisten = exchange.engine.listen(listen_once)
        exchange.engine.listen(always.extend)
        await exchange.log_on()
        await exchange.log_on("beta-key", BETA)

    assert 1 == len(once)
    assert 2 == len(always)


async def test_an_answer_that_nobody_waits_for_harms_nobody(log_dsn: str) -> None:
    """A caller may give up waiting; the command was executed all the same, and others get their answers."""
    async with running(log_dsn) as exchange:
        alpha = await exchange.log_on()
        async with LogLocked(log_dsn) as lock:
            given_up = exchange.engine.submit(alpha.place_command(alpha.buy(1, 900)))
            await eventually(lock.append_waits, "the append waits in Postgres")
            given_up.cancel()
            other = exchange.engine.submit(alpha.place_command(alpha.buy(1, 901)))
        answer = await other

    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert 2 == len(exchange.venue.state.account_orders[ALPHA])
    assert answer.events == (await exchange.read_log())[-1:]
