"""`exchange admin instruments` and `exchange admin fees`: what is traded, when, and at which fees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from exchange.domain import commands
from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.project_forms import Crediting, Mitigation
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import Instrument, InstrumentState, Unit
from exchange.domain.money import parse_decimal
from exchange.domain.order_entry import price_band
from exchange.domain.rejects import Reject, RejectCode
from exchange.operations.administering import change, read_state
from exchange.operations.errors import Refused
from exchange.operations.options import CommandFunction, exchange_options, json_option
from exchange.operations.output import print_json, print_table

if TYPE_CHECKING:
    from exchange.domain.instruments import Listing
    from exchange.domain.state import State
    from exchange.operations.finding import Exchange


class InstrumentRow(msgspec.Struct, frozen=True):
    """One instrument. With --json, `list` prints a list of these; prices are decimal text."""

    symbol: str
    name: str
    state: str
    currency: str
    unit: str
    classes: list[str]
    tick: str
    lot: int
    minimum_quantity: int
    maximum_quantity: int
    reference_price: str
    lowest_price: str
    highest_price: str
    last_price: str
    """Empty until the first trade."""
    maker_fee_ppm: int
    taker_fee_ppm: int
    settlement_days: int
    calendar: str
    orders: int
    """Live ones."""


@click.group()
def instruments() -> None:
    """List instruments, halt, resume and close them."""


@instruments.command("list")
@json_option
@exchange_options
def list_instruments(exchange: Exchange, *, as_json: bool) -> None:
    """Print all instruments."""
    rows = instrument_rows(read_state(exchange))
    if as_json:
        print_json(rows)
        return
    print_table(
        ("symbol", "name", "state", "currency", "classes", "last", "reference", "band", "orders"),
        (
            (
                row.symbol,
                row.name,
                row.state,
                row.currency,
                len(row.classes),
                row.last_price or "-",
                row.reference_price,
                f"{row.lowest_price} to {row.highest_price}",
                row.orders,
            )
            for row in rows
        ),
        right=("classes", "last", "reference", "orders"),
    )


def instrument_rows(state: State) -> list[InstrumentRow]:
    """All instruments, by symbol."""
    return [_row(state, listing) for _, listing in sorted(state.listings.items())]


def _row(state: State, listing: Listing) -> InstrumentRow:
    instrument = listing.instrument
    low, high = price_band(listing)
    price = instrument.ticks_to_price
    return InstrumentRow(
        symbol=instrument.symbol,
        name=instrument.name,
        state=listing.state.value,
        currency=instrument.currency,
        unit=instrument.unit.value,
        classes=list(instrument.classes or listing.deliverable),
        tick=price(1),
        lot=instrument.lot,
        minimum_quantity=instrument.minimum_quantity,
        maximum_quantity=instrument.maximum_quantity,
        reference_price=price(listing.reference_price),
        lowest_price=price(low),
        highest_price=price(high),
        last_price=price(listing.last_price) if listing.last_price else "",
        maker_fee_ppm=instrument.maker_fee_ppm,
        taker_fee_ppm=instrument.taker_fee_ppm,
        settlement_days=instrument.settlement_days,
        calendar=instrument.calendar,
        orders=len(state.books[instrument.symbol].orders),
    )


def _terms_options(function: CommandFunction) -> CommandFunction:
    """The terms of every instrument, but what delivers into it; the function gets them as `terms`."""
    for option in reversed(_TERMS):
        function = option(function)
    return function


_TERMS = (
    click.option("--name", required=True, help="What people read."),
    click.option("--currency", required=True, help="ISO 4217, such as EUR."),
    click.option("--tick", required=True, help="Smallest price step per unit, such as 0.01."),
    click.option(
        "--reference-price", required=True, help="Decimal price per unit, the centre of the price band."
    ),
    click.option("--lot", type=int, default=1, show_default=True, help="Units that orders are multiples of."),
    click.option("--minimum", type=int, help="Smallest order. Default: one lot."),
    click.option("--maximum", type=int, default=1_000_000, show_default=True, help="Largest order."),
    click.option("--band-ppm", type=int, default=200_000, show_default=True, help="Width of the price band."),
    click.option("--maker-fee-ppm", type=int, default=0, show_default=True),
    click.option("--taker-fee-ppm", type=int, default=0, show_default=True),
    click.option(
        "--settlement-days",
        type=int,
        default=0,
        show_default=True,
        help="Business days from trade to settlement; 0: at once.",
    ),
    click.option(
        "--calendar",
        default="",
        help="Holiday calendar of those days (`calendars set`). Default: Monday to Friday.",
    ),
)


@instruments.command("create")
@click.argument("symbol")
@click.option("--class", "classes", multiple=True, required=True, help="Credit class; several make a basket.")
@_terms_options
@json_option
@exchange_options
def create(exchange: Exchange, *, symbol: str, classes: tuple[str, ...], as_json: bool, **terms: Any) -> None:
    """List an instrument on one credit class, or a basket of several that do not change."""
    known = read_state(exchange).classes.get(classes[0])
    instrument = _instrument(symbol, classes, **terms)
    if known is not None:
        instrument = msgspec.structs.replace(instrument, unit=known.unit)
    command = commands.ListInstrument(LOCAL_OPERATOR, instrument)
    change(exchange, command, f"listed {symbol}", as_json=as_json)


@instruments.command("create-basket")
@click.argument("symbol")
@click.option("--registry", "registries", multiple=True, help="Such as VCS; may be repeated: any of them.")
@click.option("--type", "project_types", multiple=True, help="Project type; may be repeated: any of them.")
@click.option("--methodology", "methodologies", multiple=True, help="May be repeated: any of them.")
@click.option("--country", "countries", multiple=True, help="ISO 3166 alpha-2; may be repeated: any of them.")
@click.option("--vintage-from", type=int, default=0, help="First vintage.")
@click.option("--vintage-to", type=int, default=0, help="Last vintage.")
@click.option("--label", "labels", multiple=True, help="May be repeated: all of them.")
@click.option("--mitigation", type=click.Choice([mitigation.value for mitigation in Mitigation]))
@click.option(
    "--crediting",
    type=click.Choice([crediting.value for crediting in Crediting]),
    default=Crediting.EX_POST.value,
    show_default=True,
)
@click.option(
    "--unit", type=click.Choice([unit.value for unit in Unit]), default=Unit.TONNE.value, show_default=True
)
@_terms_options
@json_option
@exchange_options
def create_basket(
    exchange: Exchange,
    *,
    symbol: str,
    mitigation: str | None,
    crediting: str,
    unit: str,
    as_json: bool,
    **others: Any,
) -> None:
    """List a basket by its rule: classes join as soon as they meet it, and leave as soon as they do not."""
    criteria = {field: others.pop(field) for field in BasketRule.__struct_fields__ if field in others}
    rule = BasketRule(
        **criteria,
        mitigation=Mitigation(mitigation) if mitigation else None,
        crediting=Crediting(crediting),
    )
    instrument = msgspec.structs.replace(_instrument(symbol, (), **others), rule=rule, unit=Unit(unit))
    command = commands.ListInstrument(LOCAL_OPERATOR, instrument)
    change(exchange, command, f"listed {symbol}", as_json=as_json)


def _instrument(
    symbol: str,
    classes: tuple[str, ...],
    *,
    lot: int,
    minimum: int | None,
    maximum: int,
    settlement_days: int,
    calendar: str,
    **terms: Any,
) -> Instrument:
    instrument = priced_instrument(
        symbol=symbol,
        classes=classes,
        lot=lot,
        minimum_quantity=lot if minimum is None else minimum,
        maximum_quantity=maximum,
        **terms,
    )
    return msgspec.structs.replace(instrument, settlement_days=settlement_days, calendar=calendar)


def priced_instrument(
    *,
    symbol: str,
    name: str,
    classes: tuple[str, ...],
    currency: str,
    tick: str,
    reference_price: str,
    lot: int,
    minimum_quantity: int,
    maximum_quantity: int,
    band_ppm: int,
    maker_fee_ppm: int,
    taker_fee_ppm: int,
) -> Instrument:
    """An instrument whose tick and reference price are given as decimals. Raises Refused for other text."""
    decimals = len(tick.partition(".")[2])
    try:
        unpriced = Instrument(
            symbol=symbol,
            name=name,
            classes=classes,
            currency=currency,
            tick=parse_decimal(tick, decimals, RejectCode.INVALID_PRICE),
            price_decimals=decimals,
            lot=lot,
            minimum_quantity=minimum_quantity,
            maximum_quantity=maximum_quantity,
            reference_price_ticks=0,
            band_ppm=band_ppm,
            maker_fee_ppm=maker_fee_ppm,
            taker_fee_ppm=taker_fee_ppm,
        )
        if not unpriced.tick:
            raise Reject(RejectCode.INVALID_PRICE, "a tick is more than nothing")
        ticks = unpriced.price_to_ticks(reference_price)
    except Reject as reject:
        raise Refused(reject.code, reject.message) from reject
    return msgspec.structs.replace(unpriced, reference_price_ticks=ticks)


@instruments.command("halt")
@click.argument("symbol")
@click.option("--reason", default="", help="For the record.")
@json_option
@exchange_options
def halt(exchange: Exchange, *, symbol: str, reason: str, as_json: bool) -> None:
    """Take cancels only."""
    _change_state(exchange, symbol, InstrumentState.HALTED, reason, as_json=as_json)


@instruments.command("resume")
@click.argument("symbol")
@click.option("--reason", default="", help="For the record.")
@json_option
@exchange_options
def resume(exchange: Exchange, *, symbol: str, reason: str, as_json: bool) -> None:
    """Take orders again."""
    _change_state(exchange, symbol, InstrumentState.OPEN, reason, as_json=as_json)


@instruments.command("close")
@click.argument("symbol")
@click.option("--reason", default="", help="For the record.")
@json_option
@exchange_options
def close(exchange: Exchange, *, symbol: str, reason: str, as_json: bool) -> None:
    """Take nothing any more; live orders are cancelled."""
    _change_state(exchange, symbol, InstrumentState.CLOSED, reason, as_json=as_json)


def _change_state(
    exchange: Exchange, symbol: str, state: InstrumentState, reason: str, *, as_json: bool
) -> None:
    command = commands.ChangeInstrumentState(LOCAL_OPERATOR, symbol, state, reason)
    change(exchange, command, f"{symbol} is {state.value}", as_json=as_json)


@click.group()
def fees() -> None:
    """Change fees."""


@fees.command("change")
@click.argument("symbol")
@click.option("--maker-ppm", type=int, required=True, help="Millionths of the amount, for resting orders.")
@click.option("--taker-ppm", type=int, required=True, help="Millionths of the amount, for incoming orders.")
@json_option
@exchange_options
def change_fees(exchange: Exchange, *, symbol: str, maker_ppm: int, taker_ppm: int, as_json: bool) -> None:
    """Set the fees of orders accepted from now on."""
    command = commands.ChangeFees(LOCAL_OPERATOR, symbol, maker_ppm, taker_ppm)
    change(exchange, command, f"fees of {symbol}: maker {maker_ppm}, taker {taker_ppm} ppm", as_json=as_json)
