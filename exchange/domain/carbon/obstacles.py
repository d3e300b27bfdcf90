"""What the rules of carbon hold against a command of trading or of the registry, asked by the deciders of those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.project_forms import Crediting
from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.state import State


def check_retirement(state: State, class_ids: Iterable[str]) -> None:
    """Refuse to retire what does not exist yet: ex-ante credits are expectations (ICVCM Core Carbon Principle 6)."""
    for class_id in class_ids:
        credit_class = state.classes[class_id]
        if state.carbon.projects.of_class(credit_class).crediting is Crediting.EX_ANTE:
            raise Reject(
                RejectCode.EX_ANTE_NOT_RETIRABLE,
                f"{class_id} is issued for what is expected; only verified tonnes can be retired",
            )
