"""`exchange log head`: where the log is, for others to keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.log.heads import HeadsUnusable, LogHead, PublishedHeads, read_head, sign_head
from exchange.log.reader import LogReader
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_facts, print_json, show_time
from exchange.operations.venue_key import signing_key, venue_key

if TYPE_CHECKING:
    from exchange.log.heads import SignedHead
    from exchange.operations.finding import Exchange

_OWN = "the data folder's own"


@click.command("head")
@click.option(
    "--seq", type=click.IntRange(min=1), help="As it was at this event; default: the end of the log now."
)
@click.option(
    "--sign",
    "key_file",
    metavar="[KEYFILE]",
    is_flag=False,
    flag_value=_OWN,
    help="Sign it with this Ed25519 key (PEM). Default: keys/venue.pem in the data folder.",
)
@click.option(
    "--publish",
    "file",
    metavar="[FILE]",
    is_flag=False,
    flag_value=_OWN,
    help="Sign it and add it to this file of heads, one JSON object a line. Default: heads.jsonl in the data folder,"
    " which certificates are proved to.",
)
@json_option
@exchange_options
def head(
    exchange: Exchange, *, seq: int | None, key_file: str | None, file: str | None, as_json: bool
) -> None:
    """Print seq, hash and time of the log's last event: who keeps them can prove later what the log was."""

    async def work() -> LogHead:
        async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
            last_seq = (await reader.head()).last_seq
            if not 0 < (seq or 1) <= last_seq:
                raise OperationError(
                    f"the log has no event {seq or 1}; it ends at {last_seq}", ExitCode.USAGE
                )
            return await read_head(reader, seq)

    found = run_async(work())
    if key_file is None and file is None:
        _show(found, as_json=as_json)
        return
    key = venue_key(exchange.folder) if key_file in {None, _OWN} else signing_key(Path(str(key_file)))
    signed = sign_head(found, key)
    if file is not None:
        path = exchange.folder.heads_path if file == _OWN else Path(file)
        try:
            PublishedHeads(path).publish(signed)
        except HeadsUnusable as error:
            raise OperationError(str(error), ExitCode.LOG_UNUSABLE) from error
        except OSError as error:
            raise OperationError(f"cannot write {path}: {error.strerror}", ExitCode.USAGE) from error
    _show(signed, as_json=as_json)


def _show(found: LogHead | SignedHead, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    facts: list[tuple[str, object]] = [
        ("seq", found.seq),
        ("hash", found.hash),
        ("recorded at", show_time(found.recorded_at)),
    ]
    if not isinstance(found, LogHead):
        facts += [("public key", found.public_key), ("signature", found.signature)]
    print_facts(facts)
