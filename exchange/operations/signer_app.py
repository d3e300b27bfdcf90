"""What the signing process serves on its unix socket, under the paths of the gateways that pass requests on to it."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec
import structlog
from aiohttp import ETag, web

from exchange.domain.rejects import Reject, RejectCode
from exchange.log.heads import HeadsUnusable
from exchange.registry.certificate_files import CONTENT_TYPES, FileFormat
from exchange.registry.certificate_html import content_security_policy
from gateway.http.negotiation import choose
from gateway.http.parameters import read_parameters
from gateway.http.responses import json_response, refusal
from gateway.http.signed import (
    CERTIFICATE_FORMATS,
    CERTIFICATE_PATH,
    HEADS_PATH,
    PUBLIC_KEY_PATH,
    CertificateParams,
    Heads,
    HeadsParams,
    PublicKey,
)
from gateway.websocket.request_forms import NoParams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exchange.log.heads import PublishedHeads
    from exchange.log.signing import VenueKey
    from exchange.operations.certificate_desk import CertificateDesk

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CACHE: Final = "public, max-age=3600"
"""Another version of the program may lay a certificate out differently."""
_HEADS_CACHE: Final = "public, max-age=5"

_FORMATS: Final = {
    CONTENT_TYPES[known].partition(";")[0]: known for known in map(FileFormat, CERTIFICATE_FORMATS)
}

log = structlog.get_logger()


def create_signer_app(desk: CertificateDesk, key: VenueKey, heads: PublishedHeads) -> web.Application:
    """The application. Its answers, refusals included, are those that clients of the gateways get."""
    app = web.Application(middlewares=[_refuse])
    resources = _Resources(desk, key, heads)
    router = app.router
    router.add_get(CERTIFICATE_PATH, resources.certificate)
    for file_format in _FORMATS.values():
        router.add_get(f"{CERTIFICATE_PATH}.{file_format}", resources.certificate_as(file_format))
    router.add_get(HEADS_PATH, resources.heads)
    router.add_get(f"{HEADS_PATH}.jsonl", resources.heads_as_lines)
    router.add_get(PUBLIC_KEY_PATH, resources.public_key)
    router.add_get(f"{PUBLIC_KEY_PATH}.pem", resources.public_key_as_pem)
    return app


class _Resources:
    """The handlers. They raise Reject."""

    def __init__(self, desk: CertificateDesk, key: VenueKey, heads: PublishedHeads) -> None:
        self._desk = desk
        self._key = key
        self._heads = heads

    async def certificate(self, request: web.Request) -> web.Response:
        """In the form that the client likes best."""
        media_type = choose(request.headers.get("Accept", ""), tuple(_FORMATS))
        if media_type is None:
            reject = Reject(RejectCode.INVALID_PARAMS, f"certificates come as {', '.join(_FORMATS)}")
            return refusal(reject, web.HTTPNotAcceptable.status_code)
        response = await self.certificate_as(_FORMATS[media_type])(request)
        response.headers["Vary"] = "Accept, Accept-Encoding"
        return response

    def certificate_as(self, file_format: FileFormat) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A handler for one form."""

        async def serve(request: web.Request) -> web.Response:
            seq = read_parameters(request, CertificateParams).seq
            body = await self._desk.file(seq, file_format)
            tag = ETag(blake2b(body, digest_size=12).hexdigest(), is_weak=True)
            if any(known.value in {tag.value, "*"} for known in request.if_none_match or ()):
                response = web.Response(status=304)
            else:
                response = web.Response(body=body, headers={"Content-Type": CONTENT_TYPES[file_format]})
                if file_format is not FileFormat.PDF:
                    response.enable_compression()
            response.etag = tag
            response.headers["Cache-Control"] = _CACHE
            response.headers["Vary"] = "Accept-Encoding"
            response.headers["Content-Security-Policy"] = (
                f"{content_security_policy()}; frame-ancestors 'none'"
            )
            # A page is looked at, a file is kept.
            shown = "inline" if file_format is FileFormat.HTML else "attachment"
            response.headers["Content-Disposition"] = f'{shown}; filename="retirement-{seq}.{file_format}"'
            return response

        return serve

    async def heads(self, request: web.Request) -> web.Response:
        """A page of published heads."""
        return json_response(request, self._page(request), _HEADS_CACHE)

    async def heads_as_lines(self, request: web.Request) -> web.Response:
        """The same as a file that `exchange certificate verify --heads` takes."""
        page = self._page(request)
        return web.Response(
            body=b"".join(msgspec.json.encode(head) + b"\n" for head in page.heads),
            content_type="application/jsonl",
            headers={"Cache-Control": _HEADS_CACHE},
        )

    def _page(self, request: web.Request) -> Heads:
        params = read_parameters(request, HeadsParams)
        heads = self._heads.since(params.from_seq, params.limit + 1)
        return Heads(heads[: params.limit], heads[-1].seq if len(heads) > params.limit else None)

    async def public_key(self, request: web.Request) -> web.Response:
        """The public key, for programs."""
        read_parameters(request, NoParams)
        answer = PublicKey("Ed25519", self._key.public_hex, self._key.public_pem)
        return json_response(request, answer, _CACHE)

    async def public_key_as_pem(self, request: web.Request) -> web.Response:
        """The public key, for tools such as openssl."""
        read_parameters(request, NoParams)
        return web.Response(
            text=self._key.public_pem,
            content_type="application/x-pem-file",
            headers={"Cache-Control": _CACHE},
        )


@web.middleware
async def _refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals as the gateways' clients know them."""
    try:
        return await handler(request)
    except Reject as reject:
        return refusal(reject)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, HeadsUnusable, OSError):
        log.exception("cannot answer", path=request.path)
        return refusal(Reject(RejectCode.UNAVAILABLE, "this cannot be had now; ask again in a while"))
