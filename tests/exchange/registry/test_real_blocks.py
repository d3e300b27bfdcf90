"""Real serial blocks of five registries, dealt in at random: every tonne has exactly one place, and a rebuild says the same."""

from __future__ import annotations

import csv
from random import Random
from typing import TYPE_CHECKING

import pytest

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.registry.serials import SerialRange, parse
from tests.exchange.registry.registry_trading import COUNTED, RegistryTrading, real_blocks
from tests.exchange.registry.settled import Movement, SettledMarket, dump, rebuilt, replayed
from tests.market import ALPHA, Market

if TYPE_CHECKING:
    from pathlib import Path

DEALINGS = 10_000


async def test_ten_thousand_dealings_in_all_real_blocks(dsn: str, data_dir: Path) -> None:
    """Trades, block trades, splits, retirements, withdrawals and moves of everything in the file, settled in three runs."""
    trading = RegistryTrading(real_blocks(data_dir), Random(20261123))
    assert 525 == trading.counts["units_deposited"]
    settled = SettledMarket(dsn, trading.market)

    await settled.settle()
    await settled.check()
    # Two blocks of the file are retired parts of others in it: they are retired once all the rest is there.
    for class_id, block in trading.parts:
        owner = next(
            account
            for account, _ in trading.market.state.holdings.accounts()
            if trading.market.state.holdings.holds(account, class_id, block)
        )
        trader = trading.traders[owner]
        (event,) = trading.market.do(
            commands.Retire(
                trader.key_id,
                trader.session,
                owner,
                "Acme",
                "as published",
                f"part-{block.first}",
                blocks=((class_id, block),),
            )
        )
        assert "retired" == event.kind
    trading.deal(DEALINGS // 2)
    await settled.settle()
    await settled.check()
    trading.deal(DEALINGS)
    await settled.settle()
    await settled.check()

    counts = trading.counts
    assert sum(counts[kind] for kind in COUNTED) >= DEALINGS
    assert min(counts[kind] for kind in COUNTED) > 200
    assert min(counts["trade_settled"], counts["units_cancelled"], counts["units_moved"]) > 20
    before = await dump(dsn)
    result = await rebuilt(dsn)
    assert (True, []) == (result.identical, result.differences)
    assert before == await dump(dsn)


async def test_a_vcs_batch_retired_in_its_real_pieces(dsn: str, data_dir: Path) -> None:
    """Batch 19298 comes in as one block and is retired in 56 pieces: the registry shows the very serial numbers published."""
    with (data_dir / "carbon" / "serial_blocks.csv").open(newline="", encoding="utf-8") as file:
        published = [row["serial"] for row in csv.DictReader(file) if row["batch"] == "19298"]
    pieces = sorted((parse(text).to_block() for text in published), key=lambda block: block.first)
    assert 56 == len(pieces)
    market = Market()
    known = CreditClass("VCS-513-2018", "VCS", "513", "Project 513", 2018)
    market.do(commands.RegisterClass(LOCAL_OPERATOR, known))
    whole = type(pieces[0])(pieces[0].registry, pieces[0].batch, pieces[0].first, pieces[-1].last)
    market.do(
        commands.DepositUnits(LOCAL_OPERATOR, ALPHA, known.class_id, whole.quantity, (whole,), "batch 19298")
    )
    shuffled = list(pieces)
    Random(19298).shuffle(shuffled)
    for number, piece in enumerate(shuffled):
        market.do(
            commands.Retire(
                market.alpha.key_id,
                market.alpha.session,
                ALPHA,
                "Acme",
                "as published",
                f"piece-{number}",
                blocks=((known.class_id, piece),),
            )
        )
    settled = SettledMarket(dsn, market)

    await settled.settle()
    await settled.check()

    batches = {row[0]: (row[2], row[3]) for row in await settled.rows("batch")}
    shown = [
        SerialRange.of_block(type(whole)(*batches[row[4]], row[5], row[6])).render()
        for row in await settled.rows("movement")
        if row[9] == "retired"
    ]
    assert sorted(published) == sorted(shown)
    retirements = await settled.rows("retirement")
    assert [piece.quantity for piece in shuffled] == [row[2] for row in retirements]
    (row,) = [row for row in await settled.rows("holding") if row[5] == "retired"]
    assert (whole.first, whole.last) == row[1:3]


@pytest.mark.parametrize("seed", range(3))
async def test_the_registry_is_the_movements_after_every_event(seed: int, dsn: str, data_dir: Path) -> None:
    """Cut the movements after any event: what came in is all there, each serial in one place."""
    trading = RegistryTrading(real_blocks(data_dir), Random(seed))
    trading.deal(400)
    settled = SettledMarket(dsn, trading.market)
    await settled.settle()
    movements = [Movement(*row) for row in await settled.rows("movement")]
    came_in = 0
    for index, movement in enumerate(movements):
        if movement.from_place == "outside":
            came_in += movement.last - movement.first + 1
        following = movements[index + 1].seq if index + 1 < len(movements) else 0
        if movement.seq != following and index % 7 == seed:
            placed = replayed(movements[: index + 1])
            assert came_in == sum(last - first + 1 for _, first, last, *_ in placed)
