"""Random commands of all kinds: small prices and quantities, scarce funds, so that they meet, run short and collide."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR, VENUE
from exchange.domain.instruments import Instrument, InstrumentState
from exchange.domain.orders import OrderRequest, OrderType
from exchange.domain.serials import SerialBlock
from matching.order import SelfTradePrevention, Side, TimeInForce
from tests.exchange.domain import random_making, random_registrar
from tests.exchange.domain.random_registrar import CALENDAR, OWN
from tests.market import ALPHA, ALPHA_2, BASKET, BETA, CASH, GAMMA, PROJECT, UNITS, V18, V19, V20, Market

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from exchange.domain.commands import Command

LOTS = Instrument(
    symbol="LOTS",
    name="Lots of ten at tenths of a cent",
    classes=(V18, V20, OWN.class_id),
    currency="EUR",
    tick=1,
    price_decimals=3,
    lot=10,
    minimum_quantity=10,
    maximum_quantity=200,
    reference_price_ticks=1000,
    band_ppm=100_000,
    maker_fee_ppm=0,
    taker_fee_ppm=333,
    settlement_days=2,
    calendar=CALENDAR,
)
YEN = Instrument(
    symbol="YEN",
    name="Whole yen",
    classes=(V20,),
    currency="JPY",
    tick=1,
    price_decimals=0,
    lot=1,
    minimum_quantity=2,
    maximum_quantity=50,
    reference_price_ticks=1000,
    band_ppm=10_000,
    maker_fee_ppm=123_456,
    taker_fee_ppm=999_999,
)
INSTRUMENTS = (PROJECT, BASKET, LOTS, YEN)
ACCOUNTS = (ALPHA, ALPHA_2, BETA, GAMMA)
KEY_OF = {ALPHA: "alpha-key", ALPHA_2: "alpha-key", BETA: "beta-key", GAMMA: "gamma-key"}
LEFT_CASH = 200_000
LEFT_UNITS = 60


def scarce_market() -> Market:
    """A market of four instruments whose participants own little."""
    market = Market()
    by = LOCAL_OPERATOR
    market.do(commands.SetCalendar(by, CALENDAR, ()))
    market.do(commands.RegisterClass(by, OWN))
    market.list_instrument(LOTS)
    market.list_instrument(YEN)
    for number, account in enumerate(ACCOUNTS):
        market.do(commands.WithdrawCash(by, account, "EUR", CASH - LEFT_CASH, "most-cash"))
        market.deposit_cash(account, LEFT_CASH, "JPY")
        for class_id, year in ((V18, 2018), (V19, 2019), (V20, 2020)):
            registry = market.state.classes[class_id].registry
            block = SerialBlock(
                registry, f"opening-{year}", number * UNITS + 1 + LEFT_UNITS, (number + 1) * UNITS
            )
            market.do(
                commands.WithdrawUnits(by, account, class_id, block.quantity, (block,), f"most-{class_id}")
            )
    return market


class RandomTrading:
    """Draws commands that fit, or nearly fit, what the market is like now."""

    def __init__(self, market: Market, random: Random) -> None:
        self.market = market
        self.random = random
        self._number = 0
        self._placed: list[commands.PlaceOrder] = []
        self._deposited: list[tuple[str, SerialBlock]] = []

    def command(self) -> Command:
        """The next command. It may let time pass first."""
        draw: Callable[[], Command] = self.random.choices(*_MIX)[0].__get__(self)
        return draw()

    def new_id(self, what: str) -> str:
        """An id that was not used yet."""
        self._number += 1
        return f"{what}-{self._number}"

    def session(self, key_id: str) -> int:
        """A session of the key; 0 when it has none."""
        sessions = [
            number for number, session in self.market.state.sessions.items() if session.key_id == key_id
        ]
        return self.random.choice(sessions) if sessions else 0

    def account(self) -> str:
        """One of the accounts."""
        return self.random.choice(ACCOUNTS)

    def instrument(self) -> Instrument:
        """One of the instruments."""
        return self.random.choice(INSTRUMENTS)

    def key_of(self, account: str) -> str:
        """The key that acts on an account."""
        return KEY_OF[account]

    def _place(self) -> Command:
        random = self.random
        account = self.account()
        key_id = self.key_of(account)
        command = commands.PlaceOrder(key_id, self.session(key_id), account, self._order(account))
        if random.random() < 0.2:
            self._placed.append(command)
        return command

    def _order(self, account: str) -> OrderRequest:
        random = self.random
        instrument = random.choice(INSTRUMENTS)
        side = random.choice((Side.BUY, Side.SELL))
        quantity = instrument.lot * random.randint(1, 20)
        time_in_force = random.choices(tuple(TimeInForce), (4, 4, 2, 1, 1))[0]
        order_type = OrderType.MARKET if random.random() < 0.1 else OrderType.LIMIT
        if order_type is OrderType.MARKET:
            time_in_force = random.choice((TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK))
        rests = order_type is OrderType.LIMIT and time_in_force not in (TimeInForce.IOC, TimeInForce.FOK)
        return OrderRequest(
            client_order_id=self.new_id("order"),
            instrument=instrument.symbol,
            side=side,
            quantity=quantity,
            price=None if order_type is OrderType.MARKET and random.random() < 0.5 else self.price(),
            order_type=order_type,
            time_in_force=time_in_force,
            expire_date=self.date(random.randint(0, 3)) if time_in_force is TimeInForce.GTD else "",
            post_only=rests and random.random() < 0.15,
            display_quantity=instrument.lot * random.randint(1, 6) if rests and random.random() < 0.25 else 0,
            self_trade_prevention=random.choice(tuple(SelfTradePrevention)),
            deliver=self.deliver(account, instrument, quantity) if side is Side.SELL else (),
            retire_on_fill=random_registrar.retirement_terms(self) if side is Side.BUY else None,
        )

    def price(self) -> int:
        """A price about the middle."""
        return self.random.randint(994, 1006)

    def date(self, days: int) -> str:
        """So many days after the business date."""
        return (dt.date.fromisoformat(self.market.state.business_date) + dt.timedelta(days)).isoformat()

    def deliver(self, account: str, instrument: Instrument, quantity: int) -> tuple[tuple[str, int], ...]:
        """Sometimes named classes, mostly such as the account has."""
        random = self.random
        if random.random() < 0.7:
            return ()
        class_ids = list(instrument.classes)
        random.shuffle(class_ids)
        deliver = []
        for class_id in class_ids:
            units = min(quantity, max(self.market.state.ledger.balance(account, class_id).available, 1))
            units = random.randint(1, units) if random.random() < 0.3 else units
            deliver.append((class_id, units))
            quantity -= units
            if not quantity:
                break
        return tuple(deliver)

    def _live(self) -> tuple[str, int]:
        """An account and the id of one of its orders, mostly a live one."""
        orders = self.market.state.orders
        if not orders or self.random.random() < 0.05:
            return self.account(), self.random.randint(0, self.market.next_seq)
        order = orders[self.random.choice(list(orders))]
        return order.account, order.order_id

    def _amend(self) -> Command:
        random = self.random
        account, order_id = self._live()
        key_id = self.key_of(account)
        order = self.market.state.orders.get(order_id)
        lot = self.market.state.listings[order.instrument].instrument.lot if order else 1
        changes = random.choice(
            ("price", "quantity", "quantity", "both", "nothing" if random.random() < 0.1 else "both")
        )
        price = self.price() if changes in {"price", "both"} else None
        quantity = lot * random.randint(0, 25) if changes in {"quantity", "both"} else None
        return commands.AmendOrder(
            key_id,
            self.session(key_id),
            account,
            order_id,
            price=price,
            quantity=quantity,
            request_id=self._request_id(),
        )

    def _cancel(self) -> Command:
        account, order_id = self._live()
        key_id = self.key_of(account)
        return commands.CancelOrder(
            key_id, self.session(key_id), account, order_id, request_id=self._request_id()
        )

    def _request_id(self) -> str:
        """None, a new one, or one that was used before."""
        return self.random.choice(("", self.new_id("request"), "request-0"))

    def _cancel_all(self) -> Command:
        random = self.random
        account = self.account()
        key_id = random.choice((self.key_of(account), LOCAL_OPERATOR))
        symbol = random.choice(("", random.choice(INSTRUMENTS).symbol))
        side = random.choice((None, *Side))
        return commands.CancelAll(key_id, self.session(key_id), account, symbol, side)

    def _stranger(self) -> Command:
        """Somebody acts on an account, with a session or on an order that is not theirs."""
        random = self.random
        key_id = random.choice(
            ("alpha-key", "beta-key", "operator-key", "auditor-key", LOCAL_OPERATOR, "nobody")
        )
        account = random.choice((*ACCOUNTS, VENUE, "nowhere"))
        session = random.choice((self.session("gamma-key"), self.session(key_id)))
        if random.random() < 0.5:
            return commands.PlaceOrder(key_id, session, account, self._order(account))
        return commands.CancelOrder(key_id, session, account, self._live()[1])

    def _resend(self) -> Command:
        """An earlier order once more, now and then with another body."""
        if not self._placed:
            return self._place()
        command = self.random.choice(self._placed)
        order = command.order
        if self.random.random() < 0.3:
            order = msgspec.structs.replace(order, quantity=order.quantity + 10)
        return msgspec.structs.replace(command, session=self.session(command.by), order=order)

    def _retire(self) -> Command:
        random = self.random
        account = self.account()
        key_id = self.key_of(account)
        class_id = random.choice((V18, V19, V20))
        reference = self.new_id("retirement") if random.random() < 0.8 else "retirement-0"
        return commands.Retire(
            key_id,
            self.session(key_id),
            account,
            "Acme",
            "flights",
            reference,
            ((class_id, random.randint(1, 8)),),
        )

    def _deposit(self) -> Command:
        random = self.random
        account = self.account()
        if random.random() < 0.5:
            currency = random.choice(("EUR", "JPY"))
            return commands.DepositCash(
                LOCAL_OPERATOR, account, currency, random.randint(1, 30_000), self.new_id("cash")
            )
        class_id = random.choice((V18, V19, V20))
        first = random.randint(1, 5000)
        registry = self.market.state.classes[class_id].registry
        block = SerialBlock(registry, "more", first, first + random.randint(0, 20))
        self._deposited.append((class_id, block))
        return commands.DepositUnits(
            LOCAL_OPERATOR, account, class_id, block.quantity, (block,), self.new_id("units")
        )

    def _withdraw(self) -> Command:
        random = self.random
        account = self.account()
        if random.random() < 0.5 or not self._deposited:
            amount = random.randint(1, 30_000)
            account = random.choice((account, VENUE))
            return commands.WithdrawCash(LOCAL_OPERATOR, account, "EUR", amount, self.new_id("cash"))
        class_id, block = random.choice(self._deposited)
        first = random.randint(block.first, block.last)
        part = msgspec.structs.replace(block, first=first, last=random.randint(first, block.last))
        return commands.WithdrawUnits(
            LOCAL_OPERATOR, account, class_id, part.quantity, (part,), self.new_id("units")
        )

    def _change_state(self) -> Command:
        state = self.random.choices(tuple(InstrumentState), (12, 2, 1))[0]
        closed = [
            symbol for symbol, listing in self.market.state.listings.items() if listing.state is not state
        ]
        symbol = self.random.choice(closed or [PROJECT.symbol])
        return commands.ChangeInstrumentState(LOCAL_OPERATOR, symbol, state, "random")

    def _change_fees(self) -> Command:
        symbol = self.random.choice(INSTRUMENTS).symbol
        rates = [self.random.choice((0, 1, 1000, 77_777, 1_000_000)) for _ in range(2)]
        return commands.ChangeFees(LOCAL_OPERATOR, symbol, *rates)

    def _close_day(self) -> Command:
        return commands.CloseDay(LOCAL_OPERATOR, self.date(self.random.randint(1, 3)))

    def _log_off(self) -> Command:
        sessions = list(self.market.state.sessions)
        return commands.CloseSession(self.random.choice(sessions) if sessions else 0, "random")

    def _log_on(self) -> Command:
        key_id = self.key_of(self.account())
        return commands.OpenSession(key_id, "gateway", self.random.random() < 0.7)

    def _set_timer(self) -> Command:
        account = self.account()
        key_id = self.key_of(account)
        timeout_ns = self.random.choice((0, 10_000, 100_000))
        return commands.SetCancelAfter(key_id, self.session(key_id), account, timeout_ns)

    def _fire_timers(self) -> Command:
        self.market.at += self.random.choice((0, 10_000, 100_000))
        return commands.FireTimers()


_MIX = (
    (
        RandomTrading._place,
        RandomTrading._amend,
        RandomTrading._cancel,
        RandomTrading._cancel_all,
        RandomTrading._stranger,
        RandomTrading._resend,
        RandomTrading._retire,
        RandomTrading._deposit,
        RandomTrading._withdraw,
        RandomTrading._change_state,
        RandomTrading._change_fees,
        RandomTrading._close_day,
        RandomTrading._log_off,
        RandomTrading._log_on,
        RandomTrading._set_timer,
        RandomTrading._fire_timers,
        random_registrar.issue,
        random_registrar.cancel_units,
        random_registrar.move,
        random_registrar.retire_serials,
        random_registrar.set_calendar,
        random_registrar.key_block_trade,
        random_registrar.withdraw_block_trade,
        random_making.replace_quote,
        random_making.cancel_quotes,
        random_making.set_protection,
        random_making.reset_protection,
        random_making.fix_session,
    ),
    (60, 20, 6, 2, 2, 3, 2, 8, 2, 3, 1, 1, 3, 4, 1, 1, 4, 1, 1, 1, 1, 6, 1, 20, 1, 3, 4, 1),
)
