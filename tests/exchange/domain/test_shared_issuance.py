"""One issuance, shared between accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchange.domain import commands
from exchange.domain.events import RequestRefused, UnitsIssued
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock, own_batch
from tests.market import ALPHA, BETA, V18, Market

if TYPE_CHECKING:
    from exchange.domain.orders import Delivery

OWN = CreditClass("EXC-1-2024", "EXC", "1", "Solar", 2024)


def share(
    *shares: tuple[str, int], reference: str = "issue-1", class_id: str = OWN.class_id
) -> commands.IssueShared:
    return commands.IssueShared(LOCAL_OPERATOR, class_id, shares, reference)


def block(first: int, last: int) -> SerialBlock:
    return SerialBlock("EXC", own_batch(OWN.class_id), first, last)


def test_serials_are_numbered_in_the_order_of_the_shares(market: Market) -> None:
    """One fact of several events; repeated, nothing happens again."""
    market.do(commands.RegisterClass(LOCAL_OPERATOR, OWN))
    first_seq = market.next_seq

    assert [
        UnitsIssued(LOCAL_OPERATOR, ALPHA, OWN.class_id, block(1, 30), "issue-1"),
        UnitsIssued(LOCAL_OPERATOR, BETA, OWN.class_id, block(31, 100), "issue-1"),
    ] == market.do(share((ALPHA, 30), (BETA, 70)))
    assert first_seq == market.execute(share((ALPHA, 30), (BETA, 70))).duplicate_of
    assert (70, 0) == market.balance(BETA, OWN.class_id)


@pytest.mark.parametrize(
    ("shares", "class_id", "code"),
    [
        ((), OWN.class_id, RejectCode.INVALID_PARAMS),
        (((ALPHA, 1), (ALPHA, 2)), OWN.class_id, RejectCode.INVALID_PARAMS),
        (((ALPHA, 1), (BETA, 0)), OWN.class_id, RejectCode.INVALID_AMOUNT),
        (((ALPHA, 1), ("nobody", 2)), OWN.class_id, RejectCode.UNKNOWN_ACCOUNT),
        (((ALPHA, 1), (BETA, 2)), V18, RejectCode.NOT_PERMITTED),
        (((ALPHA, 1), (BETA, 2)), "EXC-2-2024", RejectCode.UNKNOWN_CLASS),
    ],
)
def test_refused(market: Market, shares: Delivery, class_id: str, code: RejectCode) -> None:
    """Shares of nobody or of nothing, and classes that are not ours to issue."""
    market.do(commands.RegisterClass(LOCAL_OPERATOR, OWN))

    (refused,) = market.do(share(*shares, class_id=class_id))

    assert isinstance(refused, RequestRefused)
    assert code is refused.code


def test_a_reference_stands_for_all_shares(market: Market) -> None:
    """The same reference with another share, or for some of the accounts only, is another request."""
    market.do(commands.RegisterClass(LOCAL_OPERATOR, OWN))
    market.do(share((ALPHA, 30), (BETA, 70)))

    for shares in (((ALPHA, 30), (BETA, 71)), ((ALPHA, 30), ("gamma", 70))):
        (refused,) = market.do(share(*shares))
        assert isinstance(refused, RequestRefused)
        assert RejectCode.REFERENCE_REUSED is refused.code
