"""Sessions and dead-man timers: what happens to orders when their owner goes silent, and who may act at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchange.domain import commands
from exchange.domain.events import (
    CancelAfterFired,
    CancelAfterSet,
    CancelReason,
    KeyRevoked,
    RequestRefused,
    SessionClosed,
    SessionOpened,
)
from exchange.domain.identity import LOCAL_OPERATOR, VENUE
from exchange.domain.rejects import RejectCode
from tests.exchange.domain.expected import cancelled, refused
from tests.market import STEP_NS, V19, Market, Trader

if TYPE_CHECKING:
    from exchange.domain.commands import Command

DAY_NS = 24 * 3600 * 10**9


def test_session_is_named_by_its_seq(market: Market) -> None:
    """Any key but the local operator's may log on, several times at once."""
    for key_id in ("alpha-key", "alpha-key", "operator-key", "auditor-key"):
        number = market.next_seq
        assert [SessionOpened(key_id, "gateway-1", cancel_on_disconnect=True)] == market.do(
            commands.OpenSession(key_id, "gateway-1", cancel_on_disconnect=True)
        )
        assert key_id == market.state.sessions[number].key_id


@pytest.mark.parametrize(
    ("key_id", "code", "message"),
    [
        ("nobody", RejectCode.UNKNOWN_KEY, "key 'nobody' is not registered or was revoked"),
        (LOCAL_OPERATOR, RejectCode.NOT_PERMITTED, "the local operator has no sessions"),
    ],
)
def test_refused_sessions(market: Market, key_id: str, code: RejectCode, message: str) -> None:
    """Unknown keys and the local operator cannot log on."""
    assert [RequestRefused("OpenSession", key_id, "", code, message)] == market.do(
        commands.OpenSession(key_id, "gateway-1")
    )


def test_orders_outlive_a_session(market: Market) -> None:
    """Unless it asked for cancel on disconnect, a session's end touches no order."""
    order_id = market.alpha.rest(market.alpha.buy(1, 1000))
    assert [SessionClosed(market.alpha.session, "client left")] == market.alpha.log_off()
    assert [order_id] == list(market.state.orders)


def test_cancel_on_disconnect(market: Market) -> None:
    """The orders that the session placed end, oldest first, on all accounts; those of other sessions stay."""
    kept = market.alpha.rest(market.alpha.buy(1, 1000))
    session = market.logged_on("alpha-key", "alpha", cancel_on_disconnect=True)
    sibling = Trader(market, session.key_id, session.session, "alpha-2")
    first = sibling.rest(sibling.sell(2, 1100))
    second = session.rest(session.buy(1, 1000))
    third = sibling.rest(sibling.buy(1, 1000))
    market.beta.rest(market.beta.buy(1, 1000))
    reason = CancelReason.DISCONNECTED
    assert [
        SessionClosed(session.session, "heartbeat missed"),
        cancelled(sibling, first, 2, reason, release_units=((V19, 2),)),
        cancelled(session, second, 1, reason, release_cash=1_002),
        cancelled(sibling, third, 1, reason, release_cash=1_002),
    ] == session.log_off("heartbeat missed")
    assert kept in market.state.orders


def test_a_session_ends_once(market: Market) -> None:
    """Closing it again is refused."""
    market.alpha.log_off()
    assert [
        RequestRefused(
            "CloseSession",
            "",
            "",
            RejectCode.UNKNOWN_SESSION,
            f"session {market.alpha.session} is not open",
        )
    ] == market.alpha.log_off()


def test_a_session_ends_whatever_the_reason_says(market: Market) -> None:
    """The reason may be anything that a gateway was told."""
    reason = "goodbye\x00" + "x" * 1000
    assert [SessionClosed(market.alpha.session, reason)] == market.alpha.log_off(reason)


def trading_commands(key_id: str, session: int, account: str) -> list[Command]:
    """One of each kind that a trader may send."""
    order = Market().alpha.buy(1, 1000, client_order_id="mine")
    return [
        commands.PlaceOrder(key_id, session, account, order),
        commands.AmendOrder(key_id, session, account, 1, quantity=1),
        commands.CancelOrder(key_id, session, account, 1),
        commands.CancelAll(key_id, session, account),
        commands.Retire(key_id, session, account, "Acme", "flights", "r-1", ((V19, 1),)),
        commands.SetCancelAfter(key_id, session, account, 1000),
    ]


def assert_all_refused(
    market: Market, key_id: str, session: int, account: str, code: RejectCode, message: str
) -> None:
    """Nothing is done or remembered, and no event names the account."""
    remembered = dict(market.state.remembered.get(account, {}))
    for command in trading_commands(key_id, session, account):
        assert [
            RequestRefused(
                type(command).__name__,
                key_id,
                "",
                code,
                message,
                order_id=getattr(command, "order_id", 0),
                client_order_id="mine" if isinstance(command, commands.PlaceOrder) else "",
            )
        ] == market.do(command)
    assert remembered == market.state.remembered.get(account, {})
    assert account not in market.state.cancel_after


def test_unknown_and_revoked_keys(market: Market) -> None:
    """A key that is not registered can do nothing."""
    message = "key 'alpha-key' is not registered or was revoked"
    market.do(commands.RevokeKey(LOCAL_OPERATOR, "alpha-key"))
    assert_all_refused(market, "alpha-key", market.alpha.session, "alpha", RejectCode.UNKNOWN_KEY, message)


def test_other_peoples_accounts(market: Market) -> None:
    """An account of somebody else, of the venue, or of nobody looks the same: not yours."""
    for account in ("beta", VENUE, "nowhere", ""):
        message = f"{account!r} is not an account of yours"
        assert_all_refused(
            market, "alpha-key", market.alpha.session, account, RejectCode.UNKNOWN_ACCOUNT, message
        )


def test_other_peoples_sessions(market: Market) -> None:
    """A session works for the key that opened it, while it is open."""
    for session in (market.beta.session, 0, 10**9):
        message = f"session {session} is not open for this key"
        assert_all_refused(market, "alpha-key", session, "alpha", RejectCode.UNKNOWN_SESSION, message)
    market.alpha.log_off()
    message = f"session {market.alpha.session} is not open for this key"
    assert_all_refused(
        market, "alpha-key", market.alpha.session, "alpha", RejectCode.UNKNOWN_SESSION, message
    )


def test_auditors_do_not_trade(market: Market) -> None:
    """A key that may look may not act."""
    session = market.logged_on("auditor-key", VENUE)
    message = "a key of role auditor may not trade"
    assert_all_refused(market, "auditor-key", session.session, VENUE, RejectCode.NOT_PERMITTED, message)


def test_operators_do_not_trade(market: Market) -> None:
    """An operator may cancel for a participant, and nothing else of what a trader does."""
    session = market.logged_on("operator-key", VENUE).session
    for command in trading_commands("operator-key", session, "alpha"):
        if isinstance(command, commands.CancelOrder | commands.CancelAll):
            continue
        (event,) = market.do(command)
        assert isinstance(event, RequestRefused)
        assert RejectCode.NOT_PERMITTED is event.code


def test_market_makers_trade(market: Market) -> None:
    """The role trades like a trader."""
    market.gamma.rest(market.gamma.buy(1, 1000))


def test_revoking_a_key_ends_its_sessions(market: Market) -> None:
    """In the order of the sessions, with their cancels on disconnect; the key is gone last."""
    careful = market.logged_on("alpha-key", "alpha", cancel_on_disconnect=True)
    order_id = careful.rest(careful.buy(1, 1000))
    kept = market.alpha.rest(market.alpha.buy(1, 1000))
    assert [
        SessionClosed(market.alpha.session, "key revoked"),
        SessionClosed(careful.session, "key revoked"),
        cancelled(careful, order_id, 1, CancelReason.DISCONNECTED, release_cash=1_002),
        KeyRevoked(LOCAL_OPERATOR, "alpha-key"),
    ] == market.do(commands.RevokeKey(LOCAL_OPERATOR, "alpha-key"))
    assert [kept] == list(market.state.orders)
    assert market.beta.session in market.state.sessions


def test_dead_man_timer_fires(market: Market) -> None:
    """At its deadline, not before, it cancels the account's orders of all sessions, oldest first, and is off."""
    first = market.alpha.rest(market.alpha.buy(1, 1000))
    again = market.logged_on("alpha-key", "alpha")
    second = again.rest(again.sell(1, 1100))
    sibling = market.alpha_2.rest(market.alpha_2.buy(1, 1000))
    deadline = market.at + STEP_NS + 10 * STEP_NS
    assert [CancelAfterSet("alpha", again.session, deadline)] == again.cancel_after(10 * STEP_NS)
    market.at = deadline - 2 * STEP_NS
    assert [] == market.do(commands.FireTimers())
    assert [
        CancelAfterFired("alpha"),
        cancelled(again, first, 1, CancelReason.DEAD_MAN, release_cash=1_002),
        cancelled(again, second, 1, CancelReason.DEAD_MAN, release_units=((V19, 1),)),
    ] == market.do(commands.FireTimers())
    assert [] == market.do(commands.FireTimers())
    assert [sibling] == list(market.state.orders)


def test_dead_man_timer_is_prolonged_and_disarmed(market: Market) -> None:
    """Setting it again moves the deadline; zero turns it off, also when it is off."""
    market.alpha.rest(market.alpha.buy(1, 1000))
    market.alpha.cancel_after(2 * STEP_NS)
    market.alpha.cancel_after(DAY_NS)
    assert market.at + DAY_NS == market.state.cancel_after["alpha"]
    market.at += 3 * STEP_NS
    assert [] == market.do(commands.FireTimers())
    for _ in range(2):
        assert [CancelAfterSet("alpha", market.alpha.session, 0)] == market.alpha.cancel_after(0)
    market.at += 2 * DAY_NS
    assert [] == market.do(commands.FireTimers())


def test_timers_fire_in_the_order_of_their_deadlines(market: Market) -> None:
    """Earlier deadlines first, equal ones by account; accounts without orders get their event too."""
    market.beta.cancel_after(10 * STEP_NS)
    market.alpha_2.cancel_after(5 * STEP_NS)
    market.alpha.cancel_after(4 * STEP_NS)
    market.gamma.cancel_after(1 * STEP_NS)
    market.at += 20 * STEP_NS
    assert [
        CancelAfterFired("gamma"),
        CancelAfterFired("alpha"),
        CancelAfterFired("alpha-2"),
        CancelAfterFired("beta"),
    ] == market.do(commands.FireTimers())


@pytest.mark.parametrize("timeout_ns", [-1, DAY_NS + 1, 2**63 - 1])
def test_dead_man_timers_are_bounded(market: Market, timeout_ns: int) -> None:
    """Nothing negative, nothing beyond a day."""
    assert [
        refused(
            market.alpha,
            "SetCancelAfter",
            RejectCode.INVALID_PARAMS,
            "a dead-man timer runs for at most 24 hours",
        )
    ] == market.alpha.cancel_after(timeout_ns)
