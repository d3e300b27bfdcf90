"""From events to movements: what each kind of event does to serial numbers, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain import commands
from exchange.domain import events as ev
from exchange.domain.entries import entries
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.ledger import Transfer
from exchange.domain.orders import RetirementTerms
from exchange.domain.serials import SerialBlock
from exchange.registry.projection import PASSED_OVER_KINDS, SHOWN_KINDS, Projection, ProjectionError
from exchange.registry.rows import NO_MOVEMENTS, digest_after
from matching.order import Side
from tests.exchange.log.golden_events import GOLDEN_EVENTS
from tests.exchange.registry.settled import Movement, replayed
from tests.market import ALPHA, BETA, PROJECT, UNITS, V18, V19, V20, Market

if TYPE_CHECKING:
    from exchange.domain.events import Event

LATER = msgspec.structs.replace(PROJECT, symbol="LATER", settlement_days=2)
OWN = CreditClass("EXC-7-2026", "EXC", "7", "Biochar", 2026)


class Projected:
    """A market and the projection that follows it."""

    def __init__(self) -> None:
        self.market = Market()
        self.projection = Projection()
        self._read = 0
        self.follow()

    def follow(self) -> list[tuple[Any, ...]]:
        """Take in what happened since; the movements without seq and with the batch's name: n, kind and so on."""
        for recorded in self.market.recorded[self._read :]:
            apply(self.projection, recorded.seq, recorded.event)
        self._read = len(self.market.recorded)
        names = {batch_id: name for (_, name), batch_id in self.projection.places.batch_ids.items()}
        return [(*row[1:4], names[row[4]], *row[5:]) for row in self.projection.take_appended().movements]


def apply(projection: Projection, seq: int, event: Event) -> None:
    """Take in any event."""
    if event.kind in SHOWN_KINDS:
        projection.apply(seq, seq, event)
    else:
        projection.pass_over(seq, seq)


@pytest.fixture
def projected() -> Projected:
    """Gives a market whose opening is projected."""
    return Projected()


def held(
    n: int, kind: str, first: int, last: int, seller: str, buyer: str, batch: str = "opening-2019"
) -> tuple[Any, ...]:
    """A movement from one holder to another, of vintage 2019."""
    return (n, kind, V19, batch, first, last, "held", seller, "held", buyer, None)


def test_every_kind_of_event_is_known() -> None:
    """Each kind is shown or passed over, none both."""
    assert not SHOWN_KINDS & PASSED_OVER_KINDS
    assert {event_type.kind for event_type in ev.EVENT_TYPES} == SHOWN_KINDS | PASSED_OVER_KINDS


@pytest.mark.parametrize("kind", sorted(PASSED_OVER_KINDS))
def test_what_is_passed_over_moves_nothing(kind: str) -> None:
    """No event that settlement does not look at changes what anybody owns."""
    events = [event for (golden, _), group in GOLDEN_EVENTS.items() if golden == kind for event in group]

    assert events
    assert [] == [entry for event in events for entry in entries(event) if isinstance(entry, Transfer)]


def test_deposits_come_from_outside(projected: Projected) -> None:
    """A deposit is an issuance here, whose blocks are the account's."""
    projected.market.deposit_units(BETA, V18, 7)
    projected.market.do(
        commands.DepositUnits(
            LOCAL_OPERATOR,
            ALPHA,
            V19,
            30,
            (SerialBlock("VCS", "b", 11, 30), SerialBlock("VCS", "a", 1, 10)),
            "two",
        )
    )

    recorded = projected.market.recorded[-1]
    movements = projected.follow()

    assert [
        (1, "units_deposited", V18, "batch-1", 1, 7, "outside", "", "held", BETA, None),
        (1, "units_deposited", V19, "b", 11, 30, "outside", "", "held", ALPHA, None),
        (2, "units_deposited", V19, "a", 1, 10, "outside", "", "held", ALPHA, None),
    ] == movements
    assert recorded.seq == projected.projection.seq


def test_a_fill_takes_the_lowest_serials(projected: Projected) -> None:
    """Batches in the order of their names, lowest first; the buyer's next sale gives the lowest of all it has."""
    market = projected.market
    market.deposit_cash("gamma", 10**9)
    market.beta.rest(market.beta.sell(60, 1000))
    market.alpha.place(market.alpha.buy(60, 1000))
    market.alpha.rest(market.alpha.sell(UNITS + 10, 1100))
    market.gamma.place(market.gamma.buy(UNITS + 10, 1100))

    assert [
        held(1, "fill", 200_001, 200_060, BETA, ALPHA),
        held(1, "fill", 1, UNITS, ALPHA, "gamma"),
        held(2, "fill", 200_001, 200_010, ALPHA, "gamma"),
    ] == projected.follow()


def test_a_block_trade_moves_the_serials_it_names(projected: Projected) -> None:
    """Out of the middle, neighbours named apart, in the order of the trade."""
    market = projected.market
    blocks = (
        (V19, SerialBlock("VCS", "opening-2019", 250_011, 250_020)),
        (V19, SerialBlock("VCS", "opening-2019", 250_001, 250_010)),
    )
    for trader, other, side in ((market.beta, ALPHA, Side.SELL), (market.alpha, BETA, Side.BUY)):
        market.do(
            commands.KeyBlockTrade(
                trader.key_id,
                trader.session,
                trader.account,
                other,
                "deal",
                PROJECT.symbol,
                side,
                1000,
                20,
                blocks=blocks,
            )
        )

    assert [
        held(1, "block_trade", 250_011, 250_020, BETA, ALPHA),
        held(2, "block_trade", 250_001, 250_010, BETA, ALPHA),
    ] == projected.follow()
    gone, new = projected.projection.places.take_changes()
    assert [] == gone
    assert {
        (2, 200_001, 250_000, V19, "held", BETA, None),
        (2, 250_001, 250_020, V19, "held", ALPHA, None),
        (2, 250_021, 300_000, V19, "held", BETA, None),
    } <= set(new)


def test_deferred_trades_lock_and_unlock(projected: Projected) -> None:
    """Locked with the seller at the trade, the buyer's on its date, and retired in the same batch if the order says so."""
    market = projected.market
    market.list_instrument(LATER)
    market.beta.rest(market.beta.sell(10, 1000, "LATER"))
    market.alpha.place(market.alpha.buy(10, 1000, "LATER", retire_on_fill=RetirementTerms("Acme")))
    trade = market.state.last_seq
    block = (V19, "opening-2019", 200_001, 200_010)

    assert [(1, "fill", *block, "held", BETA, "locked", BETA, trade)] == projected.follow()

    market.close_day("2026-11-24")
    assert [] == projected.follow()
    market.close_day("2026-11-25")
    assert [
        (1, "trade_settled", *block, "locked", BETA, "held", ALPHA, trade),
        (1, "retired", *block, "held", ALPHA, "retired", ALPHA, None),
    ] == projected.follow()


def test_retirement_on_fill_follows_its_fills(projected: Projected) -> None:
    """Two fills of one order, then one retirement of what they delivered."""
    market = projected.market
    market.beta.rest(market.beta.sell(4, 1000))
    market.gamma.rest(market.gamma.sell(5, 1000))
    market.alpha.place(market.alpha.buy(9, 1000, retire_on_fill=RetirementTerms("Acme", "flights")))

    movements = projected.follow()

    assert [
        held(1, "fill", 200_001, 200_004, BETA, ALPHA),
        held(1, "fill", 300_001, 300_005, "gamma", ALPHA),
        (1, "retired", V19, "opening-2019", 200_001, 200_004, "held", ALPHA, "retired", ALPHA, None),
        (2, "retired", V19, "opening-2019", 300_001, 300_005, "held", ALPHA, "retired", ALPHA, None),
    ] == movements


def test_units_end_and_move(projected: Projected) -> None:
    """Cancelled and moved serials stay on the books; those of a move come in where they go, in the same event."""
    market = projected.market
    market.do(commands.RegisterClass(LOCAL_OPERATOR, OWN))
    market.do(commands.IssueUnits(LOCAL_OPERATOR, ALPHA, OWN.class_id, 5, "i"))
    block = SerialBlock("VCS", "opening-2019", 11, 20)
    market.do(commands.CancelUnits(LOCAL_OPERATOR, ALPHA, V19, (block,), "error", "c"))
    market.do(
        commands.MoveUnits(
            LOCAL_OPERATOR,
            ALPHA,
            V19,
            (SerialBlock("VCS", "opening-2019", 21, 23),),
            OWN.class_id,
            (),
            "m",
        )
    )

    own_batch = "EXC-7-2026-{first} to {last}"
    assert [
        (1, "units_issued", OWN.class_id, own_batch, 1, 5, "outside", "", "held", ALPHA, None),
        (1, "units_cancelled", V19, "opening-2019", 11, 20, "held", ALPHA, "cancelled", ALPHA, None),
        (1, "units_moved", V19, "opening-2019", 21, 23, "held", ALPHA, "moved", ALPHA, None),
        (2, "units_moved", OWN.class_id, own_batch, 6, 8, "outside", "", "held", ALPHA, None),
    ] == projected.follow()


def test_what_was_withdrawn_comes_back(projected: Projected) -> None:
    """The part that was here before comes from where it went, also as another class; the rest from outside."""
    market = projected.market
    whole = SerialBlock("VCS", "b", 11, 30)
    market.do(commands.DepositUnits(LOCAL_OPERATOR, BETA, V19, 20, (whole,), "in"))
    for first, last in ((12, 14), (20, 30)):
        part = SerialBlock("VCS", "b", first, last)
        market.do(commands.WithdrawUnits(LOCAL_OPERATOR, BETA, V19, part.quantity, (part,), f"out-{first}"))
    projected.follow()
    again = SerialBlock("VCS", "b", 25, 33)
    market.do(commands.DepositUnits(LOCAL_OPERATOR, ALPHA, V18, 9, (again,), "in-again"))
    early = SerialBlock("VCS", "b", 12, 14)
    market.do(commands.DepositUnits(LOCAL_OPERATOR, ALPHA, V19, 3, (early,), "in-early"))

    for recorded in market.recorded[-2:]:
        apply(projected.projection, recorded.seq, recorded.event)
    appended = projected.projection.take_appended()

    assert [
        (1, V18, 25, 30, "withdrawn", "held", ALPHA),
        (2, V18, 31, 33, "outside", "held", ALPHA),
        (1, V19, 12, 14, "withdrawn", "held", ALPHA),
    ] == [(row[1], row[3], row[5], row[6], row[7], row[9], row[10]) for row in appended.movements]
    assert [(2, V18, 31, 33)] == [(row.n, row.class_id, row.first, row.last) for row in appended.issuances]
    _, new = projected.projection.places.take_changes()
    assert [
        (11, 11, V19, "held", BETA),
        (12, 14, V19, "held", ALPHA),
        (15, 19, V19, "held", BETA),
        (20, 24, V19, "withdrawn", ""),
        (25, 33, V18, "held", ALPHA),
    ] == sorted(row[1:6] for row in new if row[0] == 4)


def test_neighbours_that_ended_alike_are_one_row(projected: Projected) -> None:
    """The table shows one interval of retired serials, whoever retired them; the movements show who."""
    market = projected.market
    market.do(market.alpha.retire_command(V20, 10, "one"))
    market.beta.rest(market.beta.sell(1, 1000, "NATURE", deliver=((V20, 1),)))
    market.do(market.alpha.retire_command(V20, 5, "two"))
    projected.follow()

    _, new = projected.projection.places.take_changes()

    assert [(3, 1, 15, V20, "retired", "", None)] == [row for row in new if row[4] == "retired"]


def test_the_statement_of_an_event_is_one_line_for_each_asset(projected: Projected) -> None:
    """A fill is posted once for each party and asset, with the balance after it."""
    market = projected.market
    market.beta.rest(market.beta.sell(10, 1000))
    market.alpha.place(market.alpha.buy(10, 1000))
    projected.follow()
    market.beta.rest(market.beta.sell(10, 1000))
    market.alpha.place(market.alpha.buy(10, 1000))

    for recorded in market.recorded[-3:]:
        apply(projected.projection, recorded.seq, recorded.event)
    seq = market.state.last_seq

    assert [
        (ALPHA, "EUR", seq, -10_020, 10_000_000 - 20_040),
        (BETA, "EUR", seq, 9_990, 10_000_000 + 19_980),
        ("VENUE", "EUR", seq, 30, 60),
        (BETA, V19, seq, -10, UNITS - 20),
        (ALPHA, V19, seq, 10, UNITS + 20),
    ] == projected.projection.take_appended().postings


def test_the_digest_is_of_every_field(projected: Projected) -> None:
    """The digest grows with each movement and differs whatever field differs."""
    (row,) = [(7, 1, "fill", V19, 2, 10, 20, "held", ALPHA, "held", BETA, None)]
    digests = {digest_after(NO_MOVEMENTS, [row])}
    for field, other in enumerate((8, 2, "x", V18, 3, 11, 21, "locked", BETA, "locked", ALPHA, 3)):
        changed = (*row[:field], other, *row[field + 1 :])
        digests.add(digest_after(NO_MOVEMENTS, [changed]))  # type: ignore[list-item]

    assert 13 == len(digests)
    assert digest_after(digest_after(NO_MOVEMENTS, [row]), [row]) == digest_after(NO_MOVEMENTS, [row, row])


BLOCK = SerialBlock("VCS", "opening-2019", 1, 10)
FILL: dict[str, Any] = {
    "instrument": PROJECT.symbol,
    "maker_order_id": 1,
    "taker_order_id": 2,
    "taker_side": Side.BUY,
    "price": 1000,
    "quantity": 5,
    "buyer": BETA,
    "seller": ALPHA,
    "currency": "EUR",
    "amount": 5000,
    "buyer_fee": 0,
    "seller_fee": 0,
    "buyer_release": 0,
    "delivered": ((V19, 5),),
    "rule": LOWEST_SERIAL,
    "settlement_date": "2026-11-23",
}
IMPOSSIBLE: list[tuple[Event, str]] = [
    (
        ev.UnitsDeposited("op", BETA, V19, 10, (BLOCK,), "again"),
        r"event 99 cannot be settled: 1\.\.10 overlaps 1\.\.400000",
    ),
    (ev.Retired(BETA, ((V19, BLOCK),), "Acme", "", "r"), r"1\.\.10 is not wholly here"),
    (ev.Retired(BETA, ((V18, BLOCK),), "Acme", "", "r"), "account beta has no serials of batch opening-2019"),
    (ev.UnitsWithdrawn("op", BETA, V19, 10, (BLOCK,), "r"), "is not wholly here"),
    (
        ev.UnitsWithdrawn("op", ALPHA, V19, 10, (SerialBlock("VCS", "opening-2019", 10, 1),), "r"),
        r"10\.\.1 is reversed",
    ),
    (ev.Fill(**{**FILL, "delivered": ((V19, UNITS + 1),)}), "account alpha has 100000 free units"),
    (ev.Fill(**{**FILL, "rule": "highest-serial/1"}), "the rule 'highest-serial/1' is not known"),
    (ev.Fill(**{**FILL, "amount": 10**9}), "account beta would own -990000000 of EUR"),
    (
        ev.TradeSettled(7, BETA, ALPHA, "EUR", 5000, 0, 0, ((V19, 5),)),
        r"trade 7 locked \{\}, not \(\('VCS-1340-2019', 5\),\)",
    ),
    (
        ev.UnitsDeposited("op", BETA, V20, 11, (SerialBlock("GS", "new", 1, 10),), "more than its blocks"),
        f"accounts hold {4 * UNITS + 10} units of {V20} by serial numbers and {4 * UNITS + 11} by the ledger",
    ),
    (
        ev.BlockTrade(
            PROJECT.symbol,
            "t",
            1000,
            9,
            BETA,
            ALPHA,
            "EUR",
            9000,
            0,
            0,
            ((V19, 9),),
            LOWEST_SERIAL,
            "2026-11-23",
            ((V19, BLOCK),),
        ),
        r"the trade delivers \(\('VCS-1340-2019', 9\),\) and names \(\('VCS-1340-2019', 10\),\)",
    ),
]


@pytest.mark.parametrize(("event", "message"), IMPOSSIBLE)
def test_what_cannot_have_happened_stops_settlement(projected: Projected, event: Event, message: str) -> None:
    """An event that does not fit the ones before it is named, with the reason."""
    with pytest.raises(ProjectionError, match=message) as stopped:
        projected.projection.apply(99, 99, event)

    assert 99 == stopped.value.seq


@given(
    st.lists(
        st.tuples(st.sampled_from((0, 1, 2, 3, 4)), st.integers(1, 400), st.integers(1, 60), st.booleans()),
        max_size=40,
    )
)
def test_checkpoints_leave_no_trace(deals: list[tuple[int, int, int, bool]]) -> None:
    """Wherever checkpoints lie, the same rows come about, and they are those of the movements."""
    market = Market()
    market.list_instrument(LATER)
    traders = (market.alpha, market.beta, market.gamma)
    ends: list[int] = []
    for number, (what, number_a, quantity, ends_here) in enumerate(deals):
        seller, buyer = traders[number_a % 3], traders[(number_a + 1) % 3]
        symbol = "LATER" if what == 1 else PROJECT.symbol
        if what < 3:
            market.do(seller.place_command(seller.sell(quantity, 1000, symbol)))
            terms = RetirementTerms("Acme") if what == 2 else None
            market.do(buyer.place_command(buyer.buy(quantity, 1000, symbol, retire_on_fill=terms)))
        elif what == 3:
            market.do(seller.retire_command(V19, quantity, f"r-{number}"))
        else:
            market.close_day(f"{2027 + number}-01-04")
        if ends_here:
            ends.append(market.state.last_seq)

    once, often = Projection(), Projection()
    table: dict[tuple[int, int], tuple[Any, ...]] = {}
    moved: list[tuple[Any, ...]] = []
    for recorded in market.recorded:
        apply(once, recorded.seq, recorded.event)
        apply(often, recorded.seq, recorded.event)
        if recorded.seq in ends or recorded is market.recorded[-1]:
            moved += often.take_appended().movements
            changed = often.take_changed()
            for key in changed.gone:
                del table[key]
            for row in changed.holdings:
                assert row[:2] not in table
                table[row[:2]] = row

    at_once = once.take_appended()
    changed = once.take_changed()
    assert [] == changed.gone
    assert sorted(table.values()) == sorted(changed.holdings)
    assert moved == at_once.movements
    assert once.digest == often.digest
    expected = replayed(Movement(*row) for row in at_once.movements)
    assert expected == [row for _, row in sorted(table.items())]
