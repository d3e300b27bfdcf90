"""Retirements on a real log, and certificates of them."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.domain import commands
from exchange.domain.events import Retired
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Unit
from exchange.domain.serials import SerialBlock
from exchange.log.heads import LogHead, PublishedHeads, sign_head
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.log.record import StoredEvent, seal
from exchange.log.signing import VenueKey
from exchange.log.writer import LogWriter
from exchange.registry.certificate import (
    FORMAT,
    Certificate,
    EventRow,
    HeadReference,
    LogProof,
    SignedCertificate,
    certified_claim,
    sign,
    utc_text,
)
from exchange.registry.certificate_issuing import CertificateIssuer
from exchange.registry.certificate_lines import certified_lines, certified_totals
from exchange.registry.certificate_verification import Trust
from tests.market import BETA, V19, V20, Market

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchange.domain.carbon.claim_forms import Claim
    from exchange.domain.serials import ClassBlock

KEY = VenueKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
OTHER_KEY = VenueKey(Ed25519PrivateKey.from_private_bytes(b"o" * 32))

HOKKAIDO = CreditClass(
    "J-17-2021", "J-LOCAL", "JCR-0017", "北海道森林吸収プロジェクト", 2021, country="JP", labels=("VER",)
)
BIOCHAR = CreditClass("ISO-9-2025", "ISO", "9", "Puits de carbone & Cie", 2025, unit=Unit.KILOGRAM)
VCS_BATCH = "19298-{first}-{last}-VCS-VCU-1491-VER-BR-1-513-01012018-31122018-0"


class CertifiedMarket(Market):
    """The market of the domain's tests, with two more classes of which beta holds serials."""

    def __init__(self) -> None:
        super().__init__()
        for known, batch in ((HOKKAIDO, "札幌-7"), (BIOCHAR, "isometric")):
            self.do(commands.RegisterClass(LOCAL_OPERATOR, known))
            block = SerialBlock(known.registry, batch, 1, 1000)
            self.do(
                commands.DepositUnits(
                    LOCAL_OPERATOR, BETA, known.class_id, 1000, (block,), f"deposit-{known.class_id}"
                )
            )

    def retire(
        self, *credits_: tuple[str, int], beneficiary: str = "Müller & Söhne", purpose: str = "2026"
    ) -> int:
        """Beta retires units of classes; answers the seq."""
        command = commands.Retire(
            self.beta.key_id,
            self.beta.session,
            BETA,
            beneficiary,
            purpose,
            f"retirement-{self.state.last_seq}",
            credits_,
        )
        self.do(command)
        return self.state.last_seq


@asynccontextmanager
async def logged(dsn: str, market: Market) -> AsyncIterator[Log]:
    """A real log with the events of a market so far."""
    await migrate(dsn)
    async with (
        await LogWriter.open(dsn, WriterIdentity("host-a", 4711, "")) as writer,
        await LogReader.open(dsn, connections=2) as reader,
    ):
        with tempfile.TemporaryDirectory() as folder:
            log = Log(market, writer, reader, Path(folder) / "heads.jsonl")
            await log.append()
            yield log


class Log:
    """A real log, who writes and reads it, its published heads, and the issuer of its certificates."""

    def __init__(self, market: Market, writer: LogWriter, reader: LogReader, heads: Path) -> None:
        self.market = market
        self.writer = writer
        self.reader = reader
        self.heads = heads
        self.issuer = CertificateIssuer(reader, KEY, PublishedHeads(heads))
        self.rows: list[StoredEvent] = []

    async def append(self) -> None:
        """Write what the market did since."""
        rows = seal(self.market.recorded[len(self.rows) :], self.writer.epoch, self.writer.last_hash)
        await self.writer.append(rows)
        self.rows += rows

    def publish(self, seq: int, key: VenueKey = KEY) -> None:
        """Publish the head as of an event."""
        PublishedHeads(self.heads).publish(sign_head(self.head(seq), key))

    def head(self, seq: int) -> LogHead:
        """The head as of an event."""
        row = self.rows[seq - 1]
        return LogHead(seq, row.hash.hex(), row.recorded_at)

    async def issue(self, seq: int) -> SignedCertificate:
        """The certificate of a retirement."""
        return await self.issuer.issue(seq, self.market.state)


def blocks_of(count: int, class_id: str = V19, size: int = 100) -> tuple[ClassBlock, ...]:
    """Blocks of a batch with gaps between them."""
    return tuple(
        (
            class_id,
            SerialBlock(
                "VCS", VCS_BATCH, 1_000_000_000 + 2 * size * at, 1_000_000_000 + 2 * size * at + size - 1
            ),
        )
        for at in range(count)
    )


@cache
def sample(
    beneficiary: str = 'Müller & Söhne <script>alert("1")</script>',
    purpose: str = "Footprint of 2026",
    following: int = 3,
    blocks: int = 2,
    claim: Claim | None = None,
) -> SignedCertificate:
    """A certificate of an event that was sealed as in a log, with so many events behind it."""
    market = CertifiedMarket()
    seq = market.retire(
        (V19, 5),
        (V20, 7),
        (HOKKAIDO.class_id, 50),
        (BIOCHAR.class_id, 25),
        beneficiary=beneficiary,
        purpose=purpose,
    )
    retired = market.recorded[-1].event
    assert isinstance(retired, Retired)
    event = msgspec.structs.replace(retired, credits=(*retired.credits, *blocks_of(blocks)), claim=claim)
    market.recorded[-1] = msgspec.structs.replace(market.recorded[-1], event=event)
    for _ in range(following):
        market.deposit_cash(BETA, 100)
    rows = seal(market.recorded, 1, bytes(32))
    row, after = rows[seq - 1], rows[seq:]
    lines = certified_lines(event.credits, market.state.classes)
    version, claimed = certified_claim(event)
    return sign(
        Certificate(
            format=FORMAT,
            version=version,
            venue="Test Venue",
            number=seq,
            retired_at=utc_text(row.recorded_at),
            beneficiary=beneficiary,
            purpose=purpose,
            account=BETA,
            participant="BETA",
            participant_name="BETA Ltd",
            reference=event.reference,
            lines=lines,
            totals=certified_totals(lines),
            rule=event.rule,
            order=None,
            proof=LogProof(
                EventRow.of(row),
                rows[seq - 2].hash.hex(),
                b"".join(EventRow.of(one).digest() for one in after),
                HeadReference(rows[-1].seq, rows[-1].hash.hex()),
            ),
            public_key=KEY.public_hex,
            claim=claimed,
        ),
        KEY,
    )


def trust_in(signed: SignedCertificate) -> Trust:
    """What a reader has who kept the head that the certificate is proved to, and knows the venue's key."""
    return Trust((signed.certificate.proof.head,), KEY.public_hex)
