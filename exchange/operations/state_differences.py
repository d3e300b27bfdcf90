"""What differs between two states, place by place, whatever a state consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from exchange.domain import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.domain.state import State


class Difference(msgspec.Struct, frozen=True):
    """One place that differs. Values as JSON has them; None: there is nothing."""

    place: str
    """Such as `balances.alpha.EUR.held`."""
    before: Any
    after: Any


def differences(before: State, after: State) -> Iterator[Difference]:
    """Every place that differs, in the order of the snapshot's fields, then of the names."""
    first: dict[str, Any] = msgspec.json.decode(snapshot.dump(before))
    second: dict[str, Any] = msgspec.json.decode(snapshot.dump(after))
    for fields in (first, second):
        fields["orders"] = {str(order["order_id"]): order for order in fields["orders"]}
    yield from _of_dicts("", first, second)


def _of(place: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_dicts(f"{place}.", before, after)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(place, before, after)
    else:
        yield Difference(place, before, after)


def _of_dicts(prefix: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    for name in (*before, *(name for name in after if name not in before)):
        yield from _of(f"{prefix}{name}", before.get(name), after.get(name))


def _of_lists(place: str, before: list[Any], after: list[Any]) -> Iterator[Difference]:
    """What left and what came, in order; elements themselves are compared as wholes."""
    left, came = _counted(before), _counted(after)
    for text, count in left.items():
        for _ in range(count - came.get(text, 0)):
            yield Difference(place, msgspec.json.decode(text), None)
    for text, count in came.items():
        for _ in range(count - left.get(text, 0)):
            yield Difference(place, None, msgspec.json.decode(text))


def _counted(items: list[Any]) -> dict[bytes, int]:
    counts: dict[bytes, int] = {}
    for item in items:
        text = msgspec.json.encode(item, order="deterministic")
        counts[text] = counts.get(text, 0) + 1
    return counts
