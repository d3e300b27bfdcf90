"""Article 6.2 and CORSIA over HTTP: who authorised what, and which credits aviation may use. For anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.article6_forms import Authorisation, CooperativeApproach
from exchange.domain.carbon.corsia import CANCELLED_BY, obstacles
from exchange.domain.carbon.corsia_forms import CorsiaPeriod
from exchange.domain.carbon.party_forms import Party
from exchange.domain.deciding import parse_date
from gateway.http.parameters import read_parameters
from gateway.http.resources import API_PREFIX, Resource
from gateway.http.responses import json_response
from gateway.websocket.request_forms import IsoDate, NoParams

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.core import Gateway

_CACHE = "public, max-age=60"


class SafeguardReport(msgspec.Struct, frozen=True):
    """A Party's report on the safeguards of an approach."""

    party: str
    approach_id: str
    reported_on: str
    document: str


class Cooperation(msgspec.Struct, frozen=True):
    """Parties, cooperative approaches, authorisations and reports, each in the order of registration."""

    seq: int
    parties: list[Party]
    approaches: list[CooperativeApproach]
    authorisations: list[Authorisation]
    safeguard_reports: list[SafeguardReport]


class CorsiaParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A compliance period, and a date by whose end everything must be in place."""

    period: CorsiaPeriod
    date: IsoDate = ""
    """Default: the present business date."""


class ClassEligibility(msgspec.Struct, frozen=True):
    """Whether units of a class may be used."""

    class_id: str
    eligible: bool
    obstacles: list[str]
    """Why not."""


class CorsiaEligibility(msgspec.Struct, frozen=True):
    """All credit classes, in the order of registration."""

    seq: int
    period: CorsiaPeriod
    date: str
    cancelled_by: str
    """Last date on which units can be cancelled for the period."""
    classes: list[ClassEligibility]


RESOURCES = (
    Resource("/article6", NoParams, Cooperation),
    Resource("/corsia/{period}", CorsiaParams, CorsiaEligibility),
)


class CooperationResources:
    """The handlers of the resources. They raise Reject."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Route both resources."""
        for resource, handler in zip(RESOURCES, (self._article6, self._corsia), strict=True):
            router.add_get(API_PREFIX + resource.path, handler)

    async def _article6(self, request: web.Request) -> web.Response:
        read_parameters(request, NoParams)
        state = self._gateway.replica.state
        article6 = state.carbon.article6
        answer = Cooperation(
            state.last_seq,
            list(state.carbon.parties.known.values()),
            list(article6.approaches.values()),
            list(article6.authorisations.values()),
            [
                SafeguardReport(report.party, report.approach_id, report.reported_on, report.document)
                for report in article6.safeguards
            ],
        )
        return json_response(request, answer, _CACHE)

    async def _corsia(self, request: web.Request) -> web.Response:
        params = read_parameters(request, CorsiaParams)
        state = self._gateway.replica.state
        date = parse_date(params.date or state.business_date).isoformat()
        classes = []
        for class_id in state.classes:
            found = obstacles(state, class_id, params.period, date)
            classes.append(ClassEligibility(class_id, not found, found))
        answer = CorsiaEligibility(state.last_seq, params.period, date, CANCELLED_BY[params.period], classes)
        return json_response(request, answer, _CACHE)
