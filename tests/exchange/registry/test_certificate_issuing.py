"""Certificates made from a real log: what they say, what they are proved to, and what gets none."""

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon.proceeds_forms import ProceedsPaid
from exchange.domain.events import Fill, Retired
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import Unit
from exchange.domain.orders import RetirementTerms, TimeInForce
from exchange.domain.serials import SerialBlock
from exchange.log.chain import ChainBroken, event_hash
from exchange.log.heads import HeadsUnusable, sign_head
from exchange.registry import certificate_issuing
from exchange.registry.certificate import (
    CertifiedClass,
    CertifiedSerials,
    EventRow,
    HeadReference,
    RetiredOnFill,
    UnitTotal,
)
from exchange.registry.certificate_issuing import NoRetirement, ProofTooLong
from exchange.registry.certificate_verification import Trust, Verdict, verify
from tests.exchange.domain.carbon.primary_sales import LATER, seller_in
from tests.exchange.log.conftest import tamper
from tests.exchange.registry.certificates import (
    BIOCHAR,
    HOKKAIDO,
    KEY,
    OTHER_KEY,
    CertifiedMarket,
    logged,
    trust_in,
)
from tests.market import BETA, PROJECT, START_NS, V19, V20

TERMS = RetirementTerms("Flight AB 123", "offset")


async def test_a_certificate_says_what_the_log_says(dsn: str) -> None:
    """Every field of a retirement of several projects, units and registries, with names from the state."""
    market = CertifiedMarket()
    seq = market.retire((V19, 5), (HOKKAIDO.class_id, 50), (BIOCHAR.class_id, 25))
    async with logged(dsn, market) as log:
        certificate = (await log.issue(seq)).certificate
    row = log.rows[seq - 1]
    assert (
        "Test Venue",
        seq,
        f"2026-11-23T00:00:00.{market.at - START_NS:09}Z",
        "Müller & Söhne",
        "2026",
        BETA,
        "BETA",
        "BETA Ltd",
        "lowest-serial/1",
        None,
        KEY.public_hex,
    ) == (
        certificate.venue,
        certificate.number,
        certificate.retired_at,
        certificate.beneficiary,
        certificate.purpose,
        certificate.account,
        certificate.participant,
        certificate.participant_name,
        certificate.rule,
        certificate.order,
        certificate.public_key,
    )
    first = CertifiedSerials("opening-2019 [200001 to 200005]", 200_001, 200_005, 5)
    assert (
        CertifiedClass(V19, "VCS", "1340", "Rimba Raya", "ID", 2019, Unit.TONNE, (), 5, (first,)),
        CertifiedClass(
            HOKKAIDO.class_id,
            "J-LOCAL",
            "JCR-0017",
            "北海道森林吸収プロジェクト",
            "JP",
            2021,
            Unit.TONNE,
            ("VER",),
            50,
            (CertifiedSerials("札幌-7 [1 to 50]", 1, 50, 50),),
        ),
        CertifiedClass(
            BIOCHAR.class_id,
            "ISO",
            "9",
            "Puits de carbone & Cie",
            "",
            2025,
            Unit.KILOGRAM,
            (),
            25,
            (CertifiedSerials("isometric [1 to 25]", 1, 25, 25),),
        ),
    ) == certificate.lines
    assert (UnitTotal(Unit.TONNE, 55), UnitTotal(Unit.KILOGRAM, 25)) == certificate.totals
    proof = certificate.proof
    assert (EventRow.of(row), log.rows[seq - 2].hash.hex()) == (proof.event, proof.previous_hash)
    assert (b"", HeadReference(seq, row.hash.hex())) == (proof.digests, proof.head)
    assert row.hash.hex() == proof.own_hash()


async def test_named_serials_are_certified_as_the_registry_writes_them(dsn: str) -> None:
    """A block of a known form has its registry's text, and no rule chose it."""
    market = CertifiedMarket()
    batch = "19298-{first}-{last}-VCS-VCU-1491-VER-BR-1-513-01012018-31122018-0"
    block = SerialBlock("VCS", batch, 935_995_787, 935_995_804)
    deposit = commands.DepositUnits(LOCAL_OPERATOR, BETA, V19, 18, (block,), "vcs")
    market.do(deposit)
    trader = market.beta
    market.do(
        commands.Retire(trader.key_id, trader.session, BETA, "Acme", "", "named", blocks=((V19, block),))
    )
    async with logged(dsn, market) as log:
        certificate = (await log.issue(market.state.last_seq)).certificate
    text = "19298-935995787-935995804-VCS-VCU-1491-VER-BR-1-513-01012018-31122018-0"
    assert (CertifiedSerials(text, 935_995_787, 935_995_804, 18),) == certificate.lines[0].blocks
    assert "" == certificate.rule


async def test_a_retirement_on_fill_names_its_order_and_trades(dsn: str) -> None:
    """A taker that swept two makers, and a resting order that another one hit: their own fills, no others."""
    market = CertifiedMarket()
    for price in (1000, 1001):
        market.beta.rest(market.beta.sell(10, price, time_in_force=TimeInForce.GTC))
    order_id = market.next_seq
    events = market.alpha.place(market.alpha.buy(20, 1001, retire_on_fill=TERMS))
    fills = [order_id + at for at, event in enumerate(events) if isinstance(event, Fill)]
    as_taker = market.state.last_seq
    resting = market.alpha.rest(market.alpha.buy(5, 990, retire_on_fill=TERMS, time_in_force=TimeInForce.GTC))
    hit = market.next_seq
    market.beta.place(market.beta.sell(5, 990))
    as_maker = market.state.last_seq
    async with logged(dsn, market) as log:
        taker, maker = [(await log.issue(seq)).certificate for seq in (as_taker, as_maker)]
    assert 2 == len(fills)
    assert RetiredOnFill(order_id, tuple(fills)) == taker.order
    assert RetiredOnFill(resting, (hit + 1,)) == maker.order
    assert ("Flight AB 123", "offset", "alpha") == (taker.beneficiary, taker.purpose, taker.account)


async def test_a_deferred_retirement_names_the_trade_that_settled(dsn: str) -> None:
    """Each of two trades of an order that settle on the same day has its own certificate."""
    market = CertifiedMarket()
    later = msgspec.structs.replace(PROJECT, symbol="LATER", settlement_days=1)
    market.list_instrument(later)
    market.beta.rest(market.beta.sell(10, 1000, "LATER", time_in_force=TimeInForce.GTC))
    order_id = market.next_seq
    market.alpha.place(
        market.alpha.buy(15, 1000, "LATER", retire_on_fill=TERMS, time_in_force=TimeInForce.GTC)
    )
    market.beta.place(market.beta.sell(5, 1000, "LATER"))
    trades = [recorded.seq for recorded in market.recorded if isinstance(recorded.event, Fill)]
    market.close_day("2026-11-24")
    last = market.state.last_seq
    async with logged(dsn, market) as log:
        orders = [(await log.issue(seq)).certificate.order for seq in (last - 2, last)]
    assert [RetiredOnFill(order_id, (trade,)) for trade in trades] == orders


async def test_a_deferred_first_sale_names_its_trade(dsn: str) -> None:
    """The shares in what it brought lie between settlement and retirement; the certificate names the trade all the same."""
    market = CertifiedMarket()
    seller = seller_in(market)
    seller.rest(seller.sell(7, 1003, LATER.symbol, time_in_force=TimeInForce.GTC))
    order_id = market.next_seq
    market.alpha.place(market.alpha.buy(7, 1003, LATER.symbol, retire_on_fill=TERMS))
    (trade,) = [recorded.seq for recorded in market.recorded if isinstance(recorded.event, Fill)]
    *_, share, retired = market.close_day("2026-11-25")
    assert (ProceedsPaid, Retired) == (type(share), type(retired))
    async with logged(dsn, market) as log:
        certificate = (await log.issue(market.state.last_seq)).certificate
    assert RetiredOnFill(order_id, (trade,)) == certificate.order


async def test_the_proof_goes_to_the_first_published_head(dsn: str) -> None:
    """Without one it goes to the end of the log; heads before do not count, and later ones change nothing."""
    market = CertifiedMarket()
    seq = market.retire((V20, 3))
    for _ in range(10):
        market.deposit_cash(BETA, 100)
    async with logged(dsn, market) as log:
        log.publish(seq - 1)
        unpublished = await log.issue(seq)
        log.publish(seq + 6)
        published = await log.issue(seq)
        log.publish(seq + 9)
        again = await log.issue(seq)
        log.publish(seq)
        at_once = await log.issue(seq)
    ends = [signed.certificate.proof.head.seq - seq for signed in (unpublished, published, at_once)]
    assert [10, 6, 0] == ends
    assert published.to_json() == again.to_json()
    assert published.certificate.proof.head == HeadReference(seq + 6, log.head(seq + 6).hash)
    digests = published.certificate.proof.digests
    current = log.rows[seq - 1].hash
    for at in range(6):
        current = event_hash(current, digests[32 * at : 32 * at + 32])
        assert log.rows[seq + at].hash == current


async def test_a_proof_is_bounded(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that lies too far is refused with what to do; while there is none, the proof ends where it must."""
    monkeypatch.setattr(certificate_issuing, "MAX_PROOF_EVENTS", 5)
    market = CertifiedMarket()
    seq = market.retire((V20, 3))
    for _ in range(8):
        market.deposit_cash(BETA, 100)
    async with logged(dsn, market) as log:
        assert seq + 5 == (await log.issue(seq)).certificate.proof.head.seq
        log.publish(seq + 6)
        with pytest.raises(ProofTooLong, match=f"such as that of event {seq}"):
            await log.issue(seq)
        log.publish(seq + 2)
        assert seq + 2 == (await log.issue(seq)).certificate.proof.head.seq


async def test_a_proof_over_a_long_log_is_checked_offline(dsn: str) -> None:
    """Twelve thousand events lie between the retirement and its head, more than a page of the reader."""
    market = CertifiedMarket()
    seq = market.retire((V20, 3))
    for at in range(12_000):
        market.change_fees(PROJECT.symbol, at % 7, 9)
    async with logged(dsn, market) as log:
        log.publish(seq + 12_000)
        signed = await log.issue(seq)
    assert 32 * 12_000 == len(signed.certificate.proof.digests)
    assert Verdict.GOOD == verify(signed.to_json(), trust_in(signed)).verdict
    kept = log.head(seq + 7_321)
    trust = Trust((HeadReference(kept.seq, kept.hash),), KEY.public_hex)
    assert Verdict.GOOD == verify(signed.to_json(), trust).verdict


async def test_only_retirements_have_certificates(dsn: str) -> None:
    """Other events and seqs that the log does not have are refused with what is there."""
    market = CertifiedMarket()
    market.retire((V20, 3))
    last = market.state.last_seq
    async with logged(dsn, market) as log:
        said = []
        for seq in (last - 1, last + 1, 0, -3):
            with pytest.raises(NoRetirement) as refusal:
                await log.issue(seq)
            said.append(str(refusal.value))
    assert [
        f"event {last - 1} is no retirement, but of kind units_deposited",
        f"the log has no event {last + 1}",
        "the log has no event 0",
        "the log has no event -3",
    ] == said


@pytest.mark.parametrize("distance", [0, 2])
async def test_a_changed_log_gives_no_certificate(dsn: str, distance: int) -> None:
    """Neither the retirement nor an event on the way to its head may have been touched; the event is named."""
    market = CertifiedMarket()
    seq = market.retire((V20, 3))
    for _ in range(4):
        market.deposit_cash(BETA, 100)
    async with logged(dsn, market) as log:
        changed = seq + distance
        await tamper(dsn, f"UPDATE event SET epoch = epoch + 1 WHERE seq = {changed}")
        with pytest.raises(ChainBroken) as damage:
            await log.issue(seq)
    assert changed == damage.value.seq


async def test_a_log_that_left_its_published_head_gives_no_certificate(dsn: str) -> None:
    """What was published binds: another hash there, or a log that ends before it, is damage."""
    market = CertifiedMarket()
    seq = market.retire((V20, 3))
    market.deposit_cash(BETA, 100)
    async with logged(dsn, market) as log:
        head = msgspec.structs.replace(log.head(seq + 1), hash="ab" * 32)
        log.heads.write_bytes(msgspec.json.encode(sign_head(head, KEY)) + b"\n")
        with pytest.raises(ChainBroken, match="its published hash is abab"):
            await log.issue(seq)
        beyond = msgspec.structs.replace(log.head(seq + 1), seq=seq + 9)
        log.heads.write_bytes(msgspec.json.encode(sign_head(beyond, KEY)) + b"\n")
        with pytest.raises(ChainBroken, match=f"broken at event {seq + 9}"):
            await log.issue(seq)


async def test_a_published_head_must_be_signed(dsn: str) -> None:
    """A head that somebody wrote into the file without the key is not used."""
    market = CertifiedMarket()
    seq = market.retire((V20, 3))
    async with logged(dsn, market) as log:
        signed = sign_head(log.head(seq), OTHER_KEY)
        forged = msgspec.structs.replace(signed, public_key=KEY.public_hex)
        log.heads.write_bytes(msgspec.json.encode(forged) + b"\n")
        with pytest.raises(HeadsUnusable, match=f"head of event {seq}"):
            await log.issue(seq)
