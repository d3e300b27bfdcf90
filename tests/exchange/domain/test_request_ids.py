"""Requests about orders have ids of their own: a repetition gets the answer it got, and an amended order takes the id."""

from exchange.domain import commands
from exchange.domain.events import OrderAmended, OrderCancelled, OrderRejected, RequestRefused
from exchange.domain.rejects import RejectCode
from matching.order import TimeInForce
from tests.exchange.domain.expected import refused
from tests.market import ALPHA, Market


def test_an_amended_order_is_named_after_the_request(market: Market) -> None:
    """The last id names it, and the first one still does; those between do not."""
    order_id = market.alpha.rest(market.alpha.buy(5, 990, client_order_id="a"))
    (amended,) = market.alpha.amend(client_order_id="a", price=991, request_id="b")
    assert isinstance(amended, OrderAmended)
    assert "b" == amended.request_id
    market.alpha.amend(client_order_id="b", price=992, request_id="c")
    assert [order_id, 0, order_id] == [market.state.order_named(ALPHA, name) for name in "abc"]
    (cancelled,) = market.alpha.cancel(client_order_id="c", request_id="d")
    assert isinstance(cancelled, OrderCancelled)
    assert (order_id, "d") == (cancelled.order_id, cancelled.request_id)


def test_a_repeated_request_changes_nothing(market: Market) -> None:
    """It is a duplicate of the first answer, refusals included."""
    alpha = market.alpha
    alpha.rest(alpha.buy(5, 990, client_order_id="a"))
    first = market.next_seq
    alpha.amend(client_order_id="a", price=991, request_id="b")
    (no_order,) = alpha.cancel(client_order_id="x", request_id="y")
    message = "the account has no live order 'x'"
    expected = refused(alpha, "CancelOrder", RejectCode.UNKNOWN_ORDER, message, client_order_id="x")
    assert isinstance(no_order, RequestRefused)
    assert ("y", expected.code, expected.message) == (no_order.request_id, no_order.code, no_order.message)
    command = market.recorded[-1].command
    repeated = commands.AmendOrder(alpha.key_id, alpha.session, ALPHA, 0, "a", 991, None, "b")
    assert first == market.execute(repeated).duplicate_of
    cancel = commands.CancelOrder(alpha.key_id, alpha.session, ALPHA, 0, "x", "y")
    assert command == market.execute(cancel).duplicate_of


def test_an_amendment_below_filled_answers_its_request(market: Market) -> None:
    """The cancel that it is has the id."""
    alpha = market.alpha
    alpha.rest(alpha.buy(5, 990, client_order_id="a"))
    market.beta.place(market.beta.sell(3, 990))
    (cancelled,) = alpha.amend(client_order_id="a", quantity=2, request_id="b")
    assert isinstance(cancelled, OrderCancelled)
    assert ("b", "amended_below_filled") == (cancelled.request_id, cancelled.reason)


def test_orders_and_requests_share_their_ids(market: Market) -> None:
    """Neither may take one that the other has."""
    alpha = market.alpha
    alpha.rest(alpha.buy(5, 990, client_order_id="a"))
    (taken,) = alpha.cancel(client_order_id="a", request_id="a")
    assert isinstance(taken, RequestRefused)
    assert RejectCode.CLIENT_ORDER_ID_REUSED is taken.code
    alpha.amend(client_order_id="a", price=991, request_id="b")
    (rejected,) = alpha.place(alpha.buy(1, 990, client_order_id="b"))
    assert isinstance(rejected, OrderRejected)
    assert RejectCode.CLIENT_ORDER_ID_REUSED is rejected.code
    (unreadable,) = alpha.cancel(client_order_id="a", request_id="with blanks")
    assert isinstance(unreadable, RequestRefused)
    assert RejectCode.INVALID_PARAMS is unreadable.code


def test_all_cancelled_at_once_answer_one_request(market: Market) -> None:
    """Each event has its id."""
    alpha = market.alpha
    for _ in range(2):
        alpha.rest(alpha.buy(5, 990))
    cancelled = market.do(commands.CancelAll(alpha.key_id, alpha.session, ALPHA, request_id="all"))
    assert ["all", "all"] == [event.request_id for event in cancelled if isinstance(event, OrderCancelled)]


def test_ids_are_forgotten_with_the_days(market: Market) -> None:
    """At the second end of a business date names and requests are gone, and may be used again."""
    alpha = market.alpha
    alpha.rest(alpha.buy(5, 990, client_order_id="a"))
    alpha.amend(client_order_id="a", price=991, request_id="b")
    alpha.cancel(client_order_id="b", request_id="c")
    market.close_day("2026-11-24")
    assert 0 != market.state.order_named(ALPHA, "b")
    assert 0 != market.state.requests.find(ALPHA, "c")
    market.close_day("2026-11-25")
    assert 0 == market.state.order_named(ALPHA, "b")
    assert 0 == market.state.requests.find(ALPHA, "c")
    alpha.rest(alpha.buy(5, 990, client_order_id="b"))


def test_a_live_order_keeps_its_name(market: Market) -> None:
    """However old it is, nobody else may be called so."""
    alpha = market.alpha
    alpha.rest(alpha.buy(5, 990, client_order_id="a", time_in_force=TimeInForce.GTC))
    alpha.amend(client_order_id="a", price=991, request_id="b")
    for day in (24, 25, 26):
        market.close_day(f"2026-11-{day}")
    (rejected,) = alpha.place(alpha.buy(1, 990, client_order_id="b"))
    assert isinstance(rejected, OrderRejected)
    assert RejectCode.CLIENT_ORDER_ID_REUSED is rejected.code
    (cancelled,) = alpha.cancel(client_order_id="b")
    assert isinstance(cancelled, OrderCancelled)
