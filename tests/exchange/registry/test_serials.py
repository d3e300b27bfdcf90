"""Serial numbers of every form: read, written back, split, and turned into blocks and back."""

from __future__ import annotations

import csv
import string
import time
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import MAX_SERIAL, SerialBlock, own_batch
from exchange.registry.serial_forms import FORMS, SEGMENTS, SerialForm
from exchange.registry.serials import MAX_TEXT_LENGTH, SerialFields, SerialRange, block_text, opaque, parse

if TYPE_CHECKING:
    from pathlib import Path

VCS = "19298-935995787-935995804-VCS-VCU-1491-VER-BR-1-513-01012018-31122018-0"
CAR = "CAR-ROC-US-2056-129-2283-WV-2025-8969-1 to 260294"
ACR = "ACR-FR-1129-2025-2917-30932 to 35143"
ART = "ART-GY-102-2019-3-2500001 to 2600000"
FCPF = "FCPF-CI-130-2023-20-1 to 46404"
GS = "GS1-1-UG-GS11236-16-2024-30307-1-19149"
GS_LEGACY = "RW-5-1463953-2-2-0-7014 - RW-5-1467609-2-2-0-7014"
J_CREDIT = "JCL-ERL-1042-501 to 1500"
ITMO = "CA0001-GHA01-GHA-1-2021 - CA0001-GHA01-GHA-500-2021"
ITMO_UNIT = "CA0001-GHA01-GHA-17-2021"
OWN = "EXC-7-2026-501 to 1500"
OPAQUE = "PURO-FI-2024/7 lot B [100 to 350]"
ALL = [VCS, CAR, ACR, ART, FCPF, GS, GS_LEGACY, J_CREDIT, ITMO, ITMO_UNIT, OWN]


@pytest.fixture
def rows(data_dir: Path) -> list[dict[str, str]]:
    """Gives the real serial blocks of five registries."""
    with (data_dir / "carbon" / "serial_blocks.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def refused(text: str, registry: str = "") -> str:
    """The message with which a text is refused, of the one code there is for it."""
    with pytest.raises(Reject) as refusal:
        parse(text, registry)
    assert RejectCode.SERIAL_BLOCK_INVALID is refusal.value.code
    return refusal.value.message


# What real registries publish.


def test_every_real_block_is_read_and_written_back(rows: list[dict[str, str]]) -> None:
    """All 527 real blocks: same text, and the numbers, quantity and batch that their row says."""
    assert 527 == len(rows)
    for row in rows:
        block = parse(row["serial"], row["registry"])
        assert row["serial"] == block.render()
        assert (int(row["start"]), int(row["end"])) == (block.first, block.last)
        assert int(row["quantity"]) == block.last - block.first + 1 == block.quantity
        assert row["registry"] == block.registry
        assert row["batch"] == dict(block.fields.segments)["batch_number"]
        assert block == SerialRange.of_block(block.to_block())


def test_every_real_block_agrees_with_its_row(rows: list[dict[str, str]]) -> None:
    """Project and vintage stand in each form; the country does as a code, which three of the registries print."""
    for row in rows:
        fields = parse(row["serial"]).fields
        assert row["project_id"].removeprefix(row["registry"]) == fields.project
        assert int(row["vintage"]) == fields.vintage
        if len(row["country"]) == 2:
            assert row["country"] == fields.country


def test_the_real_blocks_that_overlap_are_issued_ones_and_their_retired_parts(
    rows: list[dict[str, str]],
) -> None:
    """Ranges of a batch are compared: two retirements lie inside their issued block, and no other unit is named twice."""
    found = sorted(
        ((parse(row["serial"]), row["event"]) for row in rows),
        key=lambda item: (item[0].batch, item[0].first, -item[0].last),
    )
    overlapping = [
        (before.render(), event_before, after.render(), event_after)
        for (before, event_before), (after, event_after) in pairwise(found)
        if before.overlaps(after)
    ]
    assert [
        (
            "GS1-1-KE-GS11603-16-2024-30255-1-24247",
            "ISSUED",
            "GS1-1-KE-GS11603-16-2024-30255-485-12623",
            "RETIRED",
        ),
        (
            "GS1-1-KE-GS11603-16-2025-30256-1-5485",
            "ISSUED",
            "GS1-1-KE-GS11603-16-2025-30256-110-5463",
            "RETIRED",
        ),
    ] == overlapping


def test_a_vcs_batch_is_split_into_its_56_real_retirements(rows: list[dict[str, str]]) -> None:
    """The pieces of batch 19298 tile one block, and splitting that block gives their real texts."""
    pieces = sorted(
        (parse(row["serial"]) for row in rows if row["batch"] == "19298"), key=lambda piece: piece.first
    )
    assert 56 == len(pieces)
    rest = parent = SerialRange.of_block(
        SerialBlock("VCS", pieces[0].batch, pieces[0].first, pieces[-1].last)
    )
    texts = []
    for piece in pieces[1:]:
        retired, rest = rest.split(piece.first)
        texts.append(retired.render())
    assert [piece.render() for piece in pieces] == [*texts, rest.render()]
    assert parent.quantity == sum(piece.quantity for piece in pieces)
    assert pieces == [parent.part(piece.first, piece.last) for piece in pieces]


# What each form says.


@pytest.mark.parametrize(
    ("text", "registry", "batch", "first", "last", "fields"),
    [
        (
            VCS,
            "VCS",
            "19298-{first}-{last}-VCS-VCU-1491-VER-BR-1-513-01012018-31122018-0",
            935995787,
            935995804,
            SerialFields(
                "513", 2018, "BR", date(2018, 1, 1), date(2018, 12, 31), additional_certification=False
            ),
        ),
        (
            CAR,
            "CAR",
            "CAR-ROC-US-2056-129-2283-WV-2025-8969-{first} to {last}",
            1,
            260294,
            SerialFields("2056", 2025, "US"),
        ),
        (
            ACR,
            "ACR",
            "ACR-FR-1129-2025-2917-{first} to {last}",
            30932,
            35143,
            SerialFields("1129", 2025, "FR"),
        ),
        (
            ART,
            "ART",
            "ART-GY-102-2019-3-{first} to {last}",
            2500001,
            2600000,
            SerialFields("102", 2019, "GY"),
        ),
        (FCPF, "ART", "FCPF-CI-130-2023-20-{first} to {last}", 1, 46404, SerialFields("130", 2023, "CI")),
        (
            GS,
            "GS",
            "GS1-1-UG-GS11236-16-2024-30307-{first}-{last}",
            1,
            19149,
            SerialFields("11236", 2024, "UG"),
        ),
        (GS_LEGACY, "GS", "RW-5-{serial}-2-2-0-7014", 1463953, 1467609, SerialFields("7014", None, "RW")),
        (J_CREDIT, "J-CREDIT", "JCL-ERL-1042-{first} to {last}", 501, 1500, SerialFields()),
        (ITMO, "ITMO", "CA0001-GHA01-GHA-{serial}-2021", 1, 500, SerialFields(None, 2021, "GHA")),
        (ITMO_UNIT, "ITMO", "CA0001-GHA01-GHA-{serial}-2021", 17, 17, SerialFields(None, 2021, "GHA")),
        (OWN, "EXC", own_batch("EXC-7-2026"), 501, 1500, SerialFields()),
    ],
)
def test_a_form_is_taken_apart(
    text: str, registry: str, batch: str, first: int, last: int, fields: SerialFields
) -> None:
    """Registry, batch, running numbers and what the text says about its units."""
    block = parse(text)
    assert (registry, batch, first, last) == (block.registry, block.batch, block.first, block.last)
    named = [
        (name, getattr(block.fields, name)) for name in SerialFields.__struct_fields__ if name != "segments"
    ]
    assert [(name, getattr(fields, name)) for name, _ in named] == named
    assert text == block.render()


def test_a_kyoto_unit_is_of_the_registry_that_is_named() -> None:
    """The same text is the Gold Standard's by itself, and the CDM's where somebody says so."""
    found = [parse(GS_LEGACY).registry, parse(GS_LEGACY, "GS").registry, parse(GS_LEGACY, "CDM").registry]
    assert ["GS", "GS", "CDM"] == found


def test_all_other_segments_keep_their_names() -> None:
    """What has no field of its own is there as text, by name, in the order of the serial number."""
    assert (("scheme", "JCL"), ("credit_type", "ERL"), ("certification", "1042")) == parse(
        J_CREDIT
    ).fields.segments


def test_a_period_over_new_year_has_the_older_vintage() -> None:
    """The vintage of a VCS block is the year in which its period begins; the flag at the end is read."""
    fields = parse("1-2-3-VCS-VCU-1-VER-BR-14-5-01072019-30062020-1").fields
    assert (2019, date(2019, 7, 1), date(2020, 6, 30), True) == (
        fields.vintage,
        fields.period_start,
        fields.period_end,
        fields.additional_certification,
    )


def test_both_ends_may_be_one_unit() -> None:
    """A block of one unit is written as its form writes it."""
    for text in (
        "ACR-FR-1129-2025-2917-5 to 5",
        "RW-5-7-2-2-0-7014 - RW-5-7-2-2-0-7014",
        ITMO_UNIT,
        "X [5 to 5]",
    ):
        block = parse(text, "X" if text[0] == "X" else "")
        assert (1, text) == (block.quantity, block.render())


# Unknown forms.


def test_an_unknown_form_is_kept_as_text_beside_its_integers() -> None:
    """The text names the batch; rendering puts the integers behind it, and that is read again."""
    block = opaque("PURO", "PURO-FI-2024/7 lot B", 100, 350)
    assert OPAQUE == block.render()
    assert block == parse(OPAQUE, "PURO")
    assert (None, "PURO-FI-2024/7 lot B", 251) == (block.form, block.batch, block.quantity)
    assert SerialBlock("PURO", "PURO-FI-2024/7 lot B", 100, 350) == block.to_block()
    assert "PURO-FI-2024/7 lot B [100 to 199]" == block.split(200)[0].render()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "19298",
        "PURO-FI-2024/7",
        "X [1 to 2",
        "X 1 to 2]",
        "X [1-2]",
        "X [ to 2]",
        "X [01 to 2]",
        "X [1 to 2] ",
        "X [1 to ²]",
        f"X [1 to {MAX_SERIAL + 1}0]",
        VCS.lower(),
        VCS + "\n",
        " " + VCS,
        CAR.replace(" to ", "-"),
        VCS.replace("9", "\u0669"),
    ],
)
def test_an_unknown_form_needs_its_integers(text: str) -> None:
    """A text of no known form, without readable integers, is refused with what to write instead."""
    assert "write TEXT [FIRST to LAST] and name the registry" in refused(text, "PURO")


def test_an_unknown_form_needs_its_registry() -> None:
    """Only the known forms tell whose they are."""
    assert "name the registry" in refused(OPAQUE)
    with pytest.raises(Reject, match="the registry needs 1 to 64"):
        opaque("P U R O", "X", 1, 2)


@pytest.mark.parametrize(
    ("text", "first", "last", "reason"),
    [
        ("", 1, 2, "1 to 150 printable ASCII"),
        ("x" * 151, 1, 2, "1 to 150 printable ASCII"),
        ("カーボン", 1, 2, "1 to 150 printable ASCII"),
        ("a\tb", 1, 2, "1 to 150 printable ASCII"),
        ("a  b", 1, 2, "single blanks"),
        ("a ", 1, 2, "single blanks"),
        ("a-{first}", 1, 2, "no braces"),
        ("a}", 1, 2, "no braces"),
        ("a", 0, 2, "0 to 2 is empty"),
        ("a", 3, 2, "3 to 2 is empty"),
        ("a", 1, MAX_SERIAL + 1, "is empty, reversed, or not between"),
    ],
)
def test_an_opaque_text_has_one_way_to_be_written(text: str, first: int, last: int, reason: str) -> None:
    """What could be written in a second way, or is no block, is refused."""
    with pytest.raises(Reject, match=reason) as refusal:
        opaque("PURO", text, first, last)
    assert RejectCode.SERIAL_BLOCK_INVALID is refusal.value.code


@pytest.mark.parametrize("text", ALL)
def test_a_known_form_cannot_come_in_as_an_opaque_text(text: str) -> None:
    """Or its units would be in two batches, and could be counted twice."""
    with pytest.raises(Reject, match="its form is known"):
        opaque(parse(text).registry, text, 1, 2)


# Refusals.


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ACR.replace("35143", "30931"), "the block is reversed: 30932 comes after 30931"),
        (GS_LEGACY.replace("1467609", "1463952"), "the block is reversed"),
        (ACR.replace("30932", "030932"), "no zeros in front"),
        (ACR.replace("30932", "0"), "start from 1"),
        (ITMO_UNIT.replace("-17-", "-017-"), "no zeros in front"),
        (ACR.replace("35143", "1" * 19), "at most 18 digits"),
        (VCS.replace("31122018", "31112018"), "31112018 is no date DDMMYYYY"),
        (VCS.replace("01012018", "01010000"), "01010000 is no date DDMMYYYY"),
        (VCS.replace("01012018", "01012019"), "its period ends on 2018-12-31, before it begins"),
        ("RW-5-1463953-2-2-0-7014", "a block is written as FIRST - LAST, one unit too"),
        (GS_LEGACY.replace("1467609-2-2-0-7014", "1467609-2-2-0-7015"), "differ in the running number only"),
        (GS_LEGACY + "x", "differ in the running number only"),
        (f"{ITMO_UNIT} - {ITMO_UNIT}", f"one unit is written as {ITMO_UNIT}"),
        ("x" * (MAX_TEXT_LENGTH + 1), "at most 200 characters"),
    ],
)
def test_a_broken_rule_is_named(text: str, reason: str) -> None:
    """A text of a known form that breaks one of its rules is refused with that rule, never kept as opaque text."""
    assert reason in refused(text)
    assert reason in refused(text, "VCS")


def test_a_serial_number_of_another_registry_is_refused() -> None:
    """Who names a registry means it."""
    assert "it is one of ACR, not of VCS" in refused(ACR, "VCS")
    assert parse(ACR) == parse(ACR, "ACR")


@pytest.mark.parametrize("text", ALL)
def test_a_part_lies_inside(text: str) -> None:
    """No part reaches beyond its range, none is empty or reversed, and a split leaves units on both sides."""
    block = parse(text)
    for first, last in (
        (block.first - 1, block.last),
        (block.first, block.last + 1),
        (block.last + 1, block.last + 1),
        (block.last, block.last - 1),
    ):
        with pytest.raises(Reject, match="is no part of it"):
            block.part(first, last)
    for at in (block.first, block.last + 1):
        with pytest.raises(Reject, match="is no part of it"):
            block.split(at)


def test_ranges_of_one_batch_are_compared() -> None:
    """They overlap where a unit is in both; those of other batches or registries never do."""
    block = parse(ACR)
    left, right = block.split(33000)
    assert [True, True, False, False] == [
        block.overlaps(left),
        right.overlaps(block),
        left.overlaps(right),
        right.overlaps(left),
    ]
    assert not block.overlaps(parse(ACR.replace("2917", "2918")))
    assert not opaque("A", "x", 1, 9).overlaps(opaque("B", "x", 1, 9))


@pytest.mark.parametrize(
    "block",
    [
        SerialBlock("VCS", "B1", 1, 100),
        SerialBlock("VCS", VCS, 1, 100),
        SerialBlock("GS", "GS1-{last}-{first}", 1, 100),
        SerialBlock("ITMO", "CA0001-GHA01-GHA-{first}-2021", 1, 100),
        SerialBlock("ITMO", ITMO_UNIT, 17, 17),
        SerialBlock("VCS", "1-{first}-{last}-VCS-VCU-1-VER-BR-1-5-99012018-31122018-0", 1, 2),
    ],
)
def test_any_recorded_block_has_a_range(block: SerialBlock) -> None:
    """A block whose batch is of no known form is a fact all the same: it is opaque, and nothing of it is lost."""
    found = SerialRange.of_block(block)
    assert found.form is None
    assert block == found.to_block()
    assert f"{block.batch} [{block.first} to {block.last}]" == found.render()


# Properties.

DATES = st.dates(date(1000, 1, 1), date(9999, 12, 31))


@st.composite
def texts(draw: st.DrawFn, form: SerialForm | None = None) -> str:
    """Texts of a known form, with anything in their segments that the form allows."""
    form = form or draw(st.sampled_from(FORMS))
    first, last = sorted(draw(st.tuples(*[st.integers(1, MAX_SERIAL)] * 2)))
    period = sorted(draw(st.tuples(DATES, DATES)))
    values = {
        name: draw(st.from_regex(expression, fullmatch=True))
        for name, expression in SEGMENTS.items()
        if name not in {"first", "last", "serial"} and f"{{{name}}}" in form.pattern
    }
    values["period_start"], values["period_end"] = (day.strftime("%d%m%Y") for day in period)
    unit = form.pattern.format(**values, first=first, last=last, serial=first)
    if not form.joint or (form.lone_unit and first == last):
        return unit
    return unit + form.joint + form.pattern.format(**values, serial=last)


OPAQUES = st.builds(
    lambda registry, words, pair: opaque(registry, " ".join(words), min(pair), max(pair)),
    st.text(string.ascii_uppercase, min_size=1, max_size=10),
    st.lists(
        st.text(string.ascii_letters + string.digits + "-[]/:,.", min_size=1, max_size=10),
        min_size=1,
        max_size=5,
    ),
    st.tuples(st.integers(1, MAX_SERIAL), st.integers(1, MAX_SERIAL)),
)
RANGES = st.one_of(texts().map(parse), OPAQUES)


@given(texts())
def test_what_was_read_is_written_back(text: str) -> None:
    """The same text, to the last character."""
    assert text == parse(text).render()


@given(RANGES)
def test_what_was_written_is_read_back(block: SerialRange) -> None:
    """From a text and from a block of the ledger, whatever the form."""
    assert block == parse(block.render(), block.registry)
    assert block == SerialRange.of_block(block.to_block())
    assert block.render() == block_text(block.registry, block.batch, block.first, block.last)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_text_is_of_one_form(form: SerialForm) -> None:
    """No text is of two forms of a registry; of two registries only the identifier of a Kyoto unit is."""
    twins = [other for other in FORMS if other.pattern == form.pattern]

    @given(texts(form))
    def check(text: str) -> None:
        assert twins == [other for other in FORMS if _is_of(other, text)]
        assert form is parse(text, form.registry).form

    check()


def _is_of(form: SerialForm, text: str) -> bool:
    return form.read(text) is not None


@given(RANGES, st.data())
def test_splits_tile_and_change_the_two_numbers_only(block: SerialRange, data: st.DataObject) -> None:
    """However often a block is split, its pieces have all of its units once, and everything else in common."""
    pieces = [block]
    for _ in range(data.draw(st.integers(0, 6))):
        largest = max(pieces, key=lambda piece: piece.quantity)
        if largest.quantity == 1:
            break
        index = pieces.index(largest)
        pieces[index : index + 1] = largest.split(data.draw(st.integers(largest.first + 1, largest.last)))
    assert (block.first, block.last) == (pieces[0].first, pieces[-1].last)
    assert all(before.last + 1 == after.first for before, after in pairwise(pieces))
    for piece in pieces:
        again = parse(piece.render(), block.registry)
        assert (piece, block.batch, block.fields) == (again, again.batch, again.fields)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A known text with one piece of it replaced."""
    text = draw(st.sampled_from([*ALL, OPAQUE]))
    begin = draw(st.integers(0, len(text)))
    end = draw(st.integers(begin, len(text)))
    return text[:begin] + draw(st.text(max_size=30)) + text[end:]


@given(st.one_of(st.text(max_size=300), damaged()), st.sampled_from(["", "VCS", "PURO"]))
def test_any_text_is_read_or_refused(text: str, registry: str) -> None:
    """Nothing that a client sends is a crash, and what is accepted is written back as it came."""
    try:
        outcome = parse(text, registry).render()
    except Reject as refusal:
        outcome = refusal.code.name
    assert outcome in {text, "SERIAL_BLOCK_INVALID"}


@pytest.mark.parametrize(
    "text",
    [
        "1" * MAX_TEXT_LENGTH,
        "1-" * 100,
        "RW-5-" + "1" * 195,
        "AA-1-" * 40,
        "GS1-" + "1-AA-GS" * 28,
        "JC" * 100,
        " - " * 66,
        "X" + " [1 to" * 33,
        " [" * 100,
        "1" * 1_000_000,
        " [" * 1_000_000,
    ],
)
def test_hostile_texts_cost_no_more_than_others(text: str) -> None:
    """Expressions match in linear time and long texts are refused unread: a thousand of them take no noticeable time."""
    started_s = time.process_time()
    for _ in range(1000):
        refused(text, "PURO")
    assert time.process_time() - started_s < 2
