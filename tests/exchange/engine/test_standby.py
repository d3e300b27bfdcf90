"""A standby: the same port before and after it takes over, one list of events, no request before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from exchange.domain import commands, snapshot
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.state import State
from exchange.engine import standby as standby_module
from exchange.engine.standby import Standby, StandbyDiverged
from exchange.log.chain import GENESIS
from exchange.log.lease import WriterIdentity
from exchange.log.reader import LogReader
from exchange.log.snapshots import Snapshot, SnapshotStore
from exchange.log.writer import LogWriter
from tests.exchange.engine.running import PROGRAM, do, running
from tests.market import ALPHA
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchange.domain.events import Recorded
    from exchange.log.record import StoredEvent


@pytest.fixture
async def reader(log_dsn: str) -> AsyncIterator[LogReader]:
    """Gives a reader of the log."""
    async with await LogReader.open(log_dsn) as log_reader:
        yield log_reader


def deposit(number: int) -> commands.Command:
    """A command that always succeeds."""
    return commands.DepositCash(LOCAL_OPERATOR, ALPHA, "EUR", 100, f"deposit-{number}")


async def test_one_list_of_events_across_a_take_over(log_dsn: str, reader: LogReader) -> None:
    """Listeners get each event of both engines once and in order; requests are refused until the lease has come."""
    standby = Standby(State(), GENESIS, 0, reader)
    heard: list[Recorded] = []
    stored: list[StoredEvent] = []
    standby.listen(heard.extend)
    standby.listen_stored(stored.extend)
    async with running(log_dsn) as primary:
        following = asyncio.create_task(standby.follow())
        await primary.do(deposit(1))
        await eventually(
            lambda: standby.durable_seq == primary.engine.durable_seq, "the standby's catching up"
        )
        assert (1, 0) == (standby.epoch, standby.waiting_commands)
        with pytest.raises(Reject) as refused:
            await standby.submit(deposit(2))
        assert RejectCode.READ_ONLY == refused.value.code
        following.cancel()
        # Written after the standby looked last: to be drained.
        await primary.do(deposit(3))
    writer = await LogWriter.open(log_dsn, WriterIdentity.of_this_process())

    await standby.promote(writer, PROGRAM)
    await do(standby, deposit(4))

    assert (2, 0) == (standby.epoch, standby.waiting_commands)
    rows = [row async for page in reader.pages(verify=True) for row in page]
    assert rows == stored
    assert [row.to_recorded() for row in rows] == heard
    assert standby.durable_seq == rows[-1].seq
    await standby.close()
    async with await LogWriter.open(log_dsn, WriterIdentity.of_this_process()) as next_writer:
        assert 3 == next_writer.epoch


async def test_new_snapshots_are_compared(
    log_dsn: str, reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot that holds the same state is passed, though both have moved on; another state ends the standby."""
    monkeypatch.setattr(standby_module, "CHECK_S", 0.01)
    monkeypatch.setattr(standby_module, "POLL_S", 0.01)
    snapshots = SnapshotStore(log_dsn)
    standby = Standby(State(), GENESIS, 0, reader)
    async with running(log_dsn) as primary:
        following = asyncio.create_task(standby.follow())
        comparing = asyncio.create_task(standby.compare(snapshots))
        state = snapshot.dump(primary.venue.state)
        await snapshots.save(Snapshot(primary.writer.last_seq, primary.writer.last_hash, PROGRAM, state))
        await primary.do(deposit(1))
        await eventually(lambda: standby.compared_seq == primary.writer.last_seq - 1, "the comparison")

        other = snapshot.load(snapshot.dump(primary.venue.state))
        other.name = "Another Venue"
        await snapshots.save(
            Snapshot(primary.writer.last_seq, primary.writer.last_hash, PROGRAM, snapshot.dump(other))
        )
        await primary.do(deposit(2))
        with pytest.raises(StandbyDiverged, match=r"at event \d+ the warm state has digest"):
            async with asyncio.timeout(10):
                await comparing
        following.cancel()
