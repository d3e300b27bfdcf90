"""`exchange config`: what the settings are and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from exchange.operations.configuration import ENVIRONMENT_PREFIX, Origin
from exchange.operations.finding import without_password
from exchange.operations.options import exchange_options, json_option
from exchange.operations.output import print_json, print_table

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange


@click.group()
def config() -> None:
    """Show settings.

    Precedence: command line, environment (EXCHANGE_ and the name in capitals), file, default. The file is TOML: the one
    named by --config or EXCHANGE_CONFIG, else exchange.toml in the data folder.
    """


@config.command("show")
@json_option
@exchange_options
def show(exchange: Exchange, *, as_json: bool) -> None:
    """Print the effective settings and where each comes from.

    With --json: {"file": PATH or null, "settings": {NAME: {"value": ..., "origin": "command line" | "environment" | "file" |
    "default"}}}. Passwords are hidden.
    """
    configuration = exchange.configuration
    values: dict[str, Any] = {
        name: getattr(configuration.settings, name) for name in configuration.settings.__struct_fields__
    }
    values["dsn"] = without_password(values["dsn"])
    if as_json:
        print_json(
            {
                "file": configuration.file and str(configuration.file),
                "settings": {
                    name: {"value": value, "origin": configuration.origins[name]}
                    for name, value in values.items()
                },
            }
        )
        return
    print_table(
        ("setting", "value", "from"),
        (
            (name, value, _origin(name, configuration.origins[name], configuration.file))
            for name, value in values.items()
        ),
    )


def _origin(name: str, origin: Origin, file: object) -> str:
    if origin is Origin.ENVIRONMENT:
        return f"environment, {ENVIRONMENT_PREFIX}{name.upper()}"
    if origin is Origin.FILE:
        return f"file, {file}"
    return origin.value
