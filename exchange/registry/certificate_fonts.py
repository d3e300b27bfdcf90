"""Fonts for pages that carry their fonts with them: any name that a font here has is shown, in whatever script."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final, NamedTuple

import uharfbuzz  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_ALWAYS: Final = frozenset(map(chr, range(0x20, 0x7F))) | frozenset("…₂")
"""What our own words need."""


class FontFamily(NamedTuple):
    """Regular, and what stands for bold."""

    name: str
    regular: str
    bold: str


TEXT: Final = FontFamily(
    "text", "source-sans/ttf/SourceSans3-Regular.ttf", "source-sans/ttf/SourceSans3-Semibold.ttf"
)
DISPLAY: Final = FontFamily("display", "source-sans/ttf/SourceSans3-Light.ttf", TEXT.bold)
CODE: Final = FontFamily(
    "code", "source-code/ttf/SourceCodePro-Regular.ttf", "source-code/ttf/SourceCodePro-Semibold.ttf"
)
_WORLD: Final = FontFamily("world", "kurinto/ttf/KurintoSans-Rg.ttf", "kurinto/ttf/KurintoSans-Bd.ttf")
_EAST_ASIA: Final = tuple(
    FontFamily(
        f"east-{place.lower()}",
        f"kurinto/ttf/KurintoSans{place}-Rg.ttf",
        f"kurinto/ttf/KurintoSans{place}-Bd.ttf",
    )
    for place in ("JP", "SC", "TC", "KR")
)


class PageFonts:
    """What it takes to set some texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        used = _ALWAYS.union(*texts)
        self.further = _further(used - _characters(TEXT))
        """Families beside `TEXT`, the ones to try first in front."""
        self._known = frozenset[str]().union(*map(_characters, (TEXT, *self.further)))
        self._used = used & self._known

    def showable(self, text: str) -> str:
        """The text with the code of each character that no font has, such as [U+E000], in its place."""
        return "".join(
            character if character in self._known else f"[U+{ord(character):04X}]" for character in text
        )

    def write(self, folder: Path) -> Iterable[tuple[str, str, Path]]:
        """Write the fonts, cut down to what is used: name, style as the PDF library writes it, and file of each."""
        for family in (TEXT, DISPLAY, CODE, *self.further):
            for style, file in (("", family.regular), ("B", family.bold)):
                path = folder / f"{family.name}{style}.ttf"
                path.write_bytes(_cut_down(file, self._used))
                yield family.name, style, path


def _further(missing: frozenset[str]) -> list[FontFamily]:
    east_asian = missing - _characters(_WORLD)
    # One font for all of it where one has it all: the shapes of Chinese characters differ between countries, and kana
    # look as the characters around them.
    found = [family for family in _EAST_ASIA if east_asian and east_asian <= _characters(family)][:1]
    if not found:
        for family in _EAST_ASIA:
            if east_asian & _characters(family):
                found.append(family)
                east_asian -= _characters(family)
    missing = missing.difference(*map(_characters, found))
    return [*found, _WORLD] if missing & _characters(_WORLD) else found


@cache
def _face(file: str) -> uharfbuzz.Face:
    font = resources.files("weblate_fonts").joinpath("static", "weblate_fonts", *file.split("/"))
    with resources.as_file(font) as path:
        # Mapped, not read: fonts of East Asia have ten megabytes, of which a page needs little.
        return uharfbuzz.Face(uharfbuzz.Blob.from_file_path(path))


@cache
def _characters(family: FontFamily) -> frozenset[str]:
    return frozenset(map(chr, _face(family.regular).unicodes))


def _cut_down(file: str, characters: Iterable[str]) -> bytes:
    """The font with no more than these characters, and what shaping makes of them."""
    wanted = uharfbuzz.SubsetInput()
    wanted.unicode_set.update(map(ord, characters))
    cut: bytes = uharfbuzz.subset(_face(file), wanted).blob.data
    return cut
