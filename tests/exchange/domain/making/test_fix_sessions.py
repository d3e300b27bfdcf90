"""Who may log on over FIX: registered by the operator, with the hash of a password."""

import pytest

from exchange.domain import commands
from exchange.domain.events import Event, RequestRefused, SessionClosed
from exchange.domain.identity import LOCAL_OPERATOR, VENUE, Key, Role
from exchange.domain.making.forms import (
    FixPasswordSet,
    FixSessionRegistered,
    RegisterFixSession,
    SetFixPassword,
)
from exchange.domain.rejects import RejectCode
from tests.market import ALPHA, Market

HASH = "scrypt$14$8$1$c2FsdA$a2V5"
OTHER = "scrypt$14$8$1$c2FsdA$b3RoZXI"


def register(market: Market, comp_id: str = "ALPHAFIX") -> list[Event]:
    return market.do(RegisterFixSession(LOCAL_OPERATOR, comp_id, ALPHA, Role.MARKET_MAKER, HASH))


def test_a_session_is_a_key_with_an_account(market: Market) -> None:
    """It can log on at the venue like any key of the account's participant, but proves no signature."""
    assert [FixSessionRegistered(LOCAL_OPERATOR, "ALPHAFIX", ALPHA, Role.MARKET_MAKER, HASH)] == register(
        market
    )
    assert Key("ALPHAFIX", "ALPHA", Role.MARKET_MAKER, "") == market.state.keys["ALPHAFIX"]
    trader = market.logged_on("ALPHAFIX", ALPHA)
    trader.rest(trader.buy(1, 990))


def test_a_new_password_ends_sessions(market: Market) -> None:
    """Those of this key and no others."""
    register(market)
    trader = market.logged_on("ALPHAFIX", ALPHA)
    assert [
        SessionClosed(trader.session, "password changed"),
        FixPasswordSet(LOCAL_OPERATOR, "ALPHAFIX", OTHER),
    ] == market.do(SetFixPassword(LOCAL_OPERATOR, "ALPHAFIX", OTHER))
    assert OTHER == market.state.making.fix_sessions["ALPHAFIX"].password_hash
    market.alpha.rest(market.alpha.buy(1, 990))


def test_a_revoked_session_is_forgotten(market: Market) -> None:
    """Its key is gone and the CompID can be registered anew."""
    register(market)
    market.do(commands.RevokeKey(LOCAL_OPERATOR, "ALPHAFIX"))
    assert {} == market.state.making.fix_sessions
    register(market)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (RegisterFixSession("alpha-key", "F", ALPHA, Role.TRADER, HASH), RejectCode.NOT_PERMITTED),
        (RegisterFixSession(LOCAL_OPERATOR, "F", "nowhere", Role.TRADER, HASH), RejectCode.UNKNOWN_ACCOUNT),
        (RegisterFixSession(LOCAL_OPERATOR, "F", VENUE, Role.TRADER, HASH), RejectCode.UNKNOWN_ACCOUNT),
        (
            RegisterFixSession(LOCAL_OPERATOR, "alpha-key", ALPHA, Role.TRADER, HASH),
            RejectCode.ALREADY_EXISTS,
        ),
        (RegisterFixSession(LOCAL_OPERATOR, "F F", ALPHA, Role.TRADER, HASH), RejectCode.INVALID_PARAMS),
        (RegisterFixSession(LOCAL_OPERATOR, "F", ALPHA, Role.OPERATOR, HASH), RejectCode.NOT_PERMITTED),
        (RegisterFixSession(LOCAL_OPERATOR, "F", ALPHA, Role.TRADER, "secret"), RejectCode.INVALID_PARAMS),
        (RegisterFixSession(LOCAL_OPERATOR, "F", ALPHA, Role.TRADER, "scrypt$1"), RejectCode.INVALID_PARAMS),
        (SetFixPassword(LOCAL_OPERATOR, "alpha-key", HASH), RejectCode.UNKNOWN_KEY),
        (SetFixPassword("beta-key", "alpha-key", HASH), RejectCode.NOT_PERMITTED),
    ],
)
def test_refused(market: Market, command: commands.Command, code: RejectCode) -> None:
    """Only operators register, for accounts of participants, and no password as it is."""
    (refused,) = market.do(command)
    assert isinstance(refused, RequestRefused)
    assert code is refused.code
