"""The ledger by itself: what breaks the books stops it."""

from __future__ import annotations

import re

import msgspec
import pytest

from exchange.domain.entries import entries
from exchange.domain.events import CancelAfterFired, CashDeposited
from exchange.domain.identity import VENUE
from exchange.domain.ledger import OUTSIDE, Balance, Entry, Hold, Ledger, LedgerError, Transfer
from matching.order import Side
from tests.exchange.domain.expected import fill
from tests.market import V19, Market


@pytest.fixture
def ledger() -> Ledger:
    """Gives a ledger in which alpha owns 100 EUR cents, 40 of them held."""
    ledger = Ledger()
    ledger.transfer(OUTSIDE, "alpha", "EUR", 100, from_hold=False)
    ledger.hold("alpha", "EUR", 40)
    return ledger


def test_balances(ledger: Ledger) -> None:
    """Total, held and what is left; an account without a balance has nothing."""
    balance = ledger.balance("alpha", "EUR")
    assert (100, 40, 60) == (balance.total, balance.held, balance.available)
    assert 0 == ledger.balance("beta", "EUR").total
    assert ["alpha"] == list(ledger.accounts)
    ledger.check()


@pytest.mark.parametrize(
    "entry",
    [
        Hold("alpha", "EUR", 61),
        Hold("alpha", "EUR", -41),
        Hold("beta", "EUR", 1),
        Transfer("alpha", "beta", "EUR", 61, from_hold=False),
        Transfer("alpha", "beta", "EUR", 41, from_hold=True),
        Transfer("alpha", "beta", "EUR", 101, from_hold=True),
        Transfer("alpha", "beta", "EUR", -1, from_hold=False),
        Transfer("beta", "alpha", "EUR", 1, from_hold=False),
        Transfer("alpha", OUTSIDE, "USD", 1, from_hold=False),
    ],
)
def test_entries_that_break_the_books(ledger: Ledger, entry: Entry) -> None:
    """Nobody owns less than nothing, or holds more than they own."""
    book = ledger.hold if isinstance(entry, Hold) else ledger.transfer
    with pytest.raises(LedgerError, match=re.escape(str(entry))):
        book(**msgspec.structs.asdict(entry))


def test_check_finds_a_wrong_hold(ledger: Ledger) -> None:
    """A hold beyond the balance is found."""
    ledger.accounts["alpha"]["EUR"].held = 101
    with pytest.raises(LedgerError, match="account alpha, EUR: held 101 of 100"):
        ledger.check()


def test_check_finds_money_from_nowhere(ledger: Ledger) -> None:
    """A balance that the supply does not explain is found."""
    ledger.accounts["beta"] = {"EUR": Balance(1, 0)}
    with pytest.raises(LedgerError, match="EUR: accounts own 101, the supply is 100"):
        ledger.check()


def test_check_finds_an_asset_without_supply(ledger: Ledger) -> None:
    """An asset that never came in cannot be owned; a zero balance of it is nothing."""
    ledger.accounts["beta"] = {"USD": Balance(0, 0)}
    ledger.check()
    ledger.accounts["beta"] = {"USD": Balance(1, 0)}
    with pytest.raises(LedgerError, match="USD: accounts own 1 that never came in"):
        ledger.check()


def test_check_finds_lost_money(ledger: Ledger) -> None:
    """A supply that nobody owns is found."""
    ledger.supply["JPY"] = 5
    with pytest.raises(LedgerError, match="JPY: accounts own 0, the supply is 5"):
        ledger.check()


def test_delivery_versus_payment() -> None:
    """One event, both legs: cash to the seller, fees to the venue, the rest of the hold free, units to the buyer."""
    market = Market()
    event = fill(
        1,
        2,
        Side.BUY,
        1000,
        5,
        buyer=market.alpha,
        seller=market.beta,
        buyer_fee=10,
        seller_fee=5,
        buyer_release=7,
    )
    assert [
        Transfer("alpha", "beta", "EUR", 4_995, from_hold=True),
        Transfer("alpha", VENUE, "EUR", 15, from_hold=True),
        Transfer("beta", "alpha", V19, 5, from_hold=True),
        Hold("alpha", "EUR", -7),
    ] == entries(event)


def test_events_without_entries() -> None:
    """Most events move nothing."""
    assert [] == entries(CancelAfterFired("alpha"))
    assert 1 == len(entries(CashDeposited("op", "alpha", "EUR", 1, "r")))
