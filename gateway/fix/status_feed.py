"""States of instruments and of the trading day, told when asked for and when they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.instruments import InstrumentState
from exchange.domain.order_entry import price_band
from exchange.domain.rejects import Reject, RejectCode
from gateway.fix import msg_types, tags
from gateway.fix.message import Message, text
from gateway.fix.timestamps import render_date, render_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.state import State
    from gateway.core import Gateway
    from gateway.fix.message import Fields
    from gateway.fix.peer import FixPeer

TRADING_SESSION = "DAY"
"""The one trading session of a business date."""

_STATES = {InstrumentState.OPEN: 17, InstrumentState.HALTED: 2, InstrumentState.CLOSED: 18}
_UNKNOWN = 20
_OPEN, _REQUEST_REJECTED = 2, 6
_SUBSCRIBE, _UNSUBSCRIBE = "1", "2"


class StatusFeed:
    """Who wants to hear of states."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._of_security: dict[FixPeer, dict[str, str]] = {}
        """By symbol: the id of the request."""
        self._of_session: dict[FixPeer, str] = {}

    def security_status(self, peer: FixPeer, message: Message) -> None:
        """SecurityStatusRequest."""
        fields = message.fields
        symbol, request_id = text(fields, tags.SYMBOL), text(fields, tags.SECURITY_STATUS_REQ_ID)
        state = self._gateway.replica.state
        if symbol not in state.listings:
            unknown: Fields = {
                tags.SECURITY_STATUS_REQ_ID: request_id,
                tags.SYMBOL: symbol,
                tags.SECURITY_TRADING_STATUS: _UNKNOWN,
            }
            peer.send(Message(msg_types.SECURITY_STATUS, unknown))
            return
        kind = text(fields, tags.SUBSCRIPTION_REQUEST_TYPE)
        wanted = self._of_security.setdefault(peer, {})
        if kind == _UNSUBSCRIBE:
            if wanted.pop(symbol, None) is None:
                raise Reject(RejectCode.NOT_SUBSCRIBED, f"the states of {symbol} are not subscribed to")
            return
        if kind == _SUBSCRIBE:
            wanted[symbol] = request_id
        peer.send(_security_status(state, symbol, request_id))

    def trading_session(self, peer: FixPeer, message: Message) -> None:
        """TradingSessionStatusRequest."""
        fields = message.fields
        request_id = text(fields, tags.TRAD_SES_REQ_ID)
        named = text(fields, tags.TRADING_SESSION_ID)
        if named not in ("", TRADING_SESSION):
            refused: Fields = {
                tags.TRAD_SES_REQ_ID: request_id,
                tags.TRADING_SESSION_ID: named,
                tags.TRAD_SES_STATUS: _REQUEST_REJECTED,
                tags.TRAD_SES_STATUS_REJ_REASON: 1,
            }
            peer.send(Message(msg_types.TRADING_SESSION_STATUS, refused))
            return
        kind = text(fields, tags.SUBSCRIPTION_REQUEST_TYPE)
        if kind == _UNSUBSCRIBE:
            if self._of_session.pop(peer, None) is None:
                raise Reject(RejectCode.NOT_SUBSCRIBED, "the trading session is not subscribed to")
            return
        if kind == _SUBSCRIBE:
            self._of_session[peer] = request_id
        peer.send(_trading_session(self._gateway.replica.state, request_id))

    def drop(self, peer: FixPeer) -> None:
        """The counterparty has left."""
        self._of_security.pop(peer, None)
        self._of_session.pop(peer, None)

    def publish(self, batch: Iterable[ev.Recorded]) -> None:
        """Tell the news of durable events."""
        if not (self._of_security or self._of_session):
            return
        state = self._gateway.replica.state
        for recorded in batch:
            event = recorded.event
            if isinstance(event, ev.InstrumentStateChanged):
                for peer, wanted in self._of_security.items():
                    if event.instrument in wanted:
                        status = _security_status(state, event.instrument, wanted[event.instrument])
                        status.fields[tags.UNSOLICITED_INDICATOR] = "Y"
                        peer.send(status, keep=False)
            elif isinstance(event, ev.DayClosed):
                for peer, request_id in self._of_session.items():
                    status = _trading_session(state, request_id)
                    status.fields[tags.UNSOLICITED_INDICATOR] = "Y"
                    peer.send(status, keep=False)


def _security_status(state: State, symbol: str, request_id: str) -> Message:
    listing = state.listings[symbol]
    price = listing.instrument.ticks_to_price
    low, high = price_band(listing)
    fields: Fields = {
        tags.SECURITY_STATUS_REQ_ID: request_id,
        tags.SYMBOL: symbol,
        tags.SECURITY_TRADING_STATUS: _STATES[listing.state],
    }
    if listing.last_price:
        fields[tags.LAST_PX] = price(listing.last_price)
    fields |= {
        tags.REFERENCE_PRICE: price(listing.reference_price),
        tags.LOW_LIMIT_PRICE: price(low),
        tags.HIGH_LIMIT_PRICE: price(high),
        tags.TRANSACT_TIME: render_timestamp(state.last_at),
        tags.VENUE_SEQ: state.last_seq,
    }
    return Message(msg_types.SECURITY_STATUS, fields)


def _trading_session(state: State, request_id: str) -> Message:
    """Orders are taken at any time; a business date ends when the operator closes it."""
    return Message(
        msg_types.TRADING_SESSION_STATUS,
        {
            tags.TRAD_SES_REQ_ID: request_id,
            tags.TRADING_SESSION_ID: TRADING_SESSION,
            tags.TRAD_SES_STATUS: _OPEN,
            tags.TRADE_DATE: render_date(state.business_date),
            tags.VENUE_SEQ: state.last_seq,
        },
    )
