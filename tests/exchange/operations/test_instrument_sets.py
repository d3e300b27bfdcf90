"""`exchange admin instruments create-set`: a market's instruments from one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exchange.operations.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Cli = Callable[..., Result]
    CliJson = Callable[..., Any]

SET = """
[terms]
currency = "JPY"
tick = "1"
lot = 1
minimum_quantity = 1
maximum_quantity = 1000
band_ppm = 900_000
maker_fee_ppm = 0
taker_fee_ppm = 0
[[instruments]]
symbol = "ONE"
name = "One"
reference_price = "100"
rule = { registries = ["J-CREDIT"], project_types = ["one"] }
[[instruments]]
symbol = "SPLIT"
name = "Split off from one"
reference_price_of = "ONE"
rule = { registries = ["J-CREDIT"], project_types = ["two"] }
[[instruments]]
symbol = "NEW"
name = "New"
rule = { registries = ["J-CREDIT"], project_types = ["three"] }
"""


def test_tokyo_is_listed_with_one_command(cli: Cli, cli_json: CliJson) -> None:
    """All ten, in yen, settling after business days of Tokyo; prices that no print gave are asked for; again changes nothing."""
    cli_json("admin", "calendars", "set", "XJPX")
    without = cli("admin", "instruments", "create-set", "tokyo")
    assert ExitCode.USAGE == without.exit_code
    assert "JC-RE-MIX has no reference price" in without.stderr
    prices = ("--reference-price", "JC-RE-MIX", "2000", "--reference-price", "JC-OTHER", "1000")
    assert 10 == len(cli_json("admin", "instruments", "create-set", "tokyo", *prices))
    rows = {row["symbol"]: row for row in cli_json("admin", "instruments", "list")}
    assert ("JPY", "1", 1, "40000", "4000", "76000", 5, "XJPX") == tuple(
        rows["JC-BIOCHAR"][name]
        for name in (
            "currency",
            "tick",
            "lot",
            "reference_price",
            "lowest_price",
            "highest_price",
            "settlement_days",
            "calendar",
        )
    )
    assert ("2000", "3060") == (
        rows["JC-RE-MIX"]["reference_price"],
        rows["JC-RE-WOOD-BIOMASS"]["reference_price"],
    )
    assert [] == cli_json("admin", "instruments", "create-set", "tokyo", *prices)
    again = cli("admin", "instruments", "create-set", "tokyo")
    assert (0, "every instrument of the set is listed already\n") == (again.exit_code, again.stdout)


def test_a_set_of_ones_own(cli: Cli, cli_json: CliJson, tmp_path: Path) -> None:
    """Prices come from the option, the file or another instrument; what is wrong is said before anything is listed."""
    file = tmp_path / "set.toml"
    file.write_text(SET)
    stranger = cli("admin", "instruments", "create-set", str(file), "--reference-price", "TWO", "5")
    missing = cli("admin", "instruments", "create-set", str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text(SET.replace('tick = "1"', "tick = 1"))
    bad = cli("admin", "instruments", "create-set", str(tmp_path / "bad.toml"))
    assert [ExitCode.USAGE] * 3 == [result.exit_code for result in (stranger, missing, bad)]
    assert "TWO: not in this set" in stranger.stderr
    off_tick = cli("admin", "instruments", "create-set", str(file), "--reference-price", "NEW", "1.5")
    assert ExitCode.REFUSED == off_tick.exit_code
    assert [] == cli_json("admin", "instruments", "list")
    listed = cli(
        "admin", "instruments", "create-set", str(file), "--reference-price", "NEW", "7", "--reference-price", "ONE", "120"
    )  # fmt: skip
    assert ["listed ONE at 120 JPY", "listed SPLIT at 120 JPY", "listed NEW at 7 JPY"] == [
        line.partition(":")[0] for line in listed.stdout.splitlines()
    ]
