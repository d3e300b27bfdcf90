"""What the venue signs, for everybody: certificates of retirement, published heads of the log, and the key to check them.

No gateway has the venue's private key. A process of its own has it and signs; gateways pass these requests on to its unix
socket, and the answers back. Laying out a certificate is work: it is done there, beside trading, and one at a time.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, UnixConnector, web
from msgspec import Meta

from exchange.domain.rejects import Reject, RejectCode
from exchange.log.heads import SignedHead
from exchange.registry.certificate import SignedCertificate
from gateway.http.protection import AddressRates
from gateway.http.resources import API_PREFIX, Resource
from gateway.rate_limits import TryLater
from gateway.websocket.request_forms import NoParams, Seq

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.limits import Limits

CERTIFICATE_PATH: Final = f"{API_PREFIX}/retirements/{{seq}}/certificate"
CERTIFICATE_FORMATS: Final = ("html", "pdf", "json")
HEADS_PATH: Final = f"{API_PREFIX}/heads"
PUBLIC_KEY_PATH: Final = f"{API_PREFIX}/public-key"

MOST_REQUESTS: Final = 64
"""Requests that one gateway has with the signing process at most."""

_LIMIT_S: Final = 30.0
_BUSY_RETRY_MS: Final = 2_000
_PASSED_ON: Final = ("Accept", "Accept-Encoding", "If-None-Match")
_PASSED_BACK: Final = (
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Security-Policy",
    "Content-Type",
    "ETag",
    "Retry-After",
    "Vary",
)

log = structlog.get_logger()


class CertificateParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The retirement at an event of the log."""

    seq: Seq


class HeadsParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Published heads in the order of their events."""

    from_seq: Seq = 0
    """The first event of which the head is wanted."""
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class Heads(msgspec.Struct, frozen=True):
    """Published heads in the order of their events, each signed."""

    heads: list[SignedHead]
    next_from_seq: int | None
    """Ask with this `from_seq` for the next page; none: there are no more."""


class PublicKey(msgspec.Struct, frozen=True):
    """The public half of the key that signs heads and certificates."""

    algorithm: str
    """`Ed25519`."""
    public_key: str
    """32 bytes as hexadecimal text, as certificates name it."""
    pem: str
    """The same as SubjectPublicKeyInfo in PEM."""


RESOURCES = (
    Resource("/retirements/{seq}/certificate.json", CertificateParams, SignedCertificate),
    Resource("/heads", HeadsParams, Heads),
    Resource("/public-key", NoParams, PublicKey),
)


class SignedResources:
    """Passes requests on to the signing process and its answers back."""

    def __init__(self, socket: Path, limits: Limits) -> None:
        self._socket = socket
        self._rates = AddressRates(limits.certificates)
        self._turns = asyncio.Semaphore(MOST_REQUESTS)
        self._session: ClientSession

    def add_routes(self, app: web.Application) -> None:
        """Route every resource; the connections to the signing process live as long as the application."""
        router = app.router
        for suffix in ("", *(f".{known}" for known in CERTIFICATE_FORMATS)):
            router.add_get(CERTIFICATE_PATH + suffix, self._certificate)
        for path in (HEADS_PATH, f"{HEADS_PATH}.jsonl", PUBLIC_KEY_PATH, f"{PUBLIC_KEY_PATH}.pem"):
            router.add_get(path, self._pass_on)
        app.cleanup_ctx.append(self._connected)

    async def _connected(self, _app: web.Application) -> AsyncIterator[None]:
        async with ClientSession(
            "http://signer",
            connector=UnixConnector(str(self._socket)),
            timeout=ClientTimeout(total=_LIMIT_S),
            cookie_jar=DummyCookieJar(),
            # Bodies go through as they are, compressed or not.
            auto_decompress=False,
        ) as session:
            self._session = session
            yield

    async def _certificate(self, request: web.Request) -> web.Response:
        self._rates.demand(request.remote or "local", time.monotonic_ns(), "certificates for one address")
        return await self._pass_on(request)

    async def _pass_on(self, request: web.Request) -> web.Response:
        if self._turns.locked():
            raise TryLater(RejectCode.BUSY, "too many certificates are asked for now", _BUSY_RETRY_MS)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        headers.setdefault("Accept-Encoding", "identity")
        try:
            async with self._turns, self._session.get(request.rel_url, headers=headers) as answer:
                return web.Response(
                    status=answer.status,
                    body=await answer.read(),
                    headers={name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers},
                )
        except (ClientError, OSError, TimeoutError) as error:
            log.warning("the signing process does not answer", error=repr(error))
            raise Reject(
                RejectCode.UNAVAILABLE, "what the venue signs cannot be had now; ask again in a while"
            ) from error
