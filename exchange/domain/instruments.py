"""What is traded: credit classes, instruments over them, and the arithmetic of their prices."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.project_forms import Crediting
from exchange.domain.money import currency_exponent, parse_decimal, render_decimal
from exchange.domain.rejects import Reject, RejectCode

PPM = 1_000_000
MAX_SETTLEMENT_DAYS = 30
MAX_TERM = 10**12
"""No tick, lot, quantity or reference price goes beyond this."""


class Unit(StrEnum):
    """What one unit of a class is: a tonne or a kilogram of CO2 equivalent."""

    TONNE = "t"
    KILOGRAM = "kg"


class InstrumentState(StrEnum):
    """Open takes everything, halted takes cancels only, closed takes nothing and has no orders."""

    OPEN = "open"
    HALTED = "halted"
    CLOSED = "closed"


class CreditClass(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is fungible: units of one registry, project and vintage with the same labels."""

    class_id: str
    """Such as `VCS-1340-2020`."""
    registry: str
    project: str
    name: str
    vintage: int
    unit: Unit = Unit.TONNE
    country: str = ""
    """ISO 3166 alpha-2 code of the host country."""
    labels: tuple[str, ...] = ()
    crediting: Crediting | None = None
    """Issued for what was verified or for what is expected; None: as its project."""

    @property
    def is_declared_ex_ante(self) -> bool:
        """Whether the class says so itself, whatever is said of its project."""
        return self.crediting is Crediting.EX_ANTE


class Instrument(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Listing terms. One class makes it project-specific, several or a rule make it a basket.

    A price is `ticks * tick`, `tick` being in units of `10**-price_decimals` of the currency per unit. One tick on
    one lot is a whole number of minor units, so that every notional amount is exact.
    """

    symbol: str
    name: str
    classes: tuple[str, ...]
    currency: str
    tick: int
    price_decimals: int
    lot: int
    minimum_quantity: int
    maximum_quantity: int
    reference_price_ticks: int
    band_ppm: int
    """Orders may be priced up to this share above or below the reference price."""
    maker_fee_ppm: int
    taker_fee_ppm: int
    unit: Unit = Unit.TONNE
    settlement_days: int = 0
    """Business days from trade to settlement; 0: at once, in the fill."""
    calendar: str = ""
    """Name of the holiday calendar that business days follow; empty: Monday to Friday."""
    rule: BasketRule | None = None
    """What a class must be to deliver; None: it is one of `classes`, which are empty otherwise."""

    def lot_tick_minor(self) -> int:
        """Minor units of cash for one tick on one lot."""
        scaled = self.tick * self.lot * int(10 ** currency_exponent(self.currency))
        return scaled // int(10**self.price_decimals)

    def with_fees(self, maker_fee_ppm: int, taker_fee_ppm: int) -> Instrument:
        """The same instrument at other fee rates."""
        return msgspec.structs.replace(self, maker_fee_ppm=maker_fee_ppm, taker_fee_ppm=taker_fee_ppm)

    def price_to_ticks(self, text: str) -> int:
        """Ticks of a decimal price; refused when it is not a number or lies between two ticks."""
        try:
            scaled = parse_decimal(text, self.price_decimals, RejectCode.PRICE_OFF_TICK)
        except Reject as reject:
            if len(text.partition(".")[2]) > self.price_decimals and text.replace(".", "", 1).isdigit():
                raise
            raise Reject(RejectCode.INVALID_PRICE, reject.message) from None
        ticks, rest = divmod(scaled, self.tick)
        if rest:
            tick = render_decimal(self.tick, self.price_decimals)
            raise Reject(RejectCode.PRICE_OFF_TICK, f"{text} is not a multiple of the tick {tick}")
        return ticks

    def ticks_to_price(self, ticks: int) -> str:
        """Decimal text of a price in ticks."""
        return render_decimal(ticks * self.tick, self.price_decimals)


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


def check_instrument(instrument: Instrument) -> None:
    """Refuse listing terms that would not make an exact, tradable instrument."""
    exponent = currency_exponent(instrument.currency)
    problem = ""
    if not instrument.symbol or bool(instrument.classes) is (instrument.rule is not None):
        problem = "a symbol and either credit classes or a rule are required"
    elif instrument.rule is not None and instrument.rule.is_empty:
        problem = "the rule of a basket asks for something"
    elif len(set(instrument.classes)) != len(instrument.classes):
        problem = "a credit class is named twice"
    elif (
        min(instrument.tick, instrument.lot, instrument.minimum_quantity, instrument.reference_price_ticks)
        < 1
    ):
        problem = "tick, lot, minimum quantity and reference price are at least 1"
    elif max(instrument.tick, instrument.lot, instrument.reference_price_ticks) > MAX_TERM:
        problem = f"tick, lot and reference price are at most {MAX_TERM}"
    elif not 0 <= instrument.price_decimals <= 8:
        problem = "price decimals lie between 0 and 8"
    elif (instrument.tick * instrument.lot * 10**exponent) % 10**instrument.price_decimals:
        problem = "one tick on one lot is not a whole number of minor currency units"
    elif instrument.minimum_quantity % instrument.lot or instrument.maximum_quantity % instrument.lot:
        problem = "minimum and maximum quantity are not multiples of the lot"
    elif not instrument.minimum_quantity <= instrument.maximum_quantity <= MAX_TERM:
        problem = f"the maximum quantity lies between the minimum and {MAX_TERM}"
    elif not 0 < instrument.band_ppm <= PPM:
        problem = "the price band lies between 1 and 1,000,000 ppm"
    elif not (0 <= instrument.maker_fee_ppm <= PPM and 0 <= instrument.taker_fee_ppm <= PPM):
        problem = "fees lie between 0 and 1,000,000 ppm"
    elif not 0 <= instrument.settlement_days <= MAX_SETTLEMENT_DAYS:
        problem = f"trades settle within {MAX_SETTLEMENT_DAYS} business days"
    if problem:
        raise Reject(RejectCode.INVALID_INSTRUMENT, problem)
