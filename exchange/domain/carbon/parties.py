"""Parties to the Paris Agreement, and whose accounts stand in which Party's ITMO registry.

Decision 2/CMA.3 annex paras 29 and 30: each participating Party has, or has access to, a registry for tracking its ITMOs,
in accounts as necessary. Here the accounts of a participant stand in the registry of its Party.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.party_forms import (
    AssignParty,
    Party,
    PartyAssigned,
    PartyRegistered,
    RegisterParty,
)
from exchange.domain.deciding import require_operator
from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.state import State

JAPAN = "JPN"
FIRST_YEAR_OF_ITMOS = 2021
"""Decision 2/CMA.3 annex para 1(e): mitigation from 2021 onwards."""
_PARTY = re.compile(r"[A-Z]{3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_REGISTRY_ID = re.compile(r"[A-Z]{3}[0-9]{2}")


class Parties(msgspec.Struct, eq=False):
    """All Parties by code, and the Party of participants that have one."""

    known: dict[str, Party] = {}
    of_participant: dict[str, str] = {}


def party_of_account(state: State, account: str) -> str:
    """Code of the Party in whose registry an account stands; empty: in none."""
    return state.carbon.parties.of_participant.get(state.accounts[account], "")


def known_party(state: State, party: str) -> Party:
    """A Party by its code."""
    known = state.carbon.parties.known.get(party)
    if known is None:
        raise Reject(RejectCode.UNKNOWN_PARTY, f"{party!r} is not a registered Party")
    return known


def register_party(venue: Deciding, command: RegisterParty) -> None:
    """Describe a Party. Its codes are those of decision 6/CMA.4 annex I para 5."""
    require_operator(venue.state, command.by)
    party = command.party
    problem = ""
    if not _PARTY.fullmatch(party.party) or not _COUNTRY.fullmatch(party.country):
        problem = "a Party has an ISO 3166 alpha-3 and an alpha-2 code, such as JPN and JP"
    elif not _REGISTRY_ID.fullmatch(party.registry_id):
        problem = "an ITMO registry is named by an alpha-3 code and two digits, such as JPN01"
    elif not party.name.strip():
        problem = "a Party has a name"
    elif not FIRST_YEAR_OF_ITMOS <= party.ndc_first_year <= party.ndc_last_year <= 2100:
        problem = f"an NDC is implemented in years from {FIRST_YEAR_OF_ITMOS} to 2100"
    elif party.jcm_order < 0 or (party.jcm_order and party.party == JAPAN):
        problem = "partners of Japan are counted from 1"
    if problem:
        raise Reject(RejectCode.INVALID_PARAMS, problem)
    if venue.state.carbon.parties.known.get(party.party) == party:
        raise Reject(RejectCode.ALREADY_EXISTS, f"Party {party.party} is described so already")
    venue.emit(PartyRegistered(command.by, party))


def assign_party(venue: Deciding, command: AssignParty) -> None:
    """Place a participant's accounts in a Party's registry, while they are empty.

    Units change their Party by a transfer that both Parties report, never by the change of an account
    (decision 2/CMA.3 annex para 20(a)).
    """
    state = venue.state
    require_operator(state, command.by)
    if command.participant not in state.participants:
        raise Reject(RejectCode.UNKNOWN_PARTICIPANT, f"{command.participant!r} is not a participant")
    known_party(state, command.party)
    if state.carbon.parties.of_participant.get(command.participant) == command.party:
        raise Reject(RejectCode.ALREADY_EXISTS, f"{command.participant} stands there already")
    for account, participant in state.accounts.items():
        if participant == command.participant and _owns_units(state, account):
            raise Reject(
                RejectCode.PARTY_HOLDS_UNITS,
                f"account {account!r} owns units: they would change their Party without a transfer",
            )
    venue.emit(PartyAssigned(command.by, command.participant, command.party))


def _owns_units(state: State, account: str) -> bool:
    balances = state.ledger.accounts.get(account, {})
    return any(balance.total for asset, balance in balances.items() if asset in state.classes)


def _party_registered(state: State, _seq: int, event: PartyRegistered) -> None:
    state.carbon.parties.known[event.party.party] = event.party


def _party_assigned(state: State, _seq: int, event: PartyAssigned) -> None:
    state.carbon.parties.of_participant[event.participant] = event.party


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    RegisterParty: register_party,
    AssignParty: assign_party,
}
RECORDERS: dict[type[Event], Callable[..., None]] = {
    PartyRegistered: _party_registered,
    PartyAssigned: _party_assigned,
}
