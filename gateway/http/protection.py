"""What every HTTP request and answer goes through: rate limits, refusals as JSON, cross-origin rules, security headers."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from exchange.domain.rejects import Reject, RejectCode
from gateway.http.resources import API_PREFIX
from gateway.http.responses import refusal
from gateway.rate_limits import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.http.metrics import Metrics
    from gateway.limits import Rate

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger()

MAX_ADDRESSES = 10_000
"""Addresses whose rates are remembered; beyond, the one that was silent longest is forgotten."""

SECURITY_HEADERS = {
    # No inline script or style, nothing from other hosts; the page is in no frame and sends no form anywhere.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # No version numbers of what serves.
    "Server": "carbon-exchange",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

_PUBLIC_PREFIXES = (f"{API_PREFIX}/", "/schemas/")
"""What pages of other origins may read: it is public and read-only."""
_CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "As-Of-Seq, ETag, Link, Retry-After",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_PREFLIGHT_HEADERS = {
    "Allow": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Accept, If-None-Match",
    "Access-Control-Max-Age": "86400",
}


class AddressRates:
    """One token bucket for each client address, for a bounded number of them."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def demand(self, address: str, now_ns: int, what: str = "requests of one address") -> None:
        """Take a token of the address; raises Throttled."""
        buckets = self._buckets
        bucket = buckets.get(address)
        if bucket is None:
            if len(buckets) >= MAX_ADDRESSES:
                buckets.popitem(last=False)
            bucket = buckets[address] = TokenBucket(self._rate)
        else:
            buckets.move_to_end(address)
        bucket.demand(now_ns, what)


def is_public(path: str) -> bool:
    """Whether a path is public market data or a schema."""
    return path.startswith(_PUBLIC_PREFIXES)


def make_middleware(rates: AddressRates, metrics: Metrics) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The middleware of the application; answers that have begun, such as websockets, pass untouched."""

    @web.middleware
    async def protect(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await _answer(request, handler, rates)
        if not response.prepared:
            for name, value in SECURITY_HEADERS.items():
                # A certificate brings a policy of its own, which is stricter but for its style.
                response.headers.setdefault(name, value)
            if is_public(request.path) and request.method in {"GET", "HEAD", "OPTIONS"}:
                response.headers.update(_CORS_HEADERS)
            else:
                response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        metrics.count_http(_route_of(request), request.method, response.status)
        return response

    return protect


async def _answer(request: web.Request, handler: Handler, rates: AddressRates) -> web.StreamResponse:
    try:
        if is_public(request.path):
            rates.demand(request.remote or "local", time.monotonic_ns())
            if request.method == "OPTIONS":
                return web.Response(status=204, headers=_PREFLIGHT_HEADERS)
        return await handler(request)
    except Reject as reject:
        return refusal(reject)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        response = refusal(Reject(RejectCode.UNKNOWN_METHOD, f"{request.path} takes {allowed}"), error.status)
        response.headers["Allow"] = allowed
        return response
    except web.HTTPNotFound as error:
        return refusal(Reject(RejectCode.UNKNOWN_METHOD, "there is nothing at this path"), error.status)
    except web.HTTPException as error:
        return refusal(Reject(RejectCode.INVALID_PARAMS, error.reason), error.status)
    except Exception:
        log.exception("internal error", path=request.path)
        return refusal(Reject(RejectCode.UNAVAILABLE, "an internal error; it is in the log"), 500)


def _route_of(request: web.Request) -> str:
    """The path as it was declared: metrics have no label for every symbol that somebody asks for."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"
