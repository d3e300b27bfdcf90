"""Exact arithmetic of emissions: decimal text in, integers inside, decimal text out. Nothing is rounded but what is to be offset.

Activity data have at most 6 decimals, emission factors (tCO2e per unit of activity) at most 12, so that their product is
exact with 18: that is the scale of every figure in tonnes here. What remains is rounded up to whole tonnes once, at
the end and for the period as a whole: a credit is a whole tonne, and who says that emissions are offset must have offset
at least as much (guideline on carbon offsetting of Japan's Ministry of the Environment).
"""

from __future__ import annotations

from exchange.domain.instruments import Unit
from exchange.domain.money import parse_decimal, render_decimal
from exchange.domain.rejects import Reject, RejectCode

ACTIVITY_DECIMALS = 6
FACTOR_DECIMALS = 12
REDUCTION_DECIMALS = 6
TONNE_DECIMALS = ACTIVITY_DECIMALS + FACTOR_DECIMALS
ONE_TONNE: int = 10**TONNE_DECIMALS
KILOGRAMS_PER_TONNE = 1000
MAX_TONNES = 10**12
"""No single figure and no sum goes beyond: about thirty years of the whole world's emissions."""


def product(quantity: str, factor: str) -> int:
    """Emissions in units of 10**-18 t; raises Reject (EMISSION_FIGURE_INVALID)."""
    return check_size(_figure(quantity, ACTIVITY_DECIMALS) * _figure(factor, FACTOR_DECIMALS))


def saved(tonnes: str) -> int:
    """A reduction in units of 10**-18 t, more than nothing; raises Reject (EMISSION_FIGURE_INVALID)."""
    figure = _figure(tonnes, REDUCTION_DECIMALS)
    if not figure:
        raise Reject(RejectCode.EMISSION_FIGURE_INVALID, "a reduction is more than nothing")
    return check_size(figure * 10 ** (TONNE_DECIMALS - REDUCTION_DECIMALS))


def check_size(emissions: int) -> int:
    """The same figure; raises Reject (EMISSION_FIGURE_INVALID) if it is larger than any may be."""
    if emissions > MAX_TONNES * ONE_TONNE:
        raise Reject(RejectCode.EMISSION_FIGURE_INVALID, f"emissions are at most {MAX_TONNES} t")
    return emissions


def tonnes_text(emissions: int) -> str:
    """Decimal text of a figure in units of 10**-18 t, exact and without idle zeros."""
    text = render_decimal(emissions, TONNE_DECIMALS)
    return text.rstrip("0").rstrip(".")


def read_tonnes(text: str) -> int:
    """Back from `tonnes_text`."""
    whole, _, fraction = text.partition(".")
    return int(whole) * ONE_TONNE + int(fraction.ljust(TONNE_DECIMALS, "0"))


def whole_tonnes(emissions: int) -> int:
    """Tonnes to offset: rounded up."""
    return -(-emissions // ONE_TONNE)


def kilograms(quantity: int, unit: Unit) -> int:
    """What units of a class amount to."""
    return quantity * (KILOGRAMS_PER_TONNE if unit is Unit.TONNE else 1)


def _figure(text: str, decimals: int) -> int:
    return parse_decimal(text, decimals, RejectCode.EMISSION_FIGURE_INVALID)
