"""What a session demands of every message beside the dictionary: who sends it, when, and under which number."""

from __future__ import annotations

import msgspec

from gateway.fix import msg_types, tags
from gateway.fix.decoding import COMP_ID_PROBLEM, REQUIRED_TAG_MISSING, SENDING_TIME_PROBLEM, VALUE_INCORRECT
from gateway.fix.dictionary import MESSAGES
from gateway.fix.message import Message, Problem, integer, text
from gateway.fix.timestamps import SECOND_NS, parse_timestamp

SENDING_TIME_TOLERANCE_S = 120
ENDING_REASONS = frozenset({COMP_ID_PROBLEM, SENDING_TIME_PROBLEM})
"""FIX 373: after a Reject for such a reason the session ends."""


class SessionSettings(msgspec.Struct, frozen=True):
    """Who speaks with whom, and by which rules."""

    sender_comp_id: str
    """Ours."""
    target_comp_id: str
    """The peer's."""
    reset_on_logon: bool = False
    """For tests: both sides begin at number 1 with every logon."""
    shortest_heartbeat_s: int = 5
    longest_heartbeat_s: int = 120
    initiator: bool = False
    """We connect and log on; else the peer does."""


def header_problem(message: Message, settings: SessionSettings, now_ns: int) -> Problem | None:
    """A message from or for somebody else, or of another time. What is missing is the decoder's to find."""
    header = message.header
    peer, us = settings.target_comp_id, settings.sender_comp_id
    if header.get(tags.SENDER_COMP_ID, peer) != peer:
        return Problem(COMP_ID_PROBLEM, f"the CompID is not {peer}", tags.SENDER_COMP_ID)
    if header.get(tags.TARGET_COMP_ID, us) != us:
        return Problem(COMP_ID_PROBLEM, f"the CompID is not {us}", tags.TARGET_COMP_ID)
    sent_ns = parse_timestamp(text(header, tags.SENDING_TIME))
    if sent_ns is not None and abs(now_ns - sent_ns) > SENDING_TIME_TOLERANCE_S * SECOND_NS:
        return Problem(
            SENDING_TIME_PROBLEM,
            f"SendingTime is more than {SENDING_TIME_TOLERANCE_S} seconds from our time",
            tags.SENDING_TIME,
        )
    return None


def duplicate_problem(message: Message) -> Problem | None:
    """A message marked as possibly sent before, without saying when, or with a time that cannot be."""
    original = text(message.header, tags.ORIG_SENDING_TIME)
    if not original:
        return Problem(REQUIRED_TAG_MISSING, "a required field is missing", tags.ORIG_SENDING_TIME)
    original_ns = parse_timestamp(original)
    sent_ns = parse_timestamp(text(message.header, tags.SENDING_TIME))
    if original_ns is not None and sent_ns is not None and original_ns > sent_ns:
        return Problem(SENDING_TIME_PROBLEM, "OrigSendingTime is after SendingTime", tags.ORIG_SENDING_TIME)
    return None


def resend_problem(request: Message, last: int) -> Problem | None:
    """A ResendRequest for numbers that make no range, or that were not used; `last` is the last one that was."""
    begin = integer(request.fields, tags.BEGIN_SEQ_NO)
    end = integer(request.fields, tags.END_SEQ_NO)
    if not 1 <= begin <= last:
        return Problem(VALUE_INCORRECT, f"numbers 1 to {last} were sent", tags.BEGIN_SEQ_NO)
    if 0 < end < begin:
        return Problem(VALUE_INCORRECT, "EndSeqNo is below BeginSeqNo", tags.END_SEQ_NO)
    return None


def logon_refusal(logon: Message, settings: SessionSettings, now_ns: int) -> str:
    """Why a Logon cannot be taken although it is proved; empty: it can."""
    problem = logon.problem or header_problem(logon, settings, now_ns)
    if problem is not None:
        return f"{problem.text} ({problem.tag})"
    shortest_s, longest_s = settings.shortest_heartbeat_s, settings.longest_heartbeat_s
    if not shortest_s <= integer(logon.fields, tags.HEART_BT_INT) <= longest_s:
        return f"HeartBtInt must be from {shortest_s} to {longest_s} seconds"
    if asks_for_reset(logon) and logon.number != 1:
        return "a Logon with ResetSeqNumFlag has MsgSeqNum 1"
    return ""


def asks_for_reset(logon: Message) -> bool:
    """Whether both sides are to begin at number 1."""
    return text(logon.fields, tags.RESET_SEQ_NUM_FLAG) == "Y"


def sets_numbers(message: Message) -> bool:
    """A SequenceReset that is no gap fill, or a Logon in the middle of a session that begins it anew."""
    if message.problem is not None:
        return False
    if message.msg_type == msg_types.SEQUENCE_RESET:
        return text(message.fields, tags.GAP_FILL_FLAG) != "Y"
    return message.msg_type == msg_types.LOGON and asks_for_reset(message)


def describe_answer(answer: Message) -> str:
    """What came instead of a good Logon."""
    form = MESSAGES.get(answer.msg_type)
    name = f"a {form.name}" if form else "an unknown message"
    reason = answer.problem.text if answer.problem else text(answer.fields, tags.TEXT)
    return f"{name}: {reason}" if reason else name
