"""Which form of a resource an `Accept` header gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.negotiation import choose

HTML, PDF, JSON = OFFERED = ("text/html", "application/pdf", "application/json")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", HTML),
        ("*/*", HTML),
        ("application/json", JSON),
        ("APPLICATION/PDF", PDF),
        ("application/*", PDF),
        ("application/*, application/pdf;q=0.2", JSON),
        ("text/html;q=0.5, application/pdf;q=0.7, */*;q=0.1", PDF),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", HTML),
        ("text/html; charset=utf-8; q=0.1, application/json;q=0.12", JSON),
        ("image/png", None),
        ("text/html;q=0, image/png", None),
        ("*/*;q=0", None),
        ("text/html;q=high", None),
        ("text/html;q=2", None),
        ("text/html;q=0.0001", None),
    ],
)
def test_the_best_form_is_chosen(accept: str, chosen: str | None) -> None:
    """By weight, the more exact range first, and the first one offered of several that are as good."""
    assert chosen == choose(accept, OFFERED)


@given(accept=st.text(max_size=200) | st.lists(st.sampled_from("*/;=,.q0a "), max_size=60).map("".join))
def test_any_header_gets_an_answer(accept: str) -> None:
    """Whatever a header holds, the choice is one of the forms or none."""
    assert choose(accept, OFFERED) in (*OFFERED, None)
