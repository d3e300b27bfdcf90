"""Deciders of what operators set up: participants, accounts, keys, credit classes, instruments, fees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.carbon import japan
from exchange.domain.carbon.obstacles import check_listing
from exchange.domain.deciding import parse_date, require_operator
from exchange.domain.executions import emit_cancelled
from exchange.domain.identity import LOCAL_OPERATOR, TRADING_ROLES, VENUE
from exchange.domain.instruments import InstrumentState, check_instrument
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import OWN_REGISTRY, check_own_class_id
from exchange.domain.sessions import end_session
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchange.domain import commands
    from exchange.domain.deciding import Deciding

KEY_HEX_DIGITS = 64
OLDEST_VINTAGE, NEWEST_VINTAGE = 1990, 2100


def open_venue(venue: Deciding, command: commands.OpenVenue) -> None:
    """Begin: the one command that needs no venue."""
    if venue.state.business_date:
        raise Reject(RejectCode.ALREADY_EXISTS, f"the venue {venue.state.name} is open already")
    if command.by != LOCAL_OPERATOR:
        raise Reject(RejectCode.NOT_PERMITTED, "only the local operator may open the venue")
    parse_date(command.business_date)
    venue.emit(ev.VenueOpened(command.by, command.name, command.business_date))


def admit_participant(venue: Deciding, command: commands.AdmitParticipant) -> None:
    """Admit a legal entity."""
    require_operator(venue.state, command.by)
    _check_new_id(command.participant, venue.state.participants, "participant")
    venue.emit(ev.ParticipantAdmitted(command.by, command.participant, command.name))


def open_account(venue: Deciding, command: commands.OpenAccount) -> None:
    """Open an account."""
    require_operator(venue.state, command.by)
    _check_participant(venue, command.participant)
    _check_new_id(command.account, venue.state.accounts, "account")
    venue.emit(ev.AccountOpened(command.by, command.account, command.participant))


def register_key(venue: Deciding, command: commands.RegisterKey) -> None:
    """Register the public half of an Ed25519 key."""
    require_operator(venue.state, command.by)
    _check_participant(venue, command.participant)
    _check_new_id(command.key_id, venue.state.keys, "key")
    if (command.participant == VENUE) is (command.role in TRADING_ROLES):
        raise Reject(
            RejectCode.NOT_PERMITTED,
            "operators and auditors belong to the venue, traders and market makers do not",
        )
    if len(command.public_key) != KEY_HEX_DIGITS or not set(command.public_key) <= set("0123456789abcdef"):
        raise Reject(
            RejectCode.INVALID_PARAMS, "a public key is 32 bytes of Ed25519 as 64 lower-case hex digits"
        )
    venue.emit(
        ev.KeyRegistered(command.by, command.key_id, command.participant, command.role, command.public_key)
    )


def revoke_key(venue: Deciding, command: commands.RevokeKey) -> None:
    """Forget a key and end its sessions."""
    require_operator(venue.state, command.by)
    if command.key_id not in venue.state.keys or command.key_id == LOCAL_OPERATOR:
        raise Reject(RejectCode.UNKNOWN_KEY, f"{command.key_id!r} is not a key that can be revoked")
    for number, session in sorted(venue.state.sessions.items()):
        if session.key_id == command.key_id:
            end_session(venue, number, "key revoked")
    venue.emit(ev.KeyRevoked(command.by, command.key_id))


def register_class(venue: Deciding, command: commands.RegisterClass) -> None:
    """Make a credit class known, so that units of it can come in."""
    require_operator(venue.state, command.by)
    credit_class = command.credit_class
    _check_new_id(credit_class.class_id, venue.state.classes, "credit class")
    if "-" not in credit_class.class_id:
        raise Reject(RejectCode.INVALID_PARAMS, "a class id has the form registry-project-vintage")
    if credit_class.registry == OWN_REGISTRY:
        check_own_class_id(credit_class.class_id)
    if not OLDEST_VINTAGE <= credit_class.vintage <= NEWEST_VINTAGE:
        raise Reject(RejectCode.INVALID_PARAMS, f"vintages lie between {OLDEST_VINTAGE} and {NEWEST_VINTAGE}")
    japan.check_class(credit_class)
    venue.emit(ev.ClassRegistered(command.by, credit_class))


def list_instrument(venue: Deciding, command: commands.ListInstrument) -> None:
    """Admit an instrument to trading."""
    state, instrument = venue.state, command.instrument
    require_operator(state, command.by)
    check_instrument(instrument)
    _check_new_id(instrument.symbol, state.listings, "instrument")
    if instrument.calendar and instrument.calendar not in state.calendars:
        raise Reject(
            RejectCode.INVALID_INSTRUMENT, f"no holidays of calendar {instrument.calendar!r} are known"
        )
    for class_id in instrument.classes:
        credit_class = state.classes.get(class_id)
        if credit_class is None:
            raise Reject(RejectCode.UNKNOWN_CLASS, f"{class_id!r} is not a registered credit class")
        if credit_class.unit is not instrument.unit:
            raise Reject(RejectCode.INVALID_INSTRUMENT, f"{class_id} counts {credit_class.unit.value}")
    check_listing(state, instrument)
    venue.emit(ev.InstrumentListed(command.by, instrument))


def change_instrument_state(venue: Deciding, command: commands.ChangeInstrumentState) -> None:
    """Open, halt or close an instrument; closing ends its orders first."""
    state = venue.state
    require_operator(state, command.by)
    listing = state.listings.get(command.instrument)
    if listing is None:
        raise Reject(RejectCode.UNKNOWN_INSTRUMENT, f"{command.instrument!r} is not listed")
    if listing.state is command.state:
        raise Reject(
            RejectCode.INSTRUMENT_STATE_UNCHANGED, f"{command.instrument} is {command.state.value} already"
        )
    if command.state is InstrumentState.CLOSED:
        for cancelled in state.books[command.instrument].mass_cancel():
            emit_cancelled(venue, cancelled.order_id, ev.CancelReason.INSTRUMENT_CLOSED, command.by)
    venue.emit(ev.InstrumentStateChanged(command.by, command.instrument, command.state, command.reason))


def change_fees(venue: Deciding, command: commands.ChangeFees) -> None:
    """Set the fee rates of orders accepted from now on."""
    require_operator(venue.state, command.by)
    listing = venue.state.listings.get(command.instrument)
    if listing is None:
        raise Reject(RejectCode.UNKNOWN_INSTRUMENT, f"{command.instrument!r} is not listed")
    check_instrument(listing.instrument.with_fees(command.maker_fee_ppm, command.taker_fee_ppm))
    venue.emit(ev.FeesChanged(command.by, command.instrument, command.maker_fee_ppm, command.taker_fee_ppm))


def set_calendar(venue: Deciding, command: commands.SetCalendar) -> None:
    """Name the holidays of a calendar; trades made from now on count their business days by it."""
    require_operator(venue.state, command.by)
    check_id(command.calendar, "calendar name")
    days = [parse_date(holiday) for holiday in command.holidays]
    if days != sorted(set(days)):
        raise Reject(RejectCode.INVALID_DATE, "holidays are given in order and once each")
    venue.emit(ev.CalendarSet(command.by, command.calendar, command.holidays))


def _check_participant(venue: Deciding, participant: str) -> None:
    if participant not in venue.state.participants:
        raise Reject(RejectCode.UNKNOWN_PARTICIPANT, f"{participant!r} is not a participant")


def _check_new_id(new_id: str, existing: Mapping[str, object], what: str) -> None:
    if new_id in existing:
        raise Reject(RejectCode.ALREADY_EXISTS, f"{what} {new_id!r} exists already")
    check_id(new_id, f"{what} id")
