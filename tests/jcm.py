"""A market of the Joint Crediting Mechanism in tests: Parties, accounts in their registries, an approach, credit classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import commands
from exchange.domain.carbon.article6_forms import (
    Authorisation,
    AuthoriseOutcomes,
    CooperativeApproach,
    FirstTransfer,
    Mechanism,
    Purpose,
    RegisterApproach,
    ReportSafeguards,
)
from exchange.domain.carbon.party_forms import AssignParty, Party, RegisterParty
from exchange.domain.carbon.project_forms import Mitigation, Project, RegisterProject
from exchange.domain.identity import LOCAL_OPERATOR, Role
from exchange.domain.instruments import CreditClass, Instrument
from exchange.domain.serials import SerialBlock, own_batch
from tests.market import CASH, Market

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchange.domain.carbon.claim_forms import Claim
    from exchange.domain.commands import Command
    from exchange.domain.events import Event

MONGOLIA = Party("MNG", "Mongolia", "MN", "MNG01", 2021, 2030, jcm_order=1)
THAILAND = Party("THA", "Thailand", "TH", "THA01", 2021, 2030, jcm_order=16)
JAPAN = Party("JPN", "Japan", "JP", "JPN01", 2021, 2030)
APPROACH = CooperativeApproach("CA0001", "JCM Mongolia-Japan", Mechanism.JCM, ("MNG", "JPN"))
SOLAR = Project("EXC", "MN003", "Solar power at Darkhan", "MN", "Energy", mitigation=Mitigation.REDUCTION)
CLASS_2023 = CreditClass("EXC-MN003-2023", "EXC", "MN003", SOLAR.name, 2023, country="MN")
CLASS_2024 = CreditClass("EXC-MN003-2024", "EXC", "MN003", SOLAR.name, 2024, country="MN")
V23, V24 = CLASS_2023.class_id, CLASS_2024.class_id
INSTRUMENT = Instrument(
    symbol="JCM-MN",
    name="JCM credits of Mongolia",
    classes=(V23, V24),
    currency="EUR",
    tick=1,
    price_decimals=2,
    lot=1,
    minimum_quantity=1,
    maximum_quantity=1_000_000,
    reference_price_ticks=1000,
    band_ppm=500_000,
    maker_fee_ppm=0,
    taker_fee_ppm=0,
)
AUTHORISED_ON = "2026-11-20"
ACCOUNTS = {
    "mn": ("MN-ENERGY", "MNG"),
    "jp": ("JP-POWER", "JPN"),
    "jp-2": ("JP-STEEL", "JPN"),
    "th": ("TH-CEMENT", "THA"),
    "broker": ("BROKER", ""),
}
"""Accounts, their participants and whose Party these have."""


def authorisation(
    classes: tuple[str, ...] = (V23, V24),
    purposes: tuple[Purpose, ...] = (Purpose.NDC,),
    first_transfer: FirstTransfer | None = None,
    authorisation_id: str = "MN-1",
    **terms: object,
) -> Authorisation:
    """An authorisation by Mongolia."""
    return Authorisation(
        authorisation_id,
        APPROACH.approach_id,
        "MNG",
        purposes,
        classes,
        AUTHORISED_ON,
        first_transfer,
        **terms,  # type: ignore[arg-type]
    )


def units(first: int, last: int, class_id: str = V23) -> SerialBlock:
    """Serials of a class that the venue issued."""
    return SerialBlock("EXC", own_batch(class_id), first, last)


def opening_commands(public_keys: Mapping[str, str] | None = None) -> list[Command]:
    """The Parties, an approach, classes of one project, and an account with cash and a key for each of `ACCOUNTS`.

    `public_keys`: hexadecimal Ed25519 keys by account, where a test signs with them.
    """
    by = LOCAL_OPERATOR
    opening: list[Command] = [RegisterParty(by, party) for party in (JAPAN, MONGOLIA, THAILAND)]
    opening += [RegisterApproach(by, APPROACH), RegisterProject(by, SOLAR)]
    opening += [commands.RegisterClass(by, known) for known in (CLASS_2023, CLASS_2024)]
    opening.append(commands.ListInstrument(by, INSTRUMENT))
    for account, (participant, party_id) in ACCOUNTS.items():
        public_key = (public_keys or {}).get(account, "0f" * 32)
        opening += [
            commands.AdmitParticipant(by, participant, f"{participant} Ltd"),
            commands.OpenAccount(by, account, participant),
            commands.RegisterKey(by, f"{account}-key", participant, Role.TRADER, public_key),
            commands.DepositCash(by, account, "EUR", CASH, "opening-cash"),
        ]
        if party_id:
            opening.append(AssignParty(by, participant, party_id))
    return opening


class JcmMarket(Market):
    """A market with the Parties, an approach, classes of one project, and a trader for each account."""

    def __init__(self) -> None:
        super().__init__()
        for command in opening_commands():
            self.do(command)
        self.traders = {account: self.logged_on(f"{account}-key", account) for account in ACCOUNTS}
        self._references = 0

    def authorise(self, given: Authorisation | None = None) -> list[Event]:
        """Book an authorisation; by default of both classes for use towards an NDC."""
        return self.do(AuthoriseOutcomes(LOCAL_OPERATOR, given or authorisation()))

    def report_safeguards(self, *parties: str) -> None:
        """Let Parties report the safeguards of the approach."""
        for party in parties:
            self.do(
                ReportSafeguards(LOCAL_OPERATOR, party, APPROACH.approach_id, "2026-11-21", "Initial report")
            )

    def issue(self, *shares: tuple[str, int], class_id: str = V23) -> list[Event]:
        """Issue units to accounts, numbered in their order."""
        return self.do(commands.IssueShared(LOCAL_OPERATOR, class_id, shares, self.reference()))

    def trade(self, seller: str, buyer: str, quantity: int, class_id: str = V23, price: int = 1000) -> None:
        """Let an account sell units of a class to another one, on the book: the lowest serials."""
        deliver = ((class_id, quantity),)
        self.traders[seller].rest(
            self.traders[seller].sell(quantity, price, INSTRUMENT.symbol, deliver=deliver)
        )
        self.traders[buyer].place(self.traders[buyer].buy(quantity, price, INSTRUMENT.symbol))

    def retire(
        self, account: str, block: SerialBlock, claim: Claim | None = None, class_id: str = V23
    ) -> list[Event]:
        """Retire serials of a class."""
        trader = self.traders[account]
        return self.do(
            commands.Retire(
                trader.key_id,
                trader.session,
                account,
                "Acme",
                "test",
                self.reference(),
                blocks=((class_id, block),),
                claim=claim,
            )
        )

    def reference(self) -> str:
        """A reference that was not used yet."""
        self._references += 1
        return f"jcm-{self._references}"
