"""The estimate of emissions that disaster prevention avoids, computed exactly.

For each year: probability that the hazard strikes x damage that it would do x share of it which the measure prevents x
emission factor of rebuilding, discounted to the base year with compound interest. It is the expected annual damage of
flood-risk economics (hazard x exposure x vulnerability), counted in the carbon of rebuilding instead of in money: the
form that NEC and its partners proposed for "potential" credits of disaster prevention.

No float: all figures are integers scaled by powers of ten, each year is rounded down once to a gram of CO2e (6 decimals of a
tonne), and the sum of the discounted years is rounded down once to whole units. So the same evidence gives the same
bytes on any machine, and never a unit too many.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.domain.carbon.ex_ante_forms import ExAnteEvidence, HazardYear, YearEstimate
from exchange.domain.money import MAX_AMOUNT, parse_decimal, render_decimal
from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from collections.abc import Iterable

MODEL: Final = "avoided-rebuilding/1"
RATE_DECIMALS: Final = 12
"""Of probabilities, shares and emission factors."""
DAMAGE_DECIMALS: Final = 6
DISCOUNT_DECIMALS: Final = 6
GRAM_DECIMALS: Final = 6
MAX_YEARS: Final = 100
"""Years after the base year that an estimate looks ahead."""

_PER_GRAM: Final = 10 ** (3 * RATE_DECIMALS + DAMAGE_DECIMALS - GRAM_DECIMALS)
_SHA256_DIGITS: Final = 64


class ModelRun(msgspec.Struct, frozen=True):
    """One run of the model. Its JSON, fields in this order without blanks, is what the log has the SHA-256 of."""

    model: str
    evidence_sha256: str
    years: tuple[YearEstimate, ...]
    units: int

    def sha256(self) -> str:
        """Hexadecimal digest of its JSON."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


def run(evidence: ExAnteEvidence, evidence_sha256: str) -> ModelRun:
    """Compute the estimate; raises Reject (EX_ANTE_ESTIMATE_INVALID)."""
    discount = _figure(evidence.discount_rate, DISCOUNT_DECIMALS, at_most_one=True)
    if not evidence.years or not _are_ascending(evidence):
        raise _invalid(f"its years are in order, each once, from the base year to {MAX_YEARS} years after it")
    if not (evidence.measure.strip() and evidence.damage_unit.strip() and evidence.documents):
        raise _invalid("it names the measure, the unit of damage and at least one document")
    for document in evidence.documents:
        check_sha256(document.sha256)
    grams = 0
    years: list[YearEstimate] = []
    for inputs in evidence.years:
        avoided = _avoided(inputs)
        ahead = inputs.year - evidence.base_year
        one = 10**DISCOUNT_DECIMALS
        present = avoided * one**ahead // (_PER_GRAM * (one + discount) ** ahead)
        grams += present
        years.append(YearEstimate(inputs.year, _tonnes(avoided // _PER_GRAM), _tonnes(present)))
    units = grams // 10**GRAM_DECIMALS
    if not 0 < units <= MAX_AMOUNT:
        raise _invalid(f"an estimate lies between 1 and {MAX_AMOUNT} t, this one is {units} t")
    return ModelRun(MODEL, evidence_sha256, tuple(years), units)


def check_sha256(digest: str) -> None:
    """Refuse what is no SHA-256; raises Reject (EX_ANTE_ESTIMATE_INVALID)."""
    if len(digest) != _SHA256_DIGITS or not set(digest) <= set("0123456789abcdef"):
        raise _invalid(f"{digest[:_SHA256_DIGITS]!r} is no SHA-256 of 64 lower-case hexadecimal digits")


def _avoided(inputs: HazardYear) -> int:
    """Emissions avoided in the year itself, scaled by all the decimals of the factors."""
    return _product(
        (
            _figure(inputs.probability, RATE_DECIMALS, at_most_one=True),
            _figure(inputs.damage, DAMAGE_DECIMALS),
            _figure(inputs.reduction_rate, RATE_DECIMALS, at_most_one=True),
            _figure(inputs.emission_factor, RATE_DECIMALS),
        )
    )


def _product(factors: Iterable[int]) -> int:
    product = 1
    for factor in factors:
        product *= factor
    return product


def _are_ascending(evidence: ExAnteEvidence) -> bool:
    years = [inputs.year for inputs in evidence.years]
    in_order = all(before < after for before, after in pairwise(years))
    return in_order and evidence.base_year <= years[0] and years[-1] <= evidence.base_year + MAX_YEARS


def _figure(text: str, decimals: int, *, at_most_one: bool = False) -> int:
    figure = parse_decimal(text, decimals, RejectCode.EX_ANTE_ESTIMATE_INVALID)
    if at_most_one and figure > 10**decimals:
        raise _invalid(f"{text} is more than 1")
    return figure


def _tonnes(grams: int) -> str:
    return render_decimal(grams, GRAM_DECIMALS)


def _invalid(why: str) -> Reject:
    return Reject(RejectCode.EX_ANTE_ESTIMATE_INVALID, f"the evidence gives no estimate: {why}")
