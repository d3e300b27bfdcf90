"""What participants at the websocket were told while things broke, and whether the log agrees; as `history`, one floor up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.orders import Side
from gateway.results import OrderReport
from tests.faults.history import OrderKey, of_ids, of_the_log
from tests.market import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exchange.log.record import StoredEvent

Trade = tuple[int, int, int]
"""Seq of the fill, price in ticks, quantity."""

ORDER_KINDS = (
    ev.OrderAccepted.kind,
    ev.OrderRejected.kind,
    ev.OrderAmended.kind,
    ev.OrderCancelled.kind,
    ev.OrdersDecremented.kind,
    ev.Fill.kind,
)


class AskedOrder(msgspec.Struct, eq=False):
    """An order as a participant asked for it, once or many times, and everything that was said about it."""

    account: str
    client_order_id: str
    side: Side
    quantity: int
    price_ticks: int
    acknowledged_before: int
    """The highest seq that anybody had been told of when it was first sent."""
    reports: list[OrderReport] = []
    cancels: list[OrderReport] = []
    cancel_asked: bool = False
    rejected_at: int = 0
    """Seq of the refusal that was told."""

    @property
    def key(self) -> OrderKey:
        """Account and client order id."""
        return self.account, self.client_order_id


class WebsocketHistory:
    """All orders, and what came over the private channels, by account."""

    def __init__(self) -> None:
        self.orders: list[AskedOrder] = []
        self.answers = 0
        self.unknowns = 0
        """How often a sender did not learn what became of a request, and sent it again or gave it up."""
        self.fills: dict[str, list[int]] = {}
        """Seqs of the pushes of an account's channel, over all of its connections."""
        self.order_events: dict[str, list[int]] = {}
        self.elsewhere: set[str] = set()
        """Accounts whose orders come over another protocol, and are held against the log there."""
        self._acknowledged = 0

    def ask(
        self, account: str, client_order_id: str, side: Side, quantity: int, price_ticks: int
    ) -> AskedOrder:
        """A participant is about to send an order for the first time."""
        order = AskedOrder(account, client_order_id, side, quantity, price_ticks, self._acknowledged)
        self.orders.append(order)
        return order

    def reported(self, order: AskedOrder, report: OrderReport) -> None:
        """An order was acknowledged, for the first time or again."""
        order.reports.append(report)
        self._told(report.seq)

    def cancelled(self, order: AskedOrder, report: OrderReport) -> None:
        """A cancel was acknowledged."""
        order.cancels.append(report)
        self._told(report.seq)

    def rejected(self, order: AskedOrder, seq: int) -> None:
        """An order was refused; `seq` 0: without being sequenced."""
        order.rejected_at = seq
        self._told(seq)

    def _told(self, seq: int) -> None:
        self.answers += 1
        self._acknowledged = max(self._acknowledged, seq)


def violations(history: WebsocketHistory, rows: Sequence[StoredEvent]) -> list[str]:
    """What is wrong, one sentence each."""
    log = [row.to_recorded() for row in rows]
    return [
        *of_the_log(rows),
        *of_ids(log),
        *_of_reports(history, log),
        *_of_inventions(history, log),
        *_of_channels(history, rows),
    ]


def _of_reports(history: WebsocketHistory, log: list[ev.Recorded]) -> Iterator[str]:
    """What was said about an order stands in the log, each time it was said."""
    trades: dict[int, list[Trade]] = {}
    for recorded in log:
        if isinstance(recorded.event, ev.Fill):
            trade = (recorded.seq, recorded.event.price, recorded.event.quantity)
            trades.setdefault(recorded.command, []).append(trade)
    for order in history.orders:
        for report in order.reports:
            if not 0 < report.order_id <= len(log) or not _is(log[report.order_id - 1].event, order):
                yield f"{order.key} was called order {report.order_id}, which the log does not know"
                continue
            told = [
                (fill.trade_id, PROJECT.price_to_ticks(fill.price), fill.quantity) for fill in report.fills
            ]
            if told != trades.get(report.order_id, []):
                yield f"{order.key} was told the trades {told}, the log says {trades.get(report.order_id)}"
            if report.order_id <= order.acknowledged_before:
                yield f"{order.key} is event {report.order_id}, and event {order.acknowledged_before} was known before it was sent"
        for report in order.cancels:
            event = log[report.seq - 1].event if report.seq <= len(log) else None
            if not isinstance(event, ev.OrderCancelled) or event.order_id != report.order_id:
                yield f"{order.key} was told of its cancel at {report.seq}, which is {event}"
        if order.rejected_at:
            event = log[order.rejected_at - 1].event if order.rejected_at <= len(log) else None
            if (
                not isinstance(event, ev.OrderRejected)
                or event.order.client_order_id != order.client_order_id
            ):
                yield f"{order.key} was told of its rejection at {order.rejected_at}, which is {event}"


def _of_inventions(history: WebsocketHistory, log: list[ev.Recorded]) -> Iterator[str]:
    """Every order in the log was asked for, and every requested cancel."""
    asked = {order.key: order for order in history.orders}
    ids: dict[int, AskedOrder] = {}
    for recorded in log:
        event = recorded.event
        if isinstance(event, ev.OrderAccepted | ev.OrderRejected):
            if event.account in history.elsewhere:
                continue
            order = asked.get((event.account, event.order.client_order_id))
            if order is None or not _is(event, order):
                yield f"nobody asked for {event}, event {recorded.seq}"
            else:
                ids[recorded.seq] = order
        elif (
            isinstance(event, ev.OrderCancelled)
            and event.reason is ev.CancelReason.REQUESTED
            and event.account not in history.elsewhere
        ):
            order = ids.get(event.order_id)
            if order is None or not order.cancel_asked:
                yield f"nobody asked for {event}, event {recorded.seq}"


def _of_channels(history: WebsocketHistory, rows: Sequence[StoredEvent]) -> Iterator[str]:
    """The private channels gave every event once and in order, through all reconnects."""
    for channel, kinds, heard in (
        ("fills", (ev.Fill.kind,), history.fills),
        ("orders", ORDER_KINDS, history.order_events),
    ):
        for account, seqs in heard.items():
            expected = [
                row.seq for row in rows if row.kind in kinds and account in (row.account, row.counterparty)
            ]
            if seqs != expected:
                missing = sorted(set(expected) - set(seqs))
                yield f"{channel} of {account}: {len(seqs)} pushes for {len(expected)} events, missing {missing[:5]}"


def _is(event: ev.Event, order: AskedOrder) -> bool:
    if not isinstance(event, ev.OrderAccepted | ev.OrderRejected):
        return False
    request = event.order
    return (event.account, request.client_order_id, request.side, request.quantity, request.price) == (
        order.account,
        order.client_order_id,
        order.side,
        order.quantity,
        order.price_ticks,
    )
