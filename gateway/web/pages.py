"""Serves the files of the page out of memory.

Every file has an entity tag, and browsers ask each time whether it has changed: after an upgrade the next load is the new
page, whole. The tag of `/` covers all files together, so that a running page can see that there is a newer one.
"""

from __future__ import annotations

import gzip
from hashlib import blake2b
from importlib.resources import files
from typing import TYPE_CHECKING, Self

import msgspec
from aiohttp import ETag, web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from importlib.resources.abc import Traversable

INDEX_PATH = "/index.html"
_ADDRESSES = {"/register.html": "/register"}
"""Pages beside the trader's, by the path of their file."""

_CONTENT_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    "": "text/plain",
}
_COMPRESS_ABOVE_BYTES = 1024


class Page(msgspec.Struct, frozen=True):
    """One file, ready to be sent."""

    content: bytes
    compressed: bytes
    """With gzip; empty where that saves nothing."""
    content_type: str
    tag: str


class Pages:
    """All files of the page by their path on the server."""

    def __init__(self, pages: dict[str, Page]) -> None:
        self._pages = pages

    @classmethod
    def load(cls) -> Self:
        """Read the files that come with this package."""
        contents = dict(_walk(files("gateway.web") / "files", ""))
        pages = {path: _page(path, content) for path, content in contents.items()}
        whole = blake2b(digest_size=12)
        for path in sorted(pages):
            whole.update(f"{path} {pages[path].tag}\n".encode())
        index = msgspec.structs.replace(pages.pop(INDEX_PATH), tag=whole.hexdigest())
        return cls({"/": index, **{_ADDRESSES.get(path, path): page for path, page in pages.items()}})

    @property
    def paths(self) -> list[str]:
        """Where the files are."""
        return list(self._pages)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve each file at its path; there are no others."""
        for path, page in self._pages.items():
            router.add_get(path, _handler(page))


def _handler(page: Page) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        # Weak: the same content may be sent compressed or not.
        tag = ETag(page.tag, is_weak=True)
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if any(known.value in {page.tag, "*"} for known in request.if_none_match or ()):
            response = web.Response(status=304, headers=headers)
        elif page.compressed and "gzip" in request.headers.get("Accept-Encoding", "").lower():
            headers["Content-Encoding"] = "gzip"
            response = web.Response(
                body=page.compressed, content_type=page.content_type, charset="utf-8", headers=headers
            )
        else:
            response = web.Response(
                body=page.content, content_type=page.content_type, charset="utf-8", headers=headers
            )
        response.etag = tag
        return response

    return serve


def _page(path: str, content: bytes) -> Page:
    name = path.rpartition("/")[2]
    suffix = name[name.rfind(".") :] if "." in name else ""
    compressed = gzip.compress(content, mtime=0) if len(content) > _COMPRESS_ABOVE_BYTES else b""
    return Page(content, compressed, _CONTENT_TYPES[suffix], blake2b(content, digest_size=12).hexdigest())


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        below = f"{path}/{entry.name}"
        if entry.is_dir():
            yield from _walk(entry, below)
        else:
            yield below, entry.read_bytes()
