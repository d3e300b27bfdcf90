"""Makes certificates of retirement from the log."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from exchange.domain.carbon.proceeds_forms import ProceedsPaid
from exchange.domain.events import Fill, Retired, TradeSettled
from exchange.log.chain import ChainBroken
from exchange.log.heads import HeadsUnusable
from exchange.registry.certificate import (
    FORMAT,
    Certificate,
    EventRow,
    HeadReference,
    LogProof,
    RetiredOnFill,
    SignedCertificate,
    certified_claim,
    sign,
    utc_text,
)
from exchange.registry.certificate_lines import certified_lines, certified_totals
from matching.order import Side

if TYPE_CHECKING:
    from exchange.domain.events import Event
    from exchange.domain.state import State
    from exchange.log.heads import PublishedHeads
    from exchange.log.reader import LogReader
    from exchange.log.record import StoredEvent
    from exchange.log.signing import VenueKey

MAX_PROOF_EVENTS: Final = 100_000
"""Events between a retirement and its head; their digests take 4.3 MB of a certificate."""


class NoRetirement(Exception):  # noqa: N818 - it says what is not in the log
    """The event is no retirement, or there is no such event."""


class ProofTooLong(Exception):  # noqa: N818 - it says why there is no certificate
    """The first published head lies too far behind the retirement; the text says what to do."""


class HeadAwaited(Exception):  # noqa: N818 - it says what is not there yet
    """No head was published at or after the retirement yet."""

    def __init__(self, retired_at: int) -> None:
        super().__init__("no head of the log was published since the retirement")
        self.retired_at = retired_at
        """Nanoseconds UTC."""


class CertificateIssuer:
    """Issues certificates, each as often as asked: the same retirement and head give the same bytes."""

    def __init__(self, reader: LogReader, key: VenueKey, published_heads: PublishedHeads) -> None:
        self._reader = reader
        self._key = key
        self._published_heads = published_heads

    async def demand_published(self, seq: int) -> None:
        """Raises what `issue` raises for this retirement and its head, and HeadAwaited while no head covers it."""
        retirement, _ = await self._retirement(seq)
        if self._first_head(seq) is None:
            raise HeadAwaited(retirement.recorded_at)

    async def issue(self, seq: int, state: State) -> SignedCertificate:
        """The certificate of the retirement at event `seq`; names come from the state, as of then or later.

        Proved to the first published head at or after the retirement. While there is none: to the end of the log, or to
        the furthest event that a proof may reach. Raises NoRetirement, ProofTooLong, HeadsUnusable and ChainBroken.
        """
        retirement, event = await self._retirement(seq)
        published = self._first_head(seq)
        if published is None:
            last_seq = min((await self._reader.head()).last_seq, seq + MAX_PROOF_EVENTS)
        else:
            last_seq = published.seq
        proof = await self._prove(retirement, last_seq)
        if published is not None and proof.head != published:
            raise ChainBroken(published.seq, f"its published hash is {published.hash}")
        return sign(await self._certificate(retirement, event, proof, state), self._key)

    async def _retirement(self, seq: int) -> tuple[StoredEvent, Retired]:
        if 0 < seq <= (await self._reader.head()).last_seq:
            stored = await self._event(seq)
            event = stored.to_recorded().event
            if isinstance(event, Retired):
                return stored, event
            raise NoRetirement(f"event {seq} is no retirement, but of kind {stored.kind}")
        raise NoRetirement(f"the log has no event {seq}")

    async def _event(self, seq: int) -> StoredEvent:
        async for page in self._reader.pages(seq - 1, up_to=seq, verify=True):
            return page[0]
        raise ChainBroken(seq, "it is missing")

    def _first_head(self, seq: int) -> HeadReference | None:
        heads = self._published_heads.since(seq, 1)
        if not heads:
            return None
        (first,) = heads
        if not first.is_genuine:
            raise HeadsUnusable(f"the signature of the published head of event {first.seq} does not fit it")
        if first.seq - seq > MAX_PROOF_EVENTS:
            raise ProofTooLong(
                f"the first head published after event {seq} is that of event {first.seq}, and a proof goes over"
                f" {MAX_PROOF_EVENTS} events at most: publish one nearer, such as that of event {seq}"
            )
        return HeadReference(first.seq, first.hash)

    async def _prove(self, retirement: StoredEvent, last_seq: int) -> LogProof:
        """The proof that leads to the hash at `last_seq`; every hash on the way is checked."""
        seq = retirement.seq
        head, digests = HeadReference(seq, retirement.hash.hex()), bytearray()
        async with contextlib.aclosing(self._reader.pages(seq, up_to=last_seq, verify=True)) as pages:
            async for page in pages:
                digests += b"".join(EventRow.of(stored).digest() for stored in page)
                head = HeadReference(page[-1].seq, page[-1].hash.hex())
        previous_hash = await self._reader.hash_at(seq - 1)
        return LogProof(EventRow.of(retirement), previous_hash.hex(), bytes(digests), head)

    async def _certificate(
        self, retirement: StoredEvent, event: Retired, proof: LogProof, state: State
    ) -> Certificate:
        participant = state.accounts[event.account]
        lines = certified_lines(event.credits, state.classes)
        version, claim = certified_claim(event)
        return Certificate(
            format=FORMAT,
            version=version,
            venue=state.name,
            number=retirement.seq,
            retired_at=utc_text(retirement.recorded_at),
            beneficiary=event.beneficiary,
            purpose=event.purpose,
            account=event.account,
            participant=participant,
            participant_name=state.participants[participant].name,
            reference=event.reference,
            lines=lines,
            totals=certified_totals(lines),
            rule=event.rule,
            order=await self._order(retirement, event),
            proof=proof,
            public_key=self._key.public_hex,
            claim=claim,
        )

    async def _order(self, retirement: StoredEvent, event: Retired) -> RetiredOnFill | None:
        if not event.order_id:
            return None
        before = await self._before_proceeds(retirement.seq)
        if isinstance(before, TradeSettled):
            # A deferred trade: its retirement follows its settlement.
            return RetiredOnFill(event.order_id, (before.trade,))
        trades = tuple(
            recorded.seq
            for recorded in await self._reader.command(retirement.command)
            if isinstance(recorded.event, Fill) and _buy_order(recorded.event) == event.order_id
        )
        return RetiredOnFill(event.order_id, trades)

    async def _before_proceeds(self, seq: int) -> Event:
        """The event before another one, and before the shares in a first sale that may lie between them."""
        event: Event
        while isinstance(event := (await self._event(seq - 1)).to_recorded().event, ProceedsPaid):
            seq -= 1
        return event


def _buy_order(fill: Fill) -> int:
    return fill.taker_order_id if fill.taker_side is Side.BUY else fill.maker_order_id
