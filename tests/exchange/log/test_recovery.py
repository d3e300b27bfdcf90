"""Recovery: the newest snapshot that can be used and the tail of the log, or the log alone; never anything else."""

from typing import ClassVar

import msgspec
import pytest

from exchange.domain import snapshot
from exchange.domain.events import Event, Recorded
from exchange.domain.state import State
from exchange.domain.venue import Venue
from exchange.log import record
from exchange.log.chain import ChainBroken
from exchange.log.codec import UnknownEvent
from exchange.log.reader import LogReader
from exchange.log.record import StoredEvent
from exchange.log.recovery import Recovery, recover, state_at
from exchange.log.snapshots import Snapshot, SnapshotStore
from exchange.log.writer import LogWriter
from tests.exchange.log.conftest import append, tamper
from tests.market import Market

OLDER, NEWER = 50, 70
PROGRAM = "carbon-exchange 0.9"


def traded_market() -> Market:
    """A market with resting, filled, cancelled and refused orders, a timer, and a session with a log-off."""
    market = Market()
    alpha, beta, gamma = market.alpha, market.beta, market.gamma
    for number in range(10):
        alpha.place(alpha.sell(5, 1000 + number % 3))
        beta.place(beta.buy(3, 1001))
    beta.place(beta.buy(10**6, 1000))
    gamma.cancel_after(10**12)
    gamma.rest(gamma.buy(1, 900))
    alpha.cancel_all()
    gamma.log_off()
    return market


class Log:
    """A log in Postgres that was written by a market, and its snapshots."""

    def __init__(self, dsn: str, market: Market, rows: list[StoredEvent]) -> None:
        self.market = market
        self.rows = rows
        self.store = SnapshotStore(dsn)

    @property
    def last_seq(self) -> int:
        return self.rows[-1].seq

    def state_at(self, seq: int) -> State:
        """The state after an event."""
        state = State()
        for recorded in self.market.recorded[:seq]:
            state.apply(recorded.seq, recorded.recorded_at, recorded.event)
        return state

    async def save(self, seq: int, state: bytes | None = None) -> None:
        """Save a snapshot of the state after an event, or of what is said to be it."""
        if state is None:
            state = snapshot.dump(self.state_at(seq))
        await self.store.save(Snapshot(seq, self.rows[seq - 1].hash, PROGRAM, state))

    def check(self, recovery: Recovery, snapshot_seq: int, *problems: str) -> None:
        """The state is that of the market, made from the snapshot and from every event after it."""
        assert snapshot.digest(self.market.state) == snapshot.digest(recovery.state)
        recovery.state.ledger.check()
        assert (snapshot_seq, self.last_seq - snapshot_seq, problems) == (
            recovery.snapshot_seq,
            recovery.events_replayed,
            recovery.problems,
        )


@pytest.fixture
async def log(log_dsn: str, writer: LogWriter) -> Log:
    """Gives a log that ends in the middle of trading."""
    market = traded_market()
    written = Log(log_dsn, market, await append(writer, market.recorded))
    assert written.last_seq > NEWER + 2
    return written


async def test_an_empty_log(log_dsn: str, reader: LogReader) -> None:
    """Nothing is recovered from nothing."""
    recovery = await recover(reader, SnapshotStore(log_dsn))

    assert snapshot.digest(State()) == snapshot.digest(recovery.state)
    assert (0, 0, ()) == (recovery.snapshot_seq, recovery.events_replayed, recovery.problems)


async def test_without_a_snapshot(log: Log, reader: LogReader) -> None:
    """The whole log is folded, and the operator is told."""
    recovery = await recover(reader, log.store)

    log.check(recovery, 0)
    assert recovery.summary() == (
        f"recovered to seq {log.last_seq} in {recovery.duration_ms} ms:"
        f" no snapshot, {log.last_seq} events replayed"
    )


async def test_from_a_snapshot_and_the_tail(log: Log, reader: LogReader) -> None:
    """The newest snapshot is used and only what came after it is replayed."""
    await log.save(OLDER)
    await log.save(NEWER)
    recovery = await recover(reader, log.store)

    log.check(recovery, NEWER)
    assert recovery.summary() == (
        f"recovered to seq {log.last_seq} in {recovery.duration_ms} ms:"
        f" snapshot at {NEWER}, {log.last_seq - NEWER} events replayed"
    )


async def test_from_a_snapshot_at_the_end(log: Log, reader: LogReader) -> None:
    """A snapshot of the last event leaves nothing to replay."""
    await log.save(log.last_seq)

    log.check(await recover(reader, log.store), log.last_seq)


async def test_any_snapshot_gives_the_same_state(log: Log, reader: LogReader) -> None:
    """Wherever in the history a snapshot was taken, in the middle of a command too, recovery ends at the same digest."""
    for seq in range(1, log.last_seq, 7):
        await log.save(seq)
        log.check(await recover(reader, log.store), seq)


async def test_the_recovered_venue_goes_on_as_the_lost_one(log: Log, reader: LogReader) -> None:
    """The same command on the recovered state has the same effect as on the live one."""
    await log.save(NEWER)
    recovery = await recover(reader, log.store)
    beta = log.market.beta
    command = beta.place_command(beta.buy(4, 1002))
    lost = log.market.venue.execute(command, log.market.at + 1)

    assert lost == Venue(recovery.state).execute(command, log.market.at + 1)
    assert snapshot.digest(log.market.state) == snapshot.digest(recovery.state)


async def test_a_damaged_snapshot(log: Log, reader: LogReader, log_dsn: str) -> None:
    """The older one is used when the newest is damaged, the log alone when both are."""
    await log.save(OLDER)
    await log.save(NEWER)
    await tamper(log_dsn, f"UPDATE snapshot SET state = substring(state FROM 2) WHERE seq = {NEWER}")
    newest = f"snapshot {NEWER} is damaged: its digest does not fit"
    log.check(await recover(reader, log.store), OLDER, newest)

    await tamper(log_dsn, "UPDATE snapshot SET state = substring(state FROM 2)")
    older = f"snapshot {OLDER} is damaged: its digest does not fit"
    log.check(await recover(reader, log.store), 0, newest, older)


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (b'{"last_seq": 70}', "Object missing required field `last_at`"),
        (b"\x93\x01\x02\x03", "JSON is malformed: invalid character (byte 0)"),
    ],
    ids=["other fields", "no JSON"],
)
async def test_a_snapshot_of_another_form(state: bytes, problem: str, log: Log, reader: LogReader) -> None:
    """What another version of the program wrote is passed over: the older one is used, or the log alone."""
    await log.save(OLDER)
    await log.save(NEWER, state)
    told = f"snapshot {NEWER} was written in another form by {PROGRAM}: {problem}"
    log.check(await recover(reader, log.store), OLDER, told)

    await log.save(OLDER, state)
    told_too = f"snapshot {OLDER} was written in another form by {PROGRAM}: {problem}"
    log.check(await recover(reader, log.store), 0, told, told_too)


async def test_a_snapshot_with_more_fields(log: Log, reader: LogReader) -> None:
    """State that this program does not know about must not be dropped silently."""
    fields = msgspec.json.decode(snapshot.dump(log.state_at(NEWER)))
    await log.save(NEWER, msgspec.json.encode({**fields, "auctions": []}))

    problem = "Object contains unknown field `auctions`"
    told = f"snapshot {NEWER} was written in another form by {PROGRAM}: {problem}"
    log.check(await recover(reader, log.store), 0, told)


async def test_a_snapshot_of_another_event(log: Log, reader: LogReader) -> None:
    """A state that ends elsewhere than its snapshot says is not used."""
    await log.save(OLDER)
    await log.save(NEWER, snapshot.dump(log.state_at(NEWER - 1)))

    told = f"snapshot {NEWER}, written by {PROGRAM}, holds the state after event {NEWER - 1}"
    log.check(await recover(reader, log.store), OLDER, told)


@pytest.mark.parametrize("with_snapshot", [True, False])
async def test_a_changed_tail(with_snapshot: bool, log: Log, reader: LogReader, log_dsn: str) -> None:
    """Recovery stops at the first event that is not what was written."""
    if with_snapshot:
        await log.save(NEWER)
    await tamper(log_dsn, f"UPDATE event SET recorded_at = recorded_at + 1 WHERE seq = {NEWER + 2}")

    with pytest.raises(ChainBroken, match=f"the log is broken at event {NEWER + 2}"):
        await recover(reader, log.store)


class AuctionCalled(Event, frozen=True):
    """A fact of a newer program."""

    kind: ClassVar[str] = "auction_called"


async def test_an_event_that_this_program_does_not_know(
    log: Log, reader: LogReader, writer: LogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that a newer program went on with is not recovered in part."""
    monkeypatch.setitem(record._INDEX_COLUMNS, AuctionCalled.kind, record._none)
    seq = log.last_seq + 1
    await append(writer, [Recorded(seq, seq, log.market.at, AuctionCalled())])

    with pytest.raises(UnknownEvent, match="event auction_called version 1"):
        await recover(reader, log.store)


async def test_no_earlier_state_for_a_later_event(log: Log, reader: LogReader) -> None:
    """The state after an event that the log does not have is refused; an earlier one never stands for it."""
    state = await state_at(reader, log.store, log.last_seq)
    assert snapshot.dump(log.state_at(log.last_seq)) == snapshot.dump(state)
    await log.save(NEWER, snapshot.dump(log.state_at(NEWER)))
    with pytest.raises(ChainBroken) as broken:
        await state_at(reader, log.store, log.last_seq + 3)
    assert log.last_seq + 1 == broken.value.seq
