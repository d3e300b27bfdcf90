"""Market makers' protections over real websockets: limits, what happens when one is reached, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exchange.domain.events import CancelReason
from exchange.domain.rejects import RejectCode
from gateway.protection_results import Protection
from tests.gateway.test_block_trades import code_of, take
from tests.market import ALPHA, BASKET, BETA, PROJECT

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange

SYMBOL = PROJECT.symbol


async def test_a_protection_is_tripped_and_reset(exchange: RunningExchange) -> None:
    """The quantity reached ends the maker's orders and refuses new ones, which the list shows, until a reset."""
    maker, other = await exchange.client("beta-key"), await exchange.client("gamma-key")
    armed = await maker.set_protection(SYMBOL, window_ms=60_000, quantity=10, trades=5)
    orders = await maker.orders()
    for name, price in (("a", "10.00"), ("b", "9.90")):
        await maker.place_order(client_order_id=name, instrument=SYMBOL, side="buy", quantity=10, price=price)
    await other.place_order(client_order_id="1", instrument=SYMBOL, side="sell", quantity=10, price="10.00")
    cancelled = (await take(orders, 4))[-1]
    tripped = await maker.protections()
    order: dict[str, Any] = {"instrument": SYMBOL, "side": "buy", "quantity": 1, "price": "9.00"}
    refused = await code_of(maker.place_order(client_order_id="c", **order))
    changed = await code_of(maker.set_protection(SYMBOL, window_ms=0))
    reset = await maker.reset_protection(SYMBOL)
    await maker.place_order(client_order_id="d", **order)

    limits = Protection(SYMBOL, 60_000, 10, 5, tripped=False)
    assert (BETA, [limits]) == (armed.account, armed.protections)
    assert CancelReason.PROTECTION is cancelled.data.reason
    assert [Protection(SYMBOL, 60_000, 10, 5, tripped=True)] == tripped.protections
    assert [RejectCode.PROTECTION_TRIPPED] * 2 == [refused, changed]
    assert [limits] == reset.protections
    assert armed.seq < tripped.seq < reset.seq


async def test_protections_end_and_are_the_accounts_own(exchange: RunningExchange) -> None:
    """Window 0 ends one, of which there is nothing to reset; auditors look at any account, traders at their own."""
    maker, auditor = await exchange.client("beta-key"), await exchange.client("auditor-key")
    for instrument in (SYMBOL, BASKET.symbol):
        await maker.set_protection(instrument, window_ms=1, quantity=1, trades=1)
    left = await maker.set_protection(SYMBOL, window_ms=0)

    assert [Protection(BASKET.symbol, 1, 1, 1, tripped=False)] == left.protections
    assert left == await auditor.protections(BETA)
    assert RejectCode.NOT_PROTECTED is await code_of(maker.reset_protection(SYMBOL))
    assert RejectCode.INVALID_QUANTITY is await code_of(maker.set_protection(SYMBOL, window_ms=1))
    assert RejectCode.UNKNOWN_INSTRUMENT is await code_of(maker.reset_protection("NOTHING"))
    assert RejectCode.UNKNOWN_ACCOUNT is await code_of(maker.protections(ALPHA))
    assert RejectCode.NOT_PERMITTED is await code_of(
        auditor.set_protection(SYMBOL, window_ms=0, account=BETA)
    )
