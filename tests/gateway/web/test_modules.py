"""Modules of the page that compute, against the same computations in Python."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zlib import crc32

from gateway.book_feed import changed_levels, checksum_of_text

if TYPE_CHECKING:
    from tests.gateway.web.conftest import OpenPage

Side = list[tuple[int, int]]
MINUS = "\N{MINUS SIGN}"


async def test_crc32(open_page: OpenPage) -> None:
    """The checksum is that of zlib."""
    page = await open_page()
    texts = ["", "1", "100010999", "x" * 1000]
    computed = await page.page.evaluate(
        'async (texts) => { const { crc32 } = await import("/js/crc32.js"); return texts.map(crc32); }', texts
    )
    assert [crc32(text.encode()) for text in texts] == computed


def random_side(chance: random.Random, low: int, high: int, *, best_first_up: bool) -> Side:
    """Up to 15 levels, best first."""
    prices = chance.sample(range(low, high), chance.randrange(15))
    return [(price, chance.randrange(1, 500)) for price in sorted(prices, reverse=not best_first_up)]


def text_levels(side: Side) -> list[tuple[str, int]]:
    """Levels with prices of two decimals, as they go over the wire."""
    return [(f"{Decimal(price) / 100:.2f}", quantity) for price, quantity in side]


def random_pushes(seed: int, count: int) -> tuple[list[dict[str, Any]], list[list[tuple[str, int]]]]:
    """A snapshot and the deltas between random books; and the last book, bids and asks."""
    chance = random.Random(seed)
    bids, asks = (
        random_side(chance, 1, 40, best_first_up=False),
        random_side(chance, 40, 150, best_first_up=True),
    )
    pushes: list[dict[str, Any]] = []
    for number in range(count):
        if number:
            before = (bids, asks)
            bids = random_side(chance, 1, 90, best_first_up=False)
            asks = random_side(chance, 90, 150, best_first_up=True)
            changes = changed_levels(before[0], bids), changed_levels(before[1], asks)
        else:
            changes = (bids, asks)
        data = {
            "type": "delta" if number else "snapshot",
            "bids": text_levels(changes[0]),
            "asks": text_levels(changes[1]),
            "checksum": checksum_of_text(text_levels(asks), text_levels(bids)),
        }
        pushes.append({"seq": number * 3 + 5, "prev_seq": number * 3 + 2 if number else 0, "data": data})
    return pushes, [text_levels(bids), text_levels(asks)]


APPLY = """async (pushes) => {
    const { BookModel } = await import("/js/book_model.js");
    const book = new BookModel();
    try { pushes.forEach((push) => book.apply(push)); } catch (error) { return [error.constructor.name, error.message]; }
    return [book.bids, book.asks];
}"""


async def test_book_model_follows_random_books(open_page: OpenPage) -> None:
    """Snapshots and deltas of random books lead to the same books and checksums as in Python."""
    page = await open_page()
    for seed in range(10):
        pushes, book = random_pushes(seed, 30)
        expected = [[list(level) for level in side] for side in book]
        assert expected == await page.page.evaluate(APPLY, pushes)


async def test_book_model_notices_what_is_wrong(open_page: OpenPage) -> None:
    """A missing push and a wrong checksum are noticed at once."""
    page = await open_page()
    pushes, _ = random_pushes(7, 6)
    missing = await page.page.evaluate(APPLY, pushes[:2] + pushes[3:])
    assert ["BookMismatch", "the book is as of 8, the change follows 11"] == missing
    pushes[4]["data"]["checksum"] ^= 1
    name, message = await page.page.evaluate(APPLY, pushes)
    assert ("BookMismatch", True) == (name, message.startswith("checksum "))


async def test_decimals(open_page: OpenPage) -> None:
    """Decimal texts are added, compared and grouped exactly, far beyond what a float can hold."""
    page = await open_page()
    chance = random.Random(3)
    pairs = [
        [str(Decimal(chance.randrange(-(10**18), 10**18)).scaleb(-chance.randrange(9))) for _ in range(2)]
        for _ in range(200)
    ]
    plain = [[f"{Decimal(text):f}" for text in pair] for pair in pairs]
    computed = await page.page.evaluate(
        """async (pairs) => {
            const { addDecimals, compareDecimals } = await import("/js/decimal.js");
            return pairs.map(([a, b]) => [addDecimals(a, b), compareDecimals(a, b)]);
        }""",
        plain,
    )
    for (first, second), (total, order) in zip(plain, computed, strict=True):
        a, b = Decimal(first), Decimal(second)
        assert (a + b, (a > b) - (a < b)) == (Decimal(total), order)
    grouped = await page.page.evaluate(
        """async () => {
            const { grouped, percentChange, parseDecimal } = await import("/js/decimal.js");
            return [grouped("1234567.891"), grouped(999), grouped("-1000"), percentChange("10.00", "10.05"),
                percentChange("3", "2"), percentChange("0", "2"), parseDecimal("1e5"), parseDecimal(" 12.50 ") !== null];
        }"""
    )
    assert ["1,234,567.891", "999", f"{MINUS}1,000", "+0.50 %", f"{MINUS}33.33 %", "", None, True] == grouped


async def test_candles_of_an_earlier_connection_give_way(open_page: OpenPage) -> None:
    """When candles are loaded again, the one with more trades counts: what is stale goes, what just came stays."""
    page = await open_page()
    candles = await page.page.evaluate(
        """async () => {
            const { MarketFeed } = await import("/js/market_feed.js");
            const asked = [];
            const connection = { state: "open", request: async (method, params) => {
                asked.push(method);
                if (method === "market.candles") return { candles: [{ start: 1, trades: 3 }, { start: 2, trades: 4 }] };
                return method === "market.trades" ? { trades: [] } : {};
            } };
            const feed = new MarketFeed(connection, { book() {}, trades() {}, candles() {} });
            feed.symbol = "X";
            feed.candles.set(1, { start: 1, trades: 1 });
            feed.candles.set(2, { start: 2, trades: 5 });
            await feed.connected();
            return [...feed.candles.values()].map((candle) => candle.trades);
        }"""
    )
    assert [3, 5] == candles


async def test_baskets_by_rule(open_page: OpenPage) -> None:
    """A basket by rule says how many classes meet it today, and what they must be."""
    page = await open_page()
    described = await page.page.evaluate(
        """async () => {
            const { describeInstrument, ruleTerms } = await import("/js/views/describe.js");
            const classes = new Map([["CAR-1-2025", { registry: "CAR", vintage: 2025 }]]);
            const rule = { registries: ["CAR", "VCS"], labels: ["CCP", "SDG-13"], vintage_from: 2024 };
            const texts = [[], ["CAR-1-2025"]].map((ids) => describeInstrument({ name: "MX", classes: ids, rule }, classes));
            return [...texts, ruleTerms(rule)];
        }"""
    )
    assert [
        "MX · basket by rule, no class meets it today",
        "MX · basket by rule, 1 class today · CAR · 2025",
        [
            ["Registry of a class", "CAR or VCS"],
            ["Crediting of a class", "verified (ex-post)"],
            ["Vintage of a class", "2024 or later"],
            ["Labels of a class", "CCP and SDG-13"],
        ],
    ] == described
