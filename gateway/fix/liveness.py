"""The clocks of one connection: when to send a heartbeat, when to doubt the peer, and how long to wait for an answer."""

from __future__ import annotations

from gateway.fix.timestamps import SECOND_NS

LOGON_LIMIT_NS = 10 * SECOND_NS
"""Time from a connection to its Logon, and from a Logon to its answer."""
LOGOUT_LIMIT_NS = 10 * SECOND_NS
"""Time that the peer has to answer a Logout, or to close the connection after one."""
GAP_LIMIT_NS = 30 * SECOND_NS
"""Longest time without progress in filling a gap that we asked for."""


class Liveness:
    """Times of what was sent, received and asked."""

    def __init__(self, now_ns: int) -> None:
        self.sent_ns = now_ns
        """When the peer was last sent something."""
        self.received_ns = now_ns
        """When the last good message came."""
        self.heartbeat_s = 0
        """0: not agreed yet, nothing is watched."""
        self.testing = False
        """A TestRequest is out, and nothing has come since."""
        self.progress_ns = now_ns
        """When the numbers last moved."""
        self.answer_limit_ns = 0
        """By then our Logon or Logout must be answered; 0: neither is out."""

    def received(self, now_ns: int) -> None:
        """The peer lives."""
        self.received_ns = now_ns
        self.testing = False

    @property
    def beat_due_ns(self) -> int:
        """Something has to be sent by then."""
        return self.sent_ns + self.heartbeat_s * SECOND_NS

    @property
    def silence_limit_ns(self) -> int:
        """An interval and a fifth without any message calls for a TestRequest; twice that is the end."""
        return self.received_ns + self.heartbeat_s * SECOND_NS * (24 if self.testing else 12) // 10

    @property
    def gap_limit_ns(self) -> int:
        """A gap has to have become smaller by then."""
        return self.progress_ns + GAP_LIMIT_NS

    def deadline_ns(self, *, watching: bool, gap: bool) -> int | None:
        """The next of all these times; `watching`: messages are read, `gap`: some are missing."""
        limits = [self.answer_limit_ns] if self.answer_limit_ns else []
        if watching and self.heartbeat_s:
            limits += [self.beat_due_ns, self.silence_limit_ns]
            if gap:
                limits.append(self.gap_limit_ns)
        return min(limits, default=None)
