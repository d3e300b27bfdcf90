"""A statement as a page for browsers and printers: one file that needs nothing else and runs no script."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from exchange.registry.certificate_html import content_security_policy
from exchange.registry.page_templates import template, template_text

if TYPE_CHECKING:
    from exchange.registry.statement import Statement


def render_statement(statement: Statement) -> bytes:
    """The page, UTF-8: for the same statement the same bytes."""
    css = template_text("certificate.css")
    return (
        template("statement.html")
        .render(
            statement=statement,
            css=Markup(css),  # noqa: S704 - our own file
            policy=content_security_policy(),
            time=_time,
        )
        .encode()
    )


def _time(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S}"
