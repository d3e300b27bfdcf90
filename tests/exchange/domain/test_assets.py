"""What crosses the venue's border: cash, serial blocks, and units that are retired for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.events import (
    CashDeposited,
    CashWithdrawn,
    RequestRefused,
    Retired,
    UnitsDeposited,
    UnitsWithdrawn,
)
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.identity import LOCAL_OPERATOR, VENUE
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from tests.exchange.domain.expected import refused
from tests.market import CASH, UNITS, V18, V19, V20, Market

if TYPE_CHECKING:
    from exchange.domain.commands import Command

OPERATOR = LOCAL_OPERATOR


def block(first: int, last: int, batch: str = "new", registry: str = "VCS") -> SerialBlock:
    """A block of one batch."""
    return SerialBlock(registry, batch, first, last)


def _numbers(blocks: tuple[SerialBlock, ...]) -> str:
    return " ".join(f"{one.first}-{one.last}" for one in blocks)


def deposit(blocks: tuple[SerialBlock, ...], quantity: int | None = None, **terms: Any) -> Command:
    """A deposit of vintage 2019 for alpha; by default of what the blocks hold."""
    total = sum(one.quantity for one in blocks) if quantity is None else quantity
    fields = {"account": "alpha", "class_id": V19, "reference": f"in {_numbers(blocks)}", **terms}
    return commands.DepositUnits(by=OPERATOR, quantity=total, blocks=blocks, **fields)


def withdraw(blocks: tuple[SerialBlock, ...], quantity: int | None = None, **terms: Any) -> Command:
    """A withdrawal of vintage 2019 from alpha; by default of what the blocks hold."""
    total = sum(one.quantity for one in blocks) if quantity is None else quantity
    fields = {"account": "alpha", "class_id": V19, "reference": f"out {_numbers(blocks)}", **terms}
    return commands.WithdrawUnits(by=OPERATOR, quantity=total, blocks=blocks, **fields)


def batch_in_custody(market: Market, batch: str = "new") -> list[tuple[str, int, int]]:
    """Class and numbers of a batch's blocks."""
    return [
        (class_id, one.first, one.last)
        for class_id, one in market.state.custody.blocks()
        if one.batch == batch
    ]


def test_cash_comes_and_goes(market: Market) -> None:
    """Both change the balance and the supply."""
    supply = market.state.ledger.supply["EUR"]
    assert [CashDeposited(OPERATOR, "alpha", "EUR", 500, "wire-1")] == market.do(
        commands.DepositCash(OPERATOR, "alpha", "EUR", 500, "wire-1")
    )
    assert (CASH + 500, supply + 500) == (
        market.balance("alpha", "EUR")[0],
        market.state.ledger.supply["EUR"],
    )
    assert [CashWithdrawn("operator-key", "alpha", "EUR", CASH + 500, "wire-2")] == market.do(
        commands.WithdrawCash("operator-key", "alpha", "EUR", CASH + 500, "wire-2")
    )
    assert (0, supply - CASH) == (market.balance("alpha", "EUR")[0], market.state.ledger.supply["EUR"])


def test_fees_are_withdrawn_from_the_venue(market: Market) -> None:
    """The venue's account is an account: its fees can be paid out."""
    market.beta.rest(market.beta.sell(10, 1000))
    market.alpha.place(market.alpha.buy(10, 1000))
    assert [CashWithdrawn(OPERATOR, VENUE, "EUR", 30, "fees")] == market.do(
        commands.WithdrawCash(OPERATOR, VENUE, "EUR", 30, "fees")
    )


def test_held_cash_stays(market: Market) -> None:
    """What orders hold cannot be withdrawn."""
    market.alpha.rest(market.alpha.buy(10, 1000))
    assert [
        RequestRefused(
            "WithdrawCash",
            OPERATOR,
            "alpha",
            RejectCode.INSUFFICIENT_FUNDS,
            "9989981 minor units of EUR needed, 9989980 available",
        )
    ] == market.do(commands.WithdrawCash(OPERATOR, "alpha", "EUR", 9_989_981, "wire"))
    market.do(commands.WithdrawCash(OPERATOR, "alpha", "EUR", 9_989_980, "wire"))


AMOUNT = "an amount lies between 1 and 1000000000000000"
CASH_REFUSALS: list[tuple[dict[str, Any], RejectCode, str]] = [
    ({"by": "alpha-key"}, RejectCode.NOT_PERMITTED, "only an operator may do this"),
    ({"by": "auditor-key"}, RejectCode.NOT_PERMITTED, "only an operator may do this"),
    ({"by": "nobody"}, RejectCode.UNKNOWN_KEY, "key 'nobody' is not registered or was revoked"),
    ({"account": "nowhere"}, RejectCode.UNKNOWN_ACCOUNT, "'nowhere' is not an account"),
    ({"account": ""}, RejectCode.UNKNOWN_ACCOUNT, "'' is not an account"),
    ({"reference": ""}, RejectCode.INVALID_PARAMS, "a reference has 1 to 64 characters"),
    ({"reference": "x" * 65}, RejectCode.INVALID_PARAMS, "a reference has 1 to 64 characters"),
    (
        {"currency": "XAU"},
        RejectCode.UNKNOWN_CURRENCY,
        "'XAU' is not a settlement currency of this venue",
    ),
    ({"currency": V19}, RejectCode.UNKNOWN_CURRENCY, f"'{V19}' is not a settlement currency of this venue"),
    ({"amount": 0}, RejectCode.INVALID_AMOUNT, AMOUNT),
    ({"amount": -5}, RejectCode.INVALID_AMOUNT, AMOUNT),
    ({"amount": 10**15 + 1}, RejectCode.INVALID_AMOUNT, AMOUNT),
]


@pytest.mark.parametrize("kind", [commands.DepositCash, commands.WithdrawCash])
@pytest.mark.parametrize(("change", "code", "message"), CASH_REFUSALS)
def test_refused_cash(
    market: Market,
    kind: type[commands.DepositCash | commands.WithdrawCash],
    change: dict[str, Any],
    code: RejectCode,
    message: str,
) -> None:
    """Deposits and withdrawals are refused alike; strangers are not named beside the account."""
    command = msgspec.structs.replace(kind(OPERATOR, "alpha", "EUR", 100, "r"), **change)
    account = "" if code // 1000 == 2 else "alpha"
    assert [RequestRefused(kind.__name__, command.by, account, code, message)] == market.do(command)
    assert (CASH, 0) == market.balance("alpha", "EUR")


def test_supply_is_bounded(market: Market) -> None:
    """No asset grows beyond what 64 bits hold wherever it is read."""
    for number in range(1000):
        events = market.do(commands.DepositCash(OPERATOR, "alpha", "USD", 10**15, f"wire-{number}"))
        assert "cash_deposited" == events[0].kind
    assert [
        RequestRefused(
            "DepositCash",
            OPERATOR,
            "beta",
            RejectCode.INVALID_AMOUNT,
            "the supply of USD would exceed 1000000000000000000",
        )
    ] == market.do(commands.DepositCash(OPERATOR, "beta", "USD", 1, "wire"))
    assert 10**18 == market.state.ledger.supply["USD"]


def test_serial_blocks_come_into_custody(market: Market) -> None:
    """Several blocks in one deposit, neighbours joined; the account owns their units."""
    blocks = (block(101, 200), block(1, 50), block(51, 60))
    command = deposit(blocks, reference="in")
    assert [UnitsDeposited(OPERATOR, "alpha", V19, 160, blocks, "in")] == market.do(command)
    assert [(V19, 1, 60), (V19, 101, 200)] == batch_in_custody(market)
    market.do(deposit((block(61, 100),)))
    assert [(V19, 1, 200)] == batch_in_custody(market)
    assert (UNITS + 200, 0) == market.balance("alpha", V19)


def test_one_batch_may_hold_several_classes(market: Market) -> None:
    """Labels can divide a batch into classes: each number is of one class, and leaves as that class."""
    market.do(deposit((block(1, 50),)))
    market.do(deposit((block(51, 100),), class_id=V18))
    assert [(V19, 1, 50), (V18, 51, 100)] == batch_in_custody(market)
    assert [
        RequestRefused(
            "WithdrawUnits",
            OPERATOR,
            "alpha",
            RejectCode.SERIAL_BLOCK_NOT_HELD,
            f"batch new 51 to 60 is not wholly the account's as {V19}",
        )
    ] == market.do(withdraw((block(51, 60),)))
    assert [
        RequestRefused(
            "WithdrawUnits",
            OPERATOR,
            "alpha",
            RejectCode.SERIAL_BLOCK_NOT_HELD,
            f"batch new 45 to 55 is not wholly the account's as {V19}",
        )
    ] == market.do(withdraw((block(45, 55),)))
    market.do(withdraw((block(51, 100),), class_id=V18))
    assert [(V19, 1, 50)] == batch_in_custody(market)


def test_withdrawal_from_the_middle(market: Market) -> None:
    """A block leaves out of the middle of another; what is around it stays, and can leave in pieces."""
    market.do(deposit((block(1, 100),)))
    taken = (block(40, 59), block(91, 100))
    assert [UnitsWithdrawn(OPERATOR, "alpha", V19, 30, taken, "out")] == market.do(
        withdraw(taken, reference="out")
    )
    assert [(V19, 1, 39), (V19, 60, 90)] == batch_in_custody(market)
    assert (UNITS + 70, 0) == market.balance("alpha", V19)
    market.do(withdraw((block(1, 39),)))
    market.do(withdraw((block(60, 90),)))
    assert [] == batch_in_custody(market)
    market.do(deposit((block(40, 59),)))
    assert [(V19, 40, 59)] == batch_in_custody(market)


def test_real_serial_numbers(market: Market) -> None:
    """Numbers beyond 32 bits, in a batch named as a registry does."""
    batch = "19298-VCS-VCU-1310-VER-CN-13-3005-01012022-31102022-0"
    one = block(9_414_125_550_000, 9_414_125_559_999, batch)
    market.do(deposit((one,)))
    assert [(V19, one.first, one.last)] == batch_in_custody(market, batch)


OVERLAPS = [
    (block(1, 1), 1),
    (block(1, 200), 1),
    (block(50, 50), 50),
    (block(60, 70), 60),
    (block(99, 120), 99),
    (block(100, 100), 100),
]


@pytest.mark.parametrize(("again", "serial"), OVERLAPS)
@pytest.mark.parametrize("class_id", [V18, V19])
def test_a_serial_number_comes_in_once(
    market: Market, again: SerialBlock, serial: int, class_id: str
) -> None:
    """Whatever part of a block is here already, as whatever class, is refused with the first such number."""
    market.do(deposit((block(1, 1), block(50, 100)), account="beta"))
    assert [
        RequestRefused(
            "DepositUnits",
            OPERATOR,
            "alpha",
            RejectCode.SERIAL_BLOCK_OVERLAPS,
            f"serial number {serial} of batch new came in before",
        )
    ] == market.do(deposit((again,), class_id=class_id))


UNITS_REFUSALS: list[tuple[tuple[SerialBlock, ...], dict[str, Any], RejectCode, str]] = [
    ((block(1, 9),), {"by": "alpha-key"}, RejectCode.NOT_PERMITTED, "only an operator may do this"),
    ((block(1, 9),), {"account": "nowhere"}, RejectCode.UNKNOWN_ACCOUNT, "'nowhere' is not an account"),
    (
        (block(1, 9),),
        {"class_id": "VCS-1-2020"},
        RejectCode.UNKNOWN_CLASS,
        "'VCS-1-2020' is not a registered credit class",
    ),
    ((block(1, 9),), {"class_id": "EUR"}, RejectCode.UNKNOWN_CLASS, "'EUR' is not a registered credit class"),
    ((), {"quantity": 0}, RejectCode.INVALID_AMOUNT, AMOUNT),
    ((), {"quantity": 5}, RejectCode.SERIAL_BLOCK_INVALID, "the blocks hold 0 units, the quantity says 5"),
    (
        (block(1, 9),),
        {"quantity": 10},
        RejectCode.SERIAL_BLOCK_INVALID,
        "the blocks hold 9 units, the quantity says 10",
    ),
    (
        (block(9, 1),),
        {"quantity": 9},
        RejectCode.SERIAL_BLOCK_INVALID,
        "block new 9 to 1 is empty, reversed or not positive",
    ),
    (
        (block(0, 8),),
        {},
        RejectCode.SERIAL_BLOCK_INVALID,
        "block new 0 to 8 is empty, reversed or not positive",
    ),
    (
        (block(5, 9), block(1, 5)),
        {},
        RejectCode.SERIAL_BLOCK_OVERLAPS,
        "blocks of batch new overlap at 5",
    ),
    (
        (block(1, 9), block(3, 3), block(1, 9, "other")),
        {},
        RejectCode.SERIAL_BLOCK_OVERLAPS,
        "blocks of batch new overlap at 3",
    ),
    (
        (block(1, 9, registry="GS"),),
        {},
        RejectCode.SERIAL_BLOCK_INVALID,
        "batch new is not of the class's registry VCS",
    ),
]


@pytest.mark.parametrize("make", [deposit, withdraw])
@pytest.mark.parametrize(("blocks", "change", "code", "message"), UNITS_REFUSALS)
def test_refused_units(
    market: Market,
    make: Any,
    blocks: tuple[SerialBlock, ...],
    change: dict[str, Any],
    code: RejectCode,
    message: str,
) -> None:
    """Blocks that are wrong in themselves are refused alike on their way in and out."""
    command = msgspec.structs.replace(make(blocks), **change)
    account = "" if code // 1000 == 2 else "alpha"
    assert [RequestRefused(type(command).__name__, command.by, account, code, message)] == market.do(command)
    assert [] == batch_in_custody(market)


def test_withdrawal_of_what_is_not_there(market: Market) -> None:
    """Blocks that are not wholly in custody, or units that the account has not free, stay."""
    market.do(deposit((block(1, 100),), account="beta"))
    for wrong in (block(90, 101), block(200, 210), block(1, 1, "unknown")):
        assert [
            RequestRefused(
                "WithdrawUnits",
                OPERATOR,
                "alpha",
                RejectCode.SERIAL_BLOCK_NOT_HELD,
                f"batch {wrong.batch} {wrong.first} to {wrong.last} is not wholly the account's as {V19}",
            )
        ] == market.do(withdraw((wrong,)))
    market.alpha.rest(market.alpha.sell(UNITS - 50, 1000))
    assert [
        RequestRefused(
            "WithdrawUnits",
            OPERATOR,
            "alpha",
            RejectCode.INSUFFICIENT_UNITS,
            f"100 units of {V19} needed, 50 available",
        )
    ] == market.do(withdraw((block(1, 100, "opening-2019"),)))


def test_retirement(market: Market) -> None:
    """Units leave circulation; their serial numbers stay in custody."""
    supply = market.state.ledger.supply[V20]
    pieces = ((V20, SerialBlock("GS", "opening-2020", 1, 7)),)
    assert [Retired("alpha", pieces, "Acme", "2026 footprint", "ret-1", LOWEST_SERIAL)] == market.do(
        market.alpha.retire_command(V20, 7, "ret-1")
    )
    assert (UNITS - 7, 0) == market.balance("alpha", V20)
    assert supply - 7 == market.state.ledger.supply[V20]
    assert 4 * UNITS == sum(
        one.quantity for class_id, one in market.state.custody.blocks() if class_id == V20
    )


def test_a_trader_retires_only_what_is_free(market: Market) -> None:
    """Held units are not available."""
    market.alpha.rest(market.alpha.sell(UNITS - 5, 1000))
    assert [
        refused(
            market.alpha, "Retire", RejectCode.INSUFFICIENT_UNITS, f"6 units of {V19} needed, 5 available"
        )
    ] == market.do(market.alpha.retire_command(V19, 6, "ret-1"))


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"credits": ((V19, 0),)}, RejectCode.INVALID_AMOUNT, AMOUNT),
        ({"credits": ((V19, -1),)}, RejectCode.INVALID_AMOUNT, AMOUNT),
        (
            {"credits": (("VCS-1-2020", 5),)},
            RejectCode.UNKNOWN_CLASS,
            "'VCS-1-2020' is not a registered credit class",
        ),
        ({"reference": ""}, RejectCode.INVALID_PARAMS, "a reference has 1 to 64 characters"),
        ({"beneficiary": ""}, RejectCode.BENEFICIARY_REQUIRED, "a retirement names its beneficiary"),
        ({"beneficiary": "  "}, RejectCode.BENEFICIARY_REQUIRED, "a retirement names its beneficiary"),
    ],
)
def test_refused_retirements(market: Market, change: dict[str, Any], code: RejectCode, message: str) -> None:
    """Each with its number; nothing leaves circulation."""
    command = msgspec.structs.replace(market.alpha.retire_command(V19, 5, "ret-1"), **change)
    assert [refused(market.alpha, "Retire", code, message)] == market.do(command)
    assert (UNITS, 0) == market.balance("alpha", V19)
