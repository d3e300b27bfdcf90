"""What a certificate says to people, in the same words on every kind of page."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from exchange.domain.carbon.claim_forms import ClaimKind
from exchange.domain.carbon.japan import RETIREMENT, term_of_use
from exchange.domain.instruments import Unit

if TYPE_CHECKING:
    from exchange.domain.carbon.claim_forms import Claim
    from exchange.registry.certificate import Certificate, SignedCertificate, UnitTotal

TITLE: Final = "Certificate of Retirement"
STATEMENT: Final = (
    "These carbon credits were taken out of circulation for ever. They cannot be sold, transferred or retired again,"
    " and nobody but the beneficiary may claim them."
)

_WORDS: Final = {
    Unit.TONNE: ("tonne of CO₂ equivalent", "tonnes of CO₂ equivalent"),
    Unit.KILOGRAM: ("kilogram of CO₂ equivalent", "kilograms of CO₂ equivalent"),
}
_SHOWN_TRADES: Final = 20
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def number(value: int) -> str:
    """With commas between thousands."""
    return f"{value:,}"


def amount(total: UnitTotal) -> str:
    """A total in words."""
    one, many = _WORDS[total.unit]
    return f"{number(total.quantity)} {one if total.quantity == 1 else many}"


def day(certificate: Certificate) -> str:
    """The date of the retirement, such as 23 November 2026."""
    try:
        at = datetime.fromisoformat(certificate.retired_at[:10])
    except ValueError:
        # A file that somebody made up may say anything; checking it goes on.
        return certificate.retired_at
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def claim(claimed: Claim) -> str:
    """What is claimed, in words."""
    if claimed.kind is ClaimKind.NDC:
        return f"Used towards the NDC of {claimed.party} for {claimed.year} (Paris Agreement, Article 6.2)"
    if claimed.period is not None:
        return f"Used under CORSIA for the compliance period {claimed.period.value}"
    if claimed.kind is ClaimKind.COMPENSATION:
        return "Compensation: offsets emissions of the beneficiary"
    return "Contribution to mitigation in the host country: offsets nothing"


def _forms_of_use(certificate: Certificate) -> list[tuple[str, str]]:
    """What the registries call it, where one of them has a word of its own for it."""
    terms = {line.registry: term_of_use(line.registry) for line in certificate.lines}
    if set(terms.values()) == {RETIREMENT}:
        return []
    return [("Form of use", ", ".join(f"{registry}: {term}" for registry, term in terms.items()))]


def facts(certificate: Certificate) -> list[tuple[str, str]]:
    """Names and values of what a buyer and an auditor look for."""
    told = [
        ("Retired on", f"{day(certificate)} ({certificate.retired_at})"),
        (
            "Retired by",
            f"{certificate.participant_name} ({certificate.participant}), account {certificate.account}",
        ),
        *_forms_of_use(certificate),
        *([("Claim", claim(certificate.claim))] if certificate.claim else []),
        ("Reference", certificate.reference),
        (
            "Serial numbers",
            f"chosen by the rule {certificate.rule}" if certificate.rule else "named by the holder",
        ),
    ]
    if certificate.order:
        trades = certificate.order.trades
        listed = ", ".join(map(str, trades[:_SHOWN_TRADES]))
        if len(trades) > _SHOWN_TRADES:
            listed += f" and {len(trades) - _SHOWN_TRADES} more"
        told.append(
            (
                "Bought and retired",
                f"order {certificate.order.order_id}, {'trade' if len(trades) == 1 else 'trades'} {listed}",
            )
        )
    return told


def evidence(signed: SignedCertificate) -> list[tuple[str, str]]:
    """Names and values of what proves the certificate."""
    certificate = signed.certificate
    proof = certificate.proof
    return [
        ("Event in the venue's log", f"{proof.event.seq}"),
        ("Hash of the event before", proof.previous_hash),
        ("Proved up to event", f"{proof.head.seq}"),
        ("Hash there", proof.head.hash),
        ("Venue's public key", certificate.public_key),
        ("Signature", signed.signature),
    ]


HOW_TO_CHECK: Final = (
    "This file carries the whole certificate as JSON, with the event of the retirement and the chain of hashes that leads"
    " from it to a published head of the venue's log. With the venue's published heads anybody can check it, offline:"
)
CHECK_COMMAND: Final = "exchange certificate verify FILE --heads HEADS.jsonl --public-key KEY"
