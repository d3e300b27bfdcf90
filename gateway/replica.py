"""The gateway's copy of the venue: durable facts only, so that whatever is answered from it may leave."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from exchange.domain import events as ev

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.orders import OpenOrder, RememberedOrder
    from exchange.domain.state import State

RECENT_EVENTS = 4096
"""Events kept in memory: a channel that resumes within them needs no read of the log."""
CHANGES_KEPT = 65_536
"""Orders changed lately: many times what the engine commits at once, since answers are made when it has."""


class Replica:
    """A recovered state, kept by folding durable events, and what a gateway looks up besides."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.recent: deque[ev.Recorded] = deque(maxlen=RECENT_EVENTS)
        """The last events folded, oldest first, without a gap."""
        self._changes: dict[int, tuple[OpenOrder, int]] = {}
        self._participant_accounts: dict[str, list[str]] = {}
        self._order_names: dict[int, tuple[str, str]] = {}
        for account, participant in state.accounts.items():
            self._participant_accounts.setdefault(participant, []).append(account)
        for account, orders in state.remembered.items():
            for client_order_id, remembered in orders.items():
                if remembered.order_id:
                    self._order_names[remembered.order_id] = (account, client_order_id)

    @property
    def last_seq(self) -> int:
        """Seq of the last event folded; everything answered from here is as of it."""
        return self.state.last_seq

    def apply(self, recorded: ev.Recorded) -> None:
        """Fold the next durable event."""
        event = recorded.event
        prepare = _BEFORE.get(type(event))
        if prepare:
            prepare(self, recorded.seq, event)
        self.state.apply(recorded.seq, recorded.recorded_at, event)
        self.recent.append(recorded)
        index = _INDEXERS.get(type(event))
        if index:
            index(self, recorded.seq, event)

    def accounts_of(self, participant: str) -> list[str]:
        """Accounts of a participant, oldest first."""
        return self._participant_accounts.get(participant, [])

    def remembered_order(self, order_id: int) -> tuple[str, RememberedOrder] | None:
        """Account and record of an order that is live or ended lately (until the second day end after its end)."""
        name = self._order_names.get(order_id)
        if name is None:
            return None
        account, client_order_id = name
        return account, self.state.remembered[account][client_order_id]

    def order_changed_by(self, seq: int) -> tuple[OpenOrder, int]:
        """The order that a recent `order_amended` or `order_cancelled` event concerned, and its filled quantity then.

        The order is as it stands now; after a cancel nothing changes about it any more.
        """
        return self._changes[seq]

    def remember_account(self, account: str, participant: str) -> None:
        """An account was opened."""
        # The venue's own account is in no event of its own; it opens with the venue.
        accounts = self._participant_accounts.setdefault(participant, [])
        if account not in accounts:
            accounts.append(account)

    def _account_opened(self, _seq: int, event: ev.AccountOpened) -> None:
        self.remember_account(event.account, event.participant)

    def _venue_opened(self, _seq: int, _event: ev.VenueOpened) -> None:
        for account, participant in self.state.accounts.items():
            self.remember_account(account, participant)

    def _order_accepted(self, seq: int, event: ev.OrderAccepted) -> None:
        self._order_names[seq] = (event.account, event.order.client_order_id)

    def _order_changes(self, seq: int, event: ev.OrderAmended | ev.OrderCancelled) -> None:
        order = self.state.orders[event.order_id]
        changes = self._changes
        changes[seq] = (order, order.filled)
        if len(changes) > CHANGES_KEPT:
            del changes[next(iter(changes))]

    def _day_closes(self, _seq: int, _event: ev.DayClosed) -> None:
        state = self.state
        for account, client_order_id in state.ended_yesterday:
            self._order_names.pop(state.remembered[account][client_order_id].order_id, None)


_BEFORE: dict[type[ev.Event], Callable[..., None]] = {
    ev.DayClosed: Replica._day_closes,  # noqa: SLF001 - the table is part of the class
    ev.OrderAmended: Replica._order_changes,  # noqa: SLF001
    ev.OrderCancelled: Replica._order_changes,  # noqa: SLF001
}
_INDEXERS: dict[type[ev.Event], Callable[..., None]] = {
    ev.VenueOpened: Replica._venue_opened,  # noqa: SLF001
    ev.AccountOpened: Replica._account_opened,  # noqa: SLF001
    ev.OrderAccepted: Replica._order_accepted,  # noqa: SLF001
}
