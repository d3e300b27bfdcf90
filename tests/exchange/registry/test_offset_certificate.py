"""Certificates of offset: signed, and every figure computed again by whoever checks one."""

from __future__ import annotations

import msgspec
import pytest

from exchange.domain.carbon.offset_forms import (
    Activity,
    AllocateRetirement,
    CorrectActivity,
    OpenOffsetPeriod,
    RecordActivity,
    RecordReduction,
)
from exchange.domain.carbon.offset_statement import OffsetStatement, statement
from exchange.registry.certificate import CertificateUnreadable, HeadReference
from exchange.registry.certificate_files import FileFormat
from exchange.registry.certificate_verification import Finding, Verdict
from exchange.registry.offset_certificate import (
    FORMAT,
    VERSION,
    OffsetCertificate,
    SignedOffsetCertificate,
    check,
    from_json,
    sign,
    wrong_sums,
)
from exchange.registry.offset_certificate_files import render_html, verify, write_file
from tests.exchange.registry.certificates import KEY
from tests.market import ALPHA, V20, Market

POWER = Activity("電力 <b>", 2, "100000", "kWh", "0.000438", "環境省 2024")
LESS = Activity("電力 <b>", 2, "90000", "kWh", "0.000438", "環境省 2024")
replace = msgspec.structs.replace


def stated(units: int = 38) -> OffsetStatement:
    """Alpha's year: 39.42 t after a correction, 1.5 t saved, so 38 t to offset."""
    market = Market()
    by = (market.alpha.key_id, market.alpha.session, ALPHA, "FY2025")
    market.do(OpenOffsetPeriod(*by, "Acme", "2025-04-01", "2026-03-31"))
    market.do(RecordActivity(*by, "power", POWER))
    market.do(CorrectActivity(*by, "power-2", "power", LESS, "meter misread"))
    market.do(RecordReduction(*by, "led", "LED", "1.5", "meter", in_activity=False))
    market.do(RecordReduction(*by, "office", "warm clothes", "0.5", "meter", in_activity=True))
    retirement = market.next_seq
    market.do(market.alpha.retire_command(V20, 38, "r-1", "Acme"))
    market.do(AllocateRetirement(*by, "offset", retirement, ((V20, units),)))
    return statement(market.state, ALPHA, "FY2025")


def signed(shown: OffsetStatement) -> SignedOffsetCertificate:
    certificate = OffsetCertificate(
        format=FORMAT,
        version=VERSION,
        venue="Test Venue",
        participant="ALPHA",
        participant_name="ALPHA Ltd",
        as_of="2026-11-23T00:00:00.000000000Z",
        statement=shown,
        head=HeadReference(shown.seq, "ab" * 32),
        public_key=KEY.public_hex,
    )
    return sign(certificate, KEY)


def verdicts(findings: list[Finding]) -> list[tuple[str, Verdict]]:
    return [(finding.what, finding.verdict) for finding in findings]


@pytest.mark.parametrize("file_format", [FileFormat.JSON, FileFormat.HTML])
def test_a_certificate_is_checked_with_nothing_but_the_file_and_the_key(file_format: FileFormat) -> None:
    """Both formats carry all of it; without the venue's key the signature stays unchecked, with another it is bad."""
    data = write_file(signed(stated()), file_format, KEY)
    page = [("page", Verdict.GOOD)] if file_format is FileFormat.HTML else []
    good = ("arithmetic", Verdict.GOOD)
    assert [*page, ("signature", Verdict.GOOD), good] == verdicts(verify(data, KEY.public_hex))
    assert [*page, ("signature", Verdict.UNCHECKED), good] == verdicts(verify(data))
    assert [*page, ("signature", Verdict.BAD), good] == verdicts(verify(data, "00" * 32))


def test_a_changed_byte_is_found() -> None:
    """In the statement, and in what a page shows of it."""
    data = write_file(signed(stated()), FileFormat.JSON, KEY)
    assert ("signature", Verdict.BAD) in verdicts(verify(data.replace(b'"Acme"', b'"Acne"'), KEY.public_hex))
    page = write_file(signed(stated()), FileFormat.HTML, KEY)
    changed = page.replace(b"Certificate of Offset</h1>", b"Certificate of offset</h1>")
    assert [("page", Verdict.BAD), ("signature", Verdict.GOOD)] == verdicts(verify(changed, KEY.public_hex))[
        :2
    ]
    with pytest.raises(CertificateUnreadable):
        from_json(b"{}")


def test_pages_tell_how_much_is_offset() -> None:
    """Whole, partly, or more than remained; names are escaped and the page has no script that runs."""
    whole = render_html(signed(stated())).decode()
    assert "38.000 t of 38.000 t" in whole
    assert "All emissions of this period that remained" in whole
    assert "電力 &lt;b&gt;" in whole
    assert "corrected by power-2" in whole
    partly = render_html(signed(stated(units=30))).decode()
    assert "8.000 t of what remained after reductions are not offset" in partly
    surplus = replace(stated(), to_offset="37.000", surplus="1.000")
    assert "1.000 t more were offset than remained" in render_html(signed(surplus)).decode()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"emissions": "39.41"}, "emissions is 39.41 and should be 39.42"),
        ({"to_offset": "37.000"}, "to_offset is 37.000 and should be 38.000"),
        ({"offset": "39.000"}, "offset is 39.000 and should be 38.000"),
        ({"scopes": ()}, "the scopes do not add up to the emissions"),
    ],
)
def test_sums_that_do_not_follow_are_named(changes: dict[str, str], problem: str) -> None:
    """Even the venue's signature makes no wrong sum right."""
    wrong = replace(stated(), **changes)
    assert problem in wrong_sums(wrong)
    assert ("arithmetic", Verdict.BAD) in verdicts(check(signed(wrong), KEY.public_hex))


def test_products_and_weights_are_computed_again() -> None:
    """A figure that is not activity times factor, an allocation that is not its credits, and what is no number."""
    shown = stated()
    first, *figures = shown.figures
    (allocation,) = shown.allocations
    assert ["power: 100000 x 0.000438 is not 43 t"] == wrong_sums(
        replace(shown, figures=(replace(first, tonnes="43"), *figures))
    )
    assert ["offset: its credits are not 40.000 t"] == wrong_sums(
        replace(shown, allocations=(replace(allocation, tonnes="40.000"),))
    )
    assert wrong_sums(replace(shown, figures=(replace(figures[0], tonnes="many"),)))[0].startswith(
        "a figure is no decimal number"
    )


def test_the_head_is_that_of_the_statement() -> None:
    """A statement beside the hash of another event is refused."""
    found = signed(stated())
    moved = replace(found.certificate, head=HeadReference(1, "ab" * 32))
    assert ("log", Verdict.BAD) in verdicts(check(sign(moved, KEY), KEY.public_hex))
