"""What the rules of carbon hold against a command of trading or of the registry, asked by the deciders of those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.project_forms import Crediting, project_key
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import OWN_REGISTRY, overlaps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.instruments import CreditClass, Instrument, Listing
    from exchange.domain.serials import SerialBlock
    from exchange.domain.state import State


def check_retirement(state: State, class_ids: Iterable[str]) -> None:
    """Refuse to retire what does not exist yet: ex-ante credits are expectations (ICVCM Core Carbon Principle 6)."""
    for class_id in class_ids:
        if state.carbon.projects.is_ex_ante(state.classes[class_id]):
            raise Reject(
                RejectCode.EX_ANTE_NOT_RETIRABLE,
                f"{class_id} is issued for what is expected; only verified tonnes can be retired",
            )


def check_retirement_on_fill(state: State, listing: Listing) -> None:
    """Refuse to retire what an instrument delivers, now or later, where that is expected only."""
    rule = listing.instrument.rule
    if rule is not None and rule.crediting is Crediting.EX_ANTE:
        raise Reject(
            RejectCode.EX_ANTE_NOT_RETIRABLE,
            f"{listing.instrument.symbol} delivers what is expected; only verified tonnes can be retired",
        )
    check_retirement(state, listing.deliverable)


def check_buyer(state: State, account: str) -> None:
    """Refuse to let an account buy from which projects sell their units for the first time: see `carbon.proceeds`."""
    if account in state.carbon.proceeds.sellers:
        raise Reject(
            RejectCode.SALES_ACCOUNT_ONLY_SELLS,
            f"{account} is the sales account of a project; it does not buy",
        )


def check_departure(state: State, credit_class: CreditClass) -> None:
    """Refuse to let expectations go to another registry: whoever holds them when they are verified is known here alone."""
    if credit_class.registry == OWN_REGISTRY and state.carbon.projects.is_ex_ante(credit_class):
        raise Reject(
            RejectCode.EX_ANTE_STAYS,
            f"{credit_class.class_id} is issued for what is expected; it stays here until it is verified or expires",
        )


def check_listing(state: State, instrument: Instrument) -> None:
    """Refuse an instrument of verified and expected credits: whoever bought it would not know which they get."""
    kinds = [state.carbon.projects.is_ex_ante(state.classes[class_id]) for class_id in instrument.classes]
    if any(kinds) and not all(kinds):
        raise Reject(
            RejectCode.EX_ANTE_MIXED, f"{instrument.symbol} has classes of verified and of expected credits"
        )


def check_estimate(state: State, credit_class: CreditClass, quantity: int) -> None:
    """Refuse expectations beyond what the newest estimate says; what converted or expired counts as issued, too."""
    if not credit_class.is_declared_ex_ante:
        return
    class_id = credit_class.class_id
    estimated, issued = state.carbon.ex_ante.estimated(class_id), state.issued.get(class_id, 0)
    if issued + quantity > estimated:
        raise Reject(
            RejectCode.EX_ANTE_BEYOND_ESTIMATE,
            f"{quantity} units of {class_id}: {issued} of the estimated {estimated} are issued already",
        )


def check_issuance(state: State, credit_class: CreditClass) -> None:
    """Refuse new units to a project whose owner has not made good an intentional reversal (17 CCR 95983 (c))."""
    owed = state.carbon.reversals.owed.get(project_key(credit_class.registry, credit_class.project), 0)
    if owed:
        raise Reject(
            RejectCode.REVERSAL_OWED,
            f"{owed} units are owed for a reversal of project {credit_class.project}; issuance stops until then",
        )


def check_not_frozen(state: State, blocks: tuple[SerialBlock, ...]) -> None:
    """Refuse to let serials come in, go out, end or change hands by name that a live freeze keeps from moving."""
    for freeze_id, freeze in state.carbon.freezes.live():
        for block in blocks:
            for part in overlaps(block, freeze.blocks):
                raise Reject(
                    RejectCode.UNITS_FROZEN,
                    f"serial number {part.first} of batch {block.batch} is frozen: {freeze.cause.value} {freeze_id}",
                )
