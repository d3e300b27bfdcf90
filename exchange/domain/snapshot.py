"""The whole state as bytes and back; the digest of these bytes proves that two states are the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.state import CarbonState
from exchange.domain.identity import Key, Participant, Session
from exchange.domain.instruments import CreditClass, Listing
from exchange.domain.ledger import Balance
from exchange.domain.making.state import MakingState
from exchange.domain.open_trades import BlockHalf, Obligation
from exchange.domain.orders import OpenOrder, RememberedOrder
from exchange.domain.references import Reference
from exchange.domain.requests import RememberedRequests
from exchange.domain.serials import ClassBlock, SerialBlock
from exchange.domain.state import State
from matching.book import OrderBook
from matching.order import Order, SelfTradePrevention, Side, TimeInForce

if TYPE_CHECKING:
    from exchange.domain.holdings import Holdings


class _RestingOrder(msgspec.Struct, array_like=True, frozen=True):
    """The fields of `matching.order.Order` but its links, in the same order."""

    order_id: int
    owner: int
    side: Side
    price: int
    visible: int
    time_in_force: TimeInForce
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    display: int
    expiry: int
    hidden: int
    filled: int


class _Snapshot(msgspec.Struct, forbid_unknown_fields=True):
    last_seq: int
    last_at: int
    name: str
    business_date: str
    participants: dict[str, Participant]
    accounts: dict[str, str]
    keys: dict[str, Key]
    classes: dict[str, CreditClass]
    listings: dict[str, Listing]
    books: dict[str, list[_RestingOrder]]
    """Resting orders in priority order."""
    orders: list[OpenOrder]
    """By order id."""
    remembered: dict[str, dict[str, RememberedOrder]]
    ended_today: list[tuple[str, str]]
    ended_yesterday: list[tuple[str, str]]
    references: dict[str, dict[str, Reference]]
    sessions: list[tuple[int, Session]]
    cancel_after: dict[str, int]
    balances: dict[str, dict[str, Balance]]
    supply: dict[str, int]
    custody: list[tuple[str, SerialBlock]]
    """Class ids and blocks."""
    free: list[tuple[str, str, SerialBlock]]
    """Account, class id and block."""
    frozen: list[tuple[str, str, SerialBlock]]
    """Likewise."""
    locked: list[tuple[int, tuple[ClassBlock, ...]]]
    """By seq of the trade."""
    issued: dict[str, int]
    calendars: dict[str, tuple[str, ...]]
    obligations: list[tuple[int, Obligation]]
    """By seq of the trade."""
    block_halves: list[BlockHalf]
    """By account, counterparty and trade reference."""
    carbon: CarbonState
    requests: RememberedRequests
    names: dict[str, dict[str, int]]
    making: MakingState


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(_Snapshot)


def dump(state: State) -> bytes:
    """The state as JSON bytes, the same for equal states however they came about."""
    return _ENCODER.encode(
        _Snapshot(
            last_seq=state.last_seq,
            last_at=state.last_at,
            name=state.name,
            business_date=state.business_date,
            participants=state.participants,
            accounts=state.accounts,
            keys=state.keys,
            classes=state.classes,
            listings=state.listings,
            books={
                symbol: [
                    _RestingOrder(*msgspec.structs.astuple(order)[: len(_RestingOrder.__struct_fields__)])
                    for order in book.resting()
                ]
                for symbol, book in state.books.items()
            },
            orders=[state.orders[order_id] for order_id in sorted(state.orders)],
            remembered=state.remembered,
            ended_today=state.ended_today,
            ended_yesterday=state.ended_yesterday,
            references=state.references,
            sessions=sorted(state.sessions.items()),
            cancel_after=state.cancel_after,
            balances=state.ledger.accounts,
            supply=state.ledger.supply,
            custody=list(state.custody.blocks()),
            free=_held(state.holdings),
            frozen=_held(state.frozen),
            locked=sorted(state.holdings.locked.items()),
            issued=state.issued,
            calendars=state.calendars,
            obligations=sorted(state.obligations.items()),
            block_halves=[half for _, half in sorted(state.block_halves.items())],
            carbon=state.carbon,
            requests=state.requests,
            names=state.names,
            making=state.making,
        )
    )


def _held(holdings: Holdings) -> list[tuple[str, str, SerialBlock]]:
    return [
        (account, class_id, block)
        for account, class_id in holdings.accounts()
        for block in holdings.blocks(account, class_id)
    ]


def load(data: bytes) -> State:
    """The state that `dump` wrote; raises `msgspec.ValidationError` on anything else."""
    snapshot = _DECODER.decode(data)
    state = State()
    for field in (
        "last_seq",
        "last_at",
        "name",
        "business_date",
        "participants",
        "accounts",
        "keys",
        "classes",
    ):
        setattr(state, field, getattr(snapshot, field))
    for field in ("remembered", "ended_today", "ended_yesterday", "references", "cancel_after"):
        setattr(state, field, getattr(snapshot, field))
    state.sessions = dict(snapshot.sessions)
    state.listings = snapshot.listings
    state.ledger.accounts = snapshot.balances
    state.ledger.supply = snapshot.supply
    for order in snapshot.orders:
        state.orders[order.order_id] = order
        state.account_orders.setdefault(order.account, {})[order.order_id] = None
    for symbol in snapshot.listings:
        book = state.books[symbol] = OrderBook()
        for resting in snapshot.books[symbol]:
            book.rest(Order(*msgspec.structs.astuple(resting)))
    for class_id, block in snapshot.custody:
        state.custody.add(class_id, block)
    for account, class_id, block in snapshot.free:
        state.holdings.give(account, class_id, (block,))
    for account, class_id, block in snapshot.frozen:
        state.frozen.give(account, class_id, (block,))
    state.holdings.locked = dict(snapshot.locked)
    state.issued = snapshot.issued
    state.calendars = snapshot.calendars
    state.carbon = snapshot.carbon
    state.requests = snapshot.requests
    state.names = snapshot.names
    state.making = snapshot.making
    state.obligations = dict(snapshot.obligations)
    for half in snapshot.block_halves:
        keyed = half.keyed
        state.block_halves[keyed.account, keyed.counterparty, keyed.trade_reference] = half
    return state


def digest(state: State) -> str:
    """SHA-256 of the whole state: FIFO order, holds, idempotency, sessions and counters included."""
    return hashlib.sha256(dump(state)).hexdigest()
