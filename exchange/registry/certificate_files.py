"""Certificates as files: JSON, and pages to look at (HTML, PDF) that carry the same JSON inside.

The last line of a page is the venue's signature over all bytes before it. So a page can be checked for ever, also by a
program that would lay it out differently.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from exchange.log.signing import is_signed
from exchange.registry.certificate import FORMAT, CertificateUnreadable

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
_SCRIPT: Final = re.compile(rb'<script type="application/json" id="certificate">\n(.*?)</script>', re.DOTALL)
_JSON_BEGIN: Final = b'{\n  "certificate": {\n    "format": "' + FORMAT.encode() + b'"'
_JSON_END: Final = b"\n}\n"
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
    return seal_page(render_page(signed, file_format), file_format, key)


def seal_page(body: bytes, file_format: FileFormat, key: VenueKey) -> bytes:
    """A page with its last line, the signature of all before it."""
    before, after = _LAST_LINES[file_format]
    return body + before + key.sign(PAGE_DOMAIN, body).encode() + after


def render_page(signed: SignedCertificate, file_format: FileFormat) -> bytes:
    """A page without its signature: for the same certificate the same bytes, by the same versions of the program."""
    # Imported where they are needed: the libraries take a third of a second, which every command would wait for.
    if file_format is FileFormat.HTML:
        from exchange.registry.certificate_html import render_html

        return render_html(signed)
    from exchange.registry.certificate_pdf import render_pdf

    return render_pdf(signed)


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
    found = _embedded_in_html(page) if file_format is FileFormat.HTML else _attached_to_pdf(page)
    if found is None:
        raise CertificateUnreadable(f"there is no certificate's JSON inside this {file_format.upper()} file")
    return found


def _embedded_in_html(page: bytes) -> bytes | None:
    match = _SCRIPT.search(page)
    return match[1] if match else None


def _attached_to_pdf(page: bytes) -> bytes | None:
    # Attached as it is, and in this form of JSON only the last line begins with a brace that closes.
    begin = page.find(_JSON_BEGIN)
    end = page.find(_JSON_END, begin)
    return None if begin < 0 or end < 0 else page[begin : end + len(_JSON_END)]
