"""Units issued here, cancelled, and moved between registries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exchange.domain import commands
from exchange.domain.events import RequestRefused, UnitsCancelled, UnitsIssued, UnitsMoved
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Unit
from exchange.domain.ledger import LedgerError
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import OWN_REGISTRY, SerialBlock
from tests.market import ALPHA, BETA, UNITS, V18, V19, V20, Market

if TYPE_CHECKING:
    from exchange.domain.commands import Command

OWN = CreditClass("EXC-7-2026", OWN_REGISTRY, "7", "Mangroves", 2026, country="MX")
OPENING_19 = SerialBlock("VCS", "opening-2019", 1, 100)
"""Of those that alpha has at first."""


def issue(quantity: int, reference: str = "issuance-1", **terms: Any) -> Command:
    """Issue units of the venue's own class to alpha."""
    fields = {"by": LOCAL_OPERATOR, "account": ALPHA, "class_id": OWN.class_id, **terms}
    return commands.IssueUnits(quantity=quantity, reference=reference, **fields)


def cancel(*blocks: SerialBlock, **terms: Any) -> Command:
    """Cancel serials of alpha's vintage 2019."""
    fields = {"account": ALPHA, "class_id": V19, "reason": "issued in error", "reference": "end-1", **terms}
    return commands.CancelUnits(by=LOCAL_OPERATOR, blocks=blocks, **fields)


def move(blocks: tuple[SerialBlock, ...], to_blocks: tuple[SerialBlock, ...], **terms: Any) -> Command:
    """Move serials of alpha's vintage 2019 to the class of another registry."""
    fields = {"account": ALPHA, "class_id": V19, "to_class_id": V20, "reference": "move-1", **terms}
    return commands.MoveUnits(by=LOCAL_OPERATOR, blocks=blocks, to_blocks=to_blocks, **fields)


def with_own_class(market: Market) -> Market:
    """A market that knows a class of the venue's own registry."""
    market.do(commands.RegisterClass(LOCAL_OPERATOR, OWN))
    return market


def refusal(market: Market, command: Command) -> tuple[RejectCode, str]:
    """Code and message of a command that must be refused and change nothing."""
    supply = dict(market.state.ledger.supply)
    (event,) = market.do(command)
    assert isinstance(event, RequestRefused)
    assert supply == market.state.ledger.supply
    return event.code, event.message


def test_serials_continue_where_the_last_issuance_ended(market: Market) -> None:
    """Each issuance gets the next numbers of its class, whoever it is for."""
    with_own_class(market)

    first = market.do(issue(1000))
    second = market.do(issue(500, "issuance-2", account=BETA))

    (issued,) = first
    assert isinstance(issued, UnitsIssued)
    batch = issued.block.batch
    assert [
        UnitsIssued(
            LOCAL_OPERATOR, ALPHA, OWN.class_id, SerialBlock(OWN_REGISTRY, batch, 1, 1000), "issuance-1"
        )
    ] == first
    assert [
        UnitsIssued(
            LOCAL_OPERATOR, BETA, OWN.class_id, SerialBlock(OWN_REGISTRY, batch, 1001, 1500), "issuance-2"
        )
    ] == second
    assert (1000, 0) == market.balance(ALPHA, OWN.class_id)


def test_an_issuance_is_repeated_by_its_reference(market: Market) -> None:
    """The same reference and content name the first answer, other content is refused."""
    with_own_class(market)
    first_seq = market.next_seq
    market.do(issue(1000))

    assert first_seq == market.execute(issue(1000)).duplicate_of
    assert (
        RejectCode.REFERENCE_REUSED,
        "reference 'issuance-1' was used for something else on this account",
    ) == refusal(market, issue(1001))


@pytest.mark.parametrize(
    ("terms", "quantity", "code"),
    [
        ({"by": "alpha-key"}, 10, RejectCode.NOT_PERMITTED),
        ({"class_id": V19}, 10, RejectCode.NOT_PERMITTED),
        ({"class_id": "EXC-8-2026"}, 10, RejectCode.UNKNOWN_CLASS),
        ({"account": "nobody"}, 10, RejectCode.UNKNOWN_ACCOUNT),
        ({}, 0, RejectCode.INVALID_AMOUNT),
        ({}, 10**15 + 1, RejectCode.INVALID_AMOUNT),
    ],
)
def test_refused_issuances(market: Market, terms: dict[str, Any], quantity: int, code: RejectCode) -> None:
    """Only operators issue, only classes of the venue's own registry, only sensible amounts."""
    with_own_class(market)

    assert code == refusal(market, issue(quantity, **terms))[0]
    assert {} == market.state.issued


def test_cancelled_serials_are_gone_and_never_come_back(market: Market) -> None:
    """They leave the account and the supply, and cannot be deposited again."""
    supply = market.state.ledger.supply[V19]

    events = market.do(cancel(OPENING_19))
    again = commands.DepositUnits(LOCAL_OPERATOR, BETA, V19, 100, (OPENING_19,), "again")

    assert [UnitsCancelled(LOCAL_OPERATOR, ALPHA, V19, (OPENING_19,), "issued in error", "end-1")] == events
    assert supply - 100 == market.state.ledger.supply[V19]
    assert (UNITS - 100, 0) == market.balance(ALPHA, V19)
    assert RejectCode.SERIAL_BLOCK_OVERLAPS == refusal(market, again)[0]
    assert 0 < market.execute(cancel(OPENING_19)).duplicate_of
    assert RejectCode.REFERENCE_REUSED == refusal(market, cancel(OPENING_19, reason="another"))[0]


@pytest.mark.parametrize(
    ("blocks", "terms", "code"),
    [
        ((OPENING_19,), {"account": BETA}, RejectCode.SERIAL_BLOCK_NOT_HELD),
        ((OPENING_19,), {"class_id": V18}, RejectCode.SERIAL_BLOCK_NOT_HELD),
        ((OPENING_19,), {"class_id": "VCS-0-2000"}, RejectCode.UNKNOWN_CLASS),
        ((OPENING_19, OPENING_19), {}, RejectCode.SERIAL_BLOCK_OVERLAPS),
        ((SerialBlock("VCS", "opening-2019", 9, 8),), {}, RejectCode.INVALID_AMOUNT),
        ((), {}, RejectCode.INVALID_AMOUNT),
    ],
)
def test_refused_cancellations(
    market: Market, blocks: tuple[SerialBlock, ...], terms: dict[str, Any], code: RejectCode
) -> None:
    """Serials of others, of another class, twice the same, reversed or none are refused."""
    assert code == refusal(market, cancel(*blocks, **terms))[0]


def test_serials_that_cover_an_order_stay(market: Market) -> None:
    """What orders hold is covered by as many serials, whichever they are."""
    market.alpha.rest(market.alpha.sell(UNITS - 50, 1200))

    code, message = refusal(market, cancel(OPENING_19))

    assert (RejectCode.INSUFFICIENT_UNITS, f"100 units of {V19} needed, 50 available") == (code, message)


def test_a_move_cancels_there_and_issues_here(market: Market) -> None:
    """One fact: the old serials end, as many new ones begin, for the same account."""
    new = SerialBlock("GS", "moved-in", 1, 100)

    events = market.do(move((OPENING_19,), (new,)))

    assert [UnitsMoved(LOCAL_OPERATOR, ALPHA, V19, (OPENING_19,), V20, (new,), "move-1")] == events
    assert ((UNITS - 100, 0), (UNITS + 100, 0)) == (market.balance(ALPHA, V19), market.balance(ALPHA, V20))
    assert market.state.holdings.holds(ALPHA, V20, new)
    assert 0 < market.execute(move((OPENING_19,), (new,))).duplicate_of


@pytest.mark.parametrize(
    ("to_blocks", "terms", "code"),
    [
        ((SerialBlock("VCS", "moved", 1, 100),), {"to_class_id": V18}, RejectCode.NOT_PERMITTED),
        ((SerialBlock("GS", "moved", 1, 99),), {}, RejectCode.SERIAL_BLOCK_INVALID),
        ((SerialBlock("VCS", "moved", 1, 100),), {}, RejectCode.SERIAL_BLOCK_INVALID),
        ((SerialBlock("GS", "opening-2020", 1, 100),), {}, RejectCode.SERIAL_BLOCK_OVERLAPS),
        ((SerialBlock("GS", "moved", 1, 100),), {"to_class_id": "GS-1-2000"}, RejectCode.UNKNOWN_CLASS),
        (
            (SerialBlock("CAR", "moved", 1, 100),),
            {"to_class_id": "CAR-1-2020"},
            RejectCode.SERIAL_BLOCK_INVALID,
        ),
        ((SerialBlock("GS", "moved", 1, 100),), {"account": BETA}, RejectCode.SERIAL_BLOCK_NOT_HELD),
    ],
)
def test_refused_moves(
    market: Market, to_blocks: tuple[SerialBlock, ...], terms: dict[str, Any], code: RejectCode
) -> None:
    """A move leads to another registry, unit for unit, to serials that nobody had."""
    kilograms = CreditClass("CAR-1-2020", "CAR", "1", "In kilograms", 2020, unit=Unit.KILOGRAM)
    market.do(commands.RegisterClass(LOCAL_OPERATOR, kilograms))

    assert code == refusal(market, move((OPENING_19,), to_blocks, **terms))[0]


def test_a_move_into_the_own_registry(market: Market) -> None:
    """The venue numbers the serials that it issues, and a repetition means the same move."""
    with_own_class(market)
    market.do(issue(1000))
    command = move((OPENING_19,), (), to_class_id=OWN.class_id)
    first_seq = market.next_seq

    (moved,) = market.do(command)

    assert isinstance(moved, UnitsMoved)
    assert [(1001, 1100)] == [(block.first, block.last) for block in moved.to_blocks]
    assert 1100 == market.state.issued[OWN.class_id]
    assert first_seq == market.execute(command).duplicate_of


def test_nobody_numbers_the_own_registrys_serials(market: Market) -> None:
    """Neither a move nor a deposit brings in serials of the venue's registry that it did not issue."""
    with_own_class(market)
    (issued,) = market.do(issue(10))
    assert isinstance(issued, UnitsIssued)
    batch = issued.block.batch
    beyond = SerialBlock(OWN_REGISTRY, batch, 11, 110)

    named = refusal(market, move((OPENING_19,), (beyond,), to_class_id=OWN.class_id))
    deposited = refusal(
        market, commands.DepositUnits(LOCAL_OPERATOR, ALPHA, OWN.class_id, 100, (beyond,), "in-1")
    )

    assert (RejectCode.INVALID_PARAMS, "the venue numbers the serials of EXC itself") == named
    assert (
        RejectCode.SERIAL_BLOCK_INVALID,
        f"batch {batch} 11 to 110 was not issued here as {OWN.class_id}",
    ) == deposited


def test_what_was_issued_here_comes_back(market: Market) -> None:
    """Serials that were issued and withdrawn may be deposited again."""
    with_own_class(market)
    (issued,) = market.do(issue(10))
    assert isinstance(issued, UnitsIssued)
    blocks = (issued.block,)
    market.do(commands.WithdrawUnits(LOCAL_OPERATOR, ALPHA, OWN.class_id, 10, blocks, "out-1"))

    market.do(commands.DepositUnits(LOCAL_OPERATOR, BETA, OWN.class_id, 10, blocks, "in-1"))

    assert (10, 0) == market.balance(BETA, OWN.class_id)


def test_serial_numbers_have_a_limit(market: Market) -> None:
    """Eighteen digits fit every reader of the log."""
    block = SerialBlock("VCS", "long", 10**18, 10**18)

    assert (RejectCode.SERIAL_BLOCK_INVALID, "serial numbers have at most 18 digits") == refusal(
        market, commands.DepositUnits(LOCAL_OPERATOR, ALPHA, V19, 1, (block,), "in-1")
    )


def test_a_tonne_without_a_serial_number_is_found() -> None:
    """The check of the state compares the ledger with the serials, account by account."""
    market = Market()
    market.state.holdings.take(ALPHA, V19, 1)

    with pytest.raises(
        LedgerError, match=f"account alpha owns {UNITS} units of {V19} and {UNITS - 1} serials of it"
    ):
        market.state.check()
