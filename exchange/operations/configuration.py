"""What the operator can choose, where each value comes from, and which one wins.

Precedence, highest first: command line, environment, file, default.

The file is TOML: the one named by `--config` or `EXCHANGE_CONFIG`, else `exchange.toml` in the data folder where there is one.
Its keys are the fields of `Settings`; a key it does not know is an error. The environment variable of a field is its name
in capitals after `EXCHANGE_`, such as `EXCHANGE_DATA_DIR`.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from exchange.operations.errors import ExitCode, OperationError

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT_PREFIX: Final = "EXCHANGE_"
FILE_NAME: Final = "exchange.toml"
_MOST_GATEWAYS: Final = 64
_DEFAULT_GATEWAYS: Final = 4


class Origin(StrEnum):
    """Where a value comes from, highest precedence first."""

    COMMAND_LINE = "command line"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Effective values, checked."""

    data_dir: str
    """Folder of the embedded server, keys, logs and the engine's socket."""
    dsn: str = ""
    """Postgres 15 or newer to use instead of the embedded one."""
    http: str = "127.0.0.1:8080"
    """HOST:PORT of HTTP and websocket; port 0 picks a free one."""
    fix: str = ""
    """HOST:PORT of FIX 4.4 for market makers; empty: none. Port 0 picks a free one."""
    fix_tls_certificate: str = ""
    """PEM file of the certificate for FIX over TLS; empty: without TLS."""
    fix_tls_key: str = ""
    """PEM file of its private key; empty: it stands in the certificate's file."""
    gateways: Annotated[int, msgspec.Meta(ge=0, le=_MOST_GATEWAYS)] = 0
    """Gateway processes; 0: the gateway runs in the engine's process."""
    venue_name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "Carbon Exchange"
    """Name of the venue, given to it at its first start."""
    snapshot_every_events: Annotated[int, msgspec.Meta(ge=100)] = 50_000
    """A snapshot of the state is saved each time the log has grown by so many events."""
    standby: bool = False
    """Whether to follow another exchange on the same database, and to take over when that one ends."""
    demo: bool = False
    """Whether the demo market runs."""
    demo_seed: int = 1
    """Start of the demo market's random numbers."""


class Configuration(msgspec.Struct, frozen=True):
    """Settings with the origin of each."""

    settings: Settings
    origins: dict[str, Origin]
    file: Path | None
    """The file that was read."""


def resolve(
    command_line: Mapping[str, object], environment: Mapping[str, str], config_file: str | None = None
) -> Configuration:
    """Finds the effective settings.

    `command_line` has the options that were given, by field name (None: not given). Raises OperationError for a value
    or a file that cannot be used.
    """
    given = {name: value for name, value in command_line.items() if value is not None}
    from_environment = {
        name: environment[variable]
        for name in Settings.__struct_fields__
        if environment.get(variable := ENVIRONMENT_PREFIX + name.upper())
    }
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}

    def take(source: Mapping[str, object], origin: Origin) -> None:
        for name, value in source.items():
            values[name] = value
            origins[name] = origin

    named = config_file or environment.get(ENVIRONMENT_PREFIX + "CONFIG")
    file = Path(named) if named else None
    if file is not None:
        take(_read(file), Origin.FILE)
    take(from_environment, Origin.ENVIRONMENT)
    take(given, Origin.COMMAND_LINE)
    if "data_dir" not in values:
        values["data_dir"] = str(default_data_dir(environment, str(values.get("dsn", ""))))
    values["data_dir"] = str(Path(str(values["data_dir"])).expanduser().absolute())
    if file is None and (in_data_dir := Path(values["data_dir"]) / FILE_NAME).is_file():
        file = in_data_dir
        found = _read(file)
        if "data_dir" in found:
            raise OperationError(f"{file}: data_dir makes no sense in the data folder itself", ExitCode.USAGE)
        take({name: value for name, value in found.items() if name not in origins}, Origin.FILE)
    values.setdefault("gateways", _default_gateways())
    settings = _checked(values, origins)
    return Configuration(
        settings,
        {name: origins.get(name, Origin.DEFAULT) for name in Settings.__struct_fields__},
        file,
    )


def default_data_dir(environment: Mapping[str, str], dsn: str = "") -> Path:
    """The user's folder for data of this program; a server of the operator's own has one for each address."""
    home = Path(environment.get("HOME") or Path.home())
    if sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    base /= "carbon-exchange"
    return base / f"server-{server_id(dsn)}" if dsn else base / "default"


def server_id(dsn: str) -> str:
    """A short name of a database: the same for the same hosts, port and database, whatever user and password."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    hosts = parts.netloc.rpartition("@")[2] or query.get("host", "")
    identity = f"{hosts} {query.get('port', '')} {parts.path}"
    return hashlib.sha256(identity.encode()).hexdigest()[:12]


def _default_gateways() -> int:
    """One process is quickest on two cores or fewer; above, gateways of their own leave the engine a core."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return 0 if cores <= 2 else min(_DEFAULT_GATEWAYS, cores - 1)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise OperationError(f"cannot read {file}: {error.strerror}", ExitCode.USAGE) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperationError(f"{file} is not TOML: {error}", ExitCode.USAGE) from error
    for name in found:
        if name not in Settings.__struct_fields__:
            known = ", ".join(Settings.__struct_fields__)
            raise OperationError(f"{file}: unknown key {name!r}; known are {known}", ExitCode.USAGE)
    return found


def _checked(values: Mapping[str, Any], origins: Mapping[str, Origin]) -> Settings:
    """Converts field by field, so that a complaint can name the origin. Text of the environment is read leniently."""
    converted: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        if field.name not in values:
            continue
        origin = origins.get(field.name, Origin.DEFAULT)
        try:
            converted[field.name] = msgspec.convert(
                values[field.name], field.type, strict=origin is not Origin.ENVIRONMENT
            )
        except msgspec.ValidationError as error:
            raise OperationError(f"{field.name} from {origin.value}: {error}", ExitCode.USAGE) from error
    return Settings(**converted)
