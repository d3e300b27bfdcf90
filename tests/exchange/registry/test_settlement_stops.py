"""What stops settlement: changed, unknown and impossible events, and tables that are not what was written."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import asyncpg
import pytest

from exchange.domain import events as ev
from exchange.domain.events import Recorded
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.ledger import LedgerError
from exchange.log.chain import GENESIS, ChainBroken, content_digest, event_hash
from exchange.log.codec import UnknownEvent
from exchange.registry.projection import ProjectionError
from exchange.registry.settlement import Settlement
from exchange.registry.store import (
    ReconciliationFailed,
    RegistryDamaged,
    RegistryStore,
)
from tests.exchange.log.conftest import tamper
from tests.exchange.registry.settled import (
    IDENTITY,
    SettledMarket,
    dump,
    execute,
    settle,
    trade,
)
from tests.market import ALPHA, BETA, UNITS, V18, V19

if TYPE_CHECKING:
    from exchange.log.reader import LogReader


async def test_a_changed_event_stops_settlement(settled: SettledMarket, dsn: str) -> None:
    """The chain of the log is checked on the way."""
    checkpoint = (await settled.rows("checkpoint"))[0][1]
    trade(settled.market, Random(8), 3)
    await settled.log()
    await tamper(
        dsn,
        f"UPDATE event SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '\"quantity\":', '\"quantity\":1'),"
        f" 'UTF8') WHERE seq = (SELECT min(seq) FROM event WHERE kind = 'fill' AND seq > {checkpoint})",
    )

    with pytest.raises(ChainBroken):
        await settle(dsn)

    assert checkpoint == (await settled.rows("checkpoint"))[0][1]


async def rechain(dsn: str, seq: int, statement: str) -> None:
    """Change the last event and make its hash fit again, as only who owns everything could."""
    await tamper(dsn, statement)
    connection = await asyncpg.connect(dsn)
    previous = await connection.fetchval("SELECT hash FROM event WHERE seq = $1", seq - 1) or GENESIS
    row = await connection.fetchrow(
        "SELECT seq, epoch, command, recorded_at, kind, version, instrument, account, counterparty, payload"
        " FROM event WHERE seq = $1",
        seq,
    )
    assert row is not None
    fitting = event_hash(previous, content_digest(*row))
    await connection.close()
    await tamper(dsn, f"UPDATE event SET hash = '\\x{fitting.hex()}' WHERE seq = {seq}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("kind = 'teleported'", "event teleported version 1: this program does not know the kind"),
        ("version = 9", "event fill version 9: this program knows"),
        (
            "payload = convert_to(replace(convert_from(payload, 'UTF8'), '{', '{\"x\":1,'), 'UTF8')",
            "event fill version 1: the payload does not fit",
        ),
    ],
)
async def test_an_unknown_event_stops_settlement(
    settled: SettledMarket, dsn: str, change: str, message: str
) -> None:
    """A kind, version or field that this program does not know is not passed over."""
    market = settled.market
    market.beta.rest(market.beta.sell(1, 1000))
    market.alpha.place(market.alpha.buy(1, 1000))
    await settled.log()
    seq = market.state.last_seq
    await rechain(dsn, seq, f"UPDATE event SET {change} WHERE seq = {seq}")

    with pytest.raises(UnknownEvent, match=message):
        await settle(dsn)


async def test_a_newer_version_of_what_is_passed_over_stops_settlement(
    settled: SettledMarket, dsn: str
) -> None:
    """It might move units."""
    market = settled.market
    market.beta.rest(market.beta.sell(1, 1000))
    await settled.log()
    seq = market.state.last_seq
    await rechain(dsn, seq, f"UPDATE event SET version = 2 WHERE seq = {seq}")

    with pytest.raises(UnknownEvent, match="event order_accepted version 2"):
        await settle(dsn)


async def test_an_impossible_event_stops_settlement_before_it(settled: SettledMarket, dsn: str) -> None:
    """Nothing of the transaction is written, and the event is named."""
    before = await dump(dsn)
    seq = settled.market.state.last_seq + 1
    at = settled.market.at + 1
    settled.market.recorded.append(
        Recorded(seq, seq, at, ev.CashWithdrawn(LOCAL_OPERATOR, ALPHA, "EUR", 10**12, "too much"))
    )
    await settled.log()

    with pytest.raises(
        ProjectionError, match=f"event {seq} cannot be settled: account alpha would own"
    ) as stopped:
        await settle(dsn)

    assert isinstance(stopped.value.__cause__, LedgerError)
    assert before == await dump(dsn)


DAMAGES = [
    (
        f"UPDATE holding SET last = last - 5 WHERE account = 'alpha' AND class_id = '{V18}'",
        ReconciliationFailed,
        f"account alpha owns {UNITS - 5} units of {V18} by the registry and {UNITS} by the ledger at event",
    ),
    (
        f"UPDATE holding SET account = 'beta' WHERE account = 'alpha' AND class_id = '{V18}'",
        ReconciliationFailed,
        f"account alpha owns 0 units of {V18} by the registry",
    ),
    (
        f"UPDATE balance SET total = total + 1 WHERE account = 'gamma' AND asset = '{V18}'",
        ReconciliationFailed,
        f"account gamma owns {UNITS} units of {V18} by the registry and {UNITS + 1} by the ledger",
    ),
    (
        f"INSERT INTO balance VALUES ('delta', '{V18}', 3, 1)",
        ReconciliationFailed,
        "account delta owns 0 units of .* by the registry and 3 by the ledger",
    ),
    (
        "DELETE FROM holding WHERE place = 'retired'",
        RegistryDamaged,
        "the serials of VCS batch opening-2019 are not each in exactly one place",
    ),
    (
        f"UPDATE class_total SET retired = retired + 1, issued = issued + 1 WHERE class_id = '{V19}'",
        RegistryDamaged,
        f"the totals of {V19} are not those of its serials at event",
    ),
    (
        "UPDATE movement SET seq = 100000 WHERE seq = 20",
        RegistryDamaged,
        "there are movements of event 100000, after the checkpoint",
    ),
    (
        "DELETE FROM batch WHERE batch_id = 2",
        RegistryDamaged,
        "the registry's holdings are not whole",
    ),
    ("UPDATE checkpoint SET seq = 100000", RegistryDamaged, "event 100000, which the log does not have"),
    (
        "UPDATE checkpoint SET hash = '\\x00'",
        RegistryDamaged,
        "the registry is of another log: event .* has another hash",
    ),
    ("DELETE FROM checkpoint", RegistryDamaged, "the registry has no checkpoint"),
    ("DROP TABLE settler", RegistryDamaged, "has no table of who settles"),
]


@pytest.mark.parametrize(("damage", "error", "message"), DAMAGES)
async def test_damaged_tables_are_found_at_the_start(
    settled: SettledMarket, dsn: str, damage: str, error: type[Exception], message: str
) -> None:
    """Whoever begins compares everything with the ledger, and each batch with what came in."""
    await execute(dsn, "SET search_path TO registry", damage)

    with pytest.raises(error, match=message):
        await settle(dsn)


async def test_damage_under_a_running_settlement_is_found_at_the_next_checkpoint(
    settled: SettledMarket, reader: LogReader
) -> None:
    """Account, class and seq are named, nothing is written."""
    dsn, market = settled.dsn, settled.market
    async with await RegistryStore.open(dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        await execute(
            dsn,
            f"DELETE FROM registry.holding WHERE batch_id = 2 AND last = (SELECT max(last) FROM registry.holding"
            f" WHERE account = 'beta' AND class_id = '{V19}')",
        )
        market.beta.rest(market.beta.sell(1, 1000))
        market.gamma.place(market.gamma.buy(1, 1000))
        await settled.log()

        with pytest.raises(ReconciliationFailed, match=f"account beta owns .* units of {V19}") as failed:
            await settlement.catch_up()

    assert (BETA, V19, market.state.last_seq) == (
        failed.value.account,
        failed.value.class_id,
        failed.value.seq,
    )
    assert market.state.last_seq > (await settled.rows("checkpoint"))[0][1]


async def test_a_row_that_is_gone_is_found_when_it_changes(settled: SettledMarket, reader: LogReader) -> None:
    """What is to be replaced must be there."""
    market = settled.market
    async with await RegistryStore.open(settled.dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        await execute(
            settled.dsn, f"DELETE FROM registry.holding WHERE account = 'alpha-2' AND class_id = '{V19}'"
        )
        market.do(market.alpha_2.retire_command(V19, 1, "r"))
        await settled.log()

        with pytest.raises(RegistryDamaged, match=r"rows of holding were to change after event \d+: DELETE"):
            await settlement.catch_up()


async def test_everything_is_compared_at_the_end_of_a_day(settled: SettledMarket, reader: LogReader) -> None:
    """Also what no event of the day touched."""
    async with await RegistryStore.open(settled.dsn, IDENTITY) as store:
        settlement = await Settlement.resume(reader, store)
        await execute(
            settled.dsn,
            f"UPDATE registry.holding SET account = 'beta' WHERE account = 'alpha-2' AND class_id = '{V18}'",
        )
        settled.market.close_day("2026-11-24")
        await settled.log()

        with pytest.raises(ReconciliationFailed, match=f"account alpha-2 owns 0 units of {V18}"):
            await settlement.catch_up()
