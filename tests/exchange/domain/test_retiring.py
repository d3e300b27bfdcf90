"""Retirement by named serials, of several classes at once, and on fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exchange.domain import commands
from exchange.domain.events import OrderRejected, RequestRefused, Retired
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.orders import RetirementTerms
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from matching.order import Side, TimeInForce
from tests.exchange.domain.expected import accepted, fill, refused, rejected
from tests.market import ALPHA, BASKET, BETA, UNITS, V18, V19, V20, Market

if TYPE_CHECKING:
    from exchange.domain.orders import Delivery
    from exchange.domain.serials import ClassBlock
    from tests.market import Trader

TERMS = RetirementTerms("City of Utsunomiya", "2026 footprint")


def opening(vintage: int, first: int, last: int, registry: str = "VCS") -> SerialBlock:
    """Serials of the opening deposits: alpha has 1 to 100,000, beta 200,001 to 300,000 of each class."""
    return SerialBlock(registry, f"opening-{vintage}", first, last)


def retire(
    trader: Trader,
    credits_: Delivery = (),
    blocks: tuple[ClassBlock, ...] = (),
    reference: str = "certificate-1",
    beneficiary: str = "Acme",
) -> commands.Retire:
    """The command of a retirement."""
    return commands.Retire(
        trader.key_id, trader.session, trader.account, beneficiary, "test", reference, credits_, blocks
    )


def test_one_retirement_of_several_classes(market: Market) -> None:
    """The rule chooses the lowest serials of each class; one event names them all."""
    first_seq = market.next_seq
    command = retire(market.alpha, ((V19, 10), (V20, 5)))

    events = market.do(command)

    chosen = ((V19, opening(2019, 1, 10)), (V20, opening(2020, 1, 5, "GS")))
    assert [Retired(ALPHA, chosen, "Acme", "test", "certificate-1", LOWEST_SERIAL)] == events
    assert (UNITS - 10, 0) == market.balance(ALPHA, V19)
    # Other serials would be the lowest now; the request is still the same.
    assert first_seq == market.execute(command).duplicate_of


def test_named_serials_are_retired(market: Market) -> None:
    """Serials out of the middle of a block; the same reference with other serials is refused."""
    named = ((V19, opening(2019, 50, 59)), (V19, opening(2019, 70, 79)))

    events = market.do(retire(market.alpha, blocks=named))
    repeated = market.execute(retire(market.alpha, blocks=named))
    (other,) = market.do(retire(market.alpha, blocks=named[:1]))

    assert [Retired(ALPHA, named, "Acme", "test", "certificate-1")] == events
    assert 0 < repeated.duplicate_of
    assert isinstance(other, RequestRefused)
    assert RejectCode.REFERENCE_REUSED is other.code
    assert [opening(2019, 1, 49), opening(2019, 60, 69), opening(2019, 80, UNITS)] == list(
        market.state.holdings.blocks(ALPHA, V19)
    )


def test_nothing_is_retired_twice(market: Market) -> None:
    """Serials that were retired are not the account's any more."""
    named = ((V19, opening(2019, 1, 10)),)
    market.do(retire(market.alpha, blocks=named))

    events = market.do(retire(market.alpha, blocks=named, reference="certificate-2"))

    message = f"batch opening-2019 1 to 10 is not wholly the account's as {V19}"
    assert [refused(market.alpha, "Retire", RejectCode.SERIAL_BLOCK_NOT_HELD, message)] == events


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, RejectCode.INVALID_PARAMS),
        ({"credits_": ((V19, 1),), "blocks": ((V19, opening(2019, 1, 1)),)}, RejectCode.INVALID_PARAMS),
        ({"credits_": ((V19, 1), (V19, 1))}, RejectCode.DELIVERY_MISMATCH),
        ({"credits_": (("VCS-0-2000", 1),)}, RejectCode.UNKNOWN_CLASS),
        ({"credits_": ((V19, 0),)}, RejectCode.INVALID_AMOUNT),
        ({"credits_": ((V19, UNITS + 1),)}, RejectCode.INSUFFICIENT_UNITS),
        ({"credits_": ((V19, 1),), "beneficiary": "  "}, RejectCode.BENEFICIARY_REQUIRED),
        ({"credits_": ((V19, 1),), "reference": "retired-on-fill/1/2"}, RejectCode.INVALID_PARAMS),
        ({"blocks": ((V19, opening(2019, 200_001, 200_001)),)}, RejectCode.SERIAL_BLOCK_NOT_HELD),
        ({"blocks": ((V18, opening(2019, 1, 1)),)}, RejectCode.SERIAL_BLOCK_NOT_HELD),
        ({"blocks": (("VCS-0-2000", opening(2019, 1, 1)),)}, RejectCode.UNKNOWN_CLASS),
        ({"blocks": ((V20, opening(2019, 1, 1)),)}, RejectCode.SERIAL_BLOCK_INVALID),
        (
            {"blocks": ((V19, opening(2019, 1, 5)), (V19, opening(2019, 5, 9)))},
            RejectCode.SERIAL_BLOCK_OVERLAPS,
        ),
    ],
)
def test_refused_retirements(market: Market, change: dict[str, Any], code: RejectCode) -> None:
    """What is not the trader's, not there, or not clear is refused, and nothing changes."""
    supply = dict(market.state.ledger.supply)

    (event,) = market.do(retire(market.alpha, **change))

    assert isinstance(event, RequestRefused)
    assert code is event.code
    assert supply == market.state.ledger.supply


def test_bought_and_retired_in_one_batch(market: Market) -> None:
    """An order's fills and the one retirement of all they delivered are the events of one command."""
    makers = [market.beta.rest(market.beta.sell(30, price)) for price in (1000, 1001)]
    order = market.alpha.buy(50, 1001, retire_on_fill=TERMS, time_in_force=TimeInForce.IOC)
    taker = market.next_seq

    events = market.alpha.place(order)

    delivered = ((V19, opening(2019, 200_001, 200_030)), (V19, opening(2019, 200_031, 200_050)))
    parties: dict[str, Any] = {"buyer": market.alpha, "seller": market.beta}
    assert [
        accepted(market.alpha, order, hold_cash=50_151),
        fill(makers[0], taker, Side.BUY, 1000, 30, buyer_fee=60, seller_fee=30, buyer_release=30, **parties),
        fill(makers[1], taker, Side.BUY, 1001, 20, buyer_fee=41, seller_fee=21, **parties),
        Retired(
            ALPHA,
            delivered,
            TERMS.beneficiary,
            TERMS.purpose,
            f"retired-on-fill/{taker}/{taker + 1}",
            LOWEST_SERIAL,
            taker,
        ),
    ] == events
    assert (UNITS, 0) == market.balance(ALPHA, V19)


def test_a_resting_order_retires_what_it_gets(market: Market) -> None:
    """The maker's terms hold when somebody sells to it, and the classes are those that were delivered."""
    market.alpha.rest(market.alpha.buy(10, 1000, BASKET.symbol, retire_on_fill=TERMS))

    events = market.beta.place(market.beta.sell(10, 1000, BASKET.symbol, deliver=((V20, 4), (V18, 6))))

    (retired,) = [event for event in events if isinstance(event, Retired)]
    assert (
        (V20, opening(2020, 200_001, 200_004, "GS")),
        (V18, opening(2018, 200_001, 200_006)),
    ) == retired.credits
    assert (UNITS, UNITS) == (market.balance(ALPHA, V20)[0], market.balance(ALPHA, V18)[0])
    assert UNITS - 4 == market.balance(BETA, V20)[0]


def test_refused_terms(market: Market) -> None:
    """A sell order retires nothing, and a retirement names its beneficiary."""
    sell = market.alpha.sell(1, 1000, retire_on_fill=TERMS)
    unnamed = market.alpha.buy(1, 1000, retire_on_fill=RetirementTerms(" "))

    events: list[object] = [*market.alpha.place(sell), *market.alpha.place(unnamed)]

    expected: list[OrderRejected] = [
        rejected(
            market.alpha, sell, RejectCode.ORDER_TERMS_CONFLICT, "only a buy order retires what it gets"
        ),
        rejected(
            market.alpha, unnamed, RejectCode.BENEFICIARY_REQUIRED, "a retirement names its beneficiary"
        ),
    ]
    assert expected == events
