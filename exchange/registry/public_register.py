"""The public register: projects, what was issued, what was retired, and what ended otherwise. Who held it is nobody's business.

All lists are in the order of the log and come in pages. A page begins after a cursor, the text of a place in the log:
`SEQ`, or `SEQ.N` for the nth movement of an event. Quantities are units, times nanoseconds UTC.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from exchange.domain import events as ev
from exchange.domain.carbon.ex_ante_forms import ExAnteExpired, UnitsExpired
from exchange.domain.carbon.japan import term_of_use
from exchange.domain.carbon.project_forms import Crediting
from exchange.domain.instruments import Unit
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import SerialBlock
from exchange.registry import certificate_wording as wording
from exchange.registry.serials import block_text
from exchange.registry.store import SCHEMA
from exchange.registry.successions import issued_as

if TYPE_CHECKING:
    from asyncpg import Record

    from exchange.registry.view import RegistryView


class RegisteredProject(msgspec.Struct, frozen=True):
    """A project and its units by place: those issued are the sum of all others."""

    seq: int
    """The event that made it known."""
    registry: str
    project: str
    """Its id at the registry."""
    name: str
    country: str
    """ISO 3166 alpha-2 code of the host country; empty: not known."""
    project_type: str
    """In the registry's words; empty: not known."""
    methodology: str
    """Likewise."""
    mitigation: str
    """`reduction`, `removal`, `mixed`; empty: not known."""
    unit: Unit
    crediting: Crediting
    """What is expected is never counted with what was verified: a project that has both is in two rows."""
    classes: tuple[str, ...]
    vintages: tuple[int, ...]
    issued: int
    """Deposits here and issuances by the venue's own registry; those that came back after a withdrawal count once."""
    in_circulation: int
    """Held here, frozen ones and those that are locked for trades included."""
    retired: int
    cancelled: int
    moved: int
    """Cancelled here and issued at another registry."""
    converted: int
    """Ex-ante units that were verified and issued as ex-post ones."""
    expired: int
    """Ex-ante units that were not."""
    withdrawn: int
    """Back at their home registry."""


class _Serials(msgspec.Struct, frozen=True):
    seq: int
    """The event in the log."""
    n: int
    """Counts the movements of an event from 1."""
    time: int
    kind: str
    """Of the event."""
    registry: str
    project: str
    name: str
    country: str
    class_id: str
    vintage: int
    serial: str
    """As the registry writes it; of a form that is not known `TEXT [FIRST to LAST]`."""
    quantity: int
    unit: Unit


class RegisteredIssuance(_Serials, frozen=True):
    """Serial numbers that came in for the first time: deposited, issued here, or moved here from another registry."""

    hash: str
    """Of the event in the chain of the log, hexadecimal text."""


class RegisteredRetirement(_Serials, frozen=True):
    """Serial numbers that were retired: one row for each block of a retirement."""

    beneficiary: str
    purpose: str
    retirement_quantity: int
    """Units of all blocks of the retirement."""
    use: str
    """What the registry calls it: `retirement`, or `invalidation (無効化)` of Japanese credits."""
    claim: str
    """What the retirement claims, in words; empty: nothing."""
    hash: str
    """Of the event in the chain of the log, hexadecimal text."""


class RegisteredCancellation(_Serials, frozen=True):
    """Serial numbers that ended here without being used."""

    place: str
    """`cancelled`, `moved` (to another registry), `converted` (from ex-ante to ex-post units), `expired` (ex-ante units that
    were not verified) or `withdrawn` (back at the home registry).
    """
    reason: str
    """Why they were cancelled or expired."""
    issued_as: tuple[str, ...]
    """Of moved and converted ones: the serial numbers that were issued for them, and for others that went with them."""
    hash: str
    """Of the event in the chain of the log, hexadecimal text."""


Registered = RegisteredProject | RegisteredIssuance | RegisteredRetirement | RegisteredCancellation


class Selection(msgspec.Struct, frozen=True):
    """What a list is about; empty: everything."""

    registry: str = ""
    project: str = ""
    """Its id at the registry, which is named, too."""
    class_id: str = ""


class Cursor(NamedTuple):
    """A place in the log: an event, or one of its movements."""

    seq: int = 0
    n: int = 0

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor of a text; empty: the beginning. Raises Reject."""
        if not text:
            return cls()
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise Reject(RejectCode.INVALID_PARAMS, f"{text[:40]!r} is not a cursor such as 742 or 742.1")
        return cls(int(found[1]), int(found[2] or _EVERY))


_CURSOR = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))?")
_AS_THEY_ARE: Final = (
    "seq",
    "n",
    "kind",
    "registry",
    "project",
    "name",
    "country",
    "class_id",
    "vintage",
)
_EVERY: Final = 10**9
"""More movements than an event has."""

_CLASSES = f"""
SELECT class_id FROM {SCHEMA}.credit_class
WHERE ($1 = '' OR registry = $1) AND ($2 = '' OR project = $2) AND ($3 = '' OR class_id = $3)
"""
_CREDITING = f"""
coalesce(nullif(known.crediting, ''), (SELECT described.crediting FROM {SCHEMA}.project AS described
    WHERE (described.registry, described.project) = (known.registry, known.project) ORDER BY described.seq DESC LIMIT 1),
    '{Crediting.EX_POST.value}')
"""
_PROJECTS = f"""
SELECT min(known.seq) AS seq, registry, project,
    coalesce(described.name, (array_agg(known.name ORDER BY known.seq DESC))[1]) AS name,
    coalesce(nullif(described.country, ''), (array_agg(known.country ORDER BY known.seq DESC))[1]) AS country,
    coalesce(described.project_type, '') AS project_type, coalesce(described.methodology, '') AS methodology,
    coalesce(described.mitigation, '') AS mitigation, unit, {_CREDITING} AS crediting,
    array_agg(class_id ORDER BY known.seq) AS classes, array_agg(DISTINCT vintage) AS vintages,
    coalesce(sum(issued), 0)::bigint AS issued, coalesce(sum(held + locked + frozen), 0)::bigint AS in_circulation,
    coalesce(sum(retired), 0)::bigint AS retired, coalesce(sum(cancelled), 0)::bigint AS cancelled,
    coalesce(sum(moved), 0)::bigint AS moved, coalesce(sum(converted), 0)::bigint AS converted,
    coalesce(sum(expired), 0)::bigint AS expired, coalesce(sum(withdrawn), 0)::bigint AS withdrawn
FROM {SCHEMA}.credit_class AS known LEFT JOIN {SCHEMA}.class_total AS total USING (class_id)
LEFT JOIN LATERAL (SELECT name, country, project_type, methodology, mitigation FROM {SCHEMA}.project AS said
    WHERE said.registry = known.registry AND said.project = known.project ORDER BY seq DESC LIMIT 1) AS described ON true
WHERE ($1 = '' OR registry = $1) AND ($2 = '' OR project = $2) AND ($3 = '' OR class_id = $3)
GROUP BY registry, project, unit, {_CREDITING}, described.name, described.country, project_type, methodology, mitigation
HAVING min(known.seq) > $4 ORDER BY min(known.seq) LIMIT $5
"""
_COLUMNS = """
came.seq, came.n, came.kind, class_id, batch.registry, batch, first, last, project, name, country, vintage, unit,
event.recorded_at, hash
"""
_JOINS = f"""
JOIN {SCHEMA}.batch USING (batch_id) JOIN {SCHEMA}.credit_class USING (class_id)
JOIN event ON event.seq = came.seq
"""
_PAGE = "(came.seq, came.n) > ($1, $2) AND ($3::text[] IS NULL OR class_id = ANY($3)) ORDER BY came.seq, came.n LIMIT $4"
_ISSUANCES = f"SELECT {_COLUMNS} FROM {SCHEMA}.issuance AS came {_JOINS} WHERE {_PAGE}"
# Said as the indexes say it, so that the planner knows them.
_ENDED = f"FROM {SCHEMA}.movement AS came {_JOINS} WHERE to_place NOT IN ('held', 'locked', 'frozen')"
_RETIREMENTS = f"SELECT {_COLUMNS} {_ENDED} AND to_place = 'retired' AND {_PAGE}"
_CANCELLATIONS = f"SELECT {_COLUMNS}, to_place {_ENDED} AND to_place NOT IN ('held', 'locked', 'frozen', 'retired') AND {_PAGE}"


async def read_projects(
    view: RegistryView, selection: Selection, after: Cursor, limit: int
) -> list[RegisteredProject]:
    """Projects that have credit classes here, in the order in which they became known. Raises Reject."""
    await selected_classes(view, selection)
    rows = await view.rows(
        _PROJECTS, selection.registry, selection.project, selection.class_id, after.seq, limit
    )
    return [
        RegisteredProject(
            row["seq"],
            row["registry"],
            row["project"],
            row["name"],
            row["country"],
            row["project_type"],
            row["methodology"],
            row["mitigation"],
            Unit(row["unit"]),
            Crediting(row["crediting"]),
            tuple(row["classes"]),
            tuple(row["vintages"]),
            *tuple(row)[12:],
        )
        for row in rows
    ]


async def read_issuances(
    view: RegistryView, selection: Selection, after: Cursor, limit: int
) -> list[RegisteredIssuance]:
    """Serial numbers as they came in. Raises Reject."""
    rows = await _page(view, _ISSUANCES, selection, after, limit)
    return [RegisteredIssuance(**_serials(row), hash=row["hash"].hex()) for row in rows]


async def read_retirements(
    view: RegistryView, selection: Selection, after: Cursor, limit: int
) -> list[RegisteredRetirement]:
    """Serial numbers as they were retired. Raises Reject."""
    rows = await _page(view, _RETIREMENTS, selection, after, limit)
    facts = await view.events({row["seq"] for row in rows})
    return [_retirement(row, facts[row["seq"]].event) for row in rows]


def _retirement(row: Record, event: ev.Event) -> RegisteredRetirement:
    if not isinstance(event, ev.Retired):
        raise TypeError(f"event {row['seq']} retired serial numbers and is of kind {event.kind}")
    return RegisteredRetirement(
        **_serials(row),
        beneficiary=event.beneficiary,
        purpose=event.purpose,
        retirement_quantity=sum(block.quantity for _, block in event.credits),
        use=term_of_use(row["registry"]),
        claim="" if event.claim is None else wording.claim(event.claim),
        hash=row["hash"].hex(),
    )


async def read_cancellations(
    view: RegistryView, selection: Selection, after: Cursor, limit: int
) -> list[RegisteredCancellation]:
    """Serial numbers as they ended without being used. Raises Reject."""
    rows = await _page(view, _CANCELLATIONS, selection, after, limit)
    facts = await view.events({row["seq"] for row in rows})
    causes = await view.events(
        {fact.event.expiry for fact in facts.values() if isinstance(fact.event, UnitsExpired)}
    )
    found: list[RegisteredCancellation] = []
    for row in rows:
        event = facts[row["seq"]].event
        cause = causes[event.expiry].event if isinstance(event, UnitsExpired) else event
        block = SerialBlock(row["registry"], row["batch"], row["first"], row["last"])
        found.append(
            RegisteredCancellation(
                **_serials(row),
                place=row["to_place"],
                reason=cause.reason if isinstance(cause, ev.UnitsCancelled | ExAnteExpired) else "",
                issued_as=issued_as(event, block),
                hash=row["hash"].hex(),
            )
        )
    return found


async def selected_classes(view: RegistryView, selection: Selection) -> list[str] | None:
    """Ids of the classes that a list is about; None: of all. Raises Reject where there are none."""
    if selection == Selection():
        return None
    if selection.project and not selection.registry:
        raise Reject(RejectCode.INVALID_PARAMS, "a project is named with its registry")
    rows = await view.rows(_CLASSES, selection.registry, selection.project, selection.class_id)
    if not rows:
        if selection.class_id:
            raise Reject(RejectCode.UNKNOWN_CLASS, "there is no such credit class")
        raise Reject(RejectCode.UNKNOWN_PROJECT, "no such project has credit classes here")
    return [row[0] for row in rows]


async def _page(
    view: RegistryView, query: str, selection: Selection, after: Cursor, limit: int
) -> list[Record]:
    return await view.rows(query, *after, await selected_classes(view, selection), limit)


def _serials(row: Record) -> dict[str, Any]:
    """The fields of `_Serials` by name."""
    registry = row["registry"]
    return {
        **{name: row[name] for name in _AS_THEY_ARE},
        "time": row["recorded_at"],
        "serial": block_text(registry, row["batch"], row["first"], row["last"]),
        "quantity": row["last"] - row["first"] + 1,
        "unit": Unit(row["unit"]),
    }
