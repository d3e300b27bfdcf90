"""Measures how long a start takes, with a snapshot and without; how fast a log is verified; and how large it is.

python -m loadtest.recovery [--events N] [--rounds K] [--reexecute] [--json] [--dsn ADDRESS]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import TYPE_CHECKING, Final

import click
import msgspec
import psutil

from exchange.domain import snapshot
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.record import seal
from exchange.log.recovery import recover
from exchange.log.snapshots import Snapshot, SnapshotStore
from exchange.log.verification import LogVerification
from exchange.log.writer import LogWriter
from loadtest import databases, measuring, venue_history

if TYPE_CHECKING:
    from exchange.log.recovery import Recovery

_TAIL_EVENTS: Final = 50_000
"""Events after the snapshot: as many as lie between two of them by default."""
_MB: Final = 2**20


class Round(msgspec.Struct):
    """Everything once."""

    bare_read_events_per_s: float
    """The rows fetched in pages and made into structs; nothing else is done with them."""
    replay_events_per_s: float
    """From event 1 to a live state, every hash checked."""
    replay_s: float
    """The same, a start without a snapshot."""
    replay_processor_us_per_event: float
    """Of it, time of this process' processor: the fold, and what it waits for nobody."""
    from_snapshot_s: float
    """A start with a snapshot and the events after it."""
    verify_events_per_s: float
    memory_mb: int
    """Resident size of the process after the replay."""


class Report(msgspec.Struct):
    """What one call measured."""

    host: str
    mix: str
    events: int
    live_orders: int
    log_bytes_per_event: float
    """Table and indexes."""
    snapshot_bytes: int
    """Compressed."""
    tail_events: int
    """Replayed by a start with a snapshot."""
    rounds: list[Round]
    reexecute_commands_per_s: float | None
    """Measured once, where it was asked for."""


@click.command(help=__doc__)
@click.option("--events", default=1_000_000, show_default=True, type=click.IntRange(100_000, 20_000_000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--reexecute", is_flag=True, help="Measure `verify --reexecute`, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
@click.option("--dsn", help="A Postgres to use instead of one of our own.")
def main(events: int, rounds: int, *, reexecute: bool, as_json: bool, dsn: str | None) -> None:
    """Measure and print."""
    report = asyncio.run(measure(events, rounds, dsn, reexecute=reexecute))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        return

    def median(name: str) -> float:
        return float(statistics.median(getattr(one, name) for one in report.rounds))

    print(report.host)
    print(report.mix)
    print(
        f"{report.events:,} events, {report.live_orders:,} live orders, {report.log_bytes_per_event:.0f} bytes/event"
    )
    print(f"bare read         {median('bare_read_events_per_s'):12,.0f} events/s, median of {rounds}")
    print(f"replay            {median('replay_events_per_s'):12,.0f} events/s, median of {rounds}")
    print(f"without a snapshot{median('replay_s'):12.2f} s, median of {rounds}: the same replay")
    print(f"  its own processor{median('replay_processor_us_per_event'):11.2f} us/event, median of {rounds}")
    print(f"verify            {median('verify_events_per_s'):12,.0f} events/s, median of {rounds}")
    print(
        f"from a snapshot   {median('from_snapshot_s'):12.2f} s, median of {rounds}:"
        f" {report.snapshot_bytes:,} bytes and {report.tail_events:,} events after it"
    )
    if report.reexecute_commands_per_s is not None:
        print(f"verify --reexecute{report.reexecute_commands_per_s:12,.0f} commands/s, once")
    print(f"memory after each replay, MB: {', '.join(str(one.memory_mb) for one in report.rounds)}")


async def measure(events: int, rounds: int, dsn: str | None, *, reexecute: bool) -> Report:
    """Write one log, then start on it and verify it in every round."""
    measuring.settle_garbage_collector()
    async with databases.empty_database(dsn) as database:
        dsn = database.dsn
        history, saved = await _write_log(dsn, events)
        last_seq, live_orders = history.venue.state.last_seq, len(history.venue.state.orders)
        del history
        measuring.settle_garbage_collector()
        measured = [await _measure_round(dsn, saved) for _ in range(rounds)]
        commands_per_s = await _measure_reexecution(dsn) if reexecute else None
        log_bytes = await databases.fetch_number(dsn, "SELECT pg_total_relation_size('event')")
        snapshot_bytes = await databases.fetch_number(dsn, "SELECT length(state) FROM snapshot")
    return Report(
        host=measuring.describe_host(),
        mix=venue_history.DESCRIPTION,
        events=last_seq,
        live_orders=live_orders,
        log_bytes_per_event=log_bytes / last_seq,
        snapshot_bytes=snapshot_bytes,
        tail_events=last_seq - saved.seq,
        rounds=measured,
        reexecute_commands_per_s=commands_per_s,
    )


async def _write_log(dsn: str, events: int) -> tuple[venue_history.VenueHistory, Snapshot]:
    """Fill the log; answers the history and a snapshot from shortly before the end."""
    history = venue_history.VenueHistory()
    saved: Snapshot | None = None
    await migrate(dsn)
    async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
        for recorded, requests in history.take(events):
            await writer.append(seal(recorded, writer.epoch, writer.last_hash, requests))
            if saved is None and writer.last_seq >= events - _TAIL_EVENTS:
                state = snapshot.dump(history.venue.state)
                saved = Snapshot(writer.last_seq, writer.last_hash, "load test", state)
    if saved is None:
        raise RuntimeError("no snapshot was taken")
    return history, saved


async def _measure_round(dsn: str, saved: Snapshot) -> Round:
    store = SnapshotStore(dsn)
    await databases.execute(dsn, "DELETE FROM snapshot")
    async with await LogReader.open(dsn, connections=2) as reader:
        last_seq = (await reader.head()).last_seq
        began_at = time.perf_counter()
        async for _page in reader.pages():
            pass
        read_s = time.perf_counter() - began_at
        processor_began_at = time.process_time()
        whole, whole_s = await _timed_recovery(reader, store)
        processor_s = time.process_time() - processor_began_at
        memory_mb = psutil.Process().memory_info().rss // _MB
        digest = snapshot.digest(whole.state)
        del whole
        await store.save(saved)
        short, from_snapshot_s = await _timed_recovery(reader, store)
        if short.snapshot_seq != saved.seq or snapshot.digest(short.state) != digest:
            raise RuntimeError("a start with the snapshot gave another state")
        del short
        began_at = time.perf_counter()
        verified = await LogVerification(reader, store, 1, last_seq, reexecute=False).run()
        verify_s = time.perf_counter() - began_at
        if verified.faults or verified.digest != digest:
            raise RuntimeError(f"the log did not verify: {verified.faults}")
    return Round(
        bare_read_events_per_s=last_seq / read_s,
        replay_events_per_s=last_seq / whole_s,
        replay_s=whole_s,
        replay_processor_us_per_event=processor_s / last_seq * 1e6,
        from_snapshot_s=from_snapshot_s,
        verify_events_per_s=last_seq / verify_s,
        memory_mb=memory_mb,
    )


async def _timed_recovery(reader: LogReader, store: SnapshotStore) -> tuple[Recovery, float]:
    began_at = time.perf_counter()
    recovery = await recover(reader, store)
    return recovery, time.perf_counter() - began_at


async def _measure_reexecution(dsn: str) -> float:
    async with await LogReader.open(dsn, connections=2) as reader:
        last_seq = (await reader.head()).last_seq
        began_at = time.perf_counter()
        verified = await LogVerification(reader, SnapshotStore(dsn), 1, last_seq, reexecute=True).run()
        if verified.faults or verified.not_executed:
            raise RuntimeError(f"the commands gave other events: {verified.faults}")
        return verified.executed / (time.perf_counter() - began_at)


if __name__ == "__main__":
    main()
