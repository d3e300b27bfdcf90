"""The bases of what is asked and of what happened: how a command and an event are written."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class CommandForm(msgspec.Struct, frozen=True, omit_defaults=True, tag=True, tag_field="command"):
    """Base of all commands, tagged with the name of the command."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Base of all facts. `kind` and `version` name the form in the log."""

    kind: ClassVar[str]
    version: ClassVar[int] = 1
