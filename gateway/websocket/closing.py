"""Why the server closes a websocket connection: codes of RFC 6455 where one fits, else 4xxx."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """4011, 4005 and 4006 are the reject codes 2011, 2005 and 2006 on this scale."""

    GOING_AWAY = 1001
    """The gateway shuts down in order."""
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    """The engine stopped: the outcome of open requests is unknown. Connect again and ask."""
    IDLE = 4000
    """Nothing came for too long, not even the answer to a ping."""
    RATE_LIMITED = 4005
    """Rate limits were ignored for too long."""
    SESSION_ENDED = 4006
    """The venue ended the session, for example because its key was revoked."""
    SLOW_CONSUMER = 4011
    """Too much was waiting to be read."""
