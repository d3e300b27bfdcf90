"""Requests about block trades."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from exchange.domain.orders import Side
from gateway import block_results
from gateway.websocket.request_forms import (
    AccountParams,
    Deliver,
    Identifier,
    NamedSerials,
    NewIdentifier,
    Params,
    PriceText,
    Request,
    Seq,
)


class BlockKeyParams(Params, frozen=True):
    """One side of a trade agreed off the book; it trades when the counterparty keys the other side of the same terms.

    Idempotent by account, counterparty and `trade_reference`, which both sides agree on.
    """

    trade_reference: NewIdentifier
    counterparty: Identifier
    """The other side's account."""
    instrument: Identifier
    side: Side
    price: PriceText
    quantity: int
    account: Identifier = ""
    deliver: Annotated[tuple[Deliver, ...], Meta(max_length=100)] = ()
    """Classes to deliver; by default the seller's oldest vintages."""
    serials: Annotated[tuple[NamedSerials, ...], Meta(max_length=100)] = ()
    """Or the serials themselves."""


class BlockWithdrawParams(Params, frozen=True):
    """A half of one's own that waits."""

    trade_reference: NewIdentifier
    counterparty: Identifier
    account: Identifier = ""


class BlockTradesParams(Params, frozen=True):
    """A page of an account's block trades."""

    account: Identifier = ""
    after_seq: Seq = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class BlockKey(Request, frozen=True, tag="block.key"):
    """Key one side of a block trade."""

    result: ClassVar[type[msgspec.Struct]] = block_results.KeyedBlock
    params: BlockKeyParams


class BlockWithdraw(Request, frozen=True, tag="block.withdraw"):
    """Take back a half that waits."""

    result: ClassVar[type[msgspec.Struct]] = block_results.WithdrawnBlock
    params: BlockWithdrawParams


class BlockList(Request, frozen=True, tag="block.list"):
    """Halves that wait: one's own, and those that name this account."""

    result: ClassVar[type[msgspec.Struct]] = block_results.BlockHalves
    params: AccountParams = AccountParams()


class ListBlockTrades(Request, frozen=True, tag="block.trades"):
    """Block trades of an account from the log."""

    result: ClassVar[type[msgspec.Struct]] = block_results.BlockTrades
    params: BlockTradesParams = BlockTradesParams()
