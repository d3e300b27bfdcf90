"""Ex-ante credits: estimated from evidence, traded, never retired; converted and expired to the last unit, whoever holds them."""

from collections.abc import Sequence

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon.ex_ante_forms import (
    ConvertExAnte,
    EstimateExAnte,
    EvidenceDocument,
    ExAnteEstimated,
    ExAnteExpired,
    ExAnteVerified,
    ExpireExAnte,
    HazardYear,
    UnitsConverted,
    UnitsExpired,
    YearEstimate,
)
from exchange.domain.carbon.ex_ante_model import MODEL, ModelRun, run
from exchange.domain.carbon.ex_ante_overview import ex_ante_classes
from exchange.domain.carbon.ex_ante_shares import PRO_RATA
from exchange.domain.carbon.freeze_forms import EndFreeze, FreezeCause, FreezeOutcome, FreezeUnits
from exchange.domain.carbon.project_forms import Crediting, Project, RegisterProject
from exchange.domain.events import CancelReason, Event, Fill, OrderCancelled, RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Unit
from exchange.domain.orders import RetirementTerms
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import MAX_SERIAL, SerialBlock, own_batch
from matching.order import TimeInForce
from tests.exchange.domain.carbon.potential import (
    EVIDENCE,
    EVIDENCE_SHA256,
    INSTRUMENT,
    POTENTIAL,
    REPORT_SHA256,
    UNITS,
    VERIFIED,
    estimated_market,
)
from tests.market import ALPHA, ALPHA_2, BETA, GAMMA, V20, Market

EX_ANTE, EX_POST = POTENTIAL.class_id, VERIFIED.class_id
SYMBOL = INSTRUMENT.symbol
replace = msgspec.structs.replace


def ante(first: int, last: int) -> SerialBlock:
    return SerialBlock("EXC", own_batch(EX_ANTE), first, last)


def post(first: int, last: int) -> SerialBlock:
    return SerialBlock("EXC", own_batch(EX_POST), first, last)


def convert(market: Market, quantity: int, reference: str = "v-1", to_class_id: str = EX_POST) -> list[Event]:
    return market.do(ConvertExAnte(LOCAL_OPERATOR, EX_ANTE, to_class_id, quantity, REPORT_SHA256, reference))


def expire(market: Market, quantity: int, reference: str = "e-1") -> list[Event]:
    return market.do(ExpireExAnte(LOCAL_OPERATOR, EX_ANTE, quantity, "not verified", reference))


def code_of(events: Sequence[Event]) -> RejectCode:
    (event,) = events
    assert isinstance(event, RequestRefused), event
    return event.code


def owned(market: Market, class_id: str) -> dict[str, int]:
    return {
        account: balances[class_id].total
        for account, balances in market.state.ledger.accounts.items()
        if class_id in balances and balances[class_id].total
    }


def test_the_estimate_is_exact() -> None:
    """Each year is probability x damage x prevented share x factor; discounting rounds down to a gram, the sum to a unit."""
    assert ModelRun(
        MODEL,
        EVIDENCE_SHA256,
        (
            YearEstimate(2026, "630.000000", "630.000000"),
            YearEstimate(2027, "630.000000", "605.769230"),
            YearEstimate(2028, "748.000000", "691.568047"),
        ),
        UNITS,
    ) == run(EVIDENCE, EVIDENCE_SHA256)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(EVIDENCE, years=()),
        replace(EVIDENCE, years=(EVIDENCE.years[1], EVIDENCE.years[0])),
        replace(EVIDENCE, years=(EVIDENCE.years[0], EVIDENCE.years[0])),
        replace(EVIDENCE, base_year=2027),
        replace(EVIDENCE, base_year=1926),
        replace(EVIDENCE, measure=" "),
        replace(EVIDENCE, damage_unit=""),
        replace(EVIDENCE, documents=()),
        replace(EVIDENCE, documents=(EvidenceDocument("map", "AB" * 32),)),
        replace(EVIDENCE, documents=(EvidenceDocument("map", "ab"),)),
        replace(EVIDENCE, discount_rate="1.1"),
        replace(EVIDENCE, discount_rate="4%"),
        replace(EVIDENCE, years=(HazardYear(2026, "1.1", "1", "1", "1"),)),
        replace(EVIDENCE, years=(HazardYear(2026, "1", "1", "2", "1"),)),
        replace(EVIDENCE, years=(HazardYear(2026, "1", "0.9", "1", "1"),)),
        replace(EVIDENCE, years=(HazardYear(2026, "1", "1000000000", "1", "10000000"),)),
    ],
)
def test_evidence_that_gives_no_estimate(wrong: object) -> None:
    """Years out of order, shares above 1, no documents, nothing avoided or too much: a number, not a figure."""
    with pytest.raises(Reject) as caught:
        run(wrong, EVIDENCE_SHA256)  # type: ignore[arg-type]
    assert RejectCode.EX_ANTE_ESTIMATE_INVALID is caught.value.code


def test_estimate_and_issuance(market: Market) -> None:
    """Evidence, figures and digests stand on the log; nobody issues more than the newest estimate allows."""
    estimated_market(market, issued=UNITS)
    (event,) = [item.event for item in market.recorded if isinstance(item.event, ExAnteEstimated)]
    computed = run(EVIDENCE, EVIDENCE_SHA256)
    assert (
        ExAnteEstimated(
            LOCAL_OPERATOR,
            EX_ANTE,
            MODEL,
            EVIDENCE,
            EVIDENCE_SHA256,
            computed.years,
            UNITS,
            computed.sha256(),
        )
        == event
    )
    more = commands.IssueUnits(LOCAL_OPERATOR, ALPHA, EX_ANTE, 1, "more")
    assert RejectCode.EX_ANTE_BEYOND_ESTIMATE == code_of(market.do(more))
    shared = commands.IssueShared(LOCAL_OPERATOR, EX_ANTE, ((ALPHA, 1), (BETA, 1)), "more")
    assert RejectCode.EX_ANTE_BEYOND_ESTIMATE == code_of(market.do(shared))
    larger = replace(EVIDENCE, discount_rate="0")
    market.do(EstimateExAnte(LOCAL_OPERATOR, EX_ANTE, larger, "01" * 32))
    assert "units_issued" == market.do(replace(more, reference="again"))[0].kind


def test_estimates_are_refused(market: Market) -> None:
    """Of other classes, of other projects, with other evidence for the same digest; the same again changes nothing."""
    estimated_market(market)
    own = EstimateExAnte(LOCAL_OPERATOR, EX_ANTE, EVIDENCE, EVIDENCE_SHA256)
    assert market.execute(own).duplicate_of
    found = [
        code_of(market.do(replace(own, class_id="EXC-NONE-1"))),
        code_of(market.do(replace(own, class_id=EX_POST))),
        code_of(market.do(replace(own, class_id=V20))),
        code_of(market.do(replace(own, evidence=replace(EVIDENCE, discount_rate="0")))),
        code_of(
            market.do(replace(own, evidence=replace(EVIDENCE, project="DAM"), evidence_sha256="01" * 32))
        ),
        code_of(market.do(replace(own, evidence_sha256="xy"))),
        code_of(market.do(replace(own, by="alpha-key", evidence_sha256="01" * 32))),
    ]
    assert [
        RejectCode.UNKNOWN_CLASS,
        RejectCode.NOT_EX_ANTE,
        RejectCode.NOT_EX_ANTE,
        RejectCode.REFERENCE_REUSED,
        RejectCode.EX_ANTE_ESTIMATE_INVALID,
        RejectCode.EX_ANTE_ESTIMATE_INVALID,
        RejectCode.NOT_PERMITTED,
    ] == found


def test_expectations_are_no_credits(market: Market) -> None:
    """They are not retired, directly or on a fill, do not leave, and share no instrument with verified credits."""
    estimated_market(market)
    alpha = market.alpha
    assert RejectCode.EX_ANTE_NOT_RETIRABLE == code_of(market.do(alpha.retire_command(EX_ANTE, 1, "r-1")))
    (refused,) = market.beta.place(market.beta.buy(1, 500, SYMBOL, retire_on_fill=RetirementTerms("Acme")))
    assert "order_rejected" == refused.kind
    block = ante(1, 10)
    withdrawal = commands.WithdrawUnits(LOCAL_OPERATOR, ALPHA, EX_ANTE, 10, (block,), "out")
    assert RejectCode.EX_ANTE_STAYS == code_of(market.do(withdrawal))
    elsewhere = SerialBlock("VCS", "batch-77", 1, 10)
    move = commands.MoveUnits(LOCAL_OPERATOR, ALPHA, EX_ANTE, (block,), V20, (elsewhere,), "move")
    assert RejectCode.EX_ANTE_STAYS == code_of(market.do(move))
    mixed = replace(INSTRUMENT, symbol="MIXED", classes=(EX_ANTE, EX_POST))
    assert RejectCode.EX_ANTE_MIXED == code_of(market.list_instrument(mixed))


def test_a_class_is_what_it_says_whatever_its_project(market: Market) -> None:
    """Describing a project anew makes no declared class retirable, nor its verified units expectations."""
    estimated_market(market)
    market.do(
        RegisterProject(LOCAL_OPERATOR, Project("EXC", "WALL", "Sea wall", crediting=Crediting.EX_POST))
    )
    assert market.state.carbon.projects.is_ex_ante(market.state.classes[EX_ANTE])
    declared = CreditClass(
        "EXC-WALL-2028", "EXC", "WALL", "Sea wall", 2028, country="JP", crediting=Crediting.EX_POST
    )
    market.do(commands.RegisterClass(LOCAL_OPERATOR, declared))
    market.do(
        RegisterProject(LOCAL_OPERATOR, Project("EXC", "WALL", "Sea wall", crediting=Crediting.EX_ANTE))
    )
    classes, projects = market.state.classes, market.state.carbon.projects
    assert [True, True, False] == [
        projects.is_ex_ante(classes[class_id]) for class_id in (EX_ANTE, EX_POST, declared.class_id)
    ]


def test_conversion_reaches_every_holder(market: Market) -> None:
    """Half is verified: every account converts its share, lowest serials first, sell orders of the class end, buys stay."""
    estimated_market(market, issued=1000)
    seller = market.alpha.rest(market.alpha.sell(334, 500, SYMBOL, time_in_force=TimeInForce.GTC))
    market.beta.place(market.beta.buy(333, 500, SYMBOL))
    market.gamma.place(market.gamma.buy(1, 500, SYMBOL))
    offer = market.alpha.rest(market.alpha.sell(600, 510, SYMBOL))
    bid = market.beta.rest(market.beta.buy(5, 400, SYMBOL))
    assert seller < offer
    cancelled, *converted = convert(market, 500)
    assert (
        OrderCancelled(
            order_id=offer,
            account=ALPHA,
            instrument=SYMBOL,
            quantity=600,
            reason=CancelReason.CLASS_CHANGED,
            currency="EUR",
            by=LOCAL_OPERATOR,
            release_units=((EX_ANTE, 600),),
        )
        == cancelled
    )
    verification = market.state.last_seq - 2
    assert [
        ExAnteVerified(LOCAL_OPERATOR, EX_ANTE, EX_POST, 500, REPORT_SHA256, PRO_RATA, "v-1"),
        # 666, 333 and 1 of 1000: 333, 166.5 and 0.5; the unit that is left goes to the earlier name.
        UnitsConverted(ALPHA, EX_ANTE, (ante(335, 667),), EX_POST, post(1, 333), verification, "v-1"),
        UnitsConverted(BETA, EX_ANTE, (ante(1, 167),), EX_POST, post(334, 500), verification, "v-1"),
    ] == converted
    assert ({ALPHA: 333, BETA: 166, GAMMA: 1}, {ALPHA: 333, BETA: 167}) == (
        owned(market, EX_ANTE),
        owned(market, EX_POST),
    )
    assert [bid] == list(market.state.orders)
    assert "retired" == market.do(market.beta.retire_command(EX_POST, 167, "r-1"))[0].kind


def test_the_rest_expires(market: Market) -> None:
    """What was not verified ends for everybody, and never comes in again; books of the class show nothing left."""
    estimated_market(market, issued=10)
    convert(market, 4)
    expired = expire(market, 6)
    assert [
        ExAnteExpired(LOCAL_OPERATOR, EX_ANTE, 6, "not verified", PRO_RATA, "e-1"),
        UnitsExpired(ALPHA, EX_ANTE, (ante(5, 10),), market.state.last_seq - 1),
    ] == expired
    book = market.state.carbon.ex_ante
    assert ({EX_ANTE: 4}, {EX_ANTE: 6}, 0) == (
        book.converted,
        book.expired,
        market.state.ledger.supply[EX_ANTE],
    )
    (shown,) = ex_ante_classes(market.state)
    assert (EX_ANTE, UNITS, 10, 0, 4, 6) == (
        shown.class_id,
        shown.estimated,
        shown.issued,
        shown.outstanding,
        shown.converted,
        shown.expired,
    )
    assert RejectCode.EX_ANTE_CONVERSION_INVALID == code_of(expire(market, 1, "e-2"))
    back = commands.DepositUnits(LOCAL_OPERATOR, ALPHA, EX_ANTE, 1, (ante(5, 5),), "back")
    assert RejectCode.SERIAL_BLOCK_OVERLAPS == code_of(market.do(back))


def test_a_trade_that_has_not_settled_is_a_holder(market: Market) -> None:
    """Units locked for a trade convert and expire with the others; the buyer gets what became of them for the agreed price."""
    estimated_market(market, issued=100)
    deferred = replace(INSTRUMENT, symbol="WALL-T2", settlement_days=2)
    market.list_instrument(deferred)
    market.alpha.rest(market.alpha.sell(40, 500, "WALL-T2"))
    *_, fill = market.beta.place(market.beta.buy(40, 500, "WALL-T2"))
    assert isinstance(fill, Fill)
    trade = market.state.last_seq
    _, free, locked = convert(market, 50)
    verification = trade + 1
    assert [
        UnitsConverted(ALPHA, EX_ANTE, (ante(41, 70),), EX_POST, post(1, 30), verification, "v-1"),
        UnitsConverted(ALPHA, EX_ANTE, (ante(1, 20),), EX_POST, post(31, 50), verification, "v-1", trade),
    ] == [free, locked]
    assert ((50, 20), (50, 20)) == (market.balance(ALPHA, EX_ANTE), market.balance(ALPHA, EX_POST))
    expire(market, 25)
    assert ((EX_ANTE, ante(31, 40)), (EX_POST, post(31, 50))) == market.state.holdings.locked[trade]
    cash = market.balance(BETA, "EUR")[0]
    market.close_day("2026-11-25")
    assert ({ALPHA: 15, BETA: 10}, {ALPHA: 30, BETA: 20}) == (owned(market, EX_ANTE), owned(market, EX_POST))
    assert cash - 40 * 500 == market.balance(BETA, "EUR")[0]


def test_a_trade_may_settle_without_units(market: Market) -> None:
    """Where all that a trade would deliver expired, the price is paid all the same: the risk passed with the trade."""
    estimated_market(market, issued=10)
    market.list_instrument(replace(INSTRUMENT, symbol="WALL-T2", settlement_days=2))
    market.alpha.rest(market.alpha.sell(10, 500, "WALL-T2"))
    market.beta.place(market.beta.buy(10, 500, "WALL-T2"))
    expire(market, 10)
    cash = market.balance(ALPHA, "EUR")[0]
    market.close_day("2026-11-25")
    assert (cash + 5000, {}) == (market.balance(ALPHA, "EUR")[0], owned(market, EX_ANTE))


def test_conversions_are_refused(market: Market) -> None:
    """Into other projects, kinds and units, beyond what is there, by strangers, or with a reference of something else."""
    estimated_market(market, issued=10)
    others = {
        "DAM": CreditClass("EXC-DAM-2027", "EXC", "DAM", "Dam", 2027),
        "also": replace(POTENTIAL, class_id="EXC-WALL-ALSO"),
        "kg": replace(VERIFIED, class_id="EXC-WALL-KG", unit=Unit.KILOGRAM),
    }
    for other in others.values():
        market.do(commands.RegisterClass(LOCAL_OPERATOR, other))
    convert(market, 1)
    assert market.execute(
        ConvertExAnte(LOCAL_OPERATOR, EX_ANTE, EX_POST, 1, REPORT_SHA256, "v-1")
    ).duplicate_of
    invalid = RejectCode.EX_ANTE_CONVERSION_INVALID
    assert [RejectCode.UNKNOWN_CLASS, *[invalid] * 4] == [
        code_of(convert(market, 1, "v-2", to_class_id))
        for to_class_id in ("EXC-NONE-1", V20, *(other.class_id for other in others.values()))
    ]
    assert [invalid, invalid, RejectCode.REFERENCE_REUSED, RejectCode.REFERENCE_REUSED] == [
        code_of(convert(market, 0, "v-2")),
        code_of(convert(market, 10, "v-2")),
        code_of(convert(market, 2, "v-1")),
        code_of(expire(market, 1, "v-1")),
    ]
    stranger = ConvertExAnte("alpha-key", EX_ANTE, EX_POST, 1, REPORT_SHA256, "v-2")
    assert RejectCode.NOT_PERMITTED == code_of(market.do(stranger))


def test_frozen_units_do_not_change(market: Market) -> None:
    """While units of the class are frozen, or the serials that would be issued, nothing converts or expires."""
    estimated_market(market, issued=10)
    for freeze, block in (("f-1", ante(3, 4)), ("f-2", post(5, 5))):
        market.do(FreezeUnits(LOCAL_OPERATOR, freeze, FreezeCause.HOLD, "looked into", (block,)))
    assert RejectCode.UNITS_FROZEN == code_of(convert(market, 1))
    assert RejectCode.UNITS_FROZEN == code_of(expire(market, 1))
    market.do(EndFreeze(LOCAL_OPERATOR, "f-1", FreezeOutcome.RELEASED, "in order"))
    assert RejectCode.UNITS_FROZEN == code_of(convert(market, 5))
    assert "ex_ante_verified" == convert(market, 4)[0].kind


def test_serial_numbers_end_somewhere(market: Market) -> None:
    """Where the ex-post class has no serial numbers left, nothing converts."""
    estimated_market(market, issued=10)
    market.state.issued[EX_POST] = MAX_SERIAL - 1
    market.replica.issued[EX_POST] = MAX_SERIAL - 1
    assert RejectCode.EX_ANTE_CONVERSION_INVALID == code_of(convert(market, 2))


def test_accounts_of_one_participant_are_holders_each(market: Market) -> None:
    """Shares go by account, and an expiry that is not the whole takes from all of them."""
    estimated_market(market, issued=30)
    market.alpha.rest(market.alpha.sell(20, 500, SYMBOL))
    market.beta.place(market.beta.buy(20, 500, SYMBOL))
    market.beta.rest(market.beta.sell(10, 500, SYMBOL))
    market.alpha_2.place(market.alpha_2.buy(10, 500, SYMBOL))
    expire(market, 16)
    # 16/3 each: the unit that is left goes to the earliest name.
    assert {ALPHA: 4, ALPHA_2: 5, BETA: 5} == owned(market, EX_ANTE)
