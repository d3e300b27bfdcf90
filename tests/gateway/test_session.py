"""Logon and rights of one connection, without any socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR, VENUE
from exchange.domain.rejects import Reject, RejectCode
from gateway.logon import logon_message, proves_key
from gateway.replica import Replica
from gateway.session import LogonFailed, Session
from gateway.websocket.client import SigningKey
from tests.market import ALPHA, ALPHA_2, BETA, Market, opening_commands

if TYPE_CHECKING:
    from collections.abc import Callable

NONCE = "0a" * 32
NEXT = "0b" * 32
KEYS = {
    key_id: SigningKey.generate(key_id) for key_id in ("alpha-key", "beta-key", "operator-key", "auditor-key")
}


@pytest.fixture(scope="module")
def replica() -> Replica:
    """Gives the replica of a market whose keys the tests can sign with."""
    market = Market(opened=False)
    for command in opening_commands({key_id: key.public_hex for key_id, key in KEYS.items()}):
        market.do(command)
    return Replica(market.state)


def logged_on(replica: Replica, key_id: str) -> Session:
    session = Session(NONCE)
    session.begin_logon(replica, key_id, KEYS[key_id].sign(NONCE), NEXT)
    session.opened(100)
    return session


def refusal(call: Callable[..., object], *arguments: object) -> RejectCode:
    with pytest.raises(Reject) as caught:
        call(*arguments)
    return caught.value.code


def test_signed_message() -> None:
    """The signed bytes are the documented three lines."""
    assert b"carbon-exchange logon v1\nalpha-key\n" + NONCE.encode() == logon_message("alpha-key", NONCE)


def test_logon(replica: Replica) -> None:
    """A right signature names the key, and the session is there once the venue has opened it."""
    session = Session(NONCE)
    key = session.begin_logon(replica, "alpha-key", KEYS["alpha-key"].sign(NONCE), NEXT)
    assert ("alpha-key", "ALPHA") == (key.key_id, key.participant)
    assert RejectCode.NOT_LOGGED_ON == refusal(session.require_key)
    session.opened(100)
    assert key == session.require_key()


@pytest.mark.parametrize(
    ("key_id", "signature"),
    [
        ("alpha-key", KEYS["beta-key"].sign(NONCE)),
        ("alpha-key", KEYS["alpha-key"].sign(NEXT)),
        ("alpha-key", ""),
        ("alpha-key", "zz"),
        ("alpha-key", "00" * 64),
        ("alpha-key", KEYS["alpha-key"].sign(NONCE)[:-2]),
        ("nobody", KEYS["alpha-key"].sign(NONCE)),
        (LOCAL_OPERATOR, KEYS["alpha-key"].sign(NONCE)),
    ],
    ids=["other key", "other nonce", "empty", "no hex", "zeros", "short", "unknown key", "local operator"],
)
def test_failed_logon(replica: Replica, key_id: str, signature: str) -> None:
    """Whatever is wrong, the answer is the same, and the nonce is spent."""
    session = Session(NONCE)
    with pytest.raises(LogonFailed) as caught:
        session.begin_logon(replica, key_id, signature, NEXT)
    assert "the key is not known or the signature does not prove it" == caught.value.message
    assert NEXT == session.nonce
    with pytest.raises(LogonFailed):
        session.begin_logon(replica, "alpha-key", KEYS["alpha-key"].sign(NONCE), "0c" * 32)


def test_replayed_signature_fails(replica: Replica) -> None:
    """A signature that was good on one connection is none on another."""
    signature = KEYS["alpha-key"].sign(NONCE)
    Session(NONCE).begin_logon(replica, "alpha-key", signature, NEXT)
    with pytest.raises(LogonFailed):
        Session("0c" * 32).begin_logon(replica, "alpha-key", signature, NEXT)


def test_second_logon_is_refused(replica: Replica) -> None:
    """A connection has one session at a time, and none while one is being opened."""
    session = Session(NONCE)
    session.begin_logon(replica, "alpha-key", KEYS["alpha-key"].sign(NONCE), NEXT)
    again = KEYS["alpha-key"].sign(NEXT)
    assert RejectCode.ALREADY_LOGGED_ON == refusal(session.begin_logon, replica, "alpha-key", again, NONCE)
    session.opened(100)
    assert RejectCode.ALREADY_LOGGED_ON == refusal(session.begin_logon, replica, "alpha-key", again, NONCE)
    session.ended(NEXT)
    assert "alpha-key" == session.begin_logon(replica, "alpha-key", again, NONCE).key_id


def test_venues_own_key_material_proves_nothing() -> None:
    """The local operator has no public key, so no signature can be its."""
    assert not proves_key("", LOCAL_OPERATOR, NONCE, KEYS["alpha-key"].sign(NONCE))


def test_trader_acts_on_own_accounts(replica: Replica) -> None:
    """A trader names one of several own accounts, may leave out the only one, and sees nobody else's."""
    alpha, beta = logged_on(replica, "alpha-key"), logged_on(replica, "beta-key")
    assert ALPHA_2 == alpha.trading_account(replica, ALPHA_2)
    assert BETA == beta.trading_account(replica, "")
    assert [ALPHA, ALPHA_2] == alpha.accounts(replica)
    for account in (BETA, "nobody", VENUE):
        assert RejectCode.UNKNOWN_ACCOUNT == refusal(alpha.trading_account, replica, account)
        assert RejectCode.UNKNOWN_ACCOUNT == refusal(alpha.readable_account, replica, account)
    assert RejectCode.UNKNOWN_ACCOUNT == refusal(alpha.trading_account, replica, "")


def test_operator_and_auditor(replica: Replica) -> None:
    """Both read every account, neither trades, and only the operator cancels."""
    operator, auditor = logged_on(replica, "operator-key"), logged_on(replica, "auditor-key")
    for session in (operator, auditor):
        assert ALPHA == session.readable_account(replica, ALPHA)
        assert VENUE in session.accounts(replica)
        assert RejectCode.NOT_PERMITTED == refusal(session.trading_account, replica, ALPHA)
        assert RejectCode.UNKNOWN_ACCOUNT == refusal(session.readable_account, replica, "")
    assert ALPHA == operator.cancelling_account(replica, ALPHA)
    assert RejectCode.NOT_PERMITTED == refusal(auditor.cancelling_account, replica, ALPHA)


def test_account_opened_later_is_known() -> None:
    """The replica learns of accounts, also the venue's own, as events come."""
    market = Market()
    replica = Replica(type(market.state)())
    for recorded in market.recorded:
        replica.apply(recorded)
    market.do(commands.OpenAccount(LOCAL_OPERATOR, "beta-2", "BETA"))
    replica.apply(market.recorded[-1])
    assert [BETA, "beta-2"] == replica.accounts_of("BETA")
    assert [VENUE] == replica.accounts_of(VENUE)
    assert replica.accounts_of("BETA") == Replica(market.state).accounts_of("BETA")
