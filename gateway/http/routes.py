"""Adds the HTTP side to the application of a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.http.carbon_register import CarbonRegister
from gateway.http.cooperation import CooperationResources
from gateway.http.disclosure import DisclosureResources
from gateway.http.ex_ante import ExAnteResource
from gateway.http.fix_client_files import add_fix_client_routes
from gateway.http.health import HealthCheck
from gateway.http.market import MarketData
from gateway.http.metrics import Metrics
from gateway.http.protection import AddressRates, make_middleware
from gateway.http.register import Register
from gateway.http.schemas import add_schema_routes
from gateway.http.signed import SignedResources
from gateway.web.pages import Pages

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from gateway.core import Gateway


def add_routes(app: web.Application, gateway: Gateway, signer_socket: Path) -> None:
    """Health, metrics, public market data and register, what the venue signs, schemas and the page; and what protects all of them."""
    metrics = Metrics(gateway)
    app.middlewares.append(make_middleware(AddressRates(gateway.limits.http), metrics))
    router = app.router
    router.add_get("/health", HealthCheck(gateway).handle)
    router.add_get("/metrics", metrics.handle)
    MarketData(gateway).add_routes(router)
    Register(gateway).add_routes(router)
    CarbonRegister(gateway).add_routes(router)
    CooperationResources(gateway).add_routes(router)
    ExAnteResource(gateway).add_routes(router)
    DisclosureResources(gateway).add_routes(router)
    SignedResources(signer_socket, gateway.limits).add_routes(app)
    add_schema_routes(router)
    add_fix_client_routes(router)
    Pages.load().add_routes(router)
