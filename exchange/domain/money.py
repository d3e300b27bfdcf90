"""Currencies and exact decimal text: what goes over the wire as `"12.50"` is an integer inside."""

from __future__ import annotations

from exchange.domain.rejects import Reject, RejectCode

CURRENCY_EXPONENTS = {
    "AUD": 2,
    "BRL": 2,
    "CAD": 2,
    "CHF": 2,
    "CLP": 0,
    "CNY": 2,
    "COP": 2,
    "EUR": 2,
    "GBP": 2,
    "INR": 2,
    "JPY": 0,
    "KES": 2,
    "KRW": 0,
    "MXN": 2,
    "NOK": 2,
    "NZD": 2,
    "SEK": 2,
    "SGD": 2,
    "THB": 2,
    "USD": 2,
    "VND": 0,
    "ZAR": 2,
}
"""Minor-unit exponents by ISO 4217 code: the settlement currencies that the venue supports."""

MAX_AMOUNT = 10**15
"""Largest amount of cash (minor units) or of units that one command may name."""

MAX_DECIMAL_DIGITS = 24


def parse_decimal(text: str, decimals: int, code: RejectCode) -> int:
    """The integer `text * 10**decimals`; refused with `code` unless it is plain, exact and not negative."""
    whole, dot, fraction = text.partition(".")
    well_formed = (
        len(text) <= MAX_DECIMAL_DIGITS and whole.isascii() and whole.isdigit() and fraction.isascii()
    ) and (fraction.isdigit() if dot else True)
    if not well_formed:
        raise Reject(code, f"{text[:MAX_DECIMAL_DIGITS]!r} is not a plain decimal number such as 12.50")
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise Reject(code, f"{text} has more than {decimals} decimals")
    return int(whole + fraction.ljust(decimals, "0"))


def render_decimal(value: int, decimals: int) -> str:
    """The decimal text of `value / 10**decimals`, with exactly that many decimals."""
    sign = "-" if value < 0 else ""
    digits = str(abs(value))
    if not decimals:
        return sign + digits
    digits = digits.rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def currency_exponent(currency: str) -> int:
    """Decimals of an ISO 4217 currency; refused when the venue does not settle in it."""
    exponent = CURRENCY_EXPONENTS.get(currency)
    if exponent is None:
        raise Reject(RejectCode.UNKNOWN_CURRENCY, f"{currency!r} is not a settlement currency of this venue")
    return exponent
