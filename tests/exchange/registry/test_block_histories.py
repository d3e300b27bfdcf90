"""Steps told block by block: serial numbers that went the same way stand together, and no others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.serials import SerialBlock
from exchange.registry.block_histories import BlockHistory, block_histories
from exchange.registry.provenance import OwnersStep, Step

STEPS = st.lists(st.tuples(st.sampled_from(("a", "b")), st.integers(1, 30), st.integers(0, 12)), max_size=12)


def step(seq: int, batch: str, first: int, last: int) -> OwnersStep:
    """A movement of serial numbers, of which nothing else matters here."""
    return OwnersStep(
        seq=seq, n=1, time=seq, step=Step.TRADED, kind="fill", class_id="A-1-2020", registry="A", batch=batch,
        first=first, last=last, serial="", quantity=last - first + 1, split_from=(), instrument="", price="",
        currency="", trade=0, issued_as=(), issued_for=(), beneficiary="", hash="", from_account="", to_account="",
    )  # fmt: skip


def test_children_tile_their_parent() -> None:
    """A block that was cut is told in its parts, each with the history of the whole."""
    whole, part = step(1, "a", 1, 100), step(2, "a", 41, 60)

    assert [
        BlockHistory("A-1-2020", "a [1 to 40]", 40, (whole,)),
        BlockHistory("A-1-2020", "a [41 to 60]", 20, (whole, part)),
        BlockHistory("A-1-2020", "a [61 to 100]", 40, (whole,)),
    ] == block_histories([whole, part])
    assert [BlockHistory("A-1-2020", "a [55 to 60]", 6, (whole, part))] == block_histories(
        [whole, part], SerialBlock("A", "a", 55, 60)
    )


@given(STEPS, st.none() | st.tuples(st.integers(1, 40), st.integers(0, 10)))
def test_each_serial_number_has_its_own_history(
    moved: list[tuple[str, int, int]], asked: tuple[int, int] | None
) -> None:
    """Every serial number stands in one block, whose steps are exactly those that it was part of, in their order."""
    steps = [step(seq, batch, first, first + more) for seq, (batch, first, more) in enumerate(moved, 1)]
    if asked is not None:
        steps = [one for one in steps if one.batch == "a"]
    within = None if asked is None else SerialBlock("A", "a", asked[0], sum(asked))
    found: dict[tuple[str, int], tuple[OwnersStep, ...]] = {}
    for history in block_histories(steps, within):
        batch, _, numbers = history.serial.removesuffix("]").partition(" [")
        first, last = map(int, numbers.split(" to "))
        assert history.quantity == last - first + 1
        for serial in range(first, last + 1):
            assert (batch, serial) not in found
            found[batch, serial] = history.steps

    expected = {
        (batch, serial): tuple(one for one in steps if one.batch == batch and one.first <= serial <= one.last)
        for batch in ("a", "b")
        for serial in range(1, 60)
        if within is None or within.first <= serial <= within.last
    }
    assert {key: history for key, history in expected.items() if history} == found
