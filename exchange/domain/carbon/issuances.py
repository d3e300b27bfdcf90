"""Issuances per vintage, and the buffer pools that part of them goes into.

Registries keep a share of what projects with a risk of reversal issue (forests, soils) in one pool per registry, as
insurance for all of them: VCS AFOLU Non-Permanence Risk Tool; Climate Action Reserve, Mexico Forest Protocol, section 7;
California's Cap-and-Trade Regulation, 17 CCR 95983. A pool's units are nobody's and never trade.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.issuance_forms import Draw, IssuanceRecorded, RecordIssuance
from exchange.domain.carbon.obstacles import check_issuance
from exchange.domain.deciding import DuplicateRequest, parse_date, require_operator
from exchange.domain.instruments import PPM
from exchange.domain.money import MAX_AMOUNT
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import (
    OWN_REGISTRY,
    SerialBlock,
    after_first,
    check_blocks,
    first_of,
    require_new_serials,
)
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exchange.domain.deciding import Deciding
    from exchange.domain.events import UnitsIssued
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.instruments import CreditClass
    from exchange.domain.state import State

OLDEST_VINTAGE = "oldest-vintage/1"
"""The pool gives oldest vintages first, projects in the order of their ids within a vintage, and issuances in the order in
which they were made: what California's register shows of the buffer credits that it retired."""


class Issuance(msgspec.Struct, frozen=True):
    """Units of a class that a registry issued at once."""

    seq: int
    issued_on: str
    total: int
    """The buffer's share included."""
    buffer: int
    reference: str

    @property
    def buffer_ppm(self) -> int:
        """The buffer's share of the total in millionths, rounded half up."""
        return (2 * self.buffer * PPM + self.total) // (2 * self.total)


class Contribution(msgspec.Struct, frozen=True):
    """What a pool still has of one issuance."""

    issuance: int
    """Seq of the event."""
    class_id: str
    vintage: int
    project: str
    quantity: int
    blocks: tuple[SerialBlock, ...] = ()
    """Empty where the serials are not known; otherwise they add up to the quantity."""

    def order(self) -> tuple[int, str, int]:
        """The place in the order of `OLDEST_VINTAGE`."""
        return self.vintage, self.project, self.issuance

    def less(self, draw: Draw) -> Contribution:
        """What is left after a draw."""
        left = after_first(self.blocks, draw.quantity)
        return msgspec.structs.replace(self, quantity=self.quantity - draw.quantity, blocks=left)


class Issuances(msgspec.Struct, eq=False):
    """All issuances by class, and the pools by registry."""

    of_class: dict[str, list[Issuance]] = {}
    pools: dict[str, list[Contribution]] = {}
    """Contributions in the order of `OLDEST_VINTAGE`; none is empty."""

    def pool_units(self, registry: str) -> int:
        """What the pool of a registry has."""
        return sum(contribution.quantity for contribution in self.pools.get(registry, ()))


def choose_draws(pool: Iterable[Contribution], quantity: int) -> tuple[Draw, ...]:
    """What the pool gives for a reversal by the rule `OLDEST_VINTAGE`; less than the quantity where it has no more."""
    draws = []
    missing = quantity
    for contribution in pool:
        if not missing:
            break
        taken = min(contribution.quantity, missing)
        missing -= taken
        draws.append(
            Draw(contribution.issuance, contribution.class_id, taken, first_of(contribution.blocks, taken))
        )
    return tuple(draws)


def record_issuance(venue: Deciding, command: RecordIssuance) -> None:
    """Note what a registry issued."""
    state = venue.state
    require_operator(state, command.by)
    check_id(command.reference, "reference")
    credit_class = state.classes.get(command.class_id)
    if credit_class is None:
        raise Reject(RejectCode.UNKNOWN_CLASS, f"{command.class_id!r} is not a registered credit class")
    event = IssuanceRecorded(
        command.by,
        command.class_id,
        command.issued_on,
        command.total,
        command.buffer,
        command.reference,
        command.buffer_blocks,
    )
    _check_once(state, event)
    if credit_class.registry == OWN_REGISTRY:
        raise Reject(RejectCode.NOT_PERMITTED, f"units of {OWN_REGISTRY} are issued here, not noted")
    parse_date(command.issued_on)
    if not (0 < command.total <= MAX_AMOUNT and 0 <= command.buffer < command.total):
        raise Reject(
            RejectCode.INVALID_AMOUNT,
            f"a total lies between 1 and {MAX_AMOUNT}, and the buffer's share below it",
        )
    check_issuance(state, credit_class)
    if command.buffer_blocks:
        check_blocks(credit_class.registry, command.buffer_blocks, command.buffer)
        require_new_serials(state.custody, command.buffer_blocks)
    venue.emit(event)


def _check_once(state: State, event: IssuanceRecorded) -> None:
    for earlier in state.carbon.issuances.of_class.get(event.class_id, ()):
        if earlier.reference == event.reference:
            if (earlier.issued_on, earlier.total, earlier.buffer) == (
                event.issued_on,
                event.total,
                event.buffer,
            ):
                raise DuplicateRequest(earlier.seq)
            raise Reject(
                RejectCode.REFERENCE_REUSED,
                f"reference {event.reference!r} names another issuance of the class",
            )


def _issuance_recorded(state: State, seq: int, event: IssuanceRecorded) -> None:
    issuance = Issuance(seq, event.issued_on, event.total, event.buffer, event.reference)
    _add(state, state.classes[event.class_id], issuance, event.buffer_blocks)


def units_issued(state: State, seq: int, event: UnitsIssued) -> None:
    """What the venue's own registry issued is an issuance like others."""
    blocks = () if event.buffer is None else (event.buffer,)
    buffer = sum(block.quantity for block in blocks)
    issuance = Issuance(seq, state.business_date, event.block.quantity + buffer, buffer, event.reference)
    _add(state, state.classes[event.class_id], issuance, blocks)


def _add(
    state: State, credit_class: CreditClass, issuance: Issuance, blocks: tuple[SerialBlock, ...]
) -> None:
    issuances = state.carbon.issuances
    issuances.of_class.setdefault(credit_class.class_id, []).append(issuance)
    if not issuance.buffer:
        return
    for block in blocks:
        # Never in an account, and never to come into one.
        state.custody.add(credit_class.class_id, block)
    pool = issuances.pools.setdefault(credit_class.registry, [])
    pool.append(
        Contribution(
            issuance.seq,
            credit_class.class_id,
            credit_class.vintage,
            credit_class.project,
            issuance.buffer,
            blocks,
        )
    )
    pool.sort(key=Contribution.order)


def take_draws(issuances: Issuances, registry: str, draws: tuple[Draw, ...]) -> None:
    """Take out of a pool what it gave; raises `ValueError` where it does not have that."""
    taken = {draw.issuance: draw for draw in draws}
    left = []
    for contribution in issuances.pools.get(registry, []):
        draw = taken.pop(contribution.issuance, None)
        rest = contribution if draw is None else contribution.less(draw)
        if rest.quantity < 0:
            raise ValueError(f"the pool of {registry} has no {draw}")
        if rest.quantity:
            left.append(rest)
    if taken:
        raise ValueError(f"the pool of {registry} has nothing of issuances {sorted(taken)}")
    issuances.pools[registry] = left


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {RecordIssuance: record_issuance}
RECORDERS: dict[type[Event], Callable[..., None]] = {IssuanceRecorded: _issuance_recorded}
