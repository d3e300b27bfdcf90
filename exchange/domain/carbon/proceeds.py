"""Proceeds: who shares in the primary sales of a project, and what each gets of every one of them.

Local communities share in what a project earns by arrangements that are agreed and disclosed (ICVCM Core Carbon Principle 9,
sustainable development benefits and safeguards, and the benefit sharing that its Assessment Framework asks for; Climate Action
Reserve, Mexico Forest Protocol, social safeguards of ejidos and communities). Here such an arrangement is a fact on the log, and
the payment is part of the sale.

A primary sale is a trade, on the book or off it, in which the sales account of a project delivers units of the project. The
registrar names that account before any of the project's units are in it, and from then on, for good, it does not buy: so its
units were deposited with it or issued to it, and nobody has bought them here before. The shares that count are those that were
in force when the trade was made, also where it settles later.

What is shared is the trade's amount less the seller's fee, in the very command in which the seller gets it, so that it cannot be
spent before. It is divided by Hamilton's rule (`apportion`), to the last minor unit: first by units, where a trade delivers those of
several projects, in the order in which it delivers them; then by shares, in the order in which they were named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.apportionment import apportion
from exchange.domain.carbon.proceeds_forms import NameProceeds, ProceedsNamed, ProceedsPaid, ProceedsShare
from exchange.domain.carbon.project_forms import project_key
from exchange.domain.deciding import require_operator
from exchange.domain.instruments import PPM
from exchange.domain.rejects import Reject, RejectCode
from matching.order import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.events import BlockTrade, Fill, TradeSettled
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.ledger import Postings
    from exchange.domain.orders import Delivery
    from exchange.domain.state import State

MAX_SHARES = 20
"""Of one project: each is an event of every sale."""


class ProceedsTerms(msgspec.Struct, frozen=True):
    """How proceeds are shared from an event on."""

    seq: int
    sales_account: str
    shares: tuple[ProceedsShare, ...]


class Proceeds(msgspec.Struct, eq=False):
    """Terms of projects, and the accounts that sell first."""

    terms: dict[str, list[ProceedsTerms]] = {}
    """By project, oldest first."""
    sellers: dict[str, int] = {}
    """Every account that was ever a sales account, and the seq of the event that made it one."""

    def at_trade(self, key: str, seller: str, trade: int) -> ProceedsTerms | None:
        """The terms of a project that counted when a trade was made; None where the seller was not its sales account."""
        for terms in reversed(self.terms.get(key, ())):
            if terms.seq < trade:
                return terms if terms.sales_account == seller else None
        return None


def name_proceeds(venue: Deciding, command: NameProceeds) -> None:
    """Say who shares in the primary sales of a project, or say it anew."""
    state = venue.state
    require_operator(state, command.by)
    key = project_key(command.registry, command.project)
    if state.carbon.projects.current(key) is None:
        raise Reject(RejectCode.UNKNOWN_PROJECT, f"project {key} is not known")
    for account in (command.sales_account, *(share.account for share in command.shares)):
        if account not in state.accounts:
            raise Reject(RejectCode.UNKNOWN_ACCOUNT, f"{account!r} is not an account")
    _check_shares(command.shares)
    known = state.carbon.proceeds.terms.get(key)
    if known is None or known[-1].sales_account != command.sales_account:
        _check_sells_only(state, command.sales_account, key)
    elif known[-1].shares == command.shares:
        raise Reject(RejectCode.ALREADY_EXISTS, f"the proceeds of project {key} are shared so already")
    venue.emit(
        ProceedsNamed(command.by, command.registry, command.project, command.sales_account, command.shares)
    )


def _check_shares(shares: tuple[ProceedsShare, ...]) -> None:
    if not 0 < len(shares) <= MAX_SHARES:
        raise Reject(RejectCode.SHARES_INVALID, f"a project has 1 to {MAX_SHARES} shares")
    if len({share.account for share in shares}) < len(shares):
        raise Reject(RejectCode.SHARES_INVALID, "each account has one share")
    total = sum(share.ppm for share in shares)
    if min(share.ppm for share in shares) < 1 or total != PPM:
        raise Reject(
            RejectCode.SHARES_INVALID, f"shares are at least 1 and add up to {PPM} millionths, not to {total}"
        )


def _check_sells_only(state: State, account: str, key: str) -> None:
    """Refuse an account that may have bought units of the project, or is about to buy anything."""
    for class_id, known in state.classes.items():
        if (
            project_key(known.registry, known.project) == key
            and state.ledger.balance(account, class_id).total
        ):
            raise Reject(
                RejectCode.SALES_ACCOUNT_IN_USE,
                f"{account} has units of {class_id} already; name another account",
            )
    buys = (
        any(state.orders[order_id].side is Side.BUY for order_id in state.account_orders.get(account, ()))
        or any(obligation.settled.buyer == account for obligation in state.obligations.values())
        or any(
            not half.ended_on and half.keyed.account == account and half.keyed.side is Side.BUY
            for half in state.block_halves.values()
        )
    )
    if buys:
        raise Reject(
            RejectCode.SALES_ACCOUNT_IN_USE, f"{account} has live orders or unsettled trades that buy"
        )


def share_out(venue: Deciding, trade: int, settled: Fill | BlockTrade | TradeSettled, sold: Delivery) -> None:
    """Pay the shares in a trade whose cash has just changed hands, where it is a primary sale.

    `sold`: what the trade delivered when it was made; ex-ante units may have become others since.
    """
    state = venue.state
    seller = settled.seller
    if seller not in state.carbon.proceeds.sellers:
        return
    units: dict[tuple[str, str], int] = {}
    for class_id, quantity in sold:
        known = state.classes[class_id]
        project = known.registry, known.project
        units[project] = units.get(project, 0) + quantity
    parts = apportion(settled.amount - settled.seller_fee, list(units.values()))
    for ((registry, project_id), quantity), part in zip(units.items(), parts, strict=True):
        terms = state.carbon.proceeds.at_trade(project_key(registry, project_id), seller, trade)
        if terms is None:
            continue
        amounts = apportion(part, [share.ppm for share in terms.shares])
        for share, amount in zip(terms.shares, amounts, strict=True):
            venue.emit(
                ProceedsPaid(
                    trade,
                    registry,
                    project_id,
                    quantity,
                    part,
                    share.role,
                    share.account,
                    seller,
                    settled.currency,
                    amount,
                )
            )


def _named(state: State, seq: int, event: ProceedsNamed) -> None:
    proceeds = state.carbon.proceeds
    terms = ProceedsTerms(seq, event.sales_account, event.shares)
    proceeds.terms.setdefault(project_key(event.registry, event.project), []).append(terms)
    proceeds.sellers.setdefault(event.sales_account, seq)


def _paid(ledger: Postings, event: ProceedsPaid) -> None:
    if event.account != event.counterparty and event.amount:
        ledger.transfer(event.counterparty, event.account, event.currency, event.amount, from_hold=False)


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {NameProceeds: name_proceeds}
RECORDERS: dict[type[Event], Callable[..., None]] = {ProceedsNamed: _named}
ENTRIES: dict[type[Event], Callable[..., None]] = {ProceedsPaid: _paid}
