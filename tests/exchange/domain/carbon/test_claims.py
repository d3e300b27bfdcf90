"""What retirements claim, and which units support it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon.article6_forms import FirstTransfer, Purpose
from exchange.domain.carbon.claim_forms import Claim, ClaimKind
from exchange.domain.carbon.corsia_forms import CorsiaPeriod
from exchange.domain.carbon.party_forms import RegisterParty
from exchange.domain.events import RequestRefused, Retired
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.rejects import RejectCode
from tests.exchange.domain.audit import Auditor
from tests.exchange.domain.carbon.test_corsia import ADJUST, ADMIT, for_corsia
from tests.jcm import JAPAN, V23, V24, JcmMarket, authorisation, units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.domain.carbon.article6_forms import Authorisation

BLOCK = units(1, 2)
NDC = Claim(ClaimKind.NDC, 2025)
CORSIA = Claim(ClaimKind.CORSIA, period=CorsiaPeriod.FIRST)
COMPENSATION = Claim(ClaimKind.COMPENSATION)
CONTRIBUTION = Claim(ClaimKind.CONTRIBUTION)


@pytest.fixture
def market() -> Iterator[JcmMarket]:
    """Gives a market of the JCM, and audits what the test did to it."""
    market = JcmMarket()
    yield market
    Auditor(market).check()


def code(market: JcmMarket, account: str, claim: Claim) -> RejectCode | None:
    """Why two units of the account cannot be retired with the claim; None: they were."""
    market.issue((account, 2))
    last = market.state.issued[V23]
    (event,) = market.retire(account, units(last - 1, last), claim)
    if isinstance(event, RequestRefused):
        return event.code
    assert isinstance(event, Retired)
    return None


def test_use_towards_an_ndc_stands_in_the_event(market: JcmMarket) -> None:
    """With the Party of the account; a later change of the Party's period does not touch it."""
    market.authorise()
    market.issue(("jp", 2))

    (event,) = market.retire("jp", BLOCK, NDC)

    assert isinstance(event, Retired)
    assert Claim(ClaimKind.NDC, 2025, party="JPN") == event.claim


def test_a_claim_is_part_of_the_request(market: JcmMarket) -> None:
    """The same reference with the same claim repeats the answer; with another one it is refused."""
    market.authorise()
    market.issue(("jp", 9))
    trader = market.traders["jp"]

    def retire(claim: Claim | None) -> commands.Retire:
        command = trader.retire_command(V23, 3, "certificate-1")
        return msgspec.structs.replace(command, claim=claim)

    first_seq = market.next_seq
    market.do(retire(NDC))
    assert first_seq == market.execute(retire(NDC)).duplicate_of
    for other in (None, CONTRIBUTION, Claim(ClaimKind.NDC, 2026)):
        (refused,) = market.do(retire(other))
        assert isinstance(refused, RequestRefused)
        assert RejectCode.REFERENCE_REUSED is refused.code


@pytest.mark.parametrize(
    ("account", "claim", "given", "expected"),
    [
        ("jp", NDC, authorisation(), None),
        ("jp", NDC, None, RejectCode.CLAIM_NOT_AUTHORISED),
        (
            "jp",
            NDC,
            authorisation(purposes=(Purpose.OIMP,), first_transfer=FirstTransfer.ISSUANCE),
            RejectCode.CLAIM_NOT_AUTHORISED,
        ),
        ("jp", NDC, authorisation(entities=("JP-STEEL",)), RejectCode.CLAIM_NOT_AUTHORISED),
        ("jp-2", NDC, authorisation(entities=("JP-STEEL",)), None),
        ("broker", NDC, authorisation(), RejectCode.CLAIM_NOT_OF_PARTY),
        ("mn", NDC, authorisation(), RejectCode.CLAIM_NOT_OF_PARTY),
        ("th", NDC, authorisation(), RejectCode.CLAIM_NOT_OF_PARTY),
        ("jp", Claim(ClaimKind.NDC, 2025, party="THA"), authorisation(), RejectCode.CLAIM_NOT_OF_PARTY),
        ("jp", Claim(ClaimKind.NDC, 2025, party="JPN"), authorisation(), None),
        ("jp", Claim(ClaimKind.NDC, 2031), authorisation(), RejectCode.CLAIM_OUTSIDE_PERIOD),
        ("jp", Claim(ClaimKind.NDC, 2022), authorisation(), RejectCode.CLAIM_OUTSIDE_PERIOD),
        ("jp", Claim(ClaimKind.NDC), authorisation(), RejectCode.CLAIM_INCOMPLETE),
        ("jp", Claim(ClaimKind.CONTRIBUTION, 2025), None, RejectCode.CLAIM_INCOMPLETE),
        ("jp", Claim(ClaimKind.CORSIA), None, RejectCode.CLAIM_INCOMPLETE),
        (
            "jp",
            Claim(ClaimKind.CONTRIBUTION, period=CorsiaPeriod.FIRST),
            None,
            RejectCode.CLAIM_INCOMPLETE,
        ),
        ("jp", CONTRIBUTION, None, None),
        ("jp", COMPENSATION, None, RejectCode.CLAIM_NOT_ADJUSTED),
        ("jp", COMPENSATION, authorisation(), RejectCode.CLAIM_NOT_ADJUSTED),
        ("broker", COMPENSATION, None, RejectCode.CLAIM_NOT_ADJUSTED),
        # Mongolia's inventory has both the emissions and the reduction.
        ("mn", COMPENSATION, None, None),
        ("jp", CORSIA, for_corsia(), RejectCode.CLAIM_NOT_ELIGIBLE),
    ],
)
def test_which_units_support_a_claim(
    market: JcmMarket,
    account: str,
    claim: Claim,
    given: Authorisation | None,
    expected: RejectCode | None,
) -> None:
    """Each claim by its own rule; what is refused says which."""
    if given is not None:
        market.authorise(given)

    assert expected is code(market, account, claim)


def test_units_of_another_ndc_period(market: JcmMarket) -> None:
    """Outcomes are used in the period in which they occurred."""
    market.authorise()
    later = msgspec.structs.replace(JAPAN, ndc_first_year=2024)
    market.do(RegisterParty(LOCAL_OPERATOR, later))

    assert RejectCode.CLAIM_OUTSIDE_PERIOD is code(market, "jp", NDC)


def test_adjusted_units_support_corsia_and_compensation(market: JcmMarket) -> None:
    """With programme, authorisation and adjustment; by the entities that the authorisation names."""
    market.do(ADMIT)
    market.authorise(msgspec.structs.replace(for_corsia(), entities=("JP-POWER",)))
    market.do(ADJUST)

    assert [None, RejectCode.CLAIM_NOT_AUTHORISED, None] == [
        code(market, "jp", CORSIA),
        code(market, "jp-2", CORSIA),
        code(market, "jp", COMPENSATION),
    ]


def test_units_from_before_the_ndcs(market: JcmMarket) -> None:
    """Nobody's NDC counts them: they need no authorisation for compensation, nor for the pilot phase of CORSIA."""
    old = CreditClass("EXC-OLD-2019", "EXC", "OLD", "Old", 2019, country="MN")
    market.do(commands.RegisterClass(LOCAL_OPERATOR, old))
    market.issue(("jp", 2), class_id=old.class_id)

    (event,) = market.retire("jp", units(1, 1, old.class_id), COMPENSATION, old.class_id)
    (refused,) = market.retire("jp", units(2, 2, old.class_id), CORSIA, old.class_id)

    assert isinstance(event, Retired)
    assert isinstance(refused, RequestRefused)
    assert RejectCode.CLAIM_NOT_ELIGIBLE is refused.code


def test_units_of_the_pilot_phase_for_corsia(market: JcmMarket) -> None:
    """Units without any authorisation may still be eligible."""
    old = CreditClass("EXC-OLD-2022", "EXC", "OLD", "Old", 2020, country="MN")
    market.do(commands.RegisterClass(LOCAL_OPERATOR, old))
    programme = msgspec.structs.replace(ADMIT.programme, first_vintage=2016)
    market.do(msgspec.structs.replace(ADMIT, programme=programme))
    market.issue(("jp", 2), class_id=old.class_id)

    (event,) = market.retire("jp", units(1, 1, old.class_id), CORSIA, old.class_id)

    assert isinstance(event, Retired)
    assert CORSIA == event.claim


def test_every_class_of_a_retirement_supports_its_claim(market: JcmMarket) -> None:
    """One class without an authorisation is enough to refuse the whole, and nothing is retired."""
    market.authorise(authorisation((V23,)))
    market.issue(("jp", 2))
    market.issue(("jp", 2), class_id=V24)
    trader = market.traders["jp"]
    command = msgspec.structs.replace(
        trader.retire_command(V23, 1, "both"), credits=((V23, 1), (V24, 1)), claim=NDC
    )

    (refused,) = market.do(command)

    assert isinstance(refused, RequestRefused)
    assert (RejectCode.CLAIM_NOT_AUTHORISED, (2, 0)) == (refused.code, market.balance("jp", V23))
