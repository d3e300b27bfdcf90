"""Statements of accounts: what was there, what happened, what is there; for any date, and the same whenever asked."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.instruments import Unit
from exchange.domain.orders import RetirementTerms, Side
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import SerialBlock
from exchange.registry.serials import SerialRange
from exchange.registry.statement import (
    CashChange,
    SerialChange,
    SerialMovement,
    Statement,
    StatementBlock,
    StatementCash,
    StatementMovement,
    StatementUnits,
    UnitChange,
)
from exchange.registry.store import RegistryDamaged
from exchange.registry.view import RegistryReader
from tests.exchange.domain.carbon.primary_sales import COMMUNITY, SELLER, SPOT, seller_in
from tests.exchange.registry.reading import statement
from tests.exchange.registry.registry_trading import RegistryTrading, real_blocks
from tests.exchange.registry.settled import SettledMarket, execute, rebuilt
from tests.market import ALPHA, BETA, GAMMA, PROJECT, UNITS, V18, V19, V20, Market

if TYPE_CHECKING:
    from pathlib import Path

LATER = msgspec.structs.replace(PROJECT, symbol="LATER", settlement_days=1)


def seq_of(market: Market, kind: str, nth: int = -1) -> int:
    """Seq of the last event of a kind, or of the nth."""
    return [one.seq for one in market.recorded if one.event.kind == kind][nth]


def time_of(market: Market, seq: int) -> int:
    """When an event was recorded."""
    return market.recorded[seq - 1].recorded_at


@pytest.fixture
async def traded(dsn: str) -> SettledMarket:
    """Gives a market of three business dates: a trade on the first, a retirement on the second, a block trade on the third."""
    settled = SettledMarket(dsn, Market())
    market = settled.market
    market.beta.rest(market.beta.sell(10, 1000))
    market.alpha.place(market.alpha.buy(10, 1000))
    market.close_day("2026-11-24")
    market.do(market.alpha.retire_command(V19, 4, "footprint", "Ada", "Flights"))
    market.close_day("2026-11-26")
    block = (V19, SerialBlock("VCS", "opening-2019", 50_001, 50_005))
    for trader, other, side in ((market.alpha, BETA, Side.SELL), (market.beta, ALPHA, Side.BUY)):
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
                5,
                (),
                (block,),
            )
        )
    await settled.settle()
    return settled


async def test_a_day_with_a_trade(traded: SettledMarket, dsn: str) -> None:
    """Opening, each movement with its seq, serial numbers and balances, and closing; as the buyer sees them."""
    market = traded.market
    fill = seq_of(market, "fill")
    found = await statement(dsn, ALPHA, "2026-11-23")
    opened, closed = seq_of(market, "venue_opened"), seq_of(market, "day_closed", 0)

    assert ("Test Venue", ALPHA, "2026-11-23", "2026-11-23", opened, closed, True) == (
        found.venue,
        found.account,
        found.from_date,
        found.date,
        found.after_seq,
        found.as_of_seq,
        found.complete,
    )
    assert [StatementCash("EUR", "0.00", "100000.00", "100.20", "99899.80", "0.00")] == found.cash
    assert [
        StatementUnits(V20, Unit.TONNE, 0, UNITS, 0, UNITS, 0),
        StatementUnits(V18, Unit.TONNE, 0, UNITS, 0, UNITS, 0),
        StatementUnits(V19, Unit.TONNE, 0, UNITS + 10, 0, UNITS + 10, 0),
    ] == found.units
    assert [] == found.opening_serials
    assert [
        StatementBlock(V20, "opening-2020 [1 to 100000]", UNITS, 0),
        StatementBlock(V18, "opening-2018 [1 to 100000]", UNITS, 0),
        StatementBlock(V19, "opening-2019 [1 to 100000]", UNITS, 0),
        StatementBlock(V19, "opening-2019 [200001 to 200010]", 10, 0),
    ] == found.closing_serials
    assert ["cash_deposited", *["units_deposited"] * 3, "fill"] == [one.kind for one in found.movements]
    assert (
        StatementMovement(
            fill,
            time_of(market, fill),
            "fill",
            [CashChange("EUR", "-100.20", "99899.80")],
            [UnitChange(V19, 10, UNITS + 10)],
            [SerialMovement(V19, "opening-2019 [200001 to 200010]", 10, SerialChange.IN)],
            instrument=PROJECT.symbol,
            side=Side.BUY,
            price="10.00",
            quantity=10,
            amount="100.00",
            fee="0.20",
        )
        == found.movements[-1]
    )


async def test_days_chain(traded: SettledMarket, dsn: str) -> None:
    """Each day opens with what the day before closed with; a longer period is the sum of its days."""
    first, second, third = [
        await statement(dsn, ALPHA, day) for day in ("2026-11-23", "2026-11-24", "2026-11-26")
    ]
    whole = await statement(dsn, ALPHA, "2026-11-26", "2026-11-23")

    for before, after in ((first, second), (second, third)):
        assert (before.as_of_seq, before.closing_serials) == (after.after_seq, after.opening_serials)
        assert [one.closing for one in before.cash] == [one.opening for one in after.cash]
        assert [one.closing for one in before.units] == [one.opening for one in after.units]
    assert first.movements + second.movements + third.movements == whole.movements
    assert (first.after_seq, third.as_of_seq, third.closing_serials) == (
        whole.after_seq,
        whole.as_of_seq,
        whole.closing_serials,
    )


async def test_a_retirement_names_its_serials(traded: SettledMarket, dsn: str) -> None:
    """What it was for, and which serials went."""
    (movement,) = (await statement(dsn, ALPHA, "2026-11-24")).movements

    assert ("retired", "footprint", "Ada", "Flights") == (
        movement.kind,
        movement.reference,
        movement.beneficiary,
        movement.purpose,
    )
    assert [SerialMovement(V19, "opening-2019 [1 to 4]", 4, SerialChange.OUT)] == movement.serials
    assert ([], [UnitChange(V19, -4, UNITS + 6)]) == (movement.cash, movement.units)


async def test_a_block_trade_names_the_other_side(traded: SettledMarket, dsn: str) -> None:
    """Both sides know each other; what a fill's other side is stays its own."""
    seller, buyer = [(await statement(dsn, account)).movements[-1] for account in (ALPHA, BETA)]

    assert (Side.SELL, BETA, "deal", "11.00", "55.00") == (
        seller.side,
        seller.counterparty,
        seller.reference,
        seller.price,
        seller.amount,
    )
    assert (Side.BUY, ALPHA) == (buyer.side, buyer.counterparty)
    assert [SerialMovement(V19, "opening-2019 [50001 to 50005]", 5, SerialChange.OUT)] == seller.serials
    assert [SerialMovement(V19, "opening-2019 [50001 to 50005]", 5, SerialChange.IN)] == buyer.serials
    fills = [one for one in (await statement(dsn, BETA, "2026-11-23")).movements if one.kind == "fill"]
    assert [("", Side.SELL, "0.10")] == [(one.counterparty, one.side, one.fee) for one in fills]


async def test_dates_without_business(traded: SettledMarket, dsn: str) -> None:
    """They are as the business date before them ended; before the first there was nothing, after the present one nothing is."""
    thursday = await statement(dsn, ALPHA, "2026-11-24")
    holiday = await statement(dsn, ALPHA, "2026-11-25")
    before = await statement(dsn, ALPHA, "2020-02-29")

    assert (thursday.closing_serials, []) == (holiday.closing_serials, holiday.movements)
    assert holiday.opening_serials == holiday.closing_serials
    assert (thursday.as_of_seq, thursday.as_of_seq, True) == (
        holiday.after_seq,
        holiday.as_of_seq,
        holiday.complete,
    )
    assert ([], [], [], [], [], True) == (
        before.cash,
        before.units,
        before.opening_serials,
        before.closing_serials,
        before.movements,
        before.complete,
    )
    for date, since, message in (
        ("2026-11-27", "", "the present business date is 2026-11-26; 2026-11-27 has not begun"),
        ("2026-11-24", "2026-11-25", "2026-11-25 is after 2026-11-24"),
        ("24 November", "", "'24 November' is not a date such as 2026-11-23"),
    ):
        with pytest.raises(Reject, match=message) as refusal:
            await statement(dsn, ALPHA, date, since)
        assert RejectCode.INVALID_DATE is refusal.value.code


async def test_the_present_date_reaches_to_what_is_settled(traded: SettledMarket, dsn: str) -> None:
    """It is not complete, and says as of which event it is; the same event asked for by its seq is."""
    settled_seq = traded.market.state.last_seq
    traded.market.deposit_cash(ALPHA, 5)
    await traded.log()

    today = await statement(dsn, ALPHA)
    assert ("2026-11-26", settled_seq, False) == (today.date, today.as_of_seq, today.complete)
    by_seq = await statement(dsn, ALPHA, seq=settled_seq)
    assert msgspec.structs.replace(today, complete=True) == by_seq
    with pytest.raises(
        Reject, match=f"settled up to event {settled_seq}, and not yet up to event {settled_seq + 1}"
    ):
        await statement(dsn, ALPHA, seq=settled_seq + 1)


async def test_up_to_any_event(traded: SettledMarket, dsn: str) -> None:
    """An event in the middle of a day ends a statement of that day, or of the days since a date."""
    market = traded.market
    fill = seq_of(market, "fill")
    before = await statement(dsn, BETA, seq=fill - 1)
    after = await statement(dsn, BETA, seq=fill)

    assert after.movements[:-1] == before.movements
    assert (fill, fill) == (after.as_of_seq, after.movements[-1].seq)
    assert "2026-11-23" == after.from_date == after.date
    later = await statement(dsn, BETA, since="2026-11-20", seq=seq_of(market, "retired"))
    assert ("2026-11-20", "2026-11-24") == (later.from_date, later.date)
    assert after.movements == later.movements
    for seq, since, message in (
        (1, "", "at event 1 the venue was not open yet"),
        (fill, "2026-11-24", f"event {fill} is of 2026-11-23, before 2026-11-24"),
    ):
        with pytest.raises(Reject, match=message):
            await statement(dsn, BETA, since=since, seq=seq)


async def test_a_deferred_trade_is_locked_until_it_settles(dsn: str) -> None:
    """The seller's serials and the buyer's cash stay where they are, marked; the day of settlement moves both."""
    settled = SettledMarket(dsn, Market())
    market = settled.market
    market.list_instrument(LATER)
    market.beta.rest(market.beta.sell(10, 1000, "LATER"))
    market.alpha.place(market.alpha.buy(10, 1000, "LATER", retire_on_fill=RetirementTerms("Ada", "Flights")))
    trade = seq_of(market, "fill")
    market.close_day("2026-11-24")
    settling = seq_of(market, "trade_settled")
    await settled.settle()

    seller, buyer = [await statement(dsn, account, "2026-11-23") for account in (BETA, ALPHA)]
    locked = "opening-2019 [200001 to 200010]"
    assert StatementBlock(V19, locked, 10, trade) in seller.closing_serials
    assert [(V19, UNITS, 10)] == [
        (one.class_id, one.closing, one.locked) for one in seller.units if one.locked
    ]
    assert StatementMovement(
        trade, time_of(market, trade), "fill", [], [], [SerialMovement(V19, locked, 10, SerialChange.LOCKED)],
        instrument="LATER", side=Side.SELL, price="10.00", quantity=10, amount="100.00", fee="0.10",
        settlement_date="2026-11-24",
    ) == seller.movements[-1]  # fmt: skip
    assert ["100.20"] == [one.locked for one in buyer.cash]
    assert ([], [], []) == (
        buyer.movements[-1].cash,
        buyer.movements[-1].units,
        buyer.movements[-1].serials,
    )
    seller, buyer = [await statement(dsn, account, "2026-11-24") for account in (BETA, ALPHA)]
    assert StatementMovement(
        settling, time_of(market, settling), "trade_settled",
        [CashChange("EUR", "99.90", "100099.90")], [UnitChange(V19, -10, UNITS - 10)],
        [SerialMovement(V19, locked, 10, SerialChange.OUT)],
        instrument="LATER", side=Side.SELL, price="10.00", quantity=10, amount="100.00", fee="0.10", trade=trade,
    ) == seller.movements[0]  # fmt: skip
    assert ["trade_settled", "retired"] == [one.kind for one in buyer.movements]
    assert (["0.00"], [0, 0, 0]) == ([one.locked for one in buyer.cash], [one.locked for one in seller.units])


async def test_a_busy_period_comes_in_parts(traded: SettledMarket, dsn: str) -> None:
    """Each part is a statement of its own that opens where the one before closed; together they are the whole."""
    whole = await statement(dsn, ALPHA, "2026-11-23")
    parts: list[Statement] = []
    after_seq: int | None = 0
    while after_seq is not None:
        parts.append(await statement(dsn, ALPHA, "2026-11-23", after_seq=after_seq, limit=2))
        after_seq = parts[-1].next_after_seq

    assert [2, 2, 1] == [len(part.movements) for part in parts]
    assert whole.movements == [one for part in parts for one in part.movements]
    assert [part.closing_serials for part in parts[:-1]] == [part.opening_serials for part in parts[1:]]
    assert (whole.closing_serials, whole.as_of_seq) == (parts[-1].closing_serials, parts[-1].as_of_seq)
    with pytest.raises(Reject, match="event 999 is not of the dates"):
        await statement(dsn, ALPHA, "2026-11-23", after_seq=999)
    with pytest.raises(Reject, match="more than 3 blocks of serial numbers"):
        await statement(dsn, ALPHA, "2026-11-23", most_blocks=3)


async def test_nothing_was_settled(dsn: str) -> None:
    """Until settlement has worked, and while tables of another form stand there, there is no statement."""
    for step in ("CREATE TABLE none ()", None):
        if step is None:
            settled = SettledMarket(dsn, Market())
            await settled.settle()
            await execute(dsn, "UPDATE registry.settler SET form = 'another'")
        async with await RegistryReader.open(dsn) as reader:
            with pytest.raises(Reject) as refusal:
                async with reader.view():
                    raise AssertionError("there is nothing to see")
        assert RejectCode.UNAVAILABLE is refusal.value.code


async def test_damage_is_no_statement(traded: SettledMarket, dsn: str) -> None:
    """Serials that an account would have twice are not shown."""
    await execute(
        dsn,
        "UPDATE registry.movement SET to_account = 'gamma' WHERE kind = 'fill'",
        f"INSERT INTO registry.posting VALUES ('gamma', '{V19}', (SELECT seq FROM registry.movement WHERE kind = 'fill'), 1, 1)",
        f"UPDATE registry.balance SET seq = 10000 WHERE account = 'gamma' AND asset = '{V19}'",
    )
    with pytest.raises(
        RegistryDamaged, match=r"account gamma had opening-2019 200001 to 200010 -1 times at event 1"
    ):
        await statement(dsn, GAMMA, seq=3)


async def test_real_blocks_at_any_moment(dsn: str, data_dir: Path) -> None:
    """After random dealings in the real blocks, statements of past days are those of a registry that was never settled further.

    Rebuilt, it gives the same bytes.
    """
    trading = RegistryTrading(real_blocks(data_dir), Random(5))
    settled = SettledMarket(dsn, trading.market)
    asked: dict[tuple[str, int], bytes] = {}
    dealings = 0
    for _ in range(4):
        dealings += 100
        trading.deal(dealings)
        await settled.settle()
        seq = trading.market.state.last_seq
        for account in (ALPHA, BETA, GAMMA):
            found = await statement(dsn, account, since="2026-11-23", seq=seq)
            asked[account, seq] = msgspec.json.encode(found)
            holdings = trading.market.state.holdings
            assert [
                StatementBlock(class_id, SerialRange.of_block(block).render(), block.quantity, 0)
                for owner, class_id in holdings.accounts()
                if owner == account
                for block in holdings.blocks(account, class_id)
            ] == [one for one in found.closing_serials if not one.locked_for]

    async def again() -> dict[tuple[str, int], bytes]:
        return {
            (account, seq): msgspec.json.encode(await statement(dsn, account, since="2026-11-23", seq=seq))
            for account, seq in asked
        }

    assert asked == await again()
    await rebuilt(dsn)
    assert asked == await again()


async def test_shares_in_primary_sales(dsn: str) -> None:
    """Whoever shares in a primary sale sees what came, of which trade and project; the seller sees what went to whom."""
    settled = SettledMarket(dsn, Market())
    market = settled.market
    seller = seller_in(market)
    seller.rest(seller.sell(7, 1003, SPOT.symbol))
    market.alpha.place(market.alpha.buy(7, 1003, SPOT.symbol))
    await settled.settle()
    await settled.check()
    trade = seq_of(market, "fill")

    share = StatementMovement(
        trade + 1,
        time_of(market, trade),
        "proceeds_paid",
        [CashChange("EUR", "42.08", "42.08")],
        [],
        [],
        trade=trade,
        counterparty=SELLER,
        reference="CAR/1568",
        purpose="primary sale: community",
    )
    assert [share] == (await statement(dsn, COMMUNITY)).movements
    *_, sold, community, registry = (await statement(dsn, SELLER)).movements
    assert [CashChange("EUR", "70.13", "70.13")] == sold.cash
    assert (COMMUNITY, [CashChange("EUR", "-42.08", "28.05")]) == (community.counterparty, community.cash)
    assert ("primary sale: registry fee", [CashChange("EUR", "-1.05", "27.00")]) == (
        registry.purpose,
        registry.cash,
    )
