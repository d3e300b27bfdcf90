"""`exchange replay`: the venue at any moment of its log, and step by step from there."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from exchange.domain import snapshot
from exchange.domain.carbon.freeze_forms import FreezeCause, FreezeUnits
from exchange.domain.events import Fill, OrderAccepted
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.serials import SerialBlock
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.writer import LogWriter
from exchange.operations.cli import main
from exchange.operations.errors import ExitCode
from exchange.operations.state_views import view_book
from tests.exchange.log.test_requests import rows_of
from tests.exchange.log.test_verification import state_after
from tests.market import ALPHA, BETA, PROJECT, V19, V20, Market

if TYPE_CHECKING:
    from exchange.log.record import StoredEvent


@pytest.fixture
def day() -> Market:
    """Gives a market with a small book and one trade."""
    market = Market()
    market.alpha.place(market.alpha.sell(40, 1010))
    market.alpha.place(market.alpha.sell(5, 1005))
    market.gamma.place(market.gamma.sell(10, 1005))
    market.beta.place(market.beta.buy(20, 990))
    market.beta.place(market.beta.buy(8, 1005))
    market.alpha.cancel_all()
    block = SerialBlock("GS", "opening-2020", 1, 7)
    market.do(FreezeUnits(LOCAL_OPERATOR, "hold-1", FreezeCause.HOLD, "under review", (block,)))
    return market


@pytest.fixture
def rows(day: Market, dsn: str) -> list[StoredEvent]:
    """Gives the log of the market, in a database."""

    async def write() -> list[StoredEvent]:
        await migrate(dsn)
        async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
            rows = rows_of(day)
            await writer.append(rows)
            return rows

    return asyncio.run(write())


@pytest.fixture
def replay(rows: list[StoredEvent], dsn: str) -> Any:
    """Gives the command."""

    def invoke(*arguments: str, keys: str = "") -> Result:
        return CliRunner().invoke(main, ["replay", "--dsn", dsn, *arguments], input=keys)

    return invoke


def first_of(rows: list[StoredEvent], kind: str) -> int:
    """Seq of the first event of a kind."""
    return next(row.seq for row in rows if row.kind == kind)


def test_the_venue_at_a_seq(replay: Any, rows: list[StoredEvent]) -> None:
    """The state after an event has the digest of the fold up to it; without --to it is the end of the log."""
    fill = first_of(rows, Fill.kind)
    at_fill = json.loads(replay("--to", str(fill), "--json").stdout)
    at_end = json.loads(replay("--json").stdout)

    assert (fill, snapshot.digest(state_after(rows, fill))) == (at_fill["seq"], at_fill["digest"])
    assert (len(rows), snapshot.digest(state_after(rows, len(rows)))) == (at_end["seq"], at_end["digest"])


def test_the_venue_at_a_time(replay: Any, rows: list[StoredEvent]) -> None:
    """A time means all that was recorded up to it; before the log began there is nothing."""
    late = json.loads(replay("--to", "2026-11-24", "--json").stdout)
    early = replay("--to", "2026-11-22T23:59:59.999999Z")

    assert len(rows) == late["seq"]
    assert early.stdout.startswith("before event 1\n")


def test_a_book_with_bars(replay: Any, rows: list[StoredEvent]) -> None:
    """Asks above bids, each price with its quantity, orders, and a bar as long as its share."""
    before_trade = first_of(rows, Fill.kind) - 2
    shown = replay("--to", str(before_trade), "--book", PROJECT.symbol).stdout.splitlines()

    assert "RIMBA-19  open  last -  reference 10.00" == shown[1]
    assert [
        ["10.10", "40", "1", "█" * 24],
        ["10.05", "15", "2", "█" * 9],
        ["20", "9.90", "1", "█" * 12],
    ] == [line.split() for line in shown[5:8]]
    view = json.loads(replay("--to", str(before_trade), "--book", PROJECT.symbol, "--json").stdout)
    assert msgspec.to_builtins(view_book(state_after(rows, before_trade), PROJECT.symbol)) == view


def test_an_account(replay: Any, rows: list[StoredEvent]) -> None:
    """Balances with what is held, and the live orders that hold it."""
    before_trade = first_of(rows, Fill.kind) - 2
    view = json.loads(replay("--to", str(before_trade), "--account", ALPHA, "--json").stdout)

    assert {"class_id": V19, "total": 100_000, "held": 45, "frozen": 0} in view["units"]
    assert [(40, [[V19, 40]]), (5, [[V19, 5]])] == [
        (order["quantity"], order["hold_units"]) for order in view["orders"]
    ]
    text = replay("--to", str(before_trade), "--account", BETA).stdout
    assert f"account {BETA} of BETA" in text
    assert ["EUR", "100000.00", "198.40"] in [line.split() for line in text.splitlines()]


def test_what_is_held(replay: Any, rows: list[StoredEvent]) -> None:
    """Every live order with its hold, and what is frozen; where nothing is held, that is said."""
    view = json.loads(replay("--holds", "--json").stdout)
    state = state_after(rows, len(rows))

    assert sorted(state.orders) == [order["order_id"] for order in view["orders"]]
    assert [{"account": ALPHA, "class_id": V20, "units": 7}] == view["frozen"]
    assert f"frozen: 7 of {V20} of {ALPHA}\n" in replay("--holds").stdout
    assert "nothing is held" in replay("--to", "5", "--holds").stdout


def test_an_orders_story(replay: Any, rows: list[StoredEvent]) -> None:
    """From its acceptance over its trades to its end, and nothing of other orders."""
    order_id = [row.seq for row in rows if row.kind == OrderAccepted.kind][1]
    story = json.loads(replay("--order", str(order_id), "--json").stdout)

    assert ["order_accepted", "fill"] == [event["kind"] for event in story["events"]]
    assert order_id == story["events"][1]["payload"]["maker_order_id"]
    assert 2 == len(replay("--order", str(order_id)).stdout.splitlines())
    assert ["order_accepted"] == [
        event["kind"]
        for event in json.loads(replay("--order", str(order_id), "--to", str(order_id), "--json").stdout)[
            "events"
        ]
    ]


def test_event_by_event(replay: Any, rows: list[StoredEvent]) -> None:
    """Enter shows the next event, and the chosen view where it changed; q ends."""
    begin = first_of(rows, OrderAccepted.kind) - 1
    result = replay("--to", str(begin), "--book", PROJECT.symbol, "--step", keys="\n\nq\n")

    lines = result.stdout.splitlines()
    assert 2 == sum("order_accepted" in line for line in lines)
    assert 3 == sum(line.startswith("after event") for line in lines)
    whole = replay("--to", str(len(rows) - 1), "--step", keys="\n\n").stdout.splitlines()
    assert 1 == sum(line.split()[:1] == [str(len(rows))] for line in whole)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "yesterday"), "neither a seq nor a time"),
        (("--to", "1969-01-01"), "lies before 1970"),
        (("--to", "99999"), "the log has no event 99999; it ends at"),
        (("--to", "9" * 30), "the log has no event 9223372036854775806; it ends at"),
        (("--book", "NONE"), "'NONE' was not listed at event"),
        (("--account", "nobody"), "there was no account 'nobody' at event"),
        (("--order", "1"), "there was no order 1 at event"),
        (("--book", "X", "--holds"), "exclude each other"),
        (("--follow", "--step"), "exclude each other"),
        (("--order", "1", "--step"), "told up to a moment"),
    ],
)
def test_wrong_usage(replay: Any, arguments: tuple[str, ...], message: str) -> None:
    """What was not there, or cannot be read, is said in one sentence."""
    result = replay(*arguments)

    assert ExitCode.USAGE == result.exit_code
    assert message in result.stderr
