"""The state of the venue as a fold over its events.

`record` books what an event means outside the order books; `apply` also replays it onto its book. While the venue
decides, the book has already moved when the event is emitted, so live code calls `record` and a replay calls `apply`:
everything but the book's own mutators is shared, and a digest of the whole state proves that both agree.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from exchange.domain import book_replay
from exchange.domain import events as ev
from exchange.domain.carbon import baskets, issuances, labels, offset_periods, projects
from exchange.domain.carbon import rules as carbon_rules
from exchange.domain.carbon.state import CarbonState
from exchange.domain.entries import entries
from exchange.domain.holdings import Holdings
from exchange.domain.identity import LOCAL_OPERATOR, VENUE, Key, Participant, Role
from exchange.domain.instruments import CreditClass, Instrument, InstrumentState
from exchange.domain.ledger import Ledger, LedgerError
from exchange.domain.making import protection
from exchange.domain.making import rules as making_rules
from exchange.domain.making.state import MakingState
from exchange.domain.orders import (
    Delivery,
    OpenOrder,
    OrderStatus,
    OrderType,
    RememberedOrder,
    RetirementTerms,
    merge_delivery,
    take_back,
    take_front,
)
from exchange.domain.references import Reference, reference_body
from exchange.domain.requests import RememberedRequests
from exchange.domain.serials import OWN_REGISTRY, Custody
from matching.book import OrderBook
from matching.order import Order, Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.references import Referenced
    from exchange.domain.serials import ClassBlock, SerialBlock


class Listing(msgspec.Struct, eq=False):
    """An instrument and what changes about it. Prices in ticks."""

    instrument: Instrument
    lot_tick_minor: int
    reference_price: int
    state: InstrumentState = InstrumentState.OPEN
    last_price: int = 0
    """0 until the first trade."""
    deliverable: tuple[str, ...] = ()
    """Classes that deliver into it today, by vintage, and by id within a vintage."""

    def notional(self, price: int, quantity: int) -> int:
        """Cash in minor units for a quantity (a multiple of the lot) at a price."""
        return price * (quantity // self.instrument.lot) * self.lot_tick_minor


class Session(msgspec.Struct, frozen=True):
    """A key that is logged on at a gateway."""

    key_id: str
    gateway: str
    cancel_on_disconnect: bool


class Obligation(msgspec.Struct, frozen=True):
    """A deferred trade: its cash and units stay held, its serials locked, until the settlement date."""

    settlement_date: str
    settled: ev.TradeSettled
    """The event that will settle it."""
    order_id: int = 0
    """The buy order, of a fill."""
    retire_on_fill: RetirementTerms | None = None
    sold: Delivery = ()
    """What the trade delivered when it was made; the units that it settles may have become others since."""


class BlockHalf(msgspec.Struct, frozen=True):
    """One side of a block trade, as keyed. It waits until `ended_on` is a business date."""

    command: int
    keyed: ev.BlockTradeKeyed
    ended_on: str = ""


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
        replay = book_replay.REPLAYS.get(type(event))
        if replay:
            replay(self, seq, event)
        self.record(seq, recorded_at, event)

    def record(self, seq: int, recorded_at: int, event: ev.Event) -> None:
        """Book a fact whose effect on the order book has already happened."""
        self.last_seq = seq
        self.last_at = recorded_at
        booked = entries(event)
        if booked:
            self.ledger.post(booked)
        rule = _RECORDERS.get(type(event))
        if rule:
            rule(self, seq, event)

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
        if request.order_type is OrderType.MARKET and time_in_force is not TimeInForce.FOK:
            time_in_force = TimeInForce.IOC
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

    # What single events mean.

    def _venue_opened(self, _seq: int, event: ev.VenueOpened) -> None:
        self.name = event.name
        self.business_date = event.business_date
        self.participants[VENUE] = Participant(VENUE, event.name, 1)
        self.accounts[VENUE] = VENUE
        self.keys[LOCAL_OPERATOR] = Key(LOCAL_OPERATOR, VENUE, Role.OPERATOR, "")

    def _participant_admitted(self, _seq: int, event: ev.ParticipantAdmitted) -> None:
        number = len(self.participants) + 1
        self.participants[event.participant] = Participant(event.participant, event.name, number)

    def _account_opened(self, _seq: int, event: ev.AccountOpened) -> None:
        self.accounts[event.account] = event.participant

    def _key_registered(self, _seq: int, event: ev.KeyRegistered) -> None:
        self.keys[event.key_id] = Key(event.key_id, event.participant, event.role, event.public_key)

    def _key_revoked(self, _seq: int, event: ev.KeyRevoked) -> None:
        del self.keys[event.key_id]
        self.making.fix_sessions.pop(event.key_id, None)

    def _class_registered(self, seq: int, event: ev.ClassRegistered) -> None:
        self.classes[event.credit_class.class_id] = event.credit_class
        projects.class_registered(self, seq, event)
        labels.class_registered(self, seq, event)
        baskets.class_registered(self, seq, event.credit_class.class_id)

    def _instrument_listed(self, seq: int, event: ev.InstrumentListed) -> None:
        instrument = event.instrument
        self.listings[instrument.symbol] = Listing(
            instrument,
            instrument.lot_tick_minor(),
            instrument.reference_price_ticks,
            deliverable=baskets.instrument_listed(self, seq, instrument),
        )
        self.books[instrument.symbol] = OrderBook()

    def _instrument_state_changed(self, _seq: int, event: ev.InstrumentStateChanged) -> None:
        self.listings[event.instrument].state = event.state

    def _fees_changed(self, _seq: int, event: ev.FeesChanged) -> None:
        listing = self.listings[event.instrument]
        listing.instrument = listing.instrument.with_fees(event.maker_fee_ppm, event.taker_fee_ppm)

    def _calendar_set(self, _seq: int, event: ev.CalendarSet) -> None:
        self.calendars[event.calendar] = event.holidays

    def _referenced(self, seq: int, event: Referenced) -> None:
        self.references.setdefault(event.account, {})[event.reference] = Reference(seq, reference_body(event))

    def _units_deposited(self, seq: int, event: ev.UnitsDeposited) -> None:
        self._referenced(seq, event)
        self._take_in(event.account, event.class_id, event.blocks)

    def _units_withdrawn(self, seq: int, event: ev.UnitsWithdrawn) -> None:
        self._referenced(seq, event)
        self.holdings.remove(event.account, event.class_id, event.blocks)
        for block in event.blocks:
            self.custody.remove(block)

    def _units_issued(self, seq: int, event: ev.UnitsIssued) -> None:
        self._referenced(seq, event)
        self.issued[event.class_id] = (event.buffer or event.block).last
        issuances.units_issued(self, seq, event)
        self._take_in(event.account, event.class_id, (event.block,))

    def _units_cancelled(self, seq: int, event: ev.UnitsCancelled) -> None:
        # What was cancelled or retired stays in custody: nobody can bring it in again.
        self._referenced(seq, event)
        self.holdings.remove(event.account, event.class_id, event.blocks)

    def _units_moved(self, seq: int, event: ev.UnitsMoved) -> None:
        self._referenced(seq, event)
        self.holdings.remove(event.account, event.class_id, event.blocks)
        if event.to_blocks[0].registry == OWN_REGISTRY:
            self.issued[event.to_class_id] = event.to_blocks[-1].last
        self._take_in(event.account, event.to_class_id, event.to_blocks)

    def _retired(self, seq: int, event: ev.Retired) -> None:
        self._referenced(seq, event)
        for class_id, block in event.credits:
            self.holdings.remove(event.account, class_id, (block,))
        offset_periods.retired(self, seq, event)

    def _take_in(self, account: str, class_id: str, blocks: tuple[SerialBlock, ...]) -> None:
        for block in blocks:
            self.custody.add(class_id, block)
        self.holdings.give(account, class_id, blocks)

    def _session_opened(self, seq: int, event: ev.SessionOpened) -> None:
        self.sessions[seq] = Session(event.by, event.gateway, event.cancel_on_disconnect)

    def _session_closed(self, _seq: int, event: ev.SessionClosed) -> None:
        del self.sessions[event.session]

    def _cancel_after_set(self, _seq: int, event: ev.CancelAfterSet) -> None:
        if event.deadline:
            self.cancel_after[event.account] = event.deadline
        else:
            self.cancel_after.pop(event.account, None)

    def _cancel_after_fired(self, _seq: int, event: ev.CancelAfterFired) -> None:
        del self.cancel_after[event.account]

    def _order_accepted(self, seq: int, event: ev.OrderAccepted) -> None:
        account = event.account
        self.orders[seq] = OpenOrder(
            order_id=seq,
            account=account,
            session=event.session,
            request=event.order,
            price=event.price,
            quantity=event.order.quantity,
            maker_fee_ppm=event.maker_fee_ppm,
            taker_fee_ppm=event.taker_fee_ppm,
            hold_cash=event.hold_cash,
            deliver=event.deliver,
        )
        self.account_orders.setdefault(account, {})[seq] = None
        self.remembered.setdefault(account, {})[event.order.client_order_id] = RememberedOrder(
            seq, event.order, seq, OrderStatus.OPEN
        )
        if event.quote:
            self.making.quote_entered(account, event.order.instrument, event.order.side, seq)

    def _order_rejected(self, seq: int, event: ev.OrderRejected) -> None:
        remembered = self.remembered.setdefault(event.account, {})
        client_order_id = event.order.client_order_id
        # A reused id is refused too, and that refusal must not displace the order that owns the id.
        named = client_order_id in self.names.get(event.account, ())
        if client_order_id not in remembered and not named:
            remembered[client_order_id] = RememberedOrder(seq, event.order, 0, OrderStatus.REJECTED)
            self.ended_today.append((event.account, client_order_id))

    def _order_amended(self, seq: int, event: ev.OrderAmended) -> None:
        order = self.orders[event.order_id]
        if event.request_id:
            self.requests.remember(event.account, event.request_id, seq)
            self._rename(order, event.request_id)
        order.price = event.price
        order.quantity = event.quantity
        order.hold_cash += event.hold_cash_change
        if event.hold_units:
            order.deliver = merge_delivery(order.deliver, event.hold_units)
        if event.release_units:
            order.deliver = take_back(order.deliver, sum(units for _, units in event.release_units))[1]

    def _order_cancelled(self, seq: int, event: ev.OrderCancelled) -> None:
        if event.request_id:
            self.requests.remember(event.account, event.request_id, seq)
        self._end(self.orders[event.order_id], OrderStatus.CANCELLED)

    def _request_refused(self, seq: int, event: ev.RequestRefused) -> None:
        if event.request_id and event.account:
            self.requests.remember(event.account, event.request_id, seq)

    def _orders_decremented(self, _seq: int, event: ev.OrdersDecremented) -> None:
        for order_id in (event.maker_order_id, event.taker_order_id):
            order = self.orders[order_id]
            order.quantity -= event.quantity
            if order.side is Side.BUY:
                order.hold_cash -= event.buyer_release
            else:
                order.deliver = take_back(order.deliver, event.quantity)[1]
            if not order.remaining:
                self._end(order, OrderStatus.CANCELLED)

    def _fill(self, seq: int, event: ev.Fill) -> None:
        maker = self.orders[event.maker_order_id]
        taker = self.orders[event.taker_order_id]
        maker.fee_numerator += event.amount * maker.maker_fee_ppm
        taker.fee_numerator += event.amount * taker.taker_fee_ppm
        buyer, seller = (taker, maker) if event.taker_side is Side.BUY else (maker, taker)
        buyer.fee_charged += event.buyer_fee
        buyer.hold_cash -= event.amount + event.buyer_fee + event.buyer_release
        seller.fee_charged += event.seller_fee
        seller.deliver = take_front(seller.deliver, event.quantity)[1]
        self.listings[event.instrument].last_price = event.price
        self._deliver(seq, event, self.holdings.choose(event.rule, event.seller, event.delivered), buyer)
        if self.making.protections:
            for account in (event.buyer, event.seller):
                protection.count_trade(self, account, event.instrument, event.quantity)
        for order in (maker, taker):
            order.filled += event.quantity
            order.traded += event.price * event.quantity
            if order.filled == order.quantity:
                self._end(order, OrderStatus.FILLED)

    def _deliver(
        self,
        seq: int,
        event: ev.Fill | ev.BlockTrade,
        chosen: tuple[ClassBlock, ...],
        order: OpenOrder | None = None,
    ) -> None:
        """Give a trade's serials to the buyer, or lock them until it settles."""
        if not event.deferred:
            self.holdings.hand_over(event.buyer, chosen)
            return
        self.holdings.locked[seq] = chosen
        settled = ev.TradeSettled(
            seq,
            event.buyer,
            event.seller,
            event.currency,
            event.amount,
            event.buyer_fee,
            event.seller_fee,
            event.delivered,
        )
        order_id = order.order_id if order else 0
        terms = order.request.retire_on_fill if order else None
        self.obligations[seq] = Obligation(event.settlement_date, settled, order_id, terms, event.delivered)

    def _trade_settled(self, _seq: int, event: ev.TradeSettled) -> None:
        del self.obligations[event.trade]
        self.holdings.hand_over(event.buyer, self.holdings.locked.pop(event.trade))

    def _block_trade_keyed(self, seq: int, event: ev.BlockTradeKeyed) -> None:
        key = (event.account, event.counterparty, event.trade_reference)
        self.block_halves[key] = BlockHalf(seq, event)

    def _block_trade_ended(self, _seq: int, event: ev.BlockTradeEnded) -> None:
        self._end_half((event.account, event.counterparty, event.trade_reference))

    def _block_trade(self, seq: int, event: ev.BlockTrade) -> None:
        self._end_half((event.buyer, event.seller, event.trade_reference))
        self._end_half((event.seller, event.buyer, event.trade_reference))
        chosen = self.holdings.choose(event.rule, event.seller, event.delivered, event.blocks)
        self._deliver(seq, event, chosen)

    def _end_half(self, key: tuple[str, str, str]) -> None:
        half = self.block_halves[key]
        self.block_halves[key] = msgspec.structs.replace(half, ended_on=self.business_date)

    def _day_closed(self, _seq: int, event: ev.DayClosed) -> None:
        self.business_date = event.next_date
        baskets.day_began(self)
        for symbol, reference_price in event.references:
            self.listings[symbol].reference_price = reference_price
        for account, client_order_id in self.ended_yesterday:
            forgotten = self.remembered[account].pop(client_order_id)
            if forgotten.name:
                del self.names[account][forgotten.name]
        self.requests.end_day()
        self.ended_yesterday = self.ended_today
        self.ended_today = []
        # Like orders, block trades are forgotten at the second end of a day after their own.
        for key in [
            key for key, half in self.block_halves.items() if half.ended_on < event.date and half.ended_on
        ]:
            del self.block_halves[key]

    def order_named(self, account: str, client_order_id: str) -> int:
        """Id of an account's order, live or remembered, by its first id or its present one; 0: there is none."""
        remembered = self.remembered.get(account, {}).get(client_order_id)
        if remembered is not None:
            return remembered.order_id
        return self.names.get(account, {}).get(client_order_id, 0)

    def _rename(self, order: OpenOrder, name: str) -> None:
        remembered = self.remembered[order.account][order.request.client_order_id]
        names = self.names.setdefault(order.account, {})
        names.pop(remembered.name, None)
        names[name] = order.order_id
        remembered.name = name

    def _end(self, order: OpenOrder, status: OrderStatus) -> None:
        del self.orders[order.order_id]
        del self.account_orders[order.account][order.order_id]
        client_order_id = order.request.client_order_id
        remembered = self.remembered[order.account][client_order_id]
        remembered.status = status
        remembered.filled = order.filled
        remembered.traded = order.traded
        self.making.order_ended(order.account, order.instrument, order.side, order.order_id)
        self.ended_today.append((order.account, client_order_id))


_RECORDERS: dict[type[ev.Event], Callable[..., None]] = {
    ev.VenueOpened: State._venue_opened,  # noqa: SLF001 - the table is part of the class
    ev.ParticipantAdmitted: State._participant_admitted,  # noqa: SLF001
    ev.AccountOpened: State._account_opened,  # noqa: SLF001
    ev.KeyRegistered: State._key_registered,  # noqa: SLF001
    ev.KeyRevoked: State._key_revoked,  # noqa: SLF001
    ev.ClassRegistered: State._class_registered,  # noqa: SLF001
    ev.InstrumentListed: State._instrument_listed,  # noqa: SLF001
    ev.InstrumentStateChanged: State._instrument_state_changed,  # noqa: SLF001
    ev.FeesChanged: State._fees_changed,  # noqa: SLF001
    ev.CashDeposited: State._referenced,  # noqa: SLF001
    ev.CashWithdrawn: State._referenced,  # noqa: SLF001
    ev.UnitsDeposited: State._units_deposited,  # noqa: SLF001
    ev.UnitsWithdrawn: State._units_withdrawn,  # noqa: SLF001
    ev.Retired: State._retired,  # noqa: SLF001
    ev.UnitsIssued: State._units_issued,  # noqa: SLF001
    ev.UnitsCancelled: State._units_cancelled,  # noqa: SLF001
    ev.UnitsMoved: State._units_moved,  # noqa: SLF001
    ev.CalendarSet: State._calendar_set,  # noqa: SLF001
    ev.BlockTradeKeyed: State._block_trade_keyed,  # noqa: SLF001
    ev.BlockTradeEnded: State._block_trade_ended,  # noqa: SLF001
    ev.BlockTrade: State._block_trade,  # noqa: SLF001
    ev.TradeSettled: State._trade_settled,  # noqa: SLF001
    ev.SessionOpened: State._session_opened,  # noqa: SLF001
    ev.SessionClosed: State._session_closed,  # noqa: SLF001
    ev.CancelAfterSet: State._cancel_after_set,  # noqa: SLF001
    ev.CancelAfterFired: State._cancel_after_fired,  # noqa: SLF001
    ev.OrderAccepted: State._order_accepted,  # noqa: SLF001
    ev.OrderRejected: State._order_rejected,  # noqa: SLF001
    ev.OrderAmended: State._order_amended,  # noqa: SLF001
    ev.OrderCancelled: State._order_cancelled,  # noqa: SLF001
    ev.RequestRefused: State._request_refused,  # noqa: SLF001
    ev.OrdersDecremented: State._orders_decremented,  # noqa: SLF001
    ev.Fill: State._fill,  # noqa: SLF001
    ev.DayClosed: State._day_closed,  # noqa: SLF001
    **making_rules.RECORDERS,
    **carbon_rules.RECORDERS,
}
