"""Numbered reject codes: every refusal a client can meet, from the wire to the book.

1xxx malformed, 2xxx identity and rights, 3xxx instrument and session, 4xxx funds and units, 5xxx book, 6xxx rules of carbon.
A code keeps its number and meaning for ever.
"""

from __future__ import annotations

from enum import IntEnum


class RejectCode(IntEnum):
    """The number a client programs against; the name is its stable text form."""

    MALFORMED_FRAME = 1000
    UNKNOWN_METHOD = 1001
    INVALID_PARAMS = 1002
    FRAME_TOO_LARGE = 1003
    BATCH_TOO_LARGE = 1004
    UNKNOWN_CHANNEL = 1005
    INVALID_QUANTITY = 1006
    INVALID_PRICE = 1007
    INVALID_AMOUNT = 1008
    INVALID_DATE = 1009

    NOT_LOGGED_ON = 2000
    LOGON_FAILED = 2001
    ALREADY_LOGGED_ON = 2002
    NOT_PERMITTED = 2003
    UNKNOWN_ACCOUNT = 2004
    RATE_LIMITED = 2005
    UNKNOWN_KEY = 2006
    UNKNOWN_PARTICIPANT = 2007
    ALREADY_EXISTS = 2008
    UNKNOWN_SESSION = 2009
    TOO_MANY_SUBSCRIPTIONS = 2010
    SLOW_CONSUMER = 2011
    TOO_MANY_CONNECTIONS = 2012
    NOT_SUBSCRIBED = 2013

    UNKNOWN_INSTRUMENT = 3000
    INSTRUMENT_HALTED = 3001
    INSTRUMENT_CLOSED = 3002
    PRICE_OUTSIDE_BAND = 3003
    QUANTITY_BELOW_MINIMUM = 3004
    QUANTITY_ABOVE_MAXIMUM = 3005
    QUANTITY_OFF_LOT = 3006
    PRICE_OFF_TICK = 3007
    ORDER_TERMS_CONFLICT = 3008
    EXPIRY_IN_THE_PAST = 3009
    INVALID_INSTRUMENT = 3010
    INSTRUMENT_STATE_UNCHANGED = 3011
    BUSY = 3012
    UNAVAILABLE = 3013
    VENUE_NOT_OPEN = 3014
    READ_ONLY = 3015
    HISTORY_TOO_LONG = 3016

    INSUFFICIENT_FUNDS = 4000
    INSUFFICIENT_UNITS = 4001
    CLASS_NOT_DELIVERABLE = 4002
    DELIVERY_MISMATCH = 4003
    UNKNOWN_CLASS = 4004
    UNKNOWN_CURRENCY = 4005
    REFERENCE_REUSED = 4006
    SERIAL_BLOCK_INVALID = 4007
    SERIAL_BLOCK_OVERLAPS = 4008
    SERIAL_BLOCK_NOT_HELD = 4009
    BENEFICIARY_REQUIRED = 4010
    COUNTERPARTY_NOT_COVERED = 4011
    BLOCK_TRADE_DIFFERS = 4012
    UNKNOWN_BLOCK_TRADE = 4013
    UNITS_LOCKED = 4014
    UNKNOWN_RETIREMENT = 4015
    CERTIFICATE_NOT_READY = 4016

    UNKNOWN_ORDER = 5000
    CLIENT_ORDER_ID_REUSED = 5001
    POST_ONLY_WOULD_TRADE = 5002
    NOTHING_TO_AMEND = 5003
    TOO_MANY_OPEN_ORDERS = 5004

    EX_ANTE_NOT_RETIRABLE = 6000


class Reject(Exception):  # noqa: N818 - a refusal is an answer, not an error of ours
    """A refusal on its way to the client; `message` says in one sentence what to change."""

    def __init__(self, code: RejectCode, message: str) -> None:
        super().__init__(f"{code.value} {code.name}: {message}")
        self.code = code
        self.message = message
