"""What the demo market is made of, read from the files beside this one."""

from __future__ import annotations

import csv
import tomllib
from importlib import resources
from typing import Any, Final

import msgspec

from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.project_forms import Project
from exchange.domain.identity import Role
from exchange.domain.instruments import CreditClass, Instrument
from exchange.domain.serials import SerialBlock
from exchange.operations.admin.instruments import priced_instrument
from exchange.registry.serials import parse

CURRENCIES: Final = ("EUR", "USD")


class DemoParticipant(msgspec.Struct, frozen=True):
    """One of the invented participants; it has one account and one key."""

    id: str
    name: str
    role: Role
    units_share: int = 0
    """Percent of the units of every class."""
    cash: str = ""
    """Decimal, of each currency; empty: none."""

    @property
    def account(self) -> str:
        """Its account."""
        return f"{self.id}-1"

    @property
    def key_id(self) -> str:
        """Its key."""
        return f"demo-{self.id.lower()}"


VISITOR: Final = "VISITOR"
"""The participant that is left to whoever wants to try."""


class Catalogue(msgspec.Struct, frozen=True):
    """All of it but the stories. Every class has a serial block or more; the participants' shares add up to 100."""

    projects: list[Project]
    classes: list[CreditClass]
    blocks: dict[str, list[SerialBlock]]
    """By class, in the order of the file."""
    instruments: list[Instrument]
    delivers: dict[str, tuple[str, ...]]
    """By instrument, the classes of the catalogue that deliver into it when the demo begins."""
    participants: list[DemoParticipant]
    """They trade, or are for the visitor to try."""
    actors: list[DemoParticipant]
    """They act in the stories only."""

    @property
    def visitor(self) -> DemoParticipant:
        """The participant for whoever wants to try."""
        return next(participant for participant in self.participants if participant.id == VISITOR)


def load() -> Catalogue:
    """Reads the files."""
    market = tomllib.loads(_text("market.toml"))
    rows = list(csv.DictReader(_text("projects.csv").splitlines()))
    projects = {project.key: project for project in map(_project, rows)}
    classes = {row["class_id"]: _credit_class(row) for row in rows}
    blocks: dict[str, list[SerialBlock]] = {class_id: [] for class_id in classes}
    for row in csv.DictReader(_text("serial_blocks.csv").splitlines()):
        blocks[row["class_id"]].append(parse(row["serial"]).to_block())
    instruments = _instruments(market, classes)
    delivers = {instrument.symbol: instrument.classes for instrument in instruments}
    for basket in market["rule_baskets"]:
        instruments.append(_rule_basket(basket, market["terms"]))
        delivers[basket["symbol"]] = tuple(basket["delivers"])
    return Catalogue(
        list(projects.values()),
        list(classes.values()),
        blocks,
        instruments,
        delivers,
        msgspec.convert(market["participants"], list[DemoParticipant]),
        msgspec.convert(market["actors"], list[DemoParticipant]),
    )


def _project(row: dict[str, str]) -> Project:
    return Project(
        row["registry"],
        row["project"],
        row["name"],
        row["country"],
        row["project_type"],
        row["methodology"],
    )


def _credit_class(row: dict[str, str]) -> CreditClass:
    return CreditClass(
        class_id=row["class_id"],
        registry=row["registry"],
        project=row["project"],
        name=row["name"],
        vintage=int(row["vintage"]),
        country=row["country"],
    )


def _instruments(market: dict[str, Any], classes: dict[str, CreditClass]) -> list[Instrument]:
    terms: dict[str, int] = market["terms"]
    found: list[Instrument] = []
    for table, tick, lot in (("prices", "0.01", 1), ("prices_of_half_cents", "0.005", 10)):
        for currency, prices in market[table].items():
            for class_id, price in prices.items():
                credit_class = classes[class_id]
                name = f"{credit_class.name}, vintage {credit_class.vintage}"
                found.append(_instrument(class_id, name, (class_id,), currency, price, tick, lot, terms))
    for basket in market["baskets"]:
        members = tuple(classes[class_id].class_id for class_id in basket["classes"])
        found.append(
            _instrument(
                basket["symbol"],
                basket["name"],
                members,
                basket["currency"],
                basket["price"],
                "0.01",
                1,
                terms,
            )
        )
    return found


def _rule_basket(basket: dict[str, Any], terms: dict[str, int]) -> Instrument:
    listed = _instrument(
        basket["symbol"], basket["name"], (), basket["currency"], basket["price"], "0.01", 1, terms
    )
    return msgspec.structs.replace(listed, rule=msgspec.convert(basket["rule"], BasketRule))


def _instrument(
    symbol: str,
    name: str,
    classes: tuple[str, ...],
    currency: str,
    price: str,
    tick: str,
    lot: int,
    terms: dict[str, int],
) -> Instrument:
    return priced_instrument(
        symbol=symbol,
        name=name,
        classes=classes,
        currency=currency,
        tick=tick,
        reference_price=price,
        lot=lot,
        minimum_quantity=lot,
        maximum_quantity=terms["maximum_quantity"],
        band_ppm=terms["band_ppm"],
        maker_fee_ppm=terms["maker_fee_ppm"],
        taker_fee_ppm=terms["taker_fee_ppm"],
    )


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
