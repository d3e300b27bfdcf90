"""Methods `session.logon` and `session.logout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import commands
from exchange.domain.rejects import Reject, RejectCode
from exchange.engine.interface import EngineStopped
from gateway import results
from gateway.websocket.nonces import new_nonce
from gateway.websocket.subscribing import end_private

if TYPE_CHECKING:
    from gateway.websocket import requests
    from gateway.websocket.connection import Connection


async def logon(connection: Connection, request: requests.SessionLogon) -> results.LoggedOn:
    """`session.logon`: the proof is checked here, then the venue opens the session."""
    params = request.params
    session = connection.session
    gateway = connection.gateway
    key = session.begin_logon(gateway.replica, params.key_id, params.signature, new_nonce())
    command = commands.OpenSession(key.key_id, gateway.name, params.cancel_on_disconnect)
    try:
        number = await connection.server.open_session(connection, command)
        if number not in gateway.replica.state.sessions:
            raise Reject(RejectCode.UNKNOWN_SESSION, "the venue has ended the session already")
    except (Reject, EngineStopped):
        session.ended(new_nonce())
        raise
    session.opened(number)
    connection.coalesce = params.coalesce
    connection.key_buckets = connection.server.buckets_of(key)
    return results.LoggedOn(
        session=number,
        key_id=key.key_id,
        participant=key.participant,
        role=key.role,
        accounts=session.accounts(gateway.replica),
        seq=gateway.replica.last_seq,
    )


async def logout(connection: Connection, _request: requests.SessionLogout) -> results.LoggedOut:
    """`session.logout`."""
    session = connection.session
    session.require_key()
    number = session.number
    session.ended(new_nonce())
    connection.key_buckets = None
    connection.coalesce = False
    for key in tuple(connection.private):
        end_private(connection, key)
    await connection.server.close_session(connection, "logged out")
    return results.LoggedOut(number, session.nonce)
