"""The order flow with a known answer: reads a file of it, drives a book with it, writes the report stream.

A file is `csv.gz` with the columns `action,side,ioc,quantity,seq,order_id,price`. Its messages are new limit orders
(`N`, with `ioc=1` immediate-or-cancel), cancels (`C`) and modifies (`M`: cancel and enter again at the new price and
quantity, behind all others there). Prices are in ticks. The report stream has one line per report, so that its
SHA-256 says whether two engines did the same.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from matching.events import Cancelled, Filled, Refused
from matching.order import Order, Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matching.book import OrderBook
    from matching.events import BookEvent

FILES = ("normal", "flash-crash", "static")
"""Names of the published files, without `.csv.gz`."""


class Action(StrEnum):
    """What a message asks; the values are those of the file."""

    NEW = "N"
    CANCEL = "C"
    MODIFY = "M"


class FlowMessage(NamedTuple):
    """One row of a file, in the file's order of columns. Price in ticks, quantity in units."""

    action: Action
    side: Side
    time_in_force: TimeInForce
    quantity: int
    seq: int
    order_id: int
    price: int


def read_flow(path: Path) -> list[FlowMessage]:
    """Every message of a file, in order."""
    actions = {action.value: action for action in Action}
    sides = {"B": Side.BUY, "S": Side.SELL}
    times_in_force = {"0": TimeInForce.GTC, "1": TimeInForce.IOC}
    with gzip.open(path, "rt", encoding="ascii", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        if header != ["action", "side", "ioc", "quantity", "seq", "order_id", "price"]:
            raise ValueError(f"{path} has the columns {header}")
        return [
            FlowMessage(
                actions[action],
                sides[side],
                times_in_force[ioc],
                int(quantity),
                int(seq),
                int(order_id),
                int(price),
            )
            for action, side, ioc, quantity, seq, order_id, price in rows
        ]


def drive(book: OrderBook, messages: Sequence[FlowMessage]) -> list[list[BookEvent]]:
    """Send every message to the book; answers the events of each.

    The file names no participants and its orders may all trade with each other, so every order has its own owner.
    A modify is a cancel and a new order of the same id, as the file means it; its answer leaves the cancel out.
    """
    answers: list[list[BookEvent]] = []
    answer = answers.append
    submit = book.submit
    cancel = book.cancel
    new, modify = Action.NEW, Action.MODIFY
    for action, side, time_in_force, quantity, _, order_id, price in messages:
        if action is new:
            answer(submit(Order(order_id, order_id, side, price, quantity, time_in_force)))
            continue
        events = cancel(order_id)
        if action is modify and type(events[0]) is Cancelled:
            events = submit(Order(order_id, order_id, side, price, quantity, time_in_force))
        answer(events)
    return answers


def report_lines(messages: Sequence[FlowMessage], answers: Sequence[Sequence[BookEvent]]) -> list[str]:
    """The report stream of a run, one line per report, in the order that the published digests are over.

    A cancel is reported at the price where the order rests, which is not the one in its message after a modify.
    """
    lines: list[str] = []
    prices: dict[int, int] = {}
    for message, events in zip(messages, answers, strict=True):
        action, side, _, quantity, seq, order_id, price = message
        side_code = 0 if side is Side.BUY else 1
        if action is not Action.CANCEL:
            prices[order_id] = price
        if action is Action.NEW:
            lines.append(f"0,{seq},{side_code},{order_id},{price},{quantity}")
        refused = False
        for event in events:
            match event:
                case Filled():
                    lines.append(f"1,{seq},{event.price},{event.quantity},{event.maker_id},{event.taker_id}")
                case Cancelled():
                    lines.append(f"2,{seq},{side_code},{order_id},{prices[order_id]}")
                case Refused() if action is not Action.NEW:
                    refused = True
                    lines.append(f"{4 if action is Action.CANCEL else 5},{seq},{order_id}")
                case _:
                    raise ValueError(f"message {seq} is answered by {event}")
        if action is Action.MODIFY and not refused:
            lines.append(f"3,{seq},{side_code},{order_id},{price},{quantity}")
    return lines


def report_sha256(lines: Sequence[str]) -> str:
    """SHA-256 of the report stream, in hexadecimal."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def count_fills(answers: Sequence[Sequence[BookEvent]]) -> int:
    """How many fills a run has."""
    return sum(type(event) is Filled for events in answers for event in events)
