"""`exchange what-if`: the same requests under other terms, in a scratch venue."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from exchange.domain import snapshot
from exchange.domain.orders import SelfTradePrevention
from exchange.domain.state import State
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.writer import LogWriter
from exchange.operations.cli import main
from exchange.operations.errors import ExitCode
from exchange.operations.what_if import OtherTerms, Outcome, WhatIf
from tests.exchange.domain.random_trading import RandomTrading, scarce_market
from tests.exchange.log.test_requests import rows_of
from tests.exchange.log.test_verification import state_after
from tests.market import BASKET, PROJECT, Market

if TYPE_CHECKING:
    from exchange.log.record import StoredEvent


def run_again(rows: list[StoredEvent], terms: OtherTerms, from_seq: int = 0) -> WhatIf:
    """Runs the log from a seq on under other terms."""
    state = state_after(rows, from_seq)
    run = WhatIf(state, snapshot.load(snapshot.dump(state)) if from_seq else State(), terms)
    run.feed(rows[from_seq:])
    run.finish()
    return run


def test_terms_that_change_nothing() -> None:
    """Under the terms that it has, random trading gives the same fills, volume, fees and spread."""
    market = scarce_market()
    trading = RandomTrading(market, Random(5))
    for _ in range(2000):
        market.execute(trading.command())
    rows = rows_of(market)
    begin = next(row.seq for row in rows if row.kind == "order_accepted") - 1

    run = run_again(rows, OtherTerms(BASKET.symbol, price_step_ticks=1, band_ppm=BASKET.band_ppm), begin)

    assert run.as_it_was == run.as_it_would_be
    assert run.as_it_was.fills > 10
    assert 0 == run.not_asked


def test_other_fees() -> None:
    """Fees follow the other rates, also where the log changes them; trades stay the same."""
    market = Market()
    market.alpha.place(market.alpha.sell(10, 1000))
    market.change_fees(PROJECT.symbol, 0, 0)
    market.beta.place(market.beta.buy(10, 1000))
    run = run_again(rows_of(market), OtherTerms(PROJECT.symbol, maker_fee_ppm=0, taker_fee_ppm=10_000))

    assert (10, 1) == (run.as_it_was.volume, run.as_it_was.fills)
    assert (10, 100) == (run.as_it_was.fees, run.as_it_would_be.fees)
    assert (10, 1) == (run.as_it_would_be.volume, run.as_it_would_be.fills)
    assert 1 == run.not_asked


def test_a_coarser_tick() -> None:
    """Buyers bid lower and sellers ask higher on the other grid, amended orders too; what met may not meet any more."""
    market = Market()
    sell = market.alpha.rest(market.alpha.sell(10, 1007))
    market.alpha.amend(sell, price=1003)
    market.beta.place(market.beta.buy(4, 1003))
    market.gamma.place(market.gamma.buy(2, 1013))
    run = run_again(rows_of(market), OtherTerms(PROJECT.symbol, price_step_ticks=10))

    assert (2, 6) == (run.as_it_was.fills, run.as_it_was.volume)
    assert (1, 2, 2 * 1010) == (
        run.as_it_would_be.fills,
        run.as_it_would_be.volume,
        run.as_it_would_be.ticks_by_units,
    )


def test_a_narrower_band() -> None:
    """Orders outside the other band are refused, and their cancels find nothing."""
    market = Market()
    far = market.alpha.rest(market.alpha.sell(10, 1400))
    market.alpha.cancel(far)
    run = run_again(rows_of(market), OtherTerms(PROJECT.symbol, band_ppm=10_000))

    assert Outcome(orders=1) == run.as_it_was
    assert Outcome(rejected=1) == run.as_it_would_be


def test_another_self_trade_rule() -> None:
    """The other rule replaces that of every order: the maker goes instead of the taker."""
    market = Market()
    market.alpha.place(market.alpha.sell(10, 1000))
    market.gamma.place(market.gamma.sell(10, 1000))
    market.alpha_2.place(market.alpha_2.buy(10, 1000))
    rows = rows_of(market)
    run = run_again(rows, OtherTerms(PROJECT.symbol, self_trade_prevention=SelfTradePrevention.CANCEL_MAKER))

    assert (0, 1) == (run.as_it_was.fills, run.as_it_would_be.fills)


def test_the_spread_is_weighted_by_time() -> None:
    """One tick for one step of the clock, three for two: seven thirds on average."""
    market = Market()
    market.alpha.place(market.alpha.sell(1, 1003))
    bid = market.beta.rest(market.beta.buy(1, 1000))
    market.deposit_cash("gamma", 1)
    market.gamma.place(market.gamma.buy(1, 1002))
    market.beta.cancel(bid)
    was = run_again(rows_of(market), OtherTerms(PROJECT.symbol, price_step_ticks=1)).as_it_was

    assert (2 * 3 + 1 * 1, 3) == (was.spread_ticks_ns // 1000, was.quoted_ns // 1000)


@pytest.fixture
def what_if(dsn: str) -> Any:
    """Gives the command on the log of a market with one trade."""
    market = Market()
    market.alpha.place(market.alpha.sell(10, 1003))
    market.beta.place(market.beta.buy(10, 1003))

    async def write() -> None:
        await migrate(dsn)
        async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
            await writer.append(rows_of(market))

    asyncio.run(write())

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["what-if", *arguments, "--dsn", dsn])

    return invoke


def test_the_command(what_if: Any, dsn: str) -> None:
    """Both sides of the comparison are printed as decimals; the log has not changed."""

    async def head() -> int:
        async with await LogReader.open(dsn) as reader:
            return (await reader.head()).last_seq

    before = asyncio.run(head())
    report = json.loads(what_if(PROJECT.symbol, "--tick", "0.05", "--json").stdout)
    text = what_if(PROJECT.symbol, "--taker-fee-ppm", "0").stdout

    assert {
        "orders": 2, "rejected": 0, "fills": 1, "volume": 10, "notional": "100.30", "fees": "0.32",
        "average_price_ticks": "1003.000", "average_spread_ticks": None,
    } == report["as_it_was"]  # fmt: skip
    assert (0, None) == (report["as_it_would_be"]["fills"], report["as_it_would_be"]["average_price_ticks"])
    assert (0, before) == (report["from_seq"], report["to_seq"])
    lines = [line.split() for line in text.splitlines()]
    assert ["fees", "0.32", "0.11"] in lines
    assert ["average", "spread", "ticks", "-", "-"] in lines
    assert before == asyncio.run(head())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((PROJECT.symbol,), "say what should be different"),
        ((PROJECT.symbol, "--tick", "0.005"), "--tick:"),
        ((PROJECT.symbol, "--tick", "0.00"), "--tick:"),
        (("NONE", "--band-ppm", "5"), "'NONE' was not listed at event"),
        ((PROJECT.symbol, "--band-ppm", "5", "--to", "9999"), "the log has no event 9999"),
        ((PROJECT.symbol, "--band-ppm", "5", "--from", "9", "--to", "3"), "--to lies before --from"),
    ],
)
def test_wrong_usage(what_if: Any, arguments: tuple[str, ...], message: str) -> None:
    """What cannot be compared is said in one sentence."""
    result = what_if(*arguments)

    assert ExitCode.USAGE == result.exit_code
    assert message in result.stderr
