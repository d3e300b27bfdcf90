"""Which of several forms of a resource a client wants (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_RANGES = 32


def choose(accept: str, offered: Sequence[str]) -> str | None:
    """The media type that an `Accept` header likes best, the first one of several; None: it takes none of them."""
    if not accept.strip():
        return offered[0]
    qualities = _qualities(accept)
    best = max(offered, key=lambda media_type: _quality(media_type, qualities))
    return best if _quality(best, qualities) else None


def _quality(media_type: str, qualities: dict[str, int]) -> int:
    """In thousandths. The most exact range decides."""
    for named in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if named in qualities:
            return qualities[named]
    return 0


def _qualities(accept: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in accept.split(",")[:_MAX_RANGES]:
        named, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights = [text[2:] for text in parameters if text.startswith("q=")]
        found[named] = _thousandths(weights[0]) if weights else 1000
    return found


def _thousandths(weight: str) -> int:
    """Of a weight between 0 and 1 with up to three decimals; what is none counts as 0."""
    whole, _, decimals = weight.partition(".")
    digits = whole + decimals.ljust(3, "0")
    if not (digits.isascii() and digits.isdigit() and len(whole) == 1 and len(decimals) <= 3):
        return 0
    return int(digits) if int(digits) <= 1000 else 0
