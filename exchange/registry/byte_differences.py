"""Where two files begin to differ, told for people."""

from __future__ import annotations

import re
from typing import Final

_EXCERPT_BYTES: Final = 40
_OBJECT: Final = re.compile(rb"^(\d+) 0 obj\b", re.MULTILINE)


def describe_difference(expected: bytes, found: bytes, *, is_pdf: bool = False) -> str:
    """One line on the first byte that differs: its place, what should be there and what is.

    Places in text have a line; places in a PDF file the number of the object, as its pages are no text.
    """
    pairs = enumerate(zip(expected, found, strict=False))
    offset = next((at for at, (wanted, got) in pairs if wanted != got), min(len(expected), len(found)))
    if is_pdf:
        objects = _OBJECT.findall(expected, 0, offset + 1)
        place = f"object {objects[-1].decode()}" if objects else "the beginning of the file"
    else:
        line = expected.count(b"\n", 0, offset) + 1
        place = f"line {line}"
    return f"at byte {offset}, {place}: {_excerpt(found, offset)} instead of {_excerpt(expected, offset)}"


def _excerpt(data: bytes, offset: int) -> str:
    if offset >= len(data):
        return "the end of the file"
    begin = max(0, offset - _EXCERPT_BYTES // 2)
    return repr(data[begin : offset + _EXCERPT_BYTES // 2].decode(errors="backslashreplace"))
