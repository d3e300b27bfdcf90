"""Baskets: which classes deliver into an instrument, on a day, as it was known on a day.

A basket is a rule and not a list, as the standard contracts of the voluntary market are (CBL's GEO asks for CORSIA's
programmes, vintages and project types, N-GEO for land use with co-benefits, C-GEO for Core Carbon Principles): a class joins as
soon as it meets the rule, and leaves as soon as it does not. Instruments with a list of classes go by that.

What was deliverable when a trade was made stays good delivery for it. Sell orders that hold units of a class that leaves
are cancelled in the same command, so that no fill ever delivers what is outside the basket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.carbon.knowledge import NOW, Known, Stamp
from exchange.domain.carbon.project_forms import Project, project_key
from exchange.domain.executions import cancel_orders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exchange.domain.carbon.basket_forms import BasketRule
    from exchange.domain.deciding import Deciding
    from exchange.domain.instruments import CreditClass, Instrument
    from exchange.domain.state import State


class Baskets(msgspec.Struct, eq=False):
    """Since when what may be asked about is known."""

    classes: dict[str, Stamp] = {}
    instruments: dict[str, Stamp] = {}


def obstacles(
    state: State, instrument: Instrument, class_id: str, valid_on: str, known: Known = NOW
) -> list[str]:
    """Why a class did not deliver into an instrument on a day, as it was known then; empty: it did.

    Raises `KeyError` for a class or an instrument that is not known at all.
    """
    baskets = state.carbon.baskets
    if not known.has(baskets.instruments[instrument.symbol]):
        return [f"{instrument.symbol} was not listed by then"]
    if not known.has(baskets.classes[class_id]):
        return [f"{class_id} was not registered by then"]
    if instrument.rule is None:
        return [] if class_id in instrument.classes else [f"{class_id} is not in the list"]
    credit_class = state.classes[class_id]
    unmet = list(_unmet(state, instrument.rule, credit_class, valid_on, known))
    if credit_class.unit is not instrument.unit:
        unmet.append(f"it counts {credit_class.unit}, not {instrument.unit}")
    return unmet


def _unmet(
    state: State, rule: BasketRule, credit_class: CreditClass, valid_on: str, known: Known
) -> Iterator[str]:
    project = _project(state, credit_class, known)
    crediting = credit_class.crediting or project.crediting
    for what, found, wanted in (
        ("registry", credit_class.registry, rule.registries),
        ("project type", project.project_type, rule.project_types),
        ("methodology", project.methodology, rule.methodologies),
        ("country", project.country or credit_class.country, rule.countries),
        ("mitigation", project.mitigation, (rule.mitigation,) if rule.mitigation else ()),
        ("crediting", crediting, (rule.crediting,)),
    ):
        if wanted and found not in wanted:
            yield f"{what} is {found or 'not known'}, not {' or '.join(wanted)}"
    if credit_class.vintage < rule.vintage_from:
        yield f"vintage is {credit_class.vintage}, before {rule.vintage_from}"
    if rule.vintage_to and credit_class.vintage > rule.vintage_to:
        yield f"vintage is {credit_class.vintage}, after {rule.vintage_to}"
    for label in rule.labels:
        if not state.carbon.labels.holds(credit_class.class_id, label, valid_on, known):
            yield f"label {label} is missing"


def _project(state: State, credit_class: CreditClass, known: Known) -> Project:
    """The project of a class as it was known: whoever knew the class knew a description of its project."""
    described = state.carbon.projects.descriptions[project_key(credit_class.registry, credit_class.project)]
    return next(
        description.project
        for description in reversed(described)
        if known.has(Stamp(description.seq, description.recorded_on))
    )


# What the venue itself needs: today's members.


def class_registered(state: State, seq: int, class_id: str) -> None:
    """A class is known from now on, and joins the baskets whose rules it meets."""
    state.carbon.baskets.classes[class_id] = Stamp(seq, state.business_date)
    reconsider(state, (class_id,))


def instrument_listed(state: State, seq: int, instrument: Instrument) -> tuple[str, ...]:
    """An instrument is known from now on; answers the classes that deliver into it."""
    state.carbon.baskets.instruments[instrument.symbol] = Stamp(seq, state.business_date)
    if instrument.rule is None:
        return _oldest_first(state, instrument.classes)
    return _oldest_first(
        state,
        (
            class_id
            for class_id in state.classes
            if not obstacles(state, instrument, class_id, state.business_date)
        ),
    )


def project_described(state: State, project: Project) -> None:
    """The classes of a project may join and leave baskets."""
    reconsider(
        state,
        [
            known.class_id
            for known in state.classes.values()
            if (known.registry, known.project) == (project.registry, project.project)
        ],
    )


def day_began(state: State) -> None:
    """Labels begin and end with days."""
    reconsider(state, state.carbon.labels.statements)


def reconsider(state: State, class_ids: Iterable[str]) -> None:
    """Let classes join and leave the baskets with a rule, by today's date and knowledge."""
    class_ids = tuple(class_ids)
    for listing in state.listings.values():
        instrument = listing.instrument
        if instrument.rule is None:
            continue
        members = dict.fromkeys(listing.deliverable)
        for class_id in class_ids:
            if obstacles(state, instrument, class_id, state.business_date):
                members.pop(class_id, None)
            else:
                members[class_id] = None
        if members.keys() != dict.fromkeys(listing.deliverable).keys():
            listing.deliverable = _oldest_first(state, members)


def _oldest_first(state: State, class_ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(class_ids, key=lambda class_id: (state.classes[class_id].vintage, class_id)))


def expel(venue: Deciding) -> None:
    """Cancel the sell orders that would deliver what is no longer in their basket, oldest first."""
    state = venue.state
    order_ids = [
        order_id
        for order_id, order in sorted(state.orders.items())
        if order.deliver and state.listings[order.instrument].instrument.rule is not None
        if any(class_id not in state.listings[order.instrument].deliverable for class_id, _ in order.deliver)
    ]
    cancel_orders(venue, order_ids, ev.CancelReason.NOT_DELIVERABLE)
