"""The public register over HTTP: what came in, what was used, where it went; and nobody's account."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest

from exchange.domain import commands
from exchange.domain.carbon.claim_forms import ClaimKind
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.serials import SerialBlock
from gateway.websocket.requests import RetirementClaim
from tests.exchange.registry.settled import rebuilt, settle
from tests.market import ALPHA, BETA, OWNERS, UNITS, V18, V19, V20

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.http.conftest import HttpClient

REGISTER = "/api/v1/register"
OWN = CreditClass("EXC-7-2026", "EXC", "7", "Mangroves", 2026, country="MX")
LISTS = {
    "projects": "RegisteredProjects",
    "issuances": "RegisteredIssuances",
    "retirements": "RegisteredRetirements",
    "cancellations": "RegisteredCancellations",
    "provenance": "Provenance",
}


async def everything(http: HttpClient, name: str, *, limit: int = 500, **params: Any) -> list[dict[str, Any]]:
    """All rows of a list, page by page along the links."""
    rows: list[dict[str, Any]] = []
    path: str | None = f"{REGISTER}/{name}"
    asked = {**params, "limit": limit}
    while path is not None:
        page = await http.json(path, LISTS[name], **asked)
        rows += page["rows"]
        path, asked = page["next"], {}
    return rows


@pytest.fixture
async def settled(exchange: RunningExchange) -> RunningExchange:
    """Gives an exchange that traded, retired, cancelled, moved and withdrew, settled."""
    alpha, beta = await exchange.client("alpha-key"), await exchange.client("beta-key")
    await beta.place_order(
        client_order_id="s", instrument="RIMBA-19", side="sell", quantity=30, price="10.00"
    )
    await alpha.place_order(
        client_order_id="b", instrument="RIMBA-19", side="buy", quantity=30, price="10.00", account=ALPHA
    )
    for number in range(3):
        await alpha.retire(
            credits={V19: 5, V18: 2},
            beneficiary="=Ada; Byron",
            purpose='Flights, "2026"',
            reference=f"private-{number}",
            account=ALPHA,
            claim=RetirementClaim(ClaimKind.CONTRIBUTION) if number == 2 else None,
        )
    await exchange.do(
        commands.RegisterClass(LOCAL_OPERATOR, OWN),
        commands.CancelUnits(
            LOCAL_OPERATOR, ALPHA, V20, (SerialBlock("GS", "opening-2020", 1, 4),), "issued in error", "c"
        ),
        commands.WithdrawUnits(
            LOCAL_OPERATOR, ALPHA, V20, 3, (SerialBlock("GS", "opening-2020", 11, 13),), "w"
        ),
        commands.MoveUnits(
            LOCAL_OPERATOR, ALPHA, V20, (SerialBlock("GS", "opening-2020", 21, 26),), OWN.class_id, (), "m"
        ),
    )
    await settle(exchange.dsn)
    return exchange


async def test_projects_have_their_units_by_place(settled: RunningExchange, http: HttpClient) -> None:
    """Each unit that came in is counted in one place; in the order in which the projects became known."""
    rimba, stoves, own = await everything(http, "projects")
    deposited = UNITS * len(OWNERS)

    assert {
        "registry": "VCS", "project": "1340", "name": "Rimba Raya", "country": "ID",
        "project_type": "", "methodology": "", "mitigation": "", "unit": "t", "crediting": "ex_post",
        "classes": [V18, V19], "vintages": [2018, 2019], "issued": 2 * deposited,
        "in_circulation": 2 * deposited - 21, "retired": 21, "cancelled": 0, "moved": 0, "converted": 0,
        "expired": 0, "withdrawn": 0,
    } == {name: value for name, value in rimba.items() if name != "seq"}  # fmt: skip
    places = ("issued", "in_circulation", "retired", "cancelled", "moved", "withdrawn")
    assert [deposited, deposited - 13, 0, 4, 6, 3] == [stoves[place] for place in places]
    assert [6, 6, 0, 0, 0, 0] == [own[place] for place in places]


async def test_issuances_and_cancellations(settled: RunningExchange, http: HttpClient) -> None:
    """What came in and what ended, with serial numbers, seq and hash; moved ones name each other."""
    issuances = await everything(http, "issuances")
    assert [*["units_deposited"] * 12, "units_moved"] == [row["kind"] for row in issuances]
    assert ("opening-2018 [1 to 100000]", UNITS, "Rimba Raya") == tuple(
        issuances[0][name] for name in ("serial", "quantity", "name")
    )
    assert ("EXC-7-2026-1 to 6", "EXC", 6) == tuple(
        issuances[-1][name] for name in ("serial", "registry", "quantity")
    )
    cancellations = await everything(http, "cancellations")
    assert [
        ("cancelled", "opening-2020 [1 to 4]", 4, "issued in error", []),
        ("withdrawn", "opening-2020 [11 to 13]", 3, "", []),
        ("moved", "opening-2020 [21 to 26]", 6, "", ["EXC-7-2026-1 to 6"]),
    ] == [
        tuple(row[name] for name in ("place", "serial", "quantity", "reason", "issued_as"))
        for row in cancellations
    ]
    events = {row["seq"]: row["hash"] for row in issuances + cancellations}
    async for page in settled.gateway.reader.pages():
        for stored in page:
            assert events.pop(stored.seq, stored.hash.hex()) == stored.hash.hex()
    assert {} == events


async def test_retirements(settled: RunningExchange, http: HttpClient) -> None:
    """Each block of a retirement is a row, with whom it was for; the certificate is under the same number."""
    rows = await everything(http, "retirements")
    assert [
        (V19, "opening-2019 [1 to 5]", 5, 7),
        (V18, "opening-2018 [1 to 2]", 2, 7),
        (V19, "opening-2019 [6 to 10]", 5, 7),
        (V18, "opening-2018 [3 to 4]", 2, 7),
        (V19, "opening-2019 [11 to 15]", 5, 7),
        (V18, "opening-2018 [5 to 6]", 2, 7),
    ] == [
        tuple(row[name] for name in ("class_id", "serial", "quantity", "retirement_quantity")) for row in rows
    ]
    assert {("=Ada; Byron", 'Flights, "2026"')} == {(row["beneficiary"], row["purpose"]) for row in rows}
    contribution = "Contribution to mitigation in the host country: offsets nothing"
    assert ["", "", "", "", contribution, contribution] == [row["claim"] for row in rows]
    assert rows[0]["seq"] == rows[1]["seq"] < rows[2]["seq"]


async def test_pages_make_the_whole(settled: RunningExchange, http: HttpClient) -> None:
    """Without gap or overlap, whatever their size: a page may end within an event."""
    for name in LISTS:
        about: dict[str, Any] = {"registry": "VCS"} if name == "provenance" else {}
        whole = await everything(http, name, **about)
        assert len(whole) > 1
        for limit in (1, 2, 7):
            assert whole == await everything(http, name, limit=limit, **about)


async def test_lists_about_something(settled: RunningExchange, http: HttpClient) -> None:
    """A registry, one of its projects, or a class; what there is none of is not found."""
    selections: list[tuple[dict[str, Any], set[str]]] = [
        ({"class_id": V18}, {V18}),
        ({"registry": "VCS"}, {V18, V19}),
        ({"registry": "VCS", "project": "1340"}, {V18, V19}),
        ({"registry": "GS"}, set()),
    ]
    for about, expected in selections:
        assert expected == {row["class_id"] for row in await everything(http, "retirements", **about)}
    refusals: list[tuple[dict[str, Any], int, str]] = [
        ({"class_id": "VCS-1-2020"}, 404, "UNKNOWN_CLASS"),
        ({"registry": "VCS", "project": "1"}, 404, "UNKNOWN_PROJECT"),
        ({"project": "1340"}, 400, "INVALID_PARAMS"),
        ({"after": "then"}, 400, "INVALID_PARAMS"),
        ({"limit": 1001}, 400, "INVALID_PARAMS"),
        ({"account": "alpha"}, 400, "INVALID_PARAMS"),
    ]
    for about, status, code in refusals:
        for name in ("projects", "issuances", "retirements", "cancellations"):
            assert code == (await http.refusal(f"{REGISTER}/{name}", status, **about))[1]


async def test_csv_has_the_same_rows(settled: RunningExchange, http: HttpClient) -> None:
    """By the name of the file or by what the client accepts; formulas of strangers are no formulas any more."""
    for name in LISTS:
        about: dict[str, Any] = {"registry": "VCS"} if name == "provenance" else {}
        expected = await everything(http, name, **about)
        response, body = await http.get(f"{REGISTER}/{name}.csv", params={**about, "limit": 500})
        assert (200, "text/csv", "utf-8") == (response.status, response.content_type, response.charset)
        found = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
        assert [list(row) for row in expected] == [list(row) for row in found]
        assert [[cell(value) for value in row.values()] for row in expected] == [
            list(row.values()) for row in found
        ]
        accepted, same = await http.get(
            f"{REGISTER}/{name}", params={**about, "limit": 500}, headers={"Accept": "text/csv"}
        )
        assert (body, response.headers["ETag"]) == (same, accepted.headers["ETag"])


def cell(value: Any) -> str:
    """What a value of JSON is in CSV."""
    if isinstance(value, list):
        return "; ".join(str(item) for item in value)
    return f"'{value}" if str(value).startswith("=") else str(value)


async def test_pages_say_what_they_are_of(settled: RunningExchange, http: HttpClient) -> None:
    """The last settled event, the next page for clients of either form, and a tag that spares the body."""
    path = f"{REGISTER}/issuances"
    page = await http.json(path, "RegisteredIssuances", limit=5)
    response, _ = await http.get(f"{path}.csv", params={"limit": 5})

    assert settled.engine.durable_seq == page["as_of_seq"] == int(response.headers["As-Of-Seq"])
    after = f"{page['rows'][-1]['seq']}.{page['rows'][-1]['n']}"
    assert f"{path}?after={after}&limit=5" == page["next"]
    assert f'<{path}.csv?after={after}&limit=5>; rel="next"' == response.headers["Link"]
    again, body = await http.get(
        f"{path}.csv", params={"limit": 5}, headers={"If-None-Match": response.headers["ETag"]}
    )
    assert (304, b"") == (again.status, body)
    assert "Accept, Accept-Encoding" == response.headers["Vary"]


async def test_the_life_of_serial_numbers(settled: RunningExchange, http: HttpClient) -> None:
    """Issuance, split, fill with its price, retirement: of a serial number, of a class, of a project."""
    about: dict[str, Any] = {"serial": "opening-2019 [200001 to 200001]", "registry": "VCS"}
    steps = await everything(http, "provenance", **about)
    issued, traded = steps
    assert ("issued", "opening-2019 [200001 to 300000]") == (issued["step"], issued["serial"])
    assert (
        "traded",
        "opening-2019 [200001 to 200030]",
        ["opening-2019 [200001 to 300000] @ " + str(issued["seq"])],
        "RIMBA-19",
        "10.00",
        "EUR",
    ) == tuple(traded[name] for name in ("step", "serial", "split_from", "instrument", "price", "currency"))
    retired = (await everything(http, "provenance", serial="opening-2019 [7 to 7]", registry="VCS"))[-1]
    assert ("retired", "opening-2019 [6 to 10]", "=Ada; Byron") == tuple(
        retired[name] for name in ("step", "serial", "beneficiary")
    )
    own = await everything(http, "provenance", serial="EXC-7-2026-2 to 3")
    assert [("issued", ["opening-2020 [21 to 26]"])] == [(one["step"], one["issued_for"]) for one in own]
    project = await everything(http, "provenance", registry="VCS", project="1340")
    assert steps == [one for one in project if one["seq"] in {issued["seq"], traded["seq"]}]
    refusals: list[tuple[dict[str, Any], int, str]] = [
        ({}, 400, "INVALID_PARAMS"),
        ({"serial": "opening-2019 [1 to 1]"}, 400, "SERIAL_BLOCK_INVALID"),
        ({"serial": "EXC-7-2026-7 to 7"}, 404, "UNKNOWN_SERIAL"),
        ({"serial": "EXC-7-2026-1 to 1", "class_id": OWN.class_id}, 400, "INVALID_PARAMS"),
        ({"registry": "VCS", "project": "7"}, 404, "UNKNOWN_PROJECT"),
        ({"registry": "VCS", "limit": 501}, 400, "INVALID_PARAMS"),
    ]
    for wrong, status, code in refusals:
        assert code == (await http.refusal(f"{REGISTER}/provenance", status, **wrong))[1]


async def test_rebuilt_it_is_the_same_to_the_byte(settled: RunningExchange, http: HttpClient) -> None:
    """Every list in both forms, before and after settlement's tables were dropped and built again from event 1."""

    async def bodies() -> list[bytes]:
        return [
            (await http.get(f"{REGISTER}/{name}{suffix}", params={"registry": "VCS"}))[1]
            for name in LISTS
            for suffix in ("", ".csv")
        ]

    before = await bodies()
    assert (await rebuilt(settled.dsn)).identical
    assert before == await bodies()


async def test_nobody_is_named(settled: RunningExchange, http: HttpClient) -> None:
    """No account, participant, reference of theirs or key stands in anything that the register says."""
    private = [*OWNERS, *OWNERS.values(), "private-", "-key", '"c"', '"w"', '"m"']
    for name in LISTS:
        about: dict[str, Any] = {"registry": "VCS"} if name == "provenance" else {}
        for suffix in ("", ".csv"):
            text = (await http.get(f"{REGISTER}/{name}{suffix}", params={**about, "limit": 500}))[1].decode()
            assert [] == [word for word in private if word in text]
    assert BETA in private


async def test_before_anything_is_settled(exchange: RunningExchange, http: HttpClient) -> None:
    """It says so, and that it is worth asking again."""
    for name in LISTS:
        code, _, message = await http.refusal(f"{REGISTER}/{name}", 503, registry="VCS")
        assert (3013, "the registry is not settled yet; ask again when settlement has worked") == (
            code,
            message,
        )
