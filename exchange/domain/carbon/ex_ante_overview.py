"""What the public may know of ex-ante classes: how many units there are of each, and what each estimate says and rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.ex_ante_forms import ExAnteEvidence, YearEstimate

if TYPE_CHECKING:
    from exchange.domain.carbon.ex_ante import Estimate
    from exchange.domain.state import State


class PublishedEstimate(msgspec.Struct, frozen=True):
    """An estimate with all that it takes to compute it again."""

    seq: int
    """Of its event in the log."""
    model: str
    units: int
    years: tuple[YearEstimate, ...]
    evidence: ExAnteEvidence
    evidence_sha256: str
    run_sha256: str


class ExAnteClass(msgspec.Struct, frozen=True):
    """One ex-ante class, in units: those issued are outstanding, converted, expired or cancelled. It is in no total of credits."""

    class_id: str
    project: str
    name: str
    estimated: int
    """By the newest estimate."""
    issued: int
    outstanding: int
    converted: int
    expired: int
    estimates: tuple[PublishedEstimate, ...]
    """Oldest first; the newest one limits what may be issued."""


def ex_ante_classes(state: State) -> list[ExAnteClass]:
    """All ex-ante classes that were estimated, by id."""
    book = state.carbon.ex_ante
    return [
        ExAnteClass(
            class_id=class_id,
            project=state.classes[class_id].project,
            name=state.classes[class_id].name,
            estimated=book.estimated(class_id),
            issued=state.issued.get(class_id, 0),
            outstanding=state.ledger.supply.get(class_id, 0),
            converted=book.converted.get(class_id, 0),
            expired=book.expired.get(class_id, 0),
            estimates=tuple(map(_published, estimates)),
        )
        for class_id, estimates in sorted(book.estimates.items())
    ]


def _published(estimate: Estimate) -> PublishedEstimate:
    fact = estimate.fact
    return PublishedEstimate(
        estimate.seq,
        fact.model,
        fact.units,
        fact.years,
        fact.evidence,
        fact.evidence_sha256,
        fact.run_sha256,
    )
