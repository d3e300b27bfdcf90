"""The venue's reject codes beside FIX's own reasons, which are fewer: VenueRejectCode (20001) always says which it is."""

from __future__ import annotations

from exchange.domain.rejects import RejectCode

OTHER = 99

_ORDER = {
    RejectCode.UNKNOWN_INSTRUMENT: 1,
    RejectCode.INSTRUMENT_HALTED: 2,
    RejectCode.INSTRUMENT_CLOSED: 2,
    RejectCode.INSUFFICIENT_FUNDS: 3,
    RejectCode.INSUFFICIENT_UNITS: 3,
    RejectCode.QUANTITY_ABOVE_MAXIMUM: 3,
    RejectCode.TOO_MANY_OPEN_ORDERS: 3,
    RejectCode.PRICE_OUTSIDE_BAND: 3,
    RejectCode.EXPIRY_IN_THE_PAST: 4,
    RejectCode.UNKNOWN_ORDER: 5,
    RejectCode.CLIENT_ORDER_ID_REUSED: 6,
    RejectCode.ORDER_TERMS_CONFLICT: 11,
    RejectCode.POST_ONLY_WOULD_TRADE: 11,
    RejectCode.INVALID_QUANTITY: 13,
    RejectCode.QUANTITY_BELOW_MINIMUM: 13,
    RejectCode.QUANTITY_OFF_LOT: 13,
    RejectCode.UNKNOWN_ACCOUNT: 15,
}
_CANCEL = {RejectCode.UNKNOWN_ORDER: 1, RejectCode.CLIENT_ORDER_ID_REUSED: 6}
_QUOTE = {
    RejectCode.UNKNOWN_INSTRUMENT: 1,
    RejectCode.INSTRUMENT_HALTED: 2,
    RejectCode.INSTRUMENT_CLOSED: 2,
    RejectCode.INSUFFICIENT_FUNDS: 3,
    RejectCode.INSUFFICIENT_UNITS: 3,
    RejectCode.QUANTITY_ABOVE_MAXIMUM: 3,
    RejectCode.CLIENT_ORDER_ID_REUSED: 6,
    RejectCode.INVALID_PRICE: 8,
    RejectCode.PRICE_OUTSIDE_BAND: 8,
    RejectCode.PRICE_OFF_TICK: 8,
    RejectCode.NOT_PERMITTED: 9,
}
_BUSINESS = {
    RejectCode.UNKNOWN_INSTRUMENT: 2,
    RejectCode.UNAVAILABLE: 4,
    RejectCode.BUSY: 4,
    RejectCode.RATE_LIMITED: 4,
    RejectCode.NOT_PERMITTED: 6,
    RejectCode.UNKNOWN_ACCOUNT: 6,
}


def order_reason(code: RejectCode) -> int:
    """FIX 103 OrdRejReason."""
    return _ORDER.get(code, OTHER)


def cancel_reason(code: RejectCode) -> int:
    """FIX 102 CxlRejReason."""
    return _CANCEL.get(code, OTHER)


def quote_reason(code: RejectCode) -> int:
    """FIX 300 QuoteRejectReason and 368 QuoteEntryRejectReason."""
    return _QUOTE.get(code, OTHER)


def business_reason(code: RejectCode) -> int:
    """FIX 380 BusinessRejectReason; 0 is its `other`."""
    return _BUSINESS.get(code, 0)
