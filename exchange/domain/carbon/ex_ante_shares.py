"""Which units of which holder are meant when so many units of an ex-ante class convert or expire.

All holders alike, to the last unit: everybody's share is their part of the whole, rounded down; the units that this leaves
go one by one to those with the largest remainders (Hamilton's rule), the earlier holder first where two are equal.
Holders are, in this order, the accounts with free units by name, then the trades that have not settled by seq: what a seller
has sold is the buyer's risk from the trade on, so the buyer gets what becomes of those very units. Of each holder the
lowest serials go (`lowest-serial/1`), of a trade those it locked first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from exchange.domain.carbon.apportionment import apportion
from exchange.domain.serials import SerialBlock, first_of

if TYPE_CHECKING:
    from exchange.domain.state import State

PRO_RATA: Final = "pro-rata-largest-remainder/1"


class Share(NamedTuple):
    """Units of one holder that convert or expire."""

    account: str
    trade: int
    """0: free units."""
    blocks: tuple[SerialBlock, ...]
    quantity: int


class _Position(NamedTuple):
    account: str
    trade: int
    units: int


def shares(state: State, class_id: str, quantity: int) -> list[Share]:
    """What each holder's part of `quantity` units is; holders of no part are left out.

    `quantity` is at least 1 and at most what all holders have together.
    """
    positions = _positions(state, class_id)
    parts = apportion(quantity, [position.units for position in positions])
    return [
        Share(position.account, position.trade, _lowest(state, position, class_id, part), part)
        for position, part in zip(positions, parts, strict=True)
        if part
    ]


def units_held(state: State, class_id: str) -> int:
    """Units that are free with accounts or locked for trades."""
    return sum(position.units for position in _positions(state, class_id))


def _positions(state: State, class_id: str) -> list[_Position]:
    free = [
        _Position(account, 0, state.holdings.units(account, class_id))
        for account, held in state.holdings.accounts()
        if held == class_id
    ]
    locked = [
        _Position(
            state.obligations[trade].settled.seller,
            trade,
            sum(block.quantity for named, block in chosen if named == class_id),
        )
        for trade, chosen in sorted(state.holdings.locked.items())
        if any(named == class_id for named, _ in chosen)
    ]
    return free + locked


def _lowest(state: State, position: _Position, class_id: str, quantity: int) -> tuple[SerialBlock, ...]:
    if not position.trade:
        return state.holdings.lowest(position.account, class_id, quantity)
    locked = [block for named, block in state.holdings.locked[position.trade] if named == class_id]
    return first_of(locked, quantity)
