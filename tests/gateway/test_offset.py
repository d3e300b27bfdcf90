"""The offset account over the websocket and by the Python client: know, reduce, offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchange.domain.carbon.offset_statement import ScopeTotal
from exchange.domain.rejects import RejectCode
from gateway.websocket.client import RejectedError
from gateway.websocket.offset_requests import ActivityParams
from tests.market import BETA, V19, V20

if TYPE_CHECKING:
    from gateway.websocket.client import ExchangeClient
    from tests.gateway.exchange import RunningExchange

POWER = ActivityParams("electricity", 2, "100000", "kWh", "0.000438", "MOE 2024")
GAS = ActivityParams("city gas", 1, "1234.5", "m3", "0.00205", "MOE 2024")
PERIOD = "FY2025"


async def account_for(client: ExchangeClient) -> None:
    """Beta's year: 43.8 t of electricity and 2.530725 t of gas, 1.5 t saved."""
    await client.open_offset_period(
        period=PERIOD, organisation="BETA", first_day="2025-04-01", last_day="2026-03-31"
    )
    await client.record_activity(period=PERIOD, entry="power", activity=POWER)
    await client.record_activity(period=PERIOD, entry="gas", activity=GAS)
    await client.record_reduction(
        period=PERIOD, entry="led", measure="LED", tonnes="1.5", source="meter", in_activity=False
    )


async def test_three_steps(exchange: RunningExchange) -> None:
    """A year is known, reduced and offset by two classes of one retirement; the statement says all of it."""
    client = await exchange.client("beta-key")
    await account_for(client)
    retirement = await client.retire(
        beneficiary="BETA", purpose="FY2025", reference="r-1", credits={V19: 40, V20: 5}
    )
    recorded = await client.allocate_retirement(
        period=PERIOD, entry="all", retirement_id=retirement.retirement_id, credits={V19: 40, V20: 5}
    )
    assert (BETA, PERIOD, "all", "45.000", False) == (
        recorded.account,
        recorded.period,
        recorded.entry,
        recorded.tonnes,
        recorded.duplicate,
    )
    stated = await client.offset_statement(PERIOD)
    assert ("46.330725", "1.5", "44.830725", "45.000", "45.000", "0.000", "0.000") == (
        stated.emissions,
        stated.taken_off,
        stated.remaining,
        stated.to_offset,
        stated.offset,
        stated.left_to_offset,
        stated.surplus,
    )
    assert (ScopeTotal(1, "2.530725"), ScopeTotal(2, "43.8")) == stated.scopes
    assert [("power", "43.8"), ("gas", "2.530725")] == [
        (found.entry, found.tonnes) for found in stated.figures
    ]
    (allocation,) = stated.allocations
    assert [(V19, 40), (V20, 5)] == [(found.class_id, found.quantity) for found in allocation.credits]
    assert retirement.retirement_id == allocation.retirement
    (period,) = (await client.offset_periods()).periods
    assert (PERIOD, "46.330725", "45.000", "45.000") == (
        period.period,
        period.emissions,
        period.to_offset,
        period.offset,
    )


async def test_never_more_offset_than_remains(exchange: RunningExchange) -> None:
    """A unit too many is refused with its number, and nothing is allocated."""
    client = await exchange.client("beta-key")
    await account_for(client)
    retirement = await client.retire(beneficiary="BETA", purpose="FY2025", reference="r-1", credits={V19: 50})
    with pytest.raises(RejectedError) as refused:
        await client.allocate_retirement(
            period=PERIOD, entry="all", retirement_id=retirement.retirement_id, credits={V19: 46}
        )
    assert RejectCode.OFFSET_EXCEEDS_REMAINDER == refused.value.code
    assert "0.000" == (await client.offset_statement(PERIOD)).offset


async def test_a_correction_keeps_the_old_figure(exchange: RunningExchange) -> None:
    """The corrected figure is a new event with its reason; the old one stays in the statement, marked."""
    client = await exchange.client("beta-key")
    await account_for(client)
    less = ActivityParams("electricity", 2, "90000", "kWh", "0.000438", "MOE 2024")
    corrected = await client.correct_activity(
        period=PERIOD, entry="power-2", corrects="power", activity=less, reason="meter misread"
    )
    again = await client.correct_activity(
        period=PERIOD, entry="power-2", corrects="power", activity=less, reason="meter misread"
    )
    assert (corrected.seq, True, "39.42") == (again.seq, again.duplicate, again.tonnes)
    figures = (await client.offset_statement(PERIOD)).figures
    assert [
        ("power", "43.8", "", "power-2"),
        ("gas", "2.530725", "", ""),
        ("power-2", "39.42", "power", ""),
    ] == [(found.entry, found.tonnes, found.corrects, found.corrected_by) for found in figures]


async def test_who_may_read_and_write(exchange: RunningExchange) -> None:
    """Auditors read any account's statement and write none; strangers do neither; figures are checked at the frame."""
    client = await exchange.client("beta-key")
    await account_for(client)
    auditor = await exchange.client("auditor-key")
    assert "46.330725" == (await auditor.offset_statement(PERIOD, BETA)).emissions
    refused = []
    stranger = await exchange.client("gamma-key")
    for asking in (
        auditor.record_activity(period=PERIOD, entry="x", activity=GAS, account=BETA),
        stranger.offset_statement(PERIOD, BETA),
        stranger.offset_statement(PERIOD),
        client.record_activity(
            period=PERIOD, entry="x", activity=ActivityParams("gas", 1, "1e3", "m3", "1", "s")
        ),
    ):
        with pytest.raises(RejectedError) as error:
            await asking
        refused.append(error.value.code)
    assert [
        RejectCode.NOT_PERMITTED,
        RejectCode.UNKNOWN_ACCOUNT,
        RejectCode.UNKNOWN_OFFSET_PERIOD,
        RejectCode.EMISSION_FIGURE_INVALID,
    ] == refused
