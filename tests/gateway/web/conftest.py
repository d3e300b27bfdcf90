"""A real browser on the page of a running exchange."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import async_playwright, expect

from tests.gateway.web.trader_page import TraderPage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from playwright.async_api import Browser

    from tests.gateway.exchange import RunningExchange

    OpenPage = Callable[..., Awaitable[TraderPage]]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=15_000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Gives the browser of this machine, headless, with a new empty profile; skips where there is none."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def open_page(exchange: RunningExchange, browser: Browser, tmp_path: Path) -> AsyncIterator[OpenPage]:
    """Gives a function that opens the exchange's page; at the end of the test no page may have reported an error."""
    pages: list[TraderPage] = []

    async def open_page(url: str = "", path: str = "", **options: Any) -> TraderPage:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        options.setdefault("reduced_motion", "reduce")
        context = await browser.new_context(**options)
        page = TraderPage(await context.new_page(), tmp_path)
        pages.append(page)
        address = url or exchange.url.replace("ws://", "http://").removesuffix("/ws")
        await page.open(f"{address}/{path}")
        return page

    yield open_page
    assert [] == [error for page in pages for error in page.errors]
