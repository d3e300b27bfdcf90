"""Messages to bytes and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fix import msg_types, tags
from gateway.fix.decoding import decode
from gateway.fix.dictionary import FROM_VENUE, MESSAGES, TO_VENUE, Member
from gateway.fix.encoding import encode
from gateway.fix.framing import Framer
from gateway.fix.message import Message, Problem, data, entries, integer, text
from gateway.fix.timestamps import render_date, render_timestamp
from tests.gateway.fix.dialogue import wire
from tests.market import START_NS

if TYPE_CHECKING:
    from gateway.fix.message import Fields, Value

HEADER = "49=CARBON\x0156=MAKER1\x0134=7\x0152=20261123-00:00:00.000\x01"
HEADER_FIELDS: Fields = {
    tags.SENDER_COMP_ID: "CARBON",
    tags.TARGET_COMP_ID: "MAKER1",
    tags.MSG_SEQ_NUM: "7",
    tags.SENDING_TIME: "20261123-00:00:00.000",
}

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12)
DECIMALS = st.from_regex(r"-?[0-9]{1,15}(\.[0-9]{0,15})?", fullmatch=True)
WHOLE = st.integers(0, 10**18 - 1).map(str)
TIMES = st.integers(0, 4 * 10**18)
VALUES: dict[str, st.SearchStrategy[Value]] = {
    "AMT": DECIMALS,
    "BOOLEAN": st.sampled_from("YN"),
    "CHAR": st.characters(min_codepoint=32, max_codepoint=126),
    "CURRENCY": st.from_regex("[A-Z]{3}", fullmatch=True),
    "DATA": st.binary(min_size=1, max_size=40),
    "INT": st.integers(-(10**18) + 1, 10**18 - 1).map(str),
    "LENGTH": WHOLE,
    "LOCALMKTDATE": st.dates().map(lambda day: render_date(day.isoformat())),
    "PRICE": DECIMALS,
    "QTY": DECIMALS,
    "SEQNUM": WHOLE,
    "STRING": PRINTABLE,
    "UTCDATEONLY": st.dates().map(lambda day: render_date(day.isoformat())),
    "UTCTIMEONLY": TIMES.map(lambda at_ns: render_timestamp(at_ns)[9:]),
    "UTCTIMESTAMP": TIMES.map(render_timestamp),
}


def values(member: Member) -> st.SearchStrategy[Value]:
    """Any value that may stand in a field."""
    field = member.field
    if member.members:
        return st.lists(fields_of(member.members), max_size=3)
    if field.type == "MULTIPLEVALUESTRING":
        return st.lists(st.sampled_from(sorted(field.values)), min_size=1, max_size=3).map(" ".join)
    if field.values:
        return st.sampled_from(sorted(field.values))
    return VALUES[field.type]


def fields_of(members: tuple[Member, ...]) -> st.SearchStrategy[Fields]:
    """Any fields that a message or an entry of a group may have; the first one of a group is always there."""
    lengths = {member.field.length_tag for member in members}
    real = [member for member in members if member.field.tag not in lengths]
    required = {
        member.field.tag: values(member)
        for position, member in enumerate(real)
        if member.required or not position
    }
    optional = {member.field.tag: values(member) for member in real if member.field.tag not in required}
    order = [member.field.tag for member in real]
    return st.fixed_dictionaries(required, optional=optional).map(
        lambda fields: {tag: fields[tag] for tag in order if tag in fields}
    )


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Any message of the dialect."""
    form = draw(st.sampled_from(sorted(MESSAGES.values(), key=lambda form: form.name)))
    return Message(form.msg_type, draw(fields_of(form.members)))


def has_data(fields: Fields) -> bool:
    return any(
        isinstance(value, bytes) or (isinstance(value, list) and any(map(has_data, value)))
        for value in fields.values()
    )


@given(messages())
def test_round_trip(message: Message) -> None:
    """Every message of the dialect comes back as it was, through framer and decoder."""
    framer = Framer()
    framer.feed(encode(message.msg_type, HEADER, message.fields))
    frame = framer.next_frame()
    assert isinstance(frame, bytes)
    decoded = decode(frame, TO_VENUE if message.msg_type in TO_VENUE else FROM_VENUE)
    expected = Message(message.msg_type, message.fields)
    expected.header = HEADER_FIELDS | ({tags.MESSAGE_ENCODING: "UTF-8"} if has_data(message.fields) else {})
    assert expected == decoded


def test_bytes_of_a_message() -> None:
    """Length and check sum as a calculation by hand gives them."""
    fields: Fields = {
        tags.QUOTE_ID: "q1",
        tags.NO_QUOTE_SETS: [
            {
                tags.QUOTE_SET_ID: "1",
                tags.TOT_NO_QUOTE_ENTRIES: 2,
                tags.NO_QUOTE_ENTRIES: [
                    {tags.QUOTE_ENTRY_ID: "a", tags.SYMBOL: "X", tags.BID_PX: "9.5"},
                    {tags.QUOTE_ENTRY_ID: "b", tags.SYMBOL: "Y"},
                ],
            }
        ],
    }
    body = (
        "35=i|49=CARBON|56=MAKER1|34=7|52=20261123-00:00:00.000|117=q1|296=1|302=1|304=2|295=2|"
        "299=a|55=X|132=9.5|299=b|55=Y|"
    )
    expected = f"8=FIX.4.4|9={len(body)}|{body}".replace("|", "\x01").encode()
    assert expected + f"10={sum(expected) % 256:03d}\x01".encode() == encode("i", HEADER, fields)


def test_data_may_hold_delimiters() -> None:
    """The length says where data end, whatever is in them; the header says that they are UTF-8."""
    original = "Bäume\x0110=000\x018=FIX.4.4\x01".encode()
    encoded = encode("5", HEADER, {tags.TEXT: "trees", tags.ENCODED_TEXT: original})
    framer = Framer()
    framer.feed(encoded + encoded)
    frames = [framer.next_frame(), framer.next_frame()]
    assert [encoded, encoded] == frames
    message = decode(encoded, TO_VENUE)
    assert message.problem is None
    assert original == data(message.fields, tags.ENCODED_TEXT)
    assert "UTF-8" == text(message.header, tags.MESSAGE_ENCODING)


@pytest.mark.parametrize(
    "fields",
    [
        {58: "a\x01b"},
        {58: "Bäume"},
        {296: [{302: "a\x0110=000"}]},
        {58: "a\x01b", 355: b"data"},
        {296: [{302: "ä"}], 355: b"data"},
    ],
)
def test_text_that_no_field_can_hold_is_not_sent(fields: Fields) -> None:
    """A delimiter or a letter beyond ASCII in text would damage the message: it is our error."""
    with pytest.raises(ValueError, match="only data may hold"):
        encode("5", HEADER, fields)


def test_header_fields_in_any_order() -> None:
    """After the first three, fields of the header and of the body have no order."""
    one = decode(wire("1|34=3|43=N|97=Y|50=desk|112=a"), TO_VENUE)
    other = decode(wire("1|50=desk|97=Y|43=N|34=3|112=a"), TO_VENUE)
    assert one == other
    assert one.problem is None
    assert (3, False, True) == (one.number, one.poss_dup, one.poss_resend)


def test_characters_that_no_field_may_hold_inside_a_group() -> None:
    """Beside good data elsewhere, text in an entry of a group is looked at, too."""
    order = "11=a|55=X|54=1|60=@0|38=1|40=2|20008=2|20009=\xff\x01|20003=1|20004={}|20005=1"
    assert decode(wire("D|34=2|" + order.format("VCS")), TO_VENUE).problem is None
    problem = decode(wire("D|34=2|" + order.format("V\xc9S")), TO_VENUE).problem
    assert Problem(6, "the value is no STRING", tags.DELIVERY_CLASS) == problem


def test_group_of_no_entries() -> None:
    """A count of zero is fine."""
    message = decode(wire("Z|34=2|117=q|298=4|295=0|301=0"), TO_VENUE)
    assert message.problem is None
    assert [] == entries(message.fields, tags.NO_QUOTE_ENTRIES)


def test_entries_may_leave_out_what_is_optional() -> None:
    """Each entry has its own fields."""
    message = decode(wire("i|34=2|117=q|296=1|302=s|304=2|295=2|299=e|55=X|132=1|299=f|55=Y|135=2"), TO_VENUE)
    (quote_set,) = entries(message.fields, tags.NO_QUOTE_SETS)
    assert [
        {tags.QUOTE_ENTRY_ID: "e", tags.SYMBOL: "X", tags.BID_PX: "1"},
        {tags.QUOTE_ENTRY_ID: "f", tags.SYMBOL: "Y", tags.OFFER_SIZE: "2"},
    ] == entries(quote_set, tags.NO_QUOTE_ENTRIES)


def test_refused_message_tells_what_the_session_needs() -> None:
    """Number and duplicate flag are found wherever they stand, if they are well formed."""
    message = decode(wire("D|11=a|43=Y|34=12"), TO_VENUE)
    assert (12, True, Problem(14, "a field of the header stands in the body", 34)) == (
        message.number,
        message.poss_dup,
        message.problem,
    )
    assert 0 == decode(wire("D|11=a|34=-2"), TO_VENUE).number


def test_directions() -> None:
    """What a venue sends it does not take, and what it takes a client does not."""
    assert Problem(3, "this venue does not take such messages", business=True) == (
        decode(wire("8|34=2"), TO_VENUE).problem
    )
    assert decode(wire("D|34=2"), FROM_VENUE).problem is not None
    assert TO_VENUE.keys() & FROM_VENUE.keys() == set("012345Aj")


def test_ways_to_read_fields() -> None:
    """Absent fields read as nothing; the wrong way to read a field is a bug and raises."""
    fields: Fields = {1: "12", 2: b"xy", 3: [{4: "5"}], 5: 6}
    assert ("12", 12, 6, b"xy", [{4: "5"}]) == (
        text(fields, 1),
        integer(fields, 1),
        integer(fields, 5),
        data(fields, 2),
        entries(fields, 3),
    )
    assert ("", 0, 7, b"", []) == (
        text(fields, 9),
        integer(fields, 9),
        integer(fields, 9, 7),
        data(fields, 9),
        entries(fields, 9),
    )
    for read, tag in ((text, 2), (integer, 3), (data, 1), (entries, 1)):
        with pytest.raises(TypeError):
            read(fields, tag)


def test_message_shows_what_it_holds() -> None:
    """For people who look for an error; with the problem, if there is one, and never with a password."""
    assert "Message('0', {112: 'a'})" == repr(Message(msg_types.HEARTBEAT, {112: "a"}))
    assert "secret" not in repr(Message(msg_types.LOGON, {tags.PASSWORD: "secret"}))
    assert "required field" in repr(decode(wire("1|34=2"), TO_VENUE))
    assert Message("0", {}) != 0


@given(st.lists(st.tuples(st.integers(0, 20100), PRINTABLE), max_size=12), st.sampled_from(sorted(TO_VENUE)))
def test_any_fields(pairs: list[tuple[int, str]], msg_type: str) -> None:
    """Whatever fields a message has, decoding gives a message, and a problem unless all is right."""
    body = "|".join(f"{tag}={value}" for tag, value in pairs).replace("\x01", " ")
    message = decode(wire(f"{msg_type}|34=2|{body}"), TO_VENUE)
    assert msg_type == message.msg_type


@given(messages(), st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3))
def test_any_damage(message: Message, place: int, insert: bytes, remove: int) -> None:
    """Decoding never raises, whatever happened to the fields of a message."""
    encoded = encode(message.msg_type, HEADER, message.fields)
    start = encoded.index(b"\x01", encoded.index(b"\x0135=") + 1) + 1
    place = min(start + place, len(encoded) - 7)
    damaged = encoded[:place] + insert + encoded[min(place + remove, len(encoded) - 7) :]
    decoded = decode(damaged, TO_VENUE if message.msg_type in TO_VENUE else FROM_VENUE)
    assert message.msg_type == decoded.msg_type


def test_times_in_a_header() -> None:
    """Milliseconds are what FIX 4.4 has; newer engines' microseconds and nanoseconds are taken, too."""
    for time in (
        "20261123-00:00:00",
        render_timestamp(START_NS),
        "20261123-00:00:00.000001",
        "20261123-00:00:00.000000001",
    ):
        assert decode(wire(f"0|34=2|52={time}"), TO_VENUE).problem is None
