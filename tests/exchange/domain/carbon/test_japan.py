"""Japanese credits: codes of classes, serials of their classes, and one number for one Kyoto unit."""

import csv
from pathlib import Path

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon.japan import CREDIT_TYPES, CertificationCode, Scheme, read_code, term_of_use
from exchange.domain.events import Event, RequestRefused, UnitsDeposited
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import SerialBlock
from tests.market import ALPHA, Market

FOREST = CreditClass("JC-FM-1042-2022", "J-CREDIT", "JC-FM-1042", "森林管理プロジェクト", 2022, country="JP")
CER = CreditClass("CDM-7014-2014", "CDM", "7014", "Efficient stoves", 2014, country="RW")
GS = CreditClass("GS-7014-2014", "GS", "7014", "Efficient stoves", 2014, country="RW")
CER_BATCH = "RW-5-{serial}-2-2-0-7014"


def register(market: Market, credit_class: CreditClass) -> list[Event]:
    return market.do(commands.RegisterClass(LOCAL_OPERATOR, credit_class))


def deposit(market: Market, credit_class: CreditClass, batch: str, first: int = 1) -> Event:
    """Deposit a hundred units; answers what became of it."""
    block = SerialBlock(credit_class.registry, batch, first, first + 99)
    (event,) = market.do(
        commands.DepositUnits(
            LOCAL_OPERATOR, ALPHA, credit_class.class_id, 100, (block,), f"{batch}-{first}-{market.next_seq}"
        )
    )
    return event


def code_of(event: Event) -> RejectCode:
    assert isinstance(event, RequestRefused), event
    return event.code


@pytest.mark.parametrize(
    ("text", "scheme", "credit_type", "number"),
    [
        ("JC-ER-1042", Scheme.J_CREDIT, "ER", "1042"),
        ("JC-FM-7", Scheme.J_CREDIT, "FM", "7"),
        ("JCL-ERL-1042", Scheme.J_CREDIT_KEIDANREN, "ERL", "1042"),
        ("KC-KC-5", Scheme.DOMESTIC_CREDIT, "KC", "5"),
        ("KCP-KCP-5", Scheme.DOMESTIC_CREDIT_PROGRAMME, "KCP", "5"),
        ("JP-JRM-5", Scheme.J_VER, "JRM", "5"),
    ],
)
def test_codes(text: str, scheme: Scheme, credit_type: str, number: str) -> None:
    """Scheme, credit type and certification are read from what a serial begins with."""
    assert CertificationCode(scheme, credit_type, number) == read_code(text)


@pytest.mark.parametrize(
    "text",
    ["", "JC", "XX-ER-1", "JC-ERL-1", "JCL-ER-1", "KC-KCP-1", "JP-ER-1", "JC-ER-", "JC-ER-01", "JC-ER-1-2"],
)
def test_codes_that_no_certification_has(text: str) -> None:
    """Unknown schemes, types of another scheme and malformed numbers are refused with a number."""
    with pytest.raises(Reject) as caught:
        read_code(text)
    assert RejectCode.JAPANESE_CODE_INVALID is caught.value.code


def test_japanese_credits_are_invalidated() -> None:
    """The registries' own word for use; other registries retire."""
    assert ["invalidation (無効化)", "invalidation (無効化)", "retirement"] == [
        term_of_use(registry) for registry in ("J-CREDIT", "CDM", "VCS")
    ]


def test_published_codes_are_known(data_dir: Path) -> None:
    """Every code of the published list is one of ours, and we have no others."""
    with (data_dir / "carbon" / "jcredit_codes.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["code"] for row in rows if row["kind"] == "scheme"} == {scheme.value for scheme in Scheme}
    types = {credit_type for known in CREDIT_TYPES.values() for credit_type in known}
    assert {row["code"] for row in rows if row["kind"] == "type"} == types


def test_classes_have_the_codes_of_their_credits(market: Market) -> None:
    """A class of the J-Credit register is a certification in Japan, one of the CDM a numbered project with a host."""
    replace = msgspec.structs.replace
    refused = [
        replace(FOREST, project="JCR-0017"),
        replace(FOREST, country=""),
        replace(CER, project="ID7014"),
        replace(CER, country=""),
    ]
    assert [RejectCode.JAPANESE_CODE_INVALID] * 4 == [
        code_of(register(market, wrong)[0]) for wrong in refused
    ]
    for right in (FOREST, CER):
        register(market, right)
    assert (FOREST, CER) == tuple(market.state.classes.values())[-2:]


def test_serials_have_the_codes_of_their_class(market: Market) -> None:
    """Serials of another scheme, certification, project, host or unit type are not of the class; CER that expire are none."""
    for known in (FOREST, CER):
        register(market, known)
    wrong = [
        (FOREST, "JC-FM-1043-{first} to {last}"),
        (FOREST, "KC-KC-1042-{first} to {last}"),
        (CER, "RW-5-{serial}-2-2-0-7015"),
        (CER, "KE-5-{serial}-2-2-0-7014"),
        (CER, "RW-6-{serial}-2-2-1-7014"),
    ]
    assert [RejectCode.SERIALS_NOT_OF_CLASS] * len(wrong) == [
        code_of(deposit(market, known, batch)) for known, batch in wrong
    ]
    assert isinstance(deposit(market, FOREST, "JC-FM-1042-{first} to {last}"), UnitsDeposited)
    assert isinstance(deposit(market, CER, CER_BATCH), UnitsDeposited)


def test_a_kyoto_unit_is_counted_once(market: Market) -> None:
    """A CER that the Gold Standard labelled keeps its number: it comes in from one of the two registries only."""
    for known in (CER, GS):
        register(market, known)
    deposit(market, CER, CER_BATCH)
    assert RejectCode.SERIAL_BLOCK_OVERLAPS == code_of(deposit(market, GS, CER_BATCH, first=100))
    assert isinstance(deposit(market, GS, CER_BATCH, first=101), UnitsDeposited)
    assert RejectCode.SERIAL_BLOCK_OVERLAPS == code_of(deposit(market, CER, CER_BATCH, first=200))


def test_units_move_to_a_class_of_their_codes(market: Market) -> None:
    """Old J-VER that move into another certification's class bring that certification's numbers."""
    old = CreditClass("EXC-JVER-2010", "EXC", "JVER", "森林", 2010, country="JP")
    for known in (FOREST, old):
        register(market, known)
    market.do(commands.IssueUnits(LOCAL_OPERATOR, ALPHA, old.class_id, 10, "issue"))
    (block,) = market.state.holdings.blocks(ALPHA, old.class_id)

    def move(batch: str) -> Event:
        to_block = SerialBlock("J-CREDIT", batch, 1, 10)
        (event,) = market.do(
            commands.MoveUnits(
                LOCAL_OPERATOR, ALPHA, old.class_id, (block,), FOREST.class_id, (to_block,), "move"
            )
        )
        return event

    assert RejectCode.SERIALS_NOT_OF_CLASS == code_of(move("JC-FM-1043-{first} to {last}"))
    assert "units_moved" == move("JC-FM-1042-{first} to {last}").kind
