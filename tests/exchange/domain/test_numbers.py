"""Decimal text and integers: exact both ways, and refused where it would not be."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.money import (
    CURRENCY_EXPONENTS,
    MAX_DECIMAL_DIGITS,
    currency_exponent,
    parse_decimal,
    render_decimal,
)
from exchange.domain.orders import Delivery, merge_delivery, take_back, take_front
from exchange.domain.rejects import Reject, RejectCode
from tests.market import PROJECT

FINE = msgspec.structs.replace(PROJECT, tick=25, price_decimals=4, lot=4, minimum_quantity=4)
YEN = msgspec.structs.replace(PROJECT, currency="JPY", price_decimals=0)


@pytest.mark.parametrize(
    ("text", "decimals", "value"),
    [
        ("0", 2, 0),
        ("12", 2, 1200),
        ("12.5", 2, 1250),
        ("12.50", 2, 1250),
        ("12.500000", 2, 1250),
        ("0012.05", 2, 1205),
        ("7", 0, 7),
        ("7.0", 0, 7),
        ("99999999999999999999.999", 3, 99_999_999_999_999_999_999_999),
    ],
)
def test_parse_decimal(text: str, decimals: int, value: int) -> None:
    """Plain decimal numbers become integers exactly; zeros at the end do not count as decimals."""
    assert value == parse_decimal(text, decimals, RejectCode.INVALID_AMOUNT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        ".5",
        "5.",
        "-1",
        "+1",
        "1e3",
        "1,5",
        " 1",
        "1 ",
        "1_000",
        "0x1",
        "NaN",
        "1.2.3",
        "\u0661\u0662",
        "1.\u0665",
        "1" * (MAX_DECIMAL_DIGITS + 1),
    ],
)
def test_not_a_decimal(text: str) -> None:
    """Anything but digits and one point between them is refused with the caller's code."""
    with pytest.raises(Reject, match="is not a plain decimal number") as caught:
        parse_decimal(text, 2, RejectCode.INVALID_AMOUNT)
    assert RejectCode.INVALID_AMOUNT is caught.value.code


def test_too_many_decimals() -> None:
    """A number that is not exact is refused, never rounded."""
    with pytest.raises(Reject, match="has more than 2 decimals"):
        parse_decimal("12.505", 2, RejectCode.INVALID_AMOUNT)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(0, 2, "0.00"), (5, 2, "0.05"), (1250, 2, "12.50"), (7, 0, "7"), (-5, 2, "-0.05"), (-1250, 0, "-1250")],
)
def test_render_decimal(value: int, decimals: int, text: str) -> None:
    """Always with all decimals."""
    assert text == render_decimal(value, decimals)


@given(value=st.integers(0, 10**18), decimals=st.integers(0, 4))
def test_text_and_back(value: int, decimals: int) -> None:
    """What is written is read as the same number."""
    assert value == parse_decimal(render_decimal(value, decimals), decimals, RejectCode.INVALID_AMOUNT)


def test_currencies() -> None:
    """Minor units by ISO 4217; other codes are refused."""
    assert (2, 0) == (currency_exponent("EUR"), currency_exponent("JPY"))
    assert {0, 2} == set(CURRENCY_EXPONENTS.values())
    for currency in ("", "eur", "XAU"):
        with pytest.raises(Reject, match="is not a settlement currency of this venue"):
            currency_exponent(currency)


def test_price_text() -> None:
    """Ticks count multiples of the tick, whatever its size."""
    assert 1050 == PROJECT.price_to_ticks("10.50")
    assert "10.50" == PROJECT.ticks_to_price(1050)
    assert 4001 == FINE.price_to_ticks("10.0025")
    assert "10.0025" == FINE.ticks_to_price(4001)
    assert 1050 == YEN.price_to_ticks("1050")
    assert "1050" == YEN.ticks_to_price(1050)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("10.0001", RejectCode.PRICE_OFF_TICK),
        ("10.00251", RejectCode.PRICE_OFF_TICK),
        ("ten", RejectCode.INVALID_PRICE),
        ("", RejectCode.INVALID_PRICE),
        ("-1", RejectCode.INVALID_PRICE),
        ("1.2.3", RejectCode.INVALID_PRICE),
        ("1.00251x", RejectCode.INVALID_PRICE),
        ("1" * 25, RejectCode.INVALID_PRICE),
    ],
)
def test_refused_price_text(text: str, code: RejectCode) -> None:
    """A number between two ticks is off tick; what is no number is an invalid price."""
    with pytest.raises(Reject) as caught:
        FINE.price_to_ticks(text)
    assert code is caught.value.code


DELIVERIES = st.lists(
    st.tuples(st.sampled_from("ABCDE"), st.integers(1, 9)), max_size=5, unique_by=lambda part: part[0]
).map(tuple)


def units(deliver: Delivery) -> int:
    """All units of a list."""
    return sum(count for _, count in deliver)


@given(deliver=DELIVERIES, data=st.data())
def test_delivery_lists_are_split_without_loss(deliver: Delivery, data: st.DataObject) -> None:
    """Front and back splits take exactly what was asked, in order, and nothing is empty or lost."""
    quantity = data.draw(st.integers(0, units(deliver)))
    for split in (take_front, take_back):
        goes, stays = split(deliver, quantity)
        assert (quantity, units(deliver) - quantity) == (units(goes), units(stays))
        assert all(count > 0 for _, count in (*goes, *stays))
        front, back = (goes, stays) if split is take_front else (stays, goes)
        assert deliver == merge_delivery(front, back)


def test_merged_lists_name_each_class_once() -> None:
    """Classes stay where they first appeared."""
    assert (("B", 5), ("A", 2), ("C", 4)) == merge_delivery((("B", 1), ("A", 2)), (("C", 4), ("B", 4)))
