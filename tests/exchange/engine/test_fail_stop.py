"""Fail stop: when a commit fails or may have failed, or the venue breaks a rule, nothing leaves the engine any more."""

import asyncio
from collections.abc import Sequence

import pytest

from exchange.domain.commands import Command, PlaceOrder
from exchange.domain.events import OrderAccepted, Recorded
from exchange.domain.orders import OrderRequest
from exchange.domain.venue import Execution, Venue
from exchange.engine.engine import Engine, LeaseLost, NotRecovered
from exchange.engine.interface import Answer, EngineStopped
from exchange.log import lease
from exchange.log import writer as writer_module
from exchange.log.lease import WriterIdentity
from exchange.log.record import StoredEvent
from exchange.log.writer import CommitUnknown, Fenced, LogWriter
from tests.exchange.engine.running import PROGRAM, LogLocked, Running, execute, running
from tests.market import Trader
from tests.waiting import eventually

OTHER = WriterIdentity("host-b", 4712, "")
FATAL_PRICE = 666


class Witness:
    """Who heard what of an engine that is about to fail."""

    def __init__(self, exchange: Running, trader: Trader) -> None:
        self.exchange = exchange
        self.trader = trader
        self.requests: list[OrderRequest] = []
        self._heard: list[Recorded] = []
        self._durable_seq = exchange.engine.durable_seq
        self._futures: list[asyncio.Future[Answer]] = []
        exchange.engine.listen(self._heard.extend)

    def submit_order(self, price: int = 900) -> None:
        """Ask for something that must not be answered."""
        request = self.trader.buy(1, price)
        self.requests.append(request)
        self._futures.append(self.exchange.engine.submit(self.trader.place_command(request)))

    async def submit_at_all_stages(self, lock: LogLocked) -> None:
        """One order whose append waits in Postgres, one that is executed, one that is not."""
        self.submit_order()
        await eventually(lock.append_waits, "the append waits in Postgres")
        self.submit_order()
        await eventually(lambda: not self.exchange.engine.waiting_commands, "the second is executed")
        self.submit_order()

    async def check_silence(
        self, error: type[Exception] | tuple[type[Exception], ...], cause: str | None = None
    ) -> None:
        """The engine ended with the error, callers know that it is gone, and nobody was told anything else."""
        async with asyncio.timeout(30):
            with pytest.raises(error, match=cause):
                await self.exchange.engine.wait()
            # Whoever comes later hears the same.
            self.submit_order()
            outcomes = await asyncio.gather(*self._futures, return_exceptions=True)
            await self.exchange.engine.stop()
        assert [EngineStopped] * len(self._futures) == [type(outcome) for outcome in outcomes]
        assert [] == self._heard
        assert self._durable_seq == self.exchange.engine.durable_seq


async def resend(log_dsn: str, requests: list[OrderRequest]) -> tuple[list[bool], list[OrderRequest]]:
    """What the next engine answers to the same requests: which it had in its log, and all orders in it afterwards."""
    async with running(log_dsn) as exchange:
        trader = await exchange.log_on()
        answers = [await exchange.engine.submit(trader.place_command(request)) for request in requests]
        log = await exchange.read_log()
    orders = [recorded.event.order for recorded in log if isinstance(recorded.event, OrderAccepted)]
    return [answer.duplicate_of > 0 for answer in answers], orders


@pytest.mark.parametrize("second_appends", [True, False])
async def test_an_append_that_is_refused(log_dsn: str, second_appends: bool) -> None:
    """Another writer took over and the first had not noticed: its batch is not written, not answered, and not tried again."""
    async with running(log_dsn) as exchange:
        witness = Witness(exchange, await exchange.log_on())
        await lease.release(exchange.writer._connection)
        if second_appends:
            async with running(log_dsn):
                pass
        else:
            async with await LogWriter.open(log_dsn, OTHER):
                pass
        log = await exchange.read_log()
        witness.submit_order()
        await witness.check_silence(Fenced, "epoch 1 is over: epoch 2 writes the log")
        assert log == await exchange.read_log()

    duplicates, orders = await resend(log_dsn, witness.requests)
    assert [False, False] == duplicates
    assert witness.requests == orders


async def test_a_connection_that_is_killed_during_an_append(log_dsn: str) -> None:
    """Postgres ends the session while it works: the outcome is unknown to the engine, in truth nothing was written."""
    async with running(log_dsn) as exchange:
        witness = Witness(exchange, await exchange.log_on())
        async with LogLocked(log_dsn) as lock:
            await witness.submit_at_all_stages(lock)
            await execute(
                log_dsn, f"SELECT pg_terminate_backend({exchange.writer._connection.get_server_pid()})"
            )
            await witness.check_silence((CommitUnknown, LeaseLost))

    duplicates, orders = await resend(log_dsn, witness.requests)
    assert [False] * 4 == duplicates
    assert witness.requests == orders


async def test_a_connection_that_is_killed_in_quiet_times(log_dsn: str) -> None:
    """The lease is gone with the connection, so the engine ends at once, not when the next order comes."""
    async with running(log_dsn) as exchange:
        witness = Witness(exchange, await exchange.log_on())
        await execute(log_dsn, f"SELECT pg_terminate_backend({exchange.writer._connection.get_server_pid()})")
        await witness.check_silence(LeaseLost, "the connection to Postgres is gone")

    duplicates, orders = await resend(log_dsn, witness.requests)
    assert [False] == duplicates
    assert witness.requests == orders


async def test_a_commit_without_an_answer_in_time(log_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Postgres that hangs ends the engine."""
    async with running(log_dsn) as exchange:
        witness = Witness(exchange, await exchange.log_on())
        monkeypatch.setattr(writer_module, "COMMIT_LIMIT_S", 0.2)
        async with LogLocked(log_dsn):
            witness.submit_order()
            await witness.check_silence(CommitUnknown, "TimeoutError")
    monkeypatch.undo()

    _, orders = await resend(log_dsn, witness.requests)
    assert witness.requests == orders


class ForgetfulWriter(LogWriter):
    """Loses the answer of Postgres to a commit when it is told to."""

    forgets = False

    async def append(self, rows: Sequence[StoredEvent]) -> None:
        await super().append(rows)
        if self.forgets:
            raise CommitUnknown("the answer was lost")


async def test_a_commit_that_happened_and_was_not_answered(log_dsn: str) -> None:
    """The engine may not answer what it does not know to be durable; the next one finds it in the log and repeats nothing."""
    async with running(log_dsn, writer_type=ForgetfulWriter) as exchange:
        witness = Witness(exchange, await exchange.log_on())
        assert isinstance(exchange.writer, ForgetfulWriter)
        exchange.writer.forgets = True
        witness.submit_order()
        await witness.check_silence(CommitUnknown, "the answer was lost")

    duplicates, orders = await resend(log_dsn, witness.requests)
    assert [True, False] == duplicates
    assert witness.requests == orders


class FaultyVenue(Venue):
    """Breaks down at an order with a certain price, after it has changed its state."""

    def execute(self, command: Command, at: int) -> Execution:
        execution = super().execute(command, at)
        if isinstance(command, PlaceOrder) and command.order.price == FATAL_PRICE:
            raise RuntimeError("a bug")
        return execution


async def test_a_venue_that_breaks_down(log_dsn: str) -> None:
    """State and log may differ now: what is on its way to Postgres, what was executed and what waits stays unanswered."""
    async with running(log_dsn, venue_type=FaultyVenue) as exchange:
        witness = Witness(exchange, await exchange.log_on())
        async with LogLocked(log_dsn) as lock:
            await witness.submit_at_all_stages(lock)
            witness.submit_order(FATAL_PRICE)
            await witness.check_silence(RuntimeError, "a bug")

    duplicates, orders = await resend(log_dsn, witness.requests)
    # The first had reached Postgres, which may have committed it.
    assert [False] * 4 == duplicates[1:]
    assert witness.requests == orders


async def test_a_venue_that_breaks_down_at_once(log_dsn: str) -> None:
    """The command that broke it is not written, nor those of the same slice before it."""
    async with running(log_dsn, venue_type=FaultyVenue) as exchange:
        witness = Witness(exchange, await exchange.log_on())
        for price in (900, FATAL_PRICE, 900):
            witness.submit_order(price)
        await witness.check_silence(RuntimeError, "a bug")

    duplicates, orders = await resend(log_dsn, witness.requests)
    assert [False] * 4 == duplicates
    assert witness.requests == orders


async def test_a_listener_that_breaks_down(log_dsn: str) -> None:
    """A feed with a hole is worse than none: the engine ends, though the events are durable."""
    async with running(log_dsn) as exchange:
        witness = Witness(exchange, await exchange.log_on())

        def break_down(_batch: list[StoredEvent]) -> None:
            raise RuntimeError("a broken listener")

        exchange.engine.listen_stored(break_down)
        witness.submit_order()
        async with asyncio.timeout(30):
            with pytest.raises(RuntimeError, match="a broken listener"):
                await exchange.engine.wait()
            with pytest.raises(EngineStopped):
                await witness._futures[0]

    duplicates, _ = await resend(log_dsn, witness.requests)
    assert [True] == duplicates


async def test_a_venue_that_is_behind_the_log(log_dsn: str) -> None:
    """An engine does not start on a state that was recovered before another writer went on."""
    async with running(log_dsn) as exchange:
        await exchange.log_on()
    async with await LogWriter.open(log_dsn, OTHER) as writer:
        with pytest.raises(NotRecovered, match=rf"the venue is at event 0, the log at {writer.last_seq}"):
            Engine(Venue(), writer, PROGRAM)


async def test_an_engine_that_cannot_start(log_dsn: str) -> None:
    """When the first append fails, `start` says that the engine stopped and `wait` says why."""
    async with await LogWriter.open(log_dsn, OTHER) as writer:
        await execute(log_dsn, "UPDATE writer SET epoch = epoch + 1")
        engine = Engine(Venue(), writer, PROGRAM)
        with pytest.raises(EngineStopped):
            await engine.start()
        with pytest.raises(Fenced):
            await engine.wait()
        await engine.stop()
