"""What was asked stands in the log, and today's program decides it again, byte for byte."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from exchange.domain import commands, snapshot
from exchange.domain.events import OrderAccepted, RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.state import State
from exchange.log.chain import GENESIS
from exchange.log.record import StoredEvent, seal
from exchange.log.reexecution import Difference, Reexecution
from exchange.log.requests import UnknownRequest, command_of, request_bytes
from tests.exchange.domain.random_trading import RandomTrading, scarce_market
from tests.market import ALPHA, Market


@pytest.fixture
def market() -> Market:
    """Gives a market with everybody logged on."""
    return Market()


def rows_of(market: Market) -> list[StoredEvent]:
    """The log of a market, with what it was asked, as the engine writes it."""
    requests = {}
    for seq, command in market.asked.items():
        request = request_bytes(command, market.recorded[seq - 1].event)
        if request is not None:
            requests[seq] = request
    return seal(market.recorded, 1, GENESIS, requests)


def executed_again(rows: list[StoredEvent]) -> tuple[Reexecution, Difference | None]:
    """The whole log through a new venue."""
    again = Reexecution(State())
    return again, again.feed(rows) or again.finish()


def test_random_commands_are_decided_again() -> None:
    """Every kind of command comes back from the log and gives the same bytes and the same state."""
    market = scarce_market()
    trading = RandomTrading(market, Random(7))
    for _ in range(1500):
        market.execute(trading.command())
    again, difference = executed_again(rows_of(market))

    assert difference is None
    assert (len(market.asked), 0) == (again.executed, again.replayed)
    assert snapshot.digest(market.state) == snapshot.digest(again.state)


def test_the_order_is_not_written_twice(market: Market) -> None:
    """The event of a new order carries it whole; other commands stand beside their first event only."""
    market.alpha.place(market.alpha.sell(5, 1000))
    market.beta.place(market.beta.sell(5, 1000))
    first_cancel = market.next_seq
    market.do(commands.CancelAll(LOCAL_OPERATOR, 0, ALPHA))
    market.alpha.cancel_all()
    rows = rows_of(market)

    accepted = next(row for row in rows if row.kind == OrderAccepted.kind)
    cancelled = rows[first_cancel - 1]
    assert accepted.request is None
    assert b'{"command":"CancelAll","by":"local-operator","session":0,"account":"alpha"}' == (
        cancelled.request or b""
    ).replace(LOCAL_OPERATOR.encode(), b"local-operator")
    assert market.asked[first_cancel] == command_of(cancelled, market.state)


def test_what_no_log_can_carry_is_not_stored(market: Market) -> None:
    """A malformed request is refused and leaves nothing of itself in the log; its refusal is applied as it stands."""
    (event,) = market.do(commands.DepositCash(LOCAL_OPERATOR, ALPHA, "EUR", 1, "\ud800"))
    assert isinstance(event, RequestRefused)
    rows = rows_of(market)

    assert rows[-1].request is None
    with pytest.raises(
        UnknownRequest, match=f"command {rows[-1].seq}: none was recorded with request_refused"
    ):
        command_of(rows[-1], market.state)
    again, difference = executed_again(rows)
    assert (None, 1) == (difference, again.replayed)
    assert snapshot.digest(market.state) == snapshot.digest(again.state)


def test_another_decision_is_named(market: Market) -> None:
    """The first event that this program would not write is shown with what it would write instead."""
    deposit = market.next_seq
    market.deposit_cash(ALPHA, 500)
    market.deposit_cash(ALPHA, 600)
    rows = rows_of(market)
    request = (rows[deposit - 1].request or b"").replace(b"500", b"501")
    rows[deposit - 1] = msgspec.structs.replace(rows[deposit - 1], request=request)

    _, difference = executed_again(rows)

    recorded = f"cash_deposited 1 {rows[deposit - 1].payload.decode()}"
    assert Difference(deposit, recorded, recorded.replace("500", "501")) == difference


def test_a_request_of_a_newer_program(market: Market) -> None:
    """A request that this program cannot read is not guessed at."""
    market.deposit_cash(ALPHA, 500)
    row = msgspec.structs.replace(rows_of(market)[-1], request=b'{"command":"Teleport"}')

    with pytest.raises(UnknownRequest, match="it does not fit: Invalid value 'Teleport'"):
        command_of(row, market.state)


def test_an_order_of_a_session_that_is_not_open(market: Market) -> None:
    """Whose key placed an order is told by its session; without it nothing is guessed."""
    market.alpha.place(market.alpha.sell(5, 1000))

    with pytest.raises(UnknownRequest, match=r"session \d+ is not open"):
        command_of(rows_of(market)[-1], State())
