"""Who is logged on over one connection, and what they may see and do. Pure: nonces and times come from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.identity import LOCAL_OPERATOR, TRADING_ROLES, Role
from exchange.domain.rejects import Reject, RejectCode
from gateway.logon import proves_key

if TYPE_CHECKING:
    from exchange.domain.identity import Key
    from gateway.replica import Replica


class LogonFailed(Reject):
    """The key was not proved. The nonce is spent."""

    def __init__(self) -> None:
        # One message for every cause: nobody learns which keys exist.
        super().__init__(RejectCode.LOGON_FAILED, "the key is not known or the signature does not prove it")


class Session:
    """The logon state of one connection: anonymous, logging on, or logged on with a session number."""

    def __init__(self, nonce: str) -> None:
        self.nonce = nonce
        self.key: Key | None = None
        self.number = 0
        """Seq of the `session_opened` event; 0 until the venue has opened the session."""

    def begin_logon(self, replica: Replica, key_id: str, signature: str, next_nonce: str) -> Key:
        """Check the proof; the venue must open the session next. Raises Reject."""
        if self.key is not None:
            raise Reject(RejectCode.ALREADY_LOGGED_ON, "this connection has a session or is opening one")
        nonce, self.nonce = self.nonce, next_nonce
        key = replica.state.keys.get(key_id)
        if (
            key is None
            or key_id == LOCAL_OPERATOR
            or not proves_key(key.public_key, key_id, nonce, signature)
        ):
            raise LogonFailed
        self.key = key
        return key

    def opened(self, number: int) -> None:
        """The venue opened the session."""
        self.number = number

    def ended(self, next_nonce: str) -> None:
        """There is no session any more, or none came about."""
        self.key = None
        self.number = 0
        self.nonce = next_nonce

    def require_key(self) -> Key:
        """The key that is logged on; raises Reject."""
        key = self.key
        if key is None or not self.number:
            raise Reject(RejectCode.NOT_LOGGED_ON, "log on first")
        return key

    def trading_account(self, replica: Replica, account: str) -> str:
        """The account that a trader's request is about, named or the only one; raises Reject."""
        key = self.require_key()
        if key.role not in TRADING_ROLES:
            raise Reject(RejectCode.NOT_PERMITTED, f"a key of role {key.role.value} may not trade")
        return _own_account(replica, key, account)

    def cancelling_account(self, replica: Replica, account: str) -> str:
        """The same for requests that only lower risk: operators may make them for any account."""
        key = self.require_key()
        if key.role is Role.OPERATOR:
            return _any_account(replica, account)
        return self.trading_account(replica, account)

    def readable_account(self, replica: Replica, account: str) -> str:
        """The account that may be read: one's own, or any for operators and auditors; raises Reject."""
        key = self.require_key()
        if key.role in TRADING_ROLES:
            return _own_account(replica, key, account)
        return _any_account(replica, account)

    def accounts(self, replica: Replica) -> list[str]:
        """All accounts that may be read."""
        key = self.require_key()
        if key.role in TRADING_ROLES:
            return list(replica.accounts_of(key.participant))
        return list(replica.state.accounts)


def _own_account(replica: Replica, key: Key, account: str) -> str:
    if account:
        if replica.state.accounts.get(account) != key.participant:
            raise Reject(RejectCode.UNKNOWN_ACCOUNT, f"{account!r} is not an account of yours")
        return account
    accounts = replica.accounts_of(key.participant)
    if len(accounts) != 1:
        raise Reject(RejectCode.UNKNOWN_ACCOUNT, f"name the account: you have {len(accounts)}")
    return accounts[0]


def _any_account(replica: Replica, account: str) -> str:
    if account not in replica.state.accounts:
        raise Reject(RejectCode.UNKNOWN_ACCOUNT, f"{account!r} is not an account")
    return account
