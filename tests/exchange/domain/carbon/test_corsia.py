"""Eligibility under CORSIA: programme and vintage, authorisation, adjustment or deed, each with its date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchange.domain import commands
from exchange.domain.carbon import corsia
from exchange.domain.carbon.article6_forms import Authorisation, FirstTransfer, Purpose
from exchange.domain.carbon.corsia_forms import (
    AdjustmentReported,
    AdmitCorsiaProgramme,
    CorsiaPeriod,
    CorsiaProgramme,
    CorsiaProgrammeAdmitted,
    DeedRecorded,
    RecordDeed,
    ReportAdjustment,
)
from exchange.domain.events import RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.rejects import RejectCode
from tests.exchange.domain.audit import Auditor
from tests.jcm import V23, V24, JcmMarket, authorisation
from tests.market import BUSINESS_DATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.domain.commands import Command

OPERATOR = LOCAL_OPERATOR
FIRST = CorsiaProgramme("EXC", CorsiaPeriod.FIRST, 2021, 2026, "2024-10-28", "C-DEC 233")
ADMIT = AdmitCorsiaProgramme(OPERATOR, FIRST)
ADJUST = ReportAdjustment(OPERATOR, V23, "2026-11-10", "First BTR")
DEED = RecordDeed(OPERATOR, V23, "Developer", "Insurer", "P-1", "2026-11-01", "2026-11-23")
OIMP = (Purpose.OIMP,)


@pytest.fixture
def market() -> Iterator[JcmMarket]:
    """Gives a market of the JCM, and audits what the test did to it."""
    market = JcmMarket()
    yield market
    Auditor(market).check()


def for_corsia(classes: tuple[str, ...] = (V23,), oimp: str = "CORSIA") -> Authorisation:
    return authorisation(classes, OIMP, FirstTransfer.USE_OR_CANCELLATION, oimp=oimp)


def obstacles(
    market: JcmMarket,
    class_id: str = V23,
    period: CorsiaPeriod = CorsiaPeriod.FIRST,
    on: str = BUSINESS_DATE,
) -> list[str]:
    return corsia.obstacles(market.state, class_id, period, on)


def test_all_conditions_have_dates(market: JcmMarket) -> None:
    """Eligible from the last of the conditions on, until the deed ends."""
    not_adjusted = (
        f"on 2026-11-23 neither is the corresponding adjustment for {V23} completed,"
        " nor does an accounting deed with insurance stand for it"
    )
    assert [
        "EXC is no programme that is eligible for 2024-2026 on 2026-11-23",
        f"on 2026-11-23 the host Party has not authorised {V23}",
        not_adjusted,
    ] == obstacles(market)

    assert [CorsiaProgrammeAdmitted(OPERATOR, FIRST)] == market.do(ADMIT)
    market.authorise(for_corsia())
    assert [
        DeedRecorded(OPERATOR, V23, "Developer", "Insurer", "P-1", "2026-11-01", "2026-11-23")
    ] == market.do(DEED)

    assert [] == obstacles(market)
    # The authorisation is of 20 November.
    assert 1 == len(obstacles(market, on="2026-11-19"))
    assert 1 == len(obstacles(market, on="2026-11-24"))
    assert 3 == len(obstacles(market, on="2024-10-27"))


def test_a_completed_adjustment_stands_without_a_deed(market: JcmMarket) -> None:
    """From its date on, for ever."""
    market.do(ADMIT)
    market.authorise(for_corsia())
    assert [AdjustmentReported(OPERATOR, V23, "2026-11-10", "First BTR")] == market.do(ADJUST)

    assert [] == obstacles(market, on="2027-12-31")


def test_the_deadline_of_a_period(market: JcmMarket) -> None:
    """Units for the first phase are cancelled by 31 January 2028."""
    market.do(ADMIT)
    market.authorise(for_corsia())
    market.do(ADJUST)

    assert [] == obstacles(market, on="2028-01-31")
    assert ["units for 2024-2026 were to be cancelled by 2028-01-31"] == obstacles(market, on="2028-02-01")


def test_an_authorisation_for_another_purpose_is_none(market: JcmMarket) -> None:
    """For an NDC only, or for another OIMP by name."""
    market.do(ADMIT)
    market.authorise(authorisation((V23,)))
    market.authorise(
        authorisation((V24,), OIMP, FirstTransfer.ISSUANCE, authorisation_id="MN-2", oimp="Voluntary")
    )
    market.do(ADJUST)
    market.do(ReportAdjustment(OPERATOR, V24, "2026-11-10", "First BTR"))

    assert ["authorisation MN-1 is not for CORSIA"] == obstacles(market)
    assert ["authorisation MN-2 is not for CORSIA"] == obstacles(market, V24)


def test_vintages_of_the_pilot_phase(market: JcmMarket) -> None:
    """Before 2021 there were no NDCs to adjust: programme, vintage and deadline decide; a later decision counts."""
    pilot = CorsiaPeriod.PILOT
    for class_id, vintage in (("EXC-P-2018", 2018), ("EXC-P-2015", 2015)):
        market.do(commands.RegisterClass(OPERATOR, CreditClass(class_id, "EXC", "P", "Old", vintage)))
    for first_vintage, decided_on in ((2016, "2020-03-13"), (2014, "2020-01-01")):
        programme = CorsiaProgramme("EXC", pilot, first_vintage, 2020, decided_on, "C-DEC 219")
        market.do(AdmitCorsiaProgramme(OPERATOR, programme))

    assert [] == obstacles(market, "EXC-P-2018", pilot, "2025-01-31")
    assert ["EXC-P-2015 is of 2015; eligible for 2021-2023 are vintages 2016 to 2020"] == obstacles(
        market, "EXC-P-2015", pilot, "2025-01-31"
    )
    assert [] == obstacles(market, "EXC-P-2015", pilot, "2020-01-31")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (AdmitCorsiaProgramme("alpha-key", FIRST), RejectCode.NOT_PERMITTED),
        (ReportAdjustment("alpha-key", V23, "2026-11-10", "x"), RejectCode.NOT_PERMITTED),
        (
            RecordDeed("alpha-key", V23, "a", "b", "c", "2026-11-10", "2026-11-11"),
            RejectCode.NOT_PERMITTED,
        ),
        (
            AdmitCorsiaProgramme(
                OPERATOR, CorsiaProgramme("E C", CorsiaPeriod.FIRST, 2021, 2026, "2024-10-28", "x")
            ),
            RejectCode.INVALID_PARAMS,
        ),
        (
            AdmitCorsiaProgramme(
                OPERATOR, CorsiaProgramme("EXC", CorsiaPeriod.FIRST, 2027, 2026, "2024-10-28", "x")
            ),
            RejectCode.INVALID_PARAMS,
        ),
        (
            AdmitCorsiaProgramme(
                OPERATOR, CorsiaProgramme("EXC", CorsiaPeriod.FIRST, 2021, 2026, "2027-01-01", "x")
            ),
            RejectCode.INVALID_DATE,
        ),
        (
            AdmitCorsiaProgramme(
                OPERATOR, CorsiaProgramme("EXC", CorsiaPeriod.FIRST, 2021, 2026, "2024-10-28", "")
            ),
            RejectCode.INVALID_PARAMS,
        ),
        (ReportAdjustment(OPERATOR, V23, "2026-11-10", "x"), RejectCode.INVALID_AUTHORISATION),
        (ReportAdjustment(OPERATOR, V23, "2027-01-01", "x"), RejectCode.INVALID_DATE),
        (
            RecordDeed(OPERATOR, "EXC-NONE-2023", "a", "b", "c", "2026-11-10", "2026-11-11"),
            RejectCode.UNKNOWN_CLASS,
        ),
        (RecordDeed(OPERATOR, V23, "a", "", "c", "2026-11-10", "2026-11-11"), RejectCode.INVALID_PARAMS),
        (RecordDeed(OPERATOR, V23, "a", "b", "c", "2026-11-12", "2026-11-11"), RejectCode.INVALID_DATE),
    ],
)
def test_refused(market: JcmMarket, command: Command, code: RejectCode) -> None:
    """Traders, facts without a source, days that have not come, and a deed without its insurance."""
    (refused,) = market.do(command)

    assert isinstance(refused, RequestRefused)
    assert code is refused.code
