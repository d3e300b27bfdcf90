"""Parties, and whose accounts stand in which Party's registry."""

from __future__ import annotations

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon.parties import party_of_account
from exchange.domain.carbon.party_forms import (
    AssignParty,
    Party,
    PartyAssigned,
    PartyRegistered,
    RegisterParty,
)
from exchange.domain.events import RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import RejectCode
from tests.jcm import JAPAN, MONGOLIA
from tests.market import ALPHA, Market


def test_a_party_and_its_accounts(market: Market) -> None:
    """Accounts of a participant stand in the registry of its Party, those opened later, too."""
    market.do(commands.AdmitParticipant(LOCAL_OPERATOR, "JP", "Japan Ltd"))
    market.do(commands.OpenAccount(LOCAL_OPERATOR, "jp-1", "JP"))

    assert [PartyRegistered(LOCAL_OPERATOR, JAPAN)] == market.do(RegisterParty(LOCAL_OPERATOR, JAPAN))
    assigned = AssignParty(LOCAL_OPERATOR, "JP", "JPN")
    assert [PartyAssigned(LOCAL_OPERATOR, "JP", "JPN")] == market.do(assigned)
    market.do(commands.OpenAccount(LOCAL_OPERATOR, "jp-2", "JP"))

    assert ["JPN", "JPN", ""] == [
        party_of_account(market.state, account) for account in ("jp-1", "jp-2", ALPHA)
    ]


def test_an_empty_account_may_change_its_party(market: Market) -> None:
    """While it owns no units, nothing moves with it; cash is no matter of registries."""
    market.do(commands.AdmitParticipant(LOCAL_OPERATOR, "JP", "Japan Ltd"))
    market.do(commands.OpenAccount(LOCAL_OPERATOR, "jp-1", "JP"))
    market.deposit_cash("jp-1", 100)
    for party in (JAPAN, MONGOLIA):
        market.do(RegisterParty(LOCAL_OPERATOR, party))
        market.do(AssignParty(LOCAL_OPERATOR, "JP", party.party))

    assert "MNG" == party_of_account(market.state, "jp-1")


@pytest.mark.parametrize(
    ("by", "changes", "code"),
    [
        ("alpha-key", {}, RejectCode.NOT_PERMITTED),
        (LOCAL_OPERATOR, {"party": "JP"}, RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, {"country": "JPN"}, RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, {"registry_id": "JPN1"}, RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, {"name": " "}, RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, {"ndc_first_year": 2020}, RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, {"ndc_last_year": 2020}, RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, {"jcm_order": -1}, RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, {"jcm_order": 1}, RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, {}, RejectCode.ALREADY_EXISTS),
    ],
)
def test_parties_that_are_refused(
    market: Market, by: str, changes: dict[str, object], code: RejectCode
) -> None:
    """Codes that are none, years that are no period, Japan as its own partner, and what is known already."""
    market.do(RegisterParty(LOCAL_OPERATOR, JAPAN))

    party: Party = msgspec.structs.replace(JAPAN, **changes)
    (refused,) = market.do(RegisterParty(by, party))

    assert isinstance(refused, RequestRefused)
    assert code is refused.code


@pytest.mark.parametrize(
    ("by", "participant", "party", "code"),
    [
        ("alpha-key", "JP", "MNG", RejectCode.NOT_PERMITTED),
        (LOCAL_OPERATOR, "NOBODY", "JPN", RejectCode.UNKNOWN_PARTICIPANT),
        (LOCAL_OPERATOR, "JP", "MNG", RejectCode.UNKNOWN_PARTY),
        (LOCAL_OPERATOR, "JP", "JPN", RejectCode.ALREADY_EXISTS),
        (LOCAL_OPERATOR, "ALPHA", "JPN", RejectCode.PARTY_HOLDS_UNITS),
    ],
)
def test_assignments_that_are_refused(
    market: Market, by: str, participant: str, party: str, code: RejectCode
) -> None:
    """Strangers, who is not known, what is so already; and units never change their Party without a transfer."""
    market.do(RegisterParty(LOCAL_OPERATOR, JAPAN))
    market.do(commands.AdmitParticipant(LOCAL_OPERATOR, "JP", "Japan Ltd"))
    market.do(AssignParty(LOCAL_OPERATOR, "JP", "JPN"))

    (refused,) = market.do(AssignParty(by, participant, party))

    assert isinstance(refused, RequestRefused)
    assert code is refused.code
