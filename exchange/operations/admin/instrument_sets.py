"""Sets of instruments with the same terms, as a market lists them: TOML files, some of which come with the program.

`[terms]` are those of every instrument; each of `[[instruments]]` has `symbol`, `name`, `rule` (as
`exchange.domain.carbon.basket_forms.BasketRule`) and where its reference price comes from: `reference_price` (decimal text),
`reference_price_of` (another symbol, such as the category that it was split from), or neither; then whoever lists it says.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.domain.carbon.basket_forms import BasketRule
from exchange.operations.admin.instruments import priced_instrument
from exchange.operations.errors import ExitCode, OperationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchange.domain.instruments import Instrument
    from exchange.domain.state import State

KNOWN_SETS: Final = ("tokyo",)


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class SetTerms(_Form, frozen=True):
    """Terms of every instrument of a set."""

    currency: str
    tick: str
    lot: int
    minimum_quantity: int
    maximum_quantity: int
    band_ppm: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    settlement_days: int = 0
    calendar: str = ""


class SetInstrument(_Form, frozen=True):
    """One instrument of a set."""

    symbol: str
    name: str
    rule: BasketRule
    reference_price: str = ""
    reference_price_of: str = ""


class InstrumentSet(_Form, frozen=True):
    """A whole file."""

    terms: SetTerms
    instruments: tuple[SetInstrument, ...]


def read_set(name: str) -> InstrumentSet:
    """A set that comes with the program, or a file. Raises OperationError."""
    try:
        if name in KNOWN_SETS:
            text = resources.files("exchange.operations.admin").joinpath(f"{name}.toml").read_text("utf-8")
        else:
            text = Path(name).read_text("utf-8")
        return msgspec.convert(tomllib.loads(text), InstrumentSet)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise OperationError(
            f"{name!r} is no set of instruments: {error} (sets of this program: {', '.join(KNOWN_SETS)})",
            ExitCode.USAGE,
        ) from error


def instruments_to_list(found: InstrumentSet, state: State, prices: Mapping[str, str]) -> list[Instrument]:
    """The instruments of a set that are not listed yet; `prices` are reference prices by symbol that go before the set's own.

    Raises OperationError where a price is missing, and Refused for terms that make no instrument.
    """
    strangers = prices.keys() - {one.symbol for one in found.instruments}
    if strangers:
        raise OperationError(f"{', '.join(sorted(strangers))}: not in this set", ExitCode.USAGE)
    terms = msgspec.structs.asdict(found.terms)
    settlement = {name: terms.pop(name) for name in ("settlement_days", "calendar")}
    wanted: list[Instrument] = []
    for one in found.instruments:
        if one.symbol in state.listings:
            continue
        price = prices.get(one.symbol) or one.reference_price
        price = price or _price_of(one.reference_price_of, state, wanted)
        if not price:
            raise OperationError(
                f"{one.symbol} has no reference price: give one with --reference-price {one.symbol} PRICE",
                ExitCode.USAGE,
            )
        instrument = priced_instrument(
            symbol=one.symbol, name=one.name, classes=(), reference_price=price, **terms
        )
        wanted.append(msgspec.structs.replace(instrument, rule=one.rule, **settlement))
    return wanted


def _price_of(symbol: str, state: State, wanted: list[Instrument]) -> str:
    """The reference price of an instrument that is listed, or about to be; empty: there is none."""
    listing = state.listings.get(symbol)
    if listing is not None:
        return listing.instrument.ticks_to_price(listing.reference_price)
    return next((one.ticks_to_price(one.reference_price_ticks) for one in wanted if one.symbol == symbol), "")
