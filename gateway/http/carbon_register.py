"""The rest of the public register over HTTP: issuances with their share for buffer pools, reversals, freezes, labels, and what is
deliverable. Who holds what is nobody's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from exchange.domain.carbon.baskets import obstacles
from exchange.domain.carbon.freeze_forms import FreezeCause, FreezeOutcome
from exchange.domain.carbon.knowledge import Known
from exchange.domain.carbon.reversal_forms import ReversalCause
from exchange.domain.deciding import parse_date
from exchange.domain.rejects import Reject, RejectCode
from exchange.registry.serials import text_of
from gateway.http.parameters import read_parameters
from gateway.http.resources import API_PREFIX, Resource
from gateway.http.responses import json_response
from gateway.rendering import known_listing
from gateway.websocket.request_forms import Identifier, IsoDate, NoParams

if TYPE_CHECKING:
    from aiohttp import web

    from exchange.domain.carbon.freezes import Freeze
    from exchange.domain.state import State
    from gateway.core import Gateway

_CACHE = "public, max-age=5"


class IssuanceTotalsParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A page of all issuances, or of those of a credit class."""

    class_id: Identifier = ""
    after_seq: Annotated[int, Meta(ge=0)] = 0
    """Where the page before ended; its `next_after_seq`."""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class IssuanceTotal(msgspec.Struct, frozen=True):
    """What a registry issued at once."""

    seq: int
    class_id: str
    vintage: int
    issued_on: str
    total: int
    """The buffer pool's share included."""
    buffer: int
    buffer_ppm: int
    """The share in millionths."""


class BufferPool(msgspec.Struct, frozen=True):
    """What a registry's pool has left for reversals."""

    registry: str
    units: int


class IssuanceTotals(msgspec.Struct, frozen=True):
    """Issuances in the order of the log, and all pools."""

    seq: int
    issuances: list[IssuanceTotal]
    next_after_seq: int | None
    """None: there was nothing more."""
    buffer_pools: list[BufferPool]


class RegisteredReversal(msgspec.Struct, frozen=True):
    """Tonnes that went back into the air, and what makes them good."""

    reference: str
    registry: str
    project: str
    cause: ReversalCause
    occurred_on: str
    reason: str
    quantity: int
    retired_by_pool: int
    uncovered: int
    owed: int
    """By the project's owner, still."""


class Reversals(msgspec.Struct, frozen=True):
    """All reversals, in the order of the log."""

    seq: int
    reversals: list[RegisteredReversal]


class RegisteredFreeze(msgspec.Struct, frozen=True):
    """Serial numbers that are kept from moving, or were."""

    freeze: str
    cause: FreezeCause
    reason: str
    serials: list[str]
    quantity: int
    frozen_here: int
    """Units of them that accounts here have; others were retired, went away, or never came in."""
    instruments: list[str]
    """Baskets and single classes that those units deliver into."""
    declared_seq: int
    ended_seq: int
    """0: it is live."""
    outcome: FreezeOutcome | None


class Freezes(msgspec.Struct, frozen=True):
    """All freezes, in the order of the log."""

    seq: int
    freezes: list[RegisteredFreeze]


class LabelsParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A credit class."""

    class_id: Identifier


class LabelStatement(msgspec.Struct, frozen=True):
    """Somebody said that the class has a label on some days, or has not; of what was said of a day the last word counts."""

    label: str
    holds: bool
    valid_from: str
    """Empty: the class was registered with it."""
    valid_until: str
    """Last day; empty: for good."""
    recorded_on: str
    """Business date from which it is known."""
    seq: int


class Labels(msgspec.Struct, frozen=True):
    """What a class is labelled with today, and all that was ever said of it."""

    seq: int
    class_id: str
    today: list[str]
    statements: list[LabelStatement]


class DeliverableParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whether a class delivers into an instrument."""

    instrument: Identifier
    class_id: Identifier
    valid_on: IsoDate = ""
    """The day that is asked about; default: the present business date."""
    known_on: IsoDate = ""
    """As it was known by the end of this business date; default: now."""


class Deliverable(msgspec.Struct, frozen=True):
    """The answer, and everything that stands against it."""

    seq: int
    instrument: str
    class_id: str
    valid_on: str
    known_on: str
    deliverable: bool
    obstacles: list[str]


RESOURCES = (
    Resource("/register/issuance-totals", IssuanceTotalsParams, IssuanceTotals),
    Resource("/register/reversals", NoParams, Reversals),
    Resource("/register/freezes", NoParams, Freezes),
    Resource("/register/labels", LabelsParams, Labels),
    Resource("/instruments/{instrument}/deliverable", DeliverableParams, Deliverable),
)


class CarbonRegister:
    """The handlers of the resources. They raise Reject."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Route every resource."""
        handlers = (self._issuance_totals, self._reversals, self._freezes, self._labels, self._deliverable)
        for resource, handler in zip(RESOURCES, handlers, strict=True):
            router.add_get(API_PREFIX + resource.path, handler)

    @property
    def _state(self) -> State:
        return self._gateway.replica.state

    async def _issuance_totals(self, request: web.Request) -> web.Response:
        params = read_parameters(request, IssuanceTotalsParams)
        state = self._state
        issuances = state.carbon.issuances
        if params.class_id:
            _require_class(state, params.class_id)
        found = sorted(
            (issuance.seq, class_id, issuance)
            for class_id, issued in issuances.of_class.items()
            if params.class_id in ("", class_id)
            for issuance in issued
            if issuance.seq > params.after_seq
        )
        page = found[: params.limit]
        rows = [
            IssuanceTotal(
                seq,
                class_id,
                state.classes[class_id].vintage,
                issuance.issued_on,
                issuance.total,
                issuance.buffer,
                issuance.buffer_ppm,
            )
            for seq, class_id, issuance in page
        ]
        pools = [BufferPool(registry, issuances.pool_units(registry)) for registry in sorted(issuances.pools)]
        next_after_seq = page[-1][0] if len(found) > len(page) else None
        return json_response(request, IssuanceTotals(state.last_seq, rows, next_after_seq, pools), _CACHE)

    async def _reversals(self, request: web.Request) -> web.Response:
        read_parameters(request, NoParams)
        state = self._state
        rows = [
            RegisteredReversal(
                reference,
                reversal.registry,
                reversal.project,
                reversal.cause,
                reversal.occurred_on,
                reversal.reason,
                reversal.quantity,
                sum(draw.quantity for draw in reversal.drawn),
                reversal.uncovered,
                reversal.owed,
            )
            for reference, reversal in state.carbon.reversals.by_reference.items()
        ]
        return json_response(request, Reversals(state.last_seq, rows), _CACHE)

    async def _freezes(self, request: web.Request) -> web.Response:
        read_parameters(request, NoParams)
        state = self._state
        rows = [_freeze(state, freeze_id, freeze) for freeze_id, freeze in state.carbon.freezes.by_id.items()]
        return json_response(request, Freezes(state.last_seq, rows), _CACHE)

    async def _labels(self, request: web.Request) -> web.Response:
        params = read_parameters(request, LabelsParams)
        state, class_id = self._state, params.class_id
        _require_class(state, class_id)
        labels = state.carbon.labels
        statements = [
            LabelStatement(
                label,
                said.holds,
                said.valid_from,
                said.valid_until,
                said.stamp.recorded_on,
                said.stamp.seq,
            )
            for label, everything in sorted(labels.statements.get(class_id, {}).items())
            for said in everything
        ]
        today = labels.of_class(class_id, state.business_date)
        return json_response(request, Labels(state.last_seq, class_id, today, statements), _CACHE)

    async def _deliverable(self, request: web.Request) -> web.Response:
        params = read_parameters(request, DeliverableParams)
        state, class_id = self._state, params.class_id
        instrument = known_listing(state, params.instrument).instrument
        _require_class(state, class_id)
        valid_on = parse_date(params.valid_on or state.business_date).isoformat()
        known_on = parse_date(params.known_on or state.business_date).isoformat()
        found = obstacles(state, instrument, class_id, valid_on, Known(on=known_on))
        answer = Deliverable(
            state.last_seq, instrument.symbol, class_id, valid_on, known_on, not found, found
        )
        return json_response(request, answer, _CACHE)


def _require_class(state: State, class_id: str) -> None:
    if class_id not in state.classes:
        raise Reject(RejectCode.UNKNOWN_CLASS, f"{class_id!r} is not a registered credit class")


def _freeze(state: State, freeze_id: str, freeze: Freeze) -> RegisteredFreeze:
    held = list(state.frozen.overlaps(freeze.blocks)) if not freeze.ended_by else []
    classes = {class_id for _, class_id, _ in held}
    return RegisteredFreeze(
        freeze=freeze_id,
        cause=freeze.cause,
        reason=freeze.reason,
        serials=[text_of(block) for block in freeze.blocks],
        quantity=sum(block.quantity for block in freeze.blocks),
        frozen_here=sum(block.quantity for _, _, block in held),
        instruments=[
            symbol
            for symbol, listing in sorted(state.listings.items())
            if not classes.isdisjoint(listing.deliverable)
        ],
        declared_seq=freeze.seq,
        ended_seq=freeze.ended_by,
        outcome=freeze.outcome,
    )
