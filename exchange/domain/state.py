"""The state of the venue as a fold over its events.

`record` books what an event means outside the order books; `apply` also replays it onto its book. While the venue
decides, the book has already moved when the event is emitted, so live code calls `record` and a replay calls `apply`:
everything but the book's own mutators is shared, and a digest of the whole state proves that both agree.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from exchange.domain import book_replay, entries, recorders
from exchange.domain import events as ev
from exchange.domain.carbon.state import CarbonState
from exchange.domain.holdings import Holdings
from exchange.domain.ledger import Ledger, LedgerError
from exchange.domain.making.state import MakingState
from exchange.domain.orders import OrderType
from exchange.domain.requests import RememberedRequests
from exchange.domain.serials import Custody
from matching.order import Order, TimeInForce

if TYPE_CHECKING:
    from exchange.domain.identity import Key, Participant, Session
    from exchange.domain.instruments import CreditClass, Listing
    from exchange.domain.open_trades import BlockHalf, Obligation
    from exchange.domain.orders import OpenOrder, RememberedOrder
    from exchange.domain.references import Reference
    from matching.book import OrderBook

_MARKET, _IOC, _FOK = OrderType.MARKET, TimeInForce.IOC, TimeInForce.FOK

_MEANINGS = {
    event_type: (
        book_replay.REPLAYS.get(event_type),
        entries.RULES.get(event_type),
        recorders.RECORDERS.get(event_type),
    )
    for event_type in ev.EVENT_TYPES
}
"""What each event does to its order book, to the ledger and to the rest of the state."""


class State:
    """Everything that the venue knows. Read it freely; only `record` and `apply` change it."""

    def __init__(self) -> None:
        self.last_seq = 0
        self.last_at = 0
        self.name = ""
        self.business_date = ""
        """ISO 8601; empty until the venue is opened."""
        self.participants: dict[str, Participant] = {}
        self.accounts: dict[str, str] = {}
        """Account to its participant."""
        self.keys: dict[str, Key] = {}
        self.classes: dict[str, CreditClass] = {}
        self.listings: dict[str, Listing] = {}
        self.books: dict[str, OrderBook] = {}
        self.orders: dict[int, OpenOrder] = {}
        self.account_orders: dict[str, dict[int, None]] = {}
        """Ids of the live orders of each account, oldest first."""
        self.remembered: dict[str, dict[str, RememberedOrder]] = {}
        """Account, then client order id."""
        self.ended_today: list[tuple[str, str]] = []
        """`(account, client_order_id)` of orders that ended since the day began: forgotten two day ends later."""
        self.ended_yesterday: list[tuple[str, str]] = []
        self.requests = RememberedRequests()
        self.names: dict[str, dict[str, int]] = {}
        """Orders by account and the id of the request that amended them last, as long as they are remembered."""
        self.references: dict[str, dict[str, Reference]] = {}
        self.sessions: dict[int, Session] = {}
        self.cancel_after: dict[str, int] = {}
        """Dead-man deadlines by account, in nanoseconds UTC."""
        self.ledger = Ledger()
        self.custody = Custody()
        """Every serial that came in and did not go back: none of them can come in again."""
        self.holdings = Holdings()
        self.frozen = Holdings()
        """Serials that must not move, by holder: none of them is in `holdings`."""
        self.issued: dict[str, int] = {}
        """Last serial issued here, by class."""
        self.calendars: dict[str, tuple[str, ...]] = {}
        """Holidays by calendar."""
        self.obligations: dict[int, Obligation] = {}
        """Deferred trades by the seq of their `fill` or `block_trade`."""
        self.block_halves: dict[tuple[str, str, str], BlockHalf] = {}
        """`(account, counterparty, trade reference)` to what was keyed, waiting or ended lately."""
        self.carbon = CarbonState()
        self.making = MakingState()

    def apply(self, seq: int, recorded_at: int, event: ev.Event) -> None:
        """Replay a recorded fact: the order book first, then everything else."""
        if seq != self.last_seq + 1:
            raise ValueError(f"event {seq} does not follow event {self.last_seq}")
        replay, post, record = _MEANINGS[type(event)]
        if replay:
            replay(self, seq, event)
        # As in `record`, without its look-up: a long log is mostly this.
        self.last_seq = seq
        self.last_at = recorded_at
        if post:
            post(self.ledger, event)
        if record:
            record(self, seq, event)

    def record(self, seq: int, recorded_at: int, event: ev.Event) -> None:
        """Book a fact whose effect on the order book has already happened."""
        self.last_seq = seq
        self.last_at = recorded_at
        _, post, record = _MEANINGS[type(event)]
        if post:
            post(self.ledger, event)
        if record:
            record(self, seq, event)

    def check(self) -> None:
        """Raise unless the ledger balances and every unit of it is a serial number in exactly one place."""
        self.ledger.check()
        locked: dict[tuple[str, str], int] = {}
        for trade, chosen in self.holdings.locked.items():
            seller = self.obligations[trade].settled.seller
            for class_id, block in chosen:
                locked[seller, class_id] = locked.get((seller, class_id), 0) + block.quantity
        for account, balances in self.ledger.accounts.items():
            for asset, balance in balances.items():
                if asset not in self.classes:
                    continue
                serials = (
                    self.holdings.units(account, asset)
                    + self.frozen.units(account, asset)
                    + locked.get((account, asset), 0)
                )
                if serials != balance.total:
                    raise LedgerError(
                        f"account {account} owns {balance.total} units of {asset} and {serials} serials of it"
                    )

    def book_order(self, order_id: int, event: ev.OrderAccepted) -> Order:
        """The order as its book sees it. A market order is an IOC order at its protection price."""
        request = event.order
        time_in_force = request.time_in_force
        if request.order_type is _MARKET and time_in_force is not _FOK:
            time_in_force = _IOC
        return Order(
            order_id=order_id,
            owner=self.participants[self.accounts[event.account]].number,
            side=request.side,
            price=event.price,
            visible=request.quantity,
            time_in_force=time_in_force,
            post_only=request.post_only,
            self_trade_prevention=request.self_trade_prevention,
            display=request.display_quantity,
            expiry=date.fromisoformat(event.expiry).toordinal() if event.expiry else 0,
        )

    def order_named(self, account: str, client_order_id: str) -> int:
        """Id of an account's order, live or remembered, by its first id or its present one; 0: there is none."""
        remembered = self.remembered.get(account, {}).get(client_order_id)
        if remembered is not None:
            return remembered.order_id
        return self.names.get(account, {}).get(client_order_id, 0)
