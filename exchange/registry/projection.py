"""From events to the rows of the registry. Pure: the log alone decides, and the same log gives the same rows.

What an event means for serials is said here, what it means for the ledger in `exchange.domain.entries`: two readings of
the same facts, which must agree at every checkpoint.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.carbon.ex_ante_forms import UnitsConverted, UnitsExpired
from exchange.domain.carbon.forms import CARBON_EVENT_TYPES
from exchange.domain.carbon.freeze_forms import LockReplaced, TradeCancelled, UnitsFrozen, UnitsReleased
from exchange.domain.carbon.proceeds_forms import ProceedsPaid
from exchange.domain.carbon.project_forms import ProjectRegistered
from exchange.domain.intervals import IntervalError
from exchange.domain.ledger import LedgerError
from exchange.domain.making.forms import MAKING_EVENT_TYPES
from exchange.domain.serials import units_by_class
from exchange.registry.class_totals import ConservationError
from exchange.registry.places import Places, RowKey
from exchange.registry.rows import (
    NO_MOVEMENTS,
    Balance,
    Batch,
    BusinessDay,
    ClassTotal,
    CreditClassRow,
    DeferredTrade,
    HoldingRow,
    InstrumentRow,
    Issuance,
    MovementRow,
    Place,
    PostingRow,
    ProjectRow,
    Retirement,
    SettledTrade,
    digest_after,
)
from exchange.registry.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.serials import SerialBlock


class ProjectionError(Exception):
    """An event does not fit what came before it: the log is damaged, or a rule of this program is wrong."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"event {seq} cannot be settled: {why}")
        self.seq = seq


class Appended(msgspec.Struct):
    """Rows that are only ever added, since they were taken away last."""

    movements: list[MovementRow]
    postings: list[PostingRow]
    batches: list[Batch]
    classes: list[CreditClassRow]
    projects: list[ProjectRow]
    instruments: list[InstrumentRow]
    issuances: list[Issuance]
    retirements: list[Retirement]
    business_days: list[BusinessDay]
    deferred_trades: list[DeferredTrade]
    settled_trades: list[SettledTrade]


class Changed(msgspec.Struct):
    """Rows that are other ones than at the last checkpoint."""

    gone: list[RowKey]
    """Of `holding`: to be deleted."""
    holdings: list[HoldingRow]
    balances: list[Balance]
    class_totals: list[ClassTotal]


class Projection:
    """The registry after an event. It changes only by `apply` and `pass_over`."""

    def __init__(self) -> None:
        self.seq = 0
        """Of the last event."""
        self.recorded_at = 0
        self.movement_count = 0
        self.digest = NO_MOVEMENTS
        """Of all movements so far that were taken away."""
        self.places = Places()
        self.totals = Totals()
        self._new = _nothing()

    def pass_over(self, seq: int, recorded_at: int) -> None:
        """An event that moves neither serials nor cash, and that no table shows."""
        self.seq = seq
        self.recorded_at = recorded_at

    def apply(self, seq: int, recorded_at: int, event: ev.Event) -> None:
        """Take in an event of one of `SHOWN_KINDS`. Raises ProjectionError."""
        self.seq = seq
        self.recorded_at = recorded_at
        self.places.begin_event(seq, event.kind)
        try:
            _RULES[type(event)](self, event)
            self.totals.post(seq, event)
            self.places.class_totals.check(seq, self.totals.supply)
        except (IntervalError, LedgerError, ConservationError) as error:
            raise ProjectionError(seq, str(error)) from error

    def take_appended(self) -> Appended:
        """The rows that were added since the last call."""
        appended, self._new = self._new, _nothing()
        places = self.places
        appended.movements, places.movements = places.movements, []
        appended.batches, places.new_batches = places.new_batches, []
        appended.postings = self.totals.take_postings()
        self.digest = digest_after(self.digest, appended.movements)
        self.movement_count += len(appended.movements)
        return appended

    def take_changed(self) -> Changed:
        """What is other than at the last call, a checkpoint."""
        places = self.places
        return Changed(*places.take_changes(), self.totals.take_changes(), places.class_totals.take_changes())

    # What single events mean.

    def _fill(self, event: ev.Fill) -> None:
        if event.deferred:
            self._trade(event)
        else:
            self.places.pass_on(event.rule, event.seller, event.buyer, event.delivered)

    def _trade(self, event: ev.Fill | ev.BlockTrade) -> None:
        named = event.blocks if type(event) is ev.BlockTrade else ()
        if named and units_by_class(named) != event.delivered:
            raise IntervalError(f"the trade delivers {event.delivered} and names {units_by_class(named)}")
        chosen = self.places.take(event.rule, event.seller, event.delivered, named)
        if not event.deferred:
            self.places.deliver(event.seller, event.buyer, chosen)
            return
        self.places.lock(self.seq, event.seller, chosen)
        self._new.deferred_trades.append(
            DeferredTrade(
                self.seq,
                event.instrument,
                event.buyer,
                event.seller,
                event.currency,
                event.amount,
                event.buyer_fee,
                event.seller_fee,
                date.fromisoformat(event.settlement_date),
            )
        )

    def _trade_settled(self, event: ev.TradeSettled) -> None:
        units = self.places.unlock(event.trade, event.buyer)
        if units != dict(event.delivered):
            raise IntervalError(f"trade {event.trade} locked {units}, not {event.delivered}")
        self._new.settled_trades.append(SettledTrade(event.trade, self.seq))

    def _trade_cancelled(self, event: TradeCancelled) -> None:
        self.places.unlock(event.trade, event.seller)
        self._new.settled_trades.append(SettledTrade(event.trade, self.seq))

    def _lock_replaced(self, event: LockReplaced) -> None:
        self.places.relock(event.trade, event.taken_out, event.put_in, event.account)

    def _units_frozen(self, event: UnitsFrozen) -> None:
        for block in event.blocks:
            self.places.freeze(event.account, event.class_id, block)

    def _units_released(self, event: UnitsReleased) -> None:
        for block in event.blocks:
            self.places.release(event.account, event.class_id, block)

    def _units_deposited(self, event: ev.UnitsDeposited) -> None:
        for block in event.blocks:
            self._come_in(event.account, event.class_id, block, event.reference)

    def _units_issued(self, event: ev.UnitsIssued) -> None:
        self._come_in(event.account, event.class_id, event.block, event.reference)

    def _units_withdrawn(self, event: ev.UnitsWithdrawn) -> None:
        for block in event.blocks:
            self.places.end(event.account, event.class_id, block, Place.WITHDRAWN)

    def _units_cancelled(self, event: ev.UnitsCancelled) -> None:
        for block in event.blocks:
            self.places.end(event.account, event.class_id, block, Place.CANCELLED)

    def _units_moved(self, event: ev.UnitsMoved) -> None:
        for block in event.blocks:
            self.places.end(event.account, event.class_id, block, Place.MOVED)
        for block in event.to_blocks:
            self._come_in(event.account, event.to_class_id, block, event.reference)

    def _retired(self, event: ev.Retired) -> None:
        for class_id, block in event.credits:
            self.places.end(event.account, class_id, block, Place.RETIRED)
        self._new.retirements.append(
            Retirement(
                self.seq,
                event.account,
                sum(block.quantity for _, block in event.credits),
                event.beneficiary,
                event.purpose,
                event.reference,
                event.rule,
                event.order_id or None,
                self.recorded_at,
            )
        )

    def _units_converted(self, event: UnitsConverted) -> None:
        self._end_ex_ante(event, Place.CONVERTED)
        if event.trade:
            arrived = self.places.come_in_locked(
                event.trade, event.account, event.to_class_id, event.to_block
            )
            self._issued(arrived, event.account, event.reference)
        else:
            self._come_in(event.account, event.to_class_id, event.to_block, event.reference)

    def _units_expired(self, event: UnitsExpired) -> None:
        self._end_ex_ante(event, Place.EXPIRED)

    def _end_ex_ante(self, event: UnitsConverted | UnitsExpired, place: Place) -> None:
        if event.trade:
            self.places.end_locked(event.trade, event.account, event.class_id, event.blocks, place)
            return
        for block in event.blocks:
            self.places.end(event.account, event.class_id, block, place)

    def _come_in(self, account: str, class_id: str, block: SerialBlock, reference: str) -> None:
        for movement in self.places.come_in(account, class_id, block):
            self._issued(movement, account, reference)

    def _issued(self, movement: MovementRow, account: str, reference: str) -> None:
        # A movement begins with seq, n, kind, class, batch, first and last.
        self._new.issuances.append(Issuance(*movement[:7], account, reference, self.recorded_at))

    def _class_registered(self, event: ev.ClassRegistered) -> None:
        known = event.credit_class
        self._new.classes.append(
            CreditClassRow(
                known.class_id,
                self.seq,
                known.registry,
                known.project,
                known.name,
                known.vintage,
                known.unit.value,
                known.country,
                known.labels,
                known.crediting.value if known.crediting else "",
            )
        )

    def _project_registered(self, event: ProjectRegistered) -> None:
        described = event.project
        self._new.projects.append(
            ProjectRow(
                described.registry,
                described.project,
                self.seq,
                described.name,
                described.country,
                described.project_type,
                described.methodology,
                described.mitigation.value if described.mitigation else "",
                described.crediting.value,
            )
        )

    def _instrument_listed(self, event: ev.InstrumentListed) -> None:
        listed = event.instrument
        self._new.instruments.append(
            InstrumentRow(listed.symbol, self.seq, listed.tick, listed.price_decimals)
        )

    def _venue_opened(self, event: ev.VenueOpened) -> None:
        self._new.business_days.append(BusinessDay(date.fromisoformat(event.business_date), self.seq))

    def _day_closed(self, event: ev.DayClosed) -> None:
        self._new.business_days.append(BusinessDay(date.fromisoformat(event.next_date), self.seq))

    def _cash_only(self, _event: ev.CashDeposited | ev.CashWithdrawn | ProceedsPaid) -> None:
        """Totals have it."""


def _nothing() -> Appended:
    return Appended([], [], [], [], [], [], [], [], [], [], [])


_RULES: dict[type[ev.Event], Callable[..., None]] = {
    ev.Fill: Projection._fill,  # noqa: SLF001 - the table is part of the class
    ev.BlockTrade: Projection._trade,  # noqa: SLF001
    ev.TradeSettled: Projection._trade_settled,  # noqa: SLF001
    TradeCancelled: Projection._trade_cancelled,  # noqa: SLF001
    LockReplaced: Projection._lock_replaced,  # noqa: SLF001
    UnitsFrozen: Projection._units_frozen,  # noqa: SLF001
    UnitsReleased: Projection._units_released,  # noqa: SLF001
    ev.UnitsDeposited: Projection._units_deposited,  # noqa: SLF001
    ev.UnitsIssued: Projection._units_issued,  # noqa: SLF001
    ev.UnitsWithdrawn: Projection._units_withdrawn,  # noqa: SLF001
    ev.UnitsCancelled: Projection._units_cancelled,  # noqa: SLF001
    ev.UnitsMoved: Projection._units_moved,  # noqa: SLF001
    ev.Retired: Projection._retired,  # noqa: SLF001
    UnitsConverted: Projection._units_converted,  # noqa: SLF001
    UnitsExpired: Projection._units_expired,  # noqa: SLF001
    ev.ClassRegistered: Projection._class_registered,  # noqa: SLF001
    ProjectRegistered: Projection._project_registered,  # noqa: SLF001
    ev.InstrumentListed: Projection._instrument_listed,  # noqa: SLF001
    ev.VenueOpened: Projection._venue_opened,  # noqa: SLF001
    ev.DayClosed: Projection._day_closed,  # noqa: SLF001
    ev.CashDeposited: Projection._cash_only,  # noqa: SLF001
    ev.CashWithdrawn: Projection._cash_only,  # noqa: SLF001
    ProceedsPaid: Projection._cash_only,  # noqa: SLF001
}

SHOWN_KINDS = frozenset(event_type.kind for event_type in _RULES)
"""Events that change the registry."""
_OTHERS: tuple[type[ev.Event], ...] = (
    ev.WriterStarted,
    ev.ParticipantAdmitted,
    ev.AccountOpened,
    ev.KeyRegistered,
    ev.KeyRevoked,
    ev.InstrumentStateChanged,
    ev.FeesChanged,
    ev.SessionOpened,
    ev.SessionClosed,
    ev.CancelAfterSet,
    ev.CancelAfterFired,
    ev.OrderAccepted,
    ev.OrderRejected,
    ev.OrderAmended,
    ev.OrderCancelled,
    ev.OrdersDecremented,
    ev.BlockTradeKeyed,
    ev.BlockTradeEnded,
    ev.CalendarSet,
    ev.RequestRefused,
    *CARBON_EVENT_TYPES,
    *MAKING_EVENT_TYPES,
)
PASSED_OVER_KINDS = frozenset(event_type.kind for event_type in _OTHERS if event_type not in _RULES)
"""Events that do not: at most they change what orders hold. An event of neither set stops settlement."""
