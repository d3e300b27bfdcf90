"""`exchange replay`: the venue as it was at any moment, and how it went on from there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import click
import msgspec

from exchange.log.reader import LogReader
from exchange.log.recovery import state_at
from exchange.log.snapshots import SnapshotStore
from exchange.log.verification import naming_unreadable
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.log_commands import LogEvent, log_event, print_event
from exchange.operations.market_replay import show_market
from exchange.operations.moments import END, MOMENT, SPEED, Moment
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_json, progress_bar
from exchange.operations.state_views import view_account, view_book, view_holds, view_venue
from exchange.operations.view_printing import print_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.state import State
    from exchange.log.record import StoredEvent
    from exchange.operations.finding import Exchange
    from exchange.operations.state_views import View

_EVENTS_OF_ORDERS: Final = 1000


class OrderStory(msgspec.Struct, frozen=True):
    """With --json, `replay --order` prints this object."""

    order_id: int
    events: list[LogEvent]
    """Everything that concerned the order up to the moment."""


@click.command()
@click.option("--to", "moment", type=MOMENT, default=END, help="The moment; default: the end of the log now.")
@click.option("--book", metavar="SYMBOL", help="Show the book of an instrument.")
@click.option(
    "--account", metavar="ACCOUNT", help="Show an account: balances, live orders, unsettled trades."
)
@click.option("--order", metavar="ID", type=click.IntRange(min=1), help="Tell an order's whole story.")
@click.option("--holds", is_flag=True, help="Show what is held, and for what.")
@click.option(
    "--speed",
    type=SPEED,
    help="Show the market again on a read-only websocket and page, so many times as fast: 10x.",
)
@click.option(
    "--from", "begin", type=MOMENT, help="With --speed: begin after this moment; default: the beginning."
)
@click.option(
    "--http",
    metavar="HOST:PORT",
    help="With --speed: where to listen; port 0 picks a free one. Default: 127.0.0.1:8090.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on with the log as it grows, until Ctrl-C.")
@click.option("--step", is_flag=True, help="Go on event by event: Enter for the next, q to end.")
@json_option
@exchange_options
def replay(
    exchange: Exchange,
    *,
    moment: Moment,
    book: str | None,
    account: str | None,
    order: int | None,
    holds: bool,
    speed: float | None,
    begin: Moment | None,
    http: str | None,
    follow: bool,
    step: bool,
    as_json: bool,
) -> None:
    """Show the state at a moment of the log, rebuilt from the log; nothing is changed.

    --to takes a seq (the state after that event) or a time in ISO 8601 (the state at its end). Without a view, the venue in
    short is shown. With --follow or --step, each further event is printed, and the view again when the event changed it.

    With --speed the market is shown to ordinary clients and pages as it moved then; quiet times are shortened. That runs on
    a copy of the log in a server of its own, so nothing later can be seen, and nobody can trade.
    """
    if speed is not None:
        if book or account or order or holds or follow or step or as_json:
            raise click.UsageError("--speed goes with --from, --to and --http only")
        show_market(exchange, begin or Moment(), moment, speed, http or "127.0.0.1:8090")
        return
    if begin is not None or http is not None:
        raise click.UsageError("--from and --http go with --speed")
    if (book is not None) + (account is not None) + (order is not None) + holds > 1:
        raise click.UsageError("--book, --account, --order and --holds exclude each other")
    if follow and step:
        raise click.UsageError("--follow and --step exclude each other")
    if order is not None:
        if follow or step:
            raise click.UsageError("an order's story is told up to a moment")
        run_async(_tell_story(exchange, moment, order, as_json=as_json))
        return

    def view(state: State) -> View:
        if book is not None:
            return view_book(state, book)
        if account is not None:
            return view_account(state, account)
        return view_holds(state) if holds else view_venue(state)

    walk = _Walk(view, chosen=bool(book or account or holds), as_json=as_json)
    with contextlib.suppress(KeyboardInterrupt):
        run_async(_replay(exchange, moment, walk, follow=follow, step=step))


class _Walk:
    """Shows a view, and again each time it changed."""

    def __init__(self, view: Callable[[State], View], *, chosen: bool, as_json: bool) -> None:
        self._view = view
        self._chosen = chosen
        self._as_json = as_json
        self._shown: View | None = None

    def show(self, state: State) -> None:
        """Print the view of a state, unless it is what was printed last."""
        view = self._view(state)
        if self._shown is not None and _timeless(self._shown) == _timeless(view):
            return
        self._shown = view
        if self._as_json:
            print_json(view)
        else:
            print_view(view)

    def take(self, state: State, stored: StoredEvent) -> None:
        """Fold an event, print it, and the view if one was chosen and the event changed it."""
        recorded = stored.to_recorded()
        state.apply(recorded.seq, recorded.recorded_at, recorded.event)
        print_event(stored, as_json=self._as_json)
        if self._chosen:
            self.show(state)


def _timeless(view: View) -> View:
    return msgspec.structs.replace(view, seq=0, recorded_at=0)


async def _replay(exchange: Exchange, moment: Moment, walk: _Walk, *, follow: bool, step: bool) -> None:
    async with (
        exchange.database() as dsn,
        await LogReader.open(dsn, connections=2) as reader,
        naming_unreadable(reader),
    ):
        seq = await moment.seq(reader)
        with progress_bar("replaying", seq) as progress:
            (task,) = progress.task_ids
            state = await state_at(
                reader, SnapshotStore(dsn), seq, lambda reached: progress.update(task, completed=reached)
            )
        walk.show(state)
        if not (follow or step):
            return
        pages = reader.follow(seq) if follow else reader.pages(seq)
        async with contextlib.aclosing(pages):
            async for page in pages:
                for stored in page:
                    if step and _wants_to_end():
                        return
                    walk.take(state, stored)


def _wants_to_end() -> bool:
    """Wait for Enter, or q."""
    answer: str = click.prompt("", default="", show_default=False, prompt_suffix="> ", err=True)
    return answer == "q"


async def _tell_story(exchange: Exchange, moment: Moment, order_id: int, *, as_json: bool) -> None:
    async with (
        exchange.database() as dsn,
        await LogReader.open(dsn, connections=2) as reader,
        naming_unreadable(reader),
    ):
        last = await moment.seq(reader)
        first = await reader.event(order_id) if order_id <= last else None
        if first is None or first.kind not in ("order_accepted", "order_rejected"):
            raise OperationError(f"there was no order {order_id} at event {last}", ExitCode.USAGE)
        events = [first]
        after_seq = order_id
        while first.account is not None:
            found = await reader.account_events(first.account, after_seq, last, _EVENTS_OF_ORDERS)
            ours = [recorded.seq for recorded in found if order_id in _orders_of(recorded.event)]
            events += [stored for seq in ours if (stored := await reader.event(seq))]
            if len(found) < _EVENTS_OF_ORDERS:
                break
            after_seq = found[-1].seq
    if as_json:
        print_json(OrderStory(order_id, [log_event(stored) for stored in events]))
        return
    for stored in events:
        print_event(stored, as_json=False)


def _orders_of(event: object) -> tuple[int, ...]:
    """Ids of the orders that an event is about."""
    return tuple(getattr(event, name, 0) for name in ("order_id", "maker_order_id", "taker_order_id"))
