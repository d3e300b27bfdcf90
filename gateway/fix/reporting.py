"""Execution reports for all FIX sessions: each event that concerns an account gets a number in each of its sessions, once.

A session's `reported_seq` is saved together with the numbers. After a crash the events behind it are read from the log,
numbered and saved before anything new: no report is lost, and none is made twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.making.forms import ProtectionTripped
from exchange.domain.rejects import Reject
from gateway.fix import protection_messages
from gateway.fix.reports import cancel_reject, execution_report
from gateway.fix.standings import (
    REPORTED,
    REPORTED_KINDS,
    Standing,
    Standings,
    accounts_of,
    find_standing,
    order_ids_of,
    standing_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from gateway.core import Gateway
    from gateway.fix.peer import FixPeer
    from gateway.fix.store import FixStore

_REPORTED = frozenset(REPORTED)
_REFUSED_CHANGES = {"CancelOrder": False, "AmendOrder": True}
"""Commands whose refusals are reported as OrderCancelReject; whether each is a replacement."""
_READ_EVENTS = 5_000
_KINDS = (*REPORTED_KINDS, ev.RequestRefused.kind, ProtectionTripped.kind)


class Reporting:
    """Follows the events of the accounts that have FIX sessions."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._peers: dict[str, list[FixPeer]] = {}
        """By account."""
        self._standings: dict[str, Standings] = {}

    def add(self, peer: FixPeer) -> None:
        """Report to a session from now on what concerns its account."""
        account = peer.account
        self._peers.setdefault(account, []).append(peer)
        if account not in self._standings:
            self._standings[account] = self._present_standings(account)

    def remove(self, peer: FixPeer) -> None:
        """The session was revoked."""
        self._peers[peer.account].remove(peer)
        if not self._peers[peer.account]:
            del self._peers[peer.account], self._standings[peer.account]

    def publish(self, batch: Iterable[ev.Recorded]) -> None:
        """Report durable events."""
        peers = self._peers
        for recorded in batch:
            event = recorded.event
            kind = type(event)
            if kind in _REPORTED:
                for account in accounts_of(event):
                    if account in peers:
                        self._report(account, recorded, peers[account])
            elif kind is ev.RequestRefused or kind is ProtectionTripped:
                for peer in peers.get(event.account, ()):  # type: ignore[attr-defined]
                    self._tell(peer, recorded)

    async def catch_up(self, peer: FixPeer, store: FixStore, last: int) -> None:
        """Report what happened after `reported_seq`, up to the seq `last`."""
        account = peer.account
        if peer.registered.resets_on_logon:
            peer.reported_seq = last
            return
        standings = Standings(account)
        async for recorded in self._account_events(account, peer.reported_seq, last):
            concerned = order_ids_of(account, recorded.event)
            missing = [order_id for order_id in concerned if order_id not in standings.live]
            if missing:
                standings.live |= await self._earlier(peer, store, missing)
            if type(recorded.event) in _REPORTED:
                for standing in standings.fold(recorded.seq, recorded.event):
                    self._send(peer, recorded, standing)
            else:
                self._tell(peer, recorded)
        peer.reported_seq = last

    def _report(self, account: str, recorded: ev.Recorded, peers: list[FixPeer]) -> None:
        for standing in self._standings[account].fold(recorded.seq, recorded.event):
            for peer in peers:
                self._send(peer, recorded, standing)

    def _send(self, peer: FixPeer, recorded: ev.Recorded, standing: Standing) -> None:
        listings = self._gateway.replica.state.listings
        peer.reported_seq = recorded.seq
        peer.report(execution_report(listings, peer.account, recorded, standing), recorded.seq, standing)

    def _tell(self, peer: FixPeer, recorded: ev.Recorded) -> None:
        """Report what is no execution: refused cancels and replacements to who asked, and tripped protections."""
        event = recorded.event
        peer.reported_seq = recorded.seq
        if isinstance(event, ProtectionTripped):
            state = self._gateway.replica.state
            peer.send(protection_messages.tripped(state, recorded.seq, event))
        elif isinstance(event, ev.RequestRefused) and is_refused_change(event) and event.by == peer.comp_id:
            peer.send(
                cancel_reject(
                    peer.account,
                    event.request_id,
                    event.client_order_id,
                    find_standing(self._gateway.replica, peer.account, event.client_order_id),
                    Reject(event.code, event.message),
                    recorded.recorded_at,
                    replacing=_REFUSED_CHANGES[event.command],
                    seq=recorded.seq,
                )
            )

    def _present_standings(self, account: str) -> Standings:
        state = self._gateway.replica.state
        standings = Standings(account)
        for order_id in state.account_orders.get(account, ()):
            order = state.orders[order_id]
            name = state.remembered[account][order.request.client_order_id].name
            standings.live[order_id] = standing_of(order, name)
        return standings

    async def _account_events(self, account: str, after_seq: int, up_to: int) -> AsyncIterator[ev.Recorded]:
        while True:
            page = await self._gateway.reader.account_events(account, after_seq, up_to, _READ_EVENTS, _KINDS)
            for recorded in page:
                yield recorded
            if len(page) < _READ_EVENTS:
                return
            after_seq = page[-1].seq

    async def _earlier(self, peer: FixPeer, store: FixStore, order_ids: list[int]) -> dict[int, Standing]:
        """How orders stood when the session was last told anything.

        Its last report of each says so; where there was none, because the session is younger or began anew, the log does.
        """
        up_to = peer.reported_seq
        found = await store.last_standings(peer.comp_id, order_ids, up_to)
        older = [order_id for order_id in order_ids if order_id not in found]
        if older:
            standings = Standings(peer.account)
            async for recorded in self._account_events(peer.account, min(older) - 1, up_to):
                concerned = order_ids_of(peer.account, recorded.event)
                if not concerned or any(order_id in standings.live for order_id in concerned):
                    standings.fold(recorded.seq, recorded.event)
            found |= {order_id: standings.live[order_id] for order_id in older if order_id in standings.live}
        return found


def is_refused_change(event: ev.RequestRefused) -> bool:
    """Whether a refusal is reported when its event is, and not with the answer to the command."""
    return bool(event.account and event.request_id) and event.command in _REFUSED_CHANGES
