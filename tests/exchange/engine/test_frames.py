"""Frames: a stream of bytes becomes the same frames however it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.engine import frames


@given(st.lists(st.binary(max_size=50), max_size=10), st.data())
def test_a_stream_may_be_cut_anywhere(bodies: list[bytes], data: st.DataObject) -> None:
    """Bodies come out whole and in order, empty ones included, whatever pieces the socket makes."""
    received: list[bytes] = []
    protocol = frames.FrameProtocol(received.append, lambda _error: None)
    stream = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        protocol.data_received(stream[:size])
        stream = stream[size:]

    assert bodies == received


def test_a_frame_that_is_too_long_is_refused_before_it_has_come() -> None:
    """The length alone is enough: nobody can make the other side collect bytes without end."""
    protocol = frames.FrameProtocol(lambda _body: None, lambda _error: None)

    with pytest.raises(frames.FrameError, match=f"a frame of {frames.MAX_FRAME_BYTES + 1} bytes"):
        protocol.data_received((frames.MAX_FRAME_BYTES + 1).to_bytes(4, "big"))
