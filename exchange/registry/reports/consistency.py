"""Whether an action on ITMOs may be counted: what a Party must have reported before, and the years it may use them in.

Decision 2/CMA.3 annex para 33(a) and (b): actions are checked for consistency, and so are the reports of the Parties that
take part. What is missing fails the check; nothing passes because nobody looked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.registry.reports.actions import ActionType

if TYPE_CHECKING:
    from exchange.domain.state import State
    from exchange.registry.reports.actions import Action

CONSISTENT = "Consistent"


def flaws(facts: State, action: Action) -> list[str]:
    """Why an action is inconsistent, by the facts as of the report's date; none: it is consistent."""
    authorisation = facts.carbon.article6.authorisations[action.authorisation_id]
    parties = dict.fromkeys((authorisation.party, action.reported_by))
    found = [
        f"no report of {party} on the safeguards of {authorisation.approach_id}"
        for party in parties
        if not has_safeguards(facts, authorisation.approach_id, party)
    ]
    if action.date < authorisation.authorised_on:
        found.append(f"before its authorisation of {authorisation.authorised_on}")
    if action.action_type is ActionType.USE and action.year:
        party = facts.carbon.parties.known[action.using]
        vintage = facts.classes[action.class_id].vintage
        if not party.ndc_first_year <= vintage <= action.year <= party.ndc_last_year:
            found.append(f"{vintage} and {action.year} are not in one NDC period of {party.party}")
    return found


def has_safeguards(facts: State, approach_id: str, party: str) -> bool:
    """Whether a Party reported the safeguards of an approach (decision 2/CMA.3 annex paras 18(h) and (i) and 22)."""
    return any(
        (report.approach_id, report.party) == (approach_id, party)
        for report in facts.carbon.article6.safeguards
    )


def result(found: list[str]) -> str:
    """What the tables say of a check."""
    return CONSISTENT if not found else "Inconsistent: " + "; ".join(found)
