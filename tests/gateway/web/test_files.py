"""The files of the page: what they may contain, how they are served, and that an upgrade reaches the browser."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from gateway.web import pages
from gateway.web.pages import Pages

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange

FOLDER = Path(str(files("gateway.web") / "files"))
OWN = sorted(file for file in FOLDER.rglob("*") if file.is_file() and "vendor" not in file.parts)
SCRIPTS = [file for file in OWN if file.suffix == ".js"]


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_scripts_never_make_markup_of_data(file: Path) -> None:
    """Scripts use no way by which data could become markup or code, and stay short enough to be read."""
    text = file.read_text()
    assert [] == re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function|srcdoc|setTimeout\(['\"]",
        text,
    )
    assert len(text.splitlines()) < 500


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.name)
def test_no_other_host_is_asked(file: Path) -> None:
    """Nothing is loaded from elsewhere; the one foreign link is the attribution that the chart library asks for."""
    allowed = {"https://www.tradingview.com/", "http://www.w3.org/2000/svg"}
    assert set() == set(re.findall(r"(?:https?|wss?)://[^\s\"'`$)]+", file.read_text())) - allowed


@pytest.mark.parametrize("name", ["index.html", "register.html"])
def test_no_inline_script_or_style(name: str) -> None:
    """The pages work under their content security policy: no script, style or handler in the markup."""
    html = (FOLDER / name).read_text()
    assert [] == re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", html)


def test_vendored_library_keeps_its_licence() -> None:
    """The chart library is vendored with version, licence and notice, and the page shows the attribution."""
    (folder,) = (FOLDER / "vendor").iterdir()
    library = (folder / "lightweight-charts.mjs").read_text()
    version = folder.name.rpartition("-")[2]
    assert f"Lightweight Charts™ v{version}" in library
    assert len(library.encode()) < 400_000
    assert "Apache License" in (folder / "LICENSE").read_text()
    assert "TradingView" in (folder / "NOTICE").read_text()
    html = (FOLDER / "index.html").read_text()
    assert f"/vendor/{folder.name}/NOTICE" in html
    assert 'href="https://www.tradingview.com/"' in html


async def test_every_file_is_served(exchange: RunningExchange) -> None:
    """Each file comes as it is, with its type, and with the order to ask again each time."""
    types = {
        ".css": "text/css",
        ".html": "text/html",
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".svg": "image/svg+xml",
    }
    address = exchange.url.replace("ws://", "http://").removesuffix("/ws")
    async with aiohttp.ClientSession(address) as session:
        for file in FOLDER.rglob("*"):
            if file.is_dir():
                continue
            path = "/" + file.relative_to(FOLDER).as_posix()
            path = {"/index.html": "/", "/register.html": "/register"}.get(path, path)
            async with session.get(path) as response:
                assert file.read_bytes() == await response.read()
                assert (200, types.get(file.suffix, "text/plain"), "no-cache") == (
                    response.status,
                    response.content_type,
                    response.headers["Cache-Control"],
                )


def test_tag_of_the_page_covers_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change in any file changes the tag of that file and of `/`, and of no other."""

    def tags() -> dict[str, str]:
        return {path: page.tag for path, page in Pages.load()._pages.items()}

    monkeypatch.setattr(pages, "files", lambda _package: tmp_path)
    (tmp_path / "files" / "js").mkdir(parents=True)
    for name in ("index.html", "js/a.js", "js/b.js"):
        (tmp_path / "files" / name).write_text(name)
    before = tags()
    (tmp_path / "files" / "js" / "b.js").write_text("changed")
    after = tags()
    assert ["/", "/js/a.js", "/js/b.js"] == sorted(before)
    assert {"/", "/js/b.js"} == {path for path in before if before[path] != after[path]}
