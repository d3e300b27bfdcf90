"""Makes statements from the registry's tables and the events that they name."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from exchange.domain import events as ev
from exchange.domain.carbon.freeze_forms import TradeCancelled
from exchange.domain.carbon.proceeds_forms import ProceedsPaid
from exchange.domain.instruments import Unit
from exchange.domain.money import currency_exponent, render_decimal
from exchange.domain.orders import Side
from exchange.domain.rejects import Reject, RejectCode
from exchange.registry.rows import Place
from exchange.registry.serials import block_text
from exchange.registry.statement import (
    CashChange,
    SerialChange,
    SerialMovement,
    Statement,
    StatementBlock,
    StatementCash,
    StatementMovement,
    StatementUnits,
    UnitChange,
)
from exchange.registry.store import SCHEMA, RegistryDamaged
from exchange.registry.totals import is_class

if TYPE_CHECKING:
    from asyncpg import Record

    from exchange.registry.view import Prices, RegistryView, StoredFact

# The days: an event begins each, and what follows it is of that day.
_FIRST_DAY = f"SELECT seq FROM {SCHEMA}.business_day ORDER BY seq LIMIT 1"
_TODAY = f"SELECT business_date FROM {SCHEMA}.business_day ORDER BY seq DESC LIMIT 1"
_BEGIN_OF = f"SELECT min(seq) FROM {SCHEMA}.business_day WHERE business_date >= $1"
_BEGIN_AFTER = f"SELECT min(seq) FROM {SCHEMA}.business_day WHERE business_date > $1"
_DAY_OF = f"""
SELECT business_date, seq FROM {SCHEMA}.business_day WHERE seq < $1 ORDER BY seq DESC LIMIT 1
"""

# An asset that was never posted by the opening or the closing event has no balance then.
_BALANCES = f"""
SELECT asset, opened.balance AS opening, closed.balance AS closing FROM {SCHEMA}.balance AS owned
LEFT JOIN LATERAL (SELECT balance FROM {SCHEMA}.posting
    WHERE account = $1 AND asset = owned.asset AND seq <= $2 ORDER BY seq DESC LIMIT 1) AS opened ON true
LEFT JOIN LATERAL (SELECT balance FROM {SCHEMA}.posting
    WHERE account = $1 AND asset = owned.asset AND seq <= $3 ORDER BY seq DESC LIMIT 1) AS closed ON true
WHERE account = $1 AND closed.balance IS NOT NULL ORDER BY asset COLLATE "C"
"""
# Events that concern the account: those that changed its balances, and trades of its that are to settle later.
_SEQS = f"""
SELECT DISTINCT seq FROM (
    SELECT posted.seq FROM {SCHEMA}.balance AS owned CROSS JOIN LATERAL (
        SELECT seq FROM {SCHEMA}.posting WHERE account = $1 AND asset = owned.asset AND seq > $2 AND seq <= $3
        ORDER BY seq LIMIT $4) AS posted WHERE owned.account = $1 AND owned.seq > $2
    UNION ALL SELECT trade FROM {SCHEMA}.deferred_trade WHERE buyer = $1 AND trade > $2 AND trade <= $3
    UNION ALL SELECT trade FROM {SCHEMA}.deferred_trade WHERE seller = $1 AND trade > $2 AND trade <= $3
    UNION ALL SELECT ended.seq FROM {SCHEMA}.deferred_trade JOIN {SCHEMA}.settled_trade AS ended USING (trade)
        WHERE $1 IN (buyer, seller) AND ended.seq > $2 AND ended.seq <= $3
) AS concerned ORDER BY seq LIMIT $4
"""
_POSTINGS = f"""
SELECT posted.seq, asset, posted.change, posted.balance FROM {SCHEMA}.balance AS owned CROSS JOIN LATERAL (
    SELECT seq, change, balance FROM {SCHEMA}.posting
    WHERE account = $1 AND asset = owned.asset AND seq > $2 AND seq <= $3) AS posted
WHERE owned.account = $1 AND owned.seq > $2 ORDER BY posted.seq, asset COLLATE "C"
"""
_MOVEMENTS = f"""
SELECT moved.seq, class_id, registry, batch, first, last, from_place, from_account, to_place, to_account
FROM {SCHEMA}.movement AS moved JOIN {SCHEMA}.batch USING (batch_id)
WHERE moved.seq = ANY($2) AND $1 IN (from_account, to_account) ORDER BY moved.seq, n
"""
# What an account has now, less what came since and more what went since: each interval counts +1 where it begins and -1
# behind its end, or the other way round, and where the sum is 1 the account had the serials.
_SERIALS_AT = f"""
WITH later AS (
    SELECT moved.* FROM (
        SELECT posted.seq FROM {SCHEMA}.balance AS owned CROSS JOIN LATERAL (
            SELECT seq FROM {SCHEMA}.posting WHERE account = $1 AND asset = owned.asset AND seq > $2) AS posted
        WHERE owned.account = $1 AND owned.seq > $2 AND owned.asset LIKE '%-%'
        UNION SELECT trade FROM {SCHEMA}.deferred_trade WHERE seller = $1 AND trade > $2
        UNION SELECT ended.seq FROM {SCHEMA}.deferred_trade JOIN {SCHEMA}.settled_trade AS ended USING (trade)
            WHERE seller = $1 AND ended.seq > $2
        UNION SELECT seq FROM {SCHEMA}.movement WHERE kind = 'lock_replaced' AND from_account = $1 AND seq > $2
    ) AS concerned JOIN {SCHEMA}.movement AS moved USING (seq)
), had (class_id, batch_id, trade, first, last, sign) AS (
    SELECT class_id, batch_id, trade, first, last, 1 FROM {SCHEMA}.holding WHERE account = $1
    UNION ALL SELECT class_id, batch_id, CASE to_place WHEN 'locked' THEN trade END, first, last, -1 FROM later
        WHERE to_account = $1 AND to_place IN ('held', 'locked', 'frozen')
    UNION ALL SELECT class_id, batch_id, CASE from_place WHEN 'locked' THEN trade END, first, last, 1 FROM later
        WHERE from_account = $1 AND from_place IN ('held', 'locked', 'frozen')
), edge AS (
    SELECT class_id, batch_id, trade, point, sum(step) AS step FROM had
    CROSS JOIN LATERAL (VALUES (first, sign), (last + 1, -sign)) AS ends (point, step)
    GROUP BY class_id, batch_id, trade, point HAVING sum(step) <> 0
), covered AS (
    SELECT class_id, batch_id, trade, point AS first,
        lead(point) OVER edges - 1 AS last, sum(step) OVER edges::bigint AS times
    FROM edge WINDOW edges AS (PARTITION BY class_id, batch_id, trade ORDER BY point)
)
SELECT class_id, registry, batch, first, last, coalesce(trade, 0) AS trade, times
FROM covered JOIN {SCHEMA}.batch USING (batch_id) WHERE times <> 0
ORDER BY class_id COLLATE "C", registry COLLATE "C", batch COLLATE "C", first, trade LIMIT $3
"""
_LOCKED_CASH = f"""
SELECT currency, sum(amount + buyer_fee)::bigint FROM {SCHEMA}.deferred_trade AS made
WHERE buyer = $1 AND trade <= $2
    AND NOT EXISTS (SELECT FROM {SCHEMA}.settled_trade AS ended WHERE ended.trade = made.trade AND ended.seq <= $2)
GROUP BY currency
"""
_UNITS = f"SELECT class_id, unit FROM {SCHEMA}.credit_class WHERE class_id = ANY($1)"


class Span(NamedTuple):
    """Business dates and the events between which they lie."""

    first: date
    last: date
    after_seq: int
    """The event that began the first day, or a later one to begin after."""
    seq: int
    """The last event of the last day, or the last that is settled."""
    ended: bool


async def find_span(
    view: RegistryView, date: str = "", from_date: str = "", seq: int = 0, after_seq: int = 0
) -> Span:
    """What a statement is asked for: a date or an event, the date that it begins with, the event after which it does.

    Raises Reject.
    """
    if not seq:
        return await _span_of_dates(view, from_date, date, after_seq)
    if date:
        raise Reject(
            RejectCode.INVALID_PARAMS, "a statement ends with a date or with an event, not with both"
        )
    return await _span_of_seq(view, seq, from_date, after_seq)


async def _span_of_dates(view: RegistryView, first: str, last: str, after_seq: int) -> Span:
    """The events of the business dates `first..last` (ISO 8601; empty: the present one, and `first` the same as `last`).

    A date without business is as it was when the business date before it ended. Raises Reject.
    """
    today: date | None = await view.value(_TODAY)
    if today is None:
        raise Reject(RejectCode.UNAVAILABLE, "the venue has not been open on any date that is settled")
    until = _date(last) if last else today
    since = _date(first) if first else until
    if until > today:
        raise Reject(RejectCode.INVALID_DATE, f"the present business date is {today}; {until} has not begun")
    if since > until:
        raise Reject(RejectCode.INVALID_DATE, f"{since} is after {until}")
    begin: int | None = await view.value(_BEGIN_OF, since)
    end: int | None = await view.value(_BEGIN_AFTER, until)
    seq = view.as_of_seq if end is None else end
    # Today's begin is settled, or it would not be today.
    span = Span(since, until, seq if begin is None else begin, seq, end is not None)
    return _begun_after(span, after_seq)


async def _span_of_seq(view: RegistryView, seq: int, first: str, after_seq: int) -> Span:
    """The events up to `seq` of the business date in which it lies, or since the date `first`. Raises Reject."""
    if seq > view.as_of_seq:
        raise Reject(
            RejectCode.UNAVAILABLE,
            f"the log is settled up to event {view.as_of_seq}, and not yet up to event {seq}",
        )
    row = await view.rows(_DAY_OF, seq)
    if not row:
        raise Reject(RejectCode.INVALID_PARAMS, f"at event {seq} the venue was not open yet")
    day, begin = row[0]
    since = _date(first) if first else day
    if since > day:
        raise Reject(RejectCode.INVALID_DATE, f"event {seq} is of {day}, before {since}")
    begin = await view.value(_BEGIN_OF, since)
    return _begun_after(Span(since, day, begin, seq, ended=True), after_seq)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Reject(RejectCode.INVALID_DATE, f"{text[:20]!r} is not a date such as 2026-11-23") from None


async def read_statement(
    view: RegistryView, account: str, span: Span, limit: int | None = None, most_blocks: int | None = None
) -> Statement:
    """The statement of an account, which must exist.

    With `limit`, one of so many movements at most: where the span has more, it ends with the last of them.
    `most_blocks`: where the account had more blocks of serial numbers, at the beginning or the end, there is no answer.
    Raises Reject (HISTORY_TOO_LONG), and RegistryDamaged where the tables contradict each other.
    """
    most = None if limit is None else limit + 1
    seqs = [row[0] for row in await view.rows(_SEQS, account, span.after_seq, span.seq, most)]
    next_after_seq: int | None = None
    if limit is not None and len(seqs) > limit:
        del seqs[limit:]
        next_after_seq = seqs[-1]
        span = span._replace(seq=seqs[-1], ended=True)
    postings = await view.rows(_POSTINGS, account, span.after_seq, span.seq)
    opening = await _blocks_at(view, account, span.after_seq, most_blocks)
    closing = await _blocks_at(view, account, span.seq, most_blocks)
    cash, units = await _balances(view, account, span, postings, closing)
    return Statement(
        venue=await _venue_name(view),
        account=account,
        from_date=span.first.isoformat(),
        date=span.last.isoformat(),
        after_seq=span.after_seq,
        as_of_seq=span.seq,
        complete=span.ended,
        cash=cash,
        units=units,
        opening_serials=opening,
        movements=await _movements(view, account, seqs, postings),
        closing_serials=closing,
        next_after_seq=next_after_seq,
    )


def _begun_after(span: Span, after_seq: int) -> Span:
    if not after_seq:
        return span
    if not span.after_seq <= after_seq <= span.seq:
        raise Reject(
            RejectCode.INVALID_PARAMS,
            f"event {after_seq} is not of the dates: they go from event {span.after_seq} to {span.seq}",
        )
    return span._replace(after_seq=after_seq)


async def _venue_name(view: RegistryView) -> str:
    seq: int = await view.value(_FIRST_DAY)
    event = (await view.events([seq]))[seq].event
    if not isinstance(event, ev.VenueOpened):
        raise RegistryDamaged(f"event {seq} began the first day and is of kind {event.kind}")
    return event.name


async def _blocks_at(view: RegistryView, account: str, seq: int, most: int | None) -> list[StatementBlock]:
    rows = await view.rows(_SERIALS_AT, account, seq, None if most is None else most + 1)
    if most is not None and len(rows) > most:
        raise Reject(
            RejectCode.HISTORY_TOO_LONG,
            f"at event {seq} the account had more than {most} blocks of serial numbers: too many for one answer",
        )
    for row in rows:
        if row["times"] != 1:
            raise RegistryDamaged(
                f"account {account} had {row['batch']} {row['first']} to {row['last']} {row['times']} times at event {seq}"
            )
    return [
        StatementBlock(
            row["class_id"],
            block_text(row["registry"], row["batch"], row["first"], row["last"]),
            row["last"] - row["first"] + 1,
            row["trade"],
        )
        for row in rows
    ]


async def _balances(
    view: RegistryView, account: str, span: Span, postings: list[Record], blocks: list[StatementBlock]
) -> tuple[list[StatementCash], list[StatementUnits]]:
    """What the account has of each asset; those of which it has had nothing in the whole period are left out."""
    moved: dict[str, tuple[int, int]] = {}
    for row in postings:
        credit, debit = moved.get(row["asset"], (0, 0))
        change = row["change"]
        moved[row["asset"]] = (credit + max(change, 0), debit + max(-change, 0))
    rows = [
        (row["asset"], row["opening"] or 0, *moved.get(row["asset"], (0, 0)), row["closing"])
        for row in await view.rows(_BALANCES, account, span.after_seq, span.seq)
        if row["opening"] or row["closing"] or row["asset"] in moved
    ]
    locked = {row[0]: row[1] for row in await view.rows(_LOCKED_CASH, account, span.seq)}
    cash = [
        StatementCash(asset, *(_cash(amount, asset) for amount in (*amounts, locked.get(asset, 0))))
        for asset, *amounts in rows
        if not is_class(asset)
    ]
    class_ids = [row[0] for row in rows if is_class(row[0])]
    unit_of = {row[0]: Unit(row[1]) for row in await view.rows(_UNITS, class_ids)}
    delivering: dict[str, int] = {}
    for block in blocks:
        if block.locked_for:
            delivering[block.class_id] = delivering.get(block.class_id, 0) + block.quantity
    units = [
        StatementUnits(asset, unit_of[asset], opening, came, went, closing, delivering.get(asset, 0))
        for asset, opening, came, went, closing in rows
        if is_class(asset)
    ]
    return cash, units


def _cash(amount: int, currency: str) -> str:
    return render_decimal(amount, currency_exponent(currency))


async def _movements(
    view: RegistryView, account: str, seqs: list[int], postings: list[Record]
) -> list[StatementMovement]:
    facts = await view.events(seqs)
    settled = {
        fact.event.trade
        for fact in facts.values()
        if isinstance(fact.event, ev.TradeSettled | TradeCancelled)
    }
    trades = await view.events(settled - facts.keys())
    instruments = {
        fact.event.instrument
        for fact in (*facts.values(), *trades.values())
        if isinstance(fact.event, ev.Fill | ev.BlockTrade)
    }
    details = _Details(account, await view.prices(instruments), {**facts, **trades})
    serials: dict[int, list[SerialMovement]] = {}
    for row in await view.rows(_MOVEMENTS, account, seqs):
        serials.setdefault(row["seq"], []).append(_serial_movement(account, row))
    cash: dict[int, list[CashChange]] = {}
    units: dict[int, list[UnitChange]] = {}
    for seq, asset, change, balance in postings:
        if is_class(asset):
            units.setdefault(seq, []).append(UnitChange(asset, change, balance))
        else:
            cash.setdefault(seq, []).append(CashChange(asset, _cash(change, asset), _cash(balance, asset)))
    return [
        StatementMovement(
            seq,
            facts[seq].recorded_at,
            facts[seq].event.kind,
            cash.get(seq, []),
            units.get(seq, []),
            serials.get(seq, []),
            **details.of(seq),
        )
        for seq in seqs
    ]


def _serial_movement(account: str, row: Record) -> SerialMovement:
    if row["to_place"] == Place.LOCKED:
        change = SerialChange.LOCKED
    elif row["from_place"] == Place.LOCKED and row["from_account"] == row["to_account"]:
        change = SerialChange.UNLOCKED
    elif row["to_place"] == Place.HELD and row["to_account"] == account:
        change = SerialChange.IN
    else:
        change = SerialChange.OUT
    text = block_text(row["registry"], row["batch"], row["first"], row["last"])
    return SerialMovement(row["class_id"], text, row["last"] - row["first"] + 1, change)


class _Details:
    """What events say beside the movements, as one of their accounts may read it."""

    def __init__(self, account: str, prices: Prices, facts: dict[int, StoredFact]) -> None:
        self._account = account
        self._prices = prices
        self._facts = facts

    def of(self, seq: int) -> dict[str, Any]:
        """Fields of StatementMovement by name."""
        event = self._facts[seq].event
        if isinstance(event, ev.Fill | ev.BlockTrade):
            return self._trade(event)
        if isinstance(event, ev.TradeSettled | TradeCancelled):
            made = self._facts[event.trade].event
            if not isinstance(made, ev.Fill | ev.BlockTrade):
                raise RegistryDamaged(f"event {event.trade} settled as a trade and is of kind {made.kind}")
            found = {**self._trade(made), "trade": event.trade, "settlement_date": ""}
            return found | {"reason": event.reason} if isinstance(event, TradeCancelled) else found
        if isinstance(event, ProceedsPaid):
            pays = event.counterparty == self._account
            return {
                "trade": event.trade,
                "counterparty": event.account if pays else event.counterparty,
                "reference": f"{event.registry}/{event.project}",
                "purpose": f"primary sale: {event.role.value.replace('_', ' ')}",
            }
        said = msgspec.structs.asdict(event)
        names = ("reference", "beneficiary", "purpose", "reason")
        return {name: said[name] for name in names if isinstance(said.get(name), str)}

    def _trade(self, event: ev.Fill | ev.BlockTrade) -> dict[str, Any]:
        found: dict[str, Any] = {
            "instrument": event.instrument,
            "price": self._prices.text(event.instrument, event.price),
            "quantity": event.quantity,
            "settlement_date": event.settlement_date if event.deferred else "",
        }
        if self._account not in {event.buyer, event.seller}:
            # Fees and shares of others' trades.
            return found
        buys = event.buyer == self._account
        found["side"] = Side.BUY if buys else Side.SELL
        found["amount"] = _cash(event.amount, event.currency)
        found["fee"] = _cash(event.buyer_fee if buys else event.seller_fee, event.currency)
        if isinstance(event, ev.BlockTrade):
            found["counterparty"] = event.seller if buys else event.buyer
            found["reference"] = event.trade_reference
        return found
