"""Proceeds of projects: who shares in them, what each got so far, and every primary sale. As of a date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.money import currency_exponent, render_decimal
from exchange.registry.reports.table import PERCENT_DECIMALS, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.domain.carbon.proceeds_forms import ProceedsPaid
    from exchange.domain.state import State
    from exchange.registry.reports.table import Cell
    from exchange.registry.reports.venue_history import ProceedsFact, VenueHistory


def tables(history: VenueHistory, project: str = "") -> list[Table]:
    """Of all projects, or of one, named like `CAR/1568`; nothing where there is none."""
    paid = [fact for fact in history.proceeds if project in ("", _key(fact.event))]
    return [
        Table(
            "Shares",
            ("Registry", "Project", "Name", "Sales account", "Role", "Account", "Share in %"),
            tuple(_shares(history.state, project)),
        ),
        Table(
            "Paid",
            ("Registry", "Project", "Role", "Account", "Currency", "Amount"),
            tuple(_paid(paid)),
        ),
        Table(
            "Primary sales",
            (
                "Trade",
                "On",
                "Project",
                "Units",
                "Currency",
                "Proceeds",
                "Role",
                "Account",
                "Amount",
            ),
            tuple(_sale(fact) for fact in paid),
        ),
    ]


def _key(event: ProceedsPaid) -> str:
    return f"{event.registry}/{event.project}"


def _shares(state: State, project: str) -> Iterator[tuple[Cell, ...]]:
    """The shares that count on the date."""
    for key, terms in sorted(state.carbon.proceeds.terms.items()):
        if project not in ("", key):
            continue
        described = state.carbon.projects.descriptions[key][-1].project
        for share in terms[-1].shares:
            yield (
                described.registry,
                described.project,
                described.name,
                terms[-1].sales_account,
                share.role.value,
                share.account,
                render_decimal(share.ppm, PERCENT_DECIMALS),
            )


def _paid(facts: list[ProceedsFact]) -> Iterator[tuple[Cell, ...]]:
    """Sums, by project, currency, role and account."""
    sums: dict[tuple[str, str, str, str, str], int] = {}
    for fact in facts:
        event = fact.event
        got = (event.registry, event.project, event.role.value, event.account, event.currency)
        sums[got] = sums.get(got, 0) + event.amount
    for got, amount in sorted(sums.items()):
        yield *got, _cash(amount, got[-1])


def _sale(fact: ProceedsFact) -> tuple[Cell, ...]:
    event = fact.event
    return (
        event.trade,
        fact.paid_on,
        _key(event),
        event.units,
        event.currency,
        _cash(event.proceeds, event.currency),
        event.role.value,
        event.account,
        _cash(event.amount, event.currency),
    )


def _cash(amount: int, currency: str) -> str:
    return render_decimal(amount, currency_exponent(currency))
