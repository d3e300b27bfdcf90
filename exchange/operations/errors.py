"""How commands end. Every exit code of the command `exchange` stands here."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from exchange.domain.rejects import RejectCode


class ExitCode(IntEnum):
    """What a script can tell from the end of a command; messages go to stderr."""

    DONE = 0
    FAILED = 1
    """Something that no other code names; a bug shows its traceback."""
    USAGE = 2
    """Wrong options, a wrong configuration file, a value that cannot be read."""
    REFUSED = 3
    """The venue refused; the message starts with the number and name of the reject code."""
    NOT_AVAILABLE = 4
    """No exchange or database there, or its engine cannot be reached from here."""
    ALREADY_RUNNING = 5
    """Another `exchange up` runs on the same data folder."""
    GAVE_UP = 6
    """A process of `exchange up` ended again and again."""
    LOG_UNUSABLE = 7
    """The log is damaged, its end was cut off, or a newer program wrote it; nothing was changed."""
    REGISTRY_DAMAGED = 8
    """The registry is not what the log says, or disagrees with the ledger; `exchange settle --rebuild` makes it anew."""


class OperationError(click.ClickException):
    """Ends a command with one sentence on stderr and an exit code."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        # click reads it from the instance; its stubs know a class variable only.
        self.exit_code = exit_code  # type: ignore[misc]

    def show(self, file: Any = None) -> None:
        """Print the message."""
        click.echo(f"exchange: {self.message}", file=file, err=True)


class Refused(OperationError):  # noqa: N818 - a refusal is an answer, not an error of ours
    """The venue said no."""

    def __init__(self, code: RejectCode, message: str) -> None:
        super().__init__(f"{code.value} {code.name}: {message}", ExitCode.REFUSED)
        self.code = code

    def show(self, file: Any = None) -> None:
        """Print the reject code and the reason."""
        click.echo(f"refused: {self.message}", file=file, err=True)
