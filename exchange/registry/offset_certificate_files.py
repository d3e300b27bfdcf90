"""Certificates of offset as files: JSON, and a page (HTML) that carries the same JSON inside and is signed as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from exchange.registry.certificate_files import FileFormat, carried_json, recognise, seal_page, take_apart
from exchange.registry.certificate_html import content_security_policy, in_script
from exchange.registry.certificate_verification import Finding, Verdict
from exchange.registry.certificate_wording import number
from exchange.registry.offset_certificate import check, from_json
from exchange.registry.page_templates import template, template_text

if TYPE_CHECKING:
    from exchange.log.signing import VenueKey
    from exchange.registry.offset_certificate import SignedOffsetCertificate


def write_file(signed: SignedOffsetCertificate, file_format: FileFormat, key: VenueKey) -> bytes:
    """The file: JSON, or else the page."""
    if file_format is FileFormat.JSON:
        return signed.to_json()
    return seal_page(render_html(signed), file_format, key)


def render_html(signed: SignedOffsetCertificate) -> bytes:
    """The page without its signature, UTF-8: for the same certificate the same bytes."""
    statement = signed.certificate.statement
    return (
        template("offset_certificate.html")
        .render(
            signed=signed,
            certificate=signed.certificate,
            statement=statement,
            whole=statement.left_to_offset == statement.surplus == "0.000",
            number=number,
            css=Markup(template_text("certificate.css")),  # noqa: S704 - our own file
            policy=content_security_policy(),
            json=in_script(signed.to_json()),
        )
        .encode()
    )


def verify(data: bytes, public_key: str = "") -> list[Finding]:
    """Check a file of either format. Raises CertificateUnreadable where it carries no certificate."""
    if recognise(data) is FileFormat.JSON:
        return check(from_json(data), public_key)
    page = take_apart(data, FileFormat.HTML)
    signed = from_json(carried_json(page.body, FileFormat.HTML))
    named = signed.certificate.public_key
    sealed = (
        Finding("page", Verdict.GOOD, "every byte of the page is signed by the same key")
        if page.is_signed(named)
        else Finding("page", Verdict.BAD, f"the key {named} did not sign the bytes of this page")
    )
    return [sealed, *check(signed, public_key)]
