"""Quotes and the protection of those who make them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from exchange.domain.rejects import Reject, RejectCode
from gateway.fix import msg_types, protection_messages, requests, tags
from gateway.fix.message import Message, entries, text
from gateway.fix.order_handlers import maker_of
from gateway.fix.reasons import quote_reason
from gateway.fix.values import put_reject
from gateway.rendering import known_listing

if TYPE_CHECKING:
    from exchange.domain.events import Recorded
    from gateway.fix.application import Application
    from gateway.fix.message import Fields
    from gateway.fix.peer import FixPeer

MAX_ENTRIES = 200
"""Entries of one MassQuote."""
_QUERY = "3"
_NO_ANSWER, _ONLY_PROBLEMS = "0", "1"
_ACCEPTED, _REJECTED = 0, 5


def mass_quote(desk: Application, peer: FixPeer, message: Message) -> None:
    """MassQuote: each entry replaces the account's quote in an instrument, both sides or neither, in the order given."""
    fields = message.fields
    quoted = [
        (quote_set, entry)
        for quote_set in entries(fields, tags.NO_QUOTE_SETS)
        for entry in entries(quote_set, tags.NO_QUOTE_ENTRIES)
    ]
    answer = _MassQuote(desk, peer, message, len(quoted))
    maker = maker_of(peer)
    try:
        maker.check_account(fields)
        if not 0 < len(quoted) <= MAX_ENTRIES:
            raise Reject(RejectCode.BATCH_TOO_LARGE, f"a MassQuote has 1 to {MAX_ENTRIES} entries")
    except Reject as reject:
        answer.refuse_all(reject)
        return
    for quote_set, entry in quoted:
        refused = functools.partial(answer.refused, quote_set, entry)
        try:
            desk.spend_order(peer)
            command = requests.replace_quote(
                maker, desk.gateway.replica.state, text(fields, tags.QUOTE_ID), entry
            )
        except Reject as reject:
            refused(reject)
        else:
            desk.execute(peer, message, command, answer.accepted, refused)


def quote_cancel(desk: Application, peer: FixPeer, message: Message) -> None:
    """QuoteCancel: the quotes of some instruments, or all."""
    fields = message.fields

    def acknowledge(quote_status: int, reject: Reject | None = None) -> None:
        answer: Fields = {tags.QUOTE_ID: fields[tags.QUOTE_ID], tags.QUOTE_STATUS: quote_status}
        if reject is not None:
            desk.count(reject)
            answer[tags.QUOTE_REJECT_REASON] = quote_reason(reject.code)
        answer[tags.ACCOUNT] = peer.account
        if reject is not None:
            put_reject(answer, reject)
        peer.send(Message(msg_types.MASS_QUOTE_ACKNOWLEDGEMENT, answer))
        peer.dealt_with(message)

    try:
        desk.spend_cancel(peer)
        asked = requests.cancel_quotes(maker_of(peer), message)
    except Reject as reject:
        acknowledge(_REJECTED, reject)
        return
    outcomes: list[Reject | None] = []

    def settle(reject: Reject | None) -> None:
        outcomes.append(reject)
        if len(outcomes) == len(asked):
            problem = next((outcome for outcome in outcomes if outcome is not None), None)
            done = int(text(fields, tags.QUOTE_CANCEL_TYPE))
            acknowledge(done if problem is None else _REJECTED, problem)

    def answered(_events: list[Recorded], _duplicate: bool) -> None:  # noqa: FBT001
        settle(None)

    for command in asked:
        desk.execute(peer, message, command, answered, settle)


def protection(desk: Application, peer: FixPeer, message: Message) -> None:
    """ProtectionRequest: set, reset, or ask."""
    fields = message.fields
    maker = maker_of(peer)
    state = desk.gateway.replica.state

    def answer(reject: Reject | None = None) -> None:
        if reject is not None:
            desk.count(reject)
        peer.send(protection_messages.answer(fields, state, peer.account, text(fields, tags.SYMBOL), reject))
        peer.dealt_with(message)

    def answered(_events: list[Recorded], _duplicate: bool) -> None:  # noqa: FBT001
        answer()

    try:
        desk.spend_cancel(peer)
        known_listing(state, text(fields, tags.SYMBOL))
        if text(fields, tags.PROTECTION_ACTION) == _QUERY:
            maker.check_account(fields)
            answer()
            return
        command = requests.protect(maker, message)
    except Reject as reject:
        answer(reject)
    else:
        desk.execute(peer, message, command, answered, answer)


class _MassQuote:
    """Collects what became of the entries and answers when all are there."""

    def __init__(self, desk: Application, peer: FixPeer, message: Message, size: int) -> None:
        self._desk = desk
        self._peer = peer
        self._message = message
        self._missing = size
        self._size = size
        self._refused: list[tuple[Fields, Fields, Reject]] = []

    def accepted(self, _events: list[Recorded], _duplicate: bool) -> None:  # noqa: FBT001
        """An entry stands."""
        self._settle()

    def refused(self, quote_set: Fields, entry: Fields, reject: Reject) -> None:
        """An entry was refused; what the account had in the instrument still stands."""
        self._desk.count(reject)
        self._refused.append((quote_set, entry, reject))
        self._settle()

    def refuse_all(self, reject: Reject) -> None:
        """No entry was looked at."""
        self._desk.count(reject)
        answer = self._fields(_REJECTED)
        answer[tags.QUOTE_REJECT_REASON] = quote_reason(reject.code)
        put_reject(answer, reject)
        self._send(answer)

    def _settle(self) -> None:
        self._missing -= 1
        if self._missing:
            return
        level = text(self._message.fields, tags.QUOTE_RESPONSE_LEVEL)
        if level == _NO_ANSWER or (level == _ONLY_PROBLEMS and not self._refused):
            self._peer.dealt_with(self._message)
            return
        answer = self._fields(_REJECTED if len(self._refused) == self._size else _ACCEPTED)
        sets: dict[str, list[Fields]] = {}
        for quote_set, entry, reject in self._refused:
            sets.setdefault(text(quote_set, tags.QUOTE_SET_ID), []).append(
                {
                    tags.QUOTE_ENTRY_ID: entry[tags.QUOTE_ENTRY_ID],
                    tags.SYMBOL: entry[tags.SYMBOL],
                    tags.QUOTE_ENTRY_REJECT_REASON: quote_reason(reject.code),
                    tags.ENTRY_REJECT_CODE: reject.code.value,
                }
            )
        if sets:
            answer[tags.NO_QUOTE_SETS] = [
                {
                    tags.QUOTE_SET_ID: quote_set_id,
                    tags.TOT_NO_QUOTE_ENTRIES: len(refused),
                    tags.NO_QUOTE_ENTRIES: refused,
                }
                for quote_set_id, refused in sets.items()
            ]
            first = self._refused[0][2]
            put_reject(answer, first)
        self._send(answer)

    def _fields(self, quote_status: int) -> Fields:
        return {
            tags.QUOTE_ID: self._message.fields[tags.QUOTE_ID],
            tags.QUOTE_STATUS: quote_status,
            tags.ACCOUNT: self._peer.account,
        }

    def _send(self, answer: Fields) -> None:
        self._peer.send(Message(msg_types.MASS_QUOTE_ACKNOWLEDGEMENT, answer))
        self._peer.dealt_with(self._message)
