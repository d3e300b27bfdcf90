"""Gives the engine one operator's command and shows what came of it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import click
import msgspec

from exchange.domain.events import Event, RequestRefused
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.operations.errors import Refused
from exchange.operations.options import CommandFunction, run_async
from exchange.operations.output import print_json

if TYPE_CHECKING:
    from exchange.domain.commands import Command
    from exchange.domain.state import State
    from exchange.engine.interface import EnginePort
    from exchange.operations.finding import Exchange


class Done(msgspec.Struct, frozen=True):
    """What a change did. With --json, every changing command prints this object."""

    seq: int
    """Of the first event."""
    duplicate: bool
    """Whether the same request, by its reference, was carried out before: then nothing happened now."""
    reference: str
    """Idempotency reference; empty for commands that have none."""
    events: list[dict[str, Any]]
    """Each with `seq`, `kind` and the event's own fields."""


async def execute(port: EnginePort, dsn: str, command: Command) -> Done:
    """Carries out a command and waits until it is durable. Raises Refused."""
    answer = await port.submit(command)
    events = answer.events
    if answer.duplicate_of:
        async with await LogReader.open(dsn, connections=1) as reader:
            events = await reader.command(answer.duplicate_of)
    for recorded in events:
        if isinstance(recorded.event, RequestRefused):
            raise Refused(recorded.event.code, recorded.event.message)
    return Done(
        seq=events[0].seq,
        duplicate=bool(answer.duplicate_of),
        reference=getattr(command, "reference", ""),
        events=[{"seq": recorded.seq, **event_fields(recorded.event)} for recorded in events],
    )


def change(exchange: Exchange, command: Command, what: str, *, as_json: bool) -> None:
    """Carries out a command and prints what it did; `what` says it for people."""

    async def work() -> Done:
        async with exchange.database() as dsn, exchange.engine(dsn) as port:
            return await execute(port, dsn, command)

    show(run_async(work()), what, as_json=as_json)


def show(done: Done, what: str, *, as_json: bool) -> None:
    """Prints what a change did."""
    if as_json:
        print_json(done)
        return
    reference = f", reference {done.reference}" if done.reference else ""
    before = " (done before, nothing changed now)" if done.duplicate else ""
    click.echo(f"{what}{before}: event {done.seq}{reference}")


def read_state(exchange: Exchange) -> State:
    """The state of the venue as of the end of the log."""

    async def work() -> State:
        async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
            return (await recover(reader, SnapshotStore(dsn))).state

    return run_async(work())


def event_fields(event: Event) -> dict[str, Any]:
    """The kind and the fields of an event, fit for JSON."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    return {"kind": event.kind, **fields}


def reference_option(function: CommandFunction) -> CommandFunction:
    """The option --reference, which makes a repeated command harmless; made up where it is not given."""
    return click.option(
        "--reference",
        default=lambda: f"cli-{uuid.uuid4().hex}",
        help="Repeating the command with the same reference changes nothing. Default: a new one, printed.",
    )(function)
