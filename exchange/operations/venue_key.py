"""The key that signs what the venue publishes, in its data folder: made once, when it is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exchange.log.signing import KeyUnusable, VenueKey
from exchange.operations.errors import ExitCode, OperationError

if TYPE_CHECKING:
    from pathlib import Path

    from exchange.operations.data_folder import DataFolder


def venue_key(folder: DataFolder) -> VenueKey:
    """The key of the exchange in this folder. Raises OperationError when there is no such folder, or the key cannot be used."""
    if not folder.path.is_dir():
        # A key in some other place would sign what nobody could trace to the venue.
        raise OperationError(
            f"the venue's signing key is in its data folder, and there is no {folder.path};"
            " --data-dir names another",
            ExitCode.NOT_AVAILABLE,
        )
    path = folder.venue_key_path()
    try:
        key, created = VenueKey.load_or_create(path)
    except KeyUnusable as error:
        raise OperationError(str(error), ExitCode.USAGE) from error
    except OSError as error:
        raise OperationError(
            f"cannot make the venue's key {path}: {error.strerror}", ExitCode.USAGE
        ) from error
    if created:
        click.echo(
            f"exchange: made the venue's signing key {path}: keep a copy, and publish its public half {key.public_hex}",
            err=True,
        )
    return key


def signing_key(path: Path) -> VenueKey:
    """The key of a file. Raises OperationError when it cannot be used."""
    try:
        return VenueKey.load(path)
    except KeyUnusable as error:
        raise OperationError(str(error), ExitCode.USAGE) from error
    except OSError as error:
        raise OperationError(f"cannot read the key {path}: {error.strerror}", ExitCode.USAGE) from error
