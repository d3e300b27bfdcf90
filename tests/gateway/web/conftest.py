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
async def new_page(browser: Browser, tmp_path: Path) -> AsyncIterator[OpenPage]:
    """Gives a function that makes an empty page; at the end of the test no page may have reported an error."""
    pages: list[TraderPage] = []

    async def new_page(**options: Any) -> TraderPage:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        options.setdefault("reduced_motion", "reduce")
        context = await browser.new_context(**options)
        page = TraderPage(await context.new_page(), tmp_path)
        pages.append(page)
        return page

    yield new_page
    assert [] == [error for page in pages for error in page.errors]


@pytest.fixture
def open_page(exchange: RunningExchange, new_page: OpenPage) -> OpenPage:
    """Gives a function that opens the trader's page of the exchange."""

    async def open_page(url: str = "", path: str = "", **options: Any) -> TraderPage:
        page = await new_page(**options)
        await page.open(f"{url or http_address(exchange)}/{path}")
        return page

    return open_page


@pytest.fixture
def open_register(exchange: RunningExchange, new_page: OpenPage) -> OpenPage:
    """Gives a function that opens the public register at a place."""

    async def open_register(place: str = "#/projects", **options: Any) -> TraderPage:
        page = await new_page(**options)
        await page.page.goto(f"{http_address(exchange)}/register{place}")
        return page

    return open_register


def http_address(exchange: RunningExchange) -> str:
    """Where the pages of an exchange are."""
    return exchange.url.replace("ws://", "http://").removesuffix("/ws")
