"""A log as a venue writes it on busy days, in any number of events and always the same: requests, orders, trades, day ends."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Final

from exchange.domain import commands
from exchange.domain.events import Recorded
from exchange.domain.identity import LOCAL_OPERATOR, Role
from exchange.domain.orders import OrderRequest, Side, TimeInForce
from exchange.domain.serials import SerialBlock
from exchange.domain.venue import Venue
from exchange.log.requests import request_bytes
from loadtest.order_mix import ASK_TICKS, BID_TICKS, CREDIT_CLASS, INSTRUMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.domain.commands import Command

TRADERS: Final = 50
DAY_COMMANDS: Final = 100_000
"""A business date ends after so many commands; then all orders do, and those of the day before are forgotten."""
DESCRIPTION: Final = (
    f"{TRADERS} traders on one instrument; of the commands 50 % orders that rest, 10 % IOC orders that trade, 35 % cancels,"
    f" 5 % amends; a day's end every {DAY_COMMANDS:,} commands; {CREDIT_CLASS.class_id} in blocks of a trader each"
)
_START_NS: Final = 1_795_392_000_000_000_000
_STEP_NS: Final = 100_000
_LEVELS: Final = 100
_MOST_UNITS: Final = 100
_QUOTED: Final = 10**9
_UNITS: Final = 10**10
_CASH: Final = 10**15


class VenueHistory:
    """Runs a venue; its events come from `take`."""

    def __init__(self) -> None:
        self.venue = Venue()
        self._random = random.Random(20261123)
        self._at = _START_NS
        self._recorded: list[Recorded] = []
        self._requests: dict[int, bytes] = {}
        self._sessions: list[int] = []
        self._resting: list[tuple[int, int, Side]] = []
        """Trader, order id and side; some may be gone."""
        self._asked = 0
        self._day = dt.date(2026, 11, 23)
        self._open()

    def take(self, count: int) -> Iterator[tuple[list[Recorded], dict[int, bytes]]]:
        """Events in batches of whole commands, with their requests, until there are at least `count` of them."""
        taken = 0
        while taken < count:
            while len(self._recorded) < min(10_000, count - taken):
                self._next()
            recorded, requests = self._recorded, self._requests
            self._recorded, self._requests = [], {}
            taken += len(recorded)
            yield recorded, requests

    def _do(self, command: Command) -> int:
        """Ask the venue; answers the seq of the first event."""
        self._at += _STEP_NS
        first = self.venue.state.last_seq + 1
        events = self.venue.execute(command, self._at).events
        for seq, event in enumerate(events, first):
            self._recorded.append(Recorded(seq, first, self._at, event))
        if events and (request := request_bytes(command, events[0])) is not None:
            self._requests[first] = request
        return first

    def _open(self) -> None:
        self._do(commands.OpenVenue(LOCAL_OPERATOR, "Load test", self._day.isoformat()))
        self._do(commands.RegisterClass(LOCAL_OPERATOR, CREDIT_CLASS))
        self._do(commands.ListInstrument(LOCAL_OPERATOR, INSTRUMENT))
        for number in range(TRADERS + 1):
            name = f"trader-{number}"
            block = SerialBlock(CREDIT_CLASS.registry, name, 1, _UNITS)
            for command in (
                commands.AdmitParticipant(LOCAL_OPERATOR, name, name),
                commands.OpenAccount(LOCAL_OPERATOR, name, name),
                commands.RegisterKey(LOCAL_OPERATOR, name, name, Role.MARKET_MAKER, "0f" * 32),
                commands.DepositCash(LOCAL_OPERATOR, name, INSTRUMENT.currency, _CASH, "cash"),
                commands.DepositUnits(LOCAL_OPERATOR, name, CREDIT_CLASS.class_id, _UNITS, (block,), "units"),
            ):
                self._do(command)
            self._sessions.append(self._do(commands.OpenSession(name, "load test")))
        self._quote()

    def _quote(self) -> None:
        """The last participant bids and asks for more than a day trades."""
        for side, price in ((Side.BUY, BID_TICKS), (Side.SELL, ASK_TICKS)):
            self._place(TRADERS, side, _QUOTED, price, TimeInForce.DAY)

    def _next(self) -> None:
        self._asked += 1
        if self._asked % DAY_COMMANDS == 0:
            self._day += dt.timedelta(1)
            self._do(commands.CloseDay(LOCAL_OPERATOR, self._day.isoformat()))
            self._resting = []
            self._quote()
            return
        choice = self._random.randrange(100)
        trader = self._random.randrange(TRADERS)
        side = self._random.choice((Side.BUY, Side.SELL))
        units = self._random.randrange(1, _MOST_UNITS + 1)
        if choice < 50 or not self._resting:
            order_id = self._place(trader, side, units, self._price(side), TimeInForce.DAY)
            self._resting.append((trader, order_id, side))
        elif choice < 60:
            price = ASK_TICKS if side is Side.BUY else BID_TICKS
            self._place(trader, side, units, price, TimeInForce.IOC)
        else:
            self._change(leaves=choice < 95)

    def _change(self, *, leaves: bool) -> None:
        place = self._random.randrange(len(self._resting))
        trader, order_id, side = self._resting[place]
        by, session = f"trader-{trader}", self._sessions[trader]
        if leaves:
            self._resting[place] = self._resting[-1]
            self._resting.pop()
            self._do(commands.CancelOrder(by, session, by, order_id))
        else:
            self._do(commands.AmendOrder(by, session, by, order_id, price=self._price(side)))

    def _place(self, trader: int, side: Side, units: int, price: int, time_in_force: TimeInForce) -> int:
        order = OrderRequest(
            f"order-{self._at}", INSTRUMENT.symbol, side, units, price, time_in_force=time_in_force
        )
        name = f"trader-{trader}"
        return self._do(commands.PlaceOrder(name, self._sessions[trader], name, order))

    def _price(self, side: Side) -> int:
        behind = self._random.randrange(1, _LEVELS + 1)
        return BID_TICKS - behind if side is Side.BUY else ASK_TICKS + behind
