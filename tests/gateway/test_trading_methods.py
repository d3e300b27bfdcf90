"""Orders, retirement and the dead-man timer over a real websocket, engine and Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import InstrumentState
from exchange.domain.orders import OrderStatus, Side
from exchange.domain.rejects import RejectCode
from gateway import results
from gateway.websocket.client import RejectedError
from gateway.websocket.requests import BatchAmend, BatchCancel, BatchPlace
from tests.market import ALPHA, BETA, V19, V20
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gateway.websocket.client import ExchangeClient
    from tests.gateway.exchange import RunningExchange

RIMBA = "RIMBA-19"


async def refused(work: Awaitable[object]) -> RejectedError:
    """The refusal that a request must get."""
    with pytest.raises(RejectedError) as caught:
        await work
    return caught.value


async def rest(client: ExchangeClient, name: str, side: str, quantity: int, price: str, **terms: Any) -> int:
    """Place an order that does not trade; its id."""
    report = await client.place_order(
        client_order_id=name, instrument=RIMBA, side=side, quantity=quantity, price=price, **terms
    )
    assert (OrderStatus.OPEN, 0) == (report.status, report.filled)
    return report.order_id


async def test_placed_order_rests(exchange: RunningExchange) -> None:
    """An order that does not trade is answered as open, with its id and nothing filled."""
    client = await exchange.client("beta-key")
    report = await client.place_order(
        client_order_id="a", instrument=RIMBA, side="buy", quantity=10, price="9.5"
    )
    expected = results.OrderReport(
        order_id=exchange.venue.state.last_seq,
        client_order_id="a",
        account=BETA,
        instrument=RIMBA,
        side=Side.BUY,
        status=OrderStatus.OPEN,
        price="9.50",
        quantity=10,
        filled=0,
        remaining=10,
        fills=[],
        seq=exchange.venue.state.last_seq,
        time=exchange.venue.state.last_at,
    )
    assert expected == report


async def test_fills_of_an_order(exchange: RunningExchange) -> None:
    """The answer names every fill at the maker's price, with cash and fee, and what stays open."""
    maker, taker = await exchange.client("gamma-key"), await exchange.client("beta-key")
    await rest(maker, "m1", "sell", 10, "9.90")
    await rest(maker, "m2", "sell", 10, "10.00")
    report = await taker.place_order(
        client_order_id="t", instrument=RIMBA, side="buy", quantity=25, price="10.00"
    )
    last = exchange.venue.state.last_seq
    assert [
        results.OrderFill(last - 1, "9.90", 10, "99.00", "0.20"),
        results.OrderFill(last, "10.00", 10, "100.00", "0.20"),
    ] == report.fills
    assert (OrderStatus.PARTIALLY_FILLED, 25, 20, 5) == (
        report.status,
        report.quantity,
        report.filled,
        report.remaining,
    )


async def test_immediate_remainder_is_cancelled(exchange: RunningExchange) -> None:
    """An IOC order ends with its command: filled in part, nothing remains."""
    maker, taker = await exchange.client("gamma-key"), await exchange.client("beta-key")
    await rest(maker, "m", "sell", 10, "9.90")
    report = await taker.place_order(
        client_order_id="t", instrument=RIMBA, side="buy", quantity=25, price="9.90", time_in_force="ioc"
    )
    assert (OrderStatus.CANCELLED, 10, 0) == (report.status, report.filled, report.remaining)


async def test_decremented_order_is_answered_as_in_the_state(exchange: RunningExchange) -> None:
    """Self-trade prevention by decrement takes the order's rest: it is cancelled, and its status says the same."""
    client = await exchange.client("alpha-key")
    await rest(client, "m", "sell", 10, "9.90", account=ALPHA)
    report = await client.place_order(
        client_order_id="t",
        instrument=RIMBA,
        side="buy",
        quantity=10,
        price="9.90",
        account=ALPHA,
        self_trade_prevention="decrement",
    )
    status = await client.order_status(client_order_id="t", account=ALPHA)
    assert (OrderStatus.CANCELLED, 0, 0) == (report.status, report.filled, report.remaining)
    assert (report.status, report.filled, report.remaining) == (
        status.status,
        status.filled,
        status.remaining,
    )


async def test_repeated_order_gets_the_original_answer(exchange: RunningExchange) -> None:
    """The same body again answers from the log, marked as duplicate, and trades nothing more."""
    maker, taker = await exchange.client("gamma-key"), await exchange.client("beta-key")
    await rest(maker, "m", "sell", 10, "9.90")
    first = await taker.place_order(
        client_order_id="t", instrument=RIMBA, side="buy", quantity=4, price="9.90"
    )
    seq = exchange.venue.state.last_seq
    again = await taker.place_order(
        client_order_id="t", instrument=RIMBA, side="buy", quantity=4, price="9.9"
    )
    assert not first.duplicate
    assert again.duplicate
    assert (first.order_id, first.fills, first.seq, first.time) == (
        again.order_id,
        again.fills,
        again.seq,
        again.time,
    )
    assert seq == exchange.venue.state.last_seq


async def test_reused_id_with_another_body_is_refused(exchange: RunningExchange) -> None:
    """The id belongs to the first order for good."""
    client = await exchange.client("beta-key")
    await rest(client, "a", "buy", 10, "9.50")
    error = await refused(
        client.place_order(client_order_id="a", instrument=RIMBA, side="buy", quantity=11, price="9.50")
    )
    assert (RejectCode.CLIENT_ORDER_ID_REUSED, "CLIENT_ORDER_ID_REUSED") == (error.code, error.name)
    assert exchange.venue.state.last_seq == error.data.seq


async def test_repeated_rejected_order_gets_the_same_refusal(exchange: RunningExchange) -> None:
    """A refusal by the venue is a fact of the log, and its repetition says so."""
    client = await exchange.client("beta-key")

    async def buy_too_much() -> RejectedError:
        return await refused(
            client.place_order(
                client_order_id="a", instrument=RIMBA, side="buy", quantity=1_000_000, price="10.00"
            )
        )

    first, again = await buy_too_much(), await buy_too_much()
    assert RejectCode.INSUFFICIENT_FUNDS == first.code
    assert (first.code, first.message, first.data.seq) == (again.code, again.message, again.data.seq)
    assert (False, True) == (first.data.duplicate, again.data.duplicate)
    status = await client.order_status(client_order_id="a")
    assert OrderStatus.REJECTED is status.status
    assert status.reject is not None
    assert (first.code, first.data.seq) == (status.reject.code, status.reject.data.seq)


async def test_amend(exchange: RunningExchange) -> None:
    """An amended order has its new price and quantity; amended into the market it trades."""
    maker, taker = await exchange.client("gamma-key"), await exchange.client("beta-key")
    await rest(maker, "m", "sell", 10, "10.00")
    order_id = await rest(taker, "t", "buy", 10, "9.00")
    less = await taker.amend_order(order_id=order_id, quantity=8)
    assert (OrderStatus.OPEN, "9.00", 8, 8) == (less.status, less.price, less.quantity, less.remaining)
    crossing = await taker.amend_order(client_order_id="t", price="10.00", quantity=12)
    assert (OrderStatus.PARTIALLY_FILLED, "10.00", 12, 10, 2) == (
        crossing.status,
        crossing.price,
        crossing.quantity,
        crossing.filled,
        crossing.remaining,
    )
    assert [10] == [fill.quantity for fill in crossing.fills]


async def test_amend_below_filled_ends_the_order(exchange: RunningExchange) -> None:
    """A new total at or below what is filled cancels the rest."""
    maker, taker = await exchange.client("gamma-key"), await exchange.client("beta-key")
    order_id = await rest(maker, "m", "sell", 10, "10.00")
    await taker.place_order(client_order_id="t", instrument=RIMBA, side="buy", quantity=6, price="10.00")
    report = await maker.amend_order(order_id=order_id, quantity=5)
    assert (OrderStatus.CANCELLED, 6, 0) == (report.status, report.filled, report.remaining)


async def test_refused_amends(exchange: RunningExchange) -> None:
    """Nothing to amend, an unknown order with and without a price, and a price off tick each have their code."""
    client = await exchange.client("beta-key")
    order_id = await rest(client, "a", "buy", 10, "9.50")
    codes = [
        (await refused(work)).code
        for work in (
            client.amend_order(order_id=order_id),
            client.amend_order(order_id=order_id + 1000, quantity=5),
            client.amend_order(order_id=order_id + 1000, price="9.00"),
            client.amend_order(client_order_id="b", price="9.00"),
            client.amend_order(order_id=order_id, price="9.005"),
            client.amend_order(order_id=order_id, quantity=0),
        )
    ]
    assert [
        RejectCode.NOTHING_TO_AMEND,
        RejectCode.UNKNOWN_ORDER,
        RejectCode.UNKNOWN_ORDER,
        RejectCode.UNKNOWN_ORDER,
        RejectCode.PRICE_OFF_TICK,
        RejectCode.INVALID_QUANTITY,
    ] == codes


async def test_cancel(exchange: RunningExchange) -> None:
    """A cancelled order is ended with what it had filled; cancelled again it is unknown."""
    maker, taker = await exchange.client("gamma-key"), await exchange.client("beta-key")
    order_id = await rest(maker, "m", "sell", 10, "10.00")
    await taker.place_order(client_order_id="t", instrument=RIMBA, side="buy", quantity=4, price="10.00")
    report = await maker.cancel_order(client_order_id="m")
    assert (order_id, OrderStatus.CANCELLED, 4, 0) == (
        report.order_id,
        report.status,
        report.filled,
        report.remaining,
    )
    assert RejectCode.UNKNOWN_ORDER == (await refused(maker.cancel_order(order_id=order_id))).code


async def test_strangers_order_looks_unknown(exchange: RunningExchange) -> None:
    """Cancel, amend and status of somebody else's order give the very answer of an order that never was."""
    owner, stranger = await exchange.client("gamma-key"), await exchange.client("beta-key")
    order_id = await rest(owner, "m", "sell", 10, "10.00")
    for number in (order_id, order_id + 1000):
        for work in (
            stranger.cancel_order(order_id=number),
            stranger.amend_order(order_id=number, quantity=5),
            stranger.amend_order(order_id=number, price="9.00"),
            stranger.order_status(order_id=number),
        ):
            error = await refused(work)
            assert (RejectCode.UNKNOWN_ORDER, True) == (error.code, str(number) in error.message)
    assert OrderStatus.OPEN is (await owner.order_status(order_id=order_id)).status


async def test_cancel_all(exchange: RunningExchange) -> None:
    """A mass cancel ends what matches, oldest first, and says which orders."""
    client = await exchange.client("beta-key")
    buys = [await rest(client, f"b{number}", "buy", 1, "9.00") for number in range(3)]
    sell = await rest(client, "s", "sell", 1, "11.00")
    cancelled = await client.cancel_all(side="buy")
    assert (BETA, buys, exchange.venue.state.last_seq) == (
        cancelled.account,
        cancelled.order_ids,
        cancelled.seq,
    )
    assert [sell] == (await client.cancel_all()).order_ids
    assert results.CancelledOrders(BETA, 0, []) == await client.cancel_all(instrument=RIMBA)


async def test_operator_cancels_for_anybody(exchange: RunningExchange) -> None:
    """An operator ends the orders of any account, and may not place one."""
    client, operator = await exchange.client("beta-key"), await exchange.client("operator-key")
    first = await rest(client, "a", "buy", 1, "9.00")
    second = await rest(client, "b", "buy", 1, "9.00")
    assert OrderStatus.CANCELLED is (await operator.cancel_order(order_id=first, account=BETA)).status
    assert [second] == (await operator.cancel_all(account=BETA)).order_ids
    order = operator.place_order(
        client_order_id="o", instrument=RIMBA, side="buy", quantity=1, price="9.00", account=BETA
    )
    assert RejectCode.NOT_PERMITTED == (await refused(order)).code


async def test_batch(exchange: RunningExchange) -> None:
    """Items are carried out in their order, and each has its own result or error."""
    client = await exchange.client("beta-key")
    outcomes = await client.batch(
        [
            BatchPlace("a", RIMBA, Side.BUY, 10, price="9.00"),
            BatchPlace("b", RIMBA, Side.BUY, 10, price="9.001"),
            BatchAmend(client_order_id="a", quantity=5, price="9.10"),
            BatchCancel(client_order_id="a"),
            BatchCancel(client_order_id="a"),
        ]
    )
    assert [OrderStatus.OPEN, None, OrderStatus.OPEN, OrderStatus.CANCELLED, None] == [
        outcome.result.status if outcome.result else None for outcome in outcomes
    ]
    assert [None, RejectCode.PRICE_OFF_TICK, None, None, RejectCode.UNKNOWN_ORDER] == [
        outcome.error.code if outcome.error else None for outcome in outcomes
    ]
    assert [10, 5, 5] == [outcome.result.quantity for outcome in outcomes if outcome.result]


async def test_batch_size_is_limited(exchange: RunningExchange) -> None:
    """An empty batch and one that is too large are refused as a whole."""
    client = await exchange.client("beta-key")
    assert RejectCode.BATCH_TOO_LARGE == (await refused(client.batch([]))).code
    too_many = [BatchCancel(order_id=1)] * (exchange.gateway.limits.max_batch + 1)
    assert RejectCode.BATCH_TOO_LARGE == (await refused(client.batch(too_many))).code


async def test_status_and_open_orders(exchange: RunningExchange) -> None:
    """A live order is shown with its terms, by either id, and is listed until it ends."""
    client = await exchange.client("beta-key")
    order_id = await rest(client, "a", "buy", 10, "9.00", time_in_force="gtc", post_only=True)
    by_id = await client.order_status(order_id=order_id)
    assert by_id == await client.order_status(client_order_id="a")
    assert ("gtc", True, "9.00", 10, OrderStatus.OPEN) == (
        by_id.time_in_force.value,
        by_id.post_only,
        by_id.price,
        by_id.remaining,
        by_id.status,
    )
    listed = await client.open_orders()
    assert (BETA, [by_id]) == (listed.account, listed.orders)
    await client.cancel_order(order_id=order_id)
    assert [] == (await client.open_orders()).orders
    assert OrderStatus.CANCELLED is (await client.order_status(order_id=order_id)).status


async def test_order_is_forgotten_with_the_second_day_end(exchange: RunningExchange) -> None:
    """Status works until the second day end after the order's end, by either id."""
    client = await exchange.client("beta-key")
    order_id = await rest(client, "a", "buy", 1, "9.00", time_in_force="gtc")
    await client.cancel_order(order_id=order_id)
    await exchange.do(commands.CloseDay(LOCAL_OPERATOR, "2026-11-24"))
    assert OrderStatus.CANCELLED is (await client.order_status(order_id=order_id)).status
    await exchange.do(commands.CloseDay(LOCAL_OPERATOR, "2026-11-25"))
    assert RejectCode.UNKNOWN_ORDER == (await refused(client.order_status(order_id=order_id))).code
    assert RejectCode.UNKNOWN_ORDER == (await refused(client.order_status(client_order_id="a"))).code


async def test_basket_order_names_its_deliveries(exchange: RunningExchange) -> None:
    """A sell order in a basket delivers the classes it names, and the fill says which came."""
    seller, buyer = await exchange.client("gamma-key"), await exchange.client("beta-key")
    await seller.place_order(
        client_order_id="s",
        instrument="NATURE",
        side="sell",
        quantity=10,
        price="10.00",
        deliver=[{"class_id": V20, "quantity": 4}, {"class_id": V19, "quantity": 6}],
    )
    await buyer.place_order(client_order_id="b", instrument="NATURE", side="buy", quantity=7, price="10.00")
    (fill,) = (await buyer.list_fills()).fills
    assert [results.Delivered(V20, 4), results.Delivered(V19, 3)] == fill.delivered


async def test_fills_in_pages(exchange: RunningExchange) -> None:
    """Fills come oldest first, page by page, as each side sees them."""
    maker, taker = await exchange.client("gamma-key"), await exchange.client("beta-key")
    maker_id = await rest(maker, "m", "sell", 10, "10.00")
    for name, quantity in (("a", 1), ("b", 2), ("c", 3)):
        await taker.place_order(
            client_order_id=name, instrument=RIMBA, side="buy", quantity=quantity, price="10.00"
        )
    first = await maker.list_fills(limit=2)
    assert first.next_after_seq == first.fills[-1].trade_id
    second = await maker.list_fills(limit=2, after_seq=first.next_after_seq or 0)
    assert second.next_after_seq is None
    fills = [*first.fills, *second.fills]
    assert [
        (maker_id, "maker", Side.SELL, 1),
        (maker_id, "maker", Side.SELL, 2),
        (maker_id, "maker", Side.SELL, 3),
    ] == [(fill.order_id, fill.liquidity, fill.side, fill.quantity) for fill in fills]
    seen_by_taker = (await taker.list_fills()).fills
    assert [("taker", Side.BUY, "30.00", "0.06")] == [
        (fill.liquidity, fill.side, fill.amount, fill.fee) for fill in seen_by_taker[2:]
    ]


async def test_balances_and_holdings(exchange: RunningExchange) -> None:
    """Cash and units show what is owned, held and free, as of the order just answered."""
    client = await exchange.client("beta-key")
    report = await client.place_order(
        client_order_id="b", instrument=RIMBA, side="buy", quantity=10, price="9.00"
    )
    await rest(client, "s", "sell", 30, "11.00")
    balances, holdings = await client.balances(), await client.holdings()
    assert (
        results.Balances(BETA, report.seq + 1, [results.CashBalance("EUR", "100000.00", "90.18", "99909.82")])
        == balances
    )
    assert results.UnitBalance(V19, 100_000, 30, 99_970, 0, 0) in holdings.units


async def test_retirement(exchange: RunningExchange) -> None:
    """Units leave circulation once per reference; the same request again is answered as a duplicate."""
    client = await exchange.client("beta-key")
    wish: dict[str, Any] = {
        "credits": {V19: 40},
        "beneficiary": "Acme Ltd",
        "purpose": "2026 footprint",
        "reference": "r1",
    }
    first = await client.retire(**wish)
    again = await client.retire(**wish)
    assert (exchange.venue.state.last_seq, False) == (first.retirement_id, first.duplicate)
    assert (first.retirement_id, first.time, True) == (again.retirement_id, again.time, again.duplicate)
    assert 99_960 == (await client.holdings()).units[-1].total
    wish["credits"] = {V19: 41}
    assert RejectCode.REFERENCE_REUSED == (await refused(client.retire(**wish))).code
    wish |= {"credits": {V19: 10**9}, "reference": "r2"}
    assert RejectCode.INSUFFICIENT_UNITS == (await refused(client.retire(**wish))).code


async def test_dead_man_timer(exchange: RunningExchange) -> None:
    """Orders end when the timer runs out; turned off in time they stay."""
    client = await exchange.client("beta-key")
    await rest(client, "a", "buy", 1, "9.00")
    armed = await client.cancel_after(60_000)
    assert exchange.venue.state.cancel_after == {BETA: armed.deadline}
    assert 0 == (await client.cancel_after(0)).deadline
    await client.cancel_after(1)

    async def ended() -> bool:
        return not (await client.open_orders()).orders

    await eventually(ended, "the dead-man timer cancelled the order")


async def test_halted_instrument(exchange: RunningExchange) -> None:
    """A halted instrument refuses orders with its code and takes cancels."""
    client = await exchange.client("beta-key")
    order_id = await rest(client, "a", "buy", 1, "9.00")
    await exchange.do(commands.ChangeInstrumentState(LOCAL_OPERATOR, RIMBA, InstrumentState.HALTED, "news"))
    order = client.place_order(client_order_id="b", instrument=RIMBA, side="buy", quantity=1, price="9.00")
    assert RejectCode.INSTRUMENT_HALTED == (await refused(order)).code
    assert OrderStatus.CANCELLED is (await client.cancel_order(order_id=order_id)).status
