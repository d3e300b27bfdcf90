"""`exchange what-if`: a part of the log under another tick, fee, price band or self-trade rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from exchange.domain import snapshot
from exchange.domain.orders import SelfTradePrevention
from exchange.domain.rejects import Reject
from exchange.log.reader import LogReader
from exchange.log.recovery import state_at
from exchange.log.snapshots import SnapshotStore
from exchange.log.verification import naming_unreadable
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.moments import END, MOMENT, Moment
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_json, print_table, progress_bar
from exchange.operations.state_views import render_cash
from exchange.operations.what_if import OtherTerms, Outcome, WhatIf

if TYPE_CHECKING:
    from exchange.domain.instruments import Instrument
    from exchange.domain.state import State
    from exchange.operations.finding import Exchange

_FEE_LIMIT_PPM = 1_000_000
_THOUSANDTHS = 1000


class OutcomeRow(msgspec.Struct, frozen=True):
    """What became of the instrument, on one side of the comparison."""

    orders: int
    rejected: int
    fills: int
    volume: int
    notional: str
    fees: str
    average_price_ticks: str | None
    """Weighted by quantity, to the thousandth; null without a trade."""
    average_spread_ticks: str | None
    """Weighted by time, to the thousandth; null while there never were two sides."""


class WhatIfReport(msgspec.Struct, frozen=True):
    """With --json, `what-if` prints this object."""

    instrument: str
    from_seq: int
    to_seq: int
    asked: int
    """Commands that the scratch venue was asked, too."""
    not_asked: int
    as_it_was: OutcomeRow
    as_it_would_be: OutcomeRow


@click.command("what-if")
@click.argument("symbol")
@click.option(
    "--from", "begin", type=MOMENT, default="0", help="Begin after this moment; default: the beginning."
)
@click.option(
    "--to", "end", type=MOMENT, default=END, help="End with this moment; default: the end of the log."
)
@click.option("--tick", metavar="PRICE", help="Another tick: a multiple of the present one.")
@click.option("--maker-fee-ppm", type=click.IntRange(0, _FEE_LIMIT_PPM))
@click.option("--taker-fee-ppm", type=click.IntRange(0, _FEE_LIMIT_PPM))
@click.option("--band-ppm", type=click.IntRange(1, _FEE_LIMIT_PPM), help="Another price band.")
@click.option(
    "--self-trade-prevention",
    type=click.Choice([mode.value for mode in SelfTradePrevention]),
    help="Another rule for orders of one participant that meet.",
)
@json_option
@exchange_options
def what_if(
    exchange: Exchange,
    *,
    symbol: str,
    begin: Moment,
    end: Moment,
    tick: str | None,
    maker_fee_ppm: int | None,
    taker_fee_ppm: int | None,
    band_ppm: int | None,
    self_trade_prevention: str | None,
    as_json: bool,
) -> None:
    """Run a part of the log again with other terms of the instrument SYMBOL, and compare what came of it.

    The log is only read: a scratch venue in memory is asked what the venue was asked, at the same times.
    """
    mode = None if self_trade_prevention is None else SelfTradePrevention(self_trade_prevention)
    terms = OtherTerms(symbol, None, maker_fee_ppm, taker_fee_ppm, band_ppm, mode)
    if tick is None and terms == OtherTerms(symbol):
        raise click.UsageError(
            "say what should be different: --tick, a fee, --band-ppm or --self-trade-prevention"
        )
    report = run_async(_run(exchange, begin, end, terms, tick))
    if as_json:
        print_json(report)
    else:
        _show(report)


async def _run(
    exchange: Exchange, begin: Moment, end: Moment, terms: OtherTerms, tick: str | None
) -> WhatIfReport:
    async with (
        exchange.database() as dsn,
        await LogReader.open(dsn, connections=2) as reader,
        naming_unreadable(reader),
    ):
        from_seq, to_seq = await begin.seq(reader), await end.seq(reader)
        if from_seq > to_seq:
            raise OperationError("--to lies before --from", ExitCode.USAGE)
        listed = (await _state(reader, dsn, to_seq)).listings.get(terms.instrument)
        if listed is None:
            raise OperationError(f"{terms.instrument!r} was not listed at event {to_seq}", ExitCode.USAGE)
        if tick is not None:
            terms = msgspec.structs.replace(terms, price_step_ticks=_step(listed.instrument, tick))
        state = await _state(reader, dsn, from_seq)
        run = WhatIf(state, snapshot.load(snapshot.dump(state)), terms)
        with progress_bar("running again", to_seq - from_seq) as progress:
            (task,) = progress.task_ids
            async for page in reader.pages(from_seq, to_seq, verify=True):
                run.feed(page)
                progress.update(task, completed=page[-1].seq - from_seq)
            run.finish()
    rows = [_row(outcome, listed.instrument) for outcome in (run.as_it_was, run.as_it_would_be)]
    return WhatIfReport(terms.instrument, from_seq, to_seq, run.asked, run.not_asked, *rows)


async def _state(reader: LogReader, dsn: str, seq: int) -> State:
    with progress_bar("replaying", seq) as progress:
        (task,) = progress.task_ids
        return await state_at(
            reader, SnapshotStore(dsn), seq, lambda reached: progress.update(task, completed=reached)
        )


def _step(instrument: Instrument, tick: str) -> int:
    """The other tick in present ticks."""
    try:
        step = instrument.price_to_ticks(tick)
    except Reject as reject:
        raise OperationError(f"--tick: {reject.message}", ExitCode.USAGE) from None
    if step < 1:
        raise OperationError("--tick: a tick is more than nothing", ExitCode.USAGE)
    return step


def _row(outcome: Outcome, instrument: Instrument) -> OutcomeRow:
    return OutcomeRow(
        outcome.orders,
        outcome.rejected,
        outcome.fills,
        outcome.volume,
        render_cash(instrument.currency, outcome.notional),
        render_cash(instrument.currency, outcome.fees),
        _average(outcome.ticks_by_units, outcome.volume),
        _average(outcome.spread_ticks_ns, outcome.quoted_ns),
    )


def _average(total: int, weight: int) -> str | None:
    if not weight:
        return None
    whole, rest = divmod((total * _THOUSANDTHS + weight // 2) // weight, _THOUSANDTHS)
    return f"{whole}.{rest:03}"


def _show(report: WhatIfReport) -> None:
    click.secho(
        f"{report.instrument}, events {report.from_seq + 1} to {report.to_seq}: {report.asked} commands asked again,"
        f" {report.not_asked} not",
        bold=True,
    )
    was, would_be = report.as_it_was, report.as_it_would_be
    rows = [
        (name.replace("_", " "), _shown(getattr(was, name)), _shown(getattr(would_be, name)))
        for name in was.__struct_fields__
    ]
    print_table(("", "as it was", "as it would be"), rows, right=("as it was", "as it would be"))


def _shown(value: object) -> object:
    return "-" if value is None else value
