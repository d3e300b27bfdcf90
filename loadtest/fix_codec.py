"""Measures the FIX codec and session: `python -m loadtest.fix_codec`, beside a bare split and join in the same run.

Everything runs in one process on messages in memory. What is measured takes turns, round by round; speeds are messages per
second of processor time, so that other work on the machine disturbs little.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from typing import TYPE_CHECKING

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gateway.fix import tags
from gateway.fix.decoding import decode
from gateway.fix.dictionary import TO_VENUE
from gateway.fix.encoding import encode
from gateway.fix.framing import Framer
from gateway.fix.handshake import Handshake
from gateway.fix.message import Message
from gateway.fix.session import Session, SessionSettings
from gateway.fix.session_events import Received, Transmit
from gateway.fix.timestamps import render_timestamp
from loadtest import measuring

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.fix.message import Fields

VENUE, MAKER = "CARBON", "MAKER1"
START_NS = 1_795_392_000_000_000_000
STEP_NS = 20_000
"""Between two messages: fifty thousand a second."""
READ_BYTES = 65_536
"""So much comes from the socket at once."""
REQUESTS_OF_TEN = "DDDDGGGFFi"
"""Out of ten requests: four new orders, three replacements, two cancels, one mass quote of four entries."""
FILLS_OF_TEN = 3
"""Of ten execution reports so many are trades, with fee and delivered classes; the others accept an order."""

_SOH = b"\x01"


class Speed(msgspec.Struct):
    """Messages per second of processor time."""

    what: str
    best_per_s: float
    median_per_s: float


class Report(msgspec.Struct):
    """What one call measured, and under which circumstances."""

    host: str
    garbage_collector: str
    messages: int
    request_bytes: float
    """Mean length."""
    report_bytes: float
    runs: int
    speeds: list[Speed]


def request(number: int, at_ns: int) -> Message:
    """A market maker's message of the mix."""
    kind = REQUESTS_OF_TEN[number % 10]
    at = render_timestamp(at_ns)
    order: Fields = {
        tags.SYMBOL: "RIMBA-19",
        tags.SIDE: "12"[number % 2],
        tags.TRANSACT_TIME: at,
        tags.ORDER_QTY: 100 + number % 900,
    }
    terms: Fields = {
        tags.ORD_TYPE: "2",
        tags.PRICE: f"{9 + number % 200 // 100}.{number % 100:02d}",
        tags.TIME_IN_FORCE: "1",
    }
    if kind == "i":
        return Message("i", _quotes(number))
    ids: Fields = {tags.CL_ORD_ID: f"order-{number:07d}", tags.ACCOUNT: "maker-house"}
    if kind != "D":
        ids[tags.ORIG_CL_ORD_ID] = f"order-{number - 1:07d}"
    return Message(kind, ids | order | ({} if kind == "F" else terms))


def _quotes(number: int) -> Fields:
    entries: list[Fields] = [
        {
            tags.QUOTE_ENTRY_ID: str(entry),
            tags.SYMBOL: f"RIMBA-{19 + entry}",
            tags.BID_PX: f"9.{number % 100:02d}",
            tags.OFFER_PX: f"10.{number % 100:02d}",
            tags.BID_SIZE: 500,
            tags.OFFER_SIZE: 500,
        }
        for entry in range(4)
    ]
    quote_set: Fields = {tags.QUOTE_SET_ID: "1", tags.TOT_NO_QUOTE_ENTRIES: 4, tags.NO_QUOTE_ENTRIES: entries}
    return {tags.QUOTE_ID: f"quote-{number:07d}", tags.NO_QUOTE_SETS: [quote_set]}


def execution_report(number: int, at_ns: int) -> Message:
    """A report of the mix."""
    fields: Fields = {
        tags.ORDER_ID: number,
        tags.CL_ORD_ID: f"order-{number:07d}",
        tags.EXEC_ID: f"{number}-1",
        tags.EXEC_TYPE: "0",
        tags.ORD_STATUS: "0",
        tags.ACCOUNT: "maker-house",
        tags.SYMBOL: "RIMBA-19",
        tags.SIDE: "1",
        tags.ORDER_QTY: 500,
        tags.ORD_TYPE: "2",
        tags.PRICE: "10.00",
        tags.TIME_IN_FORCE: "1",
        tags.LEAVES_QTY: 500,
        tags.CUM_QTY: 0,
        tags.AVG_PX: "0",
        tags.TRANSACT_TIME: render_timestamp(at_ns),
        tags.VENUE_SEQ: number,
    }
    if number % 10 < FILLS_OF_TEN:
        fee: Fields = {tags.MISC_FEE_AMT: "1.00", tags.MISC_FEE_CURR: "EUR", tags.MISC_FEE_TYPE: "4"}
        delivered: Fields = {tags.DELIVERY_CLASS: "VCS-1340-2019", tags.DELIVERY_QTY: 100}
        fields |= {
            tags.EXEC_TYPE: "F",
            tags.ORD_STATUS: "1",
            tags.LEAVES_QTY: 400,
            tags.CUM_QTY: 100,
            tags.AVG_PX: "10.00",
            tags.LAST_QTY: 100,
            tags.LAST_PX: "10.00",
            tags.LAST_LIQUIDITY_IND: "1",
            tags.TRD_MATCH_ID: number,
            tags.NO_MISC_FEES: [fee],
            tags.NO_DELIVERY_CLASSES: [delivered],
            tags.SERIAL_SETTL_DATE: "20261125",
        }
    return Message("8", fields)


class Mix:
    """The messages of a run, before and after encoding."""

    def __init__(self, messages: int) -> None:
        self.times_ns = [START_NS + number * STEP_NS for number in range(messages)]
        self.reports = [execution_report(number, at_ns) for number, at_ns in enumerate(self.times_ns)]
        self.headers = [
            f"49={VENUE}\x0156={MAKER}\x0134={number + 2}\x0152={render_timestamp(at_ns)}\x01"
            for number, at_ns in enumerate(self.times_ns)
        ]
        self.frames = [
            encode(message.msg_type, self._request_header(number, at_ns), message.fields)
            for number, at_ns in enumerate(self.times_ns)
            for message in [request(number, at_ns)]
        ]
        stream = b"".join(self.frames)
        self.reads = [stream[start : start + READ_BYTES] for start in range(0, len(stream), READ_BYTES)]
        self.flat_reports = [flatten(report.fields) for report in self.reports]

    @staticmethod
    def _request_header(number: int, at_ns: int) -> str:
        # The session's Logon has number 1.
        return f"49={MAKER}\x0156={VENUE}\x0134={number + 2}\x0152={render_timestamp(at_ns)}\x01"


def flatten(fields: Fields) -> list[tuple[int, object]]:
    """Fields as pairs one after the other, as a bare encoder has them."""
    pairs: list[tuple[int, object]] = []
    for tag, value in fields.items():
        if isinstance(value, list):
            pairs.append((tag, len(value)))
            for entry in value:
                pairs += flatten(entry)
        else:
            pairs.append((tag, value))
    return pairs


# What is measured. Each gives the number of messages it handled.


def our_decode(mix: Mix) -> int:
    """Cut the stream into frames and decode each against the dictionary."""
    framer = Framer()
    count = 0
    for read in mix.reads:
        framer.feed(read)
        while isinstance(frame := framer.next_frame(), bytes):
            if decode(frame, TO_VENUE).problem is None:
                count += 1
    return count


def bare_split(mix: Mix) -> int:
    """Split frames that are cut already into a dict by tag: no check of anything, no groups, no types."""
    count = 0
    for frame in mix.frames:
        dict([field.split(b"=", 1) for field in frame.split(_SOH)[:-1]])
        count += 1
    return count


def bare_split_and_sum(mix: Mix) -> int:
    """The same with whole-number tags and the check sum."""
    count = 0
    for frame in mix.frames:
        fields = {}
        for field in frame.split(_SOH)[:-1]:
            tag, _, value = field.partition(b"=")
            fields[int(tag)] = value
        if sum(frame[:-7]) % 256 == int(fields[10]):
            count += 1
    return count


def our_session_receives(mix: Mix) -> int:
    """All that a session does with application messages: number, times, ids, events."""
    session = logged_on()
    count = 0
    for read in mix.reads:
        for event in session.receive(read, START_NS):
            if isinstance(event, Received):
                count += 1
    return count


def our_encode(mix: Mix) -> int:
    """Encode execution reports with a header that is there already."""
    return sum(
        1
        for header, report in zip(mix.headers, mix.reports, strict=True)
        if encode(report.msg_type, header, report.fields)
    )


def bare_join(mix: Mix) -> int:
    """Join pairs that are flat already, with length and check sum."""
    count = 0
    for header, pairs in zip(mix.headers, mix.flat_reports, strict=True):
        body = "35=8\x01" + header + "".join([f"{tag}={value}\x01" for tag, value in pairs])
        counted = f"8=FIX.4.4\x019={len(body)}\x01{body}".encode()
        if b"%b10=%03d\x01" % (counted, sum(counted) % 256):
            count += 1
    return count


def our_session_sends(mix: Mix) -> int:
    """All that a session does for a report: number, time, what is to be stored and transmitted."""
    session = logged_on()
    count = 0
    for at_ns, report in zip(mix.times_ns, mix.reports, strict=True):
        for event in session.send(report, at_ns):
            if isinstance(event, Transmit):
                count += 1
    return count


def logged_on() -> Session:
    """A session of the venue after the Logon of the market maker."""
    session = Session(SessionSettings(VENUE, MAKER))
    handshake = Handshake(START_NS)
    header = f"49={MAKER}\x0156={VENUE}\x0134=1\x0152={render_timestamp(START_NS)}\x01"
    handshake.receive(
        encode("A", header, {tags.ENCRYPT_METHOD: 0, tags.HEART_BT_INT: 30, tags.PASSWORD: "secret"})
    )
    session.accept(handshake, START_NS)
    return session


MEASURED: dict[str, Callable[[Mix], int]] = {
    "decode: frame, check, read against the dictionary": our_decode,
    "decode: bare split, nothing checked": bare_split,
    "decode: bare split with check sum and whole-number tags": bare_split_and_sum,
    "session receives: decode, sequence number, times, events": our_session_receives,
    "encode an execution report": our_encode,
    "encode: bare join with length and check sum": bare_join,
    "session sends: number, time, encode, events": our_session_sends,
}


def measure(messages: int, repeat: int) -> Report:
    """Let all that is measured take turns."""
    mix = Mix(messages)
    measuring.settle_garbage_collector()
    times_s: dict[str, list[float]] = {what: [] for what in MEASURED}
    for _ in range(repeat):
        for what, run in MEASURED.items():
            gc.collect()
            started_s = time.process_time()
            handled = run(mix)
            times_s[what].append(time.process_time() - started_s)
            if handled != messages:
                raise click.ClickException(f"{what}: {handled} of {messages} messages")
    gc.unfreeze()
    speeds = [
        Speed(what, messages / min(times), messages / statistics.median(times))
        for what, times in times_s.items()
    ]
    return Report(
        host=measuring.describe_host(),
        garbage_collector=measuring.GC_SETTING,
        messages=messages,
        request_bytes=statistics.mean(map(len, mix.frames)),
        report_bytes=statistics.mean(
            len(encode("8", header, report.fields))
            for header, report in zip(mix.headers, mix.reports, strict=True)
        ),
        runs=repeat,
        speeds=speeds,
    )


def show(report: Report) -> None:
    """Print a report for people."""
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 110)
    table = Table(
        title="FIX codec, messages per second of processor time",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("what")
    table.add_column("best", justify="right")
    table.add_column("median", justify="right")
    for speed in report.speeds:
        table.add_row(speed.what, f"{speed.best_per_s:,.0f}", f"{speed.median_per_s:,.0f}")
    console.print(table)
    console.print(
        f"{report.messages:,} messages, {report.runs} rounds; "
        f"requests {report.request_bytes:.0f} bytes, reports {report.report_bytes:.0f} bytes on average"
    )
    console.print(f"garbage collector: {report.garbage_collector}")
    console.print(f"host: {report.host}")


@click.command()
@click.option(
    "--messages", default=20_000, show_default=True, type=click.IntRange(10, 1_000_000), help="Of each kind."
)
@click.option("--repeat", default=7, show_default=True, type=click.IntRange(1, 1000), help="Rounds.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(messages: int, repeat: int, as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """Measure the FIX codec and session beside a bare split and join."""
    report = measure(messages, repeat)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    else:
        show(report)


if __name__ == "__main__":
    main()
