"""The PURE rooms compute the same on every machine: no clock, no chance, no I/O, no float, no order by hash."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PURE_FILES = sorted(
    file.relative_to(ROOT) for room in ("matching", "exchange/domain") for file in (ROOT / room).rglob("*.py")
) + [
    Path("gateway") / name
    for name in (
        "book_feed.py",
        "fix/checksum.py",
        "fix/decoding.py",
        "fix/dictionary.py",
        "fix/dictionary_xml.py",
        "fix/early_messages.py",
        "fix/encoding.py",
        "fix/field_table.py",
        "fix/field_types.py",
        "fix/framing.py",
        "fix/handshake.py",
        "fix/liveness.py",
        "fix/market_data.py",
        "fix/message.py",
        "fix/message_table.py",
        "fix/msg_types.py",
        "fix/outgoing.py",
        "fix/protection_messages.py",
        "fix/reasons.py",
        "fix/reports.py",
        "fix/requests.py",
        "fix/session.py",
        "fix/session_events.py",
        "fix/session_messages.py",
        "fix/session_rules.py",
        "fix/standings.py",
        "fix/status_feed.py",
        "fix/tags.py",
        "fix/timestamps.py",
        "fix/values.py",
        "limits.py",
        "logon.py",
        "market_activity.py",
        "rate_limits.py",
        "rendering.py",
        "replica.py",
        "session.py",
        "websocket/local_book.py",
        "websocket/private_channels.py",
        "websocket/public_channels.py",
        "websocket/subscriptions.py",
    )
]

BANNED_MODULES = {
    *("asyncio", "concurrent", "multiprocessing", "selectors", "signal", "socket", "subprocess", "threading"),
    *("time", "random", "secrets", "uuid"),
    *("io", "os", "pathlib", "shutil", "sys", "tempfile"),
    *("logging", "structlog", "warnings"),
    *("aiohttp", "asyncpg", "uvloop"),
    *("cmath", "math", "statistics"),
}
BANNED_NAMES = {"complex", "float", "hash", "id", "input", "open", "print"}
CLOCK_METHODS = {"now", "today", "utcnow"}


def offences(tree: ast.AST) -> Iterator[str]:
    """Everything in a syntax tree that a PURE room must not have, as `line: what`."""
    for node in ast.walk(tree):
        what = _offence(node)
        if what is not None:
            yield f"{getattr(node, 'lineno', '?')}: {what}"


def _offence(node: ast.AST) -> str | None:
    match node:
        case ast.Import(names):
            for name in names:
                if _top(name.name) in BANNED_MODULES:
                    return f"import {name.name}"
        case ast.ImportFrom(module=str(module)) if _top(module) in BANNED_MODULES:
            return f"import from {module}"
        case ast.Constant(float() | complex()):
            return f"the number {node.value!r}"
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return "true division"
        case ast.Name(id=name, ctx=ast.Load()) if name in BANNED_NAMES:
            return name
        case ast.Attribute(value=ast.Name("self")):
            return None  # a field of our own, whatever its name
        case ast.Attribute(attr=method) if method in CLOCK_METHODS:
            return f"the clock method {method}"
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            return "async code"
        case ast.For(iter=iterated) | ast.comprehension(iter=iterated) if _is_set(iterated):
            return "iteration over a set"
        case ast.Call(
            func=ast.Name("list" | "tuple" | "enumerate" | "iter" | "next"), args=[argument, *_]
        ) if _is_set(argument):
            return "the order of a set"
    return None


def _top(module: str) -> str:
    return module.partition(".")[0]


def _is_set(node: ast.expr) -> bool:
    """Whether an expression is visibly a set."""
    match node:
        case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name("set" | "frozenset")):
            return True
        case ast.BinOp(left, ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right):
            return _is_set(left) or _is_set(right)
    return False


@pytest.mark.parametrize("file", PURE_FILES, ids=str)
def test_pure_file_keeps_the_bans(file: Path) -> None:
    """No file of a PURE room imports or uses what could make two runs differ."""
    assert [] == list(offences(ast.parse((ROOT / file).read_text())))


def test_the_pure_rooms_are_found() -> None:
    """The check above looks at the rooms where they are, not at nothing."""
    assert {Path("matching/book.py"), Path("exchange/domain/venue.py")} <= set(PURE_FILES)


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "import os.path",
        "from asyncio import sleep",
        "from logging.handlers import SysLogHandler",
        "x = 0.5",
        "x = 1j",
        "x = a / b",
        "x /= b",
        "x = float(y)",
        "def f(x: float) -> None: ...",
        "x = hash(y)",
        "x = datetime.now()",
        "x = date.today()",
        "async def f() -> None: ...",
        "for x in {1, 2}: ...",
        "x = [y for y in set(z)]",
        "x = list(frozenset(y))",
        "x = tuple(set(y) - z)",
    ],
)
def test_the_check_sees_each_ban(code: str) -> None:
    """A check that passes everything would prove nothing."""
    assert 1 == len(list(offences(ast.parse(code))))


@pytest.mark.parametrize(
    "code", ["x = a // b", "x = self.today", "x = a % b", "if x in {1, 2}: ...", "x = sorted({1, 2})"]
)
def test_the_check_lets_the_rest_pass(code: str) -> None:
    """Whole division, and sets whose order does not matter, are fine."""
    assert [] == list(offences(ast.parse(code)))
