"""Certificates to look at: what a page shows, what it hides from nobody, and that it is the same every time."""

import html
import io
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pypdf import PdfReader

from exchange.domain.carbon.claim_forms import Claim, ClaimKind
from exchange.domain.carbon.corsia_forms import CorsiaPeriod
from exchange.registry.certificate import SignedCertificate, from_json, sign
from exchange.registry.certificate_files import FileFormat, carried_json, render_page, write_file
from exchange.registry.certificate_html import content_security_policy
from exchange.registry.certificate_verification import Verdict, verify
from tests.exchange.registry.certificates import KEY, sample, trust_in

ODD_NAMES = [
    "株式会社環境エネルギー",
    "한국전력공사",
    "中国碳中和集团",
    "Müller & Søn Œuvre Łódź",
    "Ελλάδα Энергия",
    "Việt Nam Xanh",
    "🌳 Forest Fund",
]
"""Scripts that are written from left to right, letter by letter."""


class PageText(HTMLParser):
    """The text of a page without its script and style, and all tags with their attributes."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._hidden = False
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.text.append(data.strip())


def pdf_text(data: bytes) -> str:
    """The text of all pages, blanks removed: lines may be broken anywhere."""
    return re.sub(r"\s", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages))


def shown_facts(signed: SignedCertificate) -> list[str]:
    """What every page must show."""
    certificate = signed.certificate
    facts = [
        certificate.venue,
        f"Certificate No. {certificate.number}",
        certificate.beneficiary,
        certificate.purpose,
        "23 November 2026",
        certificate.retired_at,
        certificate.participant_name,
        certificate.reference,
        certificate.proof.previous_hash,
        certificate.proof.head.hash,
        certificate.public_key,
        signed.signature,
    ]
    for line in certificate.lines:
        facts += [
            line.name,
            f"{line.registry} {line.project}",
            str(line.vintage),
            line.class_id,
            *line.labels,
        ]
        facts += [block.serials for block in line.blocks]
    return facts


def test_the_html_shows_everything() -> None:
    """Names, quantities, serial numbers, seqs and proof are text of the page."""
    signed = sample()
    text = re.sub(r"\s+", " ", " ".join(PageText(render_page(signed, FileFormat.HTML)).text))
    bare = text.replace(" ", "")
    assert [] == [fact for fact in shown_facts(signed) if fact.replace(" ", "") not in bare]
    assert (
        "262 tonnes of CO₂ equivalent 25 kilograms of CO₂ equivalent in carbon credits, retired for" in text
    )


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (Claim(ClaimKind.NDC, 2025, party="JPN"), "Used towards the NDC of JPN for 2025"),
        (
            Claim(ClaimKind.CORSIA, period=CorsiaPeriod.FIRST),
            "Used under CORSIA for the compliance period 2024-2026",
        ),
        (Claim(ClaimKind.COMPENSATION), "Compensation: offsets emissions of the beneficiary"),
        (Claim(ClaimKind.CONTRIBUTION), "Contribution to mitigation in the host country: offsets nothing"),
    ],
)
def test_a_claim_stands_in_words(claim: Claim, words: str) -> None:
    """Every page says what was claimed; one without a claim has no such line."""
    text = " ".join(PageText(render_page(sample(claim=claim), FileFormat.HTML)).text)
    assert words in re.sub(r"\s+", " ", text)
    assert "Claim" not in PageText(render_page(sample(), FileFormat.HTML)).text


def test_the_html_runs_nothing_that_somebody_wrote() -> None:
    """Names are text, whatever they look like, also within the JSON inside; the page's policy allows its own style alone."""
    evil = "</script><script>alert(1)</script><!-- \"'& <img src=x onerror=alert(1)> \u2028 {{ 7 * 7 }}"
    signed = sample(beneficiary=evil, purpose=evil)
    page = PageText(render_page(signed, FileFormat.HTML))
    assert 2 == page.text.count(evil)
    assert [{"type": "application/json", "id": "certificate"}] == [
        attributes for tag, attributes in page.tags if tag == "script"
    ]
    assert [] == [
        tag
        for tag, attributes in page.tags
        if tag == "img" or any(name.startswith("on") for name in attributes)
    ]
    assert signed == from_json(carried_json(render_page(signed, FileFormat.HTML), FileFormat.HTML))
    policies = [attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes]
    assert [content_security_policy()] == policies


def test_the_html_can_be_read_by_machines_for_people() -> None:
    """It has a language and a title, one main part with one heading, and tables with captions and headers."""
    page = PageText(render_page(sample(), FileFormat.HTML))
    tags = [tag for tag, _ in page.tags]
    assert {"lang": "en"} == next(attributes for tag, attributes in page.tags if tag == "html")
    assert [1, 1, 1] == [tags.count(tag) for tag in ("title", "main", "h1")]
    assert {"col", "row"} == {attributes["scope"] for tag, attributes in page.tags if tag == "th"}
    assert tags.count("table") - 1 == tags.count("caption") == len(sample().certificate.lines)


def test_the_html_needs_nothing_else() -> None:
    """No address of anything stands in it."""
    page = PageText(render_page(sample(), FileFormat.HTML))
    assert [] == [
        attributes for _, attributes in page.tags for name in attributes if name in {"src", "href", "action"}
    ]


def test_the_pdf_shows_everything() -> None:
    """An independent reader finds the same facts in its text."""
    signed = sample(beneficiary="Müller & Söhne")
    text = pdf_text(render_page(signed, FileFormat.PDF))
    assert [] == [fact for fact in shown_facts(signed) if re.sub(r"\s", "", fact) not in text]
    assert "262tonnesofCO₂equivalent25kilogramsofCO₂equivalentincarboncredits,retiredfor" in text


@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_pdf_shows_names_of_many_scripts(name: str) -> None:
    """With a font that has every letter of the name."""
    data = render_page(sample(beneficiary=name), FileFormat.PDF)
    assert name.replace(" ", "") in pdf_text(data)


def test_letters_without_a_font_are_shown_as_codes() -> None:
    """No name is shown as if it were another, shorter one."""
    text = pdf_text(render_page(sample(beneficiary="Acme \ue123 Ltd"), FileFormat.PDF))
    assert "Acme[U+E123]Ltd" in text


def test_the_pdf_carries_fonts_and_json() -> None:
    """An independent reader finds the attached certificate and no font that is not inside."""
    signed = sample()
    data = write_file(signed, FileFormat.PDF, KEY)
    reader = PdfReader(io.BytesIO(data), strict=True)
    assert {f"certificate-{signed.certificate.number}.json": [signed.to_json()]} == dict(reader.attachments)
    assert signed.to_json() == carried_json(data, FileFormat.PDF)
    # The values of its dictionaries may be anything, so the reader's types say little.
    pages: list[Any] = list(reader.pages)
    fonts = {
        "/FontFile2" in descendant.get_object()["/FontDescriptor"].get_object()
        for page in pages
        for font in page["/Resources"]["/Font"].values()
        for descendant in font.get_object()["/DescendantFonts"]
    }
    assert {True} == fonts
    metadata = reader.xmp_metadata
    title = f"Certificate of Retirement {signed.certificate.number}"
    assert {"x-default": title} == (metadata and metadata.dc_title)


def test_long_lists_go_over_many_pages() -> None:
    """Two thousand blocks: each on one page, headings and numbers on all of them, and still verified."""
    signed = sample(blocks=2000)
    data = write_file(signed, FileFormat.PDF, KEY)
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]
    assert len(pages) > 50
    whole = re.sub(r"\s", "", "".join(pages))
    assert [] == [
        block.serials
        for line in signed.certificate.lines
        for block in line.blocks
        if block.serials.replace(" ", "") not in whole
    ]
    numbers = [f"{number} / {len(pages)}" for number in range(1, len(pages) + 1)]
    assert [] == [number for number, text in zip(numbers, pages, strict=True) if number not in text]
    assert [] == [text for text in pages if f"Certificate No. {signed.certificate.number}" not in text]
    assert Verdict.GOOD == verify(data, trust_in(signed)).verdict


@pytest.mark.parametrize("length", [1, 60, 256])
def test_long_names_are_broken_not_cut(length: int) -> None:
    """The longest name that the venue takes is shown whole, even without a blank."""
    name = "W" * length
    assert name in pdf_text(render_page(sample(beneficiary=name, purpose=name), FileFormat.PDF))


@pytest.mark.parametrize("file_format", [FileFormat.HTML, FileFormat.PDF])
def test_pages_are_the_same_in_every_process(file_format: FileFormat) -> None:
    """Neither the clock nor the order of sets nor the temporary folder shows in the bytes."""
    program = (
        "import sys; from exchange.registry.certificate_files import FileFormat, render_page;"
        " from tests.exchange.registry.certificates import sample;"
        f" sys.stdout.buffer.write(render_page(sample(), FileFormat('{file_format.value}')))"
    )
    root = Path(__file__).parents[3]
    made = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root), "TZ": zone},
            cwd=root,
            check=True,
            capture_output=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]
    assert made[0] == made[1] == render_page(sample(), file_format)


def test_quantities_stand_in_their_unit() -> None:
    """One tonne is no tonnes, and thousands have commas."""
    signed = sample()
    texts = []
    for quantity in (1, 1_234_567):
        totals = (msgspec.structs.replace(signed.certificate.totals[0], quantity=quantity),)
        page = render_page(
            sign(msgspec.structs.replace(signed.certificate, totals=totals), KEY), FileFormat.HTML
        )
        texts.append(html.unescape(re.findall(r'<p class="amount">(.*?)</p>', page.decode())[0]))
    assert ["1 tonne of CO₂ equivalent", "1,234,567 tonnes of CO₂ equivalent"] == texts
