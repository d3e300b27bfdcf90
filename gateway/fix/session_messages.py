"""Messages that every session needs: rejects, gap fills, and messages sent once more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.fix import msg_types, tags
from gateway.fix.encoding import frame_message
from gateway.fix.message import Fields, Message, integer

if TYPE_CHECKING:
    from gateway.fix.message import Problem

_SENT = re.compile(
    r"8=FIX\.4\.4\x019=[0-9]+\x01"
    r"(?P<before>35=[^\x01]+\x0149=[^\x01]+\x0156=[^\x01]+\x0134=[0-9]+\x01)"
    r"52=(?P<sent>[^\x01]+)\x01(?P<after>.*)10=[0-9]{3}\x01",
    re.DOTALL,
)
"""A message as the session encodes it."""


def ascii_text(text: str) -> str:
    """Text for a field that holds ASCII only: other characters become question marks."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable.encode("ascii", "replace").decode("ascii")


def session_reject(message: Message, problem: Problem) -> Message:
    """A Reject: the message breaks a rule of the protocol."""
    fields: Fields = {tags.REF_SEQ_NUM: message.number}
    if problem.tag:
        fields[tags.REF_TAG_ID] = problem.tag
    if message.msg_type:
        fields[tags.REF_MSG_TYPE] = ascii_text(message.msg_type)
    fields[tags.SESSION_REJECT_REASON] = problem.reason
    fields[tags.TEXT] = ascii_text(problem.text)
    return Message(msg_types.REJECT, fields)


def business_reject(
    message: Message, reason: int, text: str, *, ref_id: str = "", venue_code: int = 0
) -> Message:
    """A BusinessMessageReject: the message is well formed, but the application cannot take it.

    `reason` is FIX 380; `ref_id` the request's own id; `venue_code` one of the venue's reject codes.
    """
    fields: Fields = {
        tags.REF_SEQ_NUM: integer(message.header, tags.MSG_SEQ_NUM),
        tags.REF_MSG_TYPE: message.msg_type,
    }
    if ref_id:
        fields[tags.BUSINESS_REJECT_REF_ID] = ref_id
    fields[tags.BUSINESS_REJECT_REASON] = reason
    fields[tags.TEXT] = ascii_text(text)
    if venue_code:
        fields[tags.VENUE_REJECT_CODE] = venue_code
    return Message(msg_types.BUSINESS_MESSAGE_REJECT, fields)


def send_again(sent: bytes, sending_time: str) -> bytes:
    """The same message with PossDupFlag, and the time it was sent first; raises ValueError for anything else."""
    parts = _SENT.fullmatch(sent.decode("latin-1"))
    if parts is None:
        raise ValueError(f"this is no message that a session has sent: {sent!r}")
    before, first_sent, after = parts.group("before", "sent", "after")
    return frame_message(f"{before}43=Y\x0152={sending_time}\x01122={first_sent}\x01{after}")
