"""Headers of HTTP: entity tags, cross-origin rules, security, and methods that carry no body."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.http.conftest import HttpClient

PATHS = [
    "/",
    "/js/main.js",
    "/health",
    "/metrics",
    "/api/v1/instruments",
    "/api/v1/instruments/NO-SUCH",
    "/schemas/index.json",
    "/nothing",
]


async def test_security_headers_are_on_every_answer(http: HttpClient) -> None:
    """No inline script, no foreign host, no frame, no sniffing, no referrer, no version of the server; refusals included."""
    for path in PATHS:
        response, _ = await http.get(path)
        headers = response.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert ("nosniff", "no-referrer", "carbon-exchange") == (
            headers["X-Content-Type-Options"],
            headers["Referrer-Policy"],
            headers["Server"],
        )


async def test_other_origins_read_public_data_only(http: HttpClient) -> None:
    """Pages of other origins may read market data and schemas, and nothing else."""
    readable: dict[str, bool] = {}
    for path in PATHS:
        response, _ = await http.get(path, headers={"Origin": "https://elsewhere.example"})
        readable[path] = "*" == response.headers.get("Access-Control-Allow-Origin")
        policy = "cross-origin" if readable[path] else "same-origin"
        assert policy == response.headers["Cross-Origin-Resource-Policy"]
    public = {"/api/v1/instruments", "/api/v1/instruments/NO-SUCH", "/schemas/index.json"}
    assert public == {path for path in PATHS if readable[path]}


async def test_preflight(http: HttpClient) -> None:
    """A preflight for public data is answered without a body and allows reading alone."""
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    async with http.session.options("/api/v1/instruments/RIMBA-19/book", headers=headers) as response:
        body = await response.read()
    assert (204, b"", "GET, HEAD") == (
        response.status,
        body,
        response.headers["Access-Control-Allow-Methods"],
    )
    async with http.session.options("/health", headers=headers) as response:
        assert (405, None) == (response.status, response.headers.get("Access-Control-Allow-Methods"))


async def test_entity_tags(http: HttpClient) -> None:
    """Who has the present version gets 304 and no body; another tag gets the content."""
    for path in ("/", "/js/main.js", "/api/v1/classes", "/schemas/websocket.json"):
        first, content = await http.get(path)
        tag = first.headers["ETag"]
        again, nothing = await http.get(path, headers={"If-None-Match": f'"other", {tag}'})
        other, same = await http.get(path, headers={"If-None-Match": '"other"'})
        assert (200, 304, b"", 200, content) == (first.status, again.status, nothing, other.status, same)
        assert tag == again.headers["ETag"]


async def test_entity_tag_of_market_data_follows_the_market(
    exchange: RunningExchange, http: HttpClient
) -> None:
    """The tag of a book changes with the book, so that a conditional request sees an order at once."""
    path = "/api/v1/instruments/RIMBA-19/book"
    before, _ = await http.get(path)
    client = await exchange.client("beta-key")
    await client.place_order(client_order_id="1", instrument="RIMBA-19", side="buy", quantity=1, price="9.00")
    after, _ = await http.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert 200 == after.status
    assert before.headers["ETag"] != after.headers["ETag"]
    assert "public, max-age=1" == after.headers["Cache-Control"]


async def test_head(http: HttpClient) -> None:
    """HEAD gives the headers of GET and no body."""
    for path in ("/", "/api/v1/instruments", "/schemas/http.json"):
        get, _ = await http.get(path, headers={"Accept-Encoding": "identity"})
        async with http.session.head(path, headers={"Accept-Encoding": "identity"}) as head:
            body = await head.read()
        assert (200, b"") == (head.status, body)
        for name in ("ETag", "Content-Type", "Cache-Control"):
            assert get.headers[name] == head.headers[name]


async def test_compression(exchange: RunningExchange) -> None:
    """Large answers are compressed for those who take that, and say that it depends on the request."""
    address = exchange.url.replace("ws://", "http://").removesuffix("/ws")
    async with aiohttp.ClientSession(address, auto_decompress=False) as session:
        for path in ("/js/main.js", "/schemas/websocket.json"):
            async with session.get(path, headers={"Accept-Encoding": "gzip"}) as packed:
                size = len(await packed.read())
            async with session.get(path, headers={"Accept-Encoding": "identity"}) as plain:
                full_size = len(await plain.read())
            assert ("gzip", None) == (
                packed.headers.get("Content-Encoding"),
                plain.headers.get("Content-Encoding"),
            )
            assert size < full_size / 2
            assert "Accept-Encoding" == packed.headers["Vary"] == plain.headers["Vary"]
