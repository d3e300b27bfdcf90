"""The certificate of a retirement on the page: it says when it is ready, and its files are the exchange's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import expect

from exchange.registry.certificate import HeadReference
from exchange.registry.certificate_verification import Trust, Verdict, verify
from tests.exchange.registry.certificates import KEY
from tests.gateway.signer import retire, running_signer

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.signer import Signer
    from tests.gateway.web.conftest import OpenPage
    from tests.gateway.web.trader_page import TraderPage

RIMBA = "#RIMBA-19"


async def open_certificate(page: TraderPage, retirement: int) -> None:
    """From the list of retirements."""
    await page.tab("retirements")
    await (
        page.find("#retirements")
        .get_by_role("button", name=f"Certificate of retirement {retirement}")
        .click()
    )


async def download(page: TraderPage, link: str) -> bytes:
    """What a link of the dialog gives."""
    async with page.page.expect_download() as downloading:
        await page.page.click(link)
    return Path(await (await downloading.value).path()).read_bytes()


async def test_certificate_of_a_retirement(
    exchange: RunningExchange, signer: Signer, open_page: OpenPage
) -> None:
    """The dialog waits for the head that proves the retirement, then gives HTML, PDF and JSON that anybody finds good."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    seq = await retire(exchange)
    await open_certificate(page, seq)
    await expect(page.find("#certificate-what")).to_have_text(
        f"Retired: 5 VCS-1340-2019, for Müller & Söhne. Retirement {seq}."
    )
    await expect(page.find("#certificate-answer")).to_contain_text("It is ready in some seconds")
    await expect(page.find("#certificate-files")).to_be_hidden()
    await signer.publish()
    await expect(page.find("#certificate-files")).to_be_visible()
    head = exchange.venue.state.last_seq
    digest = await exchange.gateway.reader.hash_at(head)
    trust = Trust((HeadReference(head, digest.hex()),), KEY.public_hex)
    for name in ("pdf", "json"):
        assert Verdict.GOOD == verify(await download(page, f"#certificate-{name}"), trust).verdict
    assert signer.heads_path.read_bytes() == await download(page, "#certificate-head")
    async with page.page.expect_popup() as popup:
        await page.page.click("#certificate-html")
    opened = await popup.value
    await expect(opened.locator("body")).to_contain_text("Müller & Söhne")
    # The policy allows the page's own style: the browser applies it.
    await expect(opened.locator("h1")).to_have_css("color", "rgb(18, 81, 61)")
    await page.page.click("#certificate-close")
    await expect(page.find("#certificate-dialog")).to_be_hidden()


async def test_nobody_signs(exchange: RunningExchange, open_page: OpenPage) -> None:
    """While the signing process is away the dialog says so and goes on trying."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await open_certificate(page, await retire(exchange))
    await expect(page.find("#certificate-answer")).to_have_text("The exchange does not answer. Trying again.")
    async with running_signer(exchange) as signer:
        await signer.publish()
        await expect(page.find("#certificate-files")).to_be_visible()
    assert page.errors
    page.errors.clear()
