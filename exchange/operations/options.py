"""Options that commands share, and how a command runs."""

from __future__ import annotations

import asyncio
import functools
import os
from typing import TYPE_CHECKING, Any, TypeVar

import click

from exchange.operations.configuration import resolve
from exchange.operations.failures import explain
from exchange.operations.finding import Exchange
from exchange.operations.logs import print_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Result = TypeVar("Result")
CommandFunction = TypeVar("CommandFunction", bound="Callable[..., Any]")


def exchange_options(function: Callable[..., None]) -> Callable[..., None]:
    """Options that say which exchange is meant; the function gets it as its first argument.

    Further parameters of the function whose names are fields of `Settings` belong in `settings_options`.
    """
    return settings_options()(function)


def settings_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Like `exchange_options`, and takes the options named (fields of `Settings`) into the settings."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @click.option(
            "--dsn", metavar="DSN", help="Address of a Postgres to use instead of the embedded one."
        )
        @click.option(
            "--data-dir",
            metavar="DIR",
            help="Data folder of the exchange. Default: see `exchange config show`.",
        )
        @click.option(
            "--config",
            "config_file",
            metavar="FILE",
            help="TOML file with settings; see `exchange config --help`.",
        )
        @functools.wraps(function)
        def run(*, dsn: str | None, data_dir: str | None, config_file: str | None, **options: Any) -> None:
            print_warnings()
            given = {name: options.pop(name) for name in names}
            configuration = resolve({"dsn": dsn, "data_dir": data_dir, **given}, os.environ, config_file)
            function(Exchange(configuration), **options)

        return run

    return decorate


def json_option(function: CommandFunction) -> CommandFunction:
    """The option --json; the function gets `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")(function)


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs a command's coroutine; known errors become one sentence and an exit code."""
    try:
        return asyncio.run(work)
    except Exception as error:
        explained = explain(error)
        if explained is None or explained is error:
            raise
        raise explained from error
