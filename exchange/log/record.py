"""Rows of the table `event`: made of recorded events by `seal`, and turned back into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from exchange.domain import events as ev
from exchange.domain.carbon.forms import CARBON_EVENT_TYPES
from exchange.domain.carbon.freeze_forms import TradeCancelled
from exchange.domain.carbon.proceeds_forms import ProceedsPaid
from exchange.domain.making.forms import (
    FixPasswordSet,
    FixSessionRegistered,
    ProtectionReset,
    ProtectionSet,
    ProtectionTripped,
)
from exchange.log.chain import content_digest, digest_of_request, event_hash
from exchange.log.codec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

IndexColumns = tuple[str | None, str | None, str | None]
"""Instrument, account and counterparty of an event; none of them is ever empty text."""

_LONGEST_INDEXED = 64
"""Ids of instruments and accounts are no longer than this."""


class StoredEvent(msgspec.Struct, frozen=True, gc=False):
    """One row of the log. The fields stand in the order of the table's columns."""

    seq: int
    epoch: int
    command: int
    recorded_at: int
    """Nanoseconds UTC."""
    kind: str
    version: int
    instrument: str | None
    account: str | None
    counterparty: str | None
    """The other account of a trade, of a half of one, or of a decrement."""
    payload: bytes
    hash: bytes
    request: bytes | None = None
    """What was asked, in the first row of a command: see `exchange.log.requests`."""

    def to_recorded(self) -> ev.Recorded:
        """The event with its place in the log. Raises UnknownEvent if this program does not understand it."""
        return ev.Recorded(
            self.seq, self.command, self.recorded_at, decode(self.kind, self.version, self.payload)
        )


COLUMNS = StoredEvent.__struct_fields__
_NO_REQUESTS: Mapping[int, bytes] = {}


def seal(
    recorded: Sequence[ev.Recorded],
    epoch: int,
    previous_hash: bytes,
    requests: Mapping[int, bytes] = _NO_REQUESTS,
) -> list[StoredEvent]:
    """The rows of a batch, in order; `previous_hash` is that of the event before the batch.

    `requests`: what was asked, by the seq of the first event of each command.
    """
    rows: list[StoredEvent] = []
    for item in recorded:
        event = item.event
        instrument, account, counterparty = index_columns(event)
        payload = encode(event)
        request = requests.get(item.seq)
        content = content_digest(
            item.seq,
            epoch,
            item.command,
            item.recorded_at,
            event.kind,
            event.version,
            instrument,
            account,
            counterparty,
            payload,
            digest_of_request(request),
        )
        previous_hash = event_hash(previous_hash, content)
        rows.append(
            StoredEvent(
                item.seq,
                epoch,
                item.command,
                item.recorded_at,
                event.kind,
                event.version,
                instrument,
                account,
                counterparty,
                payload,
                previous_hash,
                request,
            )
        )
    return rows


def index_columns(event: ev.Event) -> IndexColumns:
    """What the log is searched by, of an event of any kind."""
    return _INDEX_COLUMNS[event.kind](event)


def _claimed(text: str) -> str | None:
    # Refusals carry text from outside. What no id can be is not indexed: neither text nor an index of Postgres takes
    # everything, and a request must not make an append fail.
    return text if 0 < len(text) <= _LONGEST_INDEXED and "\0" not in text else None


def _none(_event: ev.Event) -> IndexColumns:
    return None, None, None


# `Any`: one function for all kinds that have these fields.
def _of_account(event: Any) -> IndexColumns:
    return None, event.account, None


def _of_instrument(event: Any) -> IndexColumns:
    return event.instrument, None, None


def _of_order(event: Any) -> IndexColumns:
    return event.instrument, event.account, None


def _of_settlement(event: Any) -> IndexColumns:
    return None, event.buyer, event.seller


def _of_trade(event: Any) -> IndexColumns:
    return event.instrument, event.buyer, event.seller if event.seller != event.buyer else None


def _of_half(event: Any) -> IndexColumns:
    return event.instrument, event.account, event.counterparty


def _of_two_accounts(event: Any) -> IndexColumns:
    return None, event.account, event.counterparty if event.counterparty != event.account else None


def _order_accepted(event: Any) -> IndexColumns:
    return event.order.instrument, event.account, None


def _order_rejected(event: Any) -> IndexColumns:
    return _claimed(event.order.instrument), _claimed(event.account), None


def _request_refused(event: Any) -> IndexColumns:
    return None, _claimed(event.account), None


def _instrument_listed(event: Any) -> IndexColumns:
    return event.instrument.symbol, None, None


_INDEX_COLUMNS: dict[str, Callable[[ev.Event], IndexColumns]] = {
    ev.WriterStarted.kind: _none,
    ev.VenueOpened.kind: _none,
    ev.ParticipantAdmitted.kind: _none,
    ev.AccountOpened.kind: _of_account,
    ev.KeyRegistered.kind: _none,
    ev.KeyRevoked.kind: _none,
    ev.ClassRegistered.kind: _none,
    ev.InstrumentListed.kind: _instrument_listed,
    ev.InstrumentStateChanged.kind: _of_instrument,
    ev.FeesChanged.kind: _of_instrument,
    ev.CashDeposited.kind: _of_account,
    ev.CashWithdrawn.kind: _of_account,
    ev.UnitsDeposited.kind: _of_account,
    ev.UnitsWithdrawn.kind: _of_account,
    ev.SessionOpened.kind: _none,
    ev.SessionClosed.kind: _none,
    ev.CancelAfterSet.kind: _of_account,
    ev.CancelAfterFired.kind: _of_account,
    ev.OrderAccepted.kind: _order_accepted,
    ev.OrderRejected.kind: _order_rejected,
    ev.OrderAmended.kind: _of_order,
    ev.OrderCancelled.kind: _of_order,
    ev.OrdersDecremented.kind: _of_trade,
    ev.Fill.kind: _of_trade,
    ev.BlockTradeKeyed.kind: _of_half,
    ev.BlockTradeEnded.kind: _of_two_accounts,
    ev.BlockTrade.kind: _of_trade,
    ev.TradeSettled.kind: _of_settlement,
    ev.Retired.kind: _of_account,
    ev.UnitsIssued.kind: _of_account,
    ev.UnitsCancelled.kind: _of_account,
    ev.UnitsMoved.kind: _of_account,
    ev.CalendarSet.kind: _none,
    ev.RequestRefused.kind: _request_refused,
    ev.DayClosed.kind: _none,
    ProtectionSet.kind: _of_order,
    ProtectionTripped.kind: _of_order,
    ProtectionReset.kind: _of_order,
    FixSessionRegistered.kind: _of_account,
    FixPasswordSet.kind: _none,
    **{
        event_type.kind: _of_account if "account" in event_type.__struct_fields__ else _none
        for event_type in CARBON_EVENT_TYPES
    },
    TradeCancelled.kind: _of_settlement,
    ProceedsPaid.kind: _of_two_accounts,
}
