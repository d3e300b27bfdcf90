"""A certificate as a page for browsers and printers: one file that needs nothing else and runs no script."""

from __future__ import annotations

import base64
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from exchange.registry import certificate_wording as wording
from exchange.registry.page_templates import template, template_text

if TYPE_CHECKING:
    from exchange.registry.certificate import SignedCertificate

_IN_SCRIPT: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
"""As JSON writes what could end a script or begin a comment."""


def render_html(signed: SignedCertificate) -> bytes:
    """The page, UTF-8: for the same certificate the same bytes."""
    css = template_text("certificate.css")
    return (
        template("certificate.html")
        .render(
            signed=signed,
            certificate=signed.certificate,
            wording=wording,
            css=Markup(css),  # noqa: S704 - our own file
            policy=content_security_policy(),
            json=in_script(signed.to_json()),
        )
        .encode()
    )


def in_script(json: bytes) -> Markup:
    """JSON for a script element: whatever could end the element, or begin a comment, is escaped as JSON escapes."""
    return Markup(json.decode().translate(_IN_SCRIPT))  # noqa: S704 - escaped so


@cache
def content_security_policy() -> str:
    """What a browser may do with the page: show it with its own style. For HTTP's header; the page says it, too."""
    style = base64.b64encode(sha256(template_text("certificate.css").encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
