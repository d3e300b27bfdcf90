"""What the requests of all topics are made of: the texts and numbers in them, and the bases of parameters and frames."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

RequestId = Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[str, Meta(max_length=64)]
"""Chosen by the client; the answer carries it back."""

Identifier = Annotated[str, Meta(max_length=64)]
NewIdentifier = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=200)]
SerialText = Annotated[str, Meta(min_length=1, max_length=250)]
PriceText = Annotated[str, Meta(min_length=1, max_length=24)]
IsoDate = Annotated[str, Meta(max_length=10)]
Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Time = Annotated[int, Meta(ge=0, le=2**63 - 1)]
OrderId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""0: named by the client order id instead."""


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the parameters of a request."""


class NoParams(Params, frozen=True):
    """The method has no parameters."""


class Deliver(Params, frozen=True, gc=False):
    """Units of a credit class."""

    class_id: Identifier
    quantity: int


class NamedSerials(Params, frozen=True, gc=False):
    """A block of serial numbers of a class, as its registry writes it; of an unknown form `TEXT [FIRST to LAST]`."""

    class_id: Identifier
    serial: SerialText


class AccountParams(Params, frozen=True):
    """An account."""

    account: Identifier = ""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="method"):
    """Base of all frames that clients send. `result` is the type of the answer."""

    result: ClassVar[type[msgspec.Struct]]
    id: RequestId
