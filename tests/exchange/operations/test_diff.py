"""`exchange diff`: what changed between two moments, and where two logs part."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from exchange.domain import snapshot
from exchange.domain.state import State
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.writer import LogWriter
from exchange.operations.cli import main
from exchange.operations.errors import ExitCode
from exchange.operations.state_differences import Difference, differences
from tests.exchange.log.test_requests import rows_of
from tests.market import ALPHA, BETA, V19, Market

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.log.record import StoredEvent

    MakeDsn = Callable[[], str]


def write(dsn: str, market: Market) -> list[StoredEvent]:
    """Writes a market's log into an empty database."""

    async def work() -> list[StoredEvent]:
        await migrate(dsn)
        async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
            rows = rows_of(market)
            await writer.append(rows)
            return rows

    return asyncio.run(work())


def run(*arguments: str) -> Result:
    """Runs the command."""
    return CliRunner().invoke(main, ["diff", *arguments])


def test_equal_states_do_not_differ() -> None:
    """A state and its like have no difference, whatever the way to it."""
    market = Market()
    assert [] == list(differences(market.state, market.replica))
    assert [] != list(differences(State(), market.state))


def test_every_change_has_its_place() -> None:
    """Numbers in dictionaries are named by path, elements of lists come and go as wholes."""
    market = Market()
    market.alpha.place(market.alpha.sell(40, 1010))
    order_id = market.state.last_seq
    before = snapshot.load(snapshot.dump(market.state))
    market.alpha.amend(order_id, quantity=30)

    found = list(differences(before, market.state))

    assert {
        "last_seq": (order_id, order_id + 1),
        f"orders.{order_id}.quantity": (40, 30),
        f"balances.{ALPHA}.{V19}.held": (40, 30),
    } == {
        one.place: (one.before, one.after)
        for one in found
        if one.place == "last_seq" or one.place.startswith(("balances.", f"orders.{order_id}.q"))
    }
    assert Difference(f"orders.{order_id}.deliver", [V19, 40], None) in found
    assert Difference(f"orders.{order_id}.deliver", None, [V19, 30]) in found


def test_two_moments(dsn: str) -> None:
    """The events in between by kind, and each place that they changed; the same moment has none."""
    market = Market()
    begin = market.state.last_seq
    market.deposit_cash(BETA, 700)
    write(dsn, market)

    found = json.loads(run(str(begin), "2026-11-24", "--dsn", dsn, "--json").stdout)

    assert (begin, begin + 1, {"cash_deposited": 1}) == (found["from_seq"], found["to_seq"], found["events"])
    assert {"place": f"balances.{BETA}.EUR.total", "before": 10_000_000, "after": 10_000_700} in found[
        "differences"
    ]
    text = run(str(begin), str(begin + 1), "--dsn", dsn).stdout
    assert text.startswith(f"from event {begin} to event {begin + 1}: 1 cash_deposited\n")
    assert ["supply.EUR", "40000000", "40000700"] in [line.split() for line in text.splitlines()]
    assert [] == json.loads(run("5", "5", "--dsn", dsn, "--json").stdout)["differences"]


def test_where_two_logs_part(make_dsn: MakeDsn) -> None:
    """The first event that differs is found and shown from both; a log that is longer is not another one."""
    first, second, longer = Market(), Market(), Market()
    first.deposit_cash(ALPHA, 5)
    second.deposit_cash(ALPHA, 6)
    longer.deposit_cash(ALPHA, 5)
    part = first.state.last_seq
    for market in (first, second, longer):
        market.close_day("2026-11-24")
    longer.close_day("2026-11-25")
    dsns = [make_dsn() for _ in range(3)]
    for market_dsn, market in zip(dsns, (first, second, longer), strict=True):
        write(market_dsn, market)

    found = json.loads(run("--dsn", dsns[0], "--with", dsns[1], "--json").stdout)
    assert part == found["first_different_seq"]
    assert (5, 6) == (found["event"]["payload"]["amount"], found["other_event"]["payload"]["amount"])
    assert f"the logs part at event {part}" in run("--dsn", dsns[0], "--with", dsns[1]).stdout
    same = run("--dsn", dsns[0], "--with", dsns[2]).stdout
    assert f"the same up to event {part + 1}; the logs end at {part + 1} and {part + 2}\n" == same


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("5",), "give two moments"),
        (("5", "4"), "lies before the first"),
        (("5", "6", "--with", "x"), "give two"),
    ],
)
def test_wrong_usage(dsn: str, arguments: tuple[str, ...], message: str) -> None:
    """Two moments in their order, or another log, not both."""
    write(dsn, Market())
    result = run(*arguments, "--dsn", dsn)
    assert ExitCode.USAGE == result.exit_code
    assert message in result.stderr
