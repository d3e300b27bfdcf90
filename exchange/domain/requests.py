"""What was asked about live orders, by the id of the request: a repetition gets the answer that it got before."""

from __future__ import annotations

import msgspec

_ByAccount = dict[str, dict[str, int]]
"""Account, then request id, to the seq of the first event of the answer."""


class RememberedRequests(msgspec.Struct, eq=False):
    """Request ids of this business date and the one before."""

    today: _ByAccount = {}
    yesterday: _ByAccount = {}

    def find(self, account: str, request_id: str) -> int:
        """Seq of the first event of the answer; 0: the id was not used."""
        found = self.today.get(account, {}).get(request_id, 0)
        return found or self.yesterday.get(account, {}).get(request_id, 0)

    def remember(self, account: str, request_id: str, seq: int) -> None:
        """An answer was recorded; further events of the same answer, and refusals to use the id again, change nothing."""
        if not self.find(account, request_id):
            self.today.setdefault(account, {})[request_id] = seq

    def end_day(self) -> None:
        """The business date ended."""
        self.yesterday = self.today
        self.today = {}
