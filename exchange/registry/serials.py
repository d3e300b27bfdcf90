"""A block of serial numbers as its registry writes it: parse, render, split; and to and from `SerialBlock`."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import msgspec

from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import MAX_SERIAL, SerialBlock
from exchange.domain.well_formed import check_id
from exchange.registry.serial_forms import FORMS, SerialForm, SerialText, invalid

MAX_TEXT_LENGTH = 200
"""Characters of a block's text."""
MAX_OPAQUE_LENGTH = 150
"""Characters of the text of an unknown form, without the integers behind it."""


class SerialFields(msgspec.Struct, frozen=True):
    """What a serial number says about its units; None where its form does not say it."""

    project: str | None = None
    """The project's number at its registry, without the registry's prefix."""
    vintage: int | None = None
    """A year. Where the form gives a period, the year it begins in: rules on the age of credits ask for the oldest."""
    country: str | None = None
    """ISO 3166 code of the host country as written: two letters, three in an ITMO (first transferring Party)."""
    period_start: date | None = None
    period_end: date | None = None
    """Last day of the monitoring period, included."""
    additional_certification: bool | None = None
    segments: tuple[tuple[str, str], ...] = ()
    """Names and texts of all segments but the running numbers, in the order of the text."""


class SerialRange(msgspec.Struct, frozen=True):
    """Units `first..last`, both included, of one batch. Make one with `parse`, `opaque` or `SerialRange.of_block`.

    `batch`: the text with placeholders instead of the running numbers, see `serial_forms`; of an unknown form
    (`form` is None) the text as it was given. Two ranges of the same registry and batch can be compared.
    """

    registry: str
    batch: str
    first: int
    last: int
    form: SerialForm | None
    fields: SerialFields

    @classmethod
    def of_block(cls, block: SerialBlock) -> SerialRange:
        """The range of a block: of a known form if the block's batch is one of it, else opaque."""
        for form in FORMS:
            if form.registry != block.registry:
                continue
            try:
                taken_apart = form.read(form.write(block.batch, block.first, block.last))
                if taken_apart is not None and taken_apart.batch == block.batch:
                    return _range(form, taken_apart)
            except Reject:
                # It only looks like the form. The block is a fact all the same.
                continue
        return cls(block.registry, block.batch, block.first, block.last, None, SerialFields())

    @property
    def quantity(self) -> int:
        """Units in the range."""
        return self.last - self.first + 1

    def to_block(self) -> SerialBlock:
        """The same units as the ledger and the log name them; `of_block` gives this range back."""
        return SerialBlock(self.registry, self.batch, self.first, self.last)

    def render(self) -> str:
        """The text that `parse` reads: the registry's own, or `TEXT [FIRST to LAST]` for an unknown form."""
        if self.form is None:
            return f"{self.batch} [{self.first} to {self.last}]"
        return self.form.write(self.batch, self.first, self.last)

    def overlaps(self, other: SerialRange) -> bool:
        """Whether a unit is in both."""
        return (
            (self.registry, self.batch) == (other.registry, other.batch)
            and self.first <= other.last
            and other.first <= self.last
        )

    def part(self, first: int, last: int) -> SerialRange:
        """The units `first..last` of this range; raises `Reject` (SERIAL_BLOCK_INVALID) unless all lie in it."""
        if not self.first <= first <= last <= self.last:
            raise invalid(self.render(), f"{first} to {last} is no part of it")
        return msgspec.structs.replace(self, first=first, last=last)

    def split(self, at: int) -> tuple[SerialRange, SerialRange]:
        """Two ranges that tile this one, the second beginning `at`; raises `Reject` if one would be empty."""
        return self.part(self.first, at - 1), self.part(at, self.last)


def parse(text: str, registry: str = "") -> SerialRange:
    """Read a block's text.

    `registry`: whose serial it is; may be left out for the known forms, which tell it (but those of Kyoto units, which
    without it are the Gold Standard's). An unknown form is read as
    `TEXT [FIRST to LAST]`. Raises `Reject` (SERIAL_BLOCK_INVALID).
    """
    known = _parse_known(text, registry)
    if known is not None:
        if registry and registry != known.registry:
            raise invalid(text, f"it is one of {known.registry}, not of {registry}")
        return known
    opaque_text, bracket, integers = text.removesuffix("]").rpartition(" [")
    first, to, last = integers.partition(" to ")
    if not (registry and bracket and to and text.endswith("]") and _is_integer(first) and _is_integer(last)):
        raise invalid(text, "its form is not known; write TEXT [FIRST to LAST] and name the registry")
    return opaque(registry, opaque_text, int(first), int(last))


def block_text(registry: str, batch: str, first: int, last: int) -> str:
    """What `SerialRange.of_block` renders, quickly for many blocks of a few batches."""
    form = _form_of(registry, batch)
    return f"{batch} [{first} to {last}]" if form is None else form.write(batch, first, last)


def text_of(block: SerialBlock) -> str:
    """The text of a block."""
    return block_text(block.registry, block.batch, block.first, block.last)


@lru_cache(maxsize=4096)
def _form_of(registry: str, batch: str) -> SerialForm | None:
    # Which numbers stand in a batch's text makes no difference.
    return SerialRange.of_block(SerialBlock(registry, batch, 1, 2)).form


def opaque(registry: str, text: str, first: int, last: int) -> SerialRange:
    """A block whose form is not known: its text is kept as the name of the batch, the numbers are given beside it.

    Raises `Reject` where the text is of a known form, as its units would be in two batches then; where it is not plain
    ASCII in 1 to 150 characters with single blanks and no braces; or where the numbers are not `1 <= first <= last`
    of at most 18 digits.
    """
    check_id(registry, "registry")
    if not (0 < len(text) <= MAX_OPAQUE_LENGTH and text.isascii() and text.isprintable()):
        raise Reject(
            RejectCode.SERIAL_BLOCK_INVALID,
            f"a serial number has 1 to {MAX_OPAQUE_LENGTH} printable ASCII characters",
        )
    if text != " ".join(text.split()) or "{" in text or "}" in text:
        raise invalid(text, "it has single blanks between words only, and no braces")
    if _parse_known(text) is not None:
        raise invalid(text, "its form is known, so its numbers are read from it")
    if not 1 <= first <= last <= MAX_SERIAL:
        raise invalid(text, f"{first} to {last} is empty, reversed, or not between 1 and {MAX_SERIAL}")
    return SerialRange(registry, text, first, last, None, SerialFields())


def _parse_known(text: str, registry: str = "") -> SerialRange | None:
    """The block of a known form; where several registries write it so, that of `registry`, or else of the first."""
    if len(text) > MAX_TEXT_LENGTH:
        raise Reject(
            RejectCode.SERIAL_BLOCK_INVALID, f"a serial number has at most {MAX_TEXT_LENGTH} characters"
        )
    found: SerialRange | None = None
    for form in FORMS:
        taken_apart = form.read(text) if found is None or form.registry == registry else None
        if taken_apart is not None:
            found = _range(form, taken_apart)
    return found


def _range(form: SerialForm, taken_apart: SerialText) -> SerialRange:
    return SerialRange(
        form.registry,
        taken_apart.batch,
        taken_apart.first,
        taken_apart.last,
        form,
        _fields(taken_apart),
    )


def _fields(taken_apart: SerialText) -> SerialFields:
    segments = taken_apart.segments
    period_start, period_end = (_day(taken_apart, name) for name in ("period_start", "period_end"))
    if period_start and period_end and period_start > period_end:
        raise invalid(taken_apart.batch, f"its period ends on {period_end}, before it begins")
    vintage = period_start.year if period_start else segments.get("vintage")
    additional = segments.get("additional_certification")
    return SerialFields(
        project=segments.get("project"),
        vintage=None if vintage is None else int(vintage),
        country=segments.get("country", segments.get("party")),
        period_start=period_start,
        period_end=period_end,
        additional_certification=None if additional is None else additional == "1",
        segments=tuple(segments.items()),
    )


def _day(taken_apart: SerialText, name: str) -> date | None:
    """The date of a segment that is written DDMMYYYY."""
    digits = taken_apart.segments.get(name)
    if digits is None:
        return None
    try:
        return date(int(digits[4:]), int(digits[2:4]), int(digits[:2]))
    except ValueError:
        raise invalid(taken_apart.batch, f"{digits} is no date DDMMYYYY") from None


def _is_integer(digits: str) -> bool:
    """Whether the text is an integer as this module writes it, and not longer than any of them."""
    return digits.isascii() and digits.isdigit() and digits[0] != "0" and len(digits) <= len(str(MAX_SERIAL))
