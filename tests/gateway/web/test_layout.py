"""The page on every screen and for everybody: no overflow, labels, keyboard, contrast, nothing that jumps."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Instrument
from tests.market import PROJECT

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.web.conftest import OpenPage

RIMBA = "#RIMBA-19"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def test_no_width_overflows(open_page: OpenPage) -> None:
    """From a small phone to a wide desk nothing sticks out sideways, logged on or not."""
    page = await open_page(path=RIMBA)
    widths = (320, 390, 639, 640, 768, 899, 1024, 1239, 1240, 1440, 1920)

    async def overflows() -> dict[int, int]:
        found: dict[int, int] = {}
        for width in widths:
            await page.page.set_viewport_size({"width": width, "height": 800})
            found[width] = await page.page.evaluate(OVERFLOW)
        return found

    assert dict.fromkeys(widths, 0) == await overflows()
    await page.log_on("beta-key")
    assert dict.fromkeys(widths, 0) == await overflows()


async def test_views_of_a_phone(open_page: OpenPage) -> None:
    """On a phone one view is shown at a time; choosing an instrument leads to its chart, and an order can be placed."""
    page = await open_page(path=RIMBA, viewport={"width": 390, "height": 844}, has_touch=True)
    panels = {
        "Markets": "#markets",
        "Chart": "#chart-panel",
        "Book": "#book-panel",
        "Trade": "#ticket",
        "Account": "#account-panel",
    }
    for name, panel in panels.items():
        await page.find("#views").get_by_role("button", name=name).click()
        await expect(page.find(panel)).to_be_visible()
        for other in set(panels.values()) - {panel}:
            await expect(page.find(other)).to_be_hidden()
        assert 0 == await page.page.evaluate(OVERFLOW)
    await page.find("#views").get_by_role("button", name="Markets").click()
    await page.find(".market-row", has_text="NATURE").click()
    await expect(page.find("#chart-panel")).to_be_visible()
    await page.log_on("beta-key")
    await page.find("#views").get_by_role("button", name="Trade").click()
    await page.place("buy", "9.00", 5)
    await page.answer("Order is in the book")


async def test_every_control_has_a_name(open_page: OpenPage) -> None:
    """Screen readers find a name on every button, field and selection, in the dialogs as well."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    nameless = await page.page.evaluate(
        """() => [...document.querySelectorAll("input, select, textarea, button")]
            .filter((control) => !(control.labels?.length && [...control.labels].some((l) => l.textContent.trim()))
                && !control.getAttribute("aria-label") && !(control.tagName === "BUTTON" && control.textContent.trim()))
            .map((control) => control.outerHTML)"""
    )
    assert [] == nameless


async def test_order_by_keyboard_alone(exchange: RunningExchange, open_page: OpenPage) -> None:
    """An order is placed with Tab, arrow keys and Enter; the tabs of the account follow the arrows."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    keyboard = page.page.keyboard
    await page.find("input[name=side]:checked").focus()
    await keyboard.press("ArrowRight")
    await expect(page.find("#place")).to_have_text("Place sell order")
    await page.find("#price").focus()
    await keyboard.type("10.50")
    await page.find("#quantity").focus()
    await keyboard.type("12")
    await keyboard.press("Enter")
    await page.answer("Order is in the book")
    (order,) = exchange.venue.state.orders.values()
    assert ("sell", 1050, 12) == (order.side, order.price, order.quantity)
    await page.find("#tab-orders").focus()
    await keyboard.press("ArrowRight")
    await expect(page.find("#page-fills")).to_be_visible()
    await expect(page.find("#tab-fills")).to_be_focused()


async def test_nothing_jumps_when_prices_move(exchange: RunningExchange, open_page: OpenPage) -> None:
    """The browser counts no layout shift while orders and trades come in."""
    page = await open_page(path=RIMBA)
    gamma, beta = await exchange.client("gamma-key"), await exchange.client("beta-key")

    async def trade(name: str, quantity: int, price: str) -> None:
        for client, side in ((beta, "sell"), (gamma, "buy")):
            await client.place_order(
                client_order_id=name, instrument="RIMBA-19", side=side, quantity=quantity, price=price
            )
        await expect(page.find("#trades tr td").first).to_have_text(price)

    await trade("1", 10, "10.00")
    await page.page.evaluate(
        """() => { window.shifts = 0; new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shifts += entry.value;
        }).observe({ type: "layout-shift", buffered: false }); }"""
    )
    await trade("2", 1234, "9.01")
    await trade("3", 1, "14.99")
    await expect(page.find("#strip-last")).to_have_text("14.99 EUR")
    # Rows of the list of trades move down: that is no jump but the list itself.
    assert await page.page.evaluate("window.shifts") < 0.02


async def test_markup_in_names_stays_text(exchange: RunningExchange, open_page: OpenPage) -> None:
    """Names that contain markup are shown as they are and run nothing."""
    evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    await exchange.do(
        commands.RegisterClass(
            LOCAL_OPERATOR, CreditClass("VCS-9-2024", "<i>VCS</i>", "9", evil, 2024, country="XX")
        )
    )
    listing = {**{name: getattr(PROJECT, name) for name in PROJECT.__struct_fields__}}
    listing |= {"symbol": "<b>EVIL</b>", "name": evil, "classes": ("VCS-9-2024",)}
    await exchange.do(commands.ListInstrument(LOCAL_OPERATOR, Instrument(**listing)))
    page = await open_page(path="#%3Cb%3EEVIL%3C%2Fb%3E")
    await expect(page.find("#strip-symbol")).to_have_text("<b>EVIL</b>")
    await expect(page.find("#strip-what")).to_contain_text(evil)
    await page.page.click("#about")
    await expect(page.find("#about-what")).to_have_text(evil)
    assert 0 == await page.find("img, script:not([src]), main b b").count()
    assert "<b>EVIL</b>" == await page.page.title()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str) -> None:
    """Text has a contrast of at least 4.5 : 1 on each ground that it stands on, in both colour schemes."""
    colours = theme(scheme)
    pairs = [
        *((text, ground) for text in ("text", "muted") for ground in ("panel", "ground", "raised")),
        *((text, "panel") for text in ("accent", "bid", "ask", "warn")),
        *(("muted", ground) for ground in ("bid-soft", "ask-soft", "accent-soft")),
        *(("text", ground) for ground in ("bid-soft", "ask-soft", "accent-soft")),
        *(("bid", "bid-soft"), ("ask", "ask-soft"), ("warn", "warn-soft"), ("accent", "accent-soft")),
        *(("accent-text", "accent"), ("fill-text", "bid-fill"), ("fill-text", "ask-fill")),
        *((text, "accent-soft") for text in ("bid", "ask")),
    ]
    weak = {
        f"{text} on {ground}": round(contrast(colours[text], colours[ground]), 2)
        for text, ground in pairs
        if contrast(colours[text], colours[ground]) < 4.5
    }
    assert {} == weak


def theme(scheme: str) -> dict[str, str]:
    """The colours of a scheme by name."""
    css = (files("gateway.web") / "files/css/theme.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    if scheme == "dark":
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark))
    return found


def contrast(first: str, second: str) -> float:
    """Contrast ratio by the rule of WCAG 2."""

    def luminance(colour: str) -> float:
        shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    brighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)
