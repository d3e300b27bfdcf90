"""Certificates as files: JSON, and pages to look at (HTML, PDF) that carry the same JSON inside.

The last line of a page is the venue's signature over all bytes before it. So a page can be checked for ever, also by a
program that would lay it out differently.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from exchange.log.signing import is_signed
from exchange.registry.certificate import CertificateUnreadable
from exchange.registry.certificate_html import embedded_in_html, render_html
from exchange.registry.certificate_pdf import attached_to_pdf, render_pdf

if TYPE_CHECKING:
    from exchange.log.signing import VenueKey
    from exchange.registry.certificate import SignedCertificate

PAGE_DOMAIN: Final = b"carbon-exchange certificate page 1\n"


class FileFormat(StrEnum):
    """What a certificate is written as; the values are the endings of file names."""

    JSON = "json"
    HTML = "html"
    PDF = "pdf"


CONTENT_TYPES: Final = {
    FileFormat.JSON: "application/json",
    FileFormat.HTML: "text/html; charset=utf-8",
    FileFormat.PDF: "application/pdf",
}

_LAST_LINES: Final = {
    FileFormat.HTML: (b"<!-- signature of the bytes above: ", b" -->\n"),
    FileFormat.PDF: (b"% signature of the bytes above: ", b"\n"),
}
_SIGNATURE: Final = re.compile(rb"[0-9a-f]{128}")


class SignedPage(NamedTuple):
    """A page taken apart."""

    body: bytes
    """What is signed."""
    signature: str
    """Hexadecimal text; empty where the last line is not that of a signature."""

    def is_signed(self, public_key: str) -> bool:
        """Whether the owner of the key signed these bytes."""
        return is_signed(public_key, PAGE_DOMAIN, self.body, self.signature)


def write_file(signed: SignedCertificate, file_format: FileFormat, key: VenueKey) -> bytes:
    """The file. Pages of a thousand blocks take about a second to lay out as PDF."""
    if file_format is FileFormat.JSON:
        return signed.to_json()
    body = render_page(signed, file_format)
    before, after = _LAST_LINES[file_format]
    return body + before + key.sign(PAGE_DOMAIN, body).encode() + after


def render_page(signed: SignedCertificate, file_format: FileFormat) -> bytes:
    """A page without its signature: for the same certificate the same bytes, by the same versions of the program."""
    return render_html(signed) if file_format is FileFormat.HTML else render_pdf(signed)


def recognise(data: bytes) -> FileFormat:
    """What the bytes are meant to be, however damaged. JSON if nothing else."""
    if b"%PDF-" in data[:1024] or b"endobj" in data:
        return FileFormat.PDF
    if b"<html" in data[:1024] or b"</html>" in data:
        return FileFormat.HTML
    return FileFormat.JSON


def take_apart(data: bytes, file_format: FileFormat) -> SignedPage:
    """Split a page from its signature."""
    before, after = _LAST_LINES[file_format]
    end = data.rfind(before)
    if end < 0:
        return SignedPage(data, "")
    signature = data[end + len(before) :].removesuffix(after)
    whole = data.endswith(after) and _SIGNATURE.fullmatch(signature) is not None
    return SignedPage(data[:end], signature.decode() if whole else "")


def carried_json(page: bytes, file_format: FileFormat) -> bytes:
    """The JSON inside a page. Raises CertificateUnreadable."""
    found = embedded_in_html(page) if file_format is FileFormat.HTML else attached_to_pdf(page)
    if found is None:
        raise CertificateUnreadable(f"there is no certificate's JSON inside this {file_format.upper()} file")
    return found
