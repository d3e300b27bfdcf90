"""Japanese credits: their codes, what their serials must look like, and the word for their use.

The register of Japan's credits writes three codes before the running numbers: scheme, credit type and number of the
certification (its page of codes names J-Credit, the Domestic Credit and J-VER, whose credits moved into it). Credits of the
Clean Development Mechanism (CER) come with the identifier of Kyoto units (Decision 13/CMP.1, annex).

All four are *invalidated* (無効化) when they are used: the term of the J-Credit scheme's rules and of the Ministry of the
Environment's guideline on carbon offsetting for "never to be sold or used again".
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exchange.domain.instruments import CreditClass
    from exchange.domain.serials import SerialBlock

J_CREDIT_REGISTRY = "J-CREDIT"
"""Holds J-Credits, Domestic Credits and J-VER."""
CDM_REGISTRY = "CDM"
"""Holds CER."""
INVALIDATED_REGISTRIES = (J_CREDIT_REGISTRY, CDM_REGISTRY)
"""Registries whose credits are invalidated, not retired."""


INVALIDATION = "invalidation (無効化)"
RETIREMENT = "retirement"


def term_of_use(registry: str) -> str:
    """What a registry calls it when credits are used for ever."""
    return INVALIDATION if registry in INVALIDATED_REGISTRIES else RETIREMENT


class Scheme(StrEnum):
    """The first code of a serial."""

    J_CREDIT = "JC"
    """Not usable for the Keidanren action plan, but for credit type FM."""
    J_CREDIT_KEIDANREN = "JCL"
    """Usable for it."""
    DOMESTIC_CREDIT = "KC"
    DOMESTIC_CREDIT_PROGRAMME = "KCP"
    J_VER = "JP"


CREDIT_TYPES: Mapping[Scheme, tuple[str, ...]] = {
    Scheme.J_CREDIT: ("ER", "FM"),
    Scheme.J_CREDIT_KEIDANREN: ("ERL",),
    Scheme.DOMESTIC_CREDIT: ("KC",),
    Scheme.DOMESTIC_CREDIT_PROGRAMME: ("KCP",),
    Scheme.J_VER: ("JRM", "KRM"),
}
"""The second codes that go with each first one."""

_CERTIFICATION = re.compile("0|[1-9][0-9]{0,8}")
_CDM_PROJECT = re.compile("[1-9][0-9]{0,8}")
_COMMITMENT_PERIODS = "[12]-[12]"


class CertificationCode(msgspec.Struct, frozen=True):
    """What a serial of the J-Credit register begins with, such as `JC-FM-1042`."""

    scheme: Scheme
    credit_type: str
    certification: str
    """Number of the certification: which project, certified when."""


def read_code(text: str) -> CertificationCode:
    """The code that a text is; raises Reject (JAPANESE_CODE_INVALID)."""
    scheme, _, rest = text.partition("-")
    credit_type, _, certification = rest.partition("-")
    if scheme not in Scheme.__members__.values():
        raise Reject(
            RejectCode.JAPANESE_CODE_INVALID,
            f"{text!r} does not begin with a scheme: {', '.join(known.value for known in Scheme)}",
        )
    known = CREDIT_TYPES[Scheme(scheme)]
    if credit_type not in known:
        raise Reject(
            RejectCode.JAPANESE_CODE_INVALID,
            f"{text!r}: credits of scheme {scheme} are of type {' or '.join(known)}",
        )
    if _CERTIFICATION.fullmatch(certification) is None:
        raise Reject(
            RejectCode.JAPANESE_CODE_INVALID, f"{text!r} does not end with the number of a certification"
        )
    return CertificationCode(Scheme(scheme), credit_type, certification)


def check_class(credit_class: CreditClass) -> None:
    """Refuse a class of a Japanese scheme or of the CDM whose codes could not be those of its credits."""
    if credit_class.registry == J_CREDIT_REGISTRY:
        read_code(credit_class.project)
        if credit_class.country != "JP":
            raise Reject(
                RejectCode.JAPANESE_CODE_INVALID, "credits of the J-Credit register have the country JP"
            )
    elif credit_class.registry == CDM_REGISTRY:
        if _CDM_PROJECT.fullmatch(credit_class.project) is None:
            raise Reject(RejectCode.JAPANESE_CODE_INVALID, "a CDM project is named by its number")
        if not credit_class.country:
            raise Reject(RejectCode.JAPANESE_CODE_INVALID, "a class of CER names its host country")


def check_serials(credit_class: CreditClass, blocks: Iterable[SerialBlock]) -> None:
    """Refuse serials whose codes say that they are of another class.

    Of the CDM only CER proper (unit type 5) are taken: temporary and long-term ones (types 6 and 7, Decision 5/CMP.1)
    expire and have to be replaced, which no class says.
    """
    if credit_class.registry == J_CREDIT_REGISTRY:
        form = re.compile(re.escape(f"{credit_class.project}-{{first}} to {{last}}"))
    elif credit_class.registry == CDM_REGISTRY:
        begin, end = (
            re.escape(f"{credit_class.country}-5-{{serial}}-"),
            re.escape(f"-0-{credit_class.project}"),
        )
        form = re.compile(begin + _COMMITMENT_PERIODS + end)
    else:
        return
    for block in blocks:
        if form.fullmatch(block.batch) is None:
            raise Reject(
                RejectCode.SERIALS_NOT_OF_CLASS,
                f"the codes of batch {block.batch} are not those of {credit_class.class_id}",
            )
