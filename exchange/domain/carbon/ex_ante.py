"""Ex-ante ("potential") credits: issued for emissions that are expected to be avoided, such as by disaster prevention.

They are a class of their own kind: listed and traded, but never retired, never in one instrument with verified credits, and
never issued beyond the newest estimate. What is verified becomes ex-post units one to one in the hands of whoever holds it; what is
not, expires. ICVCM's Core Carbon Principles ask that reductions be determined ex post, which is why the two kinds must not
mix; conversion as verified is how the Gold Standard treats its Planned Emission Reductions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.ex_ante_forms import (
    ConvertExAnte,
    EstimateExAnte,
    ExAnteEstimated,
    ExAnteExpired,
    ExAnteVerified,
    ExpireExAnte,
    UnitsConverted,
    UnitsExpired,
)
from exchange.domain.carbon.ex_ante_model import check_sha256, run
from exchange.domain.carbon.ex_ante_shares import PRO_RATA, shares, units_held
from exchange.domain.carbon.obstacles import check_not_frozen
from exchange.domain.deciding import DuplicateRequest, require_operator
from exchange.domain.events import CancelReason
from exchange.domain.executions import cancel_orders
from exchange.domain.ledger import OUTSIDE
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import MAX_SERIAL, OWN_REGISTRY, SerialBlock, own_batch, units_by_class
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.instruments import CreditClass
    from exchange.domain.ledger import Postings
    from exchange.domain.serials import ClassBlock
    from exchange.domain.state import State


class Estimate(msgspec.Struct, frozen=True):
    """An estimate as it stands on the log."""

    seq: int
    fact: ExAnteEstimated


class Done(msgspec.Struct, frozen=True):
    """The idempotency record of a conversion or expiry."""

    seq: int
    body: tuple[str, ...]


class ExAnteBook(msgspec.Struct, eq=False):
    """What is known of ex-ante classes, by class id."""

    estimates: dict[str, list[Estimate]] = {}
    """Oldest first."""
    converted: dict[str, int] = {}
    expired: dict[str, int] = {}
    done: dict[str, dict[str, Done]] = {}
    """By reference."""

    def estimated(self, class_id: str) -> int:
        """Units that the newest estimate allows; 0 without one."""
        known = self.estimates.get(class_id)
        return known[-1].fact.units if known else 0


# Deciders.


def estimate(venue: Deciding, command: EstimateExAnte) -> None:
    """Compute an estimate from its evidence and put both on record."""
    state = venue.state
    require_operator(state, command.by)
    credit_class = _ex_ante_class(state, command.class_id)
    for known in state.carbon.ex_ante.estimates.get(command.class_id, ()):
        if known.fact.evidence_sha256 == command.evidence_sha256:
            if known.fact.evidence == command.evidence:
                raise DuplicateRequest(known.seq)
            raise Reject(RejectCode.REFERENCE_REUSED, "evidence of this digest was other evidence before")
    check_sha256(command.evidence_sha256)
    if command.evidence.project != credit_class.project:
        raise Reject(
            RejectCode.EX_ANTE_ESTIMATE_INVALID,
            f"the evidence is of project {command.evidence.project!r}, the class of {credit_class.project!r}",
        )
    computed = run(command.evidence, command.evidence_sha256)
    venue.emit(
        ExAnteEstimated(
            command.by,
            command.class_id,
            computed.model,
            command.evidence,
            command.evidence_sha256,
            computed.years,
            computed.units,
            computed.sha256(),
        )
    )


def convert(venue: Deciding, command: ConvertExAnte) -> None:
    """Let verified units become ex-post ones, whoever holds them."""
    state = venue.state
    require_operator(state, command.by)
    _check_once(state, command.class_id, command.reference, _conversion_body(command))
    credit_class = _ex_ante_class(state, command.class_id)
    check_sha256(command.report_sha256)
    _check_target(state, credit_class, command.to_class_id)
    last = state.issued.get(command.to_class_id, 0)
    _check_quantity(state, command.class_id, command.quantity)
    if last + command.quantity > MAX_SERIAL:
        raise Reject(RejectCode.EX_ANTE_CONVERSION_INVALID, f"{command.to_class_id} has no serials left")
    batch = own_batch(command.to_class_id)
    check_not_frozen(state, (SerialBlock(OWN_REGISTRY, batch, last + 1, last + command.quantity),))
    _cancel_sales(venue, command.class_id, command.by)
    converting = shares(state, command.class_id, command.quantity)
    verification = venue.emit(
        ExAnteVerified(
            command.by,
            command.class_id,
            command.to_class_id,
            command.quantity,
            command.report_sha256,
            PRO_RATA,
            command.reference,
        )
    )
    for share in converting:
        venue.emit(
            UnitsConverted(
                share.account,
                command.class_id,
                share.blocks,
                command.to_class_id,
                SerialBlock(OWN_REGISTRY, batch, last + 1, last + share.quantity),
                verification,
                command.reference,
                share.trade,
            )
        )
        last += share.quantity


def expire(venue: Deciding, command: ExpireExAnte) -> None:
    """End units of what did not come or was not verified, whoever holds them."""
    state = venue.state
    require_operator(state, command.by)
    _check_once(state, command.class_id, command.reference, _expiry_body(command))
    _ex_ante_class(state, command.class_id)
    _check_quantity(state, command.class_id, command.quantity)
    _cancel_sales(venue, command.class_id, command.by)
    expiring = shares(state, command.class_id, command.quantity)
    expiry = venue.emit(
        ExAnteExpired(
            command.by, command.class_id, command.quantity, command.reason, PRO_RATA, command.reference
        )
    )
    for share in expiring:
        venue.emit(UnitsExpired(share.account, command.class_id, share.blocks, expiry, share.trade))


def _ex_ante_class(state: State, class_id: str) -> CreditClass:
    """A class of the venue's own registry that says itself that it is ex-ante: a project's description may change."""
    credit_class = state.classes.get(class_id)
    if credit_class is None:
        raise Reject(RejectCode.UNKNOWN_CLASS, f"{class_id!r} is not a registered credit class")
    if credit_class.registry != OWN_REGISTRY or not credit_class.is_declared_ex_ante:
        raise Reject(
            RejectCode.NOT_EX_ANTE, f"{class_id} is no class of {OWN_REGISTRY} that was registered as ex-ante"
        )
    return credit_class


def _check_target(state: State, credit_class: CreditClass, to_class_id: str) -> None:
    target = state.classes.get(to_class_id)
    if target is None:
        raise Reject(RejectCode.UNKNOWN_CLASS, f"{to_class_id!r} is not a registered credit class")
    problem = ""
    if target.registry != OWN_REGISTRY or target.project != credit_class.project:
        problem = "is no class of the same project"
    elif state.carbon.projects.is_ex_ante(target):
        problem = "is ex-ante, too"
    elif target.unit is not credit_class.unit:
        problem = f"counts {target.unit.value}"
    if problem:
        raise Reject(RejectCode.EX_ANTE_CONVERSION_INVALID, f"{to_class_id} {problem}")


def _check_quantity(state: State, class_id: str, quantity: int) -> None:
    held = units_held(state, class_id)
    if held != state.ledger.supply.get(class_id, 0):
        raise Reject(
            RejectCode.UNITS_FROZEN, f"some units of {class_id} are frozen; release them before they change"
        )
    if not 0 < quantity <= held:
        raise Reject(
            RejectCode.EX_ANTE_CONVERSION_INVALID, f"{quantity} units: there are {held} of {class_id}"
        )


def _check_once(state: State, class_id: str, reference: str, body: tuple[str, ...]) -> None:
    check_id(reference, "reference")
    earlier = state.carbon.ex_ante.done.get(class_id, {}).get(reference)
    if earlier is None:
        return
    if earlier.body == body:
        raise DuplicateRequest(earlier.seq)
    raise Reject(
        RejectCode.REFERENCE_REUSED, f"reference {reference!r} was used for something else on {class_id}"
    )


def _cancel_sales(venue: Deciding, class_id: str, by: str) -> None:
    """End the orders that would deliver the class: what they offer is about to be something else."""
    order_ids = [
        order_id
        for order_id, order in sorted(venue.state.orders.items())
        if any(held == class_id for held, _ in order.deliver)
    ]
    cancel_orders(venue, order_ids, CancelReason.CLASS_CHANGED, by)


def _conversion_body(command: ConvertExAnte | ExAnteVerified) -> tuple[str, ...]:
    return (ExAnteVerified.kind, command.to_class_id, str(command.quantity), command.report_sha256)


def _expiry_body(command: ExpireExAnte | ExAnteExpired) -> tuple[str, ...]:
    return (ExAnteExpired.kind, str(command.quantity), command.reason)


# Recorders and ledger entries.


def _estimated(state: State, seq: int, event: ExAnteEstimated) -> None:
    state.carbon.ex_ante.estimates.setdefault(event.class_id, []).append(Estimate(seq, event))


def _verified(state: State, seq: int, event: ExAnteVerified) -> None:
    book = state.carbon.ex_ante
    book.converted[event.class_id] = book.converted.get(event.class_id, 0) + event.quantity
    book.done.setdefault(event.class_id, {})[event.reference] = Done(seq, _conversion_body(event))


def _units_converted(state: State, _seq: int, event: UnitsConverted) -> None:
    state.custody.add(event.to_class_id, event.to_block)
    state.issued[event.to_class_id] = event.to_block.last
    if event.trade:
        _change_locked(state, event.trade, event.blocks, ((event.to_class_id, event.to_block),))
    else:
        state.holdings.remove(event.account, event.class_id, event.blocks)
        state.holdings.give(event.account, event.to_class_id, (event.to_block,))


def _expired(state: State, seq: int, event: ExAnteExpired) -> None:
    book = state.carbon.ex_ante
    book.expired[event.class_id] = book.expired.get(event.class_id, 0) + event.quantity
    book.done.setdefault(event.class_id, {})[event.reference] = Done(seq, _expiry_body(event))


def _units_expired(state: State, _seq: int, event: UnitsExpired) -> None:
    if event.trade:
        _change_locked(state, event.trade, event.blocks, ())
    else:
        state.holdings.remove(event.account, event.class_id, event.blocks)


def _change_locked(
    state: State, trade: int, gone: tuple[SerialBlock, ...], arrived: tuple[ClassBlock, ...]
) -> None:
    """Take units off what is locked for a trade, and lock what came in their place: the trade will deliver that."""
    state.holdings.change_locked(trade, gone, arrived)
    obligation = state.obligations[trade]
    delivered = units_by_class(state.holdings.locked[trade])
    settled = msgspec.structs.replace(obligation.settled, delivered=delivered)
    state.obligations[trade] = msgspec.structs.replace(obligation, settled=settled)


def _converted_entries(ledger: Postings, event: UnitsConverted) -> None:
    units = event.to_block.quantity
    _ended_entries(ledger, event)
    ledger.transfer(OUTSIDE, event.account, event.to_class_id, units, from_hold=False)
    if event.trade:
        ledger.hold(event.account, event.to_class_id, units)


def _ended_entries(ledger: Postings, event: UnitsConverted | UnitsExpired) -> None:
    units = sum(block.quantity for block in event.blocks)
    ledger.transfer(event.account, OUTSIDE, event.class_id, units, from_hold=bool(event.trade))


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    EstimateExAnte: estimate,
    ConvertExAnte: convert,
    ExpireExAnte: expire,
}
RECORDERS: dict[type[Event], Callable[..., None]] = {
    ExAnteEstimated: _estimated,
    ExAnteVerified: _verified,
    UnitsConverted: _units_converted,
    ExAnteExpired: _expired,
    UnitsExpired: _units_expired,
}
ENTRIES: dict[type[Event], Callable[..., None]] = {
    UnitsConverted: _converted_entries,
    UnitsExpired: _ended_entries,
}
