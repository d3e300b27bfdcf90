"""Cutting a stream of bytes into messages."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fix.checksum import checksum
from gateway.fix.framing import MAX_FRAME_BYTES, MAX_GARBAGE_BYTES, Framed, Framer, Garbled, Overlong
from tests.gateway.fix.dialogue import closed, wire

MESSAGES = [wire("0|34=2"), wire("1|34=3|112=hello"), wire("A|34=4|98=0|108=30|95=9|96=8=FIX.4.4")]


def cut(*chunks: bytes) -> list[Framed]:
    """All that a framer makes of chunks of bytes."""
    framer = Framer()
    framed: list[Framed] = []
    for chunk in chunks:
        framer.feed(chunk)
        while (item := framer.next_frame()) is not None:
            framed.append(item)
            if isinstance(item, Overlong):
                return framed
    return framed


def test_many_messages_in_one_packet() -> None:
    """All come out, in order."""
    assert MESSAGES == cut(b"".join(MESSAGES))


def test_byte_by_byte() -> None:
    """A message comes out when its last byte is there."""
    data = b"".join(MESSAGES)
    assert MESSAGES == cut(*(data[place : place + 1] for place in range(len(data))))


@given(st.lists(st.integers(0, 400), max_size=8))
def test_cut_anywhere(places: list[int]) -> None:
    """However the network cuts the stream, the messages are the same."""
    data = b"".join(MESSAGES * 2)
    cuts = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    assert MESSAGES * 2 == cut(*(data[begin:end] for begin, end in itertools.pairwise(cuts)))


def test_nothing_is_left_behind() -> None:
    """What came out takes no memory any more."""
    framer = Framer()
    for _ in range(3):
        framer.feed(MESSAGES[0] + MESSAGES[1][:10])
        assert MESSAGES[0] == framer.next_frame()
        framer.feed(MESSAGES[1][10:])
        assert MESSAGES[1] == framer.next_frame()
        assert framer.next_frame() is None
        assert 0 == len(framer)


def test_message_inside_a_message_of_wrong_check_sum_is_not_taken() -> None:
    """Data may hold what looks like a message; a damaged message is skipped as a whole."""
    inner = wire("D|34=3").decode()
    outer = wire(f"A|34=2|98=0|108=30|95={len(inner)}|96={inner}")
    assert [outer] == cut(outer)
    damaged = outer.replace(b"108=30", b"108=31")
    assert [Garbled(len(outer), "CheckSum is wrong"), MESSAGES[0]] == cut(damaged + MESSAGES[0])


@pytest.mark.parametrize(
    "garbage", [b"hello\x01", b"8=FIX.4.4\x01", b"\x00" * 40, b"8=FIX.4.4\x019=\x0135=0\x01"]
)
def test_message_after_garbage_is_found(garbage: bytes) -> None:
    """Garbage is skipped up to the next beginning."""
    first, *rest = cut(garbage + MESSAGES[0] + MESSAGES[1])
    assert Garbled(len(garbage), "no message begins here") == first
    assert MESSAGES[:2] == rest


def test_text_that_looks_like_a_beginning_is_none() -> None:
    """`58=FIX.4.4` in a damaged message ends with what could be a beginning, but no length follows."""
    damaged = wire("5|34=2|58=FIX.4.4").replace(b"\x0110=", b"\x0111=")
    assert [Garbled(len(damaged), "BodyLength is wrong"), MESSAGES[0]] == cut(damaged + MESSAGES[0])


def test_length_that_reaches_into_the_next_message() -> None:
    """A message that says it is longer swallows nothing: the next one is found inside."""
    message = wire("0|34=2|112=x")
    longer = message.replace(b"\x019=", b"\x019=1", 1)
    following = MESSAGES * 3
    framed = cut(longer + b"".join(following))
    assert [Garbled(len(longer), "BodyLength is wrong"), *following] == framed


@pytest.mark.parametrize("length", [b"99999", b"9999999"])
def test_message_that_is_too_long_is_not_waited_for(length: bytes) -> None:
    """The announcement is enough."""
    (framed,) = cut(b"8=FIX.4.4\x019=" + length + b"\x0135=D\x01")
    assert isinstance(framed, Overlong)


def test_longest_message() -> None:
    """A message of exactly the limit is taken, one byte more is not."""
    head = "8=FIX.4.4\x019=65511\x01"
    body = "35=5\x0158=" + "x" * (65511 - len("35=5\x0158=") - 1) + "\x01"
    longest = closed((head + body).encode())
    assert MAX_FRAME_BYTES == len(longest)
    assert [longest] == cut(longest)
    (framed,) = cut(longest.replace(b"9=65511", b"9=65512", 1))
    assert isinstance(framed, Overlong)


def test_garbage_is_limited() -> None:
    """Garbage is skipped with bounded memory, and ends the reading when there is too much."""
    framer = Framer()
    skipped = 0
    while True:
        framer.feed(b"x" * 1000)
        framed = framer.next_frame()
        assert len(framer) < 1030
        if isinstance(framed, Overlong):
            break
        assert isinstance(framed, Garbled)
        skipped += framed.skipped_bytes
        assert skipped <= MAX_GARBAGE_BYTES
    assert MAX_GARBAGE_BYTES - 1100 < skipped


@given(st.binary(max_size=2000))
def test_check_sum(data: bytes) -> None:
    """It is the sum of the bytes modulo 256, however long they are."""
    assert sum(data) % 256 == checksum(data)


def test_check_sum_of_high_bytes() -> None:
    """The fast way does not overflow where it would first."""
    for size in (255, 256, 257, 512, 65536):
        assert size * 255 % 256 == checksum(b"\xff" * size)


@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.sampled_from(MESSAGES), st.just(b"8=FIX.4.4\x019=")), max_size=12
    )
)
def test_any_bytes(chunks: list[bytes]) -> None:
    """Nothing raises, every byte is accounted for, and what comes out are messages."""
    framer = Framer()
    given_bytes = taken_bytes = 0
    for chunk in chunks:
        framer.feed(chunk)
        given_bytes += len(chunk)
        while (framed := framer.next_frame()) is not None:
            if isinstance(framed, bytes):
                assert framed.startswith(b"8=FIX")
                assert closed(framed[:-7]) == framed
                taken_bytes += len(framed)
            elif isinstance(framed, Garbled):
                assert framed.skipped_bytes > 0
                taken_bytes += framed.skipped_bytes
            else:
                return
        assert given_bytes == taken_bytes + len(framer)
