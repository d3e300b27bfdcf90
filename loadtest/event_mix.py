"""Events as a busy day has them, with whole payloads, in any number and always the same."""

from __future__ import annotations

import random

from exchange.domain import events as ev
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.orders import OrderRequest
from matching.order import Side

DESCRIPTION = "48 % order_accepted, 42 % order_cancelled, 10 % fill"
_SYMBOLS = ("VCS-1340-2020", "VCS-674-2019", "GS-5042-2021", "ACR-361-2018", "NATURE-BASKET")
_ACCOUNTS = tuple(f"PARTICIPANT-{number:03d}" for number in range(200))


class EventMix:
    """Makes one batch of events after the other."""

    def __init__(self) -> None:
        self._random = random.Random(20261123)

    def take(self, count: int, first_seq: int, recorded_at: int) -> list[ev.Recorded]:
        """The next `count` events, recorded at a time (nanoseconds UTC)."""
        recorded: list[ev.Recorded] = []
        for seq in range(first_seq, first_seq + count):
            event = self._event(seq)
            # A fill belongs to the command of the event before it: the order that took.
            command = max(1, seq - 1) if isinstance(event, ev.Fill) else seq
            recorded.append(ev.Recorded(seq, command, recorded_at, event))
        return recorded

    def _event(self, seq: int) -> ev.Event:
        kind = self._random.randrange(100)
        symbol = self._random.choice(_SYMBOLS)
        account, other = self._random.sample(_ACCOUNTS, 2)
        price = self._random.randrange(900, 1100)
        quantity = self._random.randrange(1, 500)
        order_id = max(1, seq - self._random.randrange(1, 5000))
        if kind < 48:
            return self._accepted(symbol, account, price, quantity)
        if kind < 90:
            return ev.OrderCancelled(
                order_id=order_id,
                account=account,
                instrument=symbol,
                quantity=quantity,
                reason=ev.CancelReason.REQUESTED,
                currency="USD",
                by=f"key-of-{account}",
                release_cash=price * quantity,
            )
        return ev.Fill(
            instrument=symbol,
            maker_order_id=order_id,
            taker_order_id=seq - 1,
            taker_side=Side.BUY,
            price=price,
            quantity=quantity,
            buyer=account,
            seller=other,
            currency="USD",
            amount=price * quantity,
            buyer_fee=price * quantity // 500,
            seller_fee=price * quantity // 1000,
            buyer_release=quantity,
            delivered=((symbol, quantity),),
            rule=LOWEST_SERIAL,
            settlement_date="2026-11-25",
        )

    def _accepted(self, symbol: str, account: str, price: int, quantity: int) -> ev.OrderAccepted:
        buys = self._random.randrange(2) == 0
        request = OrderRequest(
            client_order_id=f"{self._random.getrandbits(64):016x}",
            instrument=symbol,
            side=Side.BUY if buys else Side.SELL,
            quantity=quantity,
            price=price,
        )
        return ev.OrderAccepted(
            account=account,
            session=17,
            order=request,
            price=price,
            expiry="2026-11-23",
            currency="USD",
            maker_fee_ppm=1000,
            taker_fee_ppm=2000,
            hold_cash=price * quantity + price * quantity // 500 if buys else 0,
            deliver=() if buys else ((symbol, quantity),),
        )
