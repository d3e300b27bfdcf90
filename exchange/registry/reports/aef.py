"""The five tables of the agreed electronic format (decision 6/CMA.4 annex II), of one Party and as of any date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.article6_forms import Purpose
from exchange.domain.carbon.project_forms import Mitigation
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import SerialBlock
from exchange.registry.reports.actions import FIRST_TRANSFER_SUBTYPES, ActionType, itmo_id
from exchange.registry.reports.consistency import flaws, result
from exchange.registry.reports.table import Table
from exchange.registry.serials import SerialRange

if TYPE_CHECKING:
    from exchange.domain.carbon.article6_forms import Authorisation
    from exchange.domain.holdings import BatchKey
    from exchange.registry.reports.actions import Action
    from exchange.registry.reports.outcomes import Outcome, Outcomes
    from exchange.registry.reports.spans import Span
    from exchange.registry.reports.table import Cell

NOT_APPLICABLE = "NA"
VERSION = "1.0"
METRIC = "GHG"
GWP_VALUES = "AR5"
"""100-year values of the Fifth Assessment Report (decision 18/CMA.1 annex para 37)."""

_SUBMISSION = (
    "Party",
    "Version",
    "Reported year",
    "Date of submission",
    "Review status of the initial report",
    "Result of the consistency check of this AEF submission",
    "First year of the NDC implementation period",
    "Last year of the NDC implementation period",
    "Reference to the Article 6 technical expert review report of the initial report",
)
_AUTHORISATIONS = (
    "Authorization ID",
    "Date of authorization",
    "Cooperative approach ID",
    "Version of the authorization",
    "Authorized quantity",
    "Metric",
    "Applicable GWP value(s)",
    "Applicable non-GHG metric",
    "Sector(s)",
    "Activity type(s)",
    "Purposes for authorization",
    "Authorized Party(ies) ID",
    "Authorized entity(ies) ID",
    "OIMP authorized by the Party",
    "Authorized timeframe",
    "Authorization terms and conditions",
    "Authorization documentation",
    "First transfer definition for OIMP",
    "Additional explanatory information",
)
_ITMOS = (
    "Cooperative approach ID",
    "Authorization ID",
    "First transferring participating Party ID",
    "Party ITMO registry ID",
    "First ID",
    "Last ID",
    "Underlying unit registry ID",
    "First unit ID",
    "Last unit ID",
    "Metric",
    "Applicable GWP value(s)",
    "Applicable non-GHG metric",
    "Quantity (t CO2 eq)",
    "Quantity (in non-GHG metric)",
    "Mitigation type",
    "Vintage",
)
"""What tables 3 and 4 say of a block of ITMOs."""
_ACTIONS = (
    "Action date",
    "Action type",
    "Action subtype",
    *_ITMOS,
    "Transferring participating Party ID",
    "Acquiring participating Party ID",
    "Purpose for which the ITMO has been used towards or cancelled for OIMP",
    "Using/cancelling participating Party ID",
    "Using/cancelling authorized entity ID",
    "Calendar year for which the ITMOs are used towards the Party's NDC",
    "Result of the consistency checks",
    "Additional explanatory information",
)
_ENTITIES = (
    "Date of the authorization",
    "Name",
    "Country of incorporation",
    "Identification number",
    "Cooperative approach ID",
    "Conditions",
    "Change and revocation conditions",
    "Additional explanatory information",
)
_MITIGATION_TYPES = {
    Mitigation.REDUCTION: "Emission reductions",
    Mitigation.REMOVAL: "Removals",
    Mitigation.MIXED: "Emission reductions and removals",
}
_TRANSFERS = (ActionType.FIRST_TRANSFER, ActionType.TRANSFER)


def tables(outcomes: Outcomes, party: str, date: str) -> list[Table]:
    """The five tables of a Party: actions of the year of the date up to it, all else as of it.

    Refuses a Party that is not known.
    """
    if party not in outcomes.facts.carbon.parties.known:
        raise Reject(RejectCode.UNKNOWN_PARTY, f"{party!r} is not a registered Party")
    actions = [
        action for action in outcomes.actions if action.reported_by == party and action.date[:4] == date[:4]
    ]
    authorisations = [
        authorisation
        for _, authorisation in sorted(outcomes.facts.carbon.article6.authorisations.items())
        if authorisation.party == party
    ]
    return [
        Table("1 Submission", _SUBMISSION, (_submission(outcomes, party, date, actions),)),
        Table(
            "2 Authorizations",
            _AUTHORISATIONS,
            tuple(_authorisation(outcomes, authorisation) for authorisation in authorisations),
        ),
        Table("3 Actions", _ACTIONS, tuple(_action(outcomes, party, action) for action in actions)),
        Table(
            "4 Holdings",
            _ITMOS,
            tuple(
                _holding(outcomes, key, span)
                for key, span in outcomes.standing()
                if span.value.party == party and span.value.itmo_shift is not None
            ),
        ),
        Table(
            "5 Authorized entities",
            _ENTITIES,
            tuple(
                _entity(outcomes, authorisation, participant)
                for authorisation in authorisations
                for participant in authorisation.entities
            ),
        ),
    ]


def _submission(outcomes: Outcomes, party: str, date: str, actions: list[Action]) -> tuple[Cell, ...]:
    known = outcomes.facts.carbon.parties.known[party]
    found = dict.fromkeys(flaw for action in actions for flaw in flaws(outcomes.facts, action))
    return (
        party,
        VERSION,
        int(date[:4]),
        date,
        None,
        result(list(found)),
        known.ndc_first_year,
        known.ndc_last_year,
        None,
    )


def _authorisation(outcomes: Outcomes, given: Authorisation) -> tuple[Cell, ...]:
    approach = outcomes.facts.carbon.article6.approaches[given.approach_id]
    vintages = [outcomes.facts.classes[class_id].vintage for class_id in given.classes]
    definition = given.first_transfer
    return (
        given.authorisation_id,
        given.authorised_on,
        given.approach_id,
        1,
        None,
        METRIC,
        GWP_VALUES,
        NOT_APPLICABLE,
        given.sectors or None,
        given.activity_types or None,
        " and ".join(purpose.name for purpose in Purpose if purpose in given.purposes),
        ", ".join(party for party in approach.parties if party != given.party),
        ", ".join(given.entities) or None,
        given.oimp or None,
        f"{min(vintages)} - {max(vintages)}",
        given.terms or None,
        None,
        NOT_APPLICABLE if definition is None else FIRST_TRANSFER_SUBTYPES[definition],
        "Credit classes: " + ", ".join(given.classes),
    )


def _itmos(
    outcomes: Outcomes,
    party: str,
    class_id: str,
    authorisation: Authorisation,
    itmos: tuple[str, int],
    block: SerialBlock,
) -> tuple[Cell, ...]:
    """`party`: in whose registry they are tracked; `itmos`: the registry of their identifiers and the first serial number."""
    credit_class = outcomes.facts.classes[class_id]
    registry, first = itmos
    mitigation = outcomes.facts.carbon.projects.of_class(credit_class).mitigation
    return (
        authorisation.approach_id,
        authorisation.authorisation_id,
        authorisation.party,
        outcomes.facts.carbon.parties.known[party].registry_id,
        itmo_id(authorisation, registry, first, credit_class.vintage),
        itmo_id(authorisation, registry, first + block.quantity - 1, credit_class.vintage),
        block.registry,
        _unit(block, block.first),
        _unit(block, block.last),
        METRIC,
        GWP_VALUES,
        NOT_APPLICABLE,
        block.quantity,
        NOT_APPLICABLE,
        None if mitigation is None else _MITIGATION_TYPES[mitigation],
        credit_class.vintage,
    )


def _unit(block: SerialBlock, number: int) -> str:
    return SerialRange.of_block(SerialBlock(block.registry, block.batch, number, number)).render()


def _action(outcomes: Outcomes, party: str, action: Action) -> tuple[Cell, ...]:
    authorisation = outcomes.facts.carbon.article6.authorisations[action.authorisation_id]
    is_transfer = action.action_type in _TRANSFERS
    is_acquisition = action.action_type is ActionType.ACQUISITION
    return (
        action.date,
        action.action_type.value,
        action.subtype or None,
        *_itmos(
            outcomes,
            party,
            action.class_id,
            authorisation,
            (action.itmo_registry, action.itmo_first),
            action.block,
        ),
        action.transferring if is_acquisition else NOT_APPLICABLE,
        action.acquiring if is_transfer and action.acquiring else NOT_APPLICABLE,
        action.purpose or NOT_APPLICABLE,
        action.using or NOT_APPLICABLE,
        action.entity or NOT_APPLICABLE,
        action.year or NOT_APPLICABLE,
        result(flaws(outcomes.facts, action)),
        f"Event {action.seq}",
    )


def _holding(outcomes: Outcomes, key: BatchKey, span: Span[Outcome]) -> tuple[Cell, ...]:
    outcome = span.value
    if outcome.itmo_shift is None:
        raise ValueError(f"{key} {span.first} to {span.last} was not first transferred")
    return _itmos(
        outcomes,
        outcome.party,
        outcome.class_id,
        outcomes.facts.carbon.article6.authorisations[outcome.authorisation_id],
        (outcome.itmo_registry, span.first + outcome.itmo_shift),
        SerialBlock(*key, span.first, span.last),
    )


def _entity(outcomes: Outcomes, authorisation: Authorisation, participant: str) -> tuple[Cell, ...]:
    facts = outcomes.facts
    return (
        authorisation.authorised_on,
        facts.participants[participant].name,
        facts.carbon.parties.of_participant.get(participant),
        participant,
        authorisation.approach_id,
        authorisation.terms or None,
        None,
        f"Authorization {authorisation.authorisation_id}",
    )
