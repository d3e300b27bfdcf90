"""`exchange status`: what runs, who writes, where the log stands, what is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from exchange.log import lease
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.operations.admin.instruments import InstrumentRow, instrument_rows
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_facts, print_json, print_table

if TYPE_CHECKING:
    from exchange.domain.state import State
    from exchange.operations.finding import Exchange


class WriterRow(msgspec.Struct, frozen=True):
    """Who holds the lease of the log."""

    host: str
    pid: int
    socket: str
    since: str
    """ISO 8601."""


class SessionRow(msgspec.Struct, frozen=True):
    """Who is logged on."""

    session: int
    key_id: str
    participant: str
    gateway: str


class Status(msgspec.Struct, frozen=True):
    """With --json, `status` prints this object."""

    running: bool
    """Whether an engine writes the log now."""
    pid: int | None
    """Of `exchange up` on this data folder, if it runs."""
    started_at: str | None
    http: str | None
    """HOST:PORT of the gateways; null until all is ready."""
    writer: WriterRow | None
    epoch: int
    """Of the present or last writer."""
    seq: int
    """Of the last event."""
    snapshot_seq: int
    """Of the newest good snapshot; 0: there is none."""
    events_since_snapshot: int
    problems: list[str]
    """Snapshots that cannot be used, and why."""
    venue: str
    business_date: str
    participants: int
    accounts: int
    live_orders: int
    instruments: list[InstrumentRow]
    sessions: list[SessionRow]


@click.command()
@json_option
@exchange_options
def status(exchange: Exchange, *, as_json: bool) -> None:
    """Tell whether the exchange runs, and where it stands."""
    found = run_async(_find(exchange))
    if as_json:
        print_json(found)
    else:
        _show(found)


async def _find(exchange: Exchange) -> Status:
    async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
        holder = await lease.current(dsn)
        running = exchange.folder.running()
        head = await reader.head()
        recovery = await recover(reader, SnapshotStore(dsn))
    state = recovery.state
    writer = None
    if holder is not None:
        writer = WriterRow(
            holder.writer.host, holder.writer.pid, holder.writer.socket, holder.since.isoformat()
        )
    return Status(
        running=writer is not None,
        pid=running.pid if running else None,
        started_at=running.started_at if running else None,
        http=(running.http or None) if running else None,
        writer=writer,
        epoch=head.epoch,
        seq=state.last_seq,
        snapshot_seq=recovery.snapshot_seq,
        events_since_snapshot=state.last_seq - recovery.snapshot_seq,
        problems=list(recovery.problems),
        venue=state.name,
        business_date=state.business_date,
        participants=len(state.participants),
        accounts=len(state.accounts),
        live_orders=len(state.orders),
        instruments=instrument_rows(state),
        sessions=_sessions(state),
    )


def _sessions(state: State) -> list[SessionRow]:
    return [
        SessionRow(number, session.key_id, state.keys[session.key_id].participant, session.gateway)
        for number, session in sorted(state.sessions.items())
    ]


def _show(found: Status) -> None:
    if found.pid:
        runs = f"yes, process {found.pid} since {found.started_at}"
    elif found.running:
        runs = "yes, started elsewhere"
    else:
        runs = "no"
    writer = found.writer
    facts: list[tuple[str, object]] = [
        ("running", runs),
        ("HTTP", f"http://{found.http}" if found.http else "-"),
        ("writer", f"process {writer.pid} on {writer.host} since {writer.since}" if writer else "nobody"),
        ("epoch", found.epoch),
        ("last event", found.seq),
        (
            "snapshot",
            f"at event {found.snapshot_seq}, {found.events_since_snapshot} events ago"
            if found.snapshot_seq
            else "none yet",
        ),
        ("venue", f"{found.venue}, business date {found.business_date}"),
        ("participants", found.participants),
        ("accounts", found.accounts),
        ("live orders", found.live_orders),
    ]
    facts += [("problem", problem) for problem in found.problems]
    print_facts(facts)
    if found.instruments:
        print_table(
            ("instrument", "state", "currency", "last", "reference", "orders"),
            (
                (row.symbol, row.state, row.currency, row.last_price or "-", row.reference_price, row.orders)
                for row in found.instruments
            ),
            right=("last", "reference", "orders"),
        )
    if found.sessions:
        print_table(
            ("session", "key", "participant", "gateway"),
            ((row.session, row.key_id, row.participant, row.gateway) for row in found.sessions),
            right=("session",),
        )
