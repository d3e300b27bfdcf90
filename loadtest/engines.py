"""Books of the package index behind one interface, to be measured on the messages of `loadtest.flow`.

Run as `python -m loadtest.engines ENGINE FILE.csv.gz` in the environment of `loadtest.comparison`, which has these
packages: prints one JSON object with the run's seconds and what it filled. None of the others knows immediate-or-cancel
limit orders or modifies: both are made of what they have, as `loadtest.flow` does for a modify. Three of them give out
order ids of their own, so their drivers keep a table of ids.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from loadtest import flow
from loadtest.flow import Action
from loadtest.measuring import settle_garbage_collector
from matching.book import OrderBook
from matching.events import Filled
from matching.order import Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadtest.flow import FlowMessage

    Run = Callable[[Sequence[FlowMessage]], Any]
    Fills = list[tuple[int, int]]
    """`(price, quantity)` of every fill, in order."""

BUY = Side.BUY
IOC = TimeInForce.IOC
NEW, CANCEL = Action.NEW, Action.CANCEL


class Engine(NamedTuple):
    """One book: how it is driven with a fresh instance, and what of its answers are fills."""

    written_in: str
    """What its matching is written in."""
    leaves_out: str
    run: Run
    fills: Callable[[Any], Fills]


class TimedRun(msgspec.Struct):
    """One timed run."""

    engine: str
    seconds: float
    messages: int
    fills: int
    fills_sha256: str
    """Over the prices and quantities of all fills in order: equal where two engines matched alike."""


def _run_ours(messages: Sequence[FlowMessage]) -> Any:
    return flow.drive(OrderBook(), messages)


def _fills_of_ours(answers: Any) -> Fills:
    return [(event.price, event.quantity) for events in answers for event in events if type(event) is Filled]


def _run_orderly_chaos(messages: Sequence[FlowMessage]) -> Any:
    package = importlib.import_module("orderly_chaos")
    buy, sell, refused = package.Side.BUY, package.Side.SELL, package.OrderlyChaosError
    trades: list[Any] = []
    book = package.LimitOrderBook(on_trade=trades.append)
    limit, cancel = book.limit, book.cancel
    for action, side, time_in_force, quantity, _, order_id, price in messages:
        try:
            if action is not NEW:
                cancel(order_id)
                if action is CANCEL:
                    continue
            filled = limit(buy if side is BUY else sell, order_id, quantity, price)
            if time_in_force is IOC and filled < quantity:
                cancel(order_id)
        except refused:
            continue
    return trades


def _fills_of_orderly_chaos(trades: Any) -> Fills:
    return [(trade.price, trade.quantity) for trade in trades]


def _run_litebook(messages: Sequence[FlowMessage]) -> Any:
    package = importlib.import_module("litebook")
    buy, sell = package.OrderType.Buy, package.OrderType.Sell
    book = package.OrderBook(tick_size=1.0)
    create, add, cancel = book.create_order, book.add, book.cancel
    ids: dict[int, str] = {}
    answers: list[Any] = []
    for action, side, time_in_force, quantity, _, order_id, price in messages:
        if action is not NEW:
            resting_id = ids.pop(order_id, None)
            if resting_id is None or not cancel(resting_id) or action is CANCEL:
                continue
        order = create(buy if side is BUY else sell, price, quantity)
        answers.append(add(order))
        if time_in_force is IOC:
            cancel(order.id)
        else:
            ids[order_id] = order.id
    return answers


def _fills_of_litebook(answers: Any) -> Fills:
    return [(round(fill.price), round(fill.quantity)) for fills in answers for fill in fills]


def _run_lightmatchingengine(messages: Sequence[FlowMessage]) -> Any:
    package = importlib.import_module("lightmatchingengine.lightmatchingengine")
    buy, sell = package.Side.BUY, package.Side.SELL
    engine = package.LightMatchingEngine()
    add, cancel = engine.add_order, engine.cancel_order
    ids: dict[int, int] = {}
    answers: list[Any] = []
    for action, side, time_in_force, quantity, _, order_id, price in messages:
        if action is not NEW:
            resting_id = ids.pop(order_id, None)
            if resting_id is None or cancel(resting_id, "X") is None or action is CANCEL:
                continue
        order, trades = add("X", price, quantity, buy if side is BUY else sell)
        answers.append((order, trades))
        if order.leaves_qty:
            if time_in_force is IOC:
                cancel(order.order_id, "X")
            else:
                ids[order_id] = order.order_id
    return answers


def _fills_of_lightmatchingengine(answers: Any) -> Fills:
    """Its trades name both sides of every level: those of the makers are the fills."""
    return [
        (trade.trade_price, trade.trade_qty)
        for order, trades in answers
        for trade in trades
        if trade.order_id != order.order_id
    ]


def _run_akhil4n_orderbook(messages: Sequence[FlowMessage]) -> Any:
    package = importlib.import_module("orderbook")
    buy, sell, new_order = package.OrderSide.BID, package.OrderSide.ASK, package.Order
    book = package.OrderBook()
    add, cancel = book.add_limit_order, book.cancel_order
    ids: dict[int, str] = {}
    for action, side, time_in_force, quantity, _, order_id, price in messages:
        if action is not NEW:
            resting_id = ids.pop(order_id, None)
            if resting_id is None or not cancel(resting_id) or action is CANCEL:
                continue
        order = new_order(buy if side is BUY else sell, price, quantity)
        add(order)
        if order.remaining_quantity:
            if time_in_force is IOC:
                cancel(order.order_id)
            else:
                ids[order_id] = order.order_id
    return book.trade_log


def _fills_of_akhil4n_orderbook(trades: Any) -> Fills:
    return [(trade.price, trade.quantity_filled) for trade in trades]


OURS = "matching"
_COMMON = "IOC and modify (made of add and cancel)"
ENGINES = {
    OURS: Engine("Python", "nothing", _run_ours, _fills_of_ours),
    "lightmatchingengine": Engine(
        "Python",
        f"{_COMMON}; the caller's order ids",
        _run_lightmatchingengine,
        _fills_of_lightmatchingengine,
    ),
    "akhil4n-orderbook": Engine(
        "Python", f"{_COMMON}; the caller's order ids", _run_akhil4n_orderbook, _fills_of_akhil4n_orderbook
    ),
    "orderly-chaos": Engine("C++", _COMMON, _run_orderly_chaos, _fills_of_orderly_chaos),
    "litebook": Engine("Rust", f"{_COMMON}; the caller's order ids", _run_litebook, _fills_of_litebook),
}


def timed_run(name: str, path: Path) -> TimedRun:
    """Drive a fresh book with a file, once to warm up and once for the clock."""
    engine = ENGINES[name]
    messages = flow.read_flow(path)
    settle_garbage_collector()
    engine.run(messages)
    gc.collect()
    started_s = time.perf_counter()
    answers = engine.run(messages)
    seconds = time.perf_counter() - started_s
    fills = engine.fills(answers)
    text = "\n".join(f"{price},{quantity}" for price, quantity in fills)
    return TimedRun(name, seconds, len(messages), len(fills), hashlib.sha256(text.encode()).hexdigest())


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(timed_run(sys.argv[1], Path(sys.argv[2]))))
