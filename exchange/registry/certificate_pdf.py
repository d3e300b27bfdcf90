"""A certificate as PDF for archives (PDF/A-3): its fonts are inside, and its JSON is attached."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from fpdf import FPDF
from fpdf.enums import MethodReturnValue, WrapMode

from exchange.registry import certificate_wording as wording
from exchange.registry.certificate_fonts import CODE, DISPLAY, TEXT, FontFamily, PageFonts
from exchange.registry.page_templates import template

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exchange.registry.certificate import Certificate, SignedCertificate

_WIDTH_MM: Final = 210
_HEIGHT_MM: Final = 297
_MARGIN_MM: Final = 20
_INNER_MM: Final = _WIDTH_MM - 2 * _MARGIN_MM

_INK: Final = (23, 35, 30)
_SOFT: Final = (86, 100, 93)
_GREEN: Final = (18, 81, 61)
_GOLD: Final = (154, 122, 47)
_LINE: Final = (207, 218, 212)
_PALE: Final = (241, 246, 243)

_PROJECT_COLUMNS: Final = ((50, "L"), (28, "L"), (12, "L"), (12, "R"), (26, "L"), (22, "R"))
_SERIAL_COLUMNS: Final = ((86, "L"), (27, "R"), (27, "R"), (18, "R"))
"""Widths in millimetres and alignment."""
_GAP_MM: Final = 4
"""Between columns."""

_MAKER: Final = "carbon-exchange"


def render_pdf(signed: SignedCertificate) -> bytes:
    """The file: for the same certificate the same bytes, by the same versions of the libraries."""
    # The library reads the fonts again when it writes the file.
    with TemporaryDirectory(prefix="certificate-") as folder:
        return _lay_out(signed, Path(folder))


def _lay_out(signed: SignedCertificate, folder: Path) -> bytes:
    certificate = signed.certificate
    sheet = _Sheet(certificate, folder)
    sheet.claim(certificate)
    sheet.projects(certificate)
    sheet.serials(certificate)
    sheet.details(certificate)
    sheet.proof(signed)
    sheet.embed_file(
        bytes=signed.to_json(),
        basename=f"certificate-{certificate.number}.json",
        modification_date=sheet.made_at,
        mime_type="application/json",
        associated_file_relationship="Source",
        desc="The certificate, to be checked by: exchange certificate verify",
        creation_date=sheet.made_at,
    )
    return bytes(sheet.output())


class _Sheet(FPDF):
    """Paper, and how the parts of a certificate are set on it."""

    def __init__(self, certificate: Certificate, folder: Path) -> None:
        super().__init__(format="A4", enforce_compliance="PDF/A-3B")
        self.made_at = _made_at(certificate)
        self._number = certificate.number
        self._fonts = PageFonts(_texts(certificate))
        self._venue = self._fonts.showable(certificate.venue)
        for name, style, path in self._fonts.write(folder):
            self.add_font(name, style, path)
        self.set_fallback_fonts([family.name for family in self._fonts.further], exact_match=False)
        self._describe(certificate)
        # Its bytes are signed and laid out anew to be compared: not a matter for a compressing library.
        self.set_compression(False)
        self.set_margins(_MARGIN_MM, 24, _MARGIN_MM)
        self.c_margin = 0
        self.set_auto_page_break(auto=False)
        self.set_line_width(0.2)
        self.add_page()

    def _describe(self, certificate: Certificate) -> None:
        """Say what the file is, in the two ways that archives ask for."""
        title, subject = (
            f"{wording.TITLE} {certificate.number}",
            self._fonts.showable(certificate.beneficiary),
        )
        self.set_lang("en")
        self.set_title(title)
        self.set_subject(subject)
        self.set_author(self._venue)
        self.set_creator(_MAKER)
        self.set_producer(_MAKER)
        self.set_creation_date(self.made_at)
        # The library's own would name the time of day.
        self.set_xmp_metadata(
            template("certificate.xmp").render(
                maker=_MAKER,
                made_at=self.made_at.isoformat(),
                title=title,
                subject=subject,
                author=self._venue,
            )
        )

    # Called by the library on every page.

    def header(self) -> None:
        """Frame the page and say whose certificate it is."""
        self.set_draw_color(*_GREEN)
        self.set_line_width(0.5)
        self.rect(9, 9, _WIDTH_MM - 18, _HEIGHT_MM - 18)
        self.set_draw_color(*_GOLD)
        self.set_line_width(0.2)
        self.rect(11, 11, _WIDTH_MM - 22, _HEIGHT_MM - 22)
        self.set_y(17)
        self._font(TEXT, 9.5, _GREEN, bold=True)
        self.cell(_INNER_MM * 0.7, 5, self._cut(self._venue, _INNER_MM * 0.7))
        self._font(TEXT, 9.5, _SOFT)
        self.cell(_INNER_MM * 0.3, 5, f"Certificate No. {self._number}", align="R")
        self.set_y(27)

    def footer(self) -> None:
        """Number the page."""
        self.set_y(-18)
        self._font(TEXT, 8, _SOFT)
        self.cell(_INNER_MM, 4, f"{self.page_no()} / {{nb}}", align="C")

    # The parts.

    def claim(self, certificate: Certificate) -> None:
        """What was retired, for whom and why."""
        self.set_y(34)
        self._centred(wording.TITLE, DISPLAY, 30, _GREEN, 13)
        self.set_draw_color(*_GOLD)
        self.set_line_width(0.6)
        self.line(_WIDTH_MM / 2 - 14, self.y + 3, _WIDTH_MM / 2 + 14, self.y + 3)
        self.set_line_width(0.2)
        self.ln(9)
        for total in certificate.totals:
            self._centred(wording.amount(total), TEXT, 17, _INK, 8)
        self._centred("in carbon credits, retired for", TEXT, 10, _SOFT, 7)
        long = len(certificate.beneficiary)
        size = 23 if long <= 40 else 17 if long <= 100 else 13
        self._centred(certificate.beneficiary, TEXT, size, _GREEN, size * 0.45, bold=True)
        if certificate.purpose:
            self.ln(1)
            self._centred(certificate.purpose, TEXT, 11.5, _INK, 5.2)
        self.ln(1)
        self._centred(f"on {wording.day(certificate)}", TEXT, 10, _SOFT, 5)
        self.ln(4)
        self._centred(wording.STATEMENT, TEXT, 8.5, _SOFT, 4, inset_mm=20)

    def projects(self, certificate: Certificate) -> None:
        """One row for each credit class, and the totals."""
        headings = ("Project", "Registry", "Country", "Vintage", "Credit class", "Quantity")
        self._heading("Projects and vintages", room_mm=20)
        self._table_head(_PROJECT_COLUMNS, headings)
        for line in certificate.lines:
            name = f"{line.name} ({', '.join(line.labels)})" if line.labels else line.name
            self._row(
                _PROJECT_COLUMNS,
                (
                    name,
                    f"{line.registry} {line.project}",
                    line.country or "-",
                    str(line.vintage),
                    line.class_id,
                    f"{wording.number(line.quantity)} {line.unit.value}",
                ),
                headings,
            )
        for total in certificate.totals:
            cells = ("Total", "", "", "", "", f"{wording.number(total.quantity)} {total.unit.value}")
            self._row(_PROJECT_COLUMNS, cells, headings, bold=True)

    def serials(self, certificate: Certificate) -> None:
        """One row for each block, under its credit class."""
        headings = ("As the registry writes them", "First", "Last", "Quantity")
        self._heading("Serial numbers", room_mm=26)
        for line in certificate.lines:
            self._need(20)
            self.ln(1.5)
            self._font(TEXT, 9.5, _INK, bold=True)
            self._lines(f"{line.name}, {line.class_id}", _INNER_MM, 4.6)
            self._table_head(_SERIAL_COLUMNS, headings)
            for block in line.blocks:
                cells = (block.serials, str(block.first), str(block.last), wording.number(block.quantity))
                self._row(_SERIAL_COLUMNS, cells, headings, font=CODE, size=7.2, line_mm=3.5)

    def details(self, certificate: Certificate) -> None:
        """Facts for buyers and auditors."""
        self._heading("Details", room_mm=12)
        self._facts(wording.facts(certificate), TEXT, 9, 4.6)

    def proof(self, signed: SignedCertificate) -> None:
        """What it takes to check the certificate."""
        told = wording.evidence(signed)
        height_mm = 31 + 4 * len(told)
        self._need(height_mm + 8)
        self.ln(6)
        top = self.y
        self.set_fill_color(*_PALE)
        self.set_draw_color(*_LINE)
        self.rect(_MARGIN_MM - 4, top, _INNER_MM + 8, height_mm, style="DF")
        self.ln(-2.5)
        self._heading("Proof", room_mm=0)
        self._facts(told, CODE, 7, 4)
        self.ln(2)
        self._font(TEXT, 8.5, _INK)
        self._lines(wording.HOW_TO_CHECK, _INNER_MM, 4)
        self._font(CODE, 7.5, _INK)
        self._lines(wording.CHECK_COMMAND, _INNER_MM, 4.5)

    # How they are set.

    def _font(
        self, family: FontFamily, size: float, color: tuple[int, int, int], *, bold: bool = False
    ) -> None:
        self.set_font(family.name, "B" if bold else "", size)
        self.set_text_color(*color)
        # Shaping joins and kerns letters as their scripts want it; what is set in columns stays in columns.
        self.set_text_shaping(use_shaping_engine=family is not CODE)
        self._set_font_anew()

    def _set_font_anew(self) -> None:
        """Name the font again before the next text.

        The library loses track of it after a text that began in another script's font.
        """
        self.current_font_is_set_on_page = False

    def _cut(self, text: str, width_mm: float) -> str:
        """The beginning of a text that fits on one line."""
        if self.get_string_width(text) <= width_mm:
            return text
        while text and self.get_string_width(f"{text}…") > width_mm:
            text = text[:-1]
        return f"{text}…"

    def _need(self, height_mm: float) -> None:
        """Begin a new page unless so much fits on this one."""
        if self.y + height_mm > _HEIGHT_MM - 22:
            self.add_page()

    def _lines(self, text: str, width_mm: float, line_mm: float, align: str = "L") -> None:
        """A text on as many lines as it takes; the place is the beginning of the next line then."""
        self._set_font_anew()
        left = self.x
        if self._is_plain_code(text):
            for line in self._broken_code(text, width_mm):
                self.set_x(left)
                self.cell(width_mm, line_mm, line, align=align, new_x="LMARGIN", new_y="NEXT")
            return
        self.multi_cell(
            width_mm,
            line_mm,
            self._fonts.showable(text),
            align=align,
            new_x="LMARGIN",
            new_y="NEXT",
            wrapmode=_wrapping(text),
        )

    def _is_plain_code(self, text: str) -> bool:
        return self.font_family == CODE.name and text.isascii()

    def _broken_code(self, text: str, width_mm: float) -> list[str]:
        """Lines of text in which all letters are equally wide: a thousand serial numbers need not be measured."""
        length = int(width_mm / self.get_string_width("0"))
        return [text[begin : begin + length] for begin in range(0, len(text), length)] or [""]

    def _centred(
        self,
        text: str,
        family: FontFamily,
        size: float,
        color: tuple[int, int, int],
        line_mm: float,
        *,
        bold: bool = False,
        inset_mm: float = 0,
    ) -> None:
        self._font(family, size, color, bold=bold)
        self.set_x(_MARGIN_MM + inset_mm)
        self._lines(text, _INNER_MM - 2 * inset_mm, line_mm, align="C")

    def _heading(self, text: str, room_mm: float) -> None:
        self._need(12 + room_mm)
        self.ln(5)
        self._font(TEXT, 10, _GREEN, bold=True)
        self._lines(text, _INNER_MM, 6)

    def _facts(
        self, told: Iterable[tuple[str, str]], family: FontFamily, size: float, line_mm: float
    ) -> None:
        name_mm = 42
        for name, value in told:
            self._font(family, size, _INK)
            self._need(self._height(value, _INNER_MM - name_mm, line_mm))
            self._font(TEXT, 9, _SOFT)
            self.cell(name_mm, line_mm, name)
            self._font(family, size, _INK)
            self._lines(value, _INNER_MM - name_mm, line_mm)

    def _table_head(self, columns: Sequence[tuple[int, str]], headings: Sequence[str]) -> None:
        self._font(TEXT, 8, _SOFT)
        for (width_mm, align), heading in zip(columns, headings, strict=True):
            self.cell(width_mm, 5, heading, align=align)
            self.set_x(self.x + _GAP_MM)
        self.ln(5)
        self._rule(_GREEN)

    def _row(
        self,
        columns: Sequence[tuple[int, str]],
        cells: Sequence[str],
        headings: Sequence[str],
        *,
        font: FontFamily = TEXT,
        size: float = 9,
        line_mm: float = 4.3,
        bold: bool = False,
    ) -> None:
        """One row that is not broken; on a new page the headings come again."""
        self._font(font, size, _INK, bold=bold)
        height_mm = max(
            self._height(text, width_mm, line_mm) for text, (width_mm, _) in zip(cells, columns, strict=True)
        )
        if self.y + height_mm + 2 > _HEIGHT_MM - 22:
            self.add_page()
            self._table_head(columns, headings)
            self._font(font, size, _INK, bold=bold)
        top, left = self.y + 1, _MARGIN_MM
        for (width_mm, align), text in zip(columns, cells, strict=True):
            self.set_xy(left, top)
            self._lines(text, width_mm, line_mm, align)
            left += width_mm + _GAP_MM
        self.set_y(top + height_mm + 0.6)
        self._rule(_LINE)

    def _height(self, text: str, width_mm: float, line_mm: float) -> float:
        if self._is_plain_code(text):
            return line_mm * len(self._broken_code(text, width_mm))
        if text.isascii() and len(text) * self.font_size < width_mm:
            # No letter is wider than the font is high: this fits on a line.
            return line_mm
        height: Any = self.multi_cell(
            width_mm,
            line_mm,
            self._fonts.showable(text),
            dry_run=True,
            output=MethodReturnValue.HEIGHT,
            wrapmode=_wrapping(text),
        )
        return float(height)

    def _rule(self, color: tuple[int, int, int]) -> None:
        self.set_draw_color(*color)
        self.line(_MARGIN_MM, self.y, _MARGIN_MM + _INNER_MM, self.y)


def _wrapping(text: str) -> WrapMode:
    """Between words, if there are any."""
    return WrapMode.WORD if " " in text else WrapMode.CHAR


def _texts(certificate: Certificate) -> Iterable[str]:
    """All that others wrote."""
    yield from (certificate.venue, certificate.beneficiary, certificate.purpose)
    yield from (value for _, value in wording.facts(certificate))
    for line in certificate.lines:
        yield from (line.name, line.project, line.registry, line.country, line.class_id, *line.labels)
        for block in line.blocks:
            yield block.serials


def _made_at(certificate: Certificate) -> datetime:
    try:
        return datetime.fromisoformat(certificate.retired_at[:19]).replace(tzinfo=UTC)
    except ValueError:
        # A file that somebody made up may say anything; checking it goes on.
        return datetime(1970, 1, 1, tzinfo=UTC)
