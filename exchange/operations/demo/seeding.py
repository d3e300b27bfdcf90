"""Sets the demo market up: what is missing of it is added, what is there is left as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from exchange.domain import commands
from exchange.domain.carbon.project_forms import RegisterProject
from exchange.domain.events import RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.admin.assets import minor_units
from exchange.operations.demo.catalogue import CURRENCIES
from exchange.operations.demo.presence import is_there
from exchange.operations.demo.stories import story_commands
from exchange.operations.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchange.domain.serials import SerialBlock
    from exchange.domain.state import State
    from exchange.engine.interface import EnginePort
    from exchange.operations.demo.catalogue import Catalogue, DemoParticipant


async def seed(port: EnginePort, catalogue: Catalogue, state: State, public_keys: Mapping[str, str]) -> int:
    """Adds what is missing; answers the number of changes. `public_keys`: by key id, as hexadecimal text.

    Raises Refused when the venue refuses a change, because something of the same name is there already.
    """
    # All at once: the engine takes them in this order and writes them in few transactions.
    answers = [port.submit(command) for command in missing(catalogue, state, public_keys)]
    for answer in answers:
        for recorded in (await answer).events:
            if isinstance(recorded.event, RequestRefused):
                raise Refused(recorded.event.code, recorded.event.message)
    return len(answers)


def missing(catalogue: Catalogue, state: State, public_keys: Mapping[str, str]) -> list[commands.Command]:
    """The commands that are still to be given, in order."""
    found: list[commands.Command] = []
    for participant in (*catalogue.participants, *catalogue.actors):
        found += _missing_of_participant(participant, state, public_keys[participant.key_id])
    found += [
        RegisterProject(LOCAL_OPERATOR, project)
        for project in catalogue.projects
        if state.carbon.projects.current(project.key) is None
    ]
    found += [
        commands.RegisterClass(LOCAL_OPERATOR, credit_class)
        for credit_class in catalogue.classes
        if credit_class.class_id not in state.classes
    ]
    found += [
        commands.ListInstrument(LOCAL_OPERATOR, instrument)
        for instrument in catalogue.instruments
        if instrument.symbol not in state.listings
    ]
    for participant in catalogue.participants:
        found += _missing_cash(participant, state)
    for class_id, blocks in catalogue.blocks.items():
        found += _missing_units(catalogue.participants, state, class_id, blocks)
    found += [command for command in story_commands() if not is_there(state, command)]
    today = datetime.now(UTC).date().isoformat()
    if state.business_date < today:
        found.append(commands.CloseDay(LOCAL_OPERATOR, today))
    return found


def _missing_of_participant(
    participant: DemoParticipant, state: State, public_key: str
) -> list[commands.OperatorCommand]:
    found: list[commands.OperatorCommand] = []
    if participant.id not in state.participants:
        found.append(commands.AdmitParticipant(LOCAL_OPERATOR, participant.id, participant.name))
    if participant.account not in state.accounts:
        found.append(commands.OpenAccount(LOCAL_OPERATOR, participant.account, participant.id))
    key = state.keys.get(participant.key_id)
    if key is not None and key.public_key != public_key:
        # Its private half was lost, or belongs to another data folder.
        found.append(commands.RevokeKey(LOCAL_OPERATOR, participant.key_id))
    if key is None or key.public_key != public_key:
        found.append(
            commands.RegisterKey(
                LOCAL_OPERATOR, participant.key_id, participant.id, participant.role, public_key
            )
        )
    return found


def _missing_cash(participant: DemoParticipant, state: State) -> list[commands.OperatorCommand]:
    done = state.references.get(participant.account, {})
    return [
        commands.DepositCash(
            LOCAL_OPERATOR, participant.account, currency, minor_units(participant.cash, currency), reference
        )
        for currency in CURRENCIES
        if (reference := f"demo-{currency}") not in done
    ]


def _missing_units(
    participants: list[DemoParticipant], state: State, class_id: str, blocks: list[SerialBlock]
) -> list[commands.OperatorCommand]:
    """Hands the units of a class out by the participants' shares, each getting the next serial numbers."""
    total = sum(block.quantity for block in blocks)
    reference = f"demo-{class_id}"
    found: list[commands.OperatorCommand] = []
    share = begin = 0
    for participant in participants:
        share += participant.units_share
        end = total * share // 100
        if end > begin and reference not in state.references.get(participant.account, {}):
            found.append(
                commands.DepositUnits(
                    LOCAL_OPERATOR,
                    participant.account,
                    class_id,
                    end - begin,
                    slice_blocks(blocks, begin, end),
                    reference,
                )
            )
        begin = end
    return found


def slice_blocks(blocks: list[SerialBlock], begin: int, end: int) -> tuple[SerialBlock, ...]:
    """The units from position `begin` to before `end`, counted over all blocks from 0."""
    found: list[SerialBlock] = []
    position = 0
    for block in blocks:
        first = block.first + max(0, begin - position)
        last = min(block.last, block.first + end - position - 1)
        if first <= last:
            found.append(msgspec.structs.replace(block, first=first, last=last))
        position += block.quantity
    return tuple(found)
