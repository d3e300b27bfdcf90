"""What clients were told while things broke, and whether the log agrees with every word of it.

A test keeps a `History` over all crashes and restarts: each sending of each command, its answer if there was one, and what
came over each feed. Afterwards `violations` holds it against the log. Moments are counted, not measured: what ended
before something else began has the smaller number, whatever the clocks say.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.commands import CancelOrder, Command, PlaceOrder
from exchange.domain.ledger import LedgerError
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.state import State
from exchange.engine.interface import Answer, EngineStopped
from exchange.log.reader import LogReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exchange.domain.orders import OrderRequest
    from exchange.engine.interface import EnginePort
    from exchange.log.record import StoredEvent

OrderKey = tuple[str, str]
"""Account and client order id."""


class Request(msgspec.Struct, eq=False):
    """One sending of a command. Without answer and refusal its outcome is unknown to the client."""

    client: str
    command: Command
    sent_at: int
    answer: Answer | None = None
    answered_at: int = 0
    refusal: RejectCode | None = None
    """Refused at the door: never sequenced."""

    @property
    def is_open(self) -> bool:
        """Whether the client does not know what became of it."""
        return self.answer is None and self.refusal is None


class History:
    """All that clients did and were told, in the order in which it happened to them."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.feeds: list[list[ev.Recorded]] = []
        """What came over each connection."""
        self._moment = 0

    def _now(self) -> int:
        self._moment += 1
        return self._moment

    def sent(self, client: str, command: Command) -> Request:
        """A command is on its way."""
        request = Request(client, command, self._now())
        self.requests.append(request)
        return request

    def answered(self, request: Request, answer: Answer) -> None:
        """The engine acknowledged."""
        request.answer = answer
        request.answered_at = self._now()

    def refused(self, request: Request, code: RejectCode) -> None:
        """The engine did not take it."""
        request.refusal = code

    def new_feed(self) -> Callable[[list[ev.Recorded]], None]:
        """A listener that keeps what it hears over one connection."""
        feed: list[ev.Recorded] = []
        self.feeds.append(feed)
        return feed.extend

    async def ask(self, client: str, port: EnginePort, command: Command) -> Request:
        """Send a command and wait for what becomes of it."""
        request = self.sent(client, command)
        try:
            self.answered(request, await port.submit(command))
        except Reject as reject:
            self.refused(request, reject.code)
        except EngineStopped:
            pass
        return request


async def read_log(dsn: str) -> list[StoredEvent]:
    """The whole log, its hash chain checked."""
    async with await LogReader.open(dsn) as reader:
        return [row async for page in reader.pages(verify=True) for row in page]


def replay(rows: Sequence[StoredEvent]) -> State:
    """The fold of the log."""
    state = State()
    for row in rows:
        recorded = row.to_recorded()
        state.apply(recorded.seq, recorded.recorded_at, recorded.event)
    return state


def violations(history: History, rows: Sequence[StoredEvent]) -> list[str]:
    """What is wrong, one sentence each. `rows`: the whole log, as `read_log` gives it."""
    log = [row.to_recorded() for row in rows]
    return [
        *of_the_log(rows),
        *_of_answers(history, log),
        *_of_feeds(history, log),
        *_of_repetitions(history, log),
        *of_ids(log),
        *_of_inventions(history, log),
        *_of_refusals(history, log),
        *_of_time(history, log),
    ]


def of_the_log(rows: Sequence[StoredEvent]) -> Iterator[str]:
    """The log alone: one writer per epoch, time that does not run backwards, books that balance."""
    for seq, row in enumerate(rows, 1):
        if row.seq != seq:
            yield f"event {row.seq} stands where event {seq} belongs"
    for before, row in pairwise(rows):
        if row.epoch < before.epoch:
            yield f"event {row.seq} of epoch {row.epoch} comes after epoch {before.epoch}"
        if row.epoch != before.epoch and row.kind != ev.WriterStarted.kind:
            yield f"epoch {row.epoch} begins with {row.kind}, event {row.seq}"
        if row.recorded_at < before.recorded_at:
            yield f"time runs backwards at event {row.seq}"
        if row.command not in (before.command, row.seq):
            yield f"event {row.seq} belongs to command {row.command}, the one before to {before.command}"
    try:
        replay(rows).ledger.check()
    except (LedgerError, KeyError, ValueError) as error:
        yield f"the log cannot be replayed: {error!r}"


def _of_answers(history: History, log: list[ev.Recorded]) -> Iterator[str]:
    """Every event that was acknowledged stands in the log, unchanged, and its command has no other events there."""
    by_command: dict[int, list[ev.Recorded]] = {}
    for recorded in log:
        by_command.setdefault(recorded.command, []).append(recorded)
    for request in history.requests:
        if request.answer is None or not request.answer.events:
            continue
        told = request.answer.events
        found = by_command.get(told[0].command, [])
        if told != found:
            yield f"{request.client} was told {told} about {request.command}, the log says {found}"


def _of_feeds(history: History, log: list[ev.Recorded]) -> Iterator[str]:
    """Every feed is a piece of the log."""
    for number, feed in enumerate(history.feeds):
        if feed and log[feed[0].seq - 1 : feed[0].seq - 1 + len(feed)] != feed:
            yield f"feed {number} is not what the log has from event {feed[0].seq} on"


def _of_repetitions(history: History, log: list[ev.Recorded]) -> Iterator[str]:
    """A repetition names an event that answers the very same order."""
    for request in history.requests:
        if request.answer is None or not request.answer.duplicate_of:
            continue
        seq = request.answer.duplicate_of
        original = log[seq - 1].event if 0 < seq <= len(log) else None
        if isinstance(request.command, PlaceOrder):
            fits = _order_of(original) == (request.command.account, request.command.order)
        else:
            fits = original is not None and getattr(original, "reference", "") == getattr(
                request.command, "reference", None
            )
        if not fits:
            yield f"{request.command} was called a repetition of event {seq}, which is {original}"
        if request.answer.events:
            yield f"{request.command} was called a repetition and had events"


def of_ids(log: list[ev.Recorded]) -> Iterator[str]:
    """No client order id was accepted twice (histories are shorter than the memory of ids), and no reference booked twice."""
    accepted: Counter[OrderKey] = Counter()
    booked: Counter[tuple[str, str]] = Counter()
    for recorded in log:
        event = recorded.event
        if isinstance(event, ev.OrderAccepted):
            accepted[event.account, event.order.client_order_id] += 1
        elif reference := getattr(event, "reference", ""):
            booked[getattr(event, "account", ""), reference] += 1
    for key, times in (accepted + booked).items():
        if times > 1:
            yield f"{key} happened {times} times"


def _of_inventions(history: History, log: list[ev.Recorded]) -> Iterator[str]:
    """Every order and every requested cancel in the log was asked for."""
    orders = {
        (request.command.account, request.command.order.client_order_id): request.command.order
        for request in history.requests
        if isinstance(request.command, PlaceOrder)
    }
    cancels = {
        (request.command.account, request.command.client_order_id)
        for request in history.requests
        if isinstance(request.command, CancelOrder)
    }
    ids: dict[int, OrderKey] = {}
    for recorded in log:
        event = recorded.event
        if isinstance(event, ev.OrderAccepted | ev.OrderRejected):
            key = (event.account, event.order.client_order_id)
            ids[recorded.seq] = key
            if orders.get(key) != event.order:
                yield f"nobody asked for {event}, event {recorded.seq}"
        elif (
            isinstance(event, ev.OrderCancelled)
            and event.reason is ev.CancelReason.REQUESTED
            and ids.get(event.order_id) not in cancels
        ):
            yield f"nobody asked for {event}, event {recorded.seq}"


def _of_refusals(history: History, log: list[ev.Recorded]) -> Iterator[str]:
    """What was refused at the door each time it was sent left no trace."""
    sequenced = _positions(log)
    taken = {
        _key(request.command)
        for request in history.requests
        if isinstance(request.command, PlaceOrder) and request.refusal is None
    }
    for request in history.requests:
        if isinstance(request.command, PlaceOrder) and request.refusal is not None:
            key = _key(request.command)
            if key in sequenced and key not in taken:
                yield f"{key} was refused with {request.refusal} and is event {sequenced[key]}"


def _of_time(history: History, log: list[ev.Recorded]) -> Iterator[str]:
    """What was asked after something was acknowledged stands behind it in the log."""
    sequenced = _positions(log)
    moments: list[tuple[int, int, Request]] = []
    for request in history.requests:
        moments.append((request.sent_at, 0, request))
        if request.answer is not None and request.answer.events:
            moments.append((request.answered_at, request.answer.events[0].command, request))
    moments.sort(key=lambda moment: moment[0])
    acknowledged = 0
    seen: set[OrderKey] = set()
    behind: dict[int, int] = {}
    for _, command, request in moments:
        if command:
            if command <= behind[id(request)]:
                yield f"{request.command} is event {command}, and event {behind[id(request)]} was acknowledged before it was sent"
            acknowledged = max(acknowledged, command)
            continue
        behind[id(request)] = acknowledged
        if isinstance(request.command, PlaceOrder):
            key = _key(request.command)
            # Counts from the first sending: a later one may find that the first had arrived.
            if key not in seen and sequenced.get(key, acknowledged + 1) <= acknowledged:
                yield f"{key} is event {sequenced[key]}, and event {acknowledged} was acknowledged before it was first sent"
            seen.add(key)


def _key(command: PlaceOrder) -> OrderKey:
    return command.account, command.order.client_order_id


def _order_of(event: ev.Event | None) -> tuple[str, OrderRequest] | None:
    if isinstance(event, ev.OrderAccepted | ev.OrderRejected):
        return event.account, event.order
    return None


def _positions(log: list[ev.Recorded]) -> dict[OrderKey, int]:
    """Where each order was first decided."""
    positions: dict[OrderKey, int] = {}
    for recorded in log:
        order = _order_of(recorded.event)
        if order is not None:
            positions.setdefault((order[0], order[1].client_order_id), recorded.seq)
    return positions
