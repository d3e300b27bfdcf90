"""The forms in which registries write serial numbers, as one table; pure text work, no state.

A form has named segments and one of two layouts for a block `first..last`:

- both numbers in one text: `ACR-US-123-2020-77-{first} to {last}`;
- the serial numbers of the first and the last unit, joined: `RW-5-{serial}-2-2-0-7014`, written twice.

A *batch* is that text with its placeholders `{first}` and `{last}`, or one unit's with `{serial}`: everything but the
running numbers. Blocks are compared by their batch, so a form has exactly one way to write a block. A second way (zeros
in front, a pair where one unit stands alone) would be a second batch, in which the same tonne could be counted
again; such a text is refused with the reason.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import MAX_SERIAL, OWN_REGISTRY

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER = "(?:0|[1-9][0-9]{0,8})"

SEGMENTS: Mapping[str, str] = {
    # Any digits: what is wrong with a running number is said when it is read.
    **dict.fromkeys(("first", "last", "serial"), "[0-9]{1,40}"),
    **dict.fromkeys(("batch_number", "project", "activity", "developer", "scope", "series"), _NUMBER),
    **dict.fromkeys(("unit_type", "issued_for", "valid_for", "land_use", "certification"), _NUMBER),
    "additional_certification": "[01]",
    "cooperative_approach": "CA[0-9]{4}",
    "country": "[A-Z]{2}",
    "credit_type": "(?:ER|ERL|FM|KC|KCP|JRM|KRM)",
    "market": "(?:1|ROC)",
    "party": "[A-Z]{3}",
    "party_registry": "[A-Z]{3}[0-9]{2}",
    "period_end": "[0-9]{8}",
    "period_start": "[0-9]{8}",
    "scheme": "(?:JC|JCL|KC|KCP|JP)",
    "state": "[A-Z0-9]{1,4}",
    "vintage": "[0-9]{4}",
    "own_class": f"{OWN_REGISTRY}-[!-z|~]{{1,60}}",
}
"""The regular expression of each segment. None has a blank, and but for `own_class`, which a number follows, none has a
hyphen: a text matches in one way, in linear time.
"""


class SerialText(msgspec.Struct, frozen=True):
    """A block taken apart: its batch, both running numbers, and name and text of all other segments."""

    batch: str
    first: int
    last: int
    segments: dict[str, str]


class SerialForm(msgspec.Struct, frozen=True):
    """One way to write blocks of a registry.

    `registry`: its code, as in `SerialBlock`. `pattern`: the text, with `{name}` for each of its `SEGMENTS`.
    `joint`: what stands between the serial numbers of first and last unit, where `pattern` is one unit's.
    `lone_unit`: a block of one unit is written as that unit's serial number alone, not as a pair.
    """

    name: str
    registry: str
    pattern: str
    joint: str = ""
    lone_unit: bool = False

    def read(self, text: str) -> SerialText | None:
        """Take a block's text apart; None if it is not of this form.

        Raises `Reject` (SERIAL_BLOCK_INVALID) where the text is of the form but breaks a rule of it.
        """
        taken_apart = self._read_pair(text) if self.joint else self._read_inline(text)
        if taken_apart is not None and taken_apart.first > taken_apart.last:
            raise invalid(text, f"the block is reversed: {taken_apart.first} comes after {taken_apart.last}")
        return taken_apart

    def write(self, batch: str, first: int, last: int) -> str:
        """The text of the block `first..last` of a batch of this form."""
        if not self.joint:
            return batch.replace("{first}", str(first)).replace("{last}", str(last))
        start = batch.replace("{serial}", str(first))
        if self.lone_unit and first == last:
            return start
        return start + self.joint + batch.replace("{serial}", str(last))

    def _read_inline(self, text: str) -> SerialText | None:
        match = _expression(self.pattern).fullmatch(text)
        if match is None:
            return None
        (begin, end), (begin_last, end_last) = match.span("first"), match.span("last")
        batch = f"{text[:begin]}{{first}}{text[end:begin_last]}{{last}}{text[end_last:]}"
        segments = match.groupdict()
        first, last = segments.pop("first"), segments.pop("last")
        return SerialText(batch, _running_number(text, first), _running_number(text, last), segments)

    def _read_pair(self, text: str) -> SerialText | None:
        head, joint, tail = text.partition(self.joint)
        start = self._read_unit(head)
        if start is None:
            return None
        if not joint:
            if not self.lone_unit:
                raise invalid(text, f"a block is written as FIRST{self.joint}LAST, one unit too")
            return start
        end = self._read_unit(tail)
        if end is None or end.batch != start.batch:
            raise invalid(text, "its two serial numbers do not differ in the running number only")
        if self.lone_unit and start.first == end.first:
            raise invalid(text, f"one unit is written as {head}")
        return SerialText(start.batch, start.first, end.last, start.segments)

    def _read_unit(self, text: str) -> SerialText | None:
        match = _expression(self.pattern).fullmatch(text)
        if match is None:
            return None
        begin, end = match.span("serial")
        segments = match.groupdict()
        number = _running_number(text, segments.pop("serial"))
        return SerialText(f"{text[:begin]}{{serial}}{text[end:]}", number, number, segments)


_KYOTO_UNIT = "{country}-{unit_type}-{serial}-{issued_for}-{valid_for}-{land_use}-{project}"
"""Decision 13/CMP.1: country, type, number, commitment periods of issue and validity, activity, project."""

FORMS = (
    SerialForm(
        "VCS",
        "VCS",
        "{batch_number}-{first}-{last}-VCS-VCU-{series}-VER-{country}-{scope}-{project}"
        "-{period_start}-{period_end}-{additional_certification}",
    ),
    SerialForm(
        "CAR",
        "CAR",
        "CAR-{market}-{country}-{project}-{activity}-{developer}-{state}-{vintage}-{batch_number}-{first} to {last}",
    ),
    SerialForm("ACR", "ACR", "ACR-{country}-{project}-{vintage}-{batch_number}-{first} to {last}"),
    SerialForm("ART", "ART", "ART-{country}-{project}-{vintage}-{batch_number}-{first} to {last}"),
    # Credits of the Forest Carbon Partnership Facility are on the books of ART's registry.
    SerialForm("FCPF", "ART", "FCPF-{country}-{project}-{vintage}-{batch_number}-{first} to {last}"),
    SerialForm(
        "GS", "GS", "GS1-{unit_type}-{country}-GS{project}-{activity}-{vintage}-{batch_number}-{first}-{last}"
    ),
    SerialForm("GS legacy", "GS", _KYOTO_UNIT, joint=" - "),
    # The same text: a Gold Standard label does not change a credit's number. Whoever knows the registry says so.
    SerialForm("CER", "CDM", _KYOTO_UNIT, joint=" - "),
    # Japan publishes the codes of scheme, credit type and certification, but no text form for a block: this one is ours.
    SerialForm("J-Credit", "J-CREDIT", "{scheme}-{credit_type}-{certification}-{first} to {last}"),
    # Decision 6/CMA.4 numbers each unit; reports give the first and the last.
    SerialForm(
        "ITMO",
        "ITMO",
        "{cooperative_approach}-{party_registry}-{party}-{serial}-{vintage}",
        joint=" - ",
        lone_unit=True,
    ),
    # Serials that are issued here count within their credit class.
    SerialForm("EXC", OWN_REGISTRY, "{own_class}-{first} to {last}"),
)


def invalid(text: str, reason: str) -> Reject:
    """The refusal of a serial number's text."""
    return Reject(RejectCode.SERIAL_BLOCK_INVALID, f"serial number {text!r}: {reason}")


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    def segment(placeholder: re.Match[str]) -> str:
        name = placeholder[1]
        return f"(?P<{name}>{SEGMENTS[name]})"

    # The rest of a pattern is letters, digits, hyphens and blanks, which stand for themselves.
    return re.compile(re.sub(r"\{(\w+)\}", segment, pattern))


def _running_number(text: str, digits: str) -> int:
    if digits.startswith("0"):
        raise invalid(text, "running numbers start from 1 and have no zeros in front")
    number = int(digits)
    if number > MAX_SERIAL:
        raise invalid(text, "running numbers have at most 18 digits")
    return number
