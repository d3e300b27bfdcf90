"""Settlement under test: a market's events in a real log, the registry's tables, and a replay of movements that knows nothing of
the product's code.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import msgspec

from exchange.domain.carbon.project_forms import Project, RegisterProject
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.record import seal
from exchange.log.writer import LogWriter
from exchange.registry.rebuild import TABLES, rebuild
from exchange.registry.rows import NO_MOVEMENTS, digest_after
from exchange.registry.settlement import Settlement
from exchange.registry.store import RegistryStore, SettlementHeld
from tests.market import PROJECT, V19, Market
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.events import Recorded
    from exchange.domain.state import State
    from exchange.registry.rebuild import Rebuilt

IDENTITY = WriterIdentity("host-a", 4711, "")


class SettledMarket:
    """A market in memory, its log and its registry in a database."""

    def __init__(self, dsn: str, market: Market) -> None:
        self.dsn = dsn
        self.market = market
        self._logged = 0

    async def log(self) -> None:
        """Append what the market did since the last time."""
        fresh = self.market.recorded[self._logged :]
        self._logged = len(self.market.recorded)
        await append(self.dsn, fresh)

    async def settle(self) -> None:
        """Log what happened and settle it, as a process that just started."""
        await self.log()
        await settle(self.dsn)

    async def rows(self, table: str) -> list[tuple[Any, ...]]:
        """All rows of a table of the registry, in the order of their key."""
        return await rows(self.dsn, table)

    async def check(self) -> None:
        """Raise unless the tables are sound in themselves and say what the venue says."""
        await check(self.dsn, self.market.state)


class Movement(NamedTuple):
    """A row of the table."""

    seq: int
    n: int
    kind: str
    class_id: str
    batch_id: int
    first: int
    last: int
    from_place: str
    from_account: str
    to_place: str
    to_account: str
    trade: int | None


class _Batch:
    """Disjoint intervals of one batch, each with what is known of it."""

    def __init__(self) -> None:
        self.firsts: list[int] = []
        self.at: dict[int, tuple[int, tuple[Any, ...]]] = {}

    def put(self, first: int, last: int, place: tuple[Any, ...]) -> None:
        index = bisect_right(self.firsts, last)
        if index:
            before = self.firsts[index - 1]
            assert self.at[before][0] < first, f"{first}..{last} is placed twice"
        insort(self.firsts, first)
        self.at[first] = (last, place)

    def take(self, first: int, last: int, place: tuple[Any, ...]) -> None:
        """Take an interval out, which may lie in several neighbours; all must be in the place."""
        while first <= last:
            index = bisect_right(self.firsts, first) - 1
            assert index >= 0, f"{first} is nowhere"
            begin = self.firsts[index]
            end, found = self.at[begin]
            assert begin <= first <= end, f"{first} is nowhere"
            assert place == found, f"{first} is in {found}, not in {place}"
            del self.firsts[index], self.at[begin]
            if begin < first:
                self.put(begin, first - 1, place)
            if last < end:
                self.put(last + 1, end, place)
            first = end + 1


def replayed(movements: Iterable[Movement]) -> list[tuple[Any, ...]]:
    """Where every serial is after the movements: batch, first, last, class, place, account and trade, neighbours joined.

    After each movement every serial is in exactly one place, or this raises.
    """
    batches: dict[int, _Batch] = {}
    for one in movements:
        batch = batches.setdefault(one.batch_id, _Batch())
        if one.from_place == "withdrawn":
            # It may come back as another class.
            index = bisect_right(batch.firsts, one.first) - 1
            _, source = batch.at[batch.firsts[index]]
            assert "withdrawn" == source[1]
            batch.take(one.first, one.last, source)
        elif one.from_place != "outside":
            trade = one.trade if one.from_place == "locked" else None
            batch.take(one.first, one.last, (one.class_id, one.from_place, one.from_account, trade))
        ended = one.to_place not in {"held", "locked", "frozen"}
        account = "" if ended else one.to_account
        trade = one.trade if one.to_place == "locked" else None
        batch.put(one.first, one.last, (one.class_id, one.to_place, account, trade))
    return joined(
        (batch_id, first, *batch.at[first][:1], *batch.at[first][1])
        for batch_id, batch in sorted(batches.items())
        for first in batch.firsts
    )


def joined(intervals: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Neighbours as one; `(..., first, last, ...)` sorted, with the two numbers the first integers after the batch.

    Locked serials (a trade at the end) stay apart, as their trade named them.
    """
    result: list[tuple[Any, ...]] = []
    for row in intervals:
        place = 1 if isinstance(row[0], int) else 2
        first, last = row[place], row[place + 1]
        if result:
            before = result[-1]
            same = before[:place] == row[:place] and before[place + 2 :] == row[place + 2 :]
            if same and before[place + 1] + 1 == first and not (len(row) > place + 2 and row[-1] is not None):
                result[-1] = (*before[: place + 1], last, *before[place + 2 :])
                continue
        result.append(row)
    return result


async def check(dsn: str, state: State) -> None:
    """Raise unless the tables are sound in themselves and say what the venue says, whose state is that of the checkpoint."""
    movements = [Movement(*row) for row in await rows(dsn, "movement")]
    batches = {row[0]: (row[2], row[3]) for row in await rows(dsn, "batch")}
    placed = replayed(movements)
    holdings = await rows(dsn, "holding")
    assert placed == [(row[0], row[1], row[2], *row[4:8]) for row in holdings]
    assert all((row[3].lower, row[3].upper) == (row[1], row[2] + 1) for row in holdings)
    state.check()
    expected = sorted(
        [
            (*key, first, last, class_id, place, account, None)
            for place, holders in (("held", state.holdings), ("frozen", state.frozen))
            for account, class_id in holders.accounts()
            for key, serials in holders.serials(account, class_id).items()
            for first, last in serials
        ]
        + [
            (
                block.registry,
                block.batch,
                block.first,
                block.last,
                class_id,
                "locked",
                _seller(state, trade),
                trade,
            )
            for trade, chosen in state.holdings.locked.items()
            for class_id, block in chosen
        ]
    )
    assert expected == sorted(
        (*batches[row[0]], row[1], row[2], *row[4:8])
        for row in holdings
        if row[5] in {"held", "locked", "frozen"}
    )
    in_custody = sorted((*batches[row[0]], row[1], row[2]) for row in holdings if row[5] != "withdrawn")
    assert joined(in_custody) == joined(
        sorted((one.registry, one.batch, one.first, one.last) for _, one in state.custody.blocks())
    )
    owned = {
        (account, asset): balance.total
        for account, balances in state.ledger.accounts.items()
        for asset, balance in balances.items()
        if balance.total
    }
    assert owned == {(row[0], row[1]): row[2] for row in await rows(dsn, "balance") if row[2]}
    last = {(row[0], row[1]): row[4] for row in await rows(dsn, "posting")}
    assert owned == {key: balance for key, balance in last.items() if balance}


async def check_checkpoint(dsn: str) -> None:
    """Raise unless the checkpoint and the movements agree, if there are tables at all."""
    try:
        tables = await rows_at_once(dsn, "checkpoint", "movement")
    except asyncpg.UndefinedTableError:
        return
    ((_, seq, _, _, count, digest),) = tables["checkpoint"]
    movements = tables["movement"]
    assert all(row[0] <= seq for row in movements)
    assert (count, digest) == (len(movements), digest_after(NO_MOVEMENTS, movements))


def _seller(state: State, trade: int) -> str:
    return state.obligations[trade].settled.seller


def dealt_market() -> Market:
    """A market with trades at once and later, retirements, a project described, and an end of a day."""
    market, random = Market(), Random(9)
    market.do(RegisterProject(LOCAL_OPERATOR, Project("VCS", "1340", "Rimba Raya", "ID", "REDD", "VM0004")))
    market.list_instrument(msgspec.structs.replace(PROJECT, symbol="LATER", settlement_days=1))
    for number in range(40):
        symbol = random.choice((PROJECT.symbol, "LATER"))
        quantity = random.randint(1, 500)
        market.beta.place(market.beta.sell(quantity, 1000, symbol))
        market.alpha.place(market.alpha.buy(quantity, 1000, symbol))
        if number % 10 == 5:
            market.do(market.alpha.retire_command(V19, 50, f"r-{number}"))
    market.close_day("2026-11-24")
    market.deposit_units("gamma", V19, 5)
    return market


async def append(dsn: str, recorded: list[Recorded]) -> None:
    """Write events to the log, as the engine does."""
    await migrate(dsn)
    async with await LogWriter.open(dsn, IDENTITY) as writer:
        for start in range(0, len(recorded), 10_000):
            await writer.append(seal(recorded[start : start + 10_000], writer.epoch, writer.last_hash))


async def settle(dsn: str, up_to: int | None = None) -> None:
    """Settle the log, to its end or to a seq, as a process that just started."""
    async with (
        await LogReader.open(dsn, connections=2) as reader,
        await RegistryStore.open(dsn, IDENTITY) as store,
    ):
        settlement = await Settlement.resume(reader, store)
        await settlement.catch_up(up_to)


async def settle_when_free(dsn: str) -> None:
    """Settle, once the server has noticed that the settler before is gone."""

    async def settles() -> bool:
        try:
            await settle(dsn)
        except SettlementHeld:
            return False
        return True

    await eventually(settles, "the right to settle is free")


async def rebuilt(dsn: str) -> Rebuilt:
    """Rebuild the registry."""
    async with await LogReader.open(dsn, connections=2) as reader:
        return await rebuild(dsn, reader)


async def rows(dsn: str, table: str) -> list[tuple[Any, ...]]:
    """All rows of a table of the registry, in the order of their key."""
    return (await rows_at_once(dsn, table))[table]


async def rows_at_once(dsn: str, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of tables of the registry as they are at one moment, while settlement may be at work."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {
                table: [
                    tuple(row)
                    for row in await connection.fetch(
                        f"SELECT * FROM registry.{table} ORDER BY {', '.join(TABLES[table])}"
                    )
                ]
                for table in tables
            }
    finally:
        await connection.close()


async def dump(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that follows from the log."""
    return await rows_at_once(dsn, *TABLES)


async def execute(dsn: str, *statements: str) -> None:
    """What only the owner of the database can do."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def trade(market: Market, random: Random, deals: int) -> None:
    """Some fills and retirements."""
    for number in range(deals):
        quantity = random.randint(1, 50)
        seller, buyer = random.sample((market.alpha, market.beta, market.gamma), 2)
        market.do(seller.place_command(seller.sell(quantity, 1000)))
        market.do(buyer.place_command(buyer.buy(quantity, 1000)))
        if number % 5 == 0:
            reference = f"retired-{number}" if market.state.last_seq < 100 else market.fresh_id()
            market.do(buyer.retire_command(V19, random.randint(1, 30), reference))
