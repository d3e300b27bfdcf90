"""Events as bytes: golden files, strictness, and the way from old versions to new ones."""

from pathlib import Path
from typing import Any, ClassVar

import pytest

from exchange.domain.events import EVENT_TYPES, Event
from exchange.log.codec import EventCodec, UnknownEvent, decode, encode
from tests.exchange.log.golden_events import GOLDEN_EVENTS

GOLDEN_DIR = Path(__file__).parent / "golden"
CURRENT = {(event_type.kind, event_type.version) for event_type in EVENT_TYPES}


def golden_payloads(kind: str, version: int) -> list[bytes]:
    return (GOLDEN_DIR / f"{kind}.{version}.jsonl").read_bytes().splitlines()


def test_every_version_of_every_kind_has_golden_bytes() -> None:
    """Each kind has a golden file for each version from 1 to the current one, and there are no others."""
    files = sorted(path.name for path in GOLDEN_DIR.iterdir())

    expected = sorted(
        f"{event_type.kind}.{version}.jsonl"
        for event_type in EVENT_TYPES
        for version in range(1, event_type.version + 1)
    )
    assert expected == files
    assert expected == sorted(f"{kind}.{version}.jsonl" for kind, version in GOLDEN_EVENTS)


@pytest.mark.parametrize(("kind", "version"), sorted(GOLDEN_EVENTS))
def test_golden_bytes_decode(kind: str, version: int) -> None:
    """The bytes that a log may contain are understood as they were meant, also those of old versions."""
    decoded = [decode(kind, version, payload) for payload in golden_payloads(kind, version)]

    assert GOLDEN_EVENTS[kind, version] == decoded


@pytest.mark.parametrize(("kind", "version"), sorted(CURRENT))
def test_events_encode_to_golden_bytes(kind: str, version: int) -> None:
    """An event is written as exactly the golden bytes: the same on any machine and Python version."""
    encoded = [encode(event) for event in GOLDEN_EVENTS[kind, version]]

    assert golden_payloads(kind, version) == encoded


@pytest.mark.parametrize(
    ("kind", "version", "payload"),
    [
        ("teleported", 1, b"{}"),
        ("fill", 2, b"{}"),
        ("fill", 0, b"{}"),
        ("account_opened", 1, b'{"by":"o","account":"A","participant":"P","colour":"red"}'),
        ("account_opened", 1, b'{"by":"o","account":"A"}'),
        ("account_opened", 1, b'{"by":"o","account":"A","participant":7}'),
        ("account_opened", 1, b'{"by":"o","account":"A","participant":"P"'),
        ("cancel_after_fired", 1, b""),
    ],
    ids=[
        "unknown kind",
        "newer version",
        "version 0",
        "unknown field",
        "missing field",
        "wrong type",
        "cut off",
        "empty",
    ],
)
def test_what_is_not_understood_is_refused(kind: str, version: int, payload: bytes) -> None:
    """Unknown kinds, versions and fields, and damaged payloads, stop the reader with a word on what was found."""
    with pytest.raises(UnknownEvent, match=f"event {kind} version {version}: ") as caught:
        decode(kind, version, payload)

    assert (kind, version) == (caught.value.kind, caught.value.version)


@pytest.mark.parametrize(
    ("kind", "inside"),
    [
        ("order_accepted", b'"order":{'),
        ("units_deposited", b'"blocks":[{'),
        ("instrument_listed", b'"instrument":{'),
        ("class_registered", b'"credit_class":{'),
    ],
)
def test_unknown_fields_inside_an_event_are_refused(kind: str, inside: bytes) -> None:
    """What events carry is as strict as they are."""
    payload = golden_payloads(kind, 1)[0].replace(inside, inside + b'"colour":"red",', 1)

    with pytest.raises(UnknownEvent, match="unknown field `colour`"):
        decode(kind, 1, payload)


class _Weighed(Event, frozen=True):
    """In version 1 the weight was in grams, in version 2 in kilograms, in version 3 it has a unit."""

    kind: ClassVar[str] = "weighed"
    version: ClassVar[int] = 3
    weight: int
    unit: str


def _to_kilograms(fields: dict[str, Any]) -> dict[str, Any]:
    return {"kilograms": fields["grams"] // 1000}


def _with_unit(fields: dict[str, Any]) -> dict[str, Any]:
    return {"weight": fields["kilograms"], "unit": "kg"}


def test_old_versions_are_lifted_step_by_step() -> None:
    """An old version goes through every step to the current one; the current one goes through none."""
    codec = EventCodec([_Weighed], {("weighed", 1): _to_kilograms, ("weighed", 2): _with_unit})

    decoded = [
        codec.decode("weighed", 1, b'{"grams":5000}'),
        codec.decode("weighed", 2, b'{"kilograms":6}'),
        codec.decode("weighed", 3, b'{"weight":7,"unit":"t"}'),
    ]

    assert [_Weighed(5, "kg"), _Weighed(6, "kg"), _Weighed(7, "t")] == decoded


def test_lifted_fields_are_checked() -> None:
    """What comes out of the steps is as strict as what comes from a log."""
    codec = EventCodec(
        [_Weighed], {("weighed", 1): lambda fields: fields, ("weighed", 2): lambda fields: fields}
    )

    with pytest.raises(UnknownEvent, match="unknown field `grams`"):
        codec.decode("weighed", 1, b'{"grams":5000}')
    with pytest.raises(UnknownEvent, match="does not fit"):
        codec.decode("weighed", 1, b"[5000]")


def test_a_missing_step_is_found_at_start() -> None:
    """A new version without the step to it is a bug that shows before any event is read."""
    with pytest.raises(ValueError, match="version 2 of weighed has no upcaster"):
        EventCodec([_Weighed], {("weighed", 1): _to_kilograms})
