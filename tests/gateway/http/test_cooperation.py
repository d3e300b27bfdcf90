"""Article 6.2 and CORSIA over HTTP: public facts, read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.article6_forms import (
    Authorisation,
    AuthoriseOutcomes,
    CooperativeApproach,
    FirstTransfer,
    Purpose,
    ReportSafeguards,
)
from exchange.domain.carbon.corsia_forms import (
    AdmitCorsiaProgramme,
    CorsiaPeriod,
    CorsiaProgramme,
    RecordDeed,
)
from exchange.domain.carbon.party_forms import Party
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import RejectCode
from tests.jcm import APPROACH, JAPAN, MONGOLIA, THAILAND, V23, authorisation, opening_commands
from tests.market import V19

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.http.conftest import HttpClient

GIVEN = authorisation((V23,), (Purpose.OIMP,), FirstTransfer.USE_OR_CANCELLATION, oimp="CORSIA")
FIRST = "/api/v1/corsia/2024-2026"


async def test_who_authorised_what(exchange: RunningExchange, http: HttpClient) -> None:
    """Parties, approaches, authorisations and reports on safeguards are public."""
    await exchange.do(
        *opening_commands(),
        AuthoriseOutcomes(LOCAL_OPERATOR, GIVEN),
        ReportSafeguards(LOCAL_OPERATOR, "MNG", "CA0001", "2026-11-23", "Initial report"),
    )

    answer = await http.json("/api/v1/article6", "Cooperation")

    assert ([JAPAN, MONGOLIA, THAILAND], [APPROACH], [GIVEN]) == (
        msgspec.convert(answer["parties"], list[Party]),
        msgspec.convert(answer["approaches"], list[CooperativeApproach]),
        msgspec.convert(answer["authorisations"], list[Authorisation]),
    )
    assert [("MNG", "Initial report")] == [
        (report["party"], report["document"]) for report in answer["safeguard_reports"]
    ]


async def test_which_classes_aviation_may_use(exchange: RunningExchange, http: HttpClient) -> None:
    """For a compliance period and a date, with what stands against each other class."""
    programme = CorsiaProgramme("EXC", CorsiaPeriod.FIRST, 2021, 2026, "2024-10-28", "C-DEC 233")
    await exchange.do(
        *opening_commands(),
        AuthoriseOutcomes(LOCAL_OPERATOR, GIVEN),
        AdmitCorsiaProgramme(LOCAL_OPERATOR, programme),
        RecordDeed(LOCAL_OPERATOR, V23, "Developer", "Insurer", "P-1", "2026-01-01", "2026-12-31"),
    )

    now = await http.json(FIRST, "CorsiaEligibility")
    later = await http.json(FIRST, "CorsiaEligibility", date="2027-01-01")

    assert ("2026-11-23", "2028-01-31", [V23]) == (
        now["date"],
        now["cancelled_by"],
        [row["class_id"] for row in now["classes"] if row["eligible"]],
    )
    (forest,) = [row for row in now["classes"] if row["class_id"] == V19]
    assert "VCS is no programme that is eligible for 2024-2026 on 2026-11-23" == forest["obstacles"][0]
    assert [] == [row for row in later["classes"] if row["eligible"]]


async def test_periods_and_dates_that_are_none(http: HttpClient) -> None:
    """Refused with their numbers."""
    code, _, _ = await http.refusal("/api/v1/corsia/2020-2022", 400)
    assert RejectCode.INVALID_PARAMS == code
    code, _, _ = await http.refusal(FIRST, 400, date="soon")
    assert RejectCode.INVALID_DATE == code
