"""Random commands of market makers: quotes, protections, FIX sessions; some of them sent twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.identity import LOCAL_OPERATOR, Role
from exchange.domain.making.forms import (
    CancelQuotes,
    RegisterFixSession,
    ReplaceQuote,
    ResetProtection,
    SetFixPassword,
    SetProtection,
)

if TYPE_CHECKING:
    from exchange.domain.commands import Command
    from tests.exchange.domain.random_trading import RandomTrading

_HASHES = ("scrypt$14$8$1$c2FsdA$a2V5", "scrypt$14$8$1$c2FsdA$b3RoZXI")


def replace_quote(trading: RandomTrading) -> Command:
    """A quote about the middle, sometimes with one side only, sometimes crossed or without cover."""
    random = trading.random
    account, instrument = trading.account(), trading.instrument()
    key_id = trading.key_of(account)
    quote_id = trading.new_id("quote") if random.random() < 0.9 else "quote-0"
    bid, ask = sorted((trading.price(), trading.price()))
    sizes = [instrument.lot * random.randint(0, 12) for _ in range(2)]
    return ReplaceQuote(
        key_id,
        trading.session(key_id),
        account,
        quote_id,
        instrument.symbol,
        bid,
        sizes[0],
        ask,
        sizes[1],
    )


def cancel_quotes(trading: RandomTrading) -> Command:
    """All quotes of an account, or those in an instrument."""
    account = trading.account()
    key_id = trading.key_of(account)
    symbol = trading.random.choice(("", trading.instrument().symbol))
    return CancelQuotes(key_id, trading.session(key_id), account, symbol)


def set_protection(trading: RandomTrading) -> Command:
    """A protection that trips soon, or none."""
    random = trading.random
    account = trading.account()
    key_id = trading.key_of(account)
    window_ns = random.choice((0, 5_000, 50_000, 50_000))
    return SetProtection(
        key_id,
        trading.session(key_id),
        account,
        trading.instrument().symbol,
        window_ns,
        random.randint(1, 60),
        random.randint(1, 5),
    )


def reset_protection(trading: RandomTrading) -> Command:
    """One that is tripped, if any is."""
    protections = trading.market.state.making.protections
    frozen = [
        (account, symbol)
        for account, of_account in protections.items()
        for symbol, protection in of_account.items()
        if protection.frozen
    ]
    account, symbol = (
        trading.random.choice(frozen) if frozen else (trading.account(), trading.instrument().symbol)
    )
    return ResetProtection(LOCAL_OPERATOR, 0, account, symbol)


def fix_session(trading: RandomTrading) -> Command:
    """A new session, or a new password."""
    random = trading.random
    if random.random() < 0.5:
        comp_id = trading.new_id("FIX")
        return RegisterFixSession(
            LOCAL_OPERATOR, comp_id, trading.account(), Role.MARKET_MAKER, random.choice(_HASHES)
        )
    known = [*trading.market.state.making.fix_sessions, "nobody"]
    return SetFixPassword(LOCAL_OPERATOR, random.choice(known), random.choice(_HASHES))
