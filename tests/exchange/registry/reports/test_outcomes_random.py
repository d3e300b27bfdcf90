"""First transfers of random histories, against an oracle that looks at every serial number by itself."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon.article6_forms import FirstTransfer, Purpose
from exchange.domain.carbon.claim_forms import Claim, ClaimKind
from exchange.domain.events import Retired
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.registry.reports.adjustments import adjustments
from exchange.registry.reports.outcomes import fold
from tests.exchange.domain.audit import Auditor
from tests.jcm import ACCOUNTS, V23, JcmMarket, authorisation, units
from tests.market import BUSINESS_DATE

if TYPE_CHECKING:
    from exchange.domain.carbon.article6_forms import Authorisation
    from exchange.domain.serials import SerialBlock

NDC, OIMP = Purpose.NDC, Purpose.OIMP
GIVEN = [
    authorisation((V23,)),
    *(
        authorisation((V23,), purposes, definition)
        for purposes in ((OIMP,), (NDC, OIMP))
        for definition in FirstTransfer
    ),
]
CLAIMS = (None, Claim(ClaimKind.CONTRIBUTION), Claim(ClaimKind.NDC, 2025))
HISTORY = 60


class Unit(msgspec.Struct):
    """What the oracle knows of one serial number."""

    account: str = ""
    party: str = "MNG"
    is_itmo: bool = False
    is_covered: bool = False
    """By the authorisation."""


class Oracle:
    """Serial numbers one by one; it learns only who has which, before and after."""

    def __init__(self, given: Authorisation) -> None:
        self.given = given
        self.units: dict[int, Unit] = {}
        self.first_transferred = 0
        self.used = 0
        self.is_authorised = False

    def owners(self, owners: dict[int, str]) -> None:
        """Compare with who has what now."""
        for number, account in owners.items():
            issued = number not in self.units
            unit = self.units.setdefault(number, Unit())
            self._cover(unit, FirstTransfer.AUTHORISATION, FirstTransfer.ISSUANCE if issued else None)
            self._enter(unit, account)
        for number in self.units.keys() - owners.keys():
            self.units[number].account = ""

    def authorise(self) -> None:
        """From now on the units that are there are authorised outcomes, others when they come."""
        self.is_authorised = True
        for unit in self.units.values():
            if unit.account:
                self._cover(unit, FirstTransfer.AUTHORISATION)
                self._enter(unit, unit.account)

    def retired(self, first: int, last: int, claim: Claim | None) -> None:
        """Before the owners are compared."""
        for number in range(first, last + 1):
            unit = self.units[number]
            by_use = self.given.first_transfer is FirstTransfer.USE_OR_CANCELLATION
            if self.is_authorised and by_use and claim is None:
                self._first(unit)
            if claim is not None and claim.kind is ClaimKind.NDC:
                self.used += 1

    def _enter(self, unit: Unit, account: str) -> None:
        unit.account = account
        party = ACCOUNTS[account][1]
        if self.is_authorised and party and party != unit.party:
            if NDC in self.given.purposes:
                self._first(unit)
            unit.party = party

    def _cover(self, unit: Unit, *definitions: FirstTransfer | None) -> None:
        if self.is_authorised and not unit.is_covered:
            unit.is_covered = True
            if self.given.first_transfer in definitions and self.given.first_transfer:
                self._first(unit)

    def _first(self, unit: Unit) -> None:
        self.first_transferred += not unit.is_itmo
        unit.is_itmo = True


def owners(market: JcmMarket) -> dict[int, str]:
    return {
        number: account
        for account in ACCOUNTS
        for block in market.state.holdings.blocks(account, V23)
        for number in range(block.first, block.last + 1)
    }


def act(market: JcmMarket, oracle: Oracle, random: Random, number: int, away: list[SerialBlock]) -> None:
    """One thing happens; retirements that are refused are nothing. `away`: blocks that were withdrawn."""
    accounts = list(ACCOUNTS)
    account, other = random.sample(accounts, 2)
    held = list(market.state.holdings.blocks(account, V23))
    what = random.choice(("issue", "trade", "trade", "trade", "retire", "cancel", "out", "back"))
    if number == HISTORY // 3:
        market.authorise(oracle.given)
        oracle.authorise()
    elif what == "back" and away:
        block = away.pop(random.randrange(len(away)))
        deposit = (account, V23, block.quantity, (block,), market.reference())
        market.do(commands.DepositUnits(LOCAL_OPERATOR, *deposit))
    elif what in {"issue", "back"} or not held:
        market.issue((account, random.randint(1, 30)), (other, random.randint(1, 30)))
    elif what == "trade":
        available = sum(block.quantity for block in held)
        market.trade(account, other, random.randint(1, available))
    else:
        block = part(random, random.choice(held))
        if what == "retire":
            (event,) = market.retire(account, block, random.choice(CLAIMS))
            if isinstance(event, Retired):
                oracle.retired(block.first, block.last, event.claim)
        elif what == "cancel":
            cancelled = (account, V23, (block,), "error", market.reference())
            market.do(commands.CancelUnits(LOCAL_OPERATOR, *cancelled))
        else:
            away.append(block)
            withdrawn = (account, V23, block.quantity, (block,), market.reference())
            market.do(commands.WithdrawUnits(LOCAL_OPERATOR, *withdrawn))
    oracle.owners(owners(market))


def part(random: Random, block: SerialBlock) -> SerialBlock:
    first = random.randint(block.first, block.last)
    return units(first, random.randint(first, block.last))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("given", GIVEN, ids=[f"authorisation-{number}" for number in range(len(GIVEN))])
def test_every_serial_number_by_itself(given: Authorisation, seed: int) -> None:
    """Who holds what in which registry, what was first transferred, and what was used: as the oracle says."""
    market, random = JcmMarket(), Random(seed)
    oracle = Oracle(given)
    away: list[SerialBlock] = []
    for number in range(HISTORY):
        act(market, oracle, random, number, away)
    Auditor(market).check()

    outcomes = fold(market.recorded, BUSINESS_DATE)
    assert [
        (number, unit.party, unit.is_itmo) for number, unit in sorted(oracle.units.items()) if unit.account
    ] == [
        (number, span.value.party, span.value.itmo_shift is not None)
        for _, span in outcomes.standing()
        for number in range(span.first, span.last + 1)
    ]
    found = adjustments(outcomes).values()
    assert (oracle.first_transferred, oracle.used) == (
        sum(adjustment.first_transferred for adjustment in found),
        sum(adjustment.used for adjustment in found),
    )
