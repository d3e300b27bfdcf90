"""Events as bytes: JSON by msgspec, one form per kind and version, old forms lifted to the current one.

A field with its default value is left out. So a default, once events were written with it, is part of their version:
another default needs a new version, as another field does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from exchange.domain.events import EVENT_TYPES, Event

Fields = dict[str, Any]
Upcaster = Callable[[Fields], Fields]
"""A pure function from the fields of one version to those of the next."""

UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}
"""`(kind, version)` to what makes version + 1 of it. Every older version of every kind has one, for ever."""


class UnknownEvent(Exception):  # noqa: N818 - it says what was found in the log
    """An event that this program does not understand. Whoever reads the log stops here: to skip it is to be wrong."""

    def __init__(self, kind: str, version: int, why: str, *, is_newer: bool = False) -> None:
        super().__init__(f"event {kind} version {version}: {why}")
        self.kind = kind
        self.version = version
        self.is_newer = is_newer
        """Whether a newer program may have written it; otherwise it is damaged."""


class EventCodec:
    """Encodes and decodes a set of event types."""

    def __init__(self, types: Iterable[type[Event]], upcasters: Mapping[tuple[str, int], Upcaster]) -> None:
        self._types = {event_type.kind: event_type for event_type in types}
        self._upcasters = upcasters
        self._decoders: dict[tuple[str, int], Callable[[bytes], Event]] = {
            (kind, event_type.version): msgspec.json.Decoder(event_type).decode
            for kind, event_type in self._types.items()
        }
        for kind, event_type in self._types.items():
            for version in range(1, event_type.version):
                if (kind, version) not in upcasters:
                    raise ValueError(f"version {version} of {kind} has no upcaster")
        self.encode: Callable[[Event], bytes] = msgspec.json.Encoder().encode
        """The bytes of an event: the same event gives the same bytes everywhere."""

    def decode(self, kind: str, version: int, payload: bytes) -> Event:
        """The event, in its current form. Raises UnknownEvent unless kind, version and every field are known."""
        decoder = self._decoders.get((kind, version))
        try:
            return self._upcast(kind, version, payload) if decoder is None else decoder(payload)
        except msgspec.DecodeError as error:
            raise UnknownEvent(kind, version, f"the payload does not fit: {error}") from error

    def check_known(self, kind: str, version: int) -> None:
        """Raise UnknownEvent unless `decode` knows the kind and version: for readers that pass over some kinds."""
        if (kind, version) in self._decoders:
            return
        event_type = self._types.get(kind)
        if event_type is None:
            raise UnknownEvent(kind, version, "this program does not know the kind", is_newer=True)
        if not 1 <= version < event_type.version:
            why = f"this program knows versions 1 to {event_type.version}"
            raise UnknownEvent(kind, version, why, is_newer=version > event_type.version)

    def _upcast(self, kind: str, version: int, payload: bytes) -> Event:
        self.check_known(kind, version)
        event_type = self._types[kind]
        fields = msgspec.json.decode(payload, type=Fields)
        for old_version in range(version, event_type.version):
            fields = self._upcasters[kind, old_version](fields)
        return msgspec.convert(fields, event_type)


_CODEC = EventCodec(EVENT_TYPES, UPCASTERS)

encode = _CODEC.encode
decode = _CODEC.decode
check_known = _CODEC.check_known
