"""Where serial numbers came from and what became of them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.orders import RetirementTerms
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import MAX_SERIAL, SerialBlock
from exchange.registry.provenance import (
    OwnersStep,
    Step,
    life_of_block,
    life_of_project,
    outer_nodes,
    public_step,
)
from exchange.registry.public_register import Cursor, Selection
from exchange.registry.serials import SerialRange
from matching.order import Side
from tests.exchange.registry.reading import viewed
from tests.exchange.registry.registry_trading import RegistryTrading, real_blocks
from tests.exchange.registry.settled import Movement, SettledMarket, execute, rebuilt, rows
from tests.market import ALPHA, BETA, PROJECT, V19, Market

if TYPE_CHECKING:
    from pathlib import Path

LATER = msgspec.structs.replace(PROJECT, symbol="LATER", settlement_days=1)
OWN = CreditClass("EXC-1340-2019", "EXC", "1340", "Rimba Raya", 2019)
BATCH = "opening-2019"
BEGINNING = Cursor()


def block(first: int, last: int) -> SerialBlock:
    """Serials of vintage 2019 that were beta's at first."""
    return SerialBlock("VCS", BATCH, first, last)


async def life(
    dsn: str, of: SerialBlock | Selection, after: Cursor = BEGINNING, limit: int = 1000
) -> list[OwnersStep]:
    """What happened to serials, or to those of a project."""
    async with viewed(dsn) as view:
        if isinstance(of, SerialBlock):
            return await life_of_block(view, of, after, limit)
        return await life_of_project(view, of, after, limit)


def told(steps: list[OwnersStep]) -> list[tuple[Any, ...]]:
    """Step, serial numbers, what they were split from, and the price."""
    return [(one.step, one.serial, one.split_from, one.price) for one in steps]


@pytest.fixture
async def lived(dsn: str) -> SettledMarket:
    """Gives a market in which beta's serials were sold, sold again later, retired in part, and moved in part."""
    settled = SettledMarket(dsn, Market())
    market = settled.market
    market.list_instrument(LATER)
    market.do(commands.RegisterClass(LOCAL_OPERATOR, OWN))
    market.do(commands.WithdrawUnits(LOCAL_OPERATOR, ALPHA, V19, 100_000, (block(1, 100_000),), "out"))
    market.beta.rest(market.beta.sell(100, 1000))
    market.alpha.place(market.alpha.buy(100, 1000))
    market.alpha.rest(market.alpha.sell(40, 1250, "LATER"))
    market.gamma.place(market.gamma.buy(40, 1250, "LATER", retire_on_fill=RetirementTerms("Ada", "Flights")))
    market.close_day("2026-11-24")
    for trader, other, side in ((market.alpha, BETA, Side.SELL), (market.beta, ALPHA, Side.BUY)):
        named = ((V19, block(200_051, 200_060)),)
        market.do(
            commands.KeyBlockTrade(
                trader.key_id,
                trader.session,
                trader.account,
                other,
                "deal",
                PROJECT.symbol,
                side,
                1100,
                10,
                (),
                named,
            )
        )
    market.do(
        commands.MoveUnits(LOCAL_OPERATOR, ALPHA, V19, (block(200_091, 200_100),), OWN.class_id, (), "move")
    )
    await settled.settle()
    return settled


def seq_of(settled: SettledMarket, kind: str, nth: int = -1) -> int:
    """Seq of the last event of a kind, or of the nth."""
    return [one.seq for one in settled.market.recorded if one.event.kind == kind][nth]


async def test_the_life_of_a_block(lived: SettledMarket, dsn: str) -> None:
    """Issuance, splits, fills with their price, settlement, retirement: each with its seq and the hash of its event."""
    first = seq_of(lived, "fill", 0)
    deposit = next(
        one.seq
        for one in lived.market.recorded
        if one.event.kind == "units_deposited"
        and getattr(one.event, "account", "") == BETA
        and getattr(one.event, "class_id", "") == V19
    )
    issued, part, sold = (
        f"{BATCH} [{first} to {last}]"
        for first, last in ((200_001, 300_000), (200_001, 200_100), (200_001, 200_040))
    )
    found = await life(dsn, block(200_010, 200_012))

    assert [
        (Step.ISSUED, issued, (), ""),
        (Step.TRADED, part, (f"{issued} @ {deposit}",), "10.00"),
        (Step.LOCKED, sold, (f"{part} @ {first}",), "12.50"),
        (Step.SETTLED, sold, (), "12.50"),
        (Step.RETIRED, sold, (), ""),
    ] == told(found)
    assert [
        deposit,
        first,
        *(seq_of(lived, kind, 0 if kind != "fill" else 1) for kind in ("fill", "trade_settled", "retired")),
    ] == [one.seq for one in found]
    by_seq = {one[0]: one[1].hex() for one in await hashes(dsn)}
    assert [by_seq[one.seq] for one in found] == [one.hash for one in found]
    assert ["", "", "", "", "Ada"] == [one.beneficiary for one in found]
    assert [0, 0, 0, seq_of(lived, "fill", 1), 0] == [one.trade for one in found]
    assert [("", BETA), (BETA, ALPHA), (ALPHA, ALPHA), (ALPHA, "gamma"), ("gamma", "gamma")] == [
        (one.from_account, one.to_account) for one in found
    ]


async def hashes(dsn: str) -> list[tuple[int, bytes]]:
    """Hash of each event of the log."""
    return [(row[0], row[1]) for row in await rows_of(dsn, "SELECT seq, hash FROM event")]


async def rows_of(dsn: str, query: str) -> list[Any]:
    """What a query gives."""
    async with viewed(dsn) as view:
        return await view.rows(query)


async def test_the_public_does_not_see_who_nor_the_price_of_a_block_trade(
    lived: SettledMarket, dsn: str
) -> None:
    """Accounts are left out, and prices that were not made on the book."""
    steps = await life(dsn, block(200_055, 200_055))
    public = [public_step(one) for one in steps]

    assert [("fill", "10.00", "EUR"), ("block_trade", "11.00", "EUR")] == [
        (one.kind, one.price, one.currency) for one in steps[1:]
    ]
    assert [("fill", "10.00", "EUR"), ("block_trade", "", "")] == [
        (one.kind, one.price, one.currency) for one in public[1:]
    ]
    assert not {"from_account", "to_account"} & set(type(public[0]).__struct_fields__)


async def test_what_was_moved_goes_on_under_other_numbers(lived: SettledMarket, dsn: str) -> None:
    """Each side names the other."""
    before = (await life(dsn, block(200_100, 200_100)))[-1]
    (after,) = await life(dsn, SerialBlock("EXC", "EXC-1340-2019-{first} to {last}", 5, 5))

    assert (Step.MOVED, "opening-2019 [200091 to 200100]", ("EXC-1340-2019-1 to 10",), ()) == (
        before.step,
        before.serial,
        before.issued_as,
        before.issued_for,
    )
    assert (Step.ISSUED, "EXC-1340-2019-1 to 10", (), ("opening-2019 [200091 to 200100]",)) == (
        after.step,
        after.serial,
        after.issued_as,
        after.issued_for,
    )
    assert before.seq == after.seq


async def test_what_was_withdrawn_and_came_back(lived: SettledMarket, dsn: str) -> None:
    """Returning is no second issuance; a part that comes back is split from what went."""
    lived.market.do(commands.DepositUnits(LOCAL_OPERATOR, BETA, V19, 10, (block(11, 20),), "in"))
    await lived.settle()

    out = f"{BATCH} [1 to 100000]"
    assert [
        (Step.ISSUED, out, (), ""),
        (Step.WITHDRAWN, out, (), ""),
        (Step.RETURNED, f"{BATCH} [11 to 20]", (f"{out} @ {seq_of(lived, 'units_withdrawn')}",), ""),
    ] == told(await life(dsn, block(15, 15)))


async def test_serials_that_never_were(lived: SettledMarket, dsn: str) -> None:
    """A batch that is not known, numbers that never came in, and a project without classes are refused."""
    for of, code in (
        (SerialBlock("VCS", "nobody's", 1, 1), RejectCode.UNKNOWN_SERIAL),
        (block(900_000, 900_001), RejectCode.UNKNOWN_SERIAL),
        (Selection("VCS", "7"), RejectCode.UNKNOWN_PROJECT),
        (Selection(class_id="VCS-7-2019"), RejectCode.UNKNOWN_CLASS),
        (Selection(project="1340"), RejectCode.INVALID_PARAMS),
        (Selection(), RejectCode.INVALID_PARAMS),
    ):
        with pytest.raises(Reject) as refusal:
            await life(dsn, of)
        assert code is refusal.value.code


async def test_pages_of_a_project(lived: SettledMarket, dsn: str) -> None:
    """Page by page the same as at once, all of its classes, in the order of the log."""
    project = Selection("VCS", "1340")
    whole = await life(dsn, project)
    parts: list[OwnersStep] = []
    while page := await life(dsn, project, Cursor(parts[-1].seq, parts[-1].n) if parts else BEGINNING, 3):
        parts += page

    assert whole == parts
    assert sorted((one.seq, one.n) for one in whole) == [(one.seq, one.n) for one in whole]
    assert {"VCS-1340-2018", "VCS-1340-2019"} == {one.class_id for one in whole}
    assert [one for one in whole if one.class_id == V19] == await life(dsn, Selection(class_id=V19))


# The interval tree.


@given(
    st.tuples(*[st.integers(1, MAX_SERIAL)] * 2).map(sorted),
    st.tuples(*[st.integers(1, MAX_SERIAL)] * 2).map(sorted),
)
def test_an_interval_is_looked_for_where_it_stands(asked: list[int], interval: list[int]) -> None:
    """Those that overlap a block are among the numbers that are asked for; the others are not found by them."""
    (first, last), (begin, end) = asked, interval
    below, above = outer_nodes(first, last)
    node = fork_node(begin, end)
    found = (node in below and end >= first) or (node in above and begin <= last) or first <= node <= last

    assert (begin <= last and first <= end) == found
    assert len(below) + len(above) <= 122


def fork_node(first: int, last: int) -> int:
    """The number of `first..last` with the most zeros at the end, in base two."""
    level = ((first - 1) ^ last).bit_length() - 1
    return last >> level << level


async def test_the_database_computes_the_same_numbers(lived: SettledMarket, dsn: str) -> None:
    """The function of the schema agrees with the definition, up to the highest serial number."""
    random = Random(3)
    pairs = [sorted(random.choices(range(1, 2 ** random.randint(1, 59)), k=2)) for _ in range(500)]
    pairs += [[1, 1], [MAX_SERIAL, MAX_SERIAL], [1, MAX_SERIAL], [2**59, 2**59], [2**59 - 1, 2**59]]
    async with viewed(dsn) as view:
        found = await view.rows(
            "SELECT registry.fork_node(a, b) FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS pair (a, b, n)"
            " ORDER BY n",
            *zip(*pairs, strict=True),
        )

    assert [fork_node(first, last) for first, last in pairs] == [row[0] for row in found]


async def test_real_blocks(dsn: str, data_dir: Path) -> None:
    """The life of any block is what a walk through all movements finds; rebuilt, it is the same to the byte."""
    trading = RegistryTrading(real_blocks(data_dir), Random(8))
    trading.deal(400)
    settled = SettledMarket(dsn, trading.market)
    await settled.settle()
    names = {row[0]: (row[2], row[3]) for row in await rows(dsn, "batch")}
    movements = [Movement(*row) for row in await rows(dsn, "movement")]
    chosen = [trading.random.choice(movements) for _ in range(25)]
    asked = []
    for one in chosen:
        first = trading.random.randint(one.first, one.last)
        last = trading.random.choice((first, one.last, one.last + 1000))
        asked.append(SerialBlock(*names[one.batch_id], first, last))
    before = [await life(dsn, one) for one in asked]

    for of, steps in zip(asked, before, strict=True):
        walked = [
            one
            for one in movements
            if names[one.batch_id] == (of.registry, of.batch)
            and one.first <= of.last
            and of.first <= one.last
        ]
        assert [(one.seq, one.n, text(names, one)) for one in walked] == [
            (one.seq, one.n, one.serial) for one in steps
        ]
        for moved, step in zip(walked, steps, strict=True):
            assert cut_by(movements, names, moved) == step.split_from
    await rebuilt(dsn)
    assert msgspec.json.encode(before) == msgspec.json.encode([await life(dsn, one) for one in asked])


def text(names: dict[int, tuple[str, str]], moved: Movement) -> str:
    """The block of a movement."""
    return SerialRange.of_block(SerialBlock(*names[moved.batch_id], moved.first, moved.last)).render()


def cut_by(movements: list[Movement], names: dict[int, tuple[str, str]], moved: Movement) -> tuple[str, ...]:
    """The blocks, as they moved before, of which a movement took a part at its own ends."""
    cut: list[Movement] = []
    for serial in (moved.first, moved.last):
        earlier = [
            one
            for one in movements
            if one.batch_id == moved.batch_id and one.seq < moved.seq and one.first <= serial <= one.last
        ]
        if (
            earlier
            and earlier[-1] not in cut
            and (earlier[-1].first < moved.first or moved.last < earlier[-1].last)
        ):
            cut.append(earlier[-1])
    return tuple(f"{text(names, one)} @ {one.seq}" for one in sorted(cut))


async def test_the_index_is_used(lived: SettledMarket, dsn: str) -> None:
    """No query about one serial number walks through the movements of all others."""
    below, above = outer_nodes(7, 7)
    await execute(dsn, "ANALYZE registry.movement")
    async with viewed(dsn) as view:
        await view.rows("SET LOCAL enable_seqscan = off")
        plan = await view.rows(
            "EXPLAIN SELECT * FROM registry.movement WHERE batch_id = 1 AND registry.fork_node(first, last) = ANY($1::bigint[])",
            below + above,
        )

    assert "movement_serials" in "\n".join(row[0] for row in plan)
