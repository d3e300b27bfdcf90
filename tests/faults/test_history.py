"""The checker of histories finds every kind of lie, and nothing in a true story."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain.commands import CancelOrder, PlaceOrder
from exchange.domain.events import Event, Fill, OrderAccepted, OrderCancelled, Recorded
from exchange.domain.rejects import RejectCode
from exchange.engine.interface import Answer
from exchange.log.chain import GENESIS
from exchange.log.record import StoredEvent, seal
from tests.faults.history import History, Request, violations
from tests.market import Market

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.commands import Command

pytestmark = pytest.mark.faults


class Story:
    """A market in memory, whose log and history are true until a test changes them."""

    def __init__(self) -> None:
        self.market = Market()
        self.history = History()
        self.hear = self.history.new_feed()
        alpha, beta = self.market.alpha, self.market.beta
        self.sell = self.ask(alpha.place_command(alpha.sell(5, 1000)))
        self.rest = self.ask(alpha.place_command(alpha.sell(5, 1001)))
        self.buy = self.ask(beta.place_command(beta.buy(3, 1000)))
        self.cancel = self.ask(
            CancelOrder(alpha.key_id, alpha.session, alpha.account, client_order_id="order-2")
        )
        self.log = list(self.market.recorded)
        self.epochs = [1] * len(self.log)

    def ask(self, command: Command) -> Request:
        """The market does it, and tells the truth about it."""
        request = self.history.sent("somebody", command)
        first = len(self.market.recorded)
        execution = self.market.execute(command)
        events = self.market.recorded[first:]
        self.hear(events)
        self.history.answered(request, Answer(events, execution.duplicate_of))
        return request

    def told(self, request: Request) -> list[Recorded]:
        assert request.answer is not None
        return request.answer.events

    def index(self, event_type: type[Event]) -> int:
        """Where the last event of a type stands."""
        return max(index for index, recorded in enumerate(self.log) if type(recorded.event) is event_type)

    def change(self, index: int, **changes: object) -> None:
        """Put another event in the place of one."""
        event = msgspec.structs.replace(self.log[index].event, **changes)
        self.log[index] = msgspec.structs.replace(self.log[index], event=event)

    def append(self, event: Event) -> None:
        """An event that the market knows nothing of."""
        seq = self.log[-1].seq + 1
        self.log.append(Recorded(seq, seq, self.log[-1].recorded_at, event))
        self.epochs.append(self.epochs[-1])

    def violations(self) -> list[str]:
        rows: list[StoredEvent] = []
        for recorded, epoch in zip(self.log, self.epochs, strict=True):
            rows += seal([recorded], epoch, rows[-1].hash if rows else GENESIS)
        return violations(self.history, rows)


def test_a_true_story() -> None:
    """Trades, a repetition, requests of unknown outcome and refusals at the door contradict nothing."""
    story = Story()
    repeated = story.ask(story.buy.command)
    assert repeated.answer is not None
    assert story.told(story.buy)[0].seq == repeated.answer.duplicate_of
    alpha = story.market.alpha
    story.history.sent("somebody", alpha.place_command(alpha.sell(1, 1000)))
    story.history.refused(
        story.history.sent("somebody", alpha.place_command(alpha.sell(1, 1000))), RejectCode.BUSY
    )
    # It arrived, but the answer got lost.
    committed = alpha.place_command(alpha.sell(1, 1002))
    story.history.sent("somebody", committed)
    story.market.execute(committed)
    story.log = list(story.market.recorded)
    story.epochs = [1] * len(story.log)

    assert [] == story.violations()


def lose_the_end(story: Story) -> None:
    index = story.index(OrderCancelled)
    del story.log[index:], story.epochs[index:]


def change_a_fill(story: Story) -> None:
    story.change(story.index(Fill), quantity=2, delivered=(("VCS-1340-2019", 2),))


def tell_half(story: Story) -> None:
    story.buy.answer = Answer(story.told(story.buy)[:1])


def accept_twice(story: Story) -> None:
    story.append(story.told(story.sell)[0].event)


def invent_an_order(story: Story) -> None:
    accepted = story.told(story.sell)[0].event
    assert isinstance(accepted, OrderAccepted)
    order = msgspec.structs.replace(accepted.order, client_order_id="nobody's")
    story.append(msgspec.structs.replace(accepted, order=order))


def change_an_order(story: Story) -> None:
    assert isinstance(story.rest.command, PlaceOrder)
    order = msgspec.structs.replace(story.rest.command.order, quantity=6)
    story.rest.command = msgspec.structs.replace(story.rest.command, order=order)


def invent_a_cancel(story: Story) -> None:
    story.history.requests.remove(story.cancel)


def skip_in_a_feed(story: Story) -> None:
    del story.history.feeds[0][2]


def call_it_a_repetition(story: Story) -> None:
    request = story.history.sent("somebody", story.buy.command)
    story.history.answered(request, Answer([], story.told(story.sell)[0].seq))


def refuse_and_do(story: Story) -> None:
    story.rest.answer, story.rest.refusal = None, RejectCode.BUSY


def do_before_it_was_asked(story: Story) -> None:
    story.sell.sent_at = 1000
    story.sell.answered_at = 1001


def arrive_before_it_was_sent(story: Story) -> None:
    story.history.requests.remove(story.sell)
    story.history.sent("somebody", story.sell.command)


def leave_a_gap(story: Story) -> None:
    del story.log[5], story.epochs[5]


def write_in_an_old_epoch(story: Story) -> None:
    story.epochs[5] = 2


def turn_back_time(story: Story) -> None:
    story.log[-1] = msgspec.structs.replace(story.log[-1], recorded_at=1)


def mix_commands(story: Story) -> None:
    story.log[-1] = msgspec.structs.replace(story.log[-1], command=3)


def deliver_what_is_not_there(story: Story) -> None:
    story.change(story.index(Fill), delivered=(("VCS-1340-2019", 1_000_000),))


@pytest.mark.parametrize(
    ("lie", "complaint"),
    [
        (lose_the_end, "the log says []"),
        (change_a_fill, "the log says [Recorded("),
        (tell_half, "the log says [Recorded("),
        (accept_twice, "('alpha', 'order-1') happened 2 times"),
        (invent_an_order, "nobody asked for OrderAccepted"),
        (change_an_order, "nobody asked for OrderAccepted"),
        (invent_a_cancel, "nobody asked for OrderCancelled"),
        (skip_in_a_feed, "feed 0 is not what the log has"),
        (call_it_a_repetition, "was called a repetition of event"),
        (refuse_and_do, "was refused with 3012 and is event"),
        (do_before_it_was_asked, "was acknowledged before it was sent"),
        (arrive_before_it_was_sent, "was acknowledged before it was first sent"),
        (leave_a_gap, "event 7 stands where event 6 belongs"),
        (write_in_an_old_epoch, "event 7 of epoch 1 comes after epoch 2"),
        (write_in_an_old_epoch, "epoch 2 begins with"),
        (turn_back_time, "time runs backwards at event"),
        (mix_commands, "belongs to command 3, the one before to"),
        (deliver_what_is_not_there, "the log cannot be replayed: LedgerError"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_a_lie(lie: Callable[[Story], None], complaint: str) -> None:
    """Each is found and named."""
    story = Story()
    assert [] == story.violations()
    lie(story)

    assert any(complaint in violation for violation in story.violations()), story.violations()
