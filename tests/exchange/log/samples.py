"""Plausible events in any number, for tests of the log."""

import msgspec

from exchange.domain import events as ev
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.orders import OrderRequest
from exchange.log.chain import GENESIS, content_digest, digest_of_request, event_hash
from exchange.log.record import StoredEvent
from matching.order import Side

SYMBOLS = ("VCS-1340-2020", "GS-5-2021")
ACCOUNTS = ("ACME", "BETA", "GAMMA", "DELTA")
SECOND_NS = 1_000_000_000
START_NS = 1_795_392_000 * SECOND_NS
"""A whole day; sample event `seq` is recorded `seq` seconds later."""


def accepted(seq: int, account: str = "", symbol: str = "") -> ev.OrderAccepted:
    return ev.OrderAccepted(
        account=account or ACCOUNTS[seq % 4],
        session=1,
        order=OrderRequest(f"c-{seq}", symbol or SYMBOLS[seq % 2], Side.BUY, 10 + seq % 90, 1000 + seq % 50),
        price=1000 + seq % 50,
        expiry="2026-11-23",
        currency="USD",
        maker_fee_ppm=1000,
        taker_fee_ppm=2000,
        hold_cash=12_345,
    )


def cancelled(seq: int, account: str = "", symbol: str = "") -> ev.OrderCancelled:
    return ev.OrderCancelled(
        order_id=max(1, seq - 1),
        account=account or ACCOUNTS[seq % 4],
        instrument=symbol or SYMBOLS[seq % 2],
        quantity=10,
        reason=ev.CancelReason.REQUESTED,
        currency="USD",
    )


def fill(
    buyer: str = "ACME", seller: str = "BETA", symbol: str = SYMBOLS[0], price: int = 1000, quantity: int = 10
) -> ev.Fill:
    return ev.Fill(
        instrument=symbol,
        maker_order_id=1,
        taker_order_id=2,
        taker_side=Side.BUY,
        price=price,
        quantity=quantity,
        buyer=buyer,
        seller=seller,
        currency="USD",
        amount=price * quantity,
        buyer_fee=1,
        seller_fee=2,
        buyer_release=0,
        delivered=((symbol, quantity),),
        rule=LOWEST_SERIAL,
        settlement_date="2026-11-25",
    )


def record(events: list[ev.Event], first_seq: int = 1) -> list[ev.Recorded]:
    """Each event as a command of its own, a second after the one before."""
    return [
        ev.Recorded(seq, seq, START_NS + seq * SECOND_NS, event)
        for seq, event in enumerate(events, first_seq)
    ]


def mixed(count: int, first_seq: int = 1) -> list[ev.Recorded]:
    """Orders, fills and cancels in turn."""
    events: list[ev.Event] = []
    for seq in range(first_seq, first_seq + count):
        if seq % 5 == 0:
            events.append(
                fill(
                    ACCOUNTS[seq % 4], ACCOUNTS[(seq + 1) % 4], SYMBOLS[seq % 2], 1000 + seq % 50, seq % 7 + 1
                )
            )
        elif seq % 5 == 3:
            events.append(cancelled(seq))
        else:
            events.append(accepted(seq))
    return record(events, first_seq)


def rehashed(rows: list[StoredEvent], begin: int) -> list[StoredEvent]:
    """The rows with new hashes from a place on: what somebody does who knows how the chain is made."""
    previous = rows[begin - 1].hash if begin else GENESIS
    forged = rows[:begin]
    for row in rows[begin:]:
        content = content_digest(
            row.seq,
            row.epoch,
            row.command,
            row.recorded_at,
            row.kind,
            row.version,
            row.instrument,
            row.account,
            row.counterparty,
            row.payload,
            digest_of_request(row.request),
        )
        previous = event_hash(previous, content)
        forged.append(msgspec.structs.replace(row, hash=previous))
    return forged
