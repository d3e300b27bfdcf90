"""Times and dates as FIX writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fix.timestamps import (
    parse_date,
    parse_time_of_day,
    parse_timestamp,
    render_date,
    render_timestamp,
)
from tests.market import START_NS


def test_times_by_hand() -> None:
    """With seconds, milliseconds, microseconds and nanoseconds."""
    assert START_NS == parse_timestamp("20261123-00:00:00")
    assert START_NS + 1_000_000 == parse_timestamp("20261123-00:00:00.001")
    assert START_NS + 1_000 == parse_timestamp("20261123-00:00:00.000001")
    assert START_NS + 1 == parse_timestamp("20261123-00:00:00.000000001")
    assert START_NS + 86_400 * 10**9 == parse_timestamp("20261123-23:59:60"), "a leap second"
    assert "20261123-00:00:00.001" == render_timestamp(START_NS + 1_999_999)
    assert 3_661_500_000_000 == parse_time_of_day("01:01:01.500")
    assert 3_661_000_000_000 == parse_time_of_day("01:01:01")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20261123",
        "20261123 00:00:00",
        "20261123-24:00:00",
        "20261123-00:60:00",
        "20261123-00:00:61",
        "20261323-00:00:00",
        "20260229-00:00:00",
        "00000101-00:00:00",
        "20261123-00:00:00.",
        "20261123-00:00:00.1",
        "20261123-00:00:00.0001",
        "20261123-00:00:00,001",
        "20261123-00:00:00.00a",
        "20261123-00:00:00.\u0661\u0661\u0661",
        "2026-11-23-00:00:00",
        "+0261123-00:00:00",
        "20261123-00:00:00Z",
    ],
)
def test_what_is_no_time(text: str) -> None:
    """None of these, and no exception."""
    assert parse_timestamp(text) is None


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001
def test_times_agree_with_the_library(moment: datetime) -> None:
    """Rendered and parsed as the standard library does it, to the millisecond."""
    moment = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
    text = f"{moment.year:04d}{moment:%m%d-%H:%M:%S}.{moment.microsecond // 1000:03d}"
    time_ns = parse_timestamp(text)
    assert time_ns is not None
    assert text == render_timestamp(time_ns)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000 == time_ns


def test_dates() -> None:
    """FIX writes dates without hyphens."""
    assert "2026-11-23" == parse_date("20261123")
    assert "20261123" == render_date("2026-11-23")
    assert [None] * 4 == [parse_date(text) for text in ("20261131", "2026-11-23", "", "202611234")]
    for text in ("20261123", "2026-1-1", ""):
        with pytest.raises(ValueError, match="is not a date"):
            render_date(text)


@pytest.mark.parametrize("text", ["", "1:00:00", "25:00:00", "00:00:00.1", "00:00:00.12345678"])
def test_what_is_no_time_of_day(text: str) -> None:
    """None of these."""
    assert parse_time_of_day(text) is None


@given(st.text(max_size=30))
def test_any_text(text: str) -> None:
    """Never raises."""
    assert parse_timestamp(text) is None
    assert parse_time_of_day(text) is None
    assert parse_date(text) is None or len(text) == 8
