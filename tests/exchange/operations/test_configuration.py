"""Settings: their precedence, their origins, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from exchange.operations.configuration import Origin, resolve, server_id
from exchange.operations.errors import ExitCode, OperationError


def write(folder: Path, text: str) -> Path:
    """Writes a configuration file."""
    file = folder / "exchange.toml"
    file.write_text(text)
    return file


def test_command_line_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    """Each source wins over those after it, and the origins tell which one it was."""
    write(tmp_path, 'http = "file:1"\nvenue_name = "from file"\ngateways = 3\n')
    environment = {"EXCHANGE_DATA_DIR": str(tmp_path), "EXCHANGE_HTTP": "env:2", "EXCHANGE_GATEWAYS": "2"}

    found = resolve({"http": "cli:3", "dsn": None}, environment)

    settings = found.settings
    assert ("cli:3", 2, "from file", 50_000) == (
        settings.http,
        settings.gateways,
        settings.venue_name,
        settings.snapshot_every_events,
    )
    assert {
        "data_dir": Origin.ENVIRONMENT,
        "dsn": Origin.DEFAULT,
        "http": Origin.COMMAND_LINE,
        "fix": Origin.DEFAULT,
        "fix_tls_certificate": Origin.DEFAULT,
        "fix_tls_key": Origin.DEFAULT,
        "gateways": Origin.ENVIRONMENT,
        "venue_name": Origin.FILE,
        "snapshot_every_events": Origin.DEFAULT,
        "standby": Origin.DEFAULT,
        "demo": Origin.DEFAULT,
        "demo_seed": Origin.DEFAULT,
    } == found.origins
    assert tmp_path / "exchange.toml" == found.file


def test_a_named_file_replaces_the_one_in_the_data_folder(tmp_path: Path) -> None:
    """With --config or EXCHANGE_CONFIG the file in the data folder is not read, and may be elsewhere."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    write(data_dir, "gateways = 7\n")
    named = write(tmp_path, f'data_dir = "{data_dir}"\ngateways = 5\n')

    for found in (
        resolve({}, {"HOME": "/nowhere"}, str(named)),
        resolve({}, {"EXCHANGE_CONFIG": str(named)}),
    ):
        assert (5, str(data_dir), named) == (found.settings.gateways, found.settings.data_dir, found.file)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('htpp = "127.0.0.1:1"\n', "unknown key 'htpp'"),
        ('gateways = "2"\n', "gateways from file"),
        ("gateways = -1\n", "gateways from file"),
        ("gateways = \n", "is not TOML"),
        ('data_dir = "/elsewhere"\n', "data_dir makes no sense in the data folder itself"),
    ],
)
def test_a_file_that_cannot_be_meant_is_an_error(tmp_path: Path, text: str, complaint: str) -> None:
    """A misspelt key, a wrong type, a value out of range: each is named, none is guessed at."""
    write(tmp_path, text)
    with pytest.raises(OperationError, match=complaint) as raised:
        resolve({"data_dir": str(tmp_path)}, {})
    assert ExitCode.USAGE == raised.value.exit_code


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    """A configuration file that was asked for and is missing is an error."""
    with pytest.raises(OperationError, match="cannot read"):
        resolve({}, {}, str(tmp_path / "missing.toml"))


def test_environment_text_is_read_as_the_type_of_the_setting() -> None:
    """Numbers and truth values come from text; other text is refused with the variable's setting named."""
    found = resolve({}, {"HOME": "/home/u", "EXCHANGE_DEMO": "true", "EXCHANGE_DEMO_SEED": "42"})
    assert (True, 42) == (found.settings.demo, found.settings.demo_seed)
    with pytest.raises(OperationError, match="demo_seed from environment"):
        resolve({}, {"HOME": "/home/u", "EXCHANGE_DEMO_SEED": "many"})


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"HOME": "/home/u"}, "/home/u/.local/share/carbon-exchange/default"),
        ("linux", {"HOME": "/home/u", "XDG_DATA_HOME": "/data"}, "/data/carbon-exchange/default"),
        ("darwin", {"HOME": "/Users/u"}, "/Users/u/Library/Application Support/carbon-exchange/default"),
    ],
)
def test_the_default_data_folder_is_the_users_own(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], expected: str
) -> None:
    """Without --data-dir everything lies where the system keeps a user's program data."""
    monkeypatch.setattr("exchange.operations.configuration.sys.platform", platform)
    monkeypatch.setattr("exchange.operations.configuration._default_gateways", lambda: 0)
    assert expected == resolve({}, environment).settings.data_dir


def test_a_server_of_ones_own_has_a_folder_of_its_own() -> None:
    """The folder depends on hosts, port and database; user and password may change."""
    plain = "postgresql://db.example:5432/exchange"
    others: list[Any] = [
        "postgresql://alice:secret@db.example:5432/exchange",
        "postgresql://db.example:5432/exchange?sslmode=require",
    ]
    assert {server_id(plain)} == {server_id(other) for other in others}
    assert server_id(plain) != server_id("postgresql://db.example:5432/other")
    data_dir = resolve({"dsn": plain}, {"HOME": "/home/u"}).settings.data_dir
    assert data_dir.endswith(f"/carbon-exchange/server-{server_id(plain)}")
