"""What operators set up: each command once well, and every way to get it wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.events import (
    AccountOpened,
    ClassRegistered,
    FeesChanged,
    InstrumentListed,
    InstrumentStateChanged,
    KeyRegistered,
    ParticipantAdmitted,
    RequestRefused,
    VenueOpened,
)
from exchange.domain.identity import LOCAL_OPERATOR, VENUE, Role
from exchange.domain.instruments import CreditClass, InstrumentState, Unit
from exchange.domain.rejects import RejectCode
from tests.market import BUSINESS_DATE, CLASS_2019, PROJECT, V18, V19, V20, Market, opening_commands

if TYPE_CHECKING:
    from exchange.domain.commands import Command

OPERATOR = LOCAL_OPERATOR
PUBLIC_KEY = "0123456789abcdef" * 4


def refusal(command: Command, code: RejectCode, message: str) -> list[RequestRefused]:
    """The answer to a refused command of administration."""
    by: str = getattr(command, "by", "")
    account = (
        "" if code // 1000 == 2 or code is RejectCode.VENUE_NOT_OPEN else getattr(command, "account", "")
    )
    return [RequestRefused(type(command).__name__, by, account, code, message)]


def test_opening_the_venue() -> None:
    """The first command makes the venue, its account and the local operator."""
    market = Market(opened=False)
    assert [VenueOpened(OPERATOR, "Carbon", "2026-11-23")] == market.do(
        commands.OpenVenue(OPERATOR, "Carbon", "2026-11-23")
    )
    assert ("Carbon", BUSINESS_DATE) == (market.state.name, market.state.business_date)
    assert {VENUE: VENUE} == market.state.accounts
    assert [OPERATOR] == list(market.state.keys)


def test_the_venue_opens_once(market: Market) -> None:
    """Nobody can open it again."""
    for by in (OPERATOR, "alpha-key"):
        command = commands.OpenVenue(by, "Other", "2026-11-24")
        assert refusal(
            command, RejectCode.ALREADY_EXISTS, "the venue Test Venue is open already"
        ) == market.do(command)


@pytest.mark.parametrize(
    ("by", "date", "code", "message"),
    [
        (
            "operator-key",
            "2026-11-23",
            RejectCode.NOT_PERMITTED,
            "only the local operator may open the venue",
        ),
        (
            OPERATOR,
            "2026-02-30",
            RejectCode.INVALID_DATE,
            "'2026-02-30' is not a date such as 2026-11-23",
        ),
        (OPERATOR, "20261123", RejectCode.INVALID_DATE, "'20261123' is not a date such as 2026-11-23"),
    ],
)
def test_refused_openings(by: str, date: str, code: RejectCode, message: str) -> None:
    """Only from the engine's own machine, on a real date."""
    command = commands.OpenVenue(by, "Carbon", date)
    assert refusal(command, code, message) == Market(opened=False).do(command)


def test_nothing_works_before_the_opening() -> None:
    """Every command of a person is refused; timers find nothing; the venue can still open."""
    opened = Market()
    people: list[Command] = [
        *opening_commands()[1:],
        opened.alpha.place_command(opened.alpha.buy(1, 1000)),
        commands.CancelOrder(OPERATOR, 0, "alpha", 1),
        commands.AmendOrder("alpha-key", 0, "alpha", 1, quantity=1),
        commands.CancelAll("alpha-key", 0, "alpha"),
        commands.Retire("alpha-key", 0, "alpha", "Acme", "flights", "r", ((V19, 1),)),
        commands.SetCancelAfter("alpha-key", 0, "alpha", 1),
        commands.OpenSession("alpha-key", "gateway-1"),
        commands.CloseDay(OPERATOR, "2026-11-24"),
        commands.RevokeKey(OPERATOR, "alpha-key"),
        commands.ChangeFees(OPERATOR, "RIMBA-19", 0, 0),
        commands.ChangeInstrumentState(OPERATOR, "RIMBA-19", InstrumentState.HALTED, "test"),
    ]
    market = Market(opened=False)
    for command in people:
        (event,) = market.do(command)
        assert isinstance(event, RequestRefused)
        assert (RejectCode.VENUE_NOT_OPEN, "the venue has not been opened", "") == (
            event.code,
            event.message,
            event.account,
        )
    assert [] == market.do(commands.FireTimers())
    assert ["venue_opened"] == [event.kind for event in market.do(opening_commands()[0])]


def test_participants_accounts_and_keys(market: Market) -> None:
    """A legal entity, its account, and a key that logs on for it."""
    assert [ParticipantAdmitted(OPERATOR, "DELTA", "Delta SA")] == market.do(
        commands.AdmitParticipant(OPERATOR, "DELTA", "Delta SA")
    )
    assert 5 == market.state.participants["DELTA"].number
    assert [AccountOpened(OPERATOR, "delta", "DELTA")] == market.do(
        commands.OpenAccount(OPERATOR, "delta", "DELTA")
    )
    assert [KeyRegistered(OPERATOR, "delta-key", "DELTA", Role.TRADER, PUBLIC_KEY)] == market.do(
        commands.RegisterKey(OPERATOR, "delta-key", "DELTA", Role.TRADER, PUBLIC_KEY)
    )
    market.deposit_cash("delta", 1_002)
    trader = market.logged_on("delta-key", "delta")
    trader.rest(trader.buy(1, 1000))


def test_a_revoked_key_id_can_be_registered_anew(market: Market) -> None:
    """Sessions of the old key do not come back with it."""
    market.do(commands.RevokeKey(OPERATOR, "alpha-key"))
    market.do(commands.RegisterKey(OPERATOR, "alpha-key", "ALPHA", Role.TRADER, PUBLIC_KEY))
    (event,) = market.alpha.cancel_all()
    assert isinstance(event, RequestRefused)
    assert RejectCode.UNKNOWN_SESSION is event.code
    trader = market.logged_on("alpha-key", "alpha")
    trader.rest(trader.buy(1, 1000))


ID_FORM = "id needs 1 to 64 printable ASCII characters and no blanks"
ONLY_OPERATORS = "only an operator may do this"
KEY_FORM = "a public key is 32 bytes of Ed25519 as 64 lower-case hex digits"
ROLES = "operators and auditors belong to the venue, traders and market makers do not"
NEW_CLASS = CreditClass("VCS-9-2021", "VCS", "9", "Peat", 2021)
NEW_INSTRUMENT = msgspec.structs.replace(PROJECT, symbol="PEAT-21")


def key(**change: Any) -> Command:
    """A good new key but for the change."""
    fields = {"by": OPERATOR, "key_id": "new", "participant": "ALPHA", "role": Role.TRADER, **change}
    return commands.RegisterKey(**{"public_key": PUBLIC_KEY, **fields})


def new_class(**change: Any) -> Command:
    """A good new class but for the change."""
    return commands.RegisterClass(OPERATOR, msgspec.structs.replace(NEW_CLASS, **change))


def listing(**change: Any) -> Command:
    """A good new instrument but for the change."""
    return commands.ListInstrument(OPERATOR, msgspec.structs.replace(NEW_INSTRUMENT, **change))


REFUSED: list[tuple[Command, RejectCode, str]] = [
    (
        commands.AdmitParticipant("alpha-key", "DELTA", "Delta"),
        RejectCode.NOT_PERMITTED,
        ONLY_OPERATORS,
    ),
    (
        commands.AdmitParticipant("nobody", "DELTA", "Delta"),
        RejectCode.UNKNOWN_KEY,
        "key 'nobody' is not registered or was revoked",
    ),
    (
        commands.AdmitParticipant(OPERATOR, "ALPHA", "Alpha"),
        RejectCode.ALREADY_EXISTS,
        "participant 'ALPHA' exists already",
    ),
    (
        commands.AdmitParticipant(OPERATOR, VENUE, "me too"),
        RejectCode.ALREADY_EXISTS,
        "participant 'VENUE' exists already",
    ),
    (
        commands.AdmitParticipant(OPERATOR, "", "x"),
        RejectCode.INVALID_PARAMS,
        f"the participant {ID_FORM}",
    ),
    (
        commands.AdmitParticipant(OPERATOR, "A B", "x"),
        RejectCode.INVALID_PARAMS,
        f"the participant {ID_FORM}",
    ),
    (
        commands.AdmitParticipant(OPERATOR, "Ä", "x"),
        RejectCode.INVALID_PARAMS,
        f"the participant {ID_FORM}",
    ),
    (
        commands.AdmitParticipant(OPERATOR, "x" * 65, "x"),
        RejectCode.INVALID_PARAMS,
        f"the participant {ID_FORM}",
    ),
    (commands.OpenAccount("alpha-key", "x", "ALPHA"), RejectCode.NOT_PERMITTED, ONLY_OPERATORS),
    (
        commands.OpenAccount(OPERATOR, "x", "DELTA"),
        RejectCode.UNKNOWN_PARTICIPANT,
        "'DELTA' is not a participant",
    ),
    (
        commands.OpenAccount(OPERATOR, "beta", "ALPHA"),
        RejectCode.ALREADY_EXISTS,
        "account 'beta' exists already",
    ),
    (
        commands.OpenAccount(OPERATOR, VENUE, "ALPHA"),
        RejectCode.ALREADY_EXISTS,
        "account 'VENUE' exists already",
    ),
    (commands.OpenAccount(OPERATOR, "", "ALPHA"), RejectCode.INVALID_PARAMS, f"the account {ID_FORM}"),
    (key(by="auditor-key"), RejectCode.NOT_PERMITTED, ONLY_OPERATORS),
    (key(participant="DELTA"), RejectCode.UNKNOWN_PARTICIPANT, "'DELTA' is not a participant"),
    (key(key_id="beta-key"), RejectCode.ALREADY_EXISTS, "key 'beta-key' exists already"),
    (key(key_id=OPERATOR), RejectCode.ALREADY_EXISTS, "key 'local-operator' exists already"),
    (key(role=Role.OPERATOR), RejectCode.NOT_PERMITTED, ROLES),
    (key(role=Role.AUDITOR), RejectCode.NOT_PERMITTED, ROLES),
    (key(participant=VENUE), RejectCode.NOT_PERMITTED, ROLES),
    (key(participant=VENUE, role=Role.MARKET_MAKER), RejectCode.NOT_PERMITTED, ROLES),
    (key(public_key="ab"), RejectCode.INVALID_PARAMS, KEY_FORM),
    (key(public_key="g" * 64), RejectCode.INVALID_PARAMS, KEY_FORM),
    (key(public_key="A" * 64), RejectCode.INVALID_PARAMS, KEY_FORM),
    (commands.RevokeKey("alpha-key", "beta-key"), RejectCode.NOT_PERMITTED, ONLY_OPERATORS),
    (
        commands.RevokeKey(OPERATOR, "nobody"),
        RejectCode.UNKNOWN_KEY,
        "'nobody' is not a key that can be revoked",
    ),
    (
        commands.RevokeKey("operator-key", OPERATOR),
        RejectCode.UNKNOWN_KEY,
        "'local-operator' is not a key that can be revoked",
    ),
    (commands.RegisterClass("alpha-key", NEW_CLASS), RejectCode.NOT_PERMITTED, ONLY_OPERATORS),
    (new_class(class_id=V19), RejectCode.ALREADY_EXISTS, f"credit class '{V19}' exists already"),
    (
        new_class(class_id="EUR"),
        RejectCode.INVALID_PARAMS,
        "a class id has the form registry-project-vintage",
    ),
    (new_class(class_id=""), RejectCode.INVALID_PARAMS, f"the credit class {ID_FORM}"),
    *(
        (
            new_class(class_id=class_id, registry="EXC"),
            RejectCode.INVALID_PARAMS,
            "a class of the registry EXC begins with EXC- and has no braces",
        )
        for class_id in ("VCS-7-2026", "EXC-", "EXC-{first}")
    ),
    (new_class(vintage=1989), RejectCode.INVALID_PARAMS, "vintages lie between 1990 and 2100"),
    (new_class(vintage=2101), RejectCode.INVALID_PARAMS, "vintages lie between 1990 and 2100"),
    (commands.ListInstrument("alpha-key", NEW_INSTRUMENT), RejectCode.NOT_PERMITTED, ONLY_OPERATORS),
    (listing(symbol=PROJECT.symbol), RejectCode.ALREADY_EXISTS, "instrument 'RIMBA-19' exists already"),
    (listing(symbol="A B"), RejectCode.INVALID_PARAMS, f"the instrument {ID_FORM}"),
    (
        listing(classes=("VCS-9-2021",)),
        RejectCode.UNKNOWN_CLASS,
        "'VCS-9-2021' is not a registered credit class",
    ),
    (listing(unit=Unit.KILOGRAM), RejectCode.INVALID_INSTRUMENT, f"{V19} counts t"),
    (
        listing(currency="XAU"),
        RejectCode.UNKNOWN_CURRENCY,
        "'XAU' is not a settlement currency of this venue",
    ),
    (commands.ChangeFees("alpha-key", "RIMBA-19", 0, 0), RejectCode.NOT_PERMITTED, ONLY_OPERATORS),
    (commands.ChangeFees(OPERATOR, "GOLD", 0, 0), RejectCode.UNKNOWN_INSTRUMENT, "'GOLD' is not listed"),
    (
        commands.ChangeFees(OPERATOR, "RIMBA-19", -1, 0),
        RejectCode.INVALID_INSTRUMENT,
        "fees lie between 0 and 1,000,000 ppm",
    ),
    (
        commands.ChangeFees(OPERATOR, "RIMBA-19", 0, 1_000_001),
        RejectCode.INVALID_INSTRUMENT,
        "fees lie between 0 and 1,000,000 ppm",
    ),
    (
        commands.ChangeInstrumentState("alpha-key", "RIMBA-19", InstrumentState.HALTED, "x"),
        RejectCode.NOT_PERMITTED,
        ONLY_OPERATORS,
    ),
    (
        commands.ChangeInstrumentState(OPERATOR, "GOLD", InstrumentState.HALTED, "x"),
        RejectCode.UNKNOWN_INSTRUMENT,
        "'GOLD' is not listed",
    ),
    (
        commands.ChangeInstrumentState(OPERATOR, "RIMBA-19", InstrumentState.OPEN, "x"),
        RejectCode.INSTRUMENT_STATE_UNCHANGED,
        "RIMBA-19 is open already",
    ),
]


@pytest.mark.parametrize(("command", "code", "message"), REFUSED)
def test_refused_administration(market: Market, command: Command, code: RejectCode, message: str) -> None:
    """Each is refused with its number."""
    assert refusal(command, code, message) == market.do(command)


INEXACT: list[tuple[dict[str, Any], str]] = [
    ({"symbol": ""}, "a symbol and either credit classes or a rule are required"),
    ({"classes": ()}, "a symbol and either credit classes or a rule are required"),
    ({"classes": (V19, V18, V19)}, "a credit class is named twice"),
    ({"tick": 0}, "tick, lot, minimum quantity and reference price are at least 1"),
    ({"lot": -1}, "tick, lot, minimum quantity and reference price are at least 1"),
    ({"minimum_quantity": 0}, "tick, lot, minimum quantity and reference price are at least 1"),
    ({"reference_price_ticks": 0}, "tick, lot, minimum quantity and reference price are at least 1"),
    ({"tick": 10**12 + 1}, "tick, lot and reference price are at most 1000000000000"),
    ({"lot": 10**12 + 1}, "tick, lot and reference price are at most 1000000000000"),
    ({"reference_price_ticks": 10**12 + 1}, "tick, lot and reference price are at most 1000000000000"),
    ({"price_decimals": -1}, "price decimals lie between 0 and 8"),
    ({"price_decimals": 9}, "price decimals lie between 0 and 8"),
    ({"price_decimals": 3}, "one tick on one lot is not a whole number of minor currency units"),
    (
        {"price_decimals": 4, "lot": 10, "tick": 5, "minimum_quantity": 10},
        "one tick on one lot is not a whole number of minor currency units",
    ),
    (
        {"currency": "JPY"},
        "one tick on one lot is not a whole number of minor currency units",
    ),
    ({"lot": 10}, "minimum and maximum quantity are not multiples of the lot"),
    (
        {"lot": 10, "minimum_quantity": 10, "maximum_quantity": 15},
        "minimum and maximum quantity are not multiples of the lot",
    ),
    (
        {"minimum_quantity": 10, "maximum_quantity": 9},
        "the maximum quantity lies between the minimum and 1000000000000",
    ),
    (
        {"maximum_quantity": 10**12 + 1},
        "the maximum quantity lies between the minimum and 1000000000000",
    ),
    ({"band_ppm": 0}, "the price band lies between 1 and 1,000,000 ppm"),
    ({"band_ppm": 1_000_001}, "the price band lies between 1 and 1,000,000 ppm"),
    ({"maker_fee_ppm": -1}, "fees lie between 0 and 1,000,000 ppm"),
    ({"taker_fee_ppm": 1_000_001}, "fees lie between 0 and 1,000,000 ppm"),
]


@pytest.mark.parametrize(("change", "problem"), INEXACT)
def test_instruments_that_would_not_be_exact_or_tradable(
    market: Market, change: dict[str, Any], problem: str
) -> None:
    """Listing terms are checked so that every notional is a whole number of minor units."""
    command = listing(**change)
    assert refusal(command, RejectCode.INVALID_INSTRUMENT, problem) == market.do(command)


@pytest.mark.parametrize(
    ("change", "minor"),
    [
        ({}, 1),
        ({"tick": 5}, 5),
        ({"price_decimals": 0}, 100),
        ({"price_decimals": 4, "lot": 100, "minimum_quantity": 100}, 1),
        ({"price_decimals": 4, "lot": 20, "minimum_quantity": 20, "tick": 5}, 1),
        ({"price_decimals": 0, "currency": "JPY"}, 1),
        ({"price_decimals": 1, "currency": "JPY", "tick": 5, "lot": 2, "minimum_quantity": 2}, 1),
    ],
)
def test_exact_instruments(market: Market, change: dict[str, Any], minor: int) -> None:
    """One tick on one lot is a whole number of minor units."""
    command = listing(**change)
    assert isinstance(command, commands.ListInstrument)
    assert [InstrumentListed(OPERATOR, command.instrument)] == market.do(command)
    assert minor == market.state.listings["PEAT-21"].lot_tick_minor


def test_basket_of_another_unit(market: Market) -> None:
    """All classes of a basket count what the instrument counts: here kilograms."""
    kilograms = msgspec.structs.replace(NEW_CLASS, class_id="ISO-1-2024", unit=Unit.KILOGRAM)
    assert [ClassRegistered(OPERATOR, kilograms)] == market.do(commands.RegisterClass(OPERATOR, kilograms))
    mixed = listing(classes=("ISO-1-2024", V20), unit=Unit.KILOGRAM)
    assert refusal(mixed, RejectCode.INVALID_INSTRUMENT, f"{V20} counts t") == market.do(mixed)
    pure = listing(classes=("ISO-1-2024",), unit=Unit.KILOGRAM)
    assert "instrument_listed" == market.do(pure)[0].kind


def test_changing_fees(market: Market) -> None:
    """The listing shows the new rates; the terms stay otherwise."""
    assert [FeesChanged(OPERATOR, "RIMBA-19", 7, 1_000_000)] == market.change_fees("RIMBA-19", 7, 1_000_000)
    assert PROJECT.with_fees(7, 1_000_000) == market.state.listings["RIMBA-19"].instrument


def test_halting_and_opening(market: Market) -> None:
    """A halt and its end are events with a reason; orders stay."""
    order_id = market.alpha.rest(market.alpha.buy(1, 1000))
    for state in (InstrumentState.HALTED, InstrumentState.OPEN):
        assert [InstrumentStateChanged(OPERATOR, "RIMBA-19", state, "test")] == market.change_state(
            "RIMBA-19", state
        )
    assert [order_id] == list(market.state.orders)


def test_roles_of_the_venue(market: Market) -> None:
    """Further operators and auditors belong to the venue's own participant."""
    for role in (Role.OPERATOR, Role.AUDITOR):
        command = commands.RegisterKey("operator-key", f"second-{role}", VENUE, role, PUBLIC_KEY)
        assert [KeyRegistered("operator-key", f"second-{role}", VENUE, role, PUBLIC_KEY)] == market.do(
            command
        )


def test_classes_keep_what_was_registered(market: Market) -> None:
    """The state has the class as it came."""
    assert CLASS_2019 == market.state.classes[V19]
