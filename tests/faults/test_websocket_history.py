"""The checker of what websockets were told finds lies, and nothing in a true story."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain.commands import CancelOrder
from exchange.domain.events import Fill, Recorded
from exchange.log.chain import GENESIS
from exchange.log.record import seal
from gateway.rendering import render_placed
from gateway.results import OrderFill, OrderReport
from tests.faults.websocket_history import ORDER_KINDS, AskedOrder, WebsocketHistory, violations
from tests.market import ALPHA, BETA, Market, Trader

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.orders import OrderRequest

pytestmark = pytest.mark.faults


class Story:
    """A market in memory whose participants were told the truth until a test changes it."""

    def __init__(self) -> None:
        self.market = Market()
        self.history = WebsocketHistory()
        self.sell = self.place(self.market.alpha, self.market.alpha.sell(5, 1000))
        self.buy = self.place(self.market.beta, self.market.beta.buy(3, 1000))
        self.refused = self.place(self.market.beta, self.market.beta.buy(3, 9000))
        self.cancel()
        rows = seal(self.market.recorded, 1, GENESIS)
        for account in (ALPHA, BETA):
            ours = [row for row in rows if account in (row.account, row.counterparty)]
            self.history.fills[account] = [row.seq for row in ours if row.kind == Fill.kind]
            self.history.order_events[account] = [row.seq for row in ours if row.kind in ORDER_KINDS]

    def place(self, trader: Trader, request: OrderRequest) -> AskedOrder:
        assert request.price is not None
        order = self.history.ask(
            trader.account, request.client_order_id, request.side, request.quantity, request.price
        )
        recorded = self.execute(trader, request)
        if recorded[0].event.kind == "order_rejected":
            self.history.rejected(order, recorded[0].seq)
        else:
            report = render_placed(self.market.state, recorded, duplicate=False)
            assert isinstance(report, OrderReport)
            self.history.reported(order, report)
        return order

    def execute(self, trader: Trader, request: OrderRequest) -> list[Recorded]:
        first = len(self.market.recorded)
        self.market.do(trader.place_command(request))
        return self.market.recorded[first:]

    def cancel(self) -> None:
        alpha = self.market.alpha
        self.sell.cancel_asked = True
        self.market.do(
            CancelOrder(alpha.key_id, alpha.session, alpha.account, client_order_id=self.sell.client_order_id)
        )
        told = msgspec.structs.replace(self.sell.reports[0], seq=self.market.state.last_seq)
        self.history.cancelled(self.sell, told)

    def violations(self) -> list[str]:
        return violations(self.history, seal(self.market.recorded, 1, GENESIS))


def report_another_order(story: Story) -> None:
    story.buy.reports[0] = msgspec.structs.replace(
        story.buy.reports[0], order_id=story.sell.reports[0].order_id
    )


def report_a_trade_that_was_none(story: Story) -> None:
    invented = OrderFill(trade_id=1, price="10.00", quantity=1, amount="10.00", fee="0.01")
    story.sell.reports[0] = msgspec.structs.replace(story.sell.reports[0], fills=[invented])


def withhold_a_trade(story: Story) -> None:
    story.buy.reports[0] = msgspec.structs.replace(story.buy.reports[0], fills=[])


def report_a_cancel_too_early(story: Story) -> None:
    cancel = story.sell.cancels[0]
    story.sell.cancels[0] = msgspec.structs.replace(cancel, seq=cancel.seq - 1)


def report_a_rejection_elsewhere(story: Story) -> None:
    story.refused.rejected_at = 5


def know_it_before_it_was_sent(story: Story) -> None:
    story.buy.acknowledged_before = 10**6


def ask_for_less(story: Story) -> None:
    story.sell.quantity = 4


def invent_an_order(story: Story) -> None:
    gamma = story.market.gamma
    story.execute(gamma, gamma.buy(1, 900))


def never_ask_for_the_cancel(story: Story) -> None:
    story.sell.cancel_asked = False


def skip_a_push(story: Story) -> None:
    del story.history.order_events[ALPHA][0]


def push_twice(story: Story) -> None:
    story.history.fills[BETA] *= 2


@pytest.mark.parametrize(
    ("lie", "complaint"),
    [
        (report_another_order, "which the log does not know"),
        (report_a_trade_that_was_none, "was told the trades [(1, 1000, 1)]"),
        (withhold_a_trade, "was told the trades []"),
        (report_a_cancel_too_early, "was told of its cancel at"),
        (report_a_rejection_elsewhere, "was told of its rejection at 5"),
        (know_it_before_it_was_sent, "was known before it was sent"),
        (ask_for_less, "nobody asked for OrderAccepted"),
        (invent_an_order, "nobody asked for OrderAccepted"),
        (never_ask_for_the_cancel, "nobody asked for OrderCancelled"),
        (skip_a_push, "orders of alpha: 2 pushes for 3 events"),
        (push_twice, "fills of beta: 2 pushes for 1 events"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_a_lie(lie: Callable[[Story], None], complaint: str) -> None:
    """Each is found and named; before it, nothing is."""
    story = Story()
    assert [] == story.violations()
    lie(story)

    assert any(complaint in violation for violation in story.violations()), story.violations()
