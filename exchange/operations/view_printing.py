"""Views of a state as people read them: tables, and books with a bar for what waits at each price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from exchange.operations.output import print_facts, print_line, print_table, show_time
from exchange.operations.state_views import AccountView, BookView, HoldsView, VenueView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchange.operations.state_views import LevelView, OrderView, View

_BAR_CELLS: Final = 24
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_ORDER_HEADINGS: Final = ("order", "account", "instrument", "side", "price", "quantity", "filled", "holds")


def print_view(view: View) -> None:
    """Print any view, under the moment that it shows."""
    moment = f"after event {view.seq}, {show_time(view.recorded_at)}" if view.seq else "before event 1"
    print_line(click.style(moment, bold=True))
    if isinstance(view, VenueView):
        _print_venue(view)
    elif isinstance(view, BookView):
        _print_book(view)
    elif isinstance(view, AccountView):
        _print_account(view)
    else:
        _print_holds(view)


def _print_venue(view: VenueView) -> None:
    print_facts(
        [
            ("venue", view.venue),
            ("business date", view.business_date),
            ("participants", view.participants),
            ("accounts", view.accounts),
            ("sessions", view.sessions),
            ("live orders", view.live_orders),
            ("unsettled trades", view.unsettled_trades),
            ("digest", view.digest),
        ]
    )


def _print_book(view: BookView) -> None:
    print_line(
        f"{view.instrument}  {view.state}  last {view.last_price or '-'}  reference {view.reference_price}"
    )
    most = max((level.quantity for level in (*view.bids, *view.asks)), default=0)
    rows = [_level_row(level, most, "") for level in reversed(view.asks)]
    rows += [_level_row(level, most, "bid") for level in view.bids]
    print_table(("bid", "price", "ask", "orders", "depth"), rows, right=("bid", "price", "ask", "orders"))


def _level_row(level: LevelView, most: int, side: str) -> tuple[object, ...]:
    bid, ask = (level.quantity, "") if side else ("", level.quantity)
    return bid, level.price, ask, level.orders, _bar(level.quantity, most)


def _bar(quantity: int, most: int) -> str:
    """A bar whose length is the share of the largest level, to an eighth of a cell; never empty for something."""
    eighths = max(1, quantity * _BAR_CELLS * 8 // most)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _print_account(view: AccountView) -> None:
    print_line(f"account {view.account} of {view.participant}")
    rows = [(cash.currency, cash.total, cash.held) for cash in view.cash]
    rows += [(units.class_id, str(units.total), str(units.held)) for units in view.units]
    print_table(("asset", "owned", "held"), rows, right=("owned", "held"))
    _print_orders(view.orders, view.unsettled_trades)


def _print_holds(view: HoldsView) -> None:
    if view.orders or view.unsettled_trades or not view.frozen:
        _print_orders(view.orders, view.unsettled_trades)
    for one in view.frozen:
        print_line(f"frozen: {one.units} of {one.class_id} of {one.account}")


def _print_orders(orders: Sequence[OrderView], unsettled_trades: Sequence[int]) -> None:
    if orders:
        print_table(
            _ORDER_HEADINGS,
            [
                (
                    order.order_id,
                    order.account,
                    order.instrument,
                    order.side.value,
                    order.price,
                    order.quantity,
                    order.filled,
                    order.hold_cash
                    or ", ".join(f"{units} {class_id}" for class_id, units in order.hold_units),
                )
                for order in orders
            ],
            right=("order", "price", "quantity", "filled"),
        )
    if unsettled_trades:
        print_line(f"unsettled trades: {', '.join(map(str, unsettled_trades))}")
    if not orders and not unsettled_trades:
        print_line("nothing is held")
