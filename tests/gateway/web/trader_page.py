"""What a trader does on the page and sees there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.async_api import expect

from tests.gateway.exchange import SIGNING_KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import ConsoleMessage, Locator, Page


class TraderPage:
    """One page in the browser. Whatever it reports as an error is kept in `errors`."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.errors: list[str] = []
        self._folder = folder
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.type}: {message.text}")

    async def open(self, url: str) -> None:
        """Load the page and wait until it shows a verified book."""
        await self.page.goto(url)
        await self.ready()

    async def ready(self) -> None:
        """The page is connected and its book verified."""
        await expect(self.find("#connection")).to_have_text("Live")
        await expect(self.find("#book-verified")).to_have_text("✓ Verified")

    def find(self, selector: str, *, has_text: str | None = None) -> Locator:
        """Part of the page, with a text in it if one is given."""
        return self.page.locator(selector, has_text=has_text)

    def key_file(self, key_id: str) -> Path:
        """The private half of a key as `exchange admin keys create` writes it."""
        path = self._folder / f"{key_id}.pem"
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SIGNING_KEYS[key_id].private_hex))
        path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return path

    async def choose_key(self, key_id: str) -> None:
        """Open the dialog and choose a key file; its name gives the key id."""
        await self.page.click("#log-on")
        await self.page.set_input_files("#key-file", self.key_file(key_id))
        await expect(self.find("#key-id")).to_have_value(key_id)

    async def log_on(self, key_id: str) -> None:
        """Log on with a key file."""
        await self.choose_key(key_id)
        await self.page.click("#log-on-submit")
        await self.logged_on()

    async def logged_on(self) -> None:
        """The account is there."""
        await expect(self.find("#log-off")).to_be_visible()
        await expect(self.find("#orders-empty, #orders tr").first).to_be_attached()
        await expect(self.find("#account-pages")).not_to_have_attribute("hidden", "")

    async def show(self, symbol: str) -> None:
        """Choose an instrument."""
        await self.find(".market-row", has_text=symbol).click()
        await expect(self.find("#strip-symbol")).to_have_text(symbol)
        await expect(self.find("#book-verified")).to_have_text("✓ Verified")

    async def tab(self, name: str) -> None:
        """Choose a table of the account."""
        await self.page.click(f"#tab-{name}")

    async def place(self, side: str, price: str, quantity: int | str) -> None:
        """Fill the order entry and send it."""
        await self.page.click(f".sides .{side}")
        await self.page.fill("#price", price)
        await self.page.fill("#quantity", str(quantity))
        await self.page.click("#place")

    async def answer(self, text: str) -> None:
        """The order entry shows an outcome with this text in it."""
        await expect(self.find("#ticket-answer")).to_contain_text(text)

    async def rows(self, table: str, *expected: list[str]) -> None:
        """A table shows just these rows; cells that are expected as `*` may hold anything."""
        rows = self.find(f"#{table} tr")
        await expect(rows).to_have_count(len(expected))
        for number, cells in enumerate(expected):
            for column, text in enumerate(cells):
                if text != "*":
                    await expect(rows.nth(number).locator("td").nth(column)).to_have_text(text)

    async def book(self, side: str) -> list[list[str]]:
        """Levels of a side as shown, top to bottom."""
        levels = await self.find(f"#{side} .level:not([data-price=''])").all()
        return [await level.locator("span").all_inner_texts() for level in levels]

    async def notice(self, text: str) -> None:
        """A message with this text is shown."""
        await expect(self.find(".notice", has_text=text)).to_be_visible()
