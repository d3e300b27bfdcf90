"""Every refusal over HTTP has the numbered code, a sentence, and the status that belongs to the code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.test_utils import make_mocked_request
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import MultiDict
from yarl import URL

from gateway.http.parameters import InvalidQuery, read_parameters
from gateway.limits import Limits, Rate
from gateway.websocket.market_requests import MarketTradesParams
from tests.gateway.http.conftest import HttpClient, http_address

if TYPE_CHECKING:
    from tests.gateway.conftest import StartExchange

RIMBA = "/api/v1/instruments/RIMBA-19"


REFUSED = [
    ("/api/v1/instruments/NO-SUCH", 404, 3000, "'NO-SUCH' is not listed"),
    ("/api/v1/instruments/NO-SUCH/book", 404, 3000, "'NO-SUCH' is not listed"),
    ("/api/v1/instruments/NO-SUCH/ticker", 404, 3000, "'NO-SUCH' is not listed"),
    (f"{RIMBA}/book?depth=many", 400, 1002, "depth: Expected `int`, got `str`"),
    (f"{RIMBA}/book?depth=0", 400, 1002, "depth: Expected `int` >= 1"),
    (f"{RIMBA}/book?depth=1001", 400, 1002, "depth: Expected `int` <= 1000"),
    (f"{RIMBA}/book?width=3", 400, 1002, "Object contains unknown field `width`"),
    (f"{RIMBA}/book?depth=3&depth=4", 400, 1002, "depth is given twice"),
    (f"{RIMBA}/book?instrument=NATURE", 400, 1002, "instrument is named by the path"),
    (f"{RIMBA}/trades?limit=1001", 400, 1002, "limit: Expected `int` <= 1000"),
    (f"{RIMBA}/trades?before_trade_id=-1", 400, 1002, "before_trade_id: Expected `int` >= 0"),
    (
        f"{RIMBA}/trades?before_trade_id=1&after_trade_id=2",
        400,
        1002,
        "give after_trade_id or before_trade_id, not both",
    ),
    (f"{RIMBA}/candles", 400, 1002, "Object missing required field `interval`"),
    (f"{RIMBA}/candles?interval=2m", 400, 1002, "interval: Invalid enum value '2m'"),
    ("/api/v1/instruments?all=1", 400, 1002, "Object contains unknown field `all`"),
    ("/api/v1/register/issuances?registry=%00", 400, 1002, "registry: control characters are not allowed"),
    ("/api/v1/register/projects?class_id=a%0Ab", 400, 1002, "class_id: control characters are not allowed"),
    ("/api/v1/instruments/%7f", 400, 1002, "instrument: control characters are not allowed"),
    (f"{RIMBA}/book?{'x' * 1001}", 400, 1002, "a query string has at most 1000 characters"),
    ("/api/v1/orders", 404, 1001, "there is nothing at this path"),
    ("/api/v2/instruments", 404, 1001, "there is nothing at this path"),
    ("/../pyproject.toml", 404, 1001, "there is nothing at this path"),
    ("/js/../../pages.py", 404, 1001, "there is nothing at this path"),
    ("/js/%2e%2e/%2e%2e/pages.py", 404, 1001, "there is nothing at this path"),
]
"""Path, then status, code and sentence of the refusal."""


async def test_refused(http: HttpClient) -> None:
    """What cannot be answered is refused with status, code and sentence."""
    refused: list[tuple[str, int, int, str]] = []
    for path, status, _, _ in REFUSED:
        url: Any = URL(path, encoded=True)
        code, _, message = await http.refusal(url, status)
        refused.append((path, status, code, message))
    assert REFUSED == refused


async def test_offending_parameter_is_named(http: HttpClient) -> None:
    """A program finds the offending parameter in the refusal's data."""
    content = await http.json(f"{RIMBA}/book", "ErrorAnswer", 400, depth="many")
    assert {"field": "depth"} == content["error"]["data"]


async def test_nothing_is_changed_over_http(http: HttpClient) -> None:
    """Methods that would change something are refused, and the answer says which are taken."""
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        async with http.session.request(method, "/api/v1/instruments", data=b"x" * 100) as response:
            content = await response.json()
        assert (405, "GET, HEAD") == (response.status, response.headers["Allow"])
        assert (1001, "/api/v1/instruments takes GET, HEAD") == (
            content["error"]["code"],
            content["error"]["message"],
        )


async def test_rate_limit_of_an_address(start_exchange: StartExchange) -> None:
    """An address that asks too often gets 429 with the code and how long to wait; health and page are not counted."""
    exchange = await start_exchange(Limits(http=Rate(per_s=1, burst=3)))
    async with aiohttp.ClientSession(http_address(exchange)) as session:
        http = HttpClient(session)
        for _ in range(3):
            await http.json("/api/v1/instruments", "Instruments")
        response, _ = await http.get("/api/v1/instruments")
        content = await http.json("/schemas/index.json", "ErrorAnswer", 429)
        error = content["error"]
        assert (429, "1") == (response.status, response.headers["Retry-After"])
        assert (2005, "RATE_LIMITED") == (error["code"], error["name"])
        assert 0 < error["data"]["retry_after_ms"] <= 1000
        assert [200, 200, 200] == [(await http.get(path))[0].status for path in ("/health", "/metrics", "/")]


names = st.sampled_from(["limit", "after_trade_id", "interval", "since", "instrument", "x"]) | st.text()
values = st.integers().map(str) | st.sampled_from(["1m", "null", "true", "1e3", "1.5", "\ud800"]) | st.text()


@given(query=st.lists(st.tuples(names, values), max_size=4))
@example(query=[("limit", "9" * 5000)])
def test_any_query_string_is_read_or_refused(query: list[tuple[str, str]]) -> None:
    """Whatever a query string holds, it becomes parameters within their limits or a refusal."""
    request = make_mocked_request(
        "GET",
        str(URL("/x").with_query(MultiDict((n, v.encode(errors="replace").decode()) for n, v in query))),
        match_info={"instrument": "RIMBA-19"},
    )
    outcome: MarketTradesParams | InvalidQuery
    try:
        outcome = read_parameters(request, MarketTradesParams)
    except InvalidQuery as refused:
        outcome = refused
    if isinstance(outcome, InvalidQuery):
        assert len(outcome.message) <= 200
    else:
        assert ("RIMBA-19", True) == (outcome.instrument, 1 <= outcome.limit <= 1000)
