"""What single events mean for the state, outside the order books and the ledger: all of them, by their types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain import trading_recorders
from exchange.domain.carbon import baskets, issuances, labels, offset_periods, projects
from exchange.domain.carbon import rules as carbon_rules
from exchange.domain.identity import LOCAL_OPERATOR, VENUE, Key, Participant, Role, Session
from exchange.domain.instruments import Listing
from exchange.domain.making import rules as making_rules
from exchange.domain.references import Reference, reference_body
from exchange.domain.serials import OWN_REGISTRY
from matching.book import OrderBook

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.references import Referenced
    from exchange.domain.serials import SerialBlock
    from exchange.domain.state import State


def _venue_opened(state: State, _seq: int, event: ev.VenueOpened) -> None:
    state.name = event.name
    state.business_date = event.business_date
    state.participants[VENUE] = Participant(VENUE, event.name, 1)
    state.accounts[VENUE] = VENUE
    state.keys[LOCAL_OPERATOR] = Key(LOCAL_OPERATOR, VENUE, Role.OPERATOR, "")


def _participant_admitted(state: State, _seq: int, event: ev.ParticipantAdmitted) -> None:
    number = len(state.participants) + 1
    state.participants[event.participant] = Participant(event.participant, event.name, number)


def _account_opened(state: State, _seq: int, event: ev.AccountOpened) -> None:
    state.accounts[event.account] = event.participant


def _key_registered(state: State, _seq: int, event: ev.KeyRegistered) -> None:
    state.keys[event.key_id] = Key(event.key_id, event.participant, event.role, event.public_key)


def _key_revoked(state: State, _seq: int, event: ev.KeyRevoked) -> None:
    del state.keys[event.key_id]
    state.making.fix_sessions.pop(event.key_id, None)


def _class_registered(state: State, seq: int, event: ev.ClassRegistered) -> None:
    state.classes[event.credit_class.class_id] = event.credit_class
    projects.class_registered(state, seq, event)
    labels.class_registered(state, seq, event)
    baskets.class_registered(state, seq, event.credit_class.class_id)


def _instrument_listed(state: State, seq: int, event: ev.InstrumentListed) -> None:
    instrument = event.instrument
    state.listings[instrument.symbol] = Listing(
        instrument,
        instrument.lot_tick_minor(),
        instrument.reference_price_ticks,
        deliverable=baskets.instrument_listed(state, seq, instrument),
    )
    state.books[instrument.symbol] = OrderBook()


def _instrument_state_changed(state: State, _seq: int, event: ev.InstrumentStateChanged) -> None:
    state.listings[event.instrument].state = event.state


def _fees_changed(state: State, _seq: int, event: ev.FeesChanged) -> None:
    listing = state.listings[event.instrument]
    listing.instrument = listing.instrument.with_fees(event.maker_fee_ppm, event.taker_fee_ppm)


def _calendar_set(state: State, _seq: int, event: ev.CalendarSet) -> None:
    state.calendars[event.calendar] = event.holidays


def _referenced(state: State, seq: int, event: Referenced) -> None:
    state.references.setdefault(event.account, {})[event.reference] = Reference(seq, reference_body(event))


def _units_deposited(state: State, seq: int, event: ev.UnitsDeposited) -> None:
    _referenced(state, seq, event)
    _take_in(state, event.account, event.class_id, event.blocks)


def _units_withdrawn(state: State, seq: int, event: ev.UnitsWithdrawn) -> None:
    _referenced(state, seq, event)
    state.holdings.remove(event.account, event.class_id, event.blocks)
    for block in event.blocks:
        state.custody.remove(block)


def _units_issued(state: State, seq: int, event: ev.UnitsIssued) -> None:
    _referenced(state, seq, event)
    state.issued[event.class_id] = (event.buffer or event.block).last
    issuances.units_issued(state, seq, event)
    _take_in(state, event.account, event.class_id, (event.block,))


def _units_cancelled(state: State, seq: int, event: ev.UnitsCancelled) -> None:
    # What was cancelled or retired stays in custody: nobody can bring it in again.
    _referenced(state, seq, event)
    state.holdings.remove(event.account, event.class_id, event.blocks)


def _units_moved(state: State, seq: int, event: ev.UnitsMoved) -> None:
    _referenced(state, seq, event)
    state.holdings.remove(event.account, event.class_id, event.blocks)
    if event.to_blocks[0].registry == OWN_REGISTRY:
        state.issued[event.to_class_id] = event.to_blocks[-1].last
    _take_in(state, event.account, event.to_class_id, event.to_blocks)


def _retired(state: State, seq: int, event: ev.Retired) -> None:
    _referenced(state, seq, event)
    for class_id, block in event.credits:
        state.holdings.remove(event.account, class_id, (block,))
    offset_periods.retired(state, seq, event)


def _take_in(state: State, account: str, class_id: str, blocks: tuple[SerialBlock, ...]) -> None:
    for block in blocks:
        state.custody.add(class_id, block)
    state.holdings.give(account, class_id, blocks)


def _session_opened(state: State, seq: int, event: ev.SessionOpened) -> None:
    state.sessions[seq] = Session(event.by, event.gateway, event.cancel_on_disconnect)


def _session_closed(state: State, _seq: int, event: ev.SessionClosed) -> None:
    del state.sessions[event.session]


def _cancel_after_set(state: State, _seq: int, event: ev.CancelAfterSet) -> None:
    if event.deadline:
        state.cancel_after[event.account] = event.deadline
    else:
        state.cancel_after.pop(event.account, None)


def _cancel_after_fired(state: State, _seq: int, event: ev.CancelAfterFired) -> None:
    del state.cancel_after[event.account]


def _day_closed(state: State, _seq: int, event: ev.DayClosed) -> None:
    state.business_date = event.next_date
    baskets.day_began(state)
    for symbol, reference_price in event.references:
        state.listings[symbol].reference_price = reference_price
    for account, client_order_id in state.ended_yesterday:
        forgotten = state.remembered[account].pop(client_order_id)
        if forgotten.name:
            del state.names[account][forgotten.name]
    state.requests.end_day()
    state.ended_yesterday = state.ended_today
    state.ended_today = []
    # Like orders, block trades are forgotten at the second end of a day after their own.
    for key in [
        key for key, half in state.block_halves.items() if half.ended_on < event.date and half.ended_on
    ]:
        del state.block_halves[key]


RECORDERS: dict[type[ev.Event], Callable[..., None]] = {
    ev.VenueOpened: _venue_opened,
    ev.ParticipantAdmitted: _participant_admitted,
    ev.AccountOpened: _account_opened,
    ev.KeyRegistered: _key_registered,
    ev.KeyRevoked: _key_revoked,
    ev.ClassRegistered: _class_registered,
    ev.InstrumentListed: _instrument_listed,
    ev.InstrumentStateChanged: _instrument_state_changed,
    ev.FeesChanged: _fees_changed,
    ev.CashDeposited: _referenced,
    ev.CashWithdrawn: _referenced,
    ev.UnitsDeposited: _units_deposited,
    ev.UnitsWithdrawn: _units_withdrawn,
    ev.Retired: _retired,
    ev.UnitsIssued: _units_issued,
    ev.UnitsCancelled: _units_cancelled,
    ev.UnitsMoved: _units_moved,
    ev.CalendarSet: _calendar_set,
    ev.SessionOpened: _session_opened,
    ev.SessionClosed: _session_closed,
    ev.CancelAfterSet: _cancel_after_set,
    ev.CancelAfterFired: _cancel_after_fired,
    ev.DayClosed: _day_closed,
    **trading_recorders.RECORDERS,
    **making_rules.RECORDERS,
    **carbon_rules.RECORDERS,
}
"""What an event means for the state, given the state, the event's seq and the event."""
