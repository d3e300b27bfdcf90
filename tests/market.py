"""A venue to trade on in tests: who is there, what they own, and short ways to say what they do.

`opening_commands()` is the set-up as commands, for tests that drive an engine. `Market` is a venue in memory with that
set-up, everybody logged on; it records all events and replays them, one by one, into a second state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import commands
from exchange.domain.events import OrderAccepted, Recorded, SessionOpened
from exchange.domain.identity import LOCAL_OPERATOR, VENUE, Role
from exchange.domain.instruments import CreditClass, Instrument, InstrumentState
from exchange.domain.orders import OrderRequest
from exchange.domain.serials import SerialBlock
from exchange.domain.state import State
from exchange.domain.venue import Execution, Venue
from matching.order import Side

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from exchange.domain.commands import Command
    from exchange.domain.events import Event

START_NS = 1_795_392_000_000_000_000
"""2026-11-23, midnight UTC."""
STEP_NS = 1000
"""The clock of a market moves so far with every command."""
BUSINESS_DATE = "2026-11-23"

CLASS_2018 = CreditClass("VCS-1340-2018", "VCS", "1340", "Rimba Raya", 2018, country="ID")
CLASS_2019 = CreditClass("VCS-1340-2019", "VCS", "1340", "Rimba Raya", 2019, country="ID")
CLASS_2020 = CreditClass("GS-7548-2020", "GS", "7548", "Cookstoves", 2020, country="KE")
V18, V19, V20 = CLASS_2018.class_id, CLASS_2019.class_id, CLASS_2020.class_id

PROJECT = Instrument(
    symbol="RIMBA-19",
    name="Rimba Raya 2019",
    classes=(V19,),
    currency="EUR",
    tick=1,
    price_decimals=2,
    lot=1,
    minimum_quantity=1,
    maximum_quantity=1_000_000,
    reference_price_ticks=1000,
    band_ppm=500_000,
    maker_fee_ppm=1000,
    taker_fee_ppm=2000,
)
"""One class. A tick is a cent, the band goes from 5.00 to 15.00, makers pay 0.1 %, takers 0.2 %."""
BASKET = Instrument(
    symbol="NATURE",
    name="Any of three vintages",
    classes=(V20, V18, V19),
    currency="EUR",
    tick=1,
    price_decimals=2,
    lot=1,
    minimum_quantity=1,
    maximum_quantity=1_000_000,
    reference_price_ticks=1000,
    band_ppm=500_000,
    maker_fee_ppm=1000,
    taker_fee_ppm=2000,
)
"""Three classes, listed in no order."""

ALPHA, ALPHA_2, BETA, GAMMA = "alpha", "alpha-2", "beta", "gamma"
"""Accounts. The first two belong to one participant."""
OWNERS = {ALPHA: "ALPHA", ALPHA_2: "ALPHA", BETA: "BETA", GAMMA: "GAMMA"}
KEYS = {
    "alpha-key": ("ALPHA", Role.TRADER),
    "beta-key": ("BETA", Role.TRADER),
    "gamma-key": ("GAMMA", Role.MARKET_MAKER),
    "operator-key": (VENUE, Role.OPERATOR),
    "auditor-key": (VENUE, Role.AUDITOR),
}
CASH = 10_000_000
"""What every account has of EUR at first, in cents."""
UNITS = 100_000
"""What every account has of each class at first."""


def opening_commands(public_keys: Mapping[str, str] | None = None) -> list[Command]:
    """The set-up of a venue, in order. `public_keys`: hexadecimal Ed25519 keys by key id, where a test signs with them."""
    by = LOCAL_OPERATOR
    keys = public_keys or {}
    opening: list[Command] = [commands.OpenVenue(by, "Test Venue", BUSINESS_DATE)]
    opening += [commands.AdmitParticipant(by, name, f"{name} Ltd") for name in ("ALPHA", "BETA", "GAMMA")]
    opening += [commands.OpenAccount(by, account, owner) for account, owner in OWNERS.items()]
    opening += [
        commands.RegisterKey(by, key_id, participant, role, keys.get(key_id, "0f" * 32))
        for key_id, (participant, role) in KEYS.items()
    ]
    opening += [commands.RegisterClass(by, known) for known in (CLASS_2018, CLASS_2019, CLASS_2020)]
    opening += [commands.ListInstrument(by, instrument) for instrument in (PROJECT, BASKET)]
    for number, account in enumerate(OWNERS):
        opening.append(commands.DepositCash(by, account, "EUR", CASH, "opening-cash"))
        for known in (CLASS_2018, CLASS_2019, CLASS_2020):
            block = SerialBlock(
                known.registry, f"opening-{known.vintage}", number * UNITS + 1, (number + 1) * UNITS
            )
            opening.append(
                commands.DepositUnits(
                    by, account, known.class_id, UNITS, (block,), f"opening-{known.class_id}"
                )
            )
    return opening


class Market:
    """A venue in memory and what it did so far."""

    def __init__(self, *, opened: bool = True) -> None:
        self.venue = Venue()
        self.recorded: list[Recorded] = []
        self.asked: dict[int, Command] = {}
        """Commands by the seq of their first event."""
        self.replica = State()
        """The fold of all recorded events."""
        self.at = START_NS
        self._orders = 0
        self._deposits = 0
        if not opened:
            return
        for command in opening_commands():
            self.do(command)
        self.alpha = self.logged_on("alpha-key", ALPHA)
        self.alpha_2 = Trader(self, self.alpha.key_id, self.alpha.session, ALPHA_2)
        self.beta = self.logged_on("beta-key", BETA)
        self.gamma = self.logged_on("gamma-key", GAMMA)

    @property
    def state(self) -> State:
        """What the venue knows."""
        return self.venue.state

    @property
    def next_seq(self) -> int:
        """Seq of the next event: the id of the next order or session."""
        return self.state.last_seq + 1

    def execute(self, command: Command) -> Execution:
        """Decide a command a little later; record and replay its events."""
        self.at += STEP_NS
        first_seq = self.next_seq
        execution = self.venue.execute(command, self.at)
        if execution.events:
            self.asked[first_seq] = command
        for seq, event in enumerate(execution.events, first_seq):
            self.recorded.append(Recorded(seq, first_seq, self.at, event))
            self.replica.apply(seq, self.at, event)
        return execution

    def do(self, command: Command) -> list[Event]:
        """The events of a command that is no repetition."""
        execution = self.execute(command)
        assert not execution.duplicate_of, f"{command} was done before"
        return execution.events

    # The operator, at the engine's own machine.

    def deposit_cash(self, account: str, amount: int, currency: str = "EUR") -> list[Event]:
        """Give an account cash."""
        self._deposits += 1
        return self.do(
            commands.DepositCash(LOCAL_OPERATOR, account, currency, amount, f"cash-{self._deposits}")
        )

    def deposit_units(self, account: str, class_id: str, quantity: int) -> list[Event]:
        """Give an account units, out of a batch of their own."""
        self._deposits += 1
        registry = self.state.classes[class_id].registry
        block = SerialBlock(registry, f"batch-{self._deposits}", 1, quantity)
        reference = f"units-{self._deposits}"
        return self.do(
            commands.DepositUnits(LOCAL_OPERATOR, account, class_id, quantity, (block,), reference)
        )

    def change_state(self, instrument: str, state: InstrumentState) -> list[Event]:
        """Open, halt or close an instrument."""
        return self.do(commands.ChangeInstrumentState(LOCAL_OPERATOR, instrument, state, "test"))

    def change_fees(self, instrument: str, maker_fee_ppm: int, taker_fee_ppm: int) -> list[Event]:
        """Set fee rates."""
        return self.do(commands.ChangeFees(LOCAL_OPERATOR, instrument, maker_fee_ppm, taker_fee_ppm))

    def close_day(self, next_date: str) -> list[Event]:
        """End the business date."""
        return self.do(commands.CloseDay(LOCAL_OPERATOR, next_date))

    def list_instrument(self, instrument: Instrument) -> list[Event]:
        """Admit an instrument to trading."""
        return self.do(commands.ListInstrument(LOCAL_OPERATOR, instrument))

    # Participants.

    def logged_on(self, key_id: str, account: str, *, cancel_on_disconnect: bool = False) -> Trader:
        """Open a session for a key; what it does concerns the account."""
        (event,) = self.do(commands.OpenSession(key_id, "test-gateway", cancel_on_disconnect))
        assert type(event) is SessionOpened
        return Trader(self, key_id, self.state.last_seq, account)

    def fresh_id(self) -> str:
        """A client order id that was not used yet."""
        self._orders += 1
        return f"order-{self._orders}"

    def balance(self, account: str, asset: str) -> tuple[int, int]:
        """What an account owns of an asset and how much of that is held."""
        balance = self.state.ledger.balance(account, asset)
        return balance.total, balance.held


class Trader:
    """A session of a key, acting on one account."""

    def __init__(self, market: Market, key_id: str, session: int, account: str) -> None:
        self.market = market
        self.key_id = key_id
        self.session = session
        self.account = account

    def buy(
        self, quantity: int, price: int | None, instrument: str = PROJECT.symbol, **terms: Any
    ) -> OrderRequest:
        """A buy order with a fresh id, not sent yet. `terms`: further fields of the request."""
        terms.setdefault("client_order_id", self.market.fresh_id())
        return OrderRequest(instrument=instrument, side=Side.BUY, quantity=quantity, price=price, **terms)

    def sell(
        self, quantity: int, price: int | None, instrument: str = PROJECT.symbol, **terms: Any
    ) -> OrderRequest:
        """A sell order with a fresh id, not sent yet. `terms`: further fields of the request."""
        terms.setdefault("client_order_id", self.market.fresh_id())
        return OrderRequest(instrument=instrument, side=Side.SELL, quantity=quantity, price=price, **terms)

    def place_command(self, order: OrderRequest) -> commands.PlaceOrder:
        """The command of a new order."""
        return commands.PlaceOrder(self.key_id, self.session, self.account, order)

    def place(self, order: OrderRequest) -> list[Event]:
        """Send a new order."""
        return self.market.do(self.place_command(order))

    def rest(self, order: OrderRequest) -> int:
        """Send an order that does not trade; answers its id."""
        (event,) = self.place(order)
        assert type(event) is OrderAccepted, event
        return self.market.state.last_seq

    def amend(
        self,
        order_id: int = 0,
        *,
        price: int | None = None,
        quantity: int | None = None,
        client_order_id: str = "",
        request_id: str = "",
    ) -> list[Event]:
        """Change a live order."""
        return self.market.do(
            commands.AmendOrder(
                self.key_id,
                self.session,
                self.account,
                order_id,
                client_order_id,
                price,
                quantity,
                request_id,
            )
        )

    def cancel(self, order_id: int = 0, *, client_order_id: str = "", request_id: str = "") -> list[Event]:
        """End a live order."""
        return self.market.do(
            commands.CancelOrder(
                self.key_id, self.session, self.account, order_id, client_order_id, request_id
            )
        )

    def cancel_all(self, instrument: str = "", side: Side | None = None) -> list[Event]:
        """End live orders."""
        return self.market.do(commands.CancelAll(self.key_id, self.session, self.account, instrument, side))

    def cancel_after(self, timeout_ns: int) -> list[Event]:
        """Set the dead-man timer."""
        return self.market.do(commands.SetCancelAfter(self.key_id, self.session, self.account, timeout_ns))

    def retire_command(
        self,
        class_id: str,
        quantity: int,
        reference: str,
        beneficiary: str = "Acme",
        purpose: str = "2026 footprint",
    ) -> commands.Retire:
        """The command of a retirement."""
        return commands.Retire(
            self.key_id, self.session, self.account, beneficiary, purpose, reference, ((class_id, quantity),)
        )

    def log_off(self, reason: str = "client left") -> list[Event]:
        """End the session."""
        return self.market.do(commands.CloseSession(self.session, reason))
