"""The public register as a page: what everybody can see of projects, retirements and single serial numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from exchange.domain import commands
from exchange.domain.carbon.technology_forms import (
    NameTechnologies,
    RegisterPool,
    RegisterTechnology,
    Technology,
    TechnologyPool,
)
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.serials import SerialBlock
from tests.exchange.domain.carbon.primary_sales import opening
from tests.exchange.registry.settled import settle
from tests.gateway.signer import retire
from tests.gateway.web.test_layout import OVERFLOW
from tests.market import ALPHA, V20

if TYPE_CHECKING:
    from playwright.async_api import Route

    from tests.gateway.exchange import RunningExchange
    from tests.gateway.signer import Signer
    from tests.gateway.web.conftest import OpenPage
    from tests.gateway.web.trader_page import TraderPage

BETAS = "opening-2019 [200001 to 300000]"
RETIRED = "opening-2019 [200001 to 200005]"


@pytest.fixture
async def retirements(exchange: RunningExchange) -> list[int]:
    """Gives the numbers of three settled retirements; besides, some units were cancelled."""
    found = [
        await retire(exchange, f"private-{number}", beneficiary="Ada <b>Example</b>") for number in range(3)
    ]
    block = SerialBlock("GS", "opening-2020", 1, 4)
    await exchange.do(
        commands.CancelUnits(LOCAL_OPERATOR, ALPHA, V20, (block,), "issued in error", "private-c")
    )
    await settle(exchange.dsn)
    return found


async def go(page: TraderPage, name: str, region: str = "#lists") -> None:
    """Follow a link of the navigation."""
    await page.find(region).get_by_role("link", name=name, exact=True).click()


@pytest.mark.usefixtures("retirements")
async def test_from_projects_to_a_project(open_register: OpenPage) -> None:
    """Projects with their figures lead to each one's life, issuances, retirements and other ends."""
    page = await open_register()
    await page.rows(
        "rows",
        ["VCS 1340", "Rimba Raya", "ID", "2018, 2019", "800,000", "799,985", "15", "0", "t CO₂e", "verified"],
        ["GS 7548", "Cookstoves", "KE", "2020", "400,000", "399,996", "0", "4", "t CO₂e", "verified"],
    )
    await expect(page.find("#as-of")).to_contain_text("as of event ")
    await page.find("#rows").get_by_role("link", name="VCS 1340").click()
    await expect(page.find("#summary-title")).to_have_text("Rimba Raya")
    await expect(page.find("#summary-what")).to_have_text("VCS 1340 · ID · in t CO₂e")
    await expect(page.find("#figures dd")).to_have_text(["800,000", "799,985", "15"])
    await expect(page.find("#rows tr")).to_have_count(8 + 3)
    await go(page, "Issuances", "#project-lists")
    await expect(page.find("#rows tr")).to_have_count(8)
    await go(page, "Retirements", "#project-lists")
    await expect(page.find("#rows tr")).to_have_count(3)
    await page.page.go_back()
    await expect(page.find("#rows tr")).to_have_count(8)
    await expect(page.find("#project-lists [aria-current]")).to_have_text("Issuances")


async def test_retirements_lead_to_their_certificates(
    retirements: list[int], signer: Signer, open_register: OpenPage
) -> None:
    """Each block of a retirement names its beneficiary, as text, and links to the certificate; no account is named."""
    await signer.publish()
    page = await open_register("#/retirements")
    first = ["*", "Ada <b>Example</b>", "2026", "", "VCS 1340", RETIRED, "5", f"{retirements[0]} PDF"]
    await page.rows("rows", first, ["*"], ["*"])
    await expect(page.find("main")).not_to_contain_text("private-")
    await expect(page.find("main")).not_to_contain_text("beta")
    await (
        page.find("#rows")
        .get_by_role("link", name=f"Certificate of retirement {retirements[0]}", exact=True)
        .click()
    )
    await expect(page.find("h1")).to_contain_text("Certificate of Retirement")
    await expect(page.find("body")).to_contain_text(RETIRED)


async def test_what_a_project_discloses(exchange: RunningExchange, open_register: OpenPage) -> None:
    """A project's page says by role who shares in its first sales, and which technologies it uses under which terms."""
    member = ("Acme <i>Ltd</i>",)
    pool = TechnologyPool("OPEN-LAND", "Open Land", "Restoring forests", member)
    await exchange.do(
        *opening(),
        RegisterPool(LOCAL_OPERATOR, pool),
        RegisterTechnology(
            LOCAL_OPERATOR,
            Technology("DRONES", pool.pool, "sowing by drone", *member, "", ("XX 1 B1", "XX 2 B1")),
        ),
        NameTechnologies(LOCAL_OPERATOR, "CAR", "1568", *member, ("DRONES",)),
    )
    await settle(exchange.dsn)
    page = await open_register("#/project/CAR/1568")
    await expect(page.find("#disclosure p")).to_have_text(
        [
            "Primary sales are shared: community 60 %, developer 38.5 %, registry fee 1.5 %.",
            "Uses sowing by drone (XX 1 B1, XX 2 B1) of the royalty-free pool Open Land, for: Restoring forests",
        ]
    )
    await go(page, "Projects")
    await page.find("#rows").get_by_role("link", name="VCS 1340").click()
    await expect(page.find("#summary-title")).to_have_text("Rimba Raya")
    await expect(page.find("#disclosure p")).to_have_count(0)


@pytest.mark.usefixtures("retirements")
async def test_life_of_a_serial_number(open_register: OpenPage) -> None:
    """A look-up tells what happened to a block, step by step; every block in a list is a link to its own life."""
    page = await open_register("#/issuances")
    await page.page.fill("#serial", RETIRED)
    await page.page.fill("#serial-registry", "VCS")
    await page.page.click("#search button")
    await page.rows(
        "rows",
        ["*", "issued", BETAS, "100,000"],
        ["*", "retired", RETIRED, "5", "", "*"],
    )
    await expect(page.find("#rows tr").last).to_contain_text(
        "for Ada <b>Example</b>; part of opening-2019 [200001 to 300000] @ "
    )
    await page.find("#rows").get_by_role("link", name=BETAS).click()
    await expect(page.find("#rows tr")).to_have_count(4)
    await expect(page.find("#serial")).to_have_value(BETAS)


@pytest.mark.usefixtures("retirements")
async def test_other_ends(open_register: OpenPage) -> None:
    """What was cancelled says why."""
    page = await open_register()
    await go(page, "Other ends")
    await page.rows("rows", ["*", "cancelled", "GS 7548", "opening-2020 [1 to 4]", "4", "issued in error"])


@pytest.mark.usefixtures("retirements")
async def test_lists_come_in_pages_and_as_files(open_register: OpenPage) -> None:
    """A button brings the next page while there is one; the list is a file for spreadsheets, too."""

    async def two_at_a_time(route: Route) -> None:
        await route.continue_(url=route.request.url.replace("limit=100", "limit=2"))

    page = await open_register()
    await page.page.route("**/api/v1/register/*", two_at_a_time)
    await go(page, "Retirements")
    await expect(page.find("#rows tr")).to_have_count(2)
    await page.page.click("#more")
    await expect(page.find("#rows tr")).to_have_count(3)
    await expect(page.find("#more")).to_be_hidden()
    async with page.page.expect_download() as downloading:
        await page.page.click("#as-csv")
    lines = Path(await (await downloading.value).path()).read_text().splitlines()
    assert 1 + 3 == len(lines)
    assert lines[0].startswith("seq,n,time,kind,registry,project")


async def test_refusals_of_the_register(exchange: RunningExchange, open_register: OpenPage) -> None:
    """Before anything is settled, and for serial numbers that nobody has, the page shows the numbered refusal."""
    page = await open_register()
    await expect(page.find("#list-status")).to_contain_text("3013 UNAVAILABLE: ")
    await settle(exchange.dsn)
    await page.page.fill("#serial", "opening-2019 [900001 to 900002]")
    await page.page.fill("#serial-registry", "VCS")
    await page.page.press("#serial", "Enter")
    await expect(page.find("#list-status")).to_contain_text("UNKNOWN_SERIAL: ")
    assert 2 == len(page.errors)
    page.errors.clear()


@pytest.mark.usefixtures("retirements")
async def test_register_on_every_screen(open_register: OpenPage) -> None:
    """No list sticks out sideways, from a small phone to a wide desk, and every control has a name."""
    page = await open_register()
    for place in ("#/projects", "#/retirements", "#/cancellations", "#/project/VCS/1340/provenance"):
        await page.page.evaluate("(place) => { location.hash = place; }", place)
        await expect(page.find("#rows tr").first).to_be_visible()
        for width in (320, 390, 639, 640, 768, 1024, 1440):
            await page.page.set_viewport_size({"width": width, "height": 800})
            assert (place, width, 0) == (place, width, await page.page.evaluate(OVERFLOW))
    nameless = await page.page.evaluate(
        """() => [...document.querySelectorAll("input, button, a")]
            .filter((one) => !one.labels?.length && !one.getAttribute("aria-label") && !one.textContent.trim())
            .map((one) => one.outerHTML)"""
    )
    assert [] == nameless
