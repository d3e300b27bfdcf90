"""What the gateway answers about block trades."""

from __future__ import annotations

import msgspec

from exchange.domain.orders import Side
from gateway.results import Delivered, Serials


class BlockHalf(msgspec.Struct, frozen=True):
    """One side of a trade agreed off the book, as its account keyed it. `side` is that account's."""

    half_id: int
    account: str
    counterparty: str
    trade_reference: str
    instrument: str
    side: Side
    price: str
    quantity: int
    deliver: list[Delivered]
    """Classes named for delivery; empty: the seller's oldest vintages, or the serials below."""
    serials: list[Serials]


class BlockHalves(msgspec.Struct, frozen=True):
    """Halves that wait until the business date ends, oldest first."""

    account: str
    seq: int
    own: list[BlockHalf]
    """Keyed by this account; their other halves have not come."""
    alleged: list[BlockHalf]
    """Keyed by others who name this account as the counterparty: the same terms with the other side accept them."""


class BlockTradeReport(msgspec.Struct, frozen=True):
    """A block trade as one of its two accounts sees it."""

    trade_id: int
    account: str
    counterparty: str
    trade_reference: str
    instrument: str
    side: Side
    price: str
    quantity: int
    currency: str
    amount: str
    fee: str
    delivered: list[Delivered]
    serials: list[Serials]
    """Those that the halves named."""
    settlement_date: str
    deferred: bool
    """Cash and units stay held until the settlement date; the channel `settlements` tells when they changed hands."""
    time: int


class BlockTrades(msgspec.Struct, frozen=True):
    """A page of an account's block trades, oldest first."""

    account: str
    seq: int
    trades: list[BlockTradeReport]
    next_after_seq: int | None
    """Ask with this `after_seq` for the next page; none: there is nothing more as of `seq`."""


class KeyedBlock(msgspec.Struct, frozen=True):
    """What keying a half did: it waits, or it met its other half and traded."""

    half: BlockHalf
    trade: BlockTradeReport | None
    """None: it waited, as of this answer."""
    seq: int
    time: int
    duplicate: bool = False
    """The same half was keyed before, and this is that answer again."""


class WithdrawnBlock(msgspec.Struct, frozen=True):
    """A half that was taken back."""

    account: str
    counterparty: str
    trade_reference: str
    seq: int
    time: int
